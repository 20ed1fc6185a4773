//! Preflight: all problems at once, or the live environment.

use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::preflight::judge;
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, finish, limits, next_look, record, wait};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let deadline = release.deadline(limits::PREFLIGHT);
    if !release.problems.is_empty() {
        let all: Vec<_> = release.problems.iter().map(ToString::to_string).collect();
        return finish(Outcome::Refused, all.join("\n"));
    }
    let Some(facts) = &seen.facts else {
        let why = Why::CannotSee {
            what: "the account".to_owned(),
        };
        if seen.at >= deadline {
            let within = limits::PREFLIGHT.as_secs();
            return finish(
                Outcome::Refused,
                format!("the account could not be looked at within {within} s"),
            );
        }
        return wait(
            seen.at,
            why,
            next_look(release, seen.at),
            deadline,
            "the release is refused",
        );
    };
    let found = judge(&release.plan, facts, seen.at);
    if let Some(blue) = found.blue {
        let what = format!("{} ({}) is live and healthy", blue.name, blue.id);
        return record(
            what,
            Event::PreflightPassed {
                blue: Box::new(blue),
                notes: found.notes,
                absent_alarms: found.absent_alarms.into(),
            },
        );
    }
    // What could not be read may be read in a moment; what is wrong stays wrong.
    if found.problems.iter().all(super::super::preflight::Problem::is_unknown) && seen.at < deadline {
        let what = found
            .problems
            .iter()
            .map(|problem| problem.message.clone())
            .collect::<Vec<_>>()
            .join("; ");
        return wait(
            seen.at,
            Why::CannotSee { what },
            next_look(release, seen.at),
            deadline,
            "the release is refused",
        );
    }
    record(
        "preflight found problems",
        Event::Refused {
            problems: found.problems,
        },
    )
}
