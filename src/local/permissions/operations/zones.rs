//! Route 53.

use super::super::asked::Asked;
use crate::local::zones::changed;

pub(super) fn asked(method: &str, path: &str, body: &[u8]) -> Vec<Asked> {
    let path = path.strip_prefix("/2013-04-01/").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let of = |kind: &str, id: &str| format!("arn:aws:route53:::{kind}/{id}");
    let (operation, resource) = match (method, parts.as_slice()) {
        ("POST", ["hostedzone"]) => ("CreateHostedZone", "*".to_owned()),
        ("GET", ["hostedzone"]) => ("ListHostedZones", "*".to_owned()),
        ("GET", ["hostedzonesbyname"]) => ("ListHostedZonesByName", "*".to_owned()),
        ("GET", ["hostedzonecount"]) => ("GetHostedZoneCount", "*".to_owned()),
        ("GET", ["hostedzone", id]) => ("GetHostedZone", of("hostedzone", id)),
        ("DELETE", ["hostedzone", id]) => ("DeleteHostedZone", of("hostedzone", id)),
        ("GET", ["hostedzone", id, "rrset"]) => ("ListResourceRecordSets", of("hostedzone", id)),
        ("POST", ["hostedzone", id, "rrset"]) => {
            return vec![changes(
                Asked::of("route53:ChangeResourceRecordSets", of("hostedzone", id)),
                body,
            )];
        }
        ("POST", ["healthcheck"]) => ("CreateHealthCheck", "*".to_owned()),
        ("GET", ["healthcheck"]) => ("ListHealthChecks", "*".to_owned()),
        ("GET", ["healthcheck", id]) => ("GetHealthCheck", of("healthcheck", id)),
        ("GET", ["healthcheck", id, "status"]) => ("GetHealthCheckStatus", of("healthcheck", id)),
        ("DELETE", ["healthcheck", id]) => ("DeleteHealthCheck", of("healthcheck", id)),
        ("GET", ["change", id]) => ("GetChange", of("change", id)),
        _ => return Vec::new(),
    };
    vec![Asked::of(format!("route53:{operation}"), resource)]
}

/// With what the batch is about to change. One that cannot be read has no keys.
fn changes(asked: Asked, body: &[u8]) -> Asked {
    let changes = changed(body).unwrap_or_default();
    changes.into_iter().fold(asked, |asked, (action, name, kind)| {
        asked
            .with("route53:ChangeResourceRecordSetsActions", action)
            .with("route53:ChangeResourceRecordSetsNormalizedRecordNames", name.bare())
            .with("route53:ChangeResourceRecordSetsRecordTypes", kind)
    })
}
