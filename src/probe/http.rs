//! The prober for real networks.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect};
use tokio::time::Instant;
use url::Url;

use super::expect::{self, Answer};
use super::{Names, ProbeError, ProbeResult, Prober, Target, secret, tls};
use crate::model::{Known, Span};
use crate::spec::Check;

/// The part of a check's time that connecting may take. So a connection that does not come about is known from an answer that does not
/// come, and an address of several to which no way leads leaves time for the next one.
const CONNECTING: f64 = 0.9;

/// How much of a body is read: more than any status page, less than what would hurt.
const BODY_LIMIT: usize = 1024 * 1024;

const USER_AGENT: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));

/// How a prober reaches applications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeSettings {
    /// The DNS server to ask instead of the system's resolver.
    pub dns_server: Option<SocketAddr>,
    /// The port for `http://` addresses that name none, instead of 80.
    pub port: Option<u16>,
}

/// Asks over real connections: a fresh one for every check, no redirect followed, no proxy, nothing cached.
pub struct HttpProber {
    names: Names,
    port: Option<u16>,
    tls: rustls::ClientConfig,
    /// Why no certificate can be verified on this machine, if so.
    no_roots: Option<String>,
    /// Where http has led to: the next request goes there at once, because two of them would be counted as two users'.
    led: Mutex<BTreeMap<Led, Url>>,
}

/// What was led to https.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Led {
    target: Target,
    /// What the request called it.
    host: String,
    path: String,
}

impl Led {
    fn by(target: &Target, check: &Check) -> Self {
        let host = check.host.as_deref().or(target.url().host_str());
        Self {
            target: target.clone(),
            host: host.unwrap_or_default().to_owned(),
            path: check.path.clone(),
        }
    }
}

/// What one check gathers on its way, so that a timeout can still tell how far it came.
struct Progress {
    /// When the newest request began: a check that was led to https is as slow as its second one, which is what users wait for.
    started: Instant,
    status: Option<u16>,
    address: Option<SocketAddr>,
    /// Whether that is asked by https because http leads there.
    led: bool,
    /// Whether it has come no further than the way there.
    unreached: bool,
}

impl Progress {
    fn new(led: bool) -> Self {
        Self {
            started: Instant::now(),
            status: None,
            address: None,
            led,
            unreached: false,
        }
    }

    /// What went wrong, and how it was asked if that is not as the target says.
    fn tell(&self, why: String) -> String {
        if self.led {
            format!("by https, where http leads: {why}")
        } else {
            why
        }
    }
}

impl HttpProber {
    /// A prober with these settings.
    ///
    /// # Errors
    ///
    /// When name lookups or TLS cannot be set up.
    pub fn new(settings: ProbeSettings) -> Result<Self, ProbeError> {
        let (tls, no_roots) = tls::settings()?;
        Ok(Self {
            names: Names::new(settings.dns_server)?,
            port: settings.port,
            tls,
            no_roots,
            led: Mutex::default(),
        })
    }

    /// Asks; what is wrong comes back as the error.
    async fn ask(&self, target: &Target, check: &Check, progress: &mut Progress) -> Result<(), String> {
        let url = self.url(target, check)?;
        let key = Led::by(target, check);
        let known = self.led().get(&key).cloned();
        let secured = match known.filter(|_| !expect::redirect_passes(&check.expect)) {
            Some(known) => known,
            None => {
                let answer = self.hear(&url, None, check, progress).await?;
                let secured = expect::leads_to_https(&answer)
                    .filter(|_| !expect::passes(&check.expect, answer.status))
                    .and_then(|location| target.secured(&url, &key.host, &location));
                let Some(secured) = secured else {
                    return expect::failure(&check.expect, &answer).map_or(Ok(()), Err);
                };
                self.led().insert(key, secured.clone());
                secured
            }
        };
        *progress = Progress::new(true);
        let answer = self.hear(&secured, url.host_str(), check, progress).await?;
        expect::failure(&check.expect, &answer).map_or(Ok(()), Err)
    }

    fn led(&self) -> MutexGuard<'_, BTreeMap<Led, Url>> {
        self.led.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to one request: to the URL's host, or `at` another one that is called by the URL's name.
    async fn hear(
        &self,
        url: &Url,
        at: Option<&str>,
        check: &Check,
        progress: &mut Progress,
    ) -> Result<Answer, String> {
        let method = Method::from_bytes(check.method.as_bytes())
            .map_err(|_| format!("{:?} is not an HTTP method", check.method))?;
        let headers = headers_of(check, at)?;
        let patience = check.timeout.get().mul_f64(CONNECTING);
        progress.unreached = true;
        let (client, addresses) = self.client(url, at, patience, progress.started).await?;
        progress.unreached = false;
        let mut request = client.request(method, url.clone()).headers(headers);
        if let Some(body) = &check.body {
            request = request.body(secret::from_environment(body)?);
        }
        let mut response = request.send().await.map_err(|error| {
            progress.unreached = is_of_the_way(&error);
            self.no_answer(url, &addresses, &error)
        })?;
        progress.status = Some(response.status().as_u16());
        progress.address = response.remote_addr();
        let (body, cut) = read_body(&mut response).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            cut,
            latency: progress.started.elapsed(),
            secure: url.scheme() == "https",
        })
    }

    /// The URL to ask: the target's scheme, host and port with the check's path.
    fn url(&self, target: &Target, check: &Check) -> Result<Url, String> {
        let base = target.url();
        if !matches!(base.scheme(), "http" | "https") {
            return Err(format!(
                "{}:// addresses cannot be checked; use http:// or https://",
                base.scheme()
            ));
        }
        let mut url = base.clone();
        // Not joined as a link would be: a path like "//elsewhere/" must not lead to another host.
        let (path, query) = match check.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (check.path.as_str(), None),
        };
        url.set_path(path);
        url.set_query(query);
        url.set_fragment(None);
        if url.scheme() == "http" && url.port().is_none() {
            // Fails only for URLs without a host, and http:// URLs have one.
            let _ = url.set_port(self.port);
        }
        Ok(url)
    }

    /// A client of its own for one request, and the addresses it will try: those of the URL's host, or of `at`. What has to be `connected`
    /// within that time of its begin is all of them together.
    async fn client(
        &self,
        url: &Url,
        at: Option<&str>,
        connected: Duration,
        began: Instant,
    ) -> Result<(Client, Vec<SocketAddr>), String> {
        let host = url.host_str().ok_or("the address to check has no host")?;
        let looked_up = at.unwrap_or(host);
        let addresses = self.names.lookup(looked_up).await?.addresses;
        if addresses.is_empty() {
            return Err(format!("the name {looked_up} has no address"));
        }
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<SocketAddr> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(connected.saturating_sub(began.elapsed()))
            .user_agent(USER_AGENT)
            // Of no effect for a host that is an address already.
            .resolve_to_addrs(host, &addresses)
            .build()
            .map_err(|error| format!("the HTTP client could not be set up: {}", cause(&error)))?;
        Ok((client, addresses))
    }

    /// Why no answer came, without the URL, as it may hold a password, and without the request.
    fn no_answer(&self, url: &Url, addresses: &[SocketAddr], error: &reqwest::Error) -> String {
        let to: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let to = to.join(", ");
        let cause = cause(error);
        if !error.is_connect() {
            return format!("no answer from {to}: {cause}");
        }
        match &self.no_roots {
            Some(reason) if url.scheme() == "https" => format!(
                "no connection to {to}: {cause}; this machine has no root certificates to trust ({reason}): install them \
                 (package ca-certificates) or set SSL_CERT_FILE"
            ),
            _ => format!("no connection to {to}: {cause}"),
        }
    }
}

#[async_trait]
impl Prober for HttpProber {
    async fn check(&self, target: &Target, check: &Check) -> ProbeResult {
        let mut progress = Progress::new(false);
        let asked = tokio::time::timeout(check.timeout.get(), self.ask(target, check, &mut progress)).await;
        let failure = match asked {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure),
            Err(_) if progress.status.is_some() => Some(format!("no whole answer within {}", check.timeout)),
            Err(_) => Some(format!("no answer within {}", check.timeout)),
        };
        let unreached = progress.unreached && failure.is_some();
        // Silence too: whoever asks next finds out by http whether it still leads there.
        if progress.led && progress.status.is_none() {
            self.led().remove(&Led::by(target, check));
        }
        let failure = failure.map(|why| progress.tell(why));
        ProbeResult {
            check: check.title(),
            passed: failure.is_none(),
            status: progress.status,
            latency: millis(progress.started.elapsed()),
            address: progress.address,
            failure,
            unreached,
        }
    }

    async fn addresses(&self, host: &str) -> Known<BTreeSet<IpAddr>> {
        match self.names.all(host).await {
            Ok(addresses) => Known::Known(addresses),
            Err(why) => Known::Unknown(why),
        }
    }

    async fn fetch(&self, url: &Url, headers: &BTreeMap<String, String>, patience: Duration) -> Result<String, String> {
        let asked = async {
            let headers = request_headers(headers)?;
            let (client, _) = self.client(url, None, patience, Instant::now()).await?;
            let request = client.get(url.clone()).headers(headers);
            let mut response = request.send().await.map_err(|error| cause(&error))?;
            if !response.status().is_success() {
                return Err(format!("the answer has status {}", response.status().as_u16()));
            }
            let (body, _) = read_body(&mut response).await?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        };
        tokio::time::timeout(patience, asked)
            .await
            .unwrap_or_else(|_| Err("no whole answer came in time".to_owned()))
    }
}

/// The headers of a check's request. What it calls the application is the check's `host`, or else where it goes.
fn headers_of(check: &Check, at: Option<&str>) -> Result<HeaderMap, String> {
    let mut headers = request_headers(&check.headers)?;
    if let Some(host) = check.host.as_deref().or(at) {
        let value = HeaderValue::from_str(host).map_err(|_| format!("{host:?} is not a host name"))?;
        headers.insert(HOST, value);
    }
    Ok(headers)
}

/// A request's headers. What is wrong is told without their values, which may be secrets.
fn request_headers(wanted: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is not a name that a request header can have"))?;
        let value = HeaderValue::from_str(&secret::from_environment(value)?)
            .map_err(|_| format!("the value for header {name} has characters that a header cannot carry"))?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// The body, or its first [`BODY_LIMIT`] bytes and that there was more.
async fn read_body(response: &mut Response) -> Result<(Vec<u8>, bool), String> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_LIMIT => {
                body.extend_from_slice(&chunk[..BODY_LIMIT - body.len()]);
                return Ok((body, true));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok((body, false)),
            Err(error) => {
                let read = body.len();
                return Err(format!(
                    "the answer broke off after {read} bytes of body: {}",
                    cause(&error)
                ));
            }
        }
    }
}

fn innermost(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// Whether no connection came about, and nobody at the other end has refused or closed it: no way leads there, or this machine has no
/// socket left.
fn is_of_the_way(error: &reqwest::Error) -> bool {
    let of_the_system = innermost(error)
        .downcast_ref::<io::Error>()
        .filter(|error| error.raw_os_error().is_some());
    let by_the_other_end = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
        )
    };
    error.is_connect() && (error.is_timeout() || of_the_system.is_some_and(|error| !by_the_other_end(error)))
}

/// The innermost cause of an error, in few words.
fn cause(error: &reqwest::Error) -> String {
    let innermost = innermost(error);
    match innermost.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(io::ErrorKind::TimedOut) => "the connection timed out".to_owned(),
        Some(io::ErrorKind::HostUnreachable) => "host unreachable".to_owned(),
        Some(io::ErrorKind::NetworkUnreachable) => "network unreachable".to_owned(),
        _ => match innermost.downcast_ref::<hyper::Error>() {
            Some(error) if error.is_incomplete_message() => "the connection was closed before the answer".to_owned(),
            Some(error) if error.is_parse() => format!("that is not HTTP: {error}"),
            // The outermost text would hold the URL; only its causes are shown.
            _ if error.source().is_none() => "the request could not be sent".to_owned(),
            _ => innermost.to_string(),
        },
    }
}

fn millis(length: Duration) -> Span {
    Span::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
