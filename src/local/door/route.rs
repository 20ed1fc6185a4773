//! Which service a request is meant for.
//!
//! A signed request names it (SigV4 credential scope). An unsigned one is judged by its form: the JSON and CBOR protocols
//! name it in headers or path, the query protocol has `Action` and `Version`, and what remains is S3.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Uri};

use crate::local::automation::{Service, is_package};
use crate::local::storage::{LOGS, OWN_BUCKETS};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To the services of the query protocol.
    Query,
    /// To Route 53.
    Zones,
    /// To CloudWatch.
    Metrics,
    /// To Lambda, CodePipeline or EventBridge Scheduler.
    Automation(Service),
    /// To S3.
    ObjectStore,
    /// A form without a signature: its `Version` tells.
    Form,
    /// A service that the local cloud does not have.
    Unknown(String),
}

/// Finds the target.
pub(super) fn target<B>(request: &Request<B>) -> Target {
    if let Some(service) = signed_service(request) {
        return of_service(&service);
    }
    if let Some(operation) = request.headers().get("x-amz-target") {
        // `CodePipeline_20150709.PutJobSuccessResult`
        let operation = String::from_utf8_lossy(operation.as_bytes());
        let service = operation.split('.').next().unwrap_or_default();
        return of_model(service);
    }
    let path = request.uri().path();
    if let Some(rest) = path.strip_prefix("/service/")
        && request.headers().contains_key("smithy-protocol")
    {
        let service = rest.split('/').next().unwrap_or_default();
        return of_model(service);
    }
    if path.starts_with("/2013-04-01/") {
        return Target::Zones;
    }
    if LAMBDA_PATHS.iter().any(|prefix| path.starts_with(prefix)) {
        return Target::Automation(Service::Functions);
    }
    if path == "/" && (is_form(request) || has_action(request)) {
        return Target::Form;
    }
    Target::ObjectStore
}

fn of_service(service: &str) -> Target {
    match service {
        "elasticbeanstalk" | "elasticloadbalancing" | "autoscaling" | "iam" | "sts" => Target::Query,
        "route53" => Target::Zones,
        "monitoring" => Target::Metrics,
        "s3" => Target::ObjectStore,
        "lambda" => Target::Automation(Service::Functions),
        "codepipeline" => Target::Automation(Service::Pipelines),
        "scheduler" => Target::Automation(Service::Schedules),
        other => Target::Unknown(other.to_owned()),
    }
}

/// Where a request goes by the name that a service has in its own model.
fn of_model(service: &str) -> Target {
    match service {
        CLOUDWATCH => Target::Metrics,
        CODEPIPELINE => Target::Automation(Service::Pipelines),
        other => Target::Unknown(other.to_owned()),
    }
}

/// CloudWatch's name in its own model.
const CLOUDWATCH: &str = "GraniteServiceVersion20100801";

/// CodePipeline's.
const CODEPIPELINE: &str = "CodePipeline_20150709";
/// Where Lambda's operations on functions begin; each kind has the date of its own.
const LAMBDA_PATHS: [&str; 4] = [
    "/2015-03-31/functions",
    "/2017-10-31/functions",
    "/2019-09-25/functions",
    "/2019-09-30/functions",
];

/// The name by which a service signs.
pub(super) fn name(service: Service) -> &'static str {
    match service {
        Service::Functions => "lambda",
        Service::Pipelines => "codepipeline",
        Service::Schedules => "scheduler",
    }
}

/// Where a query goes by its `Version`, which is different for each service.
pub(super) fn of_version(version: &str) -> Target {
    match version {
        "2010-12-01" | "2011-06-15" | "2015-12-01" | "2011-01-01" | "2010-05-08" => Target::Query,
        "2012-06-01" => Target::Unknown("elasticloadbalancing".to_owned()),
        "2014-10-31" => Target::Unknown("rds".to_owned()),
        "2010-05-15" => Target::Unknown("cloudformation".to_owned()),
        "2010-08-01" => Target::Unknown("monitoring".to_owned()),
        "2016-11-15" => Target::Unknown("ec2".to_owned()),
        "" => Target::Unknown("of a query without a Version".to_owned()),
        other => Target::Unknown(format!("of API version {other}")),
    }
}

fn is_form<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST
        && request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

fn has_action<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "Action")
}

/// The service in the credential scope.
fn signed_service<B>(request: &Request<B>) -> Option<String> {
    let scope = scope(request)?;
    // From the end, as a key id may have slashes.
    let service = scope.rsplit('/').nth(1)?;
    (!service.is_empty()).then(|| service.to_owned())
}

/// The credential scope of a signed request: `<key id>/<date>/<region>/<service>/aws4_request`.
pub(super) fn scope<B>(request: &Request<B>) -> Option<String> {
    scope_of(request.headers(), request.uri())
}

/// The same. Nobody else reads who has signed a request, so that its signature is checked with the key whose policy holds.
pub(super) fn scope_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let (_, rest) = header.to_str().ok()?.split_once("Credential=")?;
        return Some(rest.split([',', ' ']).next().unwrap_or_default().to_owned());
    }
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, _)| name == "X-Amz-Credential")
        .map(|(_, value)| value.into_owned())
}

/// Whether a request follows a link to logs or to a function's package, which on AWS the service has signed itself: whoever has the
/// link may follow it. None of them can be guessed.
pub(super) fn follows_own_link<B>(request: &Request<B>, target: &Target) -> bool {
    let is_linked = |path: &str| {
        let (bucket, key) = path.strip_prefix('/')?.split_once('/')?;
        let is_log = bucket.starts_with(OWN_BUCKETS) && key.starts_with(LOGS);
        Some(is_log || is_package(bucket, key))
    };
    *target == Target::ObjectStore
        && request.method() == Method::GET
        && request.uri().query().is_none()
        && !request.headers().contains_key(AUTHORIZATION)
        && is_linked(request.uri().path()) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&'static str, &'static str)]) -> Request<()> {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn signed_requests_say_their_service() {
        for (service, expected) in [
            ("elasticbeanstalk", Target::Query),
            ("sts", Target::Query),
            ("elasticloadbalancing", Target::Query),
            ("autoscaling", Target::Query),
            ("iam", Target::Query),
            ("s3", Target::ObjectStore),
            ("route53", Target::Zones),
            ("monitoring", Target::Metrics),
            ("lambda", Target::Automation(Service::Functions)),
            ("codepipeline", Target::Automation(Service::Pipelines)),
            ("scheduler", Target::Automation(Service::Schedules)),
            ("rds", Target::Unknown("rds".to_owned())),
        ] {
            let scope = format!("AKID/20261122/eu-central-1/{service}/aws4_request");
            let header = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
            let signed = Request::builder().header(AUTHORIZATION, header).body(()).unwrap();
            assert_eq!(target(&signed), expected);
            let scope = scope.replace('/', "%2F");
            let linked = request("GET", &format!("/?X-Amz-Credential={scope}&X-Amz-Signature=0"), &[]);
            assert_eq!(target(&linked), expected);
        }
    }

    #[test]
    fn unsigned_requests_are_known_by_their_form() {
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let json = [("x-amz-target", "CodePipeline_20150709.PollForJobs")];
        let codebuild = [("x-amz-target", "CodeBuild_20161006.StartBuild")];
        let cbor = [("smithy-protocol", "rpc-v2-cbor")];
        let unknown = |service: &str| Target::Unknown(service.to_owned());
        for (request, expected) in [
            (request("POST", "/", &form), Target::Form),
            (
                request("GET", "/?Action=DescribeEvents&Version=2010-12-01", &[]),
                Target::Form,
            ),
            (request("POST", "/", &json), Target::Automation(Service::Pipelines)),
            (request("POST", "/", &codebuild), unknown("CodeBuild_20161006")),
            (
                request("POST", "/2015-03-31/functions/release/invocations", &[]),
                Target::Automation(Service::Functions),
            ),
            (
                request(
                    "POST",
                    "/service/GraniteServiceVersion20100801/operation/PutMetricData",
                    &cbor,
                ),
                Target::Metrics,
            ),
            (request("GET", "/2013-04-01/hostedzone", &[]), Target::Zones),
            (request("GET", "/", &[]), Target::ObjectStore),
            (request("PUT", "/bucket/key", &form), Target::ObjectStore),
            (request("POST", "/bucket/key?uploads", &[]), Target::ObjectStore),
        ] {
            assert_eq!(target(&request), expected, "{request:?}");
        }
        assert_eq!(of_version("2010-12-01"), Target::Query);
        assert_eq!(of_version("2015-12-01"), Target::Query);
        assert_eq!(of_version("2010-08-01"), unknown("monitoring"));
    }
    #[test]
    fn links_of_the_services_own_are_told_from_all_else() {
        let path =
            "/elasticbeanstalk-eu-central-1-123456789012/resources/environments/logs/tail/e-1/i-1/TailLogs-1.txt";
        let follows = |request: &Request<()>| follows_own_link(request, &target(request));
        assert!(follows(&request("GET", path, &[])));
        let package = "/awslambda-eu-central-1-tasks/snapshots/123456789012/release-0f8f-77";
        assert!(follows(&request("GET", package, &[])));
        for other in [
            request("PUT", path, &[]),
            request("DELETE", path, &[]),
            request("GET", &format!("{path}?tagging"), &[]),
            request(
                "GET",
                &format!("{path}?X-Amz-Credential=a%2F20261126%2Fr%2Fs3%2Faws4_request"),
                &[],
            ),
            request("GET", path, &[("authorization", "Bearer x")]),
            request(
                "GET",
                "/elasticbeanstalk-eu-central-1-123456789012?prefix=resources/environments/logs/",
                &[],
            ),
            request(
                "GET",
                "/elasticbeanstalk-eu-central-1-123456789012/shop/bundle.zip",
                &[],
            ),
            request("GET", "/elasticbeanstalk-x/shop/resources/environments/logs/a", &[]),
            request("GET", "/releases/resources/environments/logs/a", &[]),
            request("PUT", package, &[]),
            request("GET", "/awslambda-eu-central-1-tasks?prefix=snapshots/", &[]),
            request("GET", "/awslambda-eu-central-1-tasks/other", &[]),
            request("GET", "/mine-tasks/snapshots/123456789012/a", &[]),
        ] {
            assert!(!follows(&other), "{other:?}");
        }
    }

    #[test]
    fn a_header_says_alone_who_has_signed() {
        let link = "/?X-Amz-Credential=b%2F20261126%2Fr%2Fs3%2Faws4_request";
        assert_eq!(scope(&request("GET", link, &[("authorization", "Bearer x")])), None);
        let header = "AWS4-HMAC-SHA256 Credential=a/20261126/r/s3/aws4_request, SignedHeaders=host, Signature=00";
        let scope = scope(&request("GET", link, &[("authorization", header)]));
        assert_eq!(scope.as_deref(), Some("a/20261126/r/s3/aws4_request"));
    }
}
