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
