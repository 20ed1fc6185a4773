//! Holds callers to the policy of their access key, before anything is done.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode};

use super::body::{self, Body};
use super::refusal::{Refusal, Shape};
use super::route::{self, Target};
use super::{json, query, rpc};
use crate::local::automation::Service;
use crate::local::metrics::Document;
use crate::local::objects::Kept;
use crate::local::permissions::{Call, Denial, Permissions, Policy};

/// A request that may go on.
pub(super) struct Admitted {
    pub(super) request: Request<Body>,
    /// Set for one that reads an object, when its sender may not know which objects there are.
    pub(super) hides: Option<Denial>,
}

/// Lets a request on, or answers it.
pub(super) async fn admit(
    permissions: &Arc<Permissions>,
    target: &Target,
    shape: &Shape,
    request: Request<Body>,
    id: &str,
) -> Result<Admitted, Response<Body>> {
    let Some(policy) = policy(permissions, &request) else {
        return Ok(Admitted { request, hides: None });
    };
    let (head, body) = request.into_parts();
    if *target == Target::ObjectStore {
        // Its bodies are long, and say nothing about what is asked for.
        permissions
            .check(&policy, Call::Objects(&head))
            .map_err(|denial| of_objects(&denial, id))?;
        let hides = permissions.hides(&policy, &head);
        let mut request = Request::from_parts(head, body);
        let permissions = Arc::clone(permissions);
        request.extensions_mut().insert(Kept::new(move |bucket, key| {
            permissions.keeps(&policy, bucket, key).map(|denial| denial.to_string())
        }));
        return Ok(Admitted { request, hides });
    }
    if let Target::Automation(service) = *target
        && !Permissions::reads_body(service, &head)
    {
        // Whole programs may be in their bodies, and their paths say what is asked for.
        let call = Call::Automation {
            service,
            head: &head,
            body: &[],
        };
        permissions
            .check(&policy, call)
            .map_err(|denial| denied(&denial, target, shape, id))?;
        let request = Request::from_parts(head, body);
        return Ok(Admitted { request, hides: None });
    }
    let longest = match target {
        Target::Automation(Service::Functions) => json::LONGEST_UPLOAD,
        _ => body::LONGEST,
    };
    let content = body::collect_up_to(body, longest)
        .await
        .map_err(|refusal| refusal.response(shape, id))?;
    let checked = match target {
        Target::Query | Target::Form => permissions.check(&policy, Call::Query(&query::parameters(&head, &content))),
        Target::Zones => permissions.check(
            &policy,
            Call::Zones {
                method: head.method.as_str(),
                path: head.uri.path(),
                body: &content,
            },
        ),
        Target::Metrics => match rpc::operation(&head) {
            Some(operation) => {
                // One that cannot be read names nothing, and is refused for that by the service.
                let input = rpc::document(shape, &content).unwrap_or(Document::Null);
                let call = Call::Metrics {
                    operation: &operation,
                    input: &input,
                };
                permissions.check(&policy, call)
            }
            None => Ok(()),
        },
        Target::Automation(service) => permissions.check(
            &policy,
            Call::Automation {
                service: *service,
                head: &head,
                body: &content,
            },
        ),
        Target::ObjectStore | Target::Unknown(_) => Ok(()),
    };
    match checked {
        Ok(()) => Ok(Admitted {
            request: Request::from_parts(head, body::whole(content)),
            hides: None,
        }),
        Err(denial) => Err(denied(&denial, target, shape, id)),
    }
}

/// The policy of whoever has signed a request.
fn policy(permissions: &Permissions, request: &Request<Body>) -> Option<Arc<Policy>> {
    let scope = route::scope(request);
    // The date comes after the key, which may have slashes; region, service and `aws4_request` after that.
    permissions.policy(scope.as_deref().and_then(|scope| scope.rsplitn(5, '/').nth(4)))
}

fn denied(denial: &Denial, target: &Target, shape: &Shape, id: &str) -> Response<Body> {
    let automation = matches!(target, Target::Automation(_));
    // Services that never spoke the query protocol have this name for it.
    let code = if automation { "AccessDeniedException" } else { CODE };
    let mut response = refusal(denial, code).response(shape, id);
    if *shape != Shape::Xml && !automation {
        response
            .headers_mut()
            .insert("x-amzn-query-error", HeaderValue::from_static("AccessDenied;Sender"));
    }
    response
}

/// As S3 has it.
pub(super) fn of_objects(denial: &Denial, id: &str) -> Response<Body> {
    refusal(denial, CODE).response(&Shape::Store, id)
}

fn refusal(denial: &Denial, code: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::FORBIDDEN,
        code,
        message: denial.to_string(),
    }
}

const CODE: &str = "AccessDenied";
