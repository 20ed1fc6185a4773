//! From `TerminateEnvironment` to `Terminated`.

use super::super::Timing;
use super::super::state::{Environment, EventLog, Severity, Status, Work};
use super::is_balanced;
use crate::model::{HealthStatus, Timestamp};

/// Begins to remove an environment. What never had anything behind it is gone already.
pub(crate) fn begin(environment: &mut Environment, events: &mut EventLog, request_id: &str, now: Timestamp) {
    let gone = !environment.balancer.made;
    environment.begin(Status::Terminating, Work::Terminate { gone }, request_id, now);
    environment.draft = None;
    environment.watch.health = HealthStatus::Unknown;
    environment.watch.causes.clear();
    environment.tell(events, now, Severity::Info, "terminateEnvironment is starting.");
}

/// Does what is due. The CNAME is free only afterwards.
pub(super) fn advance(environment: &mut Environment, events: &mut EventLog, timing: &Timing, now: Timestamp) {
    let gone = matches!(environment.work, Some(Work::Terminate { gone: true }));
    if !gone || now.since(environment.work_since) < timing.terminate {
        return;
    }
    let balancer = environment.balancer.clone();
    let mut messages = Vec::new();
    if balancer.made {
        messages.push(format!("Deleted Auto Scaling group named: {}", balancer.group));
        if is_balanced(environment) {
            messages.push(format!("Deleted load balancer named: {}", balancer.name));
        }
        messages.push(format!("Deleted security group named: {}", balancer.security_group));
    }
    messages.push(format!("Deleting SNS topic for environment {}.", environment.name));
    messages.push("terminateEnvironment completed successfully.".to_owned());
    for message in messages {
        environment.tell(events, now, Severity::Info, message);
    }
    environment.status = Status::Terminated;
    environment.work = None;
    environment.updated = now;
    environment.terminated = Some(now);
    environment.watch.instances.clear();
    environment.watch.sample = None;
}
