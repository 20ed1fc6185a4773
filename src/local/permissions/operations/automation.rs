//! CodePipeline, Lambda and EventBridge Scheduler.

use serde_json::Value;

use super::super::asked::{Asked, Place};
use crate::local::automation::{Named, Service};
use crate::local::percent::decoded;

/// What a call needs. For CodePipeline its document names what it is about; the others do so in their path, but for what
/// [`reads_body`] tells.
pub(super) fn asked(service: Service, head: &http::request::Parts, body: &[u8], place: &Place) -> Vec<Asked> {
    let method = head.method.as_str();
    // As the services read it: names may be sent with escapes.
    let parts = head.uri.path().split('/').filter(|part| !part.is_empty()).map(decoded);
    let parts: Vec<String> = parts.collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match service {
        Service::Pipelines => pipelines(head, body, place),
        Service::Functions if method == "POST" && parts.get(1..) == Some(&["functions"]) => creation(body, place),
        Service::Functions => {
            let query = head.uri.query().unwrap_or_default();
            let mut query = form_urlencoded::parse(query.as_bytes());
            let qualifier = query.find(|(name, _)| name == "Qualifier").map(|(_, value)| value);
            let mut all = functions(method, parts.get(1..).unwrap_or_default(), qualifier.as_deref(), place);
            if reads_body(service, head) {
                all.extend(passed(&document(body)["Role"], "lambda.amazonaws.com"));
            }
            all
        }
        Service::Schedules => {
            let mut all = schedules(method, &parts, place);
            if reads_body(service, head) {
                all.extend(passed(&document(body)["Target"]["RoleArn"], "scheduler.amazonaws.com"));
            }
            all
        }
    }
}

/// Whether what a call needs is in its body too, and not in its address alone.
pub(in super::super) fn reads_body(service: Service, head: &http::request::Parts) -> bool {
    let (method, path) = (head.method.as_str(), decoded(head.uri.path()));
    let last = path.split('/').rfind(|part| !part.is_empty());
    match service {
        Service::Pipelines => true,
        Service::Functions => matches!(
            (method, last),
            ("POST", Some("functions")) | ("PUT", Some("configuration"))
        ),
        Service::Schedules => matches!(method, "POST" | "PUT"),
    }
}

/// A body as JSON. One that cannot be read names nothing, and is refused for that by the service.
fn document(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whoever gives a service a role must be allowed to pass it ("Grant a user permissions to pass a role to an AWS service", IAM User Guide).
fn passed(role: &Value, service: &str) -> Option<Asked> {
    Some(Asked::pass_role(role.as_str()?, service))
}

/// `CreateFunction`: the name is in its document, with a role and maybe tags.
fn creation(body: &[u8], place: &Place) -> Vec<Asked> {
    let document = document(body);
    let named = Named::parse(document["FunctionName"].as_str().unwrap_or("*"));
    let function = place.arn("lambda", &format!("function:{}", named.name));
    let tags = document["Tags"].as_object().into_iter().flatten();
    let tags = tags.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
    let asked = Asked::of("lambda:CreateFunction", function).with_tags(tags);
    let tagging = asked.tagging("lambda:TagResource");
    let passed = passed(&document["Role"], "lambda.amazonaws.com");
    std::iter::once(asked).chain(tagging).chain(passed).collect()
}

fn pipelines(head: &http::request::Parts, body: &[u8], place: &Place) -> Vec<Asked> {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some(operation) = target.and_then(|target| target.rsplit('.').next()) else {
        return Vec::new();
    };
    let document = document(body);
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
    let tags = document["tags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str()?.to_owned())));
    let asked = Asked::of(format!("codepipeline:{operation}"), resource).with_tags(tags);
    if !matches!(operation, "CreatePipeline" | "UpdatePipeline") {
        return vec![asked];
    }
    let tagging = asked.tagging("codepipeline:TagResource");
    let passed = passed(&document["pipeline"]["roleArn"], "codepipeline.amazonaws.com");
    std::iter::once(asked).chain(tagging).chain(passed).collect()
}

/// Of a path without its date: `functions`, and what comes after.
fn functions(method: &str, path: &[&str], qualifier: Option<&str>, place: &Place) -> Vec<Asked> {
    let (operation, name) = match (method, path) {
        ("GET", ["functions"]) => return vec![Asked::of("lambda:ListFunctions", "*")],
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
        ("POST", ["tags", arn]) => ("TagResource", *arn),
        ("DELETE", ["tags", arn]) => ("UntagResource", *arn),
        ("GET", ["tags", arn]) => ("ListTags", *arn),
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
