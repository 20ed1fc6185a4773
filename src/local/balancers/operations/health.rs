//! Health of targets.

use std::time::Duration;

use super::super::desired::Pace;
use super::super::group::{FailedCheck, TargetGroup};
use super::super::{Balancers, Call, Reply, Target, TargetState, result};
use crate::model::Timestamp;

/// State, and reason and description unless it is `healthy`.
type Told = (&'static str, Option<(&'static str, String)>);

impl Balancers {
    pub(super) fn describe_target_health(&self, call: &Call<'_>) -> Reply {
        let group = self.target_group(call.parameters.required("TargetGroupArn")?)?;
        let registered = (call.targets)(&group.arn);
        let asked: Vec<&str> = call
            .parameters
            .list("Targets")
            .into_iter()
            .filter_map(|target| target.text("Id"))
            .collect();
        let pace = Pace::new(self.settings.pace);
        let mut told: Vec<(&str, Told)> = registered
            .iter()
            .filter(|target| asked.is_empty() || asked.contains(&target.id.as_str()))
            .map(|target| (target.id.as_str(), tell(group, target, pace, call.now)))
            .collect();
        for id in asked {
            if !registered.iter().any(|target| target.id.as_str() == id) {
                let reason = "Target is not registered to the target group".to_owned();
                told.push((id, ("unused", Some(("Target.NotRegistered", reason)))));
            }
        }
        result(|xml| {
            xml.list("TargetHealthDescriptions", told, |xml, (id, (state, why))| {
                xml.element("Target", |xml| {
                    xml.text("Id", id);
                    xml.text("Port", group.port);
                });
                xml.text("HealthCheckPort", group.port);
                xml.element("TargetHealth", |xml| {
                    xml.text("State", state);
                    if let Some((reason, description)) = why {
                        xml.text("Reason", reason);
                        xml.text("Description", description);
                    }
                });
            });
        })
    }
}

/// Nobody checks a target of a group that no rule refers to; once one does, a check must come first.
fn tell(group: &TargetGroup, target: &Target, pace: Pace, now: Timestamp) -> Told {
    if target.state == TargetState::Draining {
        let description = "Target deregistration is in progress".to_owned();
        return ("draining", Some(("Target.DeregistrationInProgress", description)));
    }
    let Some(since) = group.in_use_since else {
        let description = "Target group is not configured to receive traffic from the load balancer".to_owned();
        return ("unused", Some(("Target.NotInUse", description)));
    };
    let first_check: Duration = pace.seconds(group.check.interval);
    let initial = || {
        let description = "Initial health checks in progress".to_owned();
        ("initial", Some(("Elb.InitialHealthChecking", description)))
    };
    if now.since(since) < first_check {
        return initial();
    }
    match &target.state {
        TargetState::Initial => initial(),
        TargetState::Healthy => ("healthy", None),
        TargetState::Unhealthy(failed) => ("unhealthy", Some(reason(*failed))),
        TargetState::Draining => ("draining", None),
    }
}

/// The service's words for why a target is unhealthy.
fn reason(failed: FailedCheck) -> (&'static str, String) {
    let description = match failed {
        FailedCheck::Answered(status) => format!("Health checks failed with these codes: [{status}]"),
        FailedCheck::TimedOut => "Request timed out".to_owned(),
        FailedCheck::Broken => "Health checks failed".to_owned(),
    };
    (failed.reason(), description)
}
