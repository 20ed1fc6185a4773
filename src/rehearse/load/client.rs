//! One client: its name cache, its connections, and how it asks.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{CONNECTION, COOKIE, HOST, HeaderValue, USER_AGENT};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Position, Url};

use super::connection::{Answer, Broken, Connection};
use super::outcomes::{Outcome, Outcomes};
use crate::model::Span;
use crate::probe::Names;

/// How long a client waits.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// What could not be sent so long after it was due counts as failed.
    pub(super) send: Duration,
    /// How long a whole answer may take once the request is sent.
    pub(super) answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            send: Duration::from_secs(5),
            answer: Duration::from_secs(10),
        }
    }
}

/// Connections of one client at once; browsers open so many to one host.
const CONNECTIONS: usize = 6;

/// What all clients ask for.
pub(super) struct Target {
    host: String,
    port: u16,
    request: Request<Empty<Bytes>>,
    limits: Limits,
}

impl Target {
    /// The target of an `http://` URL.
    pub(super) fn new(url: &Url, limits: Limits) -> Self {
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let mut request = Request::new(Empty::new());
        // The parser of URLs has escaped whatever these types would not take.
        *request.uri_mut() = path.parse().unwrap_or_default();
        let host = HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static(""));
        request.headers_mut().insert(HOST, host);
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static("cutover-rehearsal"));
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            request,
            limits,
        }
    }
}

/// What a client knows of the name.
struct CachedAddresses {
    addresses: Vec<IpAddr>,
    /// `None` for ever: the host is an address itself.
    until: Option<Instant>,
}

/// How a client differs from others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Whether it opens a connection for each request.
    pub(super) fresh: bool,
    /// How many times as long as it may it keeps the answers to its questions for the name.
    pub(super) keeps: u32,
    /// Whether it sends the cookies that it is given, as browsers do.
    pub(super) cookies: bool,
    /// Whether each request is a draw, unless it carries a cookie; else each answer of DNS is one.
    pub(super) each_drawn: bool,
}

impl Habits {
    /// A connection for each request, and nothing remembered.
    pub(super) const PLAIN: Self = Self {
        fresh: true,
        keeps: 1,
        cookies: false,
        each_drawn: false,
    };
}

/// One client.
pub(super) struct Client {
    target: Arc<Target>,
    /// Of its own: clients that shared one would get one answer together, and would all move when one of them does.
    names: Names,
    habits: Habits,
    outcomes: Outcomes,
    cache: tokio::sync::Mutex<Option<CachedAddresses>>,
    idle: Mutex<Vec<Connection>>,
    slots: Semaphore,
    /// Cookies by name.
    cookies: Mutex<BTreeMap<String, String>>,
    /// How often the name was asked for and found.
    found: AtomicU64,
    /// The newest of these answers that a request has used.
    used: AtomicU64,
}

/// How an attempt ended: an answer or the kind of failure, and whether it was sent twice.
struct Attempt {
    answer: Result<Answer, String>,
    retried: bool,
    drawn: bool,
}

impl Client {
    pub(super) fn new(target: Arc<Target>, names: Names, habits: Habits, outcomes: Outcomes) -> Self {
        Self {
            target,
            names,
            habits,
            outcomes,
            cache: tokio::sync::Mutex::new(None),
            idle: Mutex::new(Vec::new()),
            slots: Semaphore::new(CONNECTIONS),
            cookies: Mutex::default(),
            found: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Makes the request that is due at that moment and records what became of it.
    pub(super) async fn request(self: Arc<Self>, due: Instant) {
        let attempt = self.attempt(due).await;
        let (failure, version) = match attempt.answer {
            Ok(answer) if answer.status >= 500 => (Some(format!("status {}", answer.status)), answer.version),
            Ok(answer) => (None, answer.version),
            Err(kind) => (Some(kind), None),
        };
        self.outcomes.record(Outcome {
            latency: due.elapsed(),
            failure,
            version,
            retried: attempt.retried,
            drawn: attempt.drawn,
        });
    }

    async fn attempt(&self, due: Instant) -> Attempt {
        let held = self.habits.cookies && !self.cookies().is_empty();
        let failed = |kind| Attempt {
            answer: Err(kind),
            retried: false,
            drawn: false,
        };
        let send_by = due + self.target.limits.send;
        let Ok(Ok(_slot)) = timeout_at(send_by, self.slots.acquire()).await else {
            return failed(self.not_sent());
        };
        let mut connection = match self.connection_by(send_by, true).await {
            Ok(connection) => connection,
            Err(kind) => return failed(kind),
        };
        // Decided by now: a slow answer must not count for what is decided while it is on its way.
        let drawn = !held && (self.habits.each_drawn || self.is_first());
        match self.ask(&mut connection).await {
            Ok(answer) => {
                self.keep(connection).await;
                Attempt {
                    answer: Ok(answer),
                    retried: false,
                    drawn,
                }
            }
            // What browsers do: a GET over a connection that the server had closed is asked again, once, on a new one.
            Err(broken) if broken.was_stale => Attempt {
                answer: self.ask_again().await,
                retried: true,
                drawn: false,
            },
            Err(broken) => failed(broken.kind),
        }
    }

    /// Whether this is the first request with the newest answer to the question for the name: of all that use it, one is counted.
    fn is_first(&self) -> bool {
        let found = self.found.load(Ordering::Relaxed);
        self.used.fetch_max(found, Ordering::Relaxed) < found
    }

    async fn ask_again(&self) -> Result<Answer, String> {
        let mut connection = self
            .connection_by(Instant::now() + self.target.limits.send, false)
            .await?;
        let answer = self.ask(&mut connection).await.map_err(|broken| broken.kind)?;
        self.keep(connection).await;
        Ok(answer)
    }

    async fn ask(&self, connection: &mut Connection) -> Result<Answer, Broken> {
        let mut request = self.target.request.clone();
        if self.habits.fresh {
            request
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.habits.cookies
            && let Some(cookies) = self.cookies_to_send()
        {
            request.headers_mut().insert(COOKIE, cookies);
        }
        match timeout(self.target.limits.answer, connection.ask(request)).await {
            Ok(Ok(answer)) => {
                self.remember(&answer.cookies);
                Ok(answer)
            }
            Ok(Err(broken)) => Err(broken),
            Err(_) => Err(Broken {
                kind: format!("no answer within {}", Span::from(self.target.limits.answer)),
                was_stale: false,
            }),
        }
    }

    fn cookies(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cookies_to_send(&self) -> Option<HeaderValue> {
        let cookies = self.cookies();
        let all: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!all.is_empty()).then(|| HeaderValue::from_str(&all.join("; ")).ok())?
    }

    fn remember(&self, cookies: &[String]) {
        let mut known = self.cookies();
        for (name, value) in cookies.iter().filter_map(|cookie| cookie.split_once('=')) {
            known.insert(name.to_owned(), value.to_owned());
        }
    }

    async fn connection_by(&self, deadline: Instant, may_reuse: bool) -> Result<Connection, String> {
        timeout_at(deadline, self.connection(may_reuse))
            .await
            .unwrap_or_else(|_| Err(self.not_sent()))
    }

    /// A connection to an address that the name has now: an idle one if there is one and it may be reused.
    async fn connection(&self, may_reuse: bool) -> Result<Connection, String> {
        let addresses = self.addresses().await?;
        {
            let mut idle = self.idle();
            // The name has moved: connections to where it was are let go.
            idle.retain(|connection| addresses.contains(&connection.address().ip()) && !connection.is_closed());
            if may_reuse && let Some(connection) = idle.pop() {
                return Ok(connection);
            }
        }
        let mut problem = "no address".to_owned();
        for address in addresses {
            match Connection::open(SocketAddr::new(address, self.target.port)).await {
                Ok(connection) => return Ok(connection),
                Err(kind) => problem = kind,
            }
        }
        Err(problem)
    }

    pub(super) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// The addresses of the name: those of the last answer while it holds, else of a new one. One question at a time.
    pub(super) async fn addresses(&self) -> Result<Vec<IpAddr>, String> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = cache.as_ref()
            && cached.until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(cached.addresses.clone());
        }
        let asked = Instant::now();
        let answer = self
            .names
            .lookup(&self.target.host)
            .await
            .map_err(|_| "name lookup failed".to_owned())?;
        *cache = Some(CachedAddresses {
            addresses: answer.addresses.clone(),
            // Counted from the question, so that a client that keeps to it is never later than the server meant.
            until: asked.checked_add(answer.valid_for.saturating_mul(self.habits.keeps)),
        });
        self.found.fetch_add(1, Ordering::Relaxed);
        Ok(answer.addresses)
    }

    /// Puts a connection back for the next request.
    async fn keep(&self, mut connection: Connection) {
        if !self.habits.fresh && connection.is_reusable().await {
            self.idle().push(connection);
        }
    }

    fn not_sent(&self) -> String {
        format!("not sent within {}", Span::from(self.target.limits.send))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole at every moment.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
