//! The network between a driver and the account. A request is on its way by itself: what becomes of it does not depend on
//! whether its sender is still alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};

use super::permits;
use super::rules;
use super::scenario::{Fate, Moment, Service};
use super::scene::Scene;
use super::sequel;
use super::shares;
use crate::aws::InProcess;

/// After so long nothing that was sent is on its way any more.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What one process is connected by.
pub(super) struct Wire {
    scene: Arc<Scene>,
    process: usize,
    answers: Arc<Answers>,
}

/// Answers to reads as they were, for those who are behind.
#[derive(Default)]
pub(super) struct Answers(Mutex<BTreeMap<Vec<u8>, Vec<Kept>>>);

/// An answer and when it was given.
type Kept = (Duration, Answer);

/// Status, type and body.
type Answer = (u16, Option<HeaderValue>, Bytes);

impl Wire {
    pub(super) fn new(scene: Arc<Scene>, process: usize, answers: Arc<Answers>) -> Self {
        Self {
            scene,
            process,
            answers,
        }
    }
}

/// What a request asks for.
pub(super) struct Call {
    /// The operation, as AWS calls it.
    pub(super) operation: String,
    /// The parameters of a call by the query protocol, as they were sent.
    pub(super) form: Bytes,
    services: Vec<Service>,
    /// Whether it is a call in JSON.
    json: bool,
}

impl Call {
    fn of(request: &Request<Bytes>) -> Self {
        let target = request.headers().get("x-amz-target");
        if let Some((_, operation)) = target.and_then(|target| target.to_str().ok()?.split_once('.')) {
            return Self {
                operation: operation.to_owned(),
                form: Bytes::new(),
                services: vec![Service::Pipelines],
                json: true,
            };
        }
        if let Some(operation) = action(request.body()) {
            let monitoring = matches!(
                operation,
                "DescribeEnvironmentHealth" | "DescribeInstancesHealth" | "DescribeEvents"
            );
            let weights = matches!(
                operation,
                "DescribeRules"
                    | "DescribeTags"
                    | "ModifyRule"
                    | "DescribeTargetHealth"
                    | "DescribeTargetGroups"
                    | "DescribeAutoScalingGroups"
                    | "TerminateInstanceInAutoScalingGroup"
            );
            let mut services = vec![if weights { Service::Weights } else { Service::Beanstalk }];
            if monitoring {
                services.push(Service::Monitoring);
            }
            return Self {
                operation: operation.to_owned(),
                form: request.body().clone(),
                services,
                json: false,
            };
        }
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        if let Some(of_records) = path.strip_prefix("/2013-04-01/") {
            let changes = *request.method() == Method::POST;
            let operation = match of_records {
                _ if changes => "ChangeResourceRecordSets",
                _ if of_records.starts_with("change/") => "GetChange",
                _ if of_records.starts_with("hostedzonesbyname") => "ListHostedZonesByName",
                _ => "ListResourceRecordSets",
            };
            return Self {
                operation: operation.to_owned(),
                // What tells one read from another.
                form: if changes {
                    request.body().clone()
                } else {
                    Bytes::from(format!("{path}?{query}"))
                },
                services: vec![Service::Weights],
                json: false,
            };
        }
        if let Some((_, operation)) = path.split_once("/operation/") {
            return Self {
                operation: operation.to_owned(),
                form: Bytes::new(),
                services: vec![Service::Monitoring],
                json: false,
            };
        }
        let operation = match *request.method() {
            Method::PUT => "PutObject",
            Method::DELETE => "DeleteObject",
            Method::HEAD => "HeadObject",
            _ if query.contains("list-type") => "ListObjectsV2",
            _ => "GetObject",
        };
        let mut services = vec![Service::Storage];
        if path.contains("journal") || query.contains("journal") {
            services.push(Service::Journal);
        }
        Self {
            operation: operation.to_owned(),
            form: Bytes::new(),
            services,
            json: false,
        }
    }

    /// Whether it changes anything on Elastic Beanstalk.
    pub(super) fn changes(&self) -> bool {
        !self.form.is_empty()
            && !["Describe", "List", "Get", "Check", "Retrieve", "Request"]
                .iter()
                .any(|read| self.operation.starts_with(read))
    }

    /// A parameter's value, without what would need decoding.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.form)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// The value of `Action` in a form.
fn action(form: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(form).ok()?;
    let rest = text.strip_prefix("Action=")?;
    Some(rest.split_once('&').map_or(rest, |(action, _)| action))
}

#[async_trait::async_trait]
impl InProcess for Wire {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let call = Call::of(&request);
        let (number, fate) = self.scene.fate(&call.operation, &call.services);
        self.scene.survive(self.process, Moment::BeforeCall(number)).await;
        let (send, receive) = tokio::sync::oneshot::channel();
        let trip = Trip {
            scene: Arc::clone(&self.scene),
            answers: Arc::clone(&self.answers),
            process: self.process,
            number,
        };
        tokio::spawn(async move {
            let answer = trip.carry(call, request, fate).await;
            // The sender may be dead, or have lost its patience.
            let _ = send.send(answer);
        });
        match receive.await {
            Ok(answer) => answer,
            Err(_) => Err("connection reset by peer".to_owned()),
        }
    }
}

struct Trip {
    scene: Arc<Scene>,
    answers: Arc<Answers>,
    process: usize,
    number: u32,
}

impl Trip {
    async fn carry(self, call: Call, request: Request<Bytes>, fate: Option<Fate>) -> Result<Response<Bytes>, String> {
        let lost = || Err("connection reset by peer".to_owned());
        let query = !call.form.is_empty();
        let form = match (query, call.json) {
            (_, true) => Form::Json,
            (true, _) => Form::Query,
            (false, _) => Form::Rest,
        };
        let latency = self.scene.latency();
        tokio::time::sleep(match fate {
            Some(Fate::Slow(length)) => length,
            _ => latency,
        })
        .await;
        if let Some(fate) = fate {
            self.scene.tell(&"network", || format!("{}: {fate:?}", call.operation));
        }
        match fate {
            Some(Fate::LostBefore) => return lost(),
            Some(Fate::Hangs) => {
                tokio::time::sleep(FOR_EVER).await;
                return lost();
            }
            Some(Fate::ErrorBefore) => {
                return Ok(refusal(form, 500, "InternalFailure", "simulated: nothing was done"));
            }
            Some(Fate::Throttled) if query || call.json => {
                return Ok(refusal(form, 400, "Throttling", "Rate exceeded"));
            }
            Some(Fate::Throttled) => return Ok(refusal(form, 503, "SlowDown", "Please reduce your request rate.")),
            Some(Fate::Denied) => {
                return Ok(refusal(
                    form,
                    403,
                    "AccessDenied",
                    "User is not authorized to perform this action",
                ));
            }
            Some(Fate::Stale(age)) if query && !call.changes() => {
                if let Some(answer) = self.answers.of(&call.form, self.scene.elapsed().saturating_sub(age)) {
                    // It was really seen, if not by then: how old it may be is judged by the age of the newest.
                    if call.operation == "DescribeEnvironmentHealth" {
                        self.scene.state().health_reads += 1;
                    }
                    return Ok(answer);
                }
            }
            _ => {}
        }
        let before = call
            .changes()
            .then(|| (rules::before(&self.scene), self.scene.stage.places()));
        let response = self.scene.stage.answer(request).await;
        permits::answered(&self.scene, &call, &response);
        if let Some(before) = before {
            rules::after_call(
                &self.scene,
                self.process,
                &call,
                response.status().is_success(),
                &before.0,
            );
            let done = response.status().is_success();
            let sequel = self.scene.state().sequel;
            if sequel && done {
                sequel::after_call(&self.scene, &call, &before.0, &before.1);
            }
            let weighs = matches!(call.operation.as_str(), "ChangeResourceRecordSets" | "ModifyRule");
            if weighs && done && !sequel {
                shares::weighed(&self.scene, &before.1);
            }
        } else if query {
            self.answers.keep(&call.form, self.scene.elapsed(), &response);
        }
        self.scene.survive(self.process, Moment::AfterCall(self.number)).await;
        match fate {
            Some(Fate::LostAfter) => lost(),
            Some(Fate::ErrorAfter) => Ok(refusal(form, 500, "InternalFailure", "simulated: it was done")),
            _ => {
                tokio::time::sleep(latency).await;
                if call.operation == "DescribeEnvironmentHealth" && response.status().is_success() {
                    let now = self.scene.elapsed();
                    let mut state = self.scene.state();
                    state.health_reads += 1;
                    state.health_read_at = Some(now);
                }
                Ok(response)
            }
        }
    }
}

impl Answers {
    fn keep(&self, form: &Bytes, at: Duration, response: &Response<Bytes>) {
        let answer = (
            response.status().as_u16(),
            response.headers().get(http::header::CONTENT_TYPE).cloned(),
            response.body().clone(),
        );
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = answers.entry(form.to_vec()).or_default();
        // Nobody is behind by more than some seconds.
        let horizon = at.saturating_sub(Duration::from_secs(60));
        kept.retain(|(at, _)| *at >= horizon);
        kept.push((at, answer));
    }

    /// The oldest answer that is not older than that.
    fn of(&self, form: &[u8], not_before: Duration) -> Option<Response<Bytes>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, (status, kind, body)) = answers.get(form)?.iter().find(|(at, _)| *at >= not_before)?;
        let mut response = Response::new(body.clone());
        *response.status_mut() = http::StatusCode::from_u16(*status).ok()?;
        if let Some(kind) = kind {
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind.clone());
        }
        Some(response)
    }
}

/// How a service words its errors.
#[derive(Clone, Copy)]
enum Form {
    Query,
    Rest,
    Json,
}

/// An error as the service words it.
fn refusal(form: Form, status: u16, code: &str, message: &str) -> Response<Bytes> {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let (kind, body) = match form {
        Form::Query => (
            "text/xml",
            format!(
                "<ErrorResponse xmlns=\"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/\"><Error><Type>{fault}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>simulated</RequestId></ErrorResponse>"
            ),
        ),
        Form::Rest => (
            "text/xml",
            format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>simulated</RequestId></Error>"),
        ),
        Form::Json => (
            "application/x-amz-json-1.1",
            serde_json::json!({ "__type": code, "message": message }).to_string(),
        ),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
