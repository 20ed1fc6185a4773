//! The protocols that name an operation and carry one document each way: JSON 1.0, and Smithy RPC v2 with CBOR. CloudWatch.

use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{self, Body};
use super::refusal::{Refusal, Shape};
use crate::local::fault::Fault;
use crate::local::metrics::Document;

/// A service with operations on documents: `monitoring` of one account.
pub trait DocumentService: Send + Sync {
    /// Carries out an operation.
    ///
    /// # Errors
    ///
    /// What the service refuses.
    fn call(&self, operation: &str, input: &Document) -> Result<Document, Fault>;
}

/// The operation that a request names: `GraniteServiceVersion20100801.GetMetricData` in a header, or the end of
/// `/service/GraniteServiceVersion20100801/operation/GetMetricData`.
pub(super) fn operation(head: &http::request::Parts) -> Option<String> {
    if let Some(target) = head.headers.get("x-amz-target") {
        return Some(target.to_str().ok()?.rsplit('.').next()?.to_owned());
    }
    let (_, operation) = head.uri.path().split_once("/operation/")?;
    Some(operation.to_owned())
}

/// The document that a request carries.
///
/// # Errors
///
/// What the parser says.
pub(super) fn document(shape: &Shape, content: &[u8]) -> Result<Document, String> {
    match shape {
        Shape::Cbor => Document::from_cbor(content),
        Shape::Json(_) | Shape::Xml | Shape::Store => Document::from_json(content),
    }
}

/// Answers a request for the service.
pub(super) async fn answer(service: &dyn DocumentService, request: Request<Body>, id: &str) -> Response<Body> {
    let shape = Shape::of(&request);
    let (head, content) = request.into_parts();
    let Some(operation) = operation(&head) else {
        let refusal = Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            code: "NotImplemented",
            message: "The local cloud speaks with CloudWatch in JSON and CBOR only, not in the query protocol."
                .to_owned(),
        };
        return refusal.response(&shape, id);
    };
    let content = match body::collect(content).await {
        Ok(content) => content,
        Err(refusal) => return refusal.response(&shape, id),
    };
    let result = match document(&shape, &content) {
        Ok(input) => service.call(&operation, &input),
        Err(why) => Err(Fault {
            status: 400,
            code: "SerializationException",
            message: format!("The request cannot be read: {why}"),
        }),
    };
    match result {
        Ok(document) => success(&document, &shape, id),
        Err(fault) => refused(fault, &shape, id),
    }
}

fn success(document: &Document, shape: &Shape, id: &str) -> Response<Body> {
    let (content, kind) = match shape {
        Shape::Cbor => (document.to_cbor(), "application/cbor"),
        Shape::Json(kind) => (document.to_json(), kind.as_str()),
        Shape::Xml | Shape::Store => (document.to_json(), "application/x-amz-json-1.0"),
    };
    let mut response = Response::new(body::whole(content));
    let headers = response.headers_mut();
    for (name, value) in [("content-type", kind), ("x-amzn-requestid", id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if *shape == Shape::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

/// Clients of a service that once spoke the query protocol look for its code in a header.
fn refused(fault: Fault, shape: &Shape, id: &str) -> Response<Body> {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let blame = if status.is_server_error() { "Receiver" } else { "Sender" };
    let told = format!("{};{blame}", fault.code);
    let refusal = Refusal {
        status,
        code: fault.code,
        message: fault.message,
    };
    let mut response = refusal.response(shape, id);
    if let Ok(told) = HeaderValue::try_from(told) {
        response.headers_mut().insert("x-amzn-query-error", told);
    }
    response
}
