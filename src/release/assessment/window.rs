//! The window of time that a look puts on record.

use std::time::Duration;

use super::super::action::Role;
use super::super::event::Look;
use super::super::observation::{Observation, Sampled};
use super::super::state::Release;
use super::super::witness::{blue_is_gone, blue_is_no_witness};
use super::Measured;
use super::newest::{Newest, number};
use super::own::Gathered;
use crate::model::{HealthStatus, Timestamp};
use crate::verdict::{Arm, Latency, Probes, Window};

/// What one look says of the newest window; `None` if that is nothing new. Checks that were judged to say nothing of green are no
/// probes of it.
pub(in crate::release) fn measured(release: &Release, seen: &Observation, look: Option<&Look>) -> Option<Measured> {
    let mut newest = Newest::of(release, seen);
    let mut of_blue = seen.sampled.as_ref().map(|sampled| sampled.blue.clone());
    if blue_is_no_witness(release, seen) {
        (newest.blue, of_blue) = (None, None);
    }
    let of_green = join(
        look.and_then(|look| probes(release, seen, look)),
        seen.sampled
            .as_ref()
            .map(|sampled| arrived(release, seen, look, sampled)),
    );
    if newest.blue.is_none() && newest.green.is_none() && of_green.is_none() {
        return None;
    }
    let step = step(release, &newest);
    let length = newest.length;
    let of_before = newest.of_before;
    let blue_is_gone = blue_is_gone(release, seen);
    let (blue, blue_at) = newest.blue.unzip();
    let blue = if blue_is_gone { Some(nobodys()) } else { blue };
    let (green, green_at) = newest.green.unzip();
    let end = seen.at.since(release.assessment.since);
    let mut measured = Measured {
        window: Window {
            begin_s: end.saturating_sub(length).as_secs_f64(),
            end_s: end.as_secs_f64(),
            step,
            blue: Arm {
                probes: of_blue,
                ..blue.unwrap_or_default()
            },
            green: Arm {
                probes: of_green,
                ..green.unwrap_or_default()
            },
        },
        blue_at,
        green_at,
        blue_is_gone,
    };
    if release.plan.counted_by.counts_all() {
        tell_own(release, &mut measured, length);
    }
    if release.whole_step() && release.in_place {
        measured.window.blue.idle = (measured.blue_at.is_some() || measured.blue_is_gone) && !of_before;
        tell_nothing_of_speed(&mut measured.window.blue);
    }
    Some(measured)
}

/// Our own requests to green between looks. Those that failed on the way there are left out where green's health is good and it serves users:
/// they reach it, and of ours nobody knows whether they did. Without a look nobody knows that either.
fn arrived(release: &Release, seen: &Observation, look: Option<&Look>, sampled: &Sampled) -> Probes {
    let arrived = Probes {
        requests: sampled.green.requests - sampled.unreached,
        failures: sampled.green.failures - sampled.unreached,
        latencies_ms: sampled.green.latencies_ms.clone(),
    };
    let left_out = sampled.unreached > 0.0 && (look.is_none() || users_are_served(release, seen, &arrived));
    if left_out { arrived } else { sampled.green.clone() }
}

/// Whether green's health is good and some of what it counts are users' requests, where so many of ours have arrived.
fn users_are_served(release: &Release, seen: &Observation, arrived: &Probes) -> bool {
    let Some(health) = seen.green_health.known() else {
        return false;
    };
    let age = health.refreshed_at.map(|at| seen.at.since(at));
    let fresh = age.is_some_and(|age| age <= release.plan.provision.max_age.get());
    let well = health.status.and_then(HealthStatus::is_well) == Some(true);
    let end_s = seen.at.since(release.assessment.since).as_secs_f64();
    let gathered = &release.assessment.own_of_green;
    let mut own = gathered.in_window(Role::Green, Some(arrived), health.window.get(), end_s);
    // Checks that have said nothing of green were not gathered.
    let checks = seen
        .public
        .iter()
        .map(|public| public.checks.len() + public.direct.len());
    own.requests += number(checks.sum::<usize>() as u64);
    let all = Arm {
        requests: health.served.as_ref().map(|served| number(served.requests)),
        own,
        ..Arm::default()
    };
    fresh && well && all.requests() > 0.0
}

/// The step that a window is of, counted from one; before the shift none.
fn step(release: &Release, newest: &Newest) -> u32 {
    if release.shifted_at.is_none() {
        return 0;
    }
    let step = u32::try_from(release.step).unwrap_or(u32::MAX);
    // Until the weights of a step are in place, green has what it had before.
    step.saturating_add(u32::from(release.in_place && !newest.of_before))
}

/// Tells which of the requests in a new window, which is so long, are our own.
fn tell_own(release: &Release, measured: &mut Measured, length: Duration) {
    let known = &release.assessment;
    let Measured {
        window,
        blue_at,
        green_at,
        ..
    } = measured;
    let own = |gathered: &Gathered, role: Role, arm: &Arm, window_at: &Option<Timestamp>| {
        let own = window_at.map(|_| gathered.in_window(role, arm.probes.as_ref(), length, window.end_s));
        own.unwrap_or_default()
    };
    window.blue.own = own(&known.own_of_blue, Role::Blue, &window.blue, blue_at);
    window.green.own = own(&known.own_of_green, Role::Green, &window.green, green_at);
    if release.plan.drill.is_some() {
        // Those of a drill are made to fail, and were answered well.
        window.green.own.failures = 0.0;
    }
    if release.plan.expects_client_errors() {
        // Then some of them are our own, and nobody knows how many.
        for arm in [&mut window.blue, &mut window.green] {
            arm.client_errors = arm.client_errors.filter(|_| arm.own.requests <= 0.0);
        }
    }
}

/// What an environment serves that is gone: green is compared with its past then.
fn nobodys() -> Arm {
    Arm {
        requests: Some(0.0),
        errors: Some(0.0),
        ..Arm::default()
    }
}

/// Whoever is idle is quick: of an environment without traffic only failures say something.
fn tell_nothing_of_speed(idle: &mut Arm) {
    idle.latency = Latency::Unknown;
    if let Some(probes) = &mut idle.probes {
        probes.latencies_ms.clear();
    }
}

/// All of our own requests.
fn join(one: Option<Probes>, other: Option<Probes>) -> Option<Probes> {
    let (Some(mut all), Some(other)) = (one.clone(), other.clone()) else {
        return one.or(other);
    };
    all.requests += other.requests;
    all.failures += other.failures;
    all.latencies_ms.extend(other.latencies_ms);
    Some(all)
}

/// Our own requests to green in this look.
fn probes(release: &Release, seen: &Observation, look: &Look) -> Option<Probes> {
    let public = seen.public.as_ref()?;
    if matches!(look, Look::Unknown { .. }) {
        return None;
    }
    // Behind the public name answers blue as well, as long as it has a part of the traffic.
    let asked = if !public.direct.is_empty() {
        &public.direct
    } else if release.whole_step() && release.in_place {
        &public.checks
    } else {
        return None;
    };
    let passed = || asked.iter().filter(|probe| probe.passed);
    (!asked.is_empty()).then(|| Probes {
        requests: number(asked.len() as u64),
        failures: number((asked.len() - passed().count()) as u64),
        latencies_ms: passed()
            .map(|probe| probe.latency.get().as_secs_f64() * 1000.0)
            .collect(),
    })
}
