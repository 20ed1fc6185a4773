//! How few and how many instances blue and green may run. Green begins as large as blue is now, and has blue's limits in the end.
//! Blue is kept as large as it is for as long as users may have to go back to it.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::{Blue, Green};
use super::super::seen::EnvironmentSeen;
use super::super::size;
use super::super::state::{Attempts, Release};
use super::super::why::Why;
use super::{Decision, Then, act, act_patiently, leaving, limits, next_look, record, roll_back, wait};
use crate::model::{EnvironmentId, Timestamp};

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
    release.plan.max_instances.unwrap_or(blue.most()).max(least)
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

/// Makes green as large as a blue that has grown since green was told how large to be, before it gets more traffic: what was enough for
/// its first share in the night is not enough for half of the users in the morning. It is done once in each step: a blue that goes on
/// growing keeps no release waiting.
pub(super) fn outgrown(
    release: &Release,
    blue: &Blue,
    green: &EnvironmentSeen,
    seen: &Observation,
) -> Option<Decision> {
    let told = release.resized(&green.id);
    let mut this_step = told.filter(|(_, attempts)| attempts.last >= release.phase_since);
    if let Some((_, attempts)) = this_step.find(|(_, attempts)| attempts.done || size::are_theirs(&attempts.said)) {
        return left_alone(release, "green", &green.id, attempts);
    }
    let running = u32::try_from(seen.blue_health.known()?.instances.len()).ok()?;
    let action = Action::RestoreCapacity {
        environment: green.id.clone(),
        min_instances: running,
        max_instances: most_instances(release, blue, running),
    };
    let grown = green.ready() && running > wanted_instances(release, blue);
    grown.then(|| act(release, seen.at, action, |why| roll_back(why, Outcome::RolledBack)))
}

/// Notes, once, that limits which somebody else has set are left as they are.
fn left_alone(release: &Release, role: &str, id: &EnvironmentId, attempts: &Attempts) -> Option<Decision> {
    if attempts.done || !size::are_theirs(&attempts.said) {
        return None;
    }
    let note = format!("the limits of {role} ({id}) are not set: {}", attempts.said);
    (!release.notes.contains(&note)).then(|| record(note.clone(), Event::Noted { note }))
}

/// What gives green the limits that it should have in the long run, while it still has those that it began with. Its maximum is no
/// lower than what it was told to run: Auto Scaling would end at once what is above it.
pub(super) fn raised(release: &Release, blue: &Blue) -> Option<Action> {
    let began = wanted_instances(release, blue);
    let wanted = blue.min_instances.max(release.plan.min_instances.unwrap_or(0));
    let action = Action::RestoreCapacity {
        environment: release.green.as_ref()?.id.clone(),
        min_instances: wanted,
        max_instances: most_instances(release, blue, began),
    };
    let open = began > wanted && !release.attempts_of(&action.key()).done;
    open.then_some(action)
}

/// Gives green the limits that it should have in the long run. `None` when it has them, or when nothing more can be done about it; then
/// [`not_raised`] says so.
pub(super) fn lower(
    release: &Release,
    blue: &Blue,
    green: &EnvironmentSeen,
    rest_by: Timestamp,
    now: Timestamp,
) -> Option<Decision> {
    let action = raised(release, blue)?;
    let attempts = release.attempts_of(&action.key());
    if attempts.fatal || attempts.failed >= limits::ATTEMPTS {
        return left_alone(release, "green", &green.id, &attempts);
    }
    Some(at_rest(release, "green", green, rest_by, now).unwrap_or_else(|| act_patiently(release, now, action)))
}

/// What is left to do about green's limits at the end; empty where nothing is.
pub(super) fn not_raised(release: &Release, blue: &Blue) -> String {
    let Some(action) = raised(release, blue) else {
        return String::new();
    };
    let said = release.attempts_of(&action.key()).said;
    if said.is_empty() {
        return format!("could not {}; set MinSize and MaxSize by hand", action.describe());
    }
    let advice = if size::are_theirs(&said) {
        "see whether they are what is wanted"
    } else {
        "set MinSize and MaxSize by hand"
    };
    format!("could not {} ({said}); {advice}", action.describe())
}

/// Waits for an environment that is being changed, which refuses another change.
fn at_rest(
    release: &Release,
    role: &str,
    found: &EnvironmentSeen,
    rest_by: Timestamp,
    now: Timestamp,
) -> Option<Decision> {
    (!found.ready() && now < rest_by).then(|| {
        let what = format!("{role} ({}) to come to rest, it is {:?}", found.id, found.status);
        let at_deadline = "its limits are set all the same";
        wait(
            now,
            Why::Working { what },
            next_look(release, now),
            rest_by,
            at_deadline,
        )
    })
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
        max_instances: blue.most().max(running),
    })
}

/// What gives blue its own limits back, while it has, or may have, others by [`hold`]. Its maximum is no lower than what it was told to
/// run: Auto Scaling would end at once what is above it.
fn own_limits(release: &Release, blue: &Blue) -> Option<Action> {
    let action = Action::RestoreCapacity {
        environment: blue.id.clone(),
        min_instances: blue.min_instances,
        max_instances: most_of_own(release, blue),
    };
    (release.may_be_held(blue) && !release.attempts_of(&action.key()).done).then_some(action)
}

fn most_of_own(release: &Release, blue: &Blue) -> u32 {
    let held = release.resized(&blue.id).map(|(least, _)| least).max();
    blue.most().max(held.unwrap_or(0))
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
        return left_alone(release, "blue", &blue.id, &attempts);
    }
    let rest_by = since + limits::TERMINATE;
    Some(at_rest(release, "blue", found, rest_by, now).unwrap_or_else(|| act_patiently(release, now, action)))
}

/// The same of a blue that has its users again, once they are really back. Auto Scaling goes by the last minutes, in which blue had
/// nothing to do, and would take instances from it in the moment in which everybody comes back; and who holds an old answer of DNS comes
/// later than that.
pub(super) fn let_go_again(
    release: &Release,
    blue: &Blue,
    found: Option<&EnvironmentSeen>,
    restored: Timestamp,
    now: Timestamp,
) -> Option<Decision> {
    let from = if release.shift_intended {
        let known = release.in_sync_at.map_or(restored, |at| at.max(restored));
        known + release.dns_ttl() * release.plan.drain.factor + limits::REPLACE
    } else {
        restored
    };
    let decision = let_go(release, blue, found, from, now)?;
    if now >= from || matches!(decision.then, Then::Record(_)) {
        return Some(decision);
    }
    let what = format!(
        "blue ({}) to have had its users back for a while, before it may shrink again",
        blue.id
    );
    let at_deadline = "blue has its own limits again";
    Some(wait(
        now,
        Why::Working { what },
        from.min(next_look(release, now)),
        from,
        at_deadline,
    ))
}

/// Has the end of a release say what is left to do where blue, which is there still, may not have its own limits again.
pub(super) fn told(release: &Release, mut decision: Decision) -> Decision {
    let ended = release.attempts_of("terminate").done && release.rollback.is_none();
    if release.outcome.is_none()
        && !ended
        && let Some(blue) = &release.blue
        && let Some(own) = own_limits(release, blue)
    {
        let left = if size::are_theirs(&release.attempts_of(&own.key()).said) {
            format!(
                "the limits of blue ({}) are left as somebody else has set them since; before the release they were {}",
                blue.id,
                blue.limits()
            )
        } else {
            format!(
                "blue ({}) may still be kept at more instances than it needs: set its MinSize to {} and its MaxSize to {} by hand",
                blue.id,
                blue.min_instances,
                most_of_own(release, blue)
            )
        };
        leaving(&mut decision.then, &left);
    }
    decision
}
