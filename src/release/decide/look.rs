//! One look at green with traffic: good, bad, or unknown. What is missing or late is unknown, and so is what blue has as well.

use std::time::Duration;

use super::super::counted::AlarmSeen;
use super::super::event::Look;
use super::super::observation::Observation;
use super::super::state::Release;
use super::super::witness::{blue_is_no_witness, emptied};
use super::health::{as_bad, by_health};
use super::{limits, replace};
use crate::model::text::plural;
use crate::model::{HealthStatus, Known, ProbeResult};

/// Judges one look.
pub(super) fn judge(release: &Release, seen: &Observation) -> Look {
    if let Some(what) = emptied(release, seen).filter(|_| release.shared()) {
        let why = format!("{what}: there is nothing to compare green with, and nowhere to go back to");
        return Look::Unknown { why };
    }
    let checks = checks(release, seen);
    if let Some(look @ Look::Bad { .. }) = checks {
        return look;
    }
    let alarm = alarms(release, seen);
    if let Some(look @ Look::Bad { .. }) = alarm {
        return look;
    }
    // What cannot be known hides nothing that is plain.
    match by_health(release, seen) {
        Look::Good => {
            let unknown = checks.or(alarm);
            unknown.unwrap_or_else(|| not_counted(release, seen).map_or(Look::Good, |why| Look::Unknown { why }))
        }
        look @ (Look::Bad { .. } | Look::Failing { .. }) => look,
        look @ Look::Unknown { .. } => checks.unwrap_or(look),
    }
}

/// Why going back to blue would serve nobody, if that is plain: it has no instances, or what comes to any of them fails. Who goes back
/// for another reason than a bad green asks this first.
pub(super) fn unmanned(release: &Release, seen: &Observation) -> Option<String> {
    let blue = release.blue.as_ref().filter(|_| release.shift_intended)?;
    let health = seen.blue_health.known()?;
    if health.emptied() {
        return Some(format!("blue ({}) has no instances", blue.id));
    }
    let fresh = seen.at.since(health.refreshed_at?) <= release.plan.provision.max_age.get();
    let severe = |status: HealthStatus| status == HealthStatus::Severe;
    let none_serves = health.status.is_some_and(severe) && health.instances.values().all(|found| severe(found.status));
    (fresh && none_serves).then(|| {
        format!(
            "blue ({}) does not serve: its health is Severe, and that of all its instances",
            blue.id
        )
    })
}

/// What failed checks say, if some have failed.
fn checks(release: &Release, seen: &Observation) -> Option<Look> {
    let public = seen.public.as_ref()?;
    // Behind the public name answers blue as well, as long as it has a part of the traffic; then green is asked alone.
    let asked = if public.direct.is_empty() {
        &public.checks
    } else {
        &public.direct
    };
    let failed: Vec<&ProbeResult> = asked.iter().filter(|check| !check.passed).collect();
    // An answer says more than silence.
    let first = failed.iter().find(|check| check.status.is_some()).or(failed.first())?;
    let unknown = |why: String| Some(Look::Unknown { why });
    if first.status.is_none() && cut_off(seen) {
        return unknown(format!(
            "{} could not be asked, and the slot's name not looked up: the fault may be here",
            first.check
        ));
    }
    // One check alone to which no answer comes is green's.
    if asked.iter().all(|check| check.status.is_none())
        && let Some(requests) = others_served(release, seen)
    {
        return unknown(format!(
            "{} got no answer from here, while green's health is good and it counts {}: the fault may be on the way",
            first.check,
            plural(requests, "request")
        ));
    }
    let why = first.fault();
    if let Some(excuse) = replace::excuse(release, seen) {
        return unknown(format!("{why}; but {excuse}"));
    }
    if fails_at_blue(release, seen, &failed) {
        return unknown(format!(
            "{why}; but blue fails as well, so the fault may be what both depend on"
        ));
    }
    // Of requests that fail now and then each check fails now and then; one that fails again and again does not by chance.
    let again = failed.iter().find(|check| release.watch.failed.contains(&check.check));
    Some(match again {
        Some(again) => Look::Bad { why: again.fault() },
        None => Look::Failing {
            why,
            checks: failed.iter().map(|failed| failed.check.clone()).collect(),
        },
    })
}

/// Whether blue, if it serves at all, fails checks that green fails, or has failed others since the look before.
fn fails_at_blue(release: &Release, seen: &Observation, failed: &[&ProbeResult]) -> bool {
    if blue_is_no_witness(release, seen) {
        return false;
    }
    let mut beside = seen.public.iter().flat_map(|public| &public.blue);
    let both = beside.any(|blues| !blues.passed && failed.iter().any(|greens| greens.check == blues.check));
    both || seen.sampled.as_ref().is_some_and(|sampled| sampled.blue.failures > 0.0)
}

/// What the alarms say, if it is anything but that all is well.
fn alarms(release: &Release, seen: &Observation) -> Option<Look> {
    if release.plan.alarms.is_empty() {
        return None;
    }
    let alarms = match &seen.alarms {
        Known::Known(alarms) => alarms,
        Known::Unknown(why) => {
            return Some(Look::Unknown {
                why: format!("the alarms could not be read: {why}"),
            });
        }
    };
    // An alarm has a date. Where another clock than today's has dated the shift, only what lies well before it does so for certain.
    let unsure = if release.shift_called_at == release.shift_began {
        Duration::ZERO
    } else {
        limits::SKEW
    };
    let of_before = |alarm: &&AlarmSeen| {
        let dates = alarm.since.zip(release.shift_began);
        dates.is_some_and(|(since, shifted)| since + unsure < shifted)
    };
    let on = |alarm: &&AlarmSeen| alarm.on == Some(true);
    let told = |alarm: &AlarmSeen| {
        let reason = if alarm.reason.is_empty() {
            "no reason is told"
        } else {
            &alarm.reason
        };
        format!("the alarm {} is on: {reason}", alarm.name)
    };
    if let Some(alarm) = alarms.iter().filter(on).find(|alarm| !of_before(alarm)) {
        let why = told(alarm);
        return Some(match as_bad(release, seen, HealthStatus::Warning) {
            Some(blues) => Look::Unknown {
                why: format!("{why}; but blue's health is {blues}, so the fault may be what both depend on"),
            },
            None => Look::Bad { why },
        });
    }
    if let Some(alarm) = alarms.iter().find(|alarm| alarm.on.is_none()) {
        return Some(Look::Unknown {
            why: format!("there is no alarm {} any more", alarm.name),
        });
    }
    // Who begins a release while production is unwell has accepted what was wrong before.
    let before = alarms.iter().find(on).filter(|_| !release.plan.even_if_unhealthy)?;
    Some(Look::Unknown {
        why: format!("{}; it was on before green had traffic", told(before)),
    })
}

/// Why the plan's own source says nothing of now, if it does not.
fn not_counted(release: &Release, seen: &Observation) -> Option<String> {
    let source = release.plan.counted_by.another()?;
    match &seen.counted {
        Known::Unknown(why) => Some(format!("what it serves could not be read from {source}: {why}")),
        Known::Known(counted) => {
            let age = seen.at.since(counted.ended_at);
            let longest = release.plan.provision.max_age.get() + counted.length.get() * 3;
            (age > longest).then(|| format!("what {source} says of it is {} s old", age.as_secs()))
        }
    }
}

/// Whether nothing can be reached from here. A check without an answer then says nothing of green.
fn cut_off(seen: &Observation) -> bool {
    seen.public
        .as_ref()
        .is_some_and(|public| public.slot_addresses.known().is_none())
        || seen.environments.known().is_none() && seen.green_health.known().is_none()
}

/// How many requests green has just served well, if it has: then others reach it.
fn others_served(release: &Release, seen: &Observation) -> Option<u64> {
    let health = seen.green_health.known()?;
    let well = health.status?.is_well() == Some(true);
    let requests = super::drain::requests(release, &seen.green_health, seen.at)?;
    (well && requests > 0).then_some(requests)
}
