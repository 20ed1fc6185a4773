//! The sample application that rehearsals deploy: a small shop whose version and faults are data in its bundle.
//!
//! It does what an application must do to be replaced while it serves: keep-alive, a health check, and a graceful end on
//! SIGTERM. When told to, it turns bad under traffic in a way that its health check does not see.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Cursor, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use live::Lives;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The settings file in the bundle.
const SETTINGS_FILE: &str = "app.json";

/// How the bundle starts the application; `CUTOVER_BIN` is a property of the environment.
const PROCFILE: &str = "web: \"$CUTOVER_BIN\" sample-app\n";

/// The path of a WebSocket that sends back what it is sent.
pub(super) const LIVE: &str = "/live";
/// The path of a download that takes its time.
pub(super) const EXPORT: &str = "/api/export";
/// How long it takes.
pub(super) const EXPORT_TAKES: Duration = Duration::from_secs(10);
/// It comes in so many parts.
const EXPORT_PARTS: u32 = 50;

/// After so many requests the instance falls sick that is to: more than the checks before traffic.
const SICK_AFTER: u64 = 20;

/// How long requests in flight may go on after SIGTERM.
const GRACE: Duration = Duration::from_secs(30);

/// `app.json`: which version this is, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    version: String,
    #[serde(default)]
    faults: Faults,
}

/// What is wrong with a version, if anything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// It turns bad under traffic.
    pub turns_bad: Option<TurnsBad>,
    /// How much later it answers, in milliseconds.
    pub later_ms: u64,
    /// A file. As long as it is there, the database is down, and two of five requests fail.
    pub database_down: Option<PathBuf>,
    /// A file. The instance that makes it falls sick after some requests, and then two of five fail; the others stay well.
    pub sick_instance: Option<PathBuf>,
}

/// A leak: after some requests a growing share of them finds no free connection to the database.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnsBad {
    /// How many requests are answered well before anything shows.
    pub after_requests: u64,
    /// The share of requests that fails in the end, from 0 to 1.
    pub error_share: f64,
    /// Over how many requests the share grows from nothing to that.
    pub grows_over_requests: u64,
}

impl TurnsBad {
    /// How many of the first `requests` requests have failed.
    ///
    /// The integral of the growing share, so that failures come evenly and the same in every run.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
    fn failed_of(&self, requests: u64) -> f64 {
        let bad = requests.saturating_sub(self.after_requests) as f64;
        let growth = self.grows_over_requests as f64;
        let failed = if bad < growth {
            bad * bad / (2.0 * growth)
        } else {
            bad - growth / 2.0
        };
        (failed * self.error_share.clamp(0.0, 1.0)).floor()
    }

    /// Whether the request of this number, from 1, fails.
    fn fails(&self, number: u64) -> bool {
        self.failed_of(number) > self.failed_of(number.saturating_sub(1))
    }
}

/// A bundle of the sample application: always the same bytes for the same arguments.
#[must_use]
pub fn bundle(version: &str, faults: Faults) -> Vec<u8> {
    let settings = Settings {
        version: version.to_owned(),
        faults,
    };
    let write = || -> io::Result<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        // Neither the time nor the compressor's version may show in the bytes.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        zip.start_file(SETTINGS_FILE, options)?;
        zip.write_all(&serde_json::to_vec_pretty(&settings)?)?;
        zip.start_file("Procfile", options)?;
        zip.write_all(PROCFILE.as_bytes())?;
        Ok(zip.finish()?.into_inner())
    };
    write().expect("writing two small files into memory cannot fail")
}

/// Serves the application in this folder on a port of 127.0.0.1 until SIGTERM or Ctrl-C, then finishes what is in flight.
///
/// # Errors
///
/// When `app.json` cannot be read, or the port is taken.
pub async fn serve(port: u16, folder: &Path) -> io::Result<()> {
    let application = Arc::new(Application::read(folder, log)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let text = format!("the sample application cannot listen on port {port} of 127.0.0.1: {error}");
        io::Error::new(error.kind(), text)
    })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    serve_on(listener, application, stop).await;
    Ok(())
}

/// Writes a line to the application's own log, which its platform collects from standard output.
fn log(line: &str) {
    // An application whose log is gone goes on.
    let _ = writeln!(io::stdout(), "{line}");
}

/// The running application.
struct Application {
    settings: Settings,
    version_header: HeaderValue,
    /// Whether this is the one that falls sick.
    is_sick: bool,
    /// Requests so far, without those for the health check.
    requests: AtomicU64,
    lives: Lives,
    log: fn(&str),
}

impl Application {
    fn read(folder: &Path, log: fn(&str)) -> io::Result<Self> {
        let path = folder.join(SETTINGS_FILE);
        let problem = |kind, text: &dyn std::fmt::Display| {
            io::Error::new(
                kind,
                format!("the sample application's settings {}: {text}", path.display()),
            )
        };
        let text = std::fs::read(&path).map_err(|error| problem(error.kind(), &error))?;
        let settings: Settings =
            serde_json::from_slice(&text).map_err(|error| problem(io::ErrorKind::InvalidData, &error))?;
        let version_header = HeaderValue::from_str(&settings.version).map_err(|_| {
            problem(
                io::ErrorKind::InvalidData,
                &"the version has characters that a header cannot carry",
            )
        })?;
        // Of all that try, one can make it.
        let mark = settings.faults.sick_instance.as_ref();
        let is_sick = mark.is_some_and(|mark| std::fs::File::create_new(mark).is_ok());
        Ok(Self {
            settings,
            is_sick,
            version_header,
            requests: AtomicU64::new(0),
            lives: Lives::new(),
            log,
        })
    }

    async fn serve(&self, request: Request<Incoming>) -> Response<Body> {
        match request.uri().path() {
            LIVE => self.lives.accept(request).map(whole),
            path => self.answer(path).await,
        }
    }

    async fn answer(&self, path: &str) -> Response<Body> {
        let mut response = match path {
            // Stays so when the application has turned bad: this check looks only at the process.
            "/health" => page(StatusCode::OK, "ok\n".to_owned()).map(whole),
            EXPORT => Response::new(export()),
            _ => self.page(path).await.map(whole),
        };
        response
            .headers_mut()
            .insert("x-app-version", self.version_header.clone());
        response
    }

    async fn page(&self, path: &str) -> Response<Full<Bytes>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let Faults {
            turns_bad,
            later_ms,
            database_down,
            sick_instance: _,
        } = &self.settings.faults;
        if *later_ms > 0 {
            tokio::time::sleep(Duration::from_millis(*later_ms)).await;
        }
        if number % 5 < 2 && database_down.as_ref().is_some_and(|mark| mark.exists()) {
            (self.log)(&format!("ERROR request {number} for {path}: the database is down"));
            return json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &serde_json::json!({ "error": "the database is down" }),
            );
        }
        if self.is_sick && number > SICK_AFTER && number % 5 < 2 {
            (self.log)(&format!(
                "ERROR request {number} for {path}: the disk of this machine is full"
            ));
            return json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &serde_json::json!({ "error": "no space left on device" }),
            );
        }
        if turns_bad.is_some_and(|turns_bad| turns_bad.fails(number)) {
            (self.log)(&format!(
                "ERROR request {number} for {path}: connection pool exhausted: no connection to the database was free \
                 within 250 ms"
            ));
            return json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &serde_json::json!({ "error": "connection pool exhausted" }),
            );
        }
        match path {
            "/" => page(
                StatusCode::OK,
                format!("The cutover sample shop, version {}\n", self.settings.version),
            ),
            "/api/orders" => {
                // The work of a query, from 2 to 6 ms.
                tokio::time::sleep(Duration::from_millis(2 + number % 5)).await;
                let orders: Vec<_> = (1..=3)
                    .map(|order| serde_json::json!({ "id": number * 10 + order, "state": "paid" }))
                    .collect();
                json(
                    StatusCode::OK,
                    &serde_json::json!({ "version": self.settings.version, "orders": orders }),
                )
            }
            _ => page(StatusCode::NOT_FOUND, "There is nothing here.\n".to_owned()),
        }
    }
}

/// What answers are made of.
type Body = BoxBody<Bytes, Infallible>;

fn whole(content: Full<Bytes>) -> Body {
    content.boxed()
}

/// A download: its parts come one after the other, as fast as they are made.
fn export() -> Body {
    let parts = stream::unfold(0, |part| async move {
        if part == EXPORT_PARTS {
            return None;
        }
        tokio::time::sleep(EXPORT_TAKES / EXPORT_PARTS).await;
        let line = Bytes::from(format!("order {part}; paid\n"));
        Some((Ok::<_, Infallible>(Frame::data(line)), part + 1))
    });
    StreamBody::new(parts).boxed()
}

fn page(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = page(status, value.to_string());
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn serve_on(listener: TcpListener, application: Arc<Application>, stop: impl Future<Output = ()>) {
    let log = application.log;
    log(&format!("version {} is up", application.settings.version));
    let connections = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely; some come back when connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Only a matter of speed; a socket without this option still works.
        let _ = stream.set_nodelay(true);
        let application = Arc::clone(&application);
        let service = service_fn(move |request: Request<Incoming>| {
            let application = Arc::clone(&application);
            async move { Ok::<_, Infallible>(application.serve(request).await) }
        });
        let connection = auto::Builder::new(TokioExecutor::new())
            .http1_only()
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .into_owned();
        // A client that goes away within its request is no concern of the application.
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
    drop(listener);
    let gone = async { tokio::join!(connections.shutdown(), application.lives.end()) };
    let finished = tokio::time::timeout(GRACE, gone).await.is_ok();
    log(if finished {
        "stopped after the last answer"
    } else {
        "stopped with requests in flight: they took too long"
    });
}

mod live;
#[cfg(test)]
mod tests;
