//! The one entrance to the local cloud: it tells from a request which AWS service it is meant for.
//!
//! The same [`Door`] is reached over a loopback socket ([`serve`]) and in process ([`Door::handle`]). Requests of web pages
//! are refused: a page that someone has open must not be able to start programs through an account on their own machine.

mod body;
mod guard;
mod json;
mod listener;
mod permit;
mod query;
mod refusal;
mod rest;
mod route;
mod rpc;
mod serve;
mod signature;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

pub use body::{Body, BoxError};
pub use listener::Listener;
pub use query::{QueryAnswer, QueryService};
pub use rest::RestService;
pub use rpc::DocumentService;
pub use serve::serve;
pub use signature::{Keys, KeysError};

use super::automation::JsonServices;
use super::memory::Memory;
use super::objects::{RequestId, S3Front};
use super::permissions::Permissions;
use crate::model::Clock;
use refusal::{Refusal, Shape};
use route::Target;

/// The entrance to an account. Shared as an `Arc`.
pub struct Door {
    query: Arc<dyn QueryService>,
    zones: Option<Arc<dyn RestService>>,
    metrics: Option<Arc<dyn DocumentService>>,
    automation: Option<Arc<dyn JsonServices>>,
    objects: S3Front,
    permissions: Option<Arc<Permissions>>,
    /// What is on the disk before anybody is answered; `None` for an account that is gone with its process.
    memory: Option<Arc<Memory>>,
    clock: Arc<dyn Clock>,
    /// Access keys whose signatures are checked; with `None` any signature will do, and none as well.
    /// Keys, and the region that they sign for.
    keys: Option<(Keys, String)>,
    pace: Option<HeaderValue>,
    requests: AtomicU64,
}

impl Door {
    /// A door to the services that speak the query protocol (`elasticbeanstalk`, `elasticloadbalancing`,
    /// `autoscaling`, `sts`) and to S3. The clock fills the
    /// `Date` header, which clients take for AWS's time.
    pub fn new(query: Arc<dyn QueryService>, objects: S3Front, clock: Arc<dyn Clock>) -> Self {
        Self {
            query,
            zones: None,
            metrics: None,
            automation: None,
            objects,
            permissions: None,
            memory: None,
            clock,
            keys: None,
            pace: None,
            requests: AtomicU64::new(0),
        }
    }

    /// The same in front of a cloud that is so many times faster than AWS: each answer says so.
    #[must_use]
    pub fn with_pace(mut self, pace: f64) -> Self {
        self.pace = HeaderValue::from_str(&pace.to_string()).ok();
        self
    }

    /// The same with Route 53.
    #[must_use]
    pub fn with_zones(mut self, zones: Arc<dyn RestService>) -> Self {
        self.zones = Some(zones);
        self
    }

    /// The same with CloudWatch.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<dyn DocumentService>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// The same with Lambda, CodePipeline and EventBridge Scheduler.
    #[must_use]
    pub fn with_automation(mut self, automation: Arc<dyn JsonServices>) -> Self {
        self.automation = Some(automation);
        self
    }

    /// The same for callers who may be held to policies.
    #[must_use]
    pub fn with_permissions(mut self, permissions: Arc<Permissions>) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// The same for an account that is remembered.
    #[must_use]
    pub(super) fn with_memory(mut self, memory: Arc<Memory>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// The same for those alone who sign with one of these keys, for this region.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys, region: impl Into<String>) -> Self {
        self.keys = Some((keys, region.into()));
        self
    }

    /// Answers a request. Every error is an answer too.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let id = self.next_request_id();
        let head = request.method() == Method::HEAD;
        let mut response = match &self.memory {
            None => self.dispatch(request, &id).await,
            Some(memory) => self.remembered(memory, request, &id).await,
        };
        let bare = head || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bare {
            // A socket would not carry these bodies; in process they must not be there either.
            *response.body_mut() = body::empty();
            if response.status() == StatusCode::NOT_MODIFIED || !response.status().is_success() {
                response.headers_mut().remove(CONTENT_LENGTH);
                response.headers_mut().remove(CONTENT_TYPE);
            }
        }
        if let Ok(date) = HeaderValue::from_str(&http_date(self.clock.now())) {
            response.headers_mut().insert(DATE, date);
        }
        if let Some(pace) = &self.pace {
            response.headers_mut().insert(crate::model::PACE_HEADER, pace.clone());
        }
        response
    }

    /// Answers a request once what the answer tells of is on the disk, whoever has done it.
    async fn remembered(&self, memory: &Memory, request: Request<Body>, id: &str) -> Response<Body> {
        let shape = Shape::of_target(&route::target(&request), &request);
        let response = self.dispatch(request, id).await;
        let Err(error) = memory.settle().await else {
            return response;
        };
        tracing::error!(%error, "the local cloud cannot keep what it has done");
        let refusal = Refusal {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalFailure",
            message: format!("The local cloud did what was asked for, and could not keep it: {error}"),
        };
        refusal.response(&shape, id)
    }

    async fn dispatch(&self, request: Request<Body>, id: &str) -> Response<Body> {
        let target = route::target(&request);
        let shape = Shape::of_target(&target, &request);
        if let Err(reason) = guard::admit(&request) {
            let refusal = Refusal {
                status: StatusCode::FORBIDDEN,
                code: "AccessDenied",
                message: reason.to_string(),
            };
            return refusal.response(&shape, id);
        }
        let (mut request, mut hides) = (request, None);
        // Whoever has such a link need not say who they are.
        if !route::follows_own_link(&request, &target) {
            if let Some((keys, region)) = &self.keys {
                request = match signature::verify(keys, region, request, &shape, self.clock.now()).await {
                    Ok(request) => request,
                    Err(refusal) => return refusal.response(&shape, id),
                };
            } else if let Err(refusal) = signature::check_link(&request, &shape, self.clock.now()) {
                return refusal.response(&shape, id);
            }
            if let Some(permissions) = &self.permissions {
                match permit::admit(permissions, &target, &shape, request, id).await {
                    Ok(admitted) => (request, hides) = (admitted.request, admitted.hides),
                    Err(denied) => return denied,
                }
            }
        }
        match target {
            Target::ObjectStore => {
                request.extensions_mut().insert(RequestId::new(id));
                let mut response = self
                    .objects
                    .handle(request.map(body::to_store))
                    .await
                    .map(body::from_store);
                if let Some(denial) = hides
                    && response.status() == StatusCode::NOT_FOUND
                {
                    response = permit::of_objects(&denial, id);
                }
                if let Ok(value) = HeaderValue::from_str(id) {
                    response.headers_mut().insert("x-amz-request-id", value);
                }
                response
            }
            Target::Query => query::answer(self.query.as_ref(), request, id).await,
            Target::Zones => match &self.zones {
                Some(zones) => rest::answer(zones.as_ref(), request, id).await,
                None => not_implemented("route53", &Shape::Xml, id),
            },
            Target::Metrics => match &self.metrics {
                Some(metrics) => rpc::answer(metrics.as_ref(), request, id).await,
                None => not_implemented("monitoring", &shape, id),
            },
            Target::Automation(service) => match &self.automation {
                Some(automation) => json::answer(automation.as_ref(), service, request, id).await,
                None => not_implemented(route::name(service), &shape, id),
            },
            Target::Form => query::answer_form(self, request, id).await,
            Target::Unknown(service) => not_implemented(&service, &shape, id),
        }
    }

    /// Ids look like those of AWS, and are the same in every run that gets the same requests in the same order.
    fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

fn not_implemented(service: &str, shape: &Shape, id: &str) -> Response<Body> {
    let refusal = Refusal {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "NotImplemented",
        message: format!(
            "The local cloud does not implement the service {service}; it has autoscaling, codepipeline, \
             elasticbeanstalk, elasticloadbalancing, iam, lambda, monitoring, route53, s3, scheduler and sts."
        ),
    };
    refusal.response(shape, id)
}

/// A moment in the form of HTTP headers.
fn http_date(at: crate::model::Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .unwrap_or_default()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[cfg(test)]
mod tests;
