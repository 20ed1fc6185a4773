//! Passing one request on to an application (or to another proxy) and its answer back.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::activity::Activity;
use super::body::{Download, Held, Upload};
use super::door::Entrance;
use super::headers::{self, Origin};
use super::limits::{self, MOST_HEADERS};
use super::tunnel;
use super::wire::{Connector, Used};

/// Shorter than the keep-alive of common application servers (Gunicorn 2 s, Node 5 s), so that it is this side that closes
/// an idle connection and no request meets one that is just being closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How often a request may meet connections that the application has just closed.
const ATTEMPTS: u32 = 4;

/// Why there is no answer of the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The request cannot be passed on as it stands.
    BadRequest,
    /// The client stopped in the middle of its request.
    Stalled,
    /// The application accepts no connection.
    Refused,
    /// The application accepted no connection in time.
    NotConnected,
    /// The connection was cut, or what came back is no answer.
    Broken,
    /// Nothing came back in time.
    TimedOut,
}

impl Trouble {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Refused | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::NotConnected | Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether no connection came about.
    pub(super) fn is_of_connection(self) -> bool {
        match self {
            Self::Refused | Self::NotConnected => true,
            Self::BadRequest | Self::Stalled | Self::Broken | Self::TimedOut => false,
        }
    }
}

/// Where a request goes next, which says who is told where it comes from, and how.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hop {
    /// To an application, in the headers that a load balancer adds.
    Application(Origin),
    /// To a balancer, which will tell the application.
    Balancer(Origin),
}

/// Connections to applications, kept alive between requests.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    client: Client<Connector, Upload>,
    /// For requests that cannot be sent again: each has a connection of its own. An application may close a kept one in the moment when
    /// the next request comes, above all one that has answered before it had read the body of the request before.
    once: Client<Connector, Upload>,
}

impl Upstream {
    pub(super) fn new() -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .retry_canceled_requests(true)
            .http1_max_headers(MOST_HEADERS);
        Self {
            client: builder.build(Connector),
            once: builder.pool_max_idle_per_host(0).build(Connector),
        }
    }

    /// Sends the request to that address and gives its answer. `hold` is kept until the answer's body (or the tunnel, when
    /// the protocol changes) has ended.
    pub(super) async fn forward(
        &self,
        mut request: Request<Incoming>,
        to: &Authority,
        hop: Hop,
        entrance: &Arc<Entrance>,
        hold: Box<dyn Held>,
    ) -> Result<Response<Download>, Trouble> {
        let upgrade = headers::wanted_upgrade(request.headers());
        let client_side = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let mut parts = prepare(parts, to, hop, upgrade.as_ref())?;
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            headers::set_chunked(&mut parts.headers);
        }
        let activity = Arc::new(Activity::now());
        // Repeating it changes nothing and needs no body: safe to send again (RFC 9110, section 9.2.2).
        let repeatable = body.is_end_stream()
            && upgrade.is_none()
            && matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let body = if body.is_end_stream() {
            Upload::Empty
        } else {
            Upload::Streamed(body, Arc::clone(&activity))
        };
        let answering = async {
            if repeatable {
                self.send_repeatedly(parts).await
            } else {
                self.once
                    .request(Request::from_parts(parts, body))
                    .await
                    .map_err(|error| trouble_of(&error))
            }
        };
        let mut answer = activity
            .limit(entrance.idle_timeout, answering)
            .await
            .ok_or_else(|| out_of_time(&activity))??;
        if let Some(used) = answer.extensions_mut().remove::<Used>() {
            used.set();
        }
        if limits::is_too_long_answer(answer.headers()) {
            return Err(Trouble::Broken);
        }
        *answer.version_mut() = Version::HTTP_11;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return switch_protocols(answer, client_side, entrance, hold);
        }
        headers::remove_hop_by_hop(answer.headers_mut());
        Ok(answer.map(|body| Download::streamed(body, entrance.idle_timeout, hold)))
    }

    async fn send_repeatedly(&self, parts: Parts) -> Result<Response<Incoming>, Trouble> {
        for _ in 1..ATTEMPTS {
            let request = Request::from_parts(parts.clone(), Upload::Empty);
            match self.client.request(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) if closed_while_idle(&error) => {}
                Err(error) => return Err(trouble_of(&error)),
            }
        }
        let request = Request::from_parts(parts, Upload::Empty);
        self.client.request(request).await.map_err(|error| trouble_of(&error))
    }
}

/// Why nothing has moved for so long: whoever waits for the rest of a request cannot answer it.
fn out_of_time(activity: &Activity) -> Trouble {
    if activity.awaits_client() {
        Trouble::Stalled
    } else {
        Trouble::TimedOut
    }
}

/// The authority that stands for an address.
pub(super) fn authority_of(address: SocketAddr) -> Authority {
    Authority::try_from(address.to_string()).expect("the text of a socket address is a valid authority")
}

fn prepare(mut parts: Parts, to: &Authority, hop: Hop, upgrade: Option<&HeaderValue>) -> Result<Parts, Trouble> {
    if parts.method == Method::CONNECT {
        return Err(Trouble::BadRequest);
    }
    let path = parts.uri.path_and_query().cloned();
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(to.clone());
    uri.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    parts.uri = Uri::from_parts(uri).map_err(|_| Trouble::BadRequest)?;
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    headers::prepare_request(&mut parts.headers, upgrade);
    match hop {
        Hop::Application(origin) => headers::tell_application(&mut parts.headers, origin),
        Hop::Balancer(origin) => headers::tell_balancer(&mut parts.headers, origin),
    }
    Ok(parts)
}

fn switch_protocols(
    mut answer: Response<Incoming>,
    client_side: Option<OnUpgrade>,
    entrance: &Arc<Entrance>,
    hold: Box<dyn Held>,
) -> Result<Response<Download>, Trouble> {
    // An application must not change a protocol that nobody asked it to change.
    let (Some(client_side), Some(protocol)) = (client_side, headers::wanted_upgrade(answer.headers())) else {
        return Err(Trouble::Broken);
    };
    let server_side = hyper::upgrade::on(&mut answer);
    tokio::spawn(tunnel::run(client_side, server_side, Arc::clone(entrance), hold));
    headers::remove_hop_by_hop(answer.headers_mut());
    headers::set_upgrade(answer.headers_mut(), protocol);
    Ok(answer.map(|_| Download::Own(None)))
}

fn trouble_of(error: &hyper_util::client::legacy::Error) -> Trouble {
    tracing::debug!(error = error as &dyn Error, "no answer from the application");
    // The client broke its own request off: nobody but the client is to blame.
    if causes(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user)) {
        return Trouble::BadRequest;
    }
    let timed_out = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::TimedOut);
    match (error.is_connect(), timed_out) {
        (true, true) => Trouble::NotConnected,
        (true, false) => Trouble::Refused,
        (false, true) => Trouble::TimedOut,
        (false, false) => Trouble::Broken,
    }
}

/// Whether the request met a kept-alive connection that the application closed without an answer.
fn closed_while_idle(error: &hyper_util::client::legacy::Error) -> bool {
    let mut extensions = http::Extensions::new();
    if let Some(info) = error.connect_info() {
        info.get_extras(&mut extensions);
    }
    let used = extensions.get::<Used>().is_some_and(Used::get);
    used && causes(error).any(|cause| {
        let closed = cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed());
        let reset = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
            )
        });
        closed || reset
    })
}

fn causes(error: &hyper_util::client::legacy::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(
        Some(error as &(dyn Error + 'static)),
        |cause: &&(dyn Error + 'static)| {
            let cause: &(dyn Error + 'static) = *cause;
            cause.source()
        },
    )
}
