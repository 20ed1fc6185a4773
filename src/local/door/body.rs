//! Bodies of requests and answers, whatever they are made of.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};

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

pub(super) fn from_store(body: s3s::Body) -> Body {
    body.boxed()
}

pub(super) fn to_store(body: Body) -> s3s::Body {
    s3s::Body::http_body(body)
}
