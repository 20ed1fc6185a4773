//! From `CreateEnvironment` to `Ready`.

use super::super::AccountSettings;
use super::super::balancing::move_in;
use super::super::state::{BalancerKind, Environment, EventLog, Severity};
use super::{Progress, begin_termination, complete, is_balanced, is_overdue, progress, tell_failures, tell_timeout};
use crate::local::balancers::Balancers;
use crate::model::Timestamp;

/// Does what is due.
pub(super) fn advance(
    environment: &mut Environment,
    balancers: &mut Balancers,
    events: &mut EventLog,
    settings: &AccountSettings,
    now: Timestamp,
) {
    let timing = &settings.timing;
    if !environment.balancer.made {
        if now.since(environment.work_since) >= timing.launch_resources {
            match move_in(balancers, environment, now) {
                Ok(()) => make_resources(environment, events, now),
                Err(error) => give_up(environment, events, &error.message, now),
            }
        }
        return;
    }
    match progress(environment) {
        Progress::Serving if environment.watch.serving_windows >= timing.launch_windows => {
            environment.expected = environment.wanted.clone();
            environment.tell(
                events,
                now,
                Severity::Info,
                "Instance deployment completed successfully.",
            );
            let url = format!("Application available at {}.", environment.cname);
            environment.tell(events, now, Severity::Info, url);
            let message = format!("Successfully launched environment: {}", environment.name);
            environment.tell(events, now, Severity::Info, message);
            complete(environment, "Initialization", timing, now);
        }
        Progress::Failed(failed) => {
            tell_failures(environment, events, &failed, now);
            fail(environment, events, settings, now);
        }
        Progress::Underway if is_overdue(environment, timing, now) => {
            tell_timeout(environment, events, now);
            fail(environment, events, settings, now);
        }
        Progress::Underway | Progress::Serving => {}
    }
}

fn make_resources(environment: &mut Environment, events: &mut EventLog, now: Timestamp) {
    environment.balancer.made = true;
    environment.deployed_at = now;
    environment.updated = now;
    let balancer = environment.balancer.clone();
    let mut messages = vec![format!("Created security group named: {}", balancer.security_group)];
    match balancer.kind {
        BalancerKind::SingleInstance => messages.push(format!("Created EIP: {}", balancer.address)),
        BalancerKind::Classic => messages.push(format!("Created load balancer named: {}", balancer.name)),
        BalancerKind::Application | BalancerKind::Network => {
            messages.push(format!("Created target group named: {}", balancer.target_group));
            if balancer.shared.is_none() {
                messages.push(format!("Created load balancer named: {}", balancer.name));
            }
        }
    }
    messages.push(format!("Created Auto Scaling group named: {}", balancer.group));
    messages.push("Waiting for EC2 instances to launch. This may take a few minutes.".to_owned());
    for message in messages {
        environment.tell(events, now, Severity::Info, message);
    }
}

/// The load balancer that it was to share has gone, or is full: what was made is removed again.
fn give_up(environment: &mut Environment, events: &mut EventLog, why: &str, now: Timestamp) {
    let message = format!(
        "Creating target group named: {} failed Reason: {why}",
        environment.balancer.target_group
    );
    environment.tell(events, now, Severity::Error, message);
    environment.tell(events, now, Severity::Error, "Failed to launch environment.");
    let request_id = environment.request_id.clone();
    begin_termination(environment, events, &request_id, now);
}

/// The environment is there, and nothing works: AWS calls that `Ready`.
fn fail(environment: &mut Environment, events: &mut EventLog, settings: &AccountSettings, now: Timestamp) {
    environment.expected = environment.wanted.clone();
    if is_balanced(environment) && environment.watch.present().next().is_none() {
        environment.tell(events, now, Severity::Error, "Failed to launch environment.");
    }
    environment.tell(
        events,
        now,
        Severity::Error,
        "Create environment operation is complete, but with errors. \
         For more information, see troubleshooting documentation.",
    );
    complete(environment, "Initialization", &settings.timing, now);
}
