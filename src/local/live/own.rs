//! Answers of a load balancer's own, as those of AWS look (seen on the wire: `Server: awselb/2.0`, and a page with the reason).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, SERVER};
use http::{Response, StatusCode};
use hyper::ext::ReasonPhrase;

use super::body::Download;
use crate::local::balancers::routing::FixedResponse;

/// What load balancers say they are.
const NAME: &str = "awselb/2.0";

/// The reason that stands behind a status, which is not always that of the standard.
fn reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        405 => "Not Allowed",
        408 => "Request Time-out",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => status.canonical_reason().unwrap_or_default(),
    }
}

fn page(status: StatusCode) -> String {
    let title = format!("{} {}", status.as_u16(), reason(status));
    let title = title.trim_end();
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

fn response(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Download> {
    let mut response = Response::new(Download::own(body));
    *response.status_mut() = status;
    response
        .extensions_mut()
        .insert(ReasonPhrase::from_static(reason(status).as_bytes()));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(NAME));
    headers.insert(CONTENT_TYPE, kind);
    response
}

/// An answer that says what went wrong.
pub(super) fn answer(status: StatusCode) -> Response<Download> {
    response(status, HeaderValue::from_static("text/html"), page(status))
}

/// The same for a connection that is not read from any more.
pub(super) fn last_words(status: StatusCode) -> Vec<u8> {
    let page = page(status);
    let head = format!(
        "HTTP/1.1 {} {}\r\nserver: {NAME}\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        reason(status),
        page.len()
    );
    (head + &page).into_bytes()
}

/// Sends a client to another place.
pub(super) fn redirect(status: StatusCode, to: &str) -> Response<Download> {
    let mut response = answer(status);
    if let Ok(location) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Says what a rule wants to be said.
pub(super) fn fixed(wanted: &FixedResponse) -> Response<Download> {
    let status = StatusCode::from_u16(wanted.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let kind = wanted.content_type.as_deref().unwrap_or("text/plain");
    let kind = HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("text/plain"));
    response(status, kind, wanted.body.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_long_as_those_of_aws() {
        // Lengths that were seen on the wire.
        for (status, length) in [(301, 134), (302, 110), (503, 162)] {
            assert_eq!(page(StatusCode::from_u16(status).unwrap()).len(), length, "{status}");
        }
        let said = String::from_utf8(last_words(StatusCode::REQUEST_TIMEOUT)).unwrap();
        assert!(
            said.starts_with("HTTP/1.1 408 Request Time-out\r\nserver: awselb/2.0\r\n"),
            "{said}"
        );
        assert!(page(StatusCode::from_u16(463).unwrap()).contains("<h1>463</h1>"));
    }
}
