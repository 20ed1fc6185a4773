//! Settling a call whose effect is not known: by reading the world, never by making the call again.

use std::time::Duration;

use super::super::action::{Action, CallResult, Safety};
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::seen::{EnvironmentSeen, EnvironmentStatus};
use super::super::state::{Pending, Phase, Release};
use super::super::why::Why;
use super::{Decision, limits, record, soon, wait, world};
use crate::model::{Known, Timestamp};
use crate::spec::Lever;
use crate::traffic::Weighting;

/// What a read says of a call.
enum Evidence {
    /// It has happened; the text says what was seen.
    Applied(String),
    /// No trace of it.
    Absent(String),
    /// The world is changing, or could not be read.
    Unsettled(String),
}

pub(super) fn decide(release: &Release, pending: &Pending, seen: &Observation) -> Decision {
    let resolve = |applied, how: String| {
        record(
            how.clone(),
            Event::Resolved {
                intent: pending.intent,
                applied,
                how,
            },
        )
    };
    // Green goes, and this one with it: nothing on the way back waits to hear of it.
    if release.phase == Phase::RollBack && matches!(pending.action, Action::ReplaceInstance { .. }) {
        return resolve(false, "green is taken back, so it matters no more".to_owned());
    }
    match evidence(release, &pending.action, seen) {
        Evidence::Applied(how) => resolve(true, how),
        Evidence::Absent(how) if seen.at >= absent_from(release, pending) => {
            let how = match &pending.result {
                Some(CallResult::Unknown { message }) => format!("{how}, and the call had gone wrong: {message}"),
                _ => how,
            };
            resolve(false, how)
        }
        // Nothing that a phase does rests on this answer: each looks at the world itself before it acts. So a world that does
        // not settle is handed back to the phase, which has a deadline and a way out.
        Evidence::Unsettled(how) if seen.at >= absent_from(release, pending).max(pending.at + limits::SWAP_SETTLE) => {
            let what = format!("whether this has happened does not show: {}", pending.action.describe());
            world::lasting(release, seen.at, what, |_| {
                resolve(false, format!("it did not show in time: {how}"))
            })
        }
        Evidence::Absent(how) | Evidence::Unsettled(how) => {
            let until = absent_from(release, pending);
            let why = match &pending.result {
                Some(CallResult::Accepted { .. }) => Why::Working {
                    what: format!("AWS to {}: {how}", pending.action.describe()),
                },
                _ => Why::InDoubt {
                    call: pending.action.describe(),
                    until,
                },
            };
            wait(
                seen.at,
                why,
                by_and_by(release, pending, seen.at),
                until.max(seen.at + limits::BACKOFF),
                "the world as it then is decides",
            )
        }
    }
}

/// When to look again: what shows at all mostly shows within seconds, and what does not is not asked for several times a second.
fn by_and_by(release: &Release, pending: &Pending, now: Timestamp) -> Timestamp {
    let interval = release.plan.provision.interval.get().min(Duration::from_secs(2));
    let waited = now.since(pending.ended_at.unwrap_or(pending.at));
    soon(release, now).max(now + (waited / 8).min(interval))
}

/// From when on seeing no trace of a call means that it has not happened: it is not under way any more, and what it did would
/// show.
fn absent_from(release: &Release, pending: &Pending) -> Timestamp {
    let back = release.phase == Phase::RollBack;
    // Of a call whose end nobody has written down, only the latest moment is known at which it can have been under way.
    let ended = pending
        .ended_at
        .unwrap_or(pending.at + limits::INTENT_DEADLINE + limits::CALL_TIMEOUT);
    let accepted = matches!(pending.result, Some(CallResult::Accepted { .. }));
    match (pending.action.safety(), &pending.action) {
        (Safety::Toggle, _) if accepted => pending.at + limits::SWAP_SETTLE,
        // An environment that came late would be left without an owner.
        // On the way back nobody waits for what may still come: it would be undone.
        (Safety::Guarded, _) if back => pending.at,
        // Records are compared with what is there: one that comes after the next change finds another state than it expects.
        (Safety::Guarded, _) if release.plan.lever == Lever::WeightedDns => ended,
        // Rules are not: one that comes late would undo what came after it.
        (Safety::Guarded, _) => ended + limits::SHOWS,
        (Safety::Toggle | Safety::Destructive, _) | (_, Action::CreateEnvironment { .. }) => ended + limits::SHOWS,
        // A second one does no harm: its name or content is the same.
        (Safety::Create | Safety::Idempotent, _) => pending.at,
    }
}

fn evidence(release: &Release, action: &Action, seen: &Observation) -> Evidence {
    match action {
        Action::Upload { key } => known(&seen.artifact, |there| {
            if *there {
                Evidence::Applied(format!("{key} is there"))
            } else {
                Evidence::Absent(format!("{key} is not there"))
            }
        }),
        Action::CreateVersion { label } => known(&seen.version, |version| match version {
            Some(_) => Evidence::Applied(format!("version {label} is there")),
            None => Evidence::Absent(format!("version {label} is not there")),
        }),
        Action::SaveConfiguration { template, .. } => known(&seen.templates, |templates| {
            if templates.contains(template) {
                Evidence::Applied(format!("template {template} is there"))
            } else {
                Evidence::Absent(format!("template {template} is not there"))
            }
        }),
        Action::CreateEnvironment { name, .. } => known(&seen.environments, |environments| {
            match environments.iter().find(|seen| seen.name == *name) {
                Some(found) => Evidence::Applied(format!("environment {name} is there ({})", found.id)),
                None => Evidence::Absent(format!("environment {name} is not there")),
            }
        }),
        Action::Swap { from, to, other_cname } => known(&seen.environments, |environments| {
            match (world::find(environments, from), world::find(environments, to)) {
                (Some(from), Some(to)) => swap_evidence(from, to, &release.plan.slot_cname, other_cname),
                _ => Evidence::Unsettled("one of the two environments is not listed".to_owned()),
            }
        }),
        Action::Weigh { weighting, .. } => known(&seen.split, |split| {
            let green = release.green.as_ref().map(|green| &green.id);
            let Some(blue) = &release.blue else {
                return Evidence::Absent("there is no blue".to_owned());
            };
            let shown = split.describe(&blue.id, green);
            let there = match weighting {
                Weighting::Original => split.is_back(&blue.weights, &blue.id, green),
                other => split.is(*other, &blue.weights, &blue.id, green),
            };
            if there {
                Evidence::Applied(shown)
            } else {
                Evidence::Absent(shown)
            }
        }),
        Action::Terminate { environment, .. } => known(&seen.environments, |environments| {
            match world::find(environments, environment) {
                None => Evidence::Applied(format!("{environment} is gone")),
                Some(found)
                    if matches!(
                        found.status,
                        EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
                    ) =>
                {
                    Evidence::Applied(format!("{environment} is being removed"))
                }
                Some(found) if found.ready() => Evidence::Absent(format!("{environment} is still there")),
                Some(found) => Evidence::Unsettled(format!("{environment} is {:?}", found.status)),
            }
        }),
        Action::ReplaceInstance { instance, .. } => known(&seen.green_health, |health| {
            if health.instances.contains_key(instance) {
                Evidence::Absent(format!("{instance} is still there"))
            } else {
                Evidence::Applied(format!("{instance} is gone"))
            }
        }),
        // Making these again has the same effect as making them once, so there is nothing to find out.
        Action::RestoreCapacity { .. } | Action::SaveEvidence { .. } | Action::Prune { .. } => {
            Evidence::Absent("it may or may not have happened, and can be done again".to_owned())
        }
    }
}

fn swap_evidence(from: &EnvironmentSeen, to: &EnvironmentSeen, slot: &str, other: &str) -> Evidence {
    let names = format!(
        "{} holds {}, {} holds {}",
        from.id,
        from.cname.as_deref().unwrap_or("no name"),
        to.id,
        to.cname.as_deref().unwrap_or("no name")
    );
    if to.holds(slot) && from.holds(other) {
        Evidence::Applied(names)
    } else if from.holds(slot) && to.holds(other) && from.ready() && to.ready() {
        Evidence::Absent(names)
    } else {
        Evidence::Unsettled(names)
    }
}

fn known<T>(fact: &Known<T>, judge: impl FnOnce(&T) -> Evidence) -> Evidence {
    match fact {
        Known::Known(value) => judge(value),
        Known::Unknown(why) => Evidence::Unsettled(format!("it could not be read: {why}")),
    }
}
