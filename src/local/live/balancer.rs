//! The balancer of one environment, and the group of instances behind a balancer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::body::Download;
use super::door::{Answer, Door, Entrance, Stage};
use super::forward::Hop;
use super::meter::Tally;
use super::rotation::Rotation;
use super::{headers, limits, own};
use crate::local::plane::Broken;
use crate::model::RequestCounts;

/// Instances that requests are passed on to, with what is counted of those that none of them answered.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) rotation: Arc<Rotation>,
    /// Answers of the balancer's own.
    own: Tally,
    /// Requests that an instance was chosen for and did not answer, and those of them without a connection.
    broken: AtomicU64,
    unconnected: AtomicU64,
}

/// Accepts connections and passes their requests on to the targets in service.
#[derive(Debug)]
pub(super) struct Balancer {
    door: Door,
    router: Arc<Router>,
}

#[derive(Debug)]
struct Router {
    group: Arc<Group>,
    idle_timeout_millis: AtomicU64,
}

impl Balancer {
    /// Begins to serve the listener.
    pub(super) fn open(listener: TcpListener, group: Arc<Group>, idle_timeout: Duration) -> io::Result<Self> {
        let router = Arc::new(Router {
            group,
            idle_timeout_millis: AtomicU64::new(millis(idle_timeout)),
        });
        let door = Door::open(listener, Arc::clone(&router))?;
        Ok(Self { door, router })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Holds for connections that are opened from now on.
    pub(super) fn set_idle_timeout(&self, idle_timeout: Duration) {
        self.router
            .idle_timeout_millis
            .store(millis(idle_timeout), Ordering::Relaxed);
    }

    pub(super) fn open_connections(&self) -> u64 {
        self.door.open_connections()
    }

    pub(super) fn go_on(&self, stage: Stage) {
        self.door.go_on(stage);
    }
}

pub(super) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Answer for Router {
    fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_millis.load(Ordering::Relaxed))
    }

    async fn answer(&self, request: Request<Incoming>, entrance: &Arc<Entrance>) -> Response<Download> {
        if let Some(status) = limits::refusal(&request) {
            return self.group.own_answer(status);
        }
        match self.group.serve(request, entrance).await {
            Ok(response) | Err(response) => response,
        }
    }

    fn too_late(&self) -> Option<Vec<u8>> {
        Some(self.group.too_late())
    }
}

impl Group {
    /// Passes a request on to the next instance.
    ///
    /// # Errors
    /// The balancer's own answer, when no instance gave one.
    pub(super) async fn serve(
        &self,
        mut request: Request<Incoming>,
        entrance: &Arc<Entrance>,
    ) -> Result<Response<Download>, Response<Download>> {
        let Some(seat) = self.rotation.take_seat() else {
            return Err(self.own_answer(StatusCode::SERVICE_UNAVAILABLE));
        };
        let origin = headers::origin(request.headers_mut(), entrance);
        headers::trace(request.headers_mut());
        let target = Arc::clone(&seat.0);
        let begun = Instant::now();
        let forwarded = target.upstream.forward(
            request,
            &target.authority,
            Hop::Application(origin),
            entrance,
            Box::new(seat),
        );
        match forwarded.await {
            Ok(response) => {
                target.meter.record(response.status().as_u16(), begun.elapsed());
                Ok(response)
            }
            Err(trouble) => {
                self.broken.fetch_add(1, Ordering::Relaxed);
                if trouble.is_of_connection() {
                    self.unconnected.fetch_add(1, Ordering::Relaxed);
                }
                Err(self.own_answer(trouble.status()))
            }
        }
    }

    /// Closes the window of the answers that no instance gave.
    pub(super) fn take_own_answers(&self) -> RequestCounts {
        self.own.take()
    }

    /// Closes the window of those among them that an instance was chosen for.
    pub(super) fn take_broken(&self) -> Broken {
        Broken {
            requests: self.broken.swap(0, Ordering::Relaxed),
            connections: self.unconnected.swap(0, Ordering::Relaxed),
        }
    }

    fn own_answer(&self, status: StatusCode) -> Response<Download> {
        self.own.count(status.as_u16());
        own::answer(status)
    }

    /// What a client is told that stopped in the middle of its headers.
    fn too_late(&self) -> Vec<u8> {
        let status = StatusCode::REQUEST_TIMEOUT;
        self.own.count(status.as_u16());
        own::last_words(status)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::super::rotation::Target;
    use super::*;

    #[tokio::test]
    async fn who_stalls_an_upload_is_told_so_and_nobody_else_is_blamed() {
        // Connections come about and nothing is said on them.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Arc::new(Target::new(silent.local_addr().unwrap(), Arc::default()));
        let group: Arc<Group> = Arc::default();
        group.rotation.add(&target);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let balancer = Balancer::open(listener, Arc::clone(&group), Duration::from_millis(150)).unwrap();
        for (body, status, own) in [
            ("orde", "408 Request Time-out", (1, 0)),
            ("order", "504 Gateway Time-out", (0, 1)),
            // Nothing else of its headers follows.
            ("\r\n\r\nGET / HTTP/1.1\r\nhost:", "408 Request Time-out", (1, 0)),
        ] {
            let mut client = TcpStream::connect(balancer.address()).await.unwrap();
            let request = match body.trim_start() {
                unfinished if unfinished.starts_with("GET") => unfinished.to_owned(),
                body => {
                    format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5\r\n\r\n{body}")
                }
            };
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
            let counts = group.take_own_answers();
            assert_eq!((counts.status_4xx, counts.status_5xx), own, "{body}");
            assert_eq!(group.take_broken().connections, 0);
        }
    }
}
