//! From an HTTP request to an S3 operation and back.
//!
//! `s3s` finds the operation and reads and writes its XML. Before, a request is freed of what only matters between
//! machines that do not trust each other: signatures, and the `aws-chunked` encoding that carries them. (The library
//! can decode it, but only together with a signature it can check, and it holds each chunk in memory; some clients
//! send a bundle as one chunk.)

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HOST, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::Range;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3Result, s3_error};

use super::chunked::{Decoded, Trailers};
use super::document;
use super::front::Front;
use super::host::Hosts;
use super::offered::Offered;
use super::store::ObjectStore;
use super::values;
use super::words::About;

/// The longest XML document that a client may send: a completed upload of 10 000 parts has about 3 MB.
const LARGEST_DOCUMENT: usize = 8 << 20;

/// S3's REST protocol for an [`ObjectStore`].
#[derive(Clone, Debug)]
pub struct S3Front {
    service: S3Service,
}

impl S3Front {
    /// Serves a store.
    #[must_use]
    pub fn new(store: Arc<ObjectStore>) -> Self {
        let mut settings = S3Config::default();
        settings.xml_max_body_size = LARGEST_DOCUMENT;
        let mut builder = S3ServiceBuilder::new(Front::new(store));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(settings))));
        builder.set_host(Hosts);
        Self {
            service: builder.build(),
        }
    }

    /// Answers a request. Bodies pass through; none is held in memory whole, except XML documents.
    pub async fn handle(&self, request: http::Request<s3s::Body>) -> http::Response<s3s::Body> {
        let is_head = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let about = About::of(&parts);
        let answer = match prepare(parts, body).await {
            // The library's futures are large.
            Ok(request) => Box::pin(self.service.call(request)).await,
            Err(error) => error
                .to_http_response()
                .map_err(|error| s3s::HttpError::new(Box::new(error))),
        };
        let mut answer = answer.unwrap_or_else(|error| {
            // Only an answer that could not be written ends here.
            tracing::error!(?error, "an S3 request could not be answered");
            let mut answer = http::Response::new(s3s::Body::empty());
            *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            answer
        });
        if answer.status().is_client_error() || answer.status().is_server_error() {
            answer = about.complete(answer).await;
        }
        // The library says so of a GET only.
        if is_head && answer.headers().contains_key(CONTENT_RANGE) {
            *answer.status_mut() = http::StatusCode::PARTIAL_CONTENT;
        }
        answer
    }
}

/// Makes a request one that the library takes.
async fn prepare(mut parts: Parts, body: s3s::Body) -> S3Result<http::Request<s3s::Body>> {
    let trailers = prepare_head(&mut parts)?;
    let offered = Offered::of(&parts)?;
    values::check(&parts.headers)?;
    let mut body = match &trailers {
        Some(trailers) => s3s::Body::http_body(Decoded::new(body, trailers.clone())),
        None => body,
    };
    if let Some(kind) = offered.document {
        let content = document::read(&parts.headers, trailers, kind, body, LARGEST_DOCUMENT).await?;
        parts.headers.insert(CONTENT_LENGTH, content.len().into());
        body = s3s::Body::from(content);
    }
    Ok(http::Request::from_parts(parts, body))
}

/// Does so with all but the body. Returns where the trailing headers will be if the body is `aws-chunked`.
fn prepare_head(parts: &mut Parts) -> S3Result<Option<Trailers>> {
    // A request that did not come over a socket may have its host in the address only.
    if let Some(authority) = parts.uri.authority()
        && !parts.headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(HOST, host);
    }
    parts.headers.remove(AUTHORIZATION);
    if let Some(uri) = without_signature(&parts.uri) {
        parts.uri = uri.map_err(|error| S3Error::with_source(s3s::S3ErrorCode::InvalidURI, Box::new(error)))?;
    }
    pass_over_ranges(&mut parts.headers);
    values::pass_over_dates(&mut parts.headers);
    if !take_chunked(parts) {
        return Ok(None);
    }
    let length = parts
        .headers
        .get("x-amz-decoded-content-length")
        .cloned()
        .ok_or_else(|| {
            s3_error!(
                MissingContentLength,
                "You must provide the x-amz-decoded-content-length header with an aws-chunked body."
            )
        })?;
    parts.headers.insert(CONTENT_LENGTH, length);
    let trailers = Trailers::default();
    parts.extensions.insert(trailers.clone());
    Ok(Some(trailers))
}

/// Takes off a `Range` that is not one sound range of bytes, so that everything is sent: S3 gives no several ranges at once (API
/// reference, GetObject), and what is not understood is passed over (RFC 9110, section 14.2). The library would refuse it.
fn pass_over_ranges(headers: &mut HeaderMap) {
    let mut given = headers.get_all(RANGE).iter();
    let sound = |value: &HeaderValue| value.to_str().is_ok_and(|value| Range::parse(value).is_ok());
    let one = given.next().is_some_and(sound) && given.next().is_none();
    if !one {
        headers.remove(RANGE);
    }
}

/// Whether the body is `aws-chunked`. That word is taken out of the content encoding, which belongs to the object.
fn take_chunked(parts: &mut Parts) -> bool {
    let streaming = parts
        .headers
        .get("x-amz-content-sha256")
        .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    let encodings: Vec<String> = parts
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|encoding| encoding.trim().to_owned())
        .collect();
    let kept: Vec<&str> = encodings
        .iter()
        .map(String::as_str)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("aws-chunked") && !encoding.is_empty())
        .collect();
    let named = kept.len() < encodings.len();
    if named {
        parts.headers.remove(CONTENT_ENCODING);
        if let Ok(value) = HeaderValue::from_str(&kept.join(","))
            && !kept.is_empty()
        {
            parts.headers.insert(CONTENT_ENCODING, value);
        }
    }
    streaming || named
}

/// The address without the parameters of a signed link; `None` when it has none.
fn without_signature(uri: &Uri) -> Option<Result<Uri, http::Error>> {
    const SIGNED: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    ];
    const SIGNED_OLD: [&str; 3] = ["AWSAccessKeyId", "Signature", "Expires"];
    let query = uri.query()?;
    let name = |pair: &'_ str| pair.split('=').next().unwrap_or_default().to_owned();
    let old = query.split('&').any(|pair| name(pair) == "AWSAccessKeyId");
    let belongs = |pair: &str| {
        let name = name(pair);
        SIGNED.contains(&name.as_str()) || (old && SIGNED_OLD.contains(&name.as_str()))
    };
    if !query.split('&').any(belongs) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !belongs(pair)).collect();
    let path = if kept.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), kept.join("&"))
    };
    let mut parts = uri.clone().into_parts();
    Some(path.parse().map_err(http::Error::from).and_then(|path| {
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(http::Error::from)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn signatures_are_taken_off() {
        let mut request = parts(
            "http://s3.localhost/bucket/key%20a?X-Amz-Signature=1&x-id=GetObject&X-Amz-Credential=a%2Fb",
            &[("authorization", "AWS4-HMAC-SHA256 Credential=a")],
        );
        assert!(prepare_head(&mut request).unwrap().is_none());
        assert_eq!(request.uri, "http://s3.localhost/bucket/key%20a?x-id=GetObject");
        assert!(request.headers.get("authorization").is_none());
        assert_eq!(request.headers["host"], "s3.localhost");

        let mut request = parts("/bucket/key?AWSAccessKeyId=a&Signature=b&Expires=1", &[]);
        prepare_head(&mut request).unwrap();
        assert_eq!(request.uri, "/bucket/key");
    }

    #[test]
    fn only_the_transfer_part_of_the_content_encoding_is_taken_off() {
        let mut request = parts(
            "/bucket/key",
            &[
                ("content-encoding", "gzip,aws-chunked"),
                ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
                ("x-amz-decoded-content-length", "11"),
                ("content-length", "50"),
            ],
        );
        assert!(prepare_head(&mut request).unwrap().is_some());
        assert_eq!(request.headers["content-encoding"], "gzip");
        assert_eq!(request.headers["content-length"], "11");

        let mut request = parts("/bucket/key", &[("content-encoding", "aws-chunked")]);
        let error = prepare_head(&mut request).unwrap_err();
        assert_eq!(error.code().as_str(), "MissingContentLength");

        let mut request = parts("/bucket/key", &[("content-encoding", "gzip")]);
        assert!(prepare_head(&mut request).unwrap().is_none());
        assert_eq!(request.headers["content-encoding"], "gzip");
    }
}
