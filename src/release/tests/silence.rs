//! Reads that fail, for a moment and for long.

use super::faults::{ALL_SENSES, Sense};
use super::run::{Deed, GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Event, Look, Outcome, Phase};

fn blind(phase: Phase, senses: &[Sense], length: u64) -> Run {
    let deed = Deed::Blind(senses.to_vec(), seconds(length));
    let mut run = Run::new(length).when(phase, 1, deed);
    run.world.find(&BLUE.into()).expect("blue is there").running = 3;
    run
}

const WITH_TRAFFIC: [Phase; 4] = [Phase::Shift, Phase::Bake, Phase::Drain, Phase::Retire];

#[test]
fn a_monitoring_outage_alone_rolls_nothing_back() {
    for phase in WITH_TRAFFIC {
        for senses in [&[Sense::Lists][..], &[Sense::Health], &[Sense::Network], &ALL_SENSES] {
            for length in [30, 200] {
                let run = blind(phase, senses, length).finish();
                run.ends(Outcome::Promoted);
                assert!(!run.has(|event| matches!(event, Event::RollbackBegan { .. })));
            }
        }
    }
}

#[test]
fn an_outage_for_days_ends_the_release_without_turning_it() {
    let days = 200_000;
    for phase in WITH_TRAFFIC {
        for senses in [&[Sense::Lists][..], &[Sense::Health], &[Sense::Network], &ALL_SENSES] {
            let run = blind(phase, senses, days).finish();
            assert!(run.took() < seconds(3 * 3600), "{phase} {senses:?}: {:?}", run.took());
            // Shift alone may still give green up: it had no traffic for sure when nothing could be read.
            if run.outcome() == Outcome::RolledBack {
                assert_eq!(phase, Phase::Shift);
                assert!(run.world.swaps.is_empty() || senses.contains(&Sense::Lists));
            }
            if run.has(|event| matches!(event, Event::BakePassed { .. }))
                && phase != Phase::Bake
                && phase != Phase::Shift
            {
                // Green was promoted before; without the lists nobody can say how it ended.
                let blind = senses.contains(&Sense::Lists);
                run.ends(if blind { Outcome::NeedsHuman } else { Outcome::Promoted });
            } else if phase == Phase::Bake && senses != [Sense::Lists] {
                run.ends(Outcome::NeedsHuman);
                assert!(run.exists(GREEN) && run.exists(BLUE));
            }
        }
    }
}

#[test]
fn nothing_begins_or_goes_on_in_the_dark() {
    let days = 200_000;
    let run = blind(Phase::Preflight, &ALL_SENSES, days);
    let mut run = run;
    run.script[0].1 = seconds(0);
    let run = run.finish();
    run.ends(Outcome::Refused);
    for phase in [Phase::Publish, Phase::Provision, Phase::Smoke] {
        for senses in [&[Sense::Lists][..], &ALL_SENSES] {
            let run = blind(phase, senses, days).finish();
            assert!(run.world.swaps.is_empty(), "{phase}");
            assert!(run.took() < seconds(3 * 3600), "{phase} {senses:?}: {:?}", run.took());
        }
    }
    let run = blind(Phase::Provision, &[Sense::Health], days).finish();
    run.ends(Outcome::RolledBack);
    assert!(run.world.swaps.is_empty());
}

#[test]
fn the_way_back_needs_no_metric() {
    for senses in [
        &[Sense::Health][..],
        &[Sense::Network],
        &[Sense::Health, Sense::Network],
    ] {
        let mut run = blind(Phase::RollBack, senses, 200_000);
        run.script[0].1 = seconds(0);
        run.world.quality.breaks = Some(seconds(30));
        let run = run.finish();
        run.ends(Outcome::RolledBack);
        // Whether green still has users cannot be seen without its health, so it is kept, and named.
        assert_eq!(run.exists(GREEN), senses.contains(&Sense::Health), "{senses:?}");
    }
    let mut run = blind(Phase::RollBack, &[Sense::Lists], 600);
    run.world.quality.breaks = Some(seconds(30));
    run.finish().ends(Outcome::RolledBack);
}

#[test]
fn time_without_sight_does_not_count_as_bake() {
    let whole = blind(Phase::Bake, &[], 0).finish();
    let run = blind(Phase::Bake, &[Sense::Health], 200).finish();
    assert!(run.took() > whole.took() + seconds(150));
    assert!(run.has(|event| matches!(
        event,
        Event::Looked {
            look: Look::Unknown { .. },
            ..
        }
    )));
}

#[test]
fn a_bad_green_is_found_out_after_an_outage() {
    for phase in [Phase::Bake, Phase::Drain, Phase::Retire] {
        let mut run = blind(phase, &ALL_SENSES, 150);
        run.world.quality.breaks = Some(seconds(130));
        run.finish().ends(Outcome::RolledBack);
    }
}

#[test]
fn reads_that_fail_now_and_then_change_nothing() {
    for seed in 0..20 {
        let mut run = Run::new(seed);
        run.world.faults.reads = 4;
        run.finish().ends(Outcome::Promoted);
        let mut run = Run::new(seed);
        run.world.faults.reads = 4;
        run.world.quality.breaks = Some(seconds(40));
        run.finish().ends(Outcome::RolledBack);
    }
}
