//! What the proxy reads off a request: which operation it is.

use bytes::Bytes;
use http::request::Parts;

/// The name of an operation: a query's `Action`, of Route 53 by method and path, or for the object store its method, as in
/// `PutObject`.
pub(super) fn operation(head: &Parts, body: &Bytes) -> String {
    if let Some(path) = head.uri.path().strip_prefix("/2013-04-01/") {
        return of_zones(head.method.as_str(), path).to_owned();
    }
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let action = [body.as_ref(), query].into_iter().find_map(|form| {
        form_urlencoded::parse(form)
            .find(|(name, _)| name == "Action")
            .map(|(_, value)| value.into_owned())
    });
    action.unwrap_or_else(|| {
        let method = head.method.as_str().to_ascii_lowercase();
        let (first, rest) = method.split_at(1);
        format!("{}{rest}Object", first.to_ascii_uppercase())
    })
}

fn of_zones(method: &str, path: &str) -> &'static str {
    match (method, path.split('/').next(), path.contains("/rrset")) {
        ("POST", Some("hostedzone"), true) => "ChangeResourceRecordSets",
        ("GET", Some("hostedzone"), true) => "ListResourceRecordSets",
        ("GET", Some("hostedzonesbyname"), _) => "ListHostedZonesByName",
        ("GET", Some("change"), _) => "GetChange",
        _ => "AnotherOfRoute53",
    }
}

/// Whether an operation may change something.
pub(crate) fn mutates(operation: &str) -> bool {
    !["Describe", "List", "Check", "Get", "Head"]
        .iter()
        .any(|read| operation.starts_with(read))
}
