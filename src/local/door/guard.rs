//! Keeps web pages out.
//!
//! A page in a browser can send requests to this machine: forms across origins, and under a name of its own that it
//! leads here (DNS rebinding). It cannot leave out `Origin` or `Sec-Fetch-Site`, and in the second case it cannot hide its
//! name in `Host`. No AWS client sends the former, and all use one of the names below.

use std::net::IpAddr;

use http::Request;
use http::header::{HOST, ORIGIN};

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error("The local cloud does not answer web pages; send the request from a program.")]
    WebPage,
    #[error(
        "The local cloud is not reached under the name {0:?}; use its IP address, localhost, a name that ends in .localhost, \
         or one of AWS."
    )]
    Name(String),
}

/// Lets programs in and keeps web pages out.
pub(super) fn admit<B>(request: &Request<B>) -> Result<(), Stranger> {
    let headers = request.headers();
    let fetched = headers.get("sec-fetch-site").is_some_and(|site| site != "none");
    if fetched || headers.contains_key(ORIGIN) {
        return Err(Stranger::WebPage);
    }
    let host = match headers.get(HOST) {
        Some(host) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
        None => match request.uri().authority() {
            Some(authority) => authority.as_str().to_owned(),
            None => return Ok(()),
        },
    };
    if known(&host) {
        Ok(())
    } else {
        Err(Stranger::Name(host))
    }
}

fn known(host: &str) -> bool {
    // The port; an IPv6 address has colons too, but stands in brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    ["localhost", "amazonaws.com", "amazonaws.com.cn"].iter().any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_let_in_and_web_pages_are_not() {
        for (host, expected) in [
            ("127.0.0.1:4566", true),
            ("127.0.0.1", true),
            ("[::1]:4566", true),
            ("localhost", true),
            ("shop.s3.localhost:4566", true),
            ("elasticbeanstalk.eu-central-1.amazonaws.com", true),
            ("evil.example", false),
            ("evillocalhost:4566", false),
            ("localhost.evil.example", false),
        ] {
            let request = Request::builder().header(HOST, host).body(()).unwrap();
            assert_eq!(admit(&request).is_ok(), expected, "{host}");
            let request = Request::builder().uri(format!("http://{host}/")).body(()).unwrap();
            assert_eq!(admit(&request).is_ok(), expected, "{host}");
        }
        for (name, value) in [
            ("origin", "null"),
            ("origin", "http://127.0.0.1:4566"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let request = Request::builder().header(name, value).body(()).unwrap();
            assert_eq!(admit(&request), Err(Stranger::WebPage));
        }
        let typed = Request::builder().header("sec-fetch-site", "none").body(()).unwrap();
        assert_eq!(admit(&typed), Ok(()));
    }
}
