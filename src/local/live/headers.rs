//! What a proxy changes in the headers that pass through it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::IpAddr;
use std::sync::LazyLock;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::door::Entrance;
use crate::model::{Clock as _, SystemClock};

/// Addresses that a request has come from, the client first.
pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What the edge tells balancers of where a request comes from.
const ORIGIN: HeaderName = HeaderName::from_static("x-cutover-origin");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The protocol that the sender wants to change to, if it does (RFC 9110, section 7.8).
pub(super) fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    asked.then(|| headers.get(UPGRADE).cloned()).flatten()
}

/// Removes what concerns one connection only (RFC 9110, section 7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| token.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    // Where both stand, the length is not true (RFC 9112, section 6.3).
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// Where a request comes from, and the port that it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    client: IpAddr,
    port: u16,
}

impl Origin {
    /// That of requests on a connection.
    pub(super) fn of(entrance: &Entrance) -> Self {
        Self {
            client: entrance.client.ip(),
            port: entrance.port,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (client, port) = text.strip_prefix(SECRET.as_str())?.split_once(' ')?;
        Some(Self {
            client: client.parse().ok()?,
            port: port.parse().ok()?,
        })
    }
}

/// What the edge tells balancers begins with this. Both are in one process, and nobody else can make it up.
static SECRET: LazyLock<String> = LazyLock::new(|| {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x} ", random(), random())
});

/// Where a request comes from: what the edge has said of it, or else the connection that it came on.
pub(super) fn origin(headers: &mut HeaderMap, entrance: &Entrance) -> Origin {
    let told = headers.remove(ORIGIN);
    let told = told.as_ref().and_then(|told| Origin::read(told.to_str().ok()?));
    told.unwrap_or_else(|| Origin::of(entrance))
}

/// Hands on where a request comes from, in the place of what anybody else has said there.
pub(super) fn tell_balancer(headers: &mut HeaderMap, origin: Origin) {
    let told = format!("{}{} {}", SECRET.as_str(), origin.client, origin.port);
    if let Ok(told) = HeaderValue::try_from(told) {
        headers.insert(ORIGIN, told);
    }
}

/// Makes the headers of a client's request those of a request of this side's.
pub(super) fn prepare_request(headers: &mut HeaderMap, upgrade: Option<&HeaderValue>) {
    remove_hop_by_hop(headers);
    // The interim answer comes from this side, as soon as the body is wanted.
    headers.remove(EXPECT);
    if let Some(protocol) = upgrade {
        set_upgrade(headers, protocol.clone());
    }
}

/// Adds what a load balancer tells an application of where a request comes from.
pub(super) fn tell_application(headers: &mut HeaderMap, origin: Origin) {
    let Origin { client, port } = origin;
    let before: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .collect();
    let chain = if before.is_empty() {
        client.to_string()
    } else {
        format!("{}, {client}", before.join(", "))
    };
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_PORT, HeaderValue::from(port));
}

/// Begins a trace, or adds the balancer's own part to one that somebody has begun before (source: "Request tracing for your
/// Application Load Balancer").
pub(super) fn trace(headers: &mut HeaderMap) {
    let own = new_trace();
    let begun = headers.get(TRACE).and_then(|value| value.to_str().ok());
    if let Ok(value) = HeaderValue::try_from(traced(begun.unwrap_or_default(), &own)) {
        headers.insert(TRACE, value);
    }
}

/// A trace of its own with the fields that there were. What another balancer has said of itself is replaced.
fn traced(fields: &str, own: &str) -> String {
    let fields = fields.split(';').map(str::trim);
    let kept = fields.filter(|field| !field.is_empty() && !field.starts_with("Self="));
    let is_begun = kept.clone().any(|field| field.starts_with("Root="));
    let mut value = format!("{}={own}", if is_begun { "Self" } else { "Root" });
    for field in kept {
        value.push(';');
        value.push_str(field);
    }
    value
}

/// The version, the second, and 24 digits that nobody else has drawn.
fn new_trace() -> String {
    let seconds = SystemClock.now().as_millis() / 1000;
    format!("1-{seconds:08x}-{:016x}{:08x}", fastrand::u64(..), fastrand::u32(..))
}

/// Says that a body follows whose length is not known. Otherwise the client takes it that a GET or HEAD has none (source: hyper,
/// `set_length` in `proto/h1/role.rs`).
pub(super) fn set_chunked(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
}

/// Asks for, or confirms, a change of protocol.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn from(port: u16) -> Origin {
        Origin {
            client: [10, 0, 0, 1].into(),
            port,
        }
    }

    #[test]
    fn who_does_not_know_the_secret_is_not_believed() {
        let mut map = HeaderMap::new();
        tell_balancer(&mut map, from(80));
        let told = map["x-cutover-origin"].to_str().unwrap().to_owned();
        assert_eq!(Origin::read(&told), Some(from(80)));
        let (_, rest) = told.split_once(' ').unwrap();
        assert_eq!(Origin::read(rest), None);
        assert_eq!(Origin::read(&format!("{:032x} {rest}", 0)), None);
    }

    #[test]
    fn what_concerns_one_connection_does_not_pass() {
        let mut map = headers(&[
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("host", "shop.example"),
            ("cookie", "a=b"),
        ]);
        prepare_request(&mut map, None);
        tell_application(&mut map, from(80));
        let mut names: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "cookie",
                "host",
                "x-forwarded-for",
                "x-forwarded-port",
                "x-forwarded-proto"
            ]
        );
    }

    #[test]
    fn the_client_is_appended_to_the_chain() {
        let mut map = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]);
        tell_application(&mut map, from(8080));
        assert_eq!(map["x-forwarded-for"], "1.1.1.1, 2.2.2.2, 10.0.0.1");
        assert_eq!(map.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(map["x-forwarded-port"], "8080");
        assert_eq!(map["x-forwarded-proto"], "http");
    }

    #[test]
    fn a_trace_is_begun_or_gone_on_with() {
        let mut map = HeaderMap::new();
        trace(&mut map);
        let begun = map["x-amzn-trace-id"].to_str().unwrap().to_owned();
        let parts: Vec<&str> = begun.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!((parts[0], lengths), ("Root=1", vec![6, 8, 24]), "{begun}");
        assert!(begun[7..].chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{begun}");

        trace(&mut map);
        let gone_on = map["x-amzn-trace-id"].to_str().unwrap().to_owned();
        let (own, rest) = gone_on.split_once(';').unwrap();
        assert_eq!(rest, begun);
        assert_ne!(own.strip_prefix("Self="), begun.strip_prefix("Root="));

        for (there, wanted) in [
            ("", "Root=1-2-3"),
            ("CalledFrom=app", "Root=1-2-3;CalledFrom=app"),
            ("Root=1-0-0;CalledFrom=app", "Self=1-2-3;Root=1-0-0;CalledFrom=app"),
            ("Self=1-1-1; Root=1-0-0", "Self=1-2-3;Root=1-0-0"),
        ] {
            assert_eq!(traced(there, "1-2-3"), wanted, "{there}");
        }
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        let both = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(wanted_upgrade(&both).unwrap(), "websocket");
        assert!(wanted_upgrade(&headers(&[("upgrade", "websocket")])).is_none());
        assert!(wanted_upgrade(&headers(&[("connection", "upgrade")])).is_none());
        let mut map = both.clone();
        prepare_request(&mut map, wanted_upgrade(&both).as_ref());
        assert_eq!(map["connection"], "upgrade");
        assert_eq!(map["upgrade"], "websocket");
    }
}
