//! An entrance for clients that cannot ask the cloud's own name server.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::uri::Authority;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::body::Download;
use super::door::{Answer, Door, Entrance};
use super::forward::{Hop, Upstream, authority_of};
use super::headers::Origin;

/// The same as the balancers' default on AWS.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// More names than an account has environments; beyond it, what has expired is forgotten.
const MOST_NAMES: usize = 1024;

/// Takes requests for all names at one address: looks the `Host` header up, remembers the answer for its TTL as a browser or
/// CDN would, and passes the request on to that balancer. Dropping it closes it.
#[derive(Debug)]
pub struct Edge {
    door: Door,
}

impl Edge {
    /// Begins to serve the listener. `resolve` is given a host name in lower case, without port and final dot, and gives
    /// the address of a balancer and how long that may be remembered.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn serve<R>(listener: TcpListener, resolve: R) -> io::Result<Self>
    where
        R: Fn(&str) -> Option<(SocketAddr, Duration)> + Send + Sync + 'static,
    {
        let router = Router {
            resolve: Box::new(resolve),
            known: Mutex::default(),
            upstream: Upstream::new(),
        };
        let door = Door::open(listener, Arc::new(router))?;
        Ok(Self { door })
    }

    /// Where it accepts connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }
}

type Resolve = dyn Fn(&str) -> Option<(SocketAddr, Duration)> + Send + Sync;

struct Router {
    resolve: Box<Resolve>,
    known: Mutex<BTreeMap<String, (Authority, Instant)>>,
    upstream: Upstream,
}

impl Router {
    fn look_up(&self, host: &str) -> Option<Authority> {
        let now = Instant::now();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((authority, _)) = known.get(host).filter(|(_, until)| now < *until) {
                return Some(authority.clone());
            }
        }
        // Not under the lock: the resolver is somebody else's code.
        let (address, time_to_live) = (self.resolve)(host)?;
        let authority = authority_of(address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_NAMES {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() < MOST_NAMES {
            known.insert(host.to_owned(), (authority.clone(), now + time_to_live));
        }
        Some(authority)
    }
}

/// The name that a request is for: of the URI if it is there in full, else of the `Host` header.
fn host_of(request: &Request<Incoming>) -> Option<String> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => request.headers().get(HOST)?.to_str().ok()?.parse().ok()?,
    };
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

impl Answer for Router {
    fn idle_timeout(&self) -> Duration {
        IDLE_TIMEOUT
    }

    async fn answer(&self, request: Request<Incoming>, entrance: &Arc<Entrance>) -> Response<Download> {
        let Some(to) = host_of(&request).and_then(|host| self.look_up(&host)) else {
            return own_answer(
                StatusCode::NOT_FOUND,
                "No environment of this cloud has the name in the Host header.\n",
            );
        };
        let hop = Hop::Balancer(Origin::of(entrance));
        match self.upstream.forward(request, &to, hop, entrance, Box::new(())).await {
            Ok(response) => response,
            Err(trouble) => own_answer(
                trouble.status(),
                "The balancer behind this name did not answer. Its environment may be gone.\n",
            ),
        }
    }
}

fn own_answer(status: StatusCode, text: &'static str) -> Response<Download> {
    let mut response = Response::new(Download::own(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
