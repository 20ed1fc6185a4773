//! Bodies of requests and answers, whatever they are made of.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};

use super::refusal::Refusal;

/// The longest document that is read. The services' own longest requests, with every option setting there is, stay far below.
pub(super) const LONGEST: usize = 1 << 20;

/// Any error, as bodies carry it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of a request or an answer. Make one with `http_body_util::BodyExt::boxed`.
pub type Body = BoxBody<Bytes, BoxError>;

pub(super) fn empty() -> Body {
    whole(Bytes::new())
}

pub(super) fn whole(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}

/// Reads a document whole.
pub(super) async fn collect(body: Body) -> Result<Vec<u8>, Refusal> {
    collect_up_to(body, LONGEST).await
}

/// The same with another limit.
pub(super) async fn collect_up_to(mut body: Body, longest: usize) -> Result<Vec<u8>, Refusal> {
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "IncompleteBody",
            message: format!("The request did not arrive whole: {error}"),
        })?;
        content.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        if content.len() > longest {
            return Err(Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                code: "RequestEntityTooLarge",
                message: format!("The request is longer than {longest} bytes."),
            });
        }
    }
    Ok(content)
}

pub(super) fn from_store(body: s3s::Body) -> Body {
    body.boxed()
}

pub(super) fn to_store(body: Body) -> s3s::Body {
    s3s::Body::http_body(body)
}
