//! Enhanced health: from what was seen to a status with causes.
//!
//! The service does not publish its thresholds. Statuses and words are those seen in its events; the shares at which
//! requests weigh in are chosen so that one failed request in a hundred shows.

use std::time::Duration;

use serde_json::Value;

use super::Timing;
use super::state::{Environment, OptionSettings, Work, options};
use crate::local::plane::{InstanceSample, InstanceState};
use crate::model::text::plural;
use crate::model::{HealthStatus, RequestCounts, Timestamp};

/// Fewer requests than this say little about an application.
const FEW_REQUESTS: u64 = 10;
/// Longest cause on the wire, in characters.
const LONGEST_CAUSE: usize = 255;

/// A status and its causes, the worst first.
pub(crate) type Verdict = (HealthStatus, Vec<String>);

/// How bad a status is.
fn rank(status: HealthStatus) -> u8 {
    match status {
        HealthStatus::Ok => 0,
        HealthStatus::Info => 1,
        HealthStatus::Pending | HealthStatus::Unknown | HealthStatus::Suspended => 2,
        HealthStatus::NoData => 3,
        HealthStatus::Warning => 4,
        HealthStatus::Degraded => 5,
        HealthStatus::Severe => 6,
    }
}

/// Health of an environment.
pub(crate) fn environment(environment: &Environment, timing: &Timing, now: Timestamp) -> Verdict {
    let running = || {
        let told = timing.told(now.since(environment.work_since));
        format!("in progress (running for {})", length(told))
    };
    match &environment.work {
        Some(Work::Launch) => {
            let mut cause = format!("Initialization {}.", running());
            if environment.watch.present().next().is_none() {
                cause.push_str(" There are no instances.");
            }
            (HealthStatus::Pending, vec![cause])
        }
        Some(Work::Update(update)) => {
            let what = if update.deploys {
                "Application update"
            } else {
                "Configuration update"
            };
            (HealthStatus::Info, vec![format!("{what} {}.", running())])
        }
        Some(Work::Abort) => (HealthStatus::Info, vec![format!("Configuration update {}.", running())]),
        Some(Work::Terminate { .. }) => (HealthStatus::Unknown, Vec::new()),
        Some(Work::Swap { .. } | Work::Tags) | None => at_rest(environment, timing),
    }
}

/// Health that no operation excuses.
fn at_rest(environment: &Environment, timing: &Timing) -> Verdict {
    let watch = &environment.watch;
    if watch.silent_windows >= timing.silent_windows && environment.instances > 0 {
        return (
            HealthStatus::NoData,
            vec!["None of the instances are sending data.".to_owned()],
        );
    }
    let mut findings = instance_findings(environment);
    findings.extend(findings_of_requests(environment, &watch.recent_requests()));
    findings.sort_by_key(|(status, _)| std::cmp::Reverse(rank(*status)));
    let status = findings.first().map_or(HealthStatus::Ok, |(status, _)| *status);
    (
        status,
        findings.into_iter().map(|(_, cause)| shortened(&cause)).collect(),
    )
}

fn instance_findings(environment: &Environment) -> Vec<(HealthStatus, String)> {
    use HealthStatus::{Degraded, Info, Severe, Warning};
    let present: Vec<&InstanceSample> = environment.watch.present().collect();
    let all = present.len();
    let count = |test: &dyn Fn(&InstanceSample) -> bool| present.iter().filter(|instance| test(instance)).count();
    let mut findings = Vec::new();
    if all == 0 {
        if environment.instances > 0 {
            findings.push((Severe, "There are no instances.".to_owned()));
        }
        return findings;
    }
    let failed = count(&|instance| matches!(instance.state, InstanceState::Failed(_)));
    if failed > 0 {
        let status = if failed == all { Severe } else { Degraded };
        findings.push((status, format!("Command failed on {}.", share(failed, all))));
    }
    let unhealthy = count(&|instance| matches!(instance.state, InstanceState::Unhealthy(_)));
    if unhealthy > 0 {
        let status = match (failed + unhealthy) * 2 {
            bad if bad >= all * 2 => Severe,
            bad if bad >= all => Degraded,
            _ => Warning,
        };
        findings.push((
            status,
            format!("ELB processes are not healthy on {}.", share(unhealthy, all)),
        ));
    }
    let starting = count(&|instance| instance.state == InstanceState::Starting);
    if starting > 0 {
        let status = if starting == all { Severe } else { Warning };
        findings.push((status, format!("Impaired services on {}.", share(starting, all))));
    }
    let expected = &environment.expected.deployment;
    let other = count(&|instance| instance.deployment_id != expected.id);
    if other > 0 {
        findings.push((
            Degraded,
            format!(
                "Incorrect application version found on {}. Expected version \"{}\" (deployment {}).",
                share(other, all),
                expected.version_label,
                expected.id
            ),
        ));
    }
    let missing = usize::try_from(environment.instances)
        .unwrap_or(usize::MAX)
        .saturating_sub(all);
    if missing > 0 {
        findings.push((
            Info,
            format!("Waiting for {} to launch.", plural(missing as u64, "instance")),
        ));
    }
    findings
}

fn findings_of_requests(environment: &Environment, requests: &RequestCounts) -> Vec<(HealthStatus, String)> {
    // The rule stands in a document that takes long to read; it matters only where there are such answers.
    let counts_4xx = requests.status_4xx > 0 && counts_4xx(&environment.settings);
    request_findings(requests, counts_4xx)
}

fn request_findings(requests: &RequestCounts, counts_4xx: bool) -> Vec<(HealthStatus, String)> {
    use HealthStatus::{Degraded, Severe, Warning};
    let total = requests.total();
    if total == 0 {
        return Vec::new();
    }
    let percent = |part: u64| part as f64 * 100.0 / total as f64;
    let mut findings = Vec::new();
    let (server, client) = (percent(requests.status_5xx), percent(requests.status_4xx));
    let few = total < FEW_REQUESTS;
    let server_status = match server {
        share if share < 1.0 => None,
        _ if few => Some(Warning),
        share if share >= 25.0 => Some(Severe),
        share if share >= 5.0 => Some(Degraded),
        _ => Some(Warning),
    };
    if let Some(status) = server_status {
        let mut cause = format!("{server:.1} % of the requests are failing with HTTP 5xx.");
        if few {
            cause.push_str(&format!(
                " Insufficient request rate ({total}.0 requests/min) to determine application health."
            ));
        }
        findings.push((status, cause));
    }
    let client_status = match client {
        _ if few || !counts_4xx => None,
        share if share >= 75.0 => Some(Severe),
        share if share >= 50.0 => Some(Degraded),
        share if share >= 25.0 => Some(Warning),
        _ => None,
    };
    if let Some(status) = client_status {
        findings.push((
            status,
            format!("{client:.1} % of the requests are erroring with HTTP 4xx."),
        ));
    }
    findings
}

/// Whether answers with 4xx count against the application: the one rule that users can switch off, in the document of the
/// option `ConfigDocument`.
fn counts_4xx(settings: &OptionSettings) -> bool {
    let enabled = || {
        let document: Value = serde_json::from_str(settings.effective(options::HEALTH, "ConfigDocument")?).ok()?;
        document
            .pointer("/Rules/Environment/Application/ApplicationRequests4xx/Enabled")?
            .as_bool()
    };
    enabled().unwrap_or(true)
}

/// Health of one instance.
pub(crate) fn instance(environment: &Environment, instance: &InstanceSample) -> Verdict {
    let (status, causes) = match &instance.state {
        InstanceState::Starting if matches!(environment.work, Some(Work::Launch)) => (
            HealthStatus::Pending,
            vec!["Application deployment in progress.".to_owned()],
        ),
        InstanceState::Starting if environment.work.is_some() => (
            HealthStatus::Info,
            vec!["Application deployment in progress.".to_owned()],
        ),
        InstanceState::Starting => (
            HealthStatus::Severe,
            vec!["Following services are not running: web.".to_owned()],
        ),
        InstanceState::InService => {
            let findings = findings_of_requests(environment, &instance.requests);
            let worst = findings
                .iter()
                .map(|(status, _)| *status)
                .max_by_key(|status| rank(*status));
            (
                worst.unwrap_or(HealthStatus::Ok),
                findings.into_iter().map(|(_, cause)| cause).collect(),
            )
        }
        InstanceState::Unhealthy(why) => (
            HealthStatus::Severe,
            vec![
                format!("Process default is unhealthy ({}).", why.check.reason()),
                why.text.clone(),
            ],
        ),
        InstanceState::Failed(why) => (
            HealthStatus::Severe,
            vec![format!(
                "Application deployment failed at {} with exit status 1 and error: {why}",
                instance.deployed_at
            )],
        ),
        InstanceState::Draining => (HealthStatus::Info, vec!["Instance termination in progress.".to_owned()]),
    };
    let causes = causes
        .iter()
        .map(|cause| shortened(cause))
        .filter(|cause| !cause.is_empty())
        .collect();
    (status, causes)
}

/// `all instances`, or `1 out of 3 instances`.
fn share(part: usize, all: usize) -> String {
    if part == all {
        "all instances".to_owned()
    } else {
        format!("{part} out of {}", plural(all as u64, "instance"))
    }
}

/// `26 seconds` or `5 minutes`, as the service words it.
pub(crate) fn length(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..60 => plural(seconds, "second"),
        seconds => plural(seconds / 60, "minute"),
    }
}

fn shortened(cause: &str) -> String {
    cause.chars().take(LONGEST_CAUSE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(status_2xx: u64, status_4xx: u64, status_5xx: u64) -> RequestCounts {
        RequestCounts {
            status_2xx,
            status_3xx: 0,
            status_4xx,
            status_5xx,
        }
    }

    #[test]
    fn failing_requests_weigh_by_their_share() {
        let status = |counts| request_findings(&counts, true).first().map(|(status, _)| *status);
        assert_eq!(status(requests(1000, 0, 1)), None);
        assert_eq!(status(requests(980, 0, 20)), Some(HealthStatus::Warning));
        assert_eq!(status(requests(90, 0, 10)), Some(HealthStatus::Degraded));
        assert_eq!(status(requests(50, 0, 50)), Some(HealthStatus::Severe));
        assert_eq!(status(requests(20, 80, 0)), Some(HealthStatus::Severe));
        assert_eq!(status(requests(0, 5, 0)), None, "too few to tell");
        let (few, cause) = request_findings(&requests(0, 0, 2), true).remove(0);
        assert_eq!(few, HealthStatus::Warning);
        assert_eq!(
            cause,
            "100.0 % of the requests are failing with HTTP 5xx. \
             Insufficient request rate (2.0 requests/min) to determine application health."
        );
    }

    #[test]
    fn the_rule_on_4xx_can_be_switched_off() {
        let mut settings = OptionSettings::default();
        assert!(counts_4xx(&settings));
        settings.set(
            options::OptionName::new(options::HEALTH, "ConfigDocument"),
            r#"{"Rules":{"Environment":{"Application":{"ApplicationRequests4xx":{"Enabled":false}}}},"Version":1}"#,
        );
        assert!(!counts_4xx(&settings));
        assert!(request_findings(&requests(0, 100, 0), false).is_empty());
    }

    #[test]
    fn lengths_are_worded_as_the_service_does() {
        assert_eq!(length(Duration::from_secs(1)), "1 second");
        assert_eq!(length(Duration::from_secs(26)), "26 seconds");
        assert_eq!(length(Duration::from_secs(330)), "5 minutes");
    }
}
