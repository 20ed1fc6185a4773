//! The services that are spoken to in JSON: Lambda and EventBridge Scheduler (REST), and CodePipeline (JSON 1.1).

use std::collections::BTreeMap;

use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{self, Body};
use super::refusal::{Refusal, Shape};
use super::route::{Target, name};
use crate::local::automation::{JsonRequest, JsonServices, Service};

/// An upload of a function's code: 50 MB as Base64, with its configuration (source: quotas of Lambda).
pub(super) const LONGEST_UPLOAD: usize = 70 << 20;

/// Answers a request for one of the services.
pub(super) async fn answer(
    services: &dyn JsonServices,
    service: Service,
    request: Request<Body>,
    id: &str,
) -> Response<Body> {
    let shape = Shape::of_target(&Target::Automation(service), &request);
    if shape == Shape::Cbor {
        let refusal = Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            code: "NotImplemented",
            message: format!(
                "The local cloud speaks with {} in JSON only, not in CBOR.",
                name(service)
            ),
        };
        return refusal.response(&shape, id);
    }
    let (parts, content) = request.into_parts();
    let longest = match service {
        Service::Functions => LONGEST_UPLOAD,
        Service::Pipelines | Service::Schedules => body::LONGEST,
    };
    let content = match body::collect_up_to(content, longest).await {
        Ok(content) => content,
        Err(refusal) => return refusal.response(&shape, id),
    };
    let query = parts.uri.query().unwrap_or_default();
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let request = JsonRequest {
        service,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: headers.collect::<BTreeMap<_, _>>(),
        body: content.into(),
        id: id.to_owned(),
    };
    let answer = services.call(request).await;
    let mut response = Response::new(body::whole(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = content_type(service);
    let own = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let headers = response.headers_mut();
    for (name, value) in [("content-type", kind), ("x-amzn-requestid", id)]
        .into_iter()
        .chain(own)
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// What its answers are.
pub(super) fn content_type(service: Service) -> &'static str {
    match service {
        Service::Pipelines => "application/x-amz-json-1.1",
        Service::Functions | Service::Schedules => "application/json",
    }
}
