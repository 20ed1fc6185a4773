//! Updates of a running environment, taking them back, and changes of tags.

use super::super::Timing;
use super::super::state::{DraftState, Environment, EventLog, OptionSettings, Plan, Severity, Work, options};
use super::{Progress, complete, has_its_number, is_overdue, progress, redeploy, tell_failures, tell_timeout};
use crate::model::Timestamp;

/// Tells the instances of new settings and, maybe, of a new version. Returns whether they have anything to do.
///
/// A change of settings that the application must see is a deployment of its own, as on AWS.
pub(crate) fn replan(
    environment: &mut Environment,
    settings: &OptionSettings,
    version: Option<Plan>,
    restarts: bool,
    now: Timestamp,
) -> bool {
    let before = environment.instances;
    let (least, most) = settings.group();
    environment.instances = before.clamp(least, most);
    let last = environment.wanted.deployment.id;
    let deploys = version.is_some();
    if deploys || restarts {
        let base = version.unwrap_or_else(|| environment.expected.clone());
        environment.wanted = redeploy(&base, last);
    }
    environment.deployed_at = now;
    environment.watch.serving_windows = 0;
    deploys || restarts || environment.instances != before
}

/// Does what is due in an update or in taking it back.
pub(super) fn advance(environment: &mut Environment, events: &mut EventLog, timing: &Timing, now: Timestamp) {
    let touches = match &environment.work {
        Some(Work::Update(update)) => update.touches_instances,
        _ => true,
    };
    if !touches {
        if now.since(environment.work_since) >= timing.update {
            succeed(environment, events, timing, now);
        }
        return;
    }
    let settled = environment.watch.serving_windows >= timing.update_windows
        && now.since(environment.work_since) >= timing.update;
    if !environment.is_deploying() {
        resize(environment, events, timing, settled, now);
        return;
    }
    match progress(environment) {
        Progress::Serving if settled => succeed(environment, events, timing, now),
        Progress::Failed(failed) => {
            tell_failures(environment, events, &failed, now);
            let ids: Vec<String> = failed.iter().map(|(id, _)| format!("'{id}'")).collect();
            let message = format!(
                "Unsuccessful command execution on instance id(s) {}. Aborting the operation.",
                ids.join(", ")
            );
            environment.tell(events, now, Severity::Error, message);
            fail(environment, events, timing, now);
        }
        Progress::Underway if is_overdue(environment, timing, now) => {
            tell_timeout(environment, events, now);
            fail(environment, events, timing, now);
        }
        Progress::Underway | Progress::Serving => {}
    }
}

/// Does what is due where only the number of instances changes. How they are doing is no matter: they are to run nothing new.
fn resize(environment: &mut Environment, events: &mut EventLog, timing: &Timing, settled: bool, now: Timestamp) {
    let there = has_its_number(environment);
    let done = there && settled;
    if !done && !is_overdue(environment, timing, now) {
        return;
    }
    if !there {
        let message = format!(
            "The Auto Scaling group {} has {} of {} instances after the allowed time.",
            environment.balancer.group,
            environment.watch.present().count(),
            environment.instances
        );
        environment.tell(events, now, Severity::Warn, message);
    }
    succeed(environment, events, timing, now);
}

/// Does what is due in a change of tags.
pub(super) fn advance_tags(environment: &mut Environment, events: &mut EventLog, timing: &Timing, now: Timestamp) {
    if now.since(environment.work_since) >= timing.tag_update {
        environment.tell(
            events,
            now,
            Severity::Info,
            "Environment tag update completed successfully.",
        );
        environment.rest(now);
    }
}

fn succeed(environment: &mut Environment, events: &mut EventLog, timing: &Timing, now: Timestamp) {
    let deployed = environment.is_deploying();
    let Some(work) = environment.work.take() else { return };
    if deployed {
        environment.expected = environment.wanted.clone();
    }
    if let Some(draft) = environment.draft.take_if(|draft| draft.state == DraftState::Pending) {
        environment.settings = draft.settings;
    }
    let Work::Update(update) = work else {
        let message = "The environment was reverted to the previous configuration setting.";
        environment.tell(events, now, Severity::Info, message);
        complete(environment, "Configuration update", timing, now);
        return;
    };
    if update.redeploys {
        environment.tell(
            events,
            now,
            Severity::Info,
            "Instance deployment completed successfully.",
        );
    }
    if update.configures {
        let message = "Successfully deployed new configuration to environment.";
        environment.tell(events, now, Severity::Info, message);
    }
    if update.deploys {
        let message = "New application version was deployed to running EC2 instances.";
        environment.tell(events, now, Severity::Info, message);
        environment.tell(
            events,
            now,
            Severity::Info,
            "Environment update completed successfully.",
        );
    }
    let what = if update.deploys {
        "Application update"
    } else {
        "Configuration update"
    };
    complete(environment, what, timing, now);
}

/// A version that failed stays on the instances, and the service goes on expecting the one before. Settings that failed are
/// taken back from the instances and stay as a draft.
fn fail(environment: &mut Environment, events: &mut EventLog, timing: &Timing, now: Timestamp) {
    let Some(work) = environment.work.take() else { return };
    let (deploys, what) = match &work {
        Work::Update(update) if update.deploys => (true, "Application update"),
        _ => (false, "Configuration update"),
    };
    if deploys {
        environment.tell(events, now, Severity::Error, "Failed to deploy application.");
    } else {
        environment.tell(events, now, Severity::Error, "Failed to deploy configuration.");
    }
    if let Work::Update(update) = work {
        environment.platform = update.platform;
        if let Some(draft) = environment.draft.as_mut() {
            draft.state = DraftState::Failed;
            environment.instances = update.instances;
        }
        if !deploys {
            environment.wanted = redeploy(&environment.expected, environment.wanted.deployment.id);
            environment.expected = environment.wanted.clone();
            environment.deployed_at = now;
        }
    }
    complete(environment, what, timing, now);
}

/// Whether going from one set of settings to another restarts the application.
pub(crate) fn restarts(before: &OptionSettings, after: &OptionSettings) -> bool {
    let (before, after) = (before.all(), after.all());
    let names = before.keys().chain(after.keys());
    names
        .filter(|option| before.get(*option) != after.get(*option))
        .any(|option| options::change_of(option) != options::Change::NoInterruption)
}
