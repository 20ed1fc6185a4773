//! How often, and when, a call is made again.

use super::plan::KEY;
use super::run::Run;
use super::world::seconds;
use crate::model::Known;
use crate::release::{Action, Attempts, Event, Observation, Outcome, Phase, Then, Why, decide, limits, looks};

/// A release that wants its bundle uploaded, and what is seen then.
fn publishing(attempts: Attempts) -> (Run, Observation) {
    let mut run = Run::new(1).until(Phase::Publish, 0);
    let wanted = looks(&run.release, run.world.now);
    let mut seen = run.world.observe(&run.release, &wanted);
    seen.version = Known::Known(None);
    seen.artifact = Known::Known(false);
    run.release.attempts.insert("upload".to_owned(), attempts);
    run.release.phase_since = seen.at;
    (run, seen)
}

/// What is done when so many seconds have gone by since the last attempt.
fn after(passed: u64, attempts: &Attempts) -> (Why, Then) {
    let (mut run, seen) = publishing(Attempts::default());
    let attempts = Attempts {
        last: seen.at - seconds(passed),
        ..attempts.clone()
    };
    run.release.attempts.insert("upload".to_owned(), attempts);
    let decision = decide(&run.release, &seen);
    (decision.why, decision.then)
}

fn uploads(then: &Then) -> bool {
    matches!(then, Then::Act(Action::Upload { key }) if key == KEY)
}

fn given_up(then: &Then) -> Option<&str> {
    match then {
        Then::Record(Event::RollbackBegan {
            why,
            outcome: Outcome::RolledBack,
        }) => Some(why),
        _ => None,
    }
}

fn failed(failed: u32) -> Attempts {
    Attempts {
        failed,
        said: "Rate exceeded".to_owned(),
        ..Attempts::default()
    }
}

fn accepted(failed: u32) -> Attempts {
    Attempts {
        failed,
        done: true,
        ..Attempts::default()
    }
}

#[test]
fn the_first_call_is_made_at_once() {
    let (run, seen) = publishing(Attempts::default());
    assert!(uploads(&decide(&run.release, &seen).then));
}

#[test]
fn pauses_between_attempts_double_up_to_half_a_minute() {
    for (attempts, pause) in [(1, 10), (2, 20), (3, 30), (4, 30)] {
        assert!(uploads(&after(pause, &failed(attempts)).1), "attempt {attempts}");
        let (why, then) = after(pause - 1, &failed(attempts));
        let Why::Retrying { not_before, said, .. } = why else {
            panic!("attempt {attempts}: {why:?}");
        };
        assert_eq!(said, "Rate exceeded");
        let Then::Wait { until, deadline, .. } = then else {
            panic!("attempt {attempts}: {then:?}");
        };
        assert_eq!(until, not_before, "attempt {attempts}");
        assert_eq!(deadline, not_before + limits::BACKOFF, "attempt {attempts}");
    }
}

#[test]
fn a_call_is_given_up_after_five_attempts_or_when_waiting_cannot_help() {
    let (_, then) = after(0, &failed(5));
    let why = given_up(&then).expect("five are enough");
    assert!(why.contains("(5 attempts): Rate exceeded"), "{why}");
    assert!(why.contains("could not upload the bundle as"), "{why}");
    assert_eq!(given_up(&after(100, &failed(4)).1), None);
    let fatal = Attempts {
        fatal: true,
        ..failed(1)
    };
    let (_, then) = after(0, &fatal);
    assert!(
        given_up(&then)
            .expect("it is refused for good")
            .contains("(1 attempt):")
    );
}

#[test]
fn what_was_accepted_has_half_a_minute_to_show() {
    // However often it was tried before: a list that is behind is no failure.
    for tried in [0, 5] {
        let (why, then) = after(29, &accepted(tried));
        assert!(matches!(why, Why::Working { .. }), "{why:?}");
        let Then::Wait { until, deadline, .. } = then else {
            panic!("{then:?}");
        };
        let (_, seen) = publishing(Attempts::default());
        assert_eq!(until, seen.at + seconds(1), "it ends before the next look");
        assert_eq!(deadline, until);
    }
    assert!(
        uploads(&after(30, &accepted(0)).1),
        "it had no effect, and is made again"
    );
    assert!(given_up(&after(30, &accepted(5)).1).is_some(), "but not for ever");
    // What may show soon is looked at often.
    let (_, then) = after(10, &accepted(0));
    let (_, seen) = publishing(Attempts::default());
    assert!(
        matches!(then, Then::Wait { until, .. } if until == seen.at + seconds(2)),
        "{then:?}"
    );
}
