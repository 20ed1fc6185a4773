//! Rounds of checks before traffic: how many, how often, and until when.

use super::scene::{INSTANT, Scene, record, taken_back, wait};
use super::world::seconds;
use crate::release::{Event, Outcome, Phase, Why};

/// Between two rounds: nothing was checked in this look.
fn between() -> Scene {
    Scene::at_the_begin_of(Phase::Smoke).with(|scene| scene.seen.smoke = None)
}

#[test]
fn rounds_are_an_interval_apart_until_the_deadline() {
    let scene = between().with(|scene| {
        scene.release.smoke.last = Some(scene.began() + seconds(1));
        scene.release.smoke.passed = 1;
        scene.release.smoke.failure = Some("GET /: failed".to_owned());
    });
    let began = scene.began();
    let decision = scene.at(began + seconds(2)).decide();
    assert_eq!(wait(&decision), (began + seconds(3), began + seconds(60)));
    let wanted = Why::Smoking {
        passed: 1,
        wanted: 2,
        failure: Some("GET /: failed".to_owned()),
    };
    assert_eq!(decision.why, wanted);
    let first = between().at(began + seconds(5)).decide();
    assert_eq!(wait(&first).0, began + seconds(7), "no round was run yet");
}

#[test]
fn green_is_given_up_when_no_round_has_passed_in_time() {
    let scene = between();
    let deadline = scene.began() + seconds(60);
    wait(&scene.at(deadline - INSTANT).decide());
    let decision = scene.at(deadline).decide();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(
        why.contains("within 1m") && why.contains("no round could be run"),
        "{why}"
    );
    // A row that has begun is finished.
    let row = scene.with(|scene| scene.release.smoke.passed = 1);
    wait(&row.at(deadline).decide());
}

#[test]
fn a_driver_that_was_away_past_the_deadline_runs_one_round() {
    let scene = Scene::at_the_begin_of(Phase::Smoke);
    let deadline = scene.began() + seconds(60);
    for (last, runs) in [
        (None, true),
        (Some(deadline - INSTANT), true),
        (Some(deadline), false),
        (Some(deadline + INSTANT), false),
    ] {
        let late = scene
            .at(deadline + seconds(500))
            .with(|scene| scene.release.smoke.last = last);
        let decision = late.decide();
        match record(&decision) {
            Event::SmokeRound { failures } => assert!(runs && failures.is_empty(), "{last:?}"),
            _ => assert!(!runs && taken_back(&decision).1 == Outcome::RolledBack, "{last:?}"),
        }
    }
}

#[test]
fn enough_rounds_in_a_row_are_enough() {
    for (passed, enough) in [(0, false), (1, false), (2, true), (3, true)] {
        for checks in [true, false] {
            let scene = Scene::at_the_begin_of(Phase::Smoke).with(|scene| {
                scene.release.smoke.passed = passed;
                if !checks {
                    scene.release.plan.smoke.checks.clear();
                    scene.seen.smoke = None;
                }
            });
            let decision = scene.decide();
            let event = record(&decision);
            assert_eq!(matches!(event, Event::SmokePassed), enough, "{passed} {checks}");
            let round = matches!(event, Event::SmokeRound { failures } if failures.is_empty());
            assert_eq!(round, !enough, "{passed} {checks}");
        }
    }
}

#[test]
fn what_failed_is_recorded_and_nothing_else() {
    let scene = Scene::at_the_begin_of(Phase::Smoke).with(|scene| {
        let results = scene.seen.smoke.as_mut().expect("a round was run");
        let mut failed = results[0].clone();
        (failed.passed, failed.check) = (false, "GET /login".to_owned());
        results.push(failed);
    });
    let decision = scene.decide();
    let Event::SmokeRound { failures } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].check, "GET /login");
    assert_eq!(decision.why.to_string(), "1 of 2 smoke checks failed");
}
