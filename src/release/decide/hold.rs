//! Holds: an operator's pause, a gate that waits for a person, and a question that only a person can answer.
//!
//! While something holds the release, it takes no step forward: no new call, no next phase. Everything else goes on: calls
//! that are under way are settled, guards look, green is watched, and it can always turn back. Deadlines that would give the
//! release up are later by as long as it is held. Every hold has an end of its own.

use std::borrow::Cow;

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::state::{OpenGate, Phase, Release};
use super::super::why::Why;
use super::{Decision, Then, bake, next_look, record, roll_back, wait, world};
use crate::model::Timestamp;
use crate::spec::{AtGateDeadline, GatePlace, GateSpec};
use crate::traffic::Weighting;

/// The release with its deadlines as much later as it has been held so far.
pub(super) fn extended(release: &Release, now: Timestamp) -> Cow<'_, Release> {
    match release.held_since {
        None => Cow::Borrowed(release),
        Some(since) => {
            let mut later = release.clone();
            later.extended += now.since(since);
            Cow::Owned(later)
        }
    }
}

/// Takes note of what operators asked for, and of a pause that is over.
pub(super) fn note(release: &Release, now: Timestamp) -> Option<Decision> {
    let wishes = &release.wishes;
    // Whoever wants to go back is not kept waiting by anything. Where it is too late for that, a pause has its end like any other.
    let stops = release.phase == Phase::Preflight && (wishes.roll_back || wishes.abort);
    if stops || world::turn(release).is_some() || matches!(release.phase, Phase::RollBack | Phase::Done) {
        return None;
    }
    if let Some(asked) = &wishes.pause {
        let until = now + asked.length.get();
        let by = asked.by.clone();
        return Some(record(format!("{by} wants a pause"), Event::Paused { until, by }));
    }
    let pause = release.pause.as_ref()?;
    let how = match &wishes.resume {
        Some(by) => format!("{by} asked for it"),
        None if now >= pause.until => "its time was over".to_owned(),
        None => return None,
    };
    Some(record(format!("the pause ends: {how}"), Event::PauseEnded { how }))
}

/// Holds back what a phase wants to do, if something holds the release.
pub(super) fn hold(release: &Release, seen: &Observation, decision: Decision) -> Decision {
    if release.phase == Phase::RollBack {
        return decision;
    }
    if let Some(pause) = &release.pause {
        if passes(&decision) {
            return decision;
        }
        let why = Why::Paused {
            by: pause.by.to_string(),
            until: pause.until,
        };
        let look = soonest(release, seen.at).min(pause.until);
        return wait(seen.at, why, look, pause.until, "the release goes on by itself");
    }
    match &release.gate {
        Some(_) if passes(&decision) => decision,
        Some(open) => at_gate(release, open, seen, &decision),
        None => match gate_before(release, &decision) {
            Some(gate) => record(
                format!("a person must promote the release before {}", gate.before),
                Event::GateOpened {
                    before: gate.before,
                    until: seen.at + gate.deadline.get(),
                },
            ),
            None => decision,
        },
    }
}

/// Whether something that a phase wants is no step forward. A finding that must last is among it: it is how guards see.
fn passes(decision: &Decision) -> bool {
    match &decision.then {
        // Green is kept well while it is held.
        Then::Act(action) => matches!(action, Action::ReplaceInstance { .. }),
        Then::Finish { outcome, .. } => *outcome != Outcome::Promoted,
        Then::Wait { .. } => matches!(decision.why, Why::Astray { .. }),
        Then::Record(event) => !matches!(
            event,
            Event::PreflightPassed { .. }
                | Event::Published
                | Event::GreenReady { .. }
                | Event::SmokeRound { .. }
                | Event::SmokePassed
                | Event::ShiftConfirmed { .. }
                | Event::BakePassed { .. }
                | Event::Drained { .. }
        ),
    }
}

/// The gate that stands before what a phase wants to do, if nobody has promoted the release through it yet.
fn gate_before<'a>(release: &'a Release, decision: &Decision) -> Option<&'a GateSpec> {
    let place = match &decision.then {
        Then::Act(Action::Swap { .. }) if release.phase == Phase::Shift => GatePlace::Shift,
        Then::Act(Action::Weigh { weighting, .. }) if release.phase == Phase::Shift => {
            if *weighting == release.weighting || *weighting == Weighting::Attached {
                return None;
            }
            match u8::try_from(release.step) {
                Ok(0) | Err(_) => GatePlace::Shift,
                Ok(step) => GatePlace::Step(step + 1),
            }
        }
        Then::Record(Event::BakePassed { .. }) if release.step + 1 >= release.plan.step_count() => GatePlace::Drain,
        _ => return None,
    };
    let passed = release.gates_passed.iter().any(|passed| passed.before == place);
    release.plan.gates.iter().find(|gate| gate.before == place && !passed)
}

/// Somebody is waited for. What the phase would do is only of interest where it says that something is missing.
fn at_gate(release: &Release, open: &OpenGate, seen: &Observation, decision: &Decision) -> Decision {
    let gate = || open.id.clone();
    if let Some(by) = &open.promoted_by {
        let how = format!("{by} promoted it");
        return record(how.clone(), Event::GatePassed { gate: gate(), how });
    }
    let spec = release.plan.gates.iter().find(|gate| gate.before == open.before);
    let at_deadline = spec.map(|gate| gate.at_deadline).unwrap_or_default();
    if seen.at >= open.until {
        let how = format!("nobody promoted gate {} in time", open.id);
        return match at_deadline {
            AtGateDeadline::GoOn => record(how.clone(), Event::GatePassed { gate: gate(), how }),
            AtGateDeadline::RollBack if release.shift_intended => bake::turned_back(release, seen, how),
            AtGateDeadline::RollBack => roll_back(how, Outcome::Aborted),
        };
    }
    let doubt = match &decision.why {
        Why::NotUp { missing, .. } => Some(format!("green is not up: {}", missing.join("; "))),
        Why::Baking { doubt, .. } => doubt.clone(),
        _ => None,
    };
    let why = Why::AtGate {
        gate: gate(),
        before: open.before.to_string(),
        until: open.until,
        doubt,
    };
    let then = match (at_deadline, release.shift_intended) {
        (AtGateDeadline::GoOn, _) => "the release goes on",
        (AtGateDeadline::RollBack, true) => "green is taken back",
        (AtGateDeadline::RollBack, false) => "green is given up, without having had traffic",
    };
    wait(seen.at, why, soonest(release, seen.at), open.until, then)
}

/// When green is to be looked at again.
fn soonest(release: &Release, now: Timestamp) -> Timestamp {
    next_look(release, now).min(now + release.plan.bake.interval.get())
}
