//! Reading the list of environments, and the guards that stand in every phase: operators' wishes, and changes that somebody
//! else has made.

use std::time::Duration;

use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::seen::EnvironmentSeen;
use super::super::state::{Phase, Release};
use super::super::why::{Finding, Why};
use super::{Decision, finish, foreign, limits, next_look, roll_back, soon, wait};
use crate::model::{EnvironmentId, Timestamp};

/// An environment by its id.
pub(super) fn find<'a>(environments: &'a [EnvironmentSeen], id: &EnvironmentId) -> Option<&'a EnvironmentSeen> {
    environments.iter().find(|seen| seen.id == *id)
}

/// Whether an environment is there, and not on its way out.
pub(super) fn stays(environments: &[EnvironmentSeen], id: &EnvironmentId) -> bool {
    find(environments, id).is_some_and(EnvironmentSeen::stays)
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
    turn(release).or_else(|| foreign::decide(release, seen))
}

/// What an operator's wish to go back leads to.
pub(super) fn turn(release: &Release) -> Option<Decision> {
    if matches!(release.phase, Phase::Preflight | Phase::RollBack | Phase::Done) {
        return None;
    }
    // Once blue was told to end there is nothing to go back to; the release's last words say so.
    let too_late = matches!(release.phase, Phase::Drain | Phase::Retire) && release.attempts_of("terminate").done;
    if (release.wishes.abort || release.wishes.roll_back) && !too_late {
        let outcome = if release.shift_intended {
            Outcome::RolledBack
        } else {
            Outcome::Aborted
        };
        return Some(roll_back(format!("{} asked for it", operator(release)), outcome));
    }
    None
}

/// Who asked to turn back.
fn operator(release: &Release) -> String {
    let by = release.wishes.turned_by.as_ref();
    // A release that waits takes a drill back, too, by the same wish.
    let who = match release.plan.drill {
        Some(_) => "a release that waits, or an operator",
        None => "an operator",
    };
    by.map_or(who.to_owned(), |by| format!("{who} ({by})"))
}

/// Acts upon a finding that would turn the release only when it was seen for two polling intervals without a break: a list that
/// is behind shows what is over, or lacks what is new.
pub(super) fn lasting(
    release: &Release,
    now: Timestamp,
    what: String,
    then: impl FnOnce(String) -> Decision,
) -> Decision {
    let patience = release.plan.provision.interval.get() * 2;
    lasting_for(release, now, what, patience, then)
}

/// The same of a finding that is told in words which may change at their end.
pub(super) fn lasting_as(
    release: &Release,
    now: Timestamp,
    what: &str,
    told: String,
    then: impl FnOnce(String) -> Decision,
) -> Decision {
    let since = astray_since(release, what).unwrap_or(now);
    until_it_lasted(
        release,
        now,
        told,
        since + release.plan.provision.interval.get() * 2,
        since,
        then,
    )
}

/// Since when a finding is seen, if it was there at the last look.
pub(super) fn astray_since(release: &Release, what: &str) -> Option<Timestamp> {
    seen_since(release, |before| before.starts_with(what))
}

/// Since when a finding is seen that was there at the last look, by itself or beneath another one.
fn seen_since(release: &Release, is: impl Fn(&str) -> bool) -> Option<Timestamp> {
    let findings = release.waiting.iter().flat_map(Why::findings);
    findings.filter(|(what, _)| is(what)).map(|(_, since)| since).next()
}

/// The same with another patience.
pub(super) fn lasting_for(
    release: &Release,
    now: Timestamp,
    what: String,
    patience: Duration,
    then: impl FnOnce(String) -> Decision,
) -> Decision {
    let since = seen_since(release, |before| before == what).unwrap_or(now);
    until_it_lasted(release, now, what, since + patience, since, then)
}

fn until_it_lasted(
    release: &Release,
    now: Timestamp,
    what: String,
    until: Timestamp,
    since: Timestamp,
    then: impl FnOnce(String) -> Decision,
) -> Decision {
    if now >= until {
        let mut decision = then(what.clone());
        // Where something else must be seen for a while first, this one is not forgotten meanwhile: each would have to begin anew
        // because of the other, for ever.
        if let Why::Astray { beneath, .. } = &mut decision.why {
            beneath.push(Finding { what, since });
        }
        return decision;
    }
    wait(
        now,
        Why::Astray {
            what,
            since,
            beneath: Vec::new(),
        },
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
