//! Accepting connections and serving HTTP/1.1 on them: shared by the balancer and the edge.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::body::Download;
use super::limits::MOST_HEADERS;
use super::patience::Patient;

/// Pause after an error of the listener itself (no file descriptors left), which would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How far a door is on its way to be closed. Only ever goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Serving.
    Open,
    /// Serving, but each answer asks its client to come back on another connection.
    Leaving,
    /// No new connections; those that are open end with their current request.
    Finishing,
    /// Everything is dropped.
    Cut,
}

/// What answers requests behind a door.
pub(super) trait Answer: Send + Sync + 'static {
    /// After which idle connections are closed; asked for each new connection.
    fn idle_timeout(&self) -> Duration;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
        entrance: &Arc<Entrance>,
    ) -> impl Future<Output = Response<Download>> + Send;

    /// What a client is told that stopped in the middle of its headers, after it was counted; `None` to say nothing.
    fn too_late(&self) -> Option<Vec<u8>> {
        None
    }
}

/// One connection of a client.
#[derive(Debug)]
pub(super) struct Entrance {
    /// The client's address.
    pub(super) client: SocketAddr,
    /// The port it came to.
    pub(super) port: u16,
    /// After which the connection and requests on it are given up.
    pub(super) idle_timeout: Duration,
    stage: watch::Receiver<Stage>,
    open: Arc<AtomicU64>,
}

impl Entrance {
    /// Waits until everything is dropped.
    pub(super) async fn cut(&self) {
        reach(&mut self.stage.clone(), Stage::Cut).await;
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A listener that is being served. Dropping it cuts all its connections.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    stage: watch::Sender<Stage>,
    open: Arc<AtomicU64>,
}

impl Door {
    /// Begins to serve the listener.
    pub(super) fn open(listener: TcpListener, answer: Arc<impl Answer>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stage, seen) = watch::channel(Stage::Open);
        let open = Arc::new(AtomicU64::new(0));
        tokio::spawn(accept(listener, answer, address.port(), seen, Arc::clone(&open)));
        Ok(Self { address, stage, open })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections of clients, tunnels included.
    pub(super) fn open_connections(&self) -> u64 {
        self.open.load(Ordering::Acquire)
    }

    /// Goes on to that stage.
    pub(super) fn go_on(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let later = *stage < to;
            *stage = (*stage).max(to);
            later
        });
    }
}

async fn accept(
    listener: TcpListener,
    answer: Arc<impl Answer>,
    port: u16,
    mut stage: watch::Receiver<Stage>,
    open: Arc<AtomicU64>,
) {
    let welcome = |stream: TcpStream, client: SocketAddr, stage: &watch::Receiver<Stage>| {
        open.fetch_add(1, Ordering::AcqRel);
        let entrance = Arc::new(Entrance {
            client,
            port,
            idle_timeout: answer.idle_timeout(),
            stage: stage.clone(),
            open: Arc::clone(&open),
        });
        tokio::spawn(serve(stream, entrance, Arc::clone(&answer)));
    };
    loop {
        let accepted = tokio::select! {
            _ = reach(&mut stage, Stage::Finishing) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => welcome(stream, client, &stage),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, port, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who has been let in by the operating system already would see a reset: they get an answer.
    while let Some(Ok((stream, client))) = listener.accept().now_or_never() {
        welcome(stream, client, &stage);
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

async fn serve(stream: TcpStream, entrance: Arc<Entrance>, answer: Arc<impl Answer>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a client was gone at once");
        return;
    }
    let mut stage = entrance.stage.clone();
    let service = service_fn(|request| {
        let (answer, entrance) = (Arc::clone(&answer), Arc::clone(&entrance));
        async move {
            let mut response = answer.answer(request, &entrance).await;
            let upgraded = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
            if !upgraded && *entrance.stage.borrow() >= Stage::Leaving {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(entrance.idle_timeout)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream, entrance.idle_timeout)), service)
        .with_upgrades();
    let mut finishing = false;
    loop {
        let wanted = if finishing { Stage::Cut } else { Stage::Finishing };
        tokio::select! {
            ended = &mut connection => {
                let Err(error) = ended else { return };
                tracing::debug!(%error, "a client's connection broke");
                if error.is_timeout() {
                    break;
                }
                return;
            }
            reached = reach(&mut stage, wanted) => {
                if reached == Stage::Cut {
                    return;
                }
                finishing = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    // Nobody who has said nothing at all is told anything.
    if let Some(parts) = connection.into_parts()
        && !parts.read_buf.is_empty()
        && let Some(words) = answer.too_late()
    {
        let mut stream = parts.io.into_inner();
        if let Err(error) = stream.write_all(&words).await {
            tracing::debug!(%error, "a client that was too late was gone");
        }
    }
}

/// Waits for that stage and tells which one it is by then; a door that is gone is cut.
async fn reach(stage: &mut watch::Receiver<Stage>, wanted: Stage) -> Stage {
    stage
        .wait_for(|stage| *stage >= wanted)
        .await
        .map_or(Stage::Cut, |stage| *stage)
}
