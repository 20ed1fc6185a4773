//! Shift: the slot's name goes to green, is read back there, and is seen to lead there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::action::Action;
use super::super::event::{Event, Look};
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::{Blue, Green};
use super::super::seen::{EnvironmentSeen, EnvironmentStatus, PublicSeen};
use super::super::state::Release;
use super::super::why::Why;
use super::look::judge;
use super::{
    Decision, act, bake, capacity, limits, next_look, provision, record, roll_back, soon, wait, weights, world,
};
use crate::model::{Known, Timestamp};
use crate::spec::Lever;

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let (Some(blue), Some(green)) = (&release.blue, &release.green) else {
        return roll_back(
            "the journal does not say which environments are blue and green",
            Outcome::RolledBack,
        );
    };
    match (
        release.shifted_at.filter(|_| release.in_place),
        release.plan.weighting(release.step),
    ) {
        (Some(since), _) => confirm(release, since, seen),
        (None, None) => swap(release, blue, green, seen),
        // Users are on green already: it is watched while it is made fit for more.
        (None, Some(wanted)) if release.shifted_at.is_some() => {
            bake::watching(release, seen, || weights::step(release, blue, green, wanted, seen))
        }
        (None, Some(wanted)) => weights::step(release, blue, green, wanted, seen),
    }
}

/// Blue and green as they are seen before traffic moves, and what is missing for it.
pub(super) struct Sides<'a> {
    /// Blue.
    pub(super) from: &'a EnvironmentSeen,
    /// Green.
    pub(super) to: &'a EnvironmentSeen,
    /// What is missing, as far as green's health goes.
    pub(super) missing: provision::Missing,
}

/// Looks at both sides. The error is what is done when they cannot be seen, or one is gone.
pub(super) fn sides<'a>(
    release: &Release,
    blue: &Blue,
    green: &Green,
    seen: &'a Observation,
    deadline: Timestamp,
) -> Result<Sides<'a>, Box<Decision>> {
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) if seen.at >= deadline => {
            let what = format!(
                "{} could not be given to green in time: the environments could not be read: {why}",
                release.plan.slot_cname
            );
            return Err(Box::new(roll_back(what, Outcome::RolledBack)));
        }
        Known::Unknown(why) => {
            let what = "the environments";
            let waited = world::cannot_see(release, seen, what, why, deadline, "green is given up");
            return Err(Box::new(waited));
        }
    };
    let (Some(from), Some(to)) = (
        world::find(environments, &blue.id),
        world::find(environments, &green.id),
    ) else {
        let what = "blue or green is not there any more".to_owned();
        let then = |what| roll_back(what, Outcome::RolledBack);
        return Err(Box::new(world::lasting(release, seen.at, what, then)));
    };
    if to.status == EnvironmentStatus::Terminating {
        return Err(Box::new(roll_back(
            format!("green ({}) is being removed, and not by this release", green.id),
            Outcome::RolledBack,
        )));
    }
    let mut missing = provision::Missing::default();
    provision::unhealthy(release, blue, &seen.green_health, seen.at, &mut missing);
    missing.bad.extend(doubted(release, seen));
    Ok(Sides { from, to, missing })
}

/// Why a green that users are on gets no more of them: a look at it is bad, or was and is not forgotten, or its numbers are. What holds
/// nothing against it holds no step, such as a health that blue has as well, or that is left to the numbers of both.
fn doubted(release: &Release, seen: &Observation) -> Option<String> {
    release.shifted_at?;
    let watch = &release.watch;
    let Release { assessment, .. } = release;
    match (judge(release, seen), &watch.doubt) {
        (Look::Bad { why }, _) => Some(format!("green looks bad with traffic: {why}")),
        (_, Some(doubt)) if watch.bad > 0 => Some(format!("a look at green was bad; the newest said: {doubt}")),
        _ if watch.bad > 0 => Some("a look at green was bad, and too few good ones have followed".to_owned()),
        _ => assessment.suspicion().or_else(|| assessment.bad_window()),
    }
}

fn swap(release: &Release, blue: &Blue, green: &Green, seen: &Observation) -> Decision {
    let slot = &release.plan.slot_cname;
    let deadline = release.deadline(limits::SHIFT);
    let in_time = seen.at < deadline;
    let too_late = |missing: provision::Missing| {
        let missing = missing.all().join("; ");
        roll_back(
            format!("{slot} could not be given to green in time: {missing}"),
            Outcome::RolledBack,
        )
    };
    let Sides { from, to, mut missing } = match sides(release, blue, green, seen, deadline) {
        Ok(sides) => sides,
        Err(decision) => return *decision,
    };
    // One that somebody else has given to green is a finding, as soon as it is seen to last.
    if to.holds(slot) && release.shift_called_at.is_some() {
        return record(format!("{slot} was read on green ({})", green.id), Event::Shifted);
    }
    if let Some(decision) = capacity::outgrown(release, blue, to, seen).filter(|_| in_time) {
        return decision;
    }
    for (role, side) in [("blue", from), ("green", to)] {
        if !side.ready() {
            missing.bad.push(format!("{role} ({}) is {:?}", side.id, side.status));
        }
    }
    if !from.holds(slot) {
        missing.bad.push(format!("blue ({}) does not hold {slot}", blue.id));
    }
    let other_cname = match &to.cname {
        // A driver that was away past the deadline does not give up a green that is up.
        Some(other) if missing.is_empty() => other.clone(),
        other => {
            if other.is_none() {
                missing.bad.push("green has no name to give in exchange".to_owned());
            }
            if !in_time {
                return too_late(missing);
            }
            let why = Why::NotUp {
                version: release.plan.version_label.clone(),
                missing: missing.all(),
            };
            return wait(seen.at, why, next_look(release, seen.at), deadline, "green is given up");
        }
    };
    if let Some(decision) = capacity::hold(release, blue, seen) {
        return decision;
    }
    let action = Action::Swap {
        from: blue.id.clone(),
        to: green.id.clone(),
        other_cname,
    };
    act(release, seen.at, action, |why| roll_back(why, Outcome::RolledBack))
}

fn confirm(release: &Release, since: Timestamp, seen: &Observation) -> Decision {
    let plan = &release.plan;
    let moved = release.in_sync_at.unwrap_or(since).max(since);
    let deadline = moved + release.dns_ttl() * plan.drain.factor + limits::CONFIRM + release.extended;
    // From the swap on, users may be on green: it is watched at once, not only when everybody sees it.
    bake::watching(release, seen, || {
        if let Some(decision) = weights::spread(release, since, seen) {
            decision
        } else if release.whole_step() {
            led(release, deadline, seen)
        } else {
            weights::shared(release, since, seen)
        }
    })
}

fn led(release: &Release, deadline: Timestamp, seen: &Observation) -> Decision {
    let public = seen.public.as_ref();
    let led = leads_to(release, public).and_then(|how| public.and_then(left_behind).map_or(Ok(how), Err));
    match led {
        Ok(how) => record(
            format!("the public name leads to green: {how}"),
            Event::ShiftConfirmed { how },
        ),
        // That it cannot be seen from here is no fault of green's. The names were read, and the watch goes on.
        Err(NotSeen { missing, blind: true }) if seen.at >= deadline => {
            let how = format!("old DNS answers have run out; it could not be seen from here: {missing}");
            record(how.clone(), Event::ShiftConfirmed { how })
        }
        Err(NotSeen { missing, .. }) if seen.at >= deadline => roll_back(
            format!("the public name did not lead to green in time: {missing}"),
            Outcome::RolledBack,
        ),
        Err(NotSeen { missing, .. }) => wait(
            seen.at,
            Why::Confirming { missing },
            soon(release, seen.at),
            deadline,
            "green is taken back",
        ),
    }
}

/// Why the slot's name was not seen to lead to an environment.
pub(super) struct NotSeen {
    /// What is missing.
    pub(super) missing: String,
    /// Whether that is because it could not be looked up.
    blind: bool,
}

/// Whether the slot's name leads to the environment it was compared with, and how that was seen.
pub(super) fn leads_to(release: &Release, public: Option<&PublicSeen>) -> Result<String, NotSeen> {
    let blind = |missing: String| NotSeen { missing, blind: true };
    let elsewhere = |missing: String| NotSeen { missing, blind: false };
    let public = public.ok_or_else(|| blind("it was not looked at yet".to_owned()))?;
    let slot = public
        .slot_addresses
        .known()
        .ok_or_else(|| blind(unknown("the name's addresses", &public.slot_addresses)))?;
    let expected = public
        .expected_addresses
        .known()
        .ok_or_else(|| blind(unknown("the environment's addresses", &public.expected_addresses)))?;
    // A large balancer gives each asker some of its addresses; two environments never share one. Where both are behind one balancer, it
    // is its rules that lead to one or the other, and those were read; the name may well be that of a distribution before it.
    let one_balancer = release.plan.lever == Lever::WeightedTargetGroups;
    if slot.is_disjoint(expected) && !one_balancer {
        return Err(elsewhere(format!(
            "it leads to {}, and should lead to {}",
            list(slot),
            list(expected)
        )));
    }
    match public.checks.iter().find(|check| !check.passed) {
        Some(failed) => Err(elsewhere(failed.fault())),
        None => Ok(format!("it leads to {}, and the checks pass", list(slot))),
    }
}

/// The slot's name leads to green; but the one that users come by leads to blue's addresses, and to none of green's: it does not go along,
/// and blue is all that answers by it.
fn left_behind(public: &PublicSeen) -> Option<NotSeen> {
    let url = public.url.as_ref()?;
    let (addresses, blue) = (url.addresses.known()?, url.of_blue.known()?);
    let green = public.expected_addresses.known()?;
    (!addresses.is_disjoint(blue) && addresses.is_disjoint(green)).then(|| NotSeen {
        missing: format!(
            "{} in `public_url` leads to blue still ({}) and does not go along with the slot's name; make it an alias of that, or a CNAME",
            url.name,
            list(addresses)
        ),
        blind: false,
    })
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    all.join(", ")
}

fn unknown<T>(what: &str, fact: &Known<T>) -> String {
    format!("{what} could not be read: {}", fact.why_unknown().unwrap_or_default())
}
