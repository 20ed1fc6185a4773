//! How few and how many instances blue and green may run. Green begins as large as blue is now, and has blue's limits in the end.
//! Blue is kept as large as it is for as long as users may have to go back to it.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::pair::{Blue, Green};
use super::super::seen::EnvironmentSeen;
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, act_patiently, leaving, limits, next_look, record, wait};
use crate::model::Timestamp;

/// At least what blue runs: a green of blue's configured minimum would be too small for the traffic of this hour.
pub(super) fn wanted_instances(release: &Release, blue: &Blue) -> u32 {
    blue.running
        .max(blue.min_instances)
        .max(release.plan.min_instances.unwrap_or(0))
        .max(release.raised_to().unwrap_or(0))
        .max(1)
}

/// As many as blue may run, or as the user says; the service takes no maximum below the minimum.
pub(super) fn most_instances(release: &Release, blue: &Blue, least: u32) -> u32 {
    release.plan.max_instances.unwrap_or(blue.max_instances).max(least)
}

/// An environment that is used again was left with the limits that it once had; it must carry what blue carries now.
pub(super) fn larger(
    release: &Release,
    blue: &Blue,
    green: &Green,
    found: &EnvironmentSeen,
    seen: &Observation,
) -> Option<Action> {
    let wanted = wanted_instances(release, blue);
    let running = seen.green_health.known()?.instances.len();
    let action = Action::RestoreCapacity {
        environment: green.id.clone(),
        min_instances: wanted,
        max_instances: most_instances(release, blue, wanted),
    };
    let small = running < wanted as usize && !release.attempts_of(&action.key()).done;
    (green.reused && found.ready() && small).then_some(action)
}

/// What makes green as large as a blue that has grown since green was made, before it gets any traffic. It is done once: a blue that
/// goes on growing keeps no release waiting.
pub(super) fn outgrown(release: &Release, blue: &Blue, green: &EnvironmentSeen, seen: &Observation) -> Option<Action> {
    let running = u32::try_from(seen.blue_health.known()?.instances.len()).ok()?;
    let least = wanted_instances(release, blue);
    let grown = release.shifted_at.is_none() && green.ready() && running > least && release.raised_to().is_none();
    grown.then(|| Action::RestoreCapacity {
        environment: green.id.clone(),
        min_instances: running,
        max_instances: most_instances(release, blue, running),
    })
}

/// What gives green the limits that it should have in the long run, while it still has those that it began with.
pub(super) fn raised(release: &Release, blue: &Blue) -> Option<Action> {
    let wanted = blue.min_instances.max(release.plan.min_instances.unwrap_or(0));
    let action = Action::RestoreCapacity {
        environment: release.green.as_ref()?.id.clone(),
        min_instances: wanted,
        max_instances: most_instances(release, blue, wanted),
    };
    let open = wanted_instances(release, blue) > wanted && !release.attempts_of(&action.key()).done;
    open.then_some(action)
}

/// Keeps blue from shrinking, just before green gets its first traffic. Auto Scaling takes instances from whoever has nothing to do
/// within minutes, down to `MinSize`; users who come back at once would meet too few of them. Where it cannot be done that is noted, and
/// no reason to keep a good version from users.
pub(super) fn hold(release: &Release, blue: &Blue, seen: &Observation) -> Option<Decision> {
    let action = held(release, blue, seen)?;
    let attempts = release.attempts_of(&action.key());
    if !attempts.fatal && attempts.failed < limits::ATTEMPTS {
        return Some(act_patiently(release, seen.at, action));
    }
    let note = format!(
        "blue ({}) is not kept from shrinking while green has its traffic: {}",
        blue.id, attempts.said
    );
    (!release.notes.contains(&note)).then(|| record(note.clone(), Event::Noted { note }))
}

fn held(release: &Release, blue: &Blue, seen: &Observation) -> Option<Action> {
    let health = seen.blue_health.known();
    let running = health.and_then(|health| u32::try_from(health.instances.len()).ok());
    let running = running.unwrap_or(0).max(blue.running);
    let wanted = release.plan.rollback.hold_blue && release.shifted_at.is_none() && running > blue.min_instances;
    (wanted && release.told_to_run(&blue.id).is_none()).then(|| Action::RestoreCapacity {
        environment: blue.id.clone(),
        min_instances: running,
        max_instances: blue.max_instances.max(running),
    })
}

/// What gives blue its own limits back, while it has, or may have, others by [`hold`].
fn own_limits(release: &Release, blue: &Blue) -> Option<Action> {
    let action = Action::RestoreCapacity {
        environment: blue.id.clone(),
        min_instances: blue.min_instances,
        max_instances: blue.max_instances,
    };
    (release.may_be_held(blue) && !release.attempts_of(&action.key()).done).then_some(action)
}

/// Lets a blue that stays have its own limits again. `None` when it has them, or when nothing more can be done about it; then
/// [`told`] says so.
pub(super) fn let_go(
    release: &Release,
    blue: &Blue,
    found: Option<&EnvironmentSeen>,
    since: Timestamp,
    now: Timestamp,
) -> Option<Decision> {
    let (action, found) = (own_limits(release, blue)?, found?);
    let attempts = release.attempts_of(&action.key());
    if attempts.fatal || attempts.failed >= limits::ATTEMPTS {
        return None;
    }
    let rest_by = since + limits::TERMINATE;
    if !found.ready() && now < rest_by {
        let what = format!("blue ({}) to come to rest, it is {:?}", blue.id, found.status);
        let at_deadline = "its limits are set all the same";
        return Some(wait(
            now,
            Why::Working { what },
            next_look(release, now),
            rest_by,
            at_deadline,
        ));
    }
    Some(act_patiently(release, now, action))
}

/// Has the end of a release say what is left to do where blue, which is there still, may not have its own limits again.
pub(super) fn told(release: &Release, mut decision: Decision) -> Decision {
    let ended = release.attempts_of("terminate").done && release.rollback.is_none();
    if release.outcome.is_none()
        && !ended
        && let Some(blue) = &release.blue
        && own_limits(release, blue).is_some()
    {
        let left = format!(
            "blue ({}) may still be kept at more instances than it needs: set its MinSize to {} and its MaxSize to {} by hand",
            blue.id, blue.min_instances, blue.max_instances
        );
        leaving(&mut decision.then, &left);
    }
    decision
}
