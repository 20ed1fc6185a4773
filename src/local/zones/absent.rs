//! What Route 53 has and the local cloud has not. Asked for, it is refused: it must not be lost without a word.

use super::error::Refusal;

/// Members, each with the values that ask for nothing.
const ABSENT: [(&str, &[&str]); 18] = [
    ("AZAffinity", &[]),
    ("AlarmIdentifier", &[]),
    ("ChangeGuardrails", &[]),
    ("ChildHealthChecks", &[]),
    ("CidrRoutingConfig", &[]),
    ("DelegationSetId", &[]),
    ("EnablePublicDNSFallback", &["false"]),
    ("EndpointType", &["PUBLIC"]),
    ("GeoProximityLocation", &[]),
    ("HealthCheckSourceId", &[]),
    ("HealthThreshold", &[]),
    ("HostedZoneTier", &["STANDARD"]),
    ("InsufficientDataHealthStatus", &[]),
    ("MeasureLatency", &["false"]),
    ("PrivateZone", &["false"]),
    ("RoutingControlArn", &[]),
    ("TrafficPolicyInstanceId", &[]),
    ("VPC", &[]),
];

/// Refuses a request with a member, by its path, that is not there.
pub(super) fn refuse(given: &[(String, String)]) -> Result<(), Refusal> {
    for (path, value) in given {
        let path = path.strip_suffix(".member").unwrap_or(path);
        let name = path.rsplit('.').next().unwrap_or(path);
        if let Some((_, values)) = ABSENT.iter().find(|(absent, _)| *absent == name)
            && !values.iter().any(|harmless| harmless.eq_ignore_ascii_case(value))
        {
            return Err(Refusal::absent(name));
        }
    }
    Ok(())
}
