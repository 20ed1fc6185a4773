//! Roll back: traffic first, verified; then green. It asks only who holds the slot's name, never how the forward way failed,
//! and it does not wait for the source of any metric.

use super::super::action::{Action, Role};
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::{Blue, Green};
use super::super::seen::{EnvironmentSeen, EnvironmentStatus};
use super::super::state::{Release, RollbackState};
use super::super::why::Why;
use super::drain::{Lost, Silence, silence};
use super::look::unmanned;
use super::shift::{NotSeen, leads_to};
use super::weights::{self, Back};
use super::{
    Decision, act, act_patiently, capacity, finish, leave, limits, next_look, record, roll_back, soon, unpruned, wait,
    world,
};
use crate::model::{Known, Timestamp};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let (Some(rollback), Some(blue)) = (&release.rollback, &release.blue) else {
        return finish(
            Outcome::NeedsHuman,
            "the journal does not say what to go back to".to_owned(),
        );
    };
    match rollback.restored_at {
        None => traffic(release, rollback, blue, seen),
        Some(restored) => match left_again(release, rollback, blue, seen) {
            Some(decision) => decision,
            None => green(release, rollback, restored, seen),
        },
    }
}

/// A swap that nobody believed in any more may have landed late, or somebody else has moved the name: traffic comes first again.
fn left_again(release: &Release, rollback: &RollbackState, blue: &Blue, seen: &Observation) -> Option<Decision> {
    let what = if release.plan.lever.is_gradual() {
        weights::left(release, blue, seen)?
    } else {
        let slot = &release.plan.slot_cname;
        let environments = seen.environments.known()?;
        let holder = environments.iter().find(|found| found.holds(slot))?;
        if holder.id == blue.id {
            return None;
        }
        format!(
            "{slot} has left blue again and is held by {} ({})",
            holder.name, holder.id
        )
    };
    Some(world::lasting(release, seen.at, what, |what| {
        let why = format!("{}; then {what}", rollback.why);
        if rollback.again >= limits::RETURNS {
            return finish(
                Outcome::NeedsHuman,
                format!(
                    "{why}, for the {}th time: find out who moves it, then swap by hand",
                    rollback.again + 1
                ),
            );
        }
        roll_back(why, Outcome::RolledBack)
    }))
}

/// Gives the slot's name back to blue, and sees that it leads there.
fn traffic(release: &Release, rollback: &RollbackState, blue: &Blue, seen: &Observation) -> Decision {
    let slot = &release.plan.slot_cname;
    let deadline = rollback.since + limits::RETURN;
    let stuck = |missing: &str| {
        let green = release.green.as_ref().map_or("none", |green| green.id.as_str());
        finish(
            Outcome::NeedsHuman,
            format!(
                "rolling back ({}) did not bring {slot} back to blue ({}): {missing}; green is {green}: give the name to a healthy environment by hand",
                rollback.why, blue.id
            ),
        )
    };
    let returning = |missing: String, until: Timestamp| {
        if seen.at >= deadline {
            return stuck(&missing);
        }
        wait(
            seen.at,
            Why::Returning { missing },
            until,
            deadline,
            "a person is asked",
        )
    };
    if release.plan.lever.is_gradual() {
        // Nothing but the weights is needed for it; but where it can be seen that there is no blue, nobody is sent there.
        if let Known::Known(environments) = &seen.environments {
            match world::find(environments, &blue.id) {
                None => {
                    let what = "blue is not there any more".to_owned();
                    return world::lasting(release, seen.at, what, |what| stuck(&what));
                }
                Some(home) if home.status == EnvironmentStatus::Terminating => return stuck("blue is being removed"),
                Some(_) => {}
            }
            if let Some(what) = weights::blue_renamed(release, environments, seen) {
                return world::lasting(release, seen.at, what, |what| stuck(&what));
            }
        }
        return match weights::back(release, blue, seen, returning) {
            Back::There => verify(release, rollback, seen),
            Back::Not(decision) => *decision,
        };
    }
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) => {
            return returning(
                format!("the environments could not be read: {why}"),
                soon(release, seen.at),
            );
        }
    };
    let holder = environments.iter().find(|found| found.holds(slot));
    let Some(home) = world::find(environments, &blue.id) else {
        let what = "blue is not there any more".to_owned();
        return world::lasting(release, seen.at, what, |what| stuck(&what));
    };
    if home.status == EnvironmentStatus::Terminating {
        return stuck("blue is being removed");
    }
    match holder {
        Some(holder) if holder.id == blue.id => verify(release, rollback, seen),
        Some(holder) if release.green.as_ref().is_some_and(|green| green.id == holder.id) => {
            swap_back(release, holder, home, seen, returning)
        }
        Some(holder) if holder.ready() => {
            let what = format!("it is held by {} ({})", holder.name, holder.id);
            world::lasting(release, seen.at, what, |what| stuck(&what))
        }
        None if home.ready() && seen.at >= rollback.since + limits::SWAP_SETTLE => stuck("no environment holds it"),
        Some(_) | None => returning("names are on their way".to_owned(), soon(release, seen.at)),
    }
}

fn swap_back(
    release: &Release,
    green: &EnvironmentSeen,
    blue: &EnvironmentSeen,
    seen: &Observation,
    returning: impl Fn(String, Timestamp) -> Decision,
) -> Decision {
    for (role, side) in [("blue", blue), ("green", green)] {
        if !side.ready() {
            return returning(
                format!(
                    "{role} ({}) is {:?}, and only a Ready one can be swapped",
                    side.id, side.status
                ),
                soon(release, seen.at),
            );
        }
    }
    let Some(other_cname) = blue.cname.clone() else {
        return returning(
            "blue has no name to give in exchange".to_owned(),
            soon(release, seen.at),
        );
    };
    let action = Action::Swap {
        from: green.id.clone(),
        to: blue.id.clone(),
        other_cname,
    };
    let decision = act_patiently(release, seen.at, action);
    let attempts = release.attempts_of("swap");
    // There is no other way back, so it is tried until the deadline, however often it was refused.
    if attempts.failed > 0 {
        let waited = returning(format!("the swap was refused: {}", attempts.said), seen.at);
        if matches!(waited.then, super::Then::Finish { .. }) {
            return waited;
        }
    }
    decision
}

/// Blue holds the name. When green may have had traffic, that is also looked at from outside.
fn verify(release: &Release, rollback: &RollbackState, seen: &Observation) -> Decision {
    let restored = |how: String| record(how.clone(), Event::TrafficRestored { how });
    if !release.shift_intended {
        return restored("there is nothing to give back".to_owned());
    }
    // A list that is behind the swap towards green, and old DNS answers, would together look like a return.
    let known = rollback.since + release.plan.provision.interval.get() * 2;
    if seen.at < known {
        let missing = if release.plan.lever.is_gradual() {
            "blue has all of it, but what was read can be behind; looking again"
        } else {
            "blue holds the name, but lists can be behind; looking again"
        };
        return wait(
            seen.at,
            Why::Returning {
                missing: missing.to_owned(),
            },
            soon(release, seen.at),
            known,
            "the list is believed",
        );
    }
    // The reads of the names are proof that new DNS answers lead to blue. Seeing it from here as well may take a time to live.
    match leads_to(release, seen.public.as_ref()) {
        Ok(how) => restored(format!("the public name leads to blue: {how}")),
        Err(NotSeen { missing, .. }) => {
            let deadline = release.return_confirmed_by(rollback);
            if seen.at >= deadline {
                // Green is all that may serve then, so it is not removed.
                if let Some(what) = unmanned(release, seen) {
                    return world::lasting_for(release, seen.at, what, limits::REPLACE, |what| {
                        let green = release.green.as_ref().map_or("none", |green| green.id.as_str());
                        let why = &rollback.why;
                        let advice =
                            format!("bring blue back, or give everything to green ({green}) by hand if that is better");
                        finish(
                            Outcome::NeedsHuman,
                            format!("{why}; all traffic is on blue again, but {what}: {advice}"),
                        )
                    });
                }
                return restored(format!(
                    "blue holds the name; that could not be confirmed from here: {missing}"
                ));
            }
            wait(
                seen.at,
                Why::Returning { missing },
                soon(release, seen.at),
                deadline,
                "the name on blue is taken as proof enough",
            )
        }
    }
}

/// Traffic is on blue. Green is kept for a look at it, then removed.
fn green(release: &Release, rollback: &RollbackState, restored: Timestamp, seen: &Observation) -> Decision {
    let over = |left: &str| leave(rollback.outcome, rollback.why.clone(), left);
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) => {
            let plan = &release.plan;
            let ended = release.attempts_of("terminate");
            let told = if ended.done {
                ended.last
            } else {
                restored.max(ended.last)
                    + plan.rollback.keep_green.get()
                    + release.dns_ttl() * plan.drain.factor
                    + plan.drain.deadline.get()
            };
            let deadline = told + limits::TERMINATE;
            if seen.at >= deadline {
                let green = release
                    .green
                    .as_ref()
                    .map_or(&plan.green_name as &dyn std::fmt::Display, |green| &green.id);
                let what = format!("whether green ({green}) is gone could not be seen");
                return world::lasting(release, seen.at, what, |what| over(&format!("{what}: {why}")));
            }
            let at_deadline = "the release ends, and names what may be left";
            return world::cannot_see(release, seen, "the environments", why, deadline, at_deadline);
        }
    };
    // Before the release ends, and before green does, whose users may only just have come back to blue.
    let let_go = || {
        let blue = release.blue.as_ref()?;
        let found = world::find(environments, &blue.id);
        capacity::let_go_again(release, blue, found, restored, seen.at)
    };
    let tidy = |over: &dyn Fn(&str) -> Decision| let_go().unwrap_or_else(|| tidy(release, seen, over));
    let green = match unclaimed(release, environments) {
        Found::Green(green) => green,
        Found::Nothing => {
            let made = release.attempts_of("create environment");
            let shown = made.last + limits::SHOWS;
            if made.done && seen.at < shown {
                let what = format!("{} to be listed, so that it can be removed", release.plan.green_name);
                let why = Why::Working { what };
                return wait(seen.at, why, soon(release, seen.at), shown, "it is taken for gone");
            }
            return tidy(&over);
        }
        Found::Foreign(decision) => return *decision,
    };
    if green.reused {
        let kept = format!(
            "{} ({}) is kept: an earlier release made it. If it does not serve, remove it, and the next way back makes a new one",
            green.name, green.id
        );
        let why = format!("{}; {kept}", rollback.why);
        return tidy(&|left| leave(rollback.outcome, why.clone(), left));
    }
    let ended = release.attempts_of("terminate");
    let Some(found) = world::find(environments, &green.id) else {
        if ended.done {
            return tidy(&over);
        }
        let what = format!("green ({}) is gone", green.id);
        return world::lasting(release, seen.at, what, |_| tidy(&over));
    };
    if matches!(
        found.status,
        EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
    ) || ended.done
    {
        let deadline = ended.last.max(restored) + release.plan.rollback.keep_green.get() + limits::TERMINATE;
        if seen.at >= deadline {
            return over(&format!(
                "green ({}) was told to end but is still there; see its events",
                green.id
            ));
        }
        let why = Why::Working {
            what: format!("green ({}) to be gone", green.id),
        };
        return wait(
            seen.at,
            why,
            next_look(release, seen.at),
            deadline,
            "the release ends, and names what is left",
        );
    }
    let saved = release.attempts_of("save evidence");
    // Of a green that nobody has met, and that was given up on purpose, nobody wants to know more.
    let worth_a_look = release.shift_intended || !release.wishes.abort;
    if !saved.done && !saved.fatal && saved.failed < 2 && worth_a_look {
        return act_patiently(release, seen.at, Action::SaveEvidence { environment: green.id });
    }
    // Somebody may have removed blue since traffic was back. What is left then is not removed as well.
    let slot = &release.plan.slot_cname;
    let served = if release.plan.lever.is_gradual() {
        let split = seen.split.known();
        split.is_none_or(|split| release.blue.as_ref().is_some_and(|blue| split.serves(&blue.id)))
    } else {
        environments.iter().any(|seen| seen.holds(slot))
    };
    if !served {
        let what = format!("no environment holds {slot} any more");
        return world::lasting(release, seen.at, what, |what| {
            finish(
                Outcome::NeedsHuman,
                format!(
                    "{}; then {what}: green ({}) is kept, as there may be nothing else; give the name to a healthy environment by hand",
                    rollback.why, green.id
                ),
            )
        });
    }
    let keep = if rollback.outcome == Outcome::RolledBack && !release.wishes.end_wait {
        release.plan.rollback.keep_green.get()
    } else {
        std::time::Duration::ZERO
    };
    let until = restored + keep;
    if seen.at < until {
        return wait(
            seen.at,
            Why::KeepingGreen { until },
            until.min(next_look(release, seen.at)),
            until,
            "green is removed",
        );
    }
    if let Some(decision) = weights::spread_back(release, restored, seen) {
        return decision;
    }
    // Old DNS answers may still send somebody to green: this release's, or somebody else's who gave it the name for a while.
    if release.shift_intended || used_by_others(release, seen) {
        let measurable = release.counts_green(&seen.green_health);
        let lost = Lost {
            role: Role::Green,
            since: release.in_sync_at.map_or(restored, |at| at.max(restored)),
            watched: rollback.watched_from.unwrap_or(restored),
        };
        match silence(release, lost, measurable, seen) {
            Silence::Pending(decision) => return *decision,
            Silence::GivenUp(how) if release.plan.drain.at_deadline == crate::spec::AtDrainDeadline::Keep => {
                let kept = format!("green ({}) is kept: {how}; remove it by hand", green.id);
                return let_go().unwrap_or_else(|| over(&kept));
            }
            Silence::Proved(_) | Silence::GivenUp(_) => {}
        }
    }
    // An environment that is being made or changed refuses to end; it is asked again when it is at rest.
    if !found.ready() {
        let why = Why::Working {
            what: format!("green ({}) to come to rest, it is {:?}", green.id, found.status),
        };
        let deadline = until + limits::TERMINATE;
        if seen.at < deadline {
            return wait(
                seen.at,
                why,
                next_look(release, seen.at),
                deadline,
                "it is told to end all the same",
            );
        }
    }
    if let Some(decision) = let_go() {
        return decision;
    }
    let action = Action::Terminate {
        environment: green.id.clone(),
        role: Role::Green,
    };
    act(release, seen.at, action, |why| {
        over(&format!("{why}; remove green ({}) by hand", green.id))
    })
}

/// Whether a green to which this release has sent nobody gets more requests than our own checks make.
fn used_by_others(release: &Release, seen: &Observation) -> bool {
    // Once it was seen, its end is waited for.
    if matches!(
        release.waiting,
        Some(Why::DnsDraining { .. } | Why::Busy { .. } | Why::Quiet { .. })
    ) {
        return true;
    }
    let smoke = &release.plan.smoke;
    let own = match release.smoke.last {
        // So many rounds can lie in one window of the service.
        Some(last) if seen.at < last + WINDOW * 3 => {
            (1 + WINDOW.as_millis() / smoke.interval.get().as_millis().max(1)) * smoke.checks.len() as u128
        }
        _ => 0,
    };
    super::drain::requests(release, &seen.green_health, seen.at).is_some_and(|requests| u128::from(requests) > own)
}

/// How long the service counts requests for a window.
const WINDOW: std::time::Duration = std::time::Duration::from_secs(10);

/// What there is to remove.
enum Found {
    Green(Green),
    Nothing,
    Foreign(Box<Decision>),
}

/// Green as recorded, or one that was made without being recorded any more: the call was on its way when the release turned.
fn unclaimed(release: &Release, environments: &[EnvironmentSeen]) -> Found {
    if let Some(green) = &release.green {
        return Found::Green(green.clone());
    }
    let Some(found) = environments.iter().find(|seen| seen.name == release.plan.green_name) else {
        return Found::Nothing;
    };
    match &found.release_tag {
        Some(tag) if *tag == release.plan.tag() => Found::Green(Green {
            id: found.id.clone(),
            name: found.name.clone(),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        }),
        _ => Found::Foreign(Box::new(finish(
            Outcome::NeedsHuman,
            format!(
                "{} ({}) has green's name but not this release's tag; see whose it is",
                found.name, found.id
            ),
        ))),
    }
}

/// Templates that only this release needed. What they have ended with says what could not be removed.
fn tidy(release: &Release, seen: &Observation, over: impl FnOnce(&str) -> Decision) -> Decision {
    let pruned = release.attempts_of("prune");
    if !pruned.done && !pruned.fatal && pruned.failed < 2 {
        return act_patiently(
            release,
            seen.at,
            Action::Prune {
                keep: release.plan.retire.keep_versions,
            },
        );
    }
    over(&unpruned(&pruned))
}
