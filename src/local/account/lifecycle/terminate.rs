//! From `TerminateEnvironment` to `Terminated`.

use super::super::Timing;
use super::super::balancing::move_out;
use super::super::state::{Environment, EventLog, Severity, Status, Work};
use super::is_balanced;
use crate::local::balancers::Balancers;
use crate::local::query::AwsError;
use crate::model::{HealthStatus, Timestamp};

/// Begins to remove an environment. What never had anything behind it is gone already.
pub(crate) fn begin(environment: &mut Environment, events: &mut EventLog, request_id: &str, now: Timestamp) {
    let gone = !environment.balancer.made || environment.balancer.emptied;
    environment.begin(Status::Terminating, Work::Terminate { gone }, request_id, now);
    environment.draft = None;
    environment.watch.health = HealthStatus::Unknown;
    environment.watch.causes.clear();
    environment.tell(events, now, Severity::Info, "terminateEnvironment is starting.");
}

/// Does what is due. The CNAME is free only afterwards.
pub(super) fn advance(
    environment: &mut Environment,
    balancers: &mut Balancers,
    events: &mut EventLog,
    timing: &Timing,
    now: Timestamp,
) {
    let gone = matches!(environment.work, Some(Work::Terminate { gone: true }));
    if !gone || now.since(environment.work_since) < timing.terminate {
        return;
    }
    if let Err(error) = move_out(balancers, environment, now) {
        leave(environment, events, &error, now);
        return;
    }
    let balancer = environment.balancer.clone();
    let mut messages = Vec::new();
    if balancer.made && !balancer.emptied {
        messages.push(format!("Deleted Auto Scaling group named: {}", balancer.group));
        if balancer.shared.is_some() {
            messages.push(format!("Deleted target group named: {}", balancer.target_group));
        } else if is_balanced(environment) {
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

/// The target group cannot be deleted, as a rule of somebody else's refers to it. Everything else is gone; the environment
/// is left, and can be terminated again.
fn leave(environment: &mut Environment, events: &mut EventLog, error: &AwsError, now: Timestamp) {
    let group = environment.balancer.target_group.clone();
    if !environment.balancer.emptied {
        let message = format!("Deleted Auto Scaling group named: {}", environment.balancer.group);
        environment.tell(events, now, Severity::Info, message);
    }
    environment.balancer.emptied = true;
    environment.watch.instances.clear();
    environment.watch.sample = None;
    for message in [
        format!(
            "Deleting target group named: {group} failed Reason: Resource handler returned message: \"{} (Service: \
             ElasticLoadBalancingV2, Status Code: 400)\" (HandlerErrorCode: {})",
            error.message, error.code
        ),
        format!(
            "Stack deletion failed: The following resource(s) failed to delete: [AWSEBV2LoadBalancerTargetGroup]. \
             (awseb-{}-stack)",
            environment.id
        ),
        "Failed to terminate environment.".to_owned(),
    ] {
        environment.tell(events, now, Severity::Error, message);
    }
    environment.rest(now);
}
