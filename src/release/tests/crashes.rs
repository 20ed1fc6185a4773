//! A driver that dies after any entry, and another one that goes on from the journal alone.

use super::run::{Crash, GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Event, Outcome};

fn every_crash(run: &Run, expected: Outcome) {
    let whole = run.clone().finish();
    whole.ends(expected);
    for after in 2..whole.release.sequence {
        let intent = matches!(
            whole.entries[usize::try_from(after - 1).expect("short")].event,
            Event::Intended { .. }
        );
        for made in [false, true] {
            if made && !intent {
                continue;
            }
            for away in [1, 70] {
                let mut run = run.clone();
                run.crashes = vec![Crash {
                    after,
                    made,
                    away: seconds(away),
                    ..Crash::default()
                }];
                let run = run.finish();
                run.ends(expected);
                run.require(
                    run.has(|event| matches!(event, Event::TookOver { .. })),
                    "there was no crash",
                );
                run.require(
                    run.world.swaps.len() == whole.world.swaps.len(),
                    "another number of swaps",
                );
                run.require(run.exists(GREEN) == whole.exists(GREEN), "another end for green");
                run.require(run.exists(BLUE) == whole.exists(BLUE), "another end for blue");
            }
        }
    }
}

#[test]
fn a_crash_after_any_entry_of_a_good_release_changes_nothing() {
    let mut run = Run::new(1);
    run.world.find(&BLUE.into()).expect("blue is there").running = 3;
    every_crash(&run, Outcome::Promoted);
}

#[test]
fn a_crash_after_any_entry_of_a_rollback_changes_nothing() {
    let mut run = Run::new(2);
    run.world.quality.breaks = Some(seconds(30));
    every_crash(&run, Outcome::RolledBack);
}

/// The driver is away right after the first event of a kind.
fn away_after(what: impl Fn(&Event) -> bool, away: u64) -> Run {
    let whole = Run::new(1).finish();
    let after = whole
        .entries
        .iter()
        .find(|entry| what(&entry.event))
        .expect("there is one")
        .sequence;
    let mut run = Run::new(1);
    run.crashes = vec![Crash {
        after,
        made: true,
        away: seconds(away),
        ..Crash::default()
    }];
    run.finish()
}

#[test]
fn hours_without_a_driver_turn_nothing() {
    for away in [400, 4000, 40_000] {
        for what in [
            (|event| matches!(event, Event::GreenUp { .. })) as fn(&Event) -> bool,
            |event| matches!(event, Event::GreenReady { .. }),
            |event| matches!(event, Event::SmokePassed),
            |event| matches!(event, Event::Shifted),
            |event| matches!(event, Event::ShiftConfirmed { .. }),
            |event| matches!(event, Event::Looked { .. }),
            |event| matches!(event, Event::BakePassed { .. }),
            |event| matches!(event, Event::Drained { .. }),
        ] {
            away_after(what, away).ends(Outcome::Promoted);
        }
    }
}

#[test]
fn a_green_that_nobody_saw_begins_anew_to_stay_up() {
    let run = away_after(|event| matches!(event, Event::GreenUp { .. }), 100);
    let back = run.at(|event| matches!(event, Event::TookOver { .. }));
    let ready = run.at(|event| matches!(event, Event::GreenReady { .. }));
    assert!(ready.since(back) >= seconds(20), "{:?}", ready.since(back));
}

#[test]
fn time_without_a_driver_does_not_count_as_bake() {
    let run = away_after(|event| matches!(event, Event::ShiftConfirmed { .. }), 4000);
    let back = run.at(|event| matches!(event, Event::TookOver { .. }));
    let passed = run.at(|event| matches!(event, Event::BakePassed { .. }));
    assert!(passed.since(back) >= seconds(25), "{:?}", passed.since(back));
}
