//! The query protocol: a form of parameters in, an XML document out.

use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{self, Body};
use super::refusal::{Refusal, Shape};
use super::route::{Target, of_version};
use super::{Door, not_implemented};

/// A service that speaks the query protocol: `elasticbeanstalk` and `sts` of one account.
pub trait QueryService: Send + Sync {
    /// Answers a request, of which the parameters are given in their order (`Action` and `Version` among them).
    fn call(&self, parameters: Vec<(String, String)>) -> QueryAnswer;
}

/// What a query service answers, errors included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// HTTP status.
    pub status: u16,
    /// The XML document.
    pub body: String,
    /// The request's id, as the document says it.
    pub request_id: String,
}

/// Answers a query for a service that is known to be here.
pub(super) async fn answer(service: &dyn QueryService, request: Request<Body>, id: &str) -> Response<Body> {
    match read(request).await {
        Ok(parameters) => respond(service.call(parameters)),
        Err(refusal) => refusal.response(&Shape::Xml, id),
    }
}

/// Answers a query that does not say by a signature for which service it is.
pub(super) async fn answer_form(door: &Door, request: Request<Body>, id: &str) -> Response<Body> {
    let parameters = match read(request).await {
        Ok(parameters) => parameters,
        Err(refusal) => return refusal.response(&Shape::Xml, id),
    };
    let version = parameters.iter().find(|(name, _)| name == "Version");
    let version = version.map_or("", |(_, version)| version.as_str());
    match of_version(version) {
        Target::Unknown(service) => not_implemented(&service, &Shape::Xml, id),
        _ => respond(door.query.call(parameters)),
    }
}

/// The parameters in the address and in the body.
async fn read(request: Request<Body>) -> Result<Vec<(String, String)>, Refusal> {
    let (head, content) = request.into_parts();
    let form = body::collect(content).await?;
    Ok(parameters(&head, &form))
}

pub(super) fn parameters(head: &http::request::Parts, form: &[u8]) -> Vec<(String, String)> {
    let query = head.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        // The signature of a signed link is no parameter of the service.
        .filter(|(name, _)| !name.starts_with("X-Amz-"))
        .chain(form_urlencoded::parse(form))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn respond(answer: QueryAnswer) -> Response<Body> {
    let mut response = Response::new(body::whole(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(&answer.request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
