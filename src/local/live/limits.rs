//! What an Application Load Balancer neither passes on nor takes from a target (source: User Guide, "HTTP header limits" of the
//! quotas, and "HTTP 400" to "HTTP 502" of the troubleshooting).

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};

use super::headers::FORWARDED_FOR;

/// Headers of one message that are read. The service limits their size alone; each costs memory for every message, and what is
/// useful has fewer.
pub(super) const MOST_HEADERS: usize = 512;
/// Longest line of a request, be it the first one or a header.
const LONGEST_LINE: usize = 16 * 1024;
/// Most bytes of a request's headers.
const LONGEST_REQUEST: usize = 64 * 1024;
/// Most bytes of an answer's.
const LONGEST_ANSWER: usize = 32 * 1024;
/// Most addresses in `X-Forwarded-For`.
const MOST_ADDRESSES: usize = 30;
/// The service's own status for more of them.
const TOO_MANY_ADDRESSES: u16 = 463;
/// What a line has beside name and value: a colon, a space and its end.
const BESIDE: usize = 4;

/// The status that a request is refused with before any target is chosen; `None` if it may pass.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<StatusCode> {
    if *request.method() == Method::TRACE {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    if *request.method() == Method::CONNECT {
        return Some(StatusCode::BAD_REQUEST);
    }
    if !is_host_right(request) {
        return Some(StatusCode::BAD_REQUEST);
    }
    let target = request.uri().path_and_query().map_or(1, |path| path.as_str().len());
    let first = request.method().as_str().len() + target + " HTTP/1.1\r\n ".len();
    let (longest, all) = measure(request.headers());
    if first > LONGEST_LINE || longest > LONGEST_LINE || all > LONGEST_REQUEST {
        return Some(StatusCode::BAD_REQUEST);
    }
    let before = request.headers().get_all(FORWARDED_FOR).iter();
    let addresses: usize = before
        .map(|value| value.as_bytes().split(|byte| *byte == b',').count())
        .sum();
    (addresses > MOST_ADDRESSES).then(|| {
        StatusCode::from_u16(TOO_MANY_ADDRESSES).expect("a status has three digits, of which the first is no zero")
    })
}

/// Whether a request names one host (source: RFC 9112, section 3.2). Before HTTP/1.1 it need not name any.
fn is_host_right<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_name =
        |host: &HeaderValue| Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_name(host),
        (Some(_), Some(_)) => false,
        (None, _) => request.version() < Version::HTTP_11,
    }
}

/// Whether the headers of an answer are more than a target may send.
pub(super) fn is_too_long_answer(headers: &HeaderMap) -> bool {
    measure(headers).1 > LONGEST_ANSWER
}

/// Bytes of the longest header, and of all of them.
fn measure(headers: &HeaderMap) -> (usize, usize) {
    headers.iter().fold((0, 0), |(longest, all), (name, value)| {
        let line = name.as_str().len() + value.len() + BESIDE;
        (longest.max(line), all + line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &str, path: &str, headers: &[(&str, &str)]) -> Option<u16> {
        // What it has to have, and nothing besides: the others are measured.
        let mut request = Request::builder().method(method).uri(path).version(Version::HTTP_10);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&request.body(()).unwrap()).map(|status| status.as_u16())
    }

    #[test]
    fn a_request_names_one_host() {
        assert_eq!(refused("GET", "/", &[("host", "shop"), ("host", "shop")]), Some(400));
        let of = |host: Option<&str>, version: Version| {
            let mut request = Request::builder().version(version);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            refusal(&request.body(()).unwrap()).map(|status| status.as_u16())
        };
        assert_eq!(of(Some("shop:8080"), Version::HTTP_11), None);
        assert_eq!(of(None, Version::HTTP_10), None);
        assert_eq!(of(None, Version::HTTP_11), Some(400));
        for host in ["", "a b", "a/b", "me@shop"] {
            assert_eq!(of(Some(host), Version::HTTP_11), Some(400), "{host}");
        }
    }

    #[test]
    fn what_a_load_balancer_refuses_itself_is_refused() {
        let path = |length: usize| format!("/{}", "a".repeat(length - 1));
        let text = |length: usize| "a".repeat(length);
        let chain = |addresses: usize| vec!["10.0.0.1"; addresses].join(", ");
        assert_eq!(refused("GET", "/", &[]), None);
        assert_eq!(refused("TRACE", "/", &[]), Some(405));
        assert_eq!(refused("CONNECT", "shop:80", &[]), Some(400));
        // `GET ` and ` HTTP/1.1` with the end of the line.
        assert_eq!(refused("GET", &path(16_384 - 15), &[]), None);
        assert_eq!(refused("GET", &path(16_384 - 14), &[]), Some(400));
        assert_eq!(refused("GET", "/", &[("x", &text(16_384 - 5))]), None);
        assert_eq!(refused("GET", "/", &[("x", &text(16_384 - 4))]), Some(400));
        let many = |each: usize| {
            [
                ("x", text(each)),
                ("x", text(each)),
                ("x", text(each)),
                ("x", text(each)),
            ]
        };
        let four = |many: &[(&'static str, String)]| {
            let headers: Vec<(&str, &str)> = many.iter().map(|(name, value)| (*name, value.as_str())).collect();
            refused("GET", "/", &headers)
        };
        assert_eq!(four(&many(16_384 - 5)), None);
        let mut more = many(16_384 - 5).to_vec();
        more.push(("y", String::new()));
        assert_eq!(four(&more), Some(400));
        assert_eq!(refused("GET", "/", &[("x-forwarded-for", &chain(30))]), None);
        assert_eq!(refused("GET", "/", &[("x-forwarded-for", &chain(31))]), Some(463));
        let two = [("x-forwarded-for", chain(16)), ("x-forwarded-for", chain(15))];
        assert_eq!(four(&two), Some(463));
    }
}
