//! Reading the list of environments, and the guards that stand in every phase: operators' wishes, and changes that somebody
//! else has made.

use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::seen::{EnvironmentSeen, EnvironmentStatus};
use super::super::state::{Phase, Release};
use super::super::why::Why;
use super::{Decision, finish, limits, next_look, roll_back, soon, wait};
use crate::model::{EnvironmentId, Known, Timestamp};

impl EnvironmentSeen {
    /// Whether it holds a name.
    #[must_use]
    pub fn holds(&self, cname: &str) -> bool {
        self.cname.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(cname))
            && !matches!(
                self.status,
                EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
            )
    }

    /// Whether it is at rest.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.status == EnvironmentStatus::Ready
    }
}

/// An environment by its id.
pub(super) fn find<'a>(environments: &'a [EnvironmentSeen], id: &EnvironmentId) -> Option<&'a EnvironmentSeen> {
    environments.iter().find(|seen| seen.id == *id)
}

/// What stops a phase before it looks at its own business.
pub(super) fn guard(release: &Release, seen: &Observation) -> Option<Decision> {
    if release.phase == Phase::Preflight {
        return (release.wishes.abort || release.wishes.roll_back).then(|| {
            finish(
                Outcome::Aborted,
                format!("{} stopped it before anything was done", operator(release)),
            )
        });
    }
    if release.phase == Phase::RollBack {
        return None;
    }
    // Once blue was told to end there is nothing to go back to; the release's last words say so.
    let too_late = release.phase == Phase::Retire && release.attempts_of("terminate").done;
    if (release.wishes.abort || release.wishes.roll_back) && !too_late {
        let outcome = if release.shift_intended {
            Outcome::RolledBack
        } else {
            Outcome::Aborted
        };
        return Some(roll_back(format!("{} asked for it", operator(release)), outcome));
    }
    match &seen.environments {
        Known::Known(environments) => moved_by_others(release, environments, seen.at),
        Known::Unknown(_) => None,
    }
}

/// Who asked to turn back.
fn operator(release: &Release) -> String {
    let by = release.wishes.turned_by.as_ref();
    by.map_or("an operator".to_owned(), |by| format!("an operator ({by})"))
}

/// Somebody else has moved the slot's name, or removed an environment that this release depends on.
fn moved_by_others(release: &Release, environments: &[EnvironmentSeen], now: Timestamp) -> Option<Decision> {
    let blue = release.blue.as_ref()?;
    let slot = &release.plan.slot_cname;
    let holder = environments.iter().find(|seen| seen.holds(slot));
    let on_green = holder.is_some_and(|holder| release.green.as_ref().is_some_and(|green| green.id == holder.id));
    let on_blue = holder.is_some_and(|holder| holder.id == blue.id);
    let shifted = release.shifted_at.is_some();
    // From the first intent to swap on, a name on green is this release's own doing, however late it shows.
    let ours = release.phase == Phase::Shift && release.shift_intended;
    if on_green && (shifted || ours) || on_blue && !shifted {
        return None;
    }
    // While an environment changes, its names may be on their way: that is no finding yet.
    let settled = environments
        .iter()
        .filter(|seen| seen.id == blue.id || release.green.as_ref().is_some_and(|green| green.id == seen.id))
        .all(|seen| seen.status != EnvironmentStatus::Updating);
    if !settled {
        return None;
    }
    if shifted && on_blue {
        let why = format!("somebody else has given {slot} back to blue ({})", blue.id);
        return Some(lasting(release, now, why, |why| roll_back(why, Outcome::RolledBack)));
    }
    if !shifted && on_green {
        let why = format!("somebody else has given {slot} to green before it was its turn");
        // The rollback looks for itself who holds the name, and gives it back.
        return Some(lasting(release, now, why, |why| roll_back(why, Outcome::RolledBack)));
    }
    let place = match holder {
        Some(holder) => format!(
            "is held by {} ({}), which this release does not know",
            holder.name, holder.id
        ),
        None => "is held by no environment".to_owned(),
    };
    let green = release.green.as_ref().map_or("unknown", |green| green.id.as_str());
    Some(lasting(release, now, format!("the name {slot} {place}"), |what| {
        if shifted {
            finish(
                Outcome::NeedsHuman,
                format!(
                    "{what}; green is {green}, blue is {}: find out who moved it, then swap by hand",
                    blue.id
                ),
            )
        } else {
            roll_back(format!("somebody else has moved traffic: {what}"), Outcome::Aborted)
        }
    }))
}

/// Acts upon a finding that would turn the release only when it was seen for two polling intervals without a break: a list that
/// is behind shows what is over, or lacks what is new.
pub(super) fn lasting(
    release: &Release,
    now: Timestamp,
    what: String,
    then: impl FnOnce(String) -> Decision,
) -> Decision {
    let since = match &release.waiting {
        Some(Why::Astray { what: before, since }) if *before == what => *since,
        _ => now,
    };
    let until = since + release.plan.provision.interval.get() * 2;
    if now >= until {
        return then(what);
    }
    wait(
        now,
        Why::Astray { what, since },
        next_look(release, now),
        until,
        "the release acts upon it",
    )
}

/// Waits because the list of environments could not be read.
pub(super) fn cannot_see(
    release: &Release,
    seen: &Observation,
    what: &str,
    why: &str,
    deadline: Timestamp,
    at_deadline: &'static str,
) -> Decision {
    let deadline = deadline.max(seen.at + limits::BACKOFF);
    wait(
        seen.at,
        Why::CannotSee {
            what: format!("{what}: {why}"),
        },
        soon(release, seen.at) + release.plan.provision.interval.get(),
        deadline,
        at_deadline,
    )
}
