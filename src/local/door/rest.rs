//! The REST protocol with XML: Route 53.

use http::header::LOCATION;
use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{self, Body};
use super::refusal::Shape;
use crate::local::zones::{RestAnswer, RestRequest};

/// A service that speaks REST with XML: `route53` of one account.
pub trait RestService: Send + Sync {
    /// Answers a request that has this id.
    fn call(&self, request: &RestRequest, id: &str) -> RestAnswer;
}

/// Answers a request for the service.
pub(super) async fn answer(service: &dyn RestService, request: Request<Body>, id: &str) -> Response<Body> {
    let (parts, content) = request.into_parts();
    let content = match body::collect(content).await {
        Ok(content) => content,
        Err(refusal) => return refusal.response(&Shape::Xml, id),
    };
    let query = parts.uri.query().unwrap_or_default();
    let request = RestRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        body: content,
    };
    let answer = service.call(&request, id);
    let mut response = Response::new(body::whole(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(location) = answer.location
        && let Ok(location) = HeaderValue::from_str(&location)
    {
        headers.insert(LOCATION, location);
    }
    response
}
