//! Retire: blue is kept for a while so that a rollback is one swap, then removed; then what is no longer needed is cleaned up.

use super::super::action::{Action, Role};
use super::super::event::{Event, Outcome};
use super::super::observation::{EnvironmentStatus, Observation};
use super::super::state::{Blue, Release};
use super::super::why::Why;
use super::{Decision, act, act_patiently, bake, finish, limits, next_look, provision, record, wait, world};
use crate::model::{Known, Timestamp};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let (Some(blue), Some((drained_at, remove_blue))) = (&release.blue, release.drained) else {
        return finish(
            Outcome::NeedsHuman,
            "the journal does not say which environment is blue".to_owned(),
        );
    };
    let removing = release.attempts_of("terminate").done;
    // Until blue is on its way out there is a way back, so green is watched until then.
    if remove_blue
        && !removing
        && let Some(decision) = bake::watch(release, seen)
    {
        return decision;
    }
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) => {
            return world::cannot_see(release, seen, "the environments", why, seen.at, "it is looked at again");
        }
    };
    let found = world::find(environments, &blue.id);
    if remove_blue && !removing && found.is_some() {
        return remove(release, blue, drained_at, seen);
    }
    if remove_blue && found.is_some_and(|found| found.status != EnvironmentStatus::Terminated) {
        let since = release
            .attempts_of("terminate")
            .last
            .max(drained_at + release.plan.retire.warm.get());
        let deadline = since + limits::TERMINATE;
        if seen.at < deadline {
            let why = Why::Working {
                what: format!("blue ({}) to be gone", blue.id),
            };
            return wait(
                why,
                next_look(release, seen.at),
                deadline,
                "the release ends, and names what is left",
            );
        }
        return promoted(
            release,
            format!("blue ({}) was told to end but is still there; see its events", blue.id),
        );
    }
    clean_up(release, blue, seen, remove_blue)
}

/// Blue's last time: kept warm, then looked at once more, then removed.
fn remove(release: &Release, blue: &Blue, drained_at: Timestamp, seen: &Observation) -> Decision {
    let until = drained_at + release.plan.retire.warm.get();
    let deadline = until + release.plan.drain.deadline.get();
    if seen.at < until && !release.wishes.end_wait {
        return wait(
            Why::KeepingBlue { until },
            until.min(next_look(release, seen.at)),
            until,
            "blue is removed",
        );
    }
    if blue.enhanced {
        let requests = seen.blue_health.known().and_then(|health| health.requests);
        if requests != Some(0) && release.plan.drain.at_deadline == crate::spec::AtDrainDeadline::Keep {
            if seen.at >= deadline {
                let how = "blue has requests again, or they cannot be counted".to_owned();
                return record(
                    how.clone(),
                    Event::Drained {
                        how,
                        remove_blue: false,
                    },
                );
            }
            return wait(
                Why::BlueBusy { requests },
                next_look(release, seen.at),
                deadline,
                "blue is kept, and the release ends",
            );
        }
    }
    let action = Action::Terminate {
        environment: blue.id.clone(),
        role: Role::Blue,
    };
    act(release, seen.at, action, |why| promoted(release, why))
}

/// Green's limits of capacity, old versions and templates. None of it is worth failing a release that users already have.
fn clean_up(release: &Release, blue: &Blue, seen: &Observation, remove_blue: bool) -> Decision {
    let plan = &release.plan;
    let raised = provision::wanted_instances(release, blue);
    let wanted = blue.min_instances.max(plan.min_instances.unwrap_or(0));
    let capacity = release.attempts_of("restore capacity");
    if let Some(green) = &release.green
        && remove_blue
        && raised > wanted
        && !capacity.done
        && !capacity.fatal
        && capacity.failed < limits::ATTEMPTS
    {
        let action = Action::RestoreCapacity {
            environment: green.id.clone(),
            min_instances: wanted,
            max_instances: blue.max_instances,
        };
        return act_patiently(release, seen.at, action);
    }
    let pruned = release.attempts_of("prune");
    if !pruned.done && !pruned.fatal && pruned.failed < limits::ATTEMPTS {
        return act_patiently(
            release,
            seen.at,
            Action::Prune {
                keep: plan.retire.keep_versions,
            },
        );
    }
    let rest = match (remove_blue, capacity.done || raised <= wanted) {
        (false, _) => format!(
            "blue ({}) still had requests and was kept; remove it when they have ended",
            blue.id
        ),
        (true, false) => format!(
            "green's fewest instances could not be set back to {wanted} ({}); set MinSize by hand",
            capacity.said
        ),
        (true, true) => String::new(),
    };
    promoted(release, rest)
}

fn promoted(release: &Release, rest: String) -> Decision {
    let green = release.green.as_ref().map_or("green", |green| green.name.as_str());
    let mut why = format!(
        "{green} serves {} with version {}",
        release.plan.slot_cname, release.plan.version_label
    );
    if !rest.is_empty() {
        why.push_str("; ");
        why.push_str(&rest);
    }
    finish(Outcome::Promoted, why)
}
