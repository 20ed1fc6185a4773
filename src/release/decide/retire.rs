//! Retire: blue is kept for a while so that a rollback is one call, then removed; then what is no longer needed is cleaned up.

use super::super::action::{Action, Role};
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::Blue;
use super::super::seen::{EnvironmentSeen, EnvironmentStatus};
use super::super::state::{Drained, Release};
use super::super::why::Why;
use super::{
    Decision, act, act_patiently, bake, capacity, drain, finish, leaving, limits, next_look, record, unpruned, wait,
    weights, world,
};
use crate::model::{Known, Timestamp};
use crate::spec::{AtDrainDeadline, Lever};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let (Some(blue), Some(drained)) = (&release.blue, &release.drained) else {
        return finish(
            Outcome::NeedsHuman,
            "the journal does not say which environment is blue".to_owned(),
        );
    };
    let go_on = || go_on(release, blue, drained, seen);
    // Until blue is on its way out there is a way back, so green is watched until then.
    if drained.remove_blue && !release.attempts_of("terminate").done {
        bake::watching(release, seen, go_on)
    } else {
        go_on()
    }
}

fn go_on(release: &Release, blue: &Blue, drained: &Drained, seen: &Observation) -> Decision {
    let ended = release.attempts_of("terminate");
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) => return blind(release, blue, drained, why, seen),
    };
    let found = world::find(environments, &blue.id);
    if drained.remove_blue {
        let leaving = |found: &EnvironmentSeen| ended.done || found.status == EnvironmentStatus::Terminating;
        match found {
            Some(found) if leaving(found) => {
                if let Some(decision) = leave(release, blue, drained, ended.last, seen.at) {
                    return decision;
                }
            }
            Some(found) => return remove(release, blue, drained, found, seen),
            None if !ended.done => {
                let what = format!("blue ({}) is gone, and not by this release", blue.id);
                return world::lasting(release, seen.at, what, |_| {
                    clean_up(release, blue, drained, environments, seen)
                });
            }
            None => {}
        }
    }
    clean_up(release, blue, drained, environments, seen)
}

/// When even a slow removal of blue must be over.
fn last_moment(release: &Release, drained: &Drained) -> Timestamp {
    let since = drained.at.max(release.deadline(std::time::Duration::ZERO));
    since.max(release.attempts_of("terminate").last)
        + release.plan.retire.warm.get()
        + release.plan.drain.deadline.get()
        + limits::TERMINATE
}

/// The environments cannot be read. Green was well when it had got through its bake, but what has become of it or of blue since
/// then is nobody's to say.
fn blind(release: &Release, blue: &Blue, drained: &Drained, why: &str, seen: &Observation) -> Decision {
    let deadline = last_moment(release, drained);
    if seen.at >= deadline {
        let green = release.green.as_ref().map_or("unknown", |green| green.id.as_str());
        let what = format!(
            "green ({green}) was promoted, but for a long time nobody could see what has become of it and of blue ({})",
            blue.id
        );
        let then = |what| {
            finish(
                Outcome::NeedsHuman,
                format!("{what}: {why}; see that green answers, remove blue, and set green's MinSize if it was raised"),
            )
        };
        return world::lasting(release, seen.at, what, then);
    }
    let at_deadline = "a person is asked";
    world::cannot_see(release, seen, "the environments", why, deadline, at_deadline)
}

/// Blue's last time: kept warm, then looked at once more, then removed.
fn remove(release: &Release, blue: &Blue, drained: &Drained, found: &EnvironmentSeen, seen: &Observation) -> Decision {
    let plan = &release.plan;
    let until = drained.at + plan.retire.warm.get();
    let deadline = until.max(release.deadline(std::time::Duration::ZERO)) + plan.drain.deadline.get();
    if seen.at < until && !release.wishes.end_wait {
        return wait(
            seen.at,
            Why::KeepingBlue { until },
            until.min(next_look(release, seen.at)),
            until,
            "blue is removed",
        );
    }
    let keep = |how: String| {
        record(
            how.clone(),
            Event::Drained {
                how,
                remove_blue: false,
            },
        )
    };
    let kept = "blue is kept, and the release ends";
    // The way back is not given away while it is in doubt that green is well.
    if release.watch.bad > 0 || release.watch.good_in_row == 0 {
        let doubt = release.watch.doubt.clone();
        if seen.at >= deadline {
            let doubt = doubt.as_deref().unwrap_or("too little was seen");
            return keep(format!("it is in doubt that green is well: {doubt}"));
        }
        let next = release.watch.last.unwrap_or(seen.at) + release.look_every();
        return wait(seen.at, Why::Baking { until: deadline, doubt }, next, deadline, kept);
    }
    if release.counts_blue() && plan.drain.at_deadline == AtDrainDeadline::Keep {
        let requests = drain::served(release, Role::Blue, seen).requests;
        if requests != Some(0) {
            if seen.at >= deadline {
                return keep("it has requests again, or they cannot be counted".to_owned());
            }
            return wait(
                seen.at,
                Why::Busy {
                    role: Role::Blue,
                    requests,
                },
                next_look(release, seen.at),
                deadline,
                kept,
            );
        }
    }
    // An environment that is being changed refuses to end.
    let rest_by = last_moment(release, drained);
    if !found.ready() && seen.at < rest_by {
        let why = Why::Working {
            what: format!("blue ({}) to come to rest, it is {:?}", blue.id, found.status),
        };
        let at_deadline = "it is told to end all the same";
        return wait(seen.at, why, next_look(release, seen.at), rest_by, at_deadline);
    }
    if let Some(decision) = weights::detach(release, blue, seen, deadline, keep) {
        return decision;
    }
    let action = Action::Terminate {
        environment: blue.id.clone(),
        role: Role::Blue,
    };
    act(release, seen.at, action, keep)
}

/// Blue is on its way out. `None` when that has taken too long.
fn leave(release: &Release, blue: &Blue, drained: &Drained, told: Timestamp, now: Timestamp) -> Option<Decision> {
    let deadline = told.max(drained.at).max(release.deadline(std::time::Duration::ZERO)) + limits::TERMINATE;
    let why = Why::Working {
        what: format!("blue ({}) to be gone", blue.id),
    };
    (now < deadline).then(|| {
        wait(
            now,
            why,
            next_look(release, now),
            deadline,
            "the release ends, and names what is left",
        )
    })
}

/// Green's limits of capacity, old versions and templates. None of it is worth failing a release that users already have.
fn clean_up(
    release: &Release,
    blue: &Blue,
    drained: &Drained,
    environments: &[EnvironmentSeen],
    seen: &Observation,
) -> Decision {
    let green = release
        .green
        .as_ref()
        .and_then(|green| world::find(environments, &green.id));
    if let Some(green) = green
        && let Some(decision) = capacity::lower(release, blue, green, last_moment(release, drained), seen.at)
    {
        return decision;
    }
    if !drained.remove_blue {
        let found = world::find(environments, &blue.id);
        if let Some(decision) = capacity::let_go(release, blue, found, drained.at, seen.at) {
            return decision;
        }
    }
    let pruned = release.attempts_of("prune");
    if !pruned.done && !pruned.fatal && pruned.failed < limits::ATTEMPTS {
        let keep = release.plan.retire.keep_versions;
        return act_patiently(release, seen.at, Action::Prune { keep });
    }
    let left = if !drained.remove_blue {
        // Route 53 answers with members of no weight when all others are ill, and their names are anybody's once they are free.
        let first = if release.plan.lever == Lever::WeightedDns {
            format!(" and its record of {} is gone", release.plan.slot_cname)
        } else {
            String::new()
        };
        format!(
            "blue ({}) was kept: {}; remove it when nobody uses it any more{first}",
            blue.id, drained.how
        )
    } else if world::find(environments, &blue.id).is_some() {
        format!("blue ({}) was told to end but is still there; see its events", blue.id)
    } else {
        String::new()
    };
    promoted(release, blue, [left, unpruned(&pruned)])
}

fn promoted(release: &Release, blue: &Blue, left: [String; 2]) -> Decision {
    let green = release.green.as_ref().map_or("green", |green| green.name.as_str());
    let mut why = format!(
        "{green} serves {} with version {}",
        release.plan.slot_cname, release.plan.version_label
    );
    if release.wishes.roll_back || release.wishes.abort {
        why.push_str(
            "; a rollback was asked for when blue had already been told to end: ask for it again, and the former version is made anew",
        );
    }
    let mut decision = finish(Outcome::Promoted, why);
    for left in left.into_iter().chain([capacity::not_raised(release, blue)]) {
        leaving(&mut decision.then, &left);
    }
    decision
}
