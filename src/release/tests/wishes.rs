//! What operators ask for, in every phase.

use super::run::{Deed, GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Event, Outcome, Phase, Wish};

const FORWARD: [Phase; 8] = [
    Phase::Preflight,
    Phase::Publish,
    Phase::Provision,
    Phase::Smoke,
    Phase::Shift,
    Phase::Bake,
    Phase::Drain,
    Phase::Retire,
];

#[test]
fn a_rollback_or_an_abort_is_heard_in_every_phase() {
    for wish in [Wish::RollBack, Wish::Abort] {
        for phase in FORWARD {
            for after in [0, 1, 5, 20] {
                let run = Run::new(after).when(phase, after, Deed::Wish(wish.clone())).finish();
                let heard = run.has(|event| matches!(event, Event::Asked { .. }));
                if !heard {
                    continue;
                }
                let expected = if run.world.swaps.is_empty() {
                    Outcome::Aborted
                } else {
                    Outcome::RolledBack
                };
                run.ends(expected);
                assert!(!run.exists(GREEN), "{wish} in {phase}");
            }
        }
    }
}

#[test]
fn a_rollback_that_comes_too_late_is_not_pretended() {
    // Warm for a minute; blue was told to end by then.
    let run = Run::new(1).when(Phase::Retire, 65, Deed::Wish(Wish::RollBack)).finish();
    run.ends(Outcome::Promoted);
    assert!(!run.exists(BLUE));
    assert!(run.why().contains("a rollback was asked for"), "{}", run.why());
    let late = Run::new(1).finish();
    assert!(!late.why().contains("a rollback was asked for"));
}

#[test]
fn blue_is_not_kept_when_nobody_wants_to_wait() {
    let patient = Run::new(1).finish();
    let run = Run::new(1).when(Phase::Retire, 5, Deed::Wish(Wish::EndWait)).finish();
    run.ends(Outcome::Promoted);
    assert!(!run.exists(BLUE));
    assert!(run.took() + seconds(40) < patient.took());
}

#[test]
fn a_green_that_was_taken_back_is_not_kept_when_nobody_wants_to_wait() {
    let patient = Run::new(1)
        .when(Phase::Provision, 100, Deed::Wish(Wish::RollBack))
        .finish();
    let run = Run::new(1)
        .when(Phase::Smoke, 0, Deed::Wish(Wish::RollBack))
        .when(Phase::RollBack, 5, Deed::Wish(Wish::EndWait))
        .finish();
    assert!(!run.exists(GREEN));
    assert!(run.took() < patient.took());
}
