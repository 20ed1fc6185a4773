//! Rules for where measurements come from: an endpoint of the user's own, and alarms.

use url::Url;

use super::{Findings, checks, times};
use crate::spec::document::Place;
use crate::spec::{EndpointSpec, MetricsSource, VerdictSpec};

/// Names in one call (source: `AlarmNames` of the CloudWatch API, 2010-08-01).
const MOST_ALARMS: usize = 100;

/// Longest name of an alarm (source: `AlarmName` of the same).
const LONGEST_NAME: usize = 255;

pub(super) fn check(verdict: &VerdictSpec, findings: &mut Findings<'_>) {
    let source = Place::of(&["verdict", "source"]);
    let endpoint = Place::of(&["verdict", "endpoint"]);
    match (verdict.source, &verdict.endpoint) {
        (Some(MetricsSource::Endpoint), None)
            if findings.intact(&[&endpoint]) && findings.document.get(&endpoint).is_none() =>
        {
            findings.add(
                &source,
                "`verdict.source` is \"endpoint\", and there is none",
                "write where it is: [verdict.endpoint] with a `url`",
            );
        }
        (Some(MetricsSource::EnhancedHealth | MetricsSource::TargetGroups), Some(_)) => findings.add(
            &source,
            "`verdict.source` names another source than `verdict.endpoint`, which would never be asked",
            "leave one of the two out: what is served is counted once",
        ),
        _ => {}
    }
    if let Some(spec) = &verdict.endpoint {
        address(spec, &endpoint.key("url"), findings);
        checks::headers(&spec.headers, &endpoint.key("headers"), findings);
        let timeout = endpoint.key("timeout");
        times::length(&timeout, spec.timeout, false, findings);
        if spec.timeout > EndpointSpec::LONGEST_TIMEOUT {
            findings.add(
                &timeout,
                format!(
                    "`{timeout}` ({}) is longer than {}",
                    spec.timeout,
                    EndpointSpec::LONGEST_TIMEOUT
                ),
                "it is asked with every look, which waits for the answer: write a shorter time",
            );
        }
    }
    alarms(&verdict.alarms, findings);
}

fn address(spec: &EndpointSpec, place: &Place, findings: &mut Findings<'_>) {
    let address = match spec.address(|_| "x".to_owned()) {
        Ok(address) => address,
        Err(name) => {
            findings.add(
                place,
                format!("`{place}` holds `{{{name}`, which stands for nothing"),
                format!("these do: {{{}}}", EndpointSpec::NAMES.join("}, {")),
            );
            return;
        }
    };
    let url = Url::parse(&address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        findings.add(
            place,
            format!("`{place}` is not an address"),
            "write for example \"https://metrics.example.com/release?green={green_name}\"",
        );
        return;
    };
    if !url.username().is_empty() || url.password().is_some() {
        // The journal keeps the address.
        findings.add(
            place,
            format!("`{place}` holds a user or a password, for all to read"),
            "send it in a header from an environment variable: headers = { authorization = \"Bearer ${METRICS_TOKEN}\" }",
        );
    }
    checks::parameters(&spec.url, place, findings);
}

fn alarms(names: &[String], findings: &mut Findings<'_>) {
    let place = Place::of(&["verdict", "alarms"]);
    if names.len() > MOST_ALARMS {
        findings.add(
            &place,
            format!("`{place}` names more than {MOST_ALARMS} alarms"),
            "name a composite alarm of several instead",
        );
    }
    for (index, name) in names.iter().enumerate() {
        let place = place.index(index);
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            findings.add(
                &place,
                format!("`{place}` must have 1 to {LONGEST_NAME} characters"),
                "write the alarm's name as CloudWatch shows it",
            );
        } else if name.starts_with("arn:") {
            findings.add(
                &place,
                format!("`{place}` is an ARN"),
                "write the name behind `:alarm:`",
            );
        } else if names[..index].contains(name) {
            findings.add(&place, format!("`{place}` is named twice"), "leave one out");
        }
    }
}
