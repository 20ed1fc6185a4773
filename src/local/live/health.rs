//! Health checks of the balancer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::local::balancers::FailedCheck;
use crate::local::plane::{BalancerSettings, Sickness};

/// Until a new instance has answered once it is asked more often than the interval says, so that a release on loopback does
/// not wait for minutes that only a real machine's boot needs.
const FIRST_INTERVAL: Duration = Duration::from_millis(100);

/// What a health check changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Healthy,
    /// With the reason.
    Unhealthy(Sickness),
}

/// Counts answers in a row. An instance that is new needs one success; one that became unhealthy needs the threshold.
#[derive(Debug, Default)]
pub(super) struct Row {
    state: Option<bool>,
    successes: u32,
    failures: u32,
}

impl Row {
    /// The new verdict, if this answer changes it.
    pub(super) fn note(&mut self, answer: Result<(), Sickness>, settings: &BalancerSettings) -> Option<Verdict> {
        match answer {
            Ok(()) => {
                self.failures = 0;
                self.successes += 1;
                let needed = if self.state == Some(false) {
                    settings.healthy_threshold
                } else {
                    1
                };
                let changes = self.state != Some(true) && self.successes >= needed;
                changes.then(|| {
                    self.state = Some(true);
                    Verdict::Healthy
                })
            }
            Err(why) => {
                self.successes = 0;
                self.failures += 1;
                let changes = self.state != Some(false) && self.failures >= settings.unhealthy_threshold.max(1);
                changes.then(|| {
                    self.state = Some(false);
                    Verdict::Unhealthy(why)
                })
            }
        }
    }
}

/// Asks again and again, and reports each change. `settings` is asked before each check, `None` ends it.
pub(super) async fn watch(
    address: SocketAddr,
    settings: impl Fn() -> Option<BalancerSettings>,
    report: impl Fn(Verdict),
) {
    let mut row = Row::default();
    let mut counted: Option<Instant> = None;
    while let Some(settings) = settings() {
        let begun = Instant::now();
        let answer = check(address, &settings).await;
        // Of the frequent first checks, failures count only once per interval.
        let due = counted.is_none_or(|last| last + settings.health_check_interval <= begun);
        if answer.is_ok() || due || row.state.is_some() {
            counted = Some(begun);
            if let Some(verdict) = row.note(answer, &settings) {
                report(verdict);
            }
        }
        let interval = match row.state {
            None => settings.health_check_interval.min(FIRST_INTERVAL),
            Some(_) => settings.health_check_interval,
        };
        tokio::time::sleep_until(begun + interval.max(Duration::from_millis(10))).await;
    }
}

/// One check on a connection of its own.
async fn check(address: SocketAddr, settings: &BalancerSettings) -> Result<(), Sickness> {
    let path = &settings.health_check_path;
    if path.is_empty() {
        return connect(address, settings.health_check_timeout).await;
    }
    let status = tokio::time::timeout(settings.health_check_timeout, ask(address, path))
        .await
        .map_err(|_| {
            let seconds = settings.health_check_timeout.as_secs_f64();
            let why = format!("the health check GET {path} was not answered within {seconds} s");
            Sickness::new(FailedCheck::TimedOut, why)
        })?
        .map_err(|error| {
            let why = format!("the health check GET {path} failed: {error}");
            Sickness::new(FailedCheck::Broken, why)
        })?;
    if matches(&settings.matcher, status.as_u16()) {
        return Ok(());
    }
    let (status, matcher) = (status.as_u16(), &settings.matcher);
    let why = format!("the health check GET {path} was answered with {status}, not with {matcher}");
    Err(Sickness::new(FailedCheck::Answered(status), why))
}

/// Whether a connection comes about, which is all that a check without a path asks for.
async fn connect(address: SocketAddr, limit: Duration) -> Result<(), Sickness> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let why = format!("the health check could not connect: {error}");
            Err(Sickness::new(FailedCheck::Broken, why))
        }
        Err(_) => {
            let why = format!("the health check did not connect within {} s", limit.as_secs_f64());
            Err(Sickness::new(FailedCheck::TimedOut, why))
        }
    }
}

async fn ask(address: SocketAddr, path: &str) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let uri: Uri = path.parse()?;
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(address.to_string())?);
    headers.insert(USER_AGENT, HeaderValue::from_static("ELB-HealthChecker/2.0"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut connection = Box::pin(connection);
    let mut answer = Box::pin(sender.send_request(request));
    tokio::select! {
        answer = &mut answer => Ok(answer?.status()),
        ended = &mut connection => {
            ended?;
            Ok(answer.await?.status())
        }
    }
}

/// Whether a status is in a list such as `200,301-304`.
fn matches(matcher: &str, status: u16) -> bool {
    matcher.split(',').any(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let bound = |text: &str| text.trim().parse::<u16>().ok();
        matches!((bound(from), bound(to)), (Some(from), Some(to)) if (from..=to).contains(&status))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> BalancerSettings {
        BalancerSettings {
            health_check_path: "/health".into(),
            matcher: "200".into(),
            health_check_interval: Duration::from_millis(10),
            health_check_timeout: Duration::from_millis(200),
            healthy_threshold: 3,
            unhealthy_threshold: 2,
            deregistration_delay: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(60),
        }
    }

    #[test]
    fn matchers_are_lists_of_ranges() {
        for (matcher, status, wanted) in [
            ("200", 200, true),
            ("200", 201, false),
            ("200-399", 302, true),
            ("200-399", 400, false),
            ("200, 404", 404, true),
            ("200,300-302", 301, true),
            ("nonsense", 200, false),
            ("", 200, false),
        ] {
            assert_eq!(matches(matcher, status), wanted, "{matcher:?} {status}");
        }
    }

    #[test]
    fn a_new_instance_needs_one_success_and_a_sick_one_more() {
        let settings = settings();
        let bad = || Err(Sickness::new(FailedCheck::Broken, "bad"));
        let sick = bad().err().map(Verdict::Unhealthy);
        let mut row = Row::default();
        assert_eq!(row.note(bad(), &settings), None);
        assert_eq!(row.note(Ok(()), &settings), Some(Verdict::Healthy));
        assert_eq!(row.note(bad(), &settings), None);
        assert_eq!(row.note(Ok(()), &settings), None);
        assert_eq!(row.note(bad(), &settings), None);
        assert_eq!(row.note(bad(), &settings), sick);
        assert_eq!(row.note(bad(), &settings), None);
        assert_eq!(row.note(Ok(()), &settings), None);
        assert_eq!(row.note(Ok(()), &settings), None);
        assert_eq!(row.note(Ok(()), &settings), Some(Verdict::Healthy));
    }

    #[tokio::test]
    async fn the_reason_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            for status in ["500 No", "200 OK"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 1024];
                let length = stream.read(&mut buffer).await.unwrap();
                assert!(buffer[..length].starts_with(b"GET /health HTTP/1.1\r\n"));
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            // The third is accepted and never answered.
            let _open = listener.accept().await;
            std::future::pending::<()>().await;
        });
        let settings = settings();
        let error = check(address, &settings).await.unwrap_err();
        assert_eq!(error.check, FailedCheck::Answered(500));
        assert!(error.text.contains("answered with 500, not with 200"), "{error:?}");
        check(address, &settings).await.unwrap();
        let error = check(address, &settings).await.unwrap_err();
        assert_eq!(error.check, FailedCheck::TimedOut);
        assert!(error.text.contains("not answered within 0.2 s"), "{error:?}");
    }

    #[tokio::test]
    async fn without_a_path_a_connection_is_enough() {
        // It is accepted by the operating system, and nobody ever answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let settings = BalancerSettings {
            health_check_path: String::new(),
            ..settings()
        };
        check(address, &settings).await.unwrap();
        drop(silent);
        let error = check(address, &settings).await.unwrap_err();
        assert_eq!(error.check, FailedCheck::Broken);
        assert!(error.text.contains("could not connect"), "{error:?}");
    }
}
