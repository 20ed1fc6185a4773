//! Good and bad greens.

use std::time::Duration;

use super::faults::Fate;
use super::plan::plan;
use super::run::{GREEN, Run};
use super::world::{BLUE, Quality, seconds};
use crate::release::{Action, Event, Outcome, Phase, apply};

#[test]
fn a_good_green_is_promoted_and_blue_is_removed() {
    for seed in 0..20 {
        let run = Run::new(seed).finish();
        run.ends(Outcome::Promoted);
        assert!(!run.exists(BLUE), "blue is gone");
        assert!(run.exists(GREEN));
        assert!(
            run.exists("e-third"),
            "what is not the release's business is left alone"
        );
        assert_eq!(run.world.swaps.len(), 1);
        assert_eq!(run.world.held_back, 0);
        assert!(run.world.pruned);
        assert!(!run.has(|event| matches!(event, Event::RollbackBegan { .. })));
        // Launch, bake, drain, warm and removal, and little besides.
        assert!(run.took() < seconds(500), "{:?}", run.took());
    }
}

fn bad(quality: Quality) -> Run {
    let mut run = Run::new(1);
    run.world.quality = quality;
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(!run.exists(GREEN), "green is gone");
    assert!(run.exists(BLUE));
    assert!(
        run.world.evidence || run.world.quality.dies,
        "evidence was saved before green was removed"
    );
    run
}

#[test]
fn a_green_that_never_comes_up_is_taken_back() {
    for quality in [
        Quality {
            never_up: true,
            ..Quality::default()
        },
        Quality {
            errors: true,
            ..Quality::default()
        },
        Quality {
            dies: true,
            ..Quality::default()
        },
        Quality {
            wrong_version: true,
            ..Quality::default()
        },
        Quality {
            smoke_fails: true,
            ..Quality::default()
        },
    ] {
        let run = bad(quality);
        assert!(run.world.swaps.is_empty(), "no traffic ever went to it");
    }
}

/// When a good release's phases begin, counted from the moment in which green got the slot.
fn phases_after_the_swap() -> Vec<(Phase, u64)> {
    let run = Run::new(1).finish();
    let swapped = run.world.holders[1].0;
    let mut release = None;
    let mut phases = Vec::new();
    for entry in &run.entries {
        let next = apply(release, entry).expect("an entry can follow");
        if entry.at >= swapped && phases.last().is_none_or(|(last, _)| *last != next.phase) {
            phases.push((next.phase, entry.at.since(swapped).as_secs()));
        }
        release = Some(next);
    }
    phases
}

#[test]
fn a_green_that_breaks_with_traffic_is_taken_back() {
    let phases = phases_after_the_swap();
    let names: Vec<_> = phases.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(
        names,
        [Phase::Shift, Phase::Bake, Phase::Drain, Phase::Retire, Phase::Done]
    );
    // Warm for a minute: the last case breaks when only one look is left before blue would be removed.
    let late_retire = phases[3].1 + 46;
    let cases = phases[..4].iter().map(|(phase, begins)| (*phase, begins + 1));
    for (phase, after) in cases.chain([(Phase::Retire, late_retire)]) {
        for health_alone in [false, true] {
            let quality = Quality {
                breaks: Some(seconds(after)),
                health_alone,
                ..Quality::default()
            };
            let run = bad(quality);
            let from = run.release.rollback.as_ref().map(|back| back.from);
            // Two looks take a while, and another phase may have begun.
            let next = names.iter().skip_while(|one| **one != phase).nth(1).copied();
            run.require(
                from == Some(phase) || from == next && phase != Phase::Retire,
                &format!("it broke {after} s after the swap, in {phase}"),
            );
            assert_eq!(run.world.swaps.len(), 2, "there and back");
        }
    }
}

#[test]
fn a_green_that_is_taken_back_late_is_watched_for_users_anew() {
    // Blue had been silent before; that says nothing of green.
    let begins = phases_after_the_swap()[3].1;
    let run = bad(Quality {
        breaks: Some(seconds(begins + 5)),
        ..Quality::default()
    });
    let quiet = |event: &Event| matches!(event, Event::Quiet { quiet: true, .. });
    assert_eq!(run.entries.iter().filter(|entry| quiet(&entry.event)).count(), 2);
    let last = run
        .entries
        .iter()
        .rev()
        .find(|entry| quiet(&entry.event))
        .expect("it was quiet");
    let ended = run.entries.iter().find(|entry| {
        matches!(
            entry.event,
            Event::Intended {
                action: Action::Terminate { .. }
            }
        )
    });
    assert!(ended.expect("it was removed").at.since(last.at) >= seconds(20));
}

#[test]
fn a_broken_green_loses_its_traffic_within_a_minute() {
    let quality = Quality {
        breaks: Some(seconds(50)),
        ..Quality::default()
    };
    let run = bad(quality);
    let holders = &run.world.holders;
    let on_green = holders[1].0;
    let back = holders[2].0;
    assert!(back.since(on_green + seconds(50)) < seconds(60));
}

fn basic(seed: u64) -> Run {
    let mut run = Run::new(seed);
    run.world.basic = true;
    run
}

#[test]
fn basic_health_will_do() {
    let run = basic(1).finish();
    run.ends(Outcome::Promoted);
    assert!(!run.exists(BLUE));
    for quality in [
        Quality {
            never_up: true,
            ..Quality::default()
        },
        Quality {
            breaks: Some(seconds(50)),
            ..Quality::default()
        },
        Quality {
            breaks: Some(seconds(50)),
            health_alone: true,
            ..Quality::default()
        },
    ] {
        let mut run = basic(2);
        run.world.quality = quality;
        run.finish().ends(Outcome::RolledBack);
    }
}

#[test]
fn one_instance_will_do() {
    let mut run = Run::new(1);
    let blue = run.world.find(&BLUE.into()).expect("blue is there");
    (blue.min_instances, blue.max_instances, blue.running) = (1, 1, 1);
    while run.step() {}
    run.ends(Outcome::Promoted);
    let green = run.world.green().expect("green is there");
    assert_eq!((green.min_instances, green.max_instances), (1, 1));
}

#[test]
fn green_starts_as_large_as_blue_runs_and_gets_blues_limits_back() {
    for wanted in [None, Some(3), Some(6)] {
        let mut plan = plan();
        plan.min_instances = wanted;
        let mut run = Run::of(plan, 1);
        run.world.find(&BLUE.into()).expect("blue is there").running = 4;
        while run.step() {}
        run.ends(Outcome::Promoted);
        let created = run.entries.iter().find_map(|entry| match &entry.event {
            Event::Intended {
                action:
                    Action::CreateEnvironment {
                        min_instances,
                        max_instances,
                        ..
                    },
            } => Some((*min_instances, *max_instances)),
            _ => None,
        });
        let first = wanted.unwrap_or(0).max(4);
        assert_eq!(created, Some((first, first)));
        let green = run.world.green().expect("green is there");
        let least = wanted.unwrap_or(2);
        assert_eq!((green.min_instances, green.max_instances), (least, least.max(4)));
        assert!(!run.why().contains("MinSize"), "{}", run.why());
    }
}

#[test]
fn green_may_run_as_many_as_the_user_says_and_no_fewer_than_it_starts_with() {
    for most in [3, 9] {
        let mut plan = plan();
        plan.max_instances = Some(most);
        let mut run = Run::of(plan, 1);
        run.world.find(&BLUE.into()).expect("blue is there").running = 4;
        while run.step() {}
        run.ends(Outcome::Promoted);
        let created = run.entries.iter().find_map(|entry| match &entry.event {
            Event::Intended {
                action: Action::CreateEnvironment { max_instances, .. },
            } => Some(*max_instances),
            _ => None,
        });
        assert_eq!(created, Some(most.max(4)));
        let green = run.world.green().expect("green is there");
        // Nor is the maximum set below what runs: some of it would be ended.
        assert_eq!((green.min_instances, green.max_instances), (2, most.max(4)));
    }
}

#[test]
fn limits_that_cannot_be_set_back_are_named() {
    let mut run = Run::new(1);
    run.world.find(&BLUE.into()).expect("blue is there").running = 4;
    run.world.faults.always.insert("restore capacity", Fate::NotNow);
    let run = run.finish();
    run.ends(Outcome::Promoted);
    assert!(run.why().contains("MinSize"), "{}", run.why());
}

#[test]
fn users_who_stay_on_blue_keep_it_alive() {
    // Longer than old DNS answers live, shorter than the drain's deadline.
    let mut run = Run::new(1);
    run.world.linger = seconds(200);
    let run = run.finish();
    run.ends(Outcome::Promoted);
    assert!(!run.exists(BLUE));
    assert!(run.took() > seconds(300));
    // For ever.
    let mut run = Run::new(2);
    run.world.linger = Duration::from_secs(1_000_000);
    let run = run.finish();
    run.ends(Outcome::Promoted);
    assert!(run.exists(BLUE), "blue still has users");
}

#[test]
fn users_who_stay_on_a_green_that_was_taken_back_keep_it_alive() {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    run.world.linger = Duration::from_secs(1_000_000);
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(run.exists(GREEN) && run.why().contains(GREEN), "{}", run.why());
}
