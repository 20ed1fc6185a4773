//! CodePipeline, Lambda and EventBridge Scheduler.

use serde_json::Value;

use super::super::asked::{Asked, Place};
use crate::local::automation::{Named, Service};
use crate::local::percent::decoded;

/// What a call needs. For CodePipeline its document names what it is about; the others do so in their path.
pub(super) fn asked(service: Service, head: &http::request::Parts, body: &[u8], place: &Place) -> Vec<Asked> {
    let method = head.method.as_str();
    // As the services read it: names may be sent with escapes.
    let parts = head.uri.path().split('/').filter(|part| !part.is_empty()).map(decoded);
    let parts: Vec<String> = parts.collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match service {
        Service::Pipelines => pipelines(head, body, place),
        Service::Functions => {
            let query = head.uri.query().unwrap_or_default();
            let mut query = form_urlencoded::parse(query.as_bytes());
            let qualifier = query.find(|(name, _)| name == "Qualifier").map(|(_, value)| value);
            functions(method, parts.get(1..).unwrap_or_default(), qualifier.as_deref(), place)
        }
        Service::Schedules => schedules(method, &parts, place),
    }
}

fn pipelines(head: &http::request::Parts, body: &[u8], place: &Place) -> Vec<Asked> {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some(operation) = target.and_then(|target| target.rsplit('.').next()) else {
        return Vec::new();
    };
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| document[name].as_str();
    let name = text("pipelineName")
        .or(text("name"))
        .or_else(|| document["pipeline"]["name"].as_str());
    // Jobs are known by ids, and IAM knows no resource for them.
    let resource = match name.filter(|_| !operation.contains("Job")) {
        Some(name) => {
            let inner = [Some(name), text("stageName"), text("actionName")];
            place.arn(
                "codepipeline",
                &inner.into_iter().flatten().collect::<Vec<_>>().join("/"),
            )
        }
        None => "*".to_owned(),
    };
    vec![Asked::of(format!("codepipeline:{operation}"), resource)]
}

/// Of a path without its date: `functions`, and what comes after.
fn functions(method: &str, path: &[&str], qualifier: Option<&str>, place: &Place) -> Vec<Asked> {
    let (operation, name) = match (method, path) {
        ("GET", ["functions"]) => return vec![Asked::of("lambda:ListFunctions", "*")],
        // Its name is in a document that is not read here.
        ("POST", ["functions"]) => ("CreateFunction", "*"),
        ("GET", ["functions", name]) => ("GetFunction", *name),
        ("DELETE", ["functions", name]) => ("DeleteFunction", *name),
        ("POST", ["functions", name, "invocations"]) => ("InvokeFunction", *name),
        ("PUT", ["functions", name, "code"]) => ("UpdateFunctionCode", *name),
        ("GET", ["functions", name, "configuration"]) => ("GetFunctionConfiguration", *name),
        ("PUT", ["functions", name, "configuration"]) => ("UpdateFunctionConfiguration", *name),
        ("GET", ["functions", name, "event-invoke-config"]) => ("GetFunctionEventInvokeConfig", *name),
        ("PUT", ["functions", name, "event-invoke-config"]) => ("PutFunctionEventInvokeConfig", *name),
        ("POST", ["functions", name, "event-invoke-config"]) => ("UpdateFunctionEventInvokeConfig", *name),
        ("DELETE", ["functions", name, "event-invoke-config"]) => ("DeleteFunctionEventInvokeConfig", *name),
        ("PUT", ["functions", name, "concurrency"]) => ("PutFunctionConcurrency", *name),
        ("GET", ["functions", name, "concurrency"]) => ("GetFunctionConcurrency", *name),
        ("DELETE", ["functions", name, "concurrency"]) => ("DeleteFunctionConcurrency", *name),
        ("POST", ["functions", name, "policy"]) => ("AddPermission", *name),
        ("GET", ["functions", name, "policy"]) => ("GetPolicy", *name),
        ("DELETE", ["functions", name, "policy", _]) => ("RemovePermission", *name),
        ("POST", ["tags", ..]) => ("TagResource", "*"),
        ("DELETE", ["tags", ..]) => ("UntagResource", "*"),
        ("GET", ["tags", ..]) => ("ListTags", "*"),
        _ => return Vec::new(),
    };
    // A name may be a whole ARN, and have a qualifier itself.
    let named = Named::parse(name);
    let mut resource = place.arn("lambda", &format!("function:{}", named.name));
    if let Some(qualifier) = named.qualifier.as_deref().or(qualifier) {
        resource = format!("{resource}:{qualifier}");
    }
    vec![Asked::of(format!("lambda:{operation}"), resource)]
}

fn schedules(method: &str, path: &[&str], place: &Place) -> Vec<Asked> {
    let (operation, resource) = match (method, path) {
        ("POST", ["schedules", name]) => ("CreateSchedule", format!("schedule/default/{name}")),
        ("PUT", ["schedules", name]) => ("UpdateSchedule", format!("schedule/default/{name}")),
        ("GET", ["schedules", name]) => ("GetSchedule", format!("schedule/default/{name}")),
        ("DELETE", ["schedules", name]) => ("DeleteSchedule", format!("schedule/default/{name}")),
        ("GET", ["schedules"]) => ("ListSchedules", "schedule/*/*".to_owned()),
        ("GET", ["schedule-groups"]) => ("ListScheduleGroups", "schedule-group/*".to_owned()),
        ("GET", ["schedule-groups", name]) => ("GetScheduleGroup", format!("schedule-group/{name}")),
        _ => return Vec::new(),
    };
    vec![Asked::of(
        format!("scheduler:{operation}"),
        place.arn("scheduler", &resource),
    )]
}
