//! Smoke: enough rounds of checks in a row, on green's own address.

use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, record, roll_back, wait};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let plan = &release.plan.smoke;
    let state = &release.smoke;
    let deadline = release.deadline(plan.deadline.get());
    if plan.checks.is_empty() {
        return if state.passed >= plan.successes {
            record("there are no smoke checks", Event::SmokePassed)
        } else {
            record("there are no smoke checks", Event::SmokeRound { failures: Vec::new() })
        };
    }
    if state.passed >= plan.successes {
        let what = format!("{} rounds of smoke checks passed in a row", state.passed);
        return record(what, Event::SmokePassed);
    }
    // A driver that was away past the deadline still runs one round, and finishes a row of rounds that pass.
    let tried = seen.smoke.is_none() || state.last.is_some_and(|last| last >= deadline);
    if seen.at >= deadline && state.passed == 0 && tried {
        let last = state.failure.as_deref().unwrap_or("no round could be run");
        return roll_back(
            format!(
                "green did not pass its smoke checks within {}; last failure: {last}",
                plan.deadline
            ),
            Outcome::RolledBack,
        );
    }
    if let Some(results) = &seen.smoke {
        let failures: Vec<_> = results.iter().filter(|result| !result.passed).cloned().collect();
        let what = match failures.len() {
            0 => format!("a round of {} smoke checks passed", results.len()),
            failed => format!("{failed} of {} smoke checks failed", results.len()),
        };
        return record(what, Event::SmokeRound { failures });
    }
    let why = Why::Smoking {
        passed: state.passed,
        wanted: plan.successes,
        failure: state.failure.clone(),
    };
    let until = state.last.unwrap_or(seen.at) + plan.interval.get();
    wait(seen.at, why, until, deadline, "green is given up")
}
