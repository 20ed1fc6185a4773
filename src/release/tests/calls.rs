//! Calls that are lost, late, refused or throttled.

use super::faults::Fate;
use super::run::{Deed, GREEN, Run};
use super::world::{BLUE, seconds};
use crate::release::{Event, Outcome, Phase, Wish};

const ALL: [&str; 8] = [
    "upload",
    "create version",
    "save configuration",
    "create environment",
    "swap",
    "restore capacity",
    "terminate",
    "prune",
];

fn with(name: &'static str, fates: &[Fate]) -> Run {
    let mut run = Run::new(3);
    run.world.find(&BLUE.into()).expect("blue is there").running = 3;
    run.world.faults.script.insert(name, fates.to_vec());
    run
}

#[test]
fn an_answer_that_is_lost_changes_nothing_in_the_end() {
    for name in ALL {
        for fate in [
            Fate::LostBefore,
            Fate::AppliedThenLost,
            Fate::Late(seconds(5)),
            Fate::Late(seconds(25)),
            Fate::NotNow,
        ] {
            for times in [1, 2] {
                let run = with(name, &vec![fate; times]).finish();
                run.ends(Outcome::Promoted);
                assert!(!run.exists(BLUE), "{name} {fate:?}");
                assert_eq!(
                    run.world.swaps.len(),
                    1,
                    "{name} {fate:?}: one swap, whatever the answers"
                );
            }
        }
    }
}

#[test]
fn an_answer_that_is_lost_on_the_way_back_changes_nothing_in_the_end() {
    for name in ["swap", "save evidence", "terminate", "prune"] {
        for fate in [
            Fate::LostBefore,
            Fate::AppliedThenLost,
            Fate::Late(seconds(5)),
            Fate::Late(seconds(25)),
            Fate::NotNow,
        ] {
            // The first swap is the one towards green.
            let fates = if name == "swap" {
                vec![Fate::Fine, fate, fate]
            } else {
                vec![fate, fate]
            };
            let mut run = with(name, &fates);
            run.world.quality.breaks = Some(seconds(40));
            let run = run.finish();
            run.ends(Outcome::RolledBack);
            assert!(!run.exists(GREEN), "{name} {fate:?}: {}", run.why());
            assert_eq!(run.world.swaps.len(), 2, "{name} {fate:?}");
        }
    }
}

#[test]
fn what_is_refused_for_good_ends_the_release_without_a_mess() {
    for name in [
        "upload",
        "create version",
        "save configuration",
        "create environment",
        "swap",
    ] {
        let mut run = Run::new(1);
        run.world.faults.always.insert(name, Fate::Refused);
        let run = run.finish();
        run.ends(Outcome::RolledBack);
        assert!(!run.exists(GREEN) && run.exists(BLUE), "{name}");
        assert!(run.why().contains("AccessDenied"), "{name}: {}", run.why());
    }
    // The way back was the same call: there, only a person can help.
    for name in ["terminate", "restore capacity", "prune"] {
        let mut run = with(name, &[]);
        run.world.faults.always.insert(name, Fate::Refused);
        let run = run.finish();
        run.ends(Outcome::Promoted);
        assert_eq!(run.exists(BLUE), name == "terminate");
        let left = run.release.left.as_deref().unwrap_or_default();
        assert!(!left.is_empty() && run.why().contains(left), "{name}: {left}");
        assert!(name != "prune" || left.contains("AccessDenied"), "{left}");
        // Of blue and of green.
        let environments = if name == "restore capacity" { 2 } else { 1 };
        assert_eq!(run.tries(name), environments, "{name}: once is enough");
    }
}

#[test]
fn a_service_that_stays_busy_is_not_asked_for_ever() {
    for name in ALL {
        let mut run = with(name, &[]);
        run.world.faults.always.insert(name, Fate::NotNow);
        let run = run.finish();
        let tries = run.tries(name);
        assert!((5..=10).contains(&tries), "{name}: {tries} attempts");
        let times: Vec<_> = run
            .entries
            .iter()
            .filter(|entry| matches!(&entry.event, Event::Intended { action } if action.name() == name))
            .map(|entry| entry.at)
            .take(4)
            .collect();
        let pauses: Vec<_> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(pauses[0] >= seconds(10), "{name}: {pauses:?}");
        assert!(pauses[1] >= seconds(20), "{name}: {pauses:?}");
        assert!(pauses[2] >= seconds(30), "{name}: {pauses:?}");
        run.require(
            matches!(run.outcome(), Outcome::Promoted | Outcome::RolledBack),
            "a clear end",
        );
    }
}

#[test]
fn a_swap_back_that_is_refused_calls_a_person() {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(40));
    run.world.faults.script.insert("swap", vec![Fate::Fine]);
    run.world.faults.always.insert("swap", Fate::Refused);
    let run = run.finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.why().contains("AccessDenied"), "{}", run.why());
    assert!(run.took() > seconds(3600), "it was tried for long");
}

#[test]
fn each_template_has_attempts_of_its_own() {
    // Four attempts each: together more than one call may have.
    let fates = [vec![Fate::NotNow; 4], vec![Fate::Fine], vec![Fate::NotNow; 4]].concat();
    with("save configuration", &fates).finish().ends(Outcome::Promoted);
}

#[test]
fn lists_that_are_behind_turn_nothing() {
    for seed in 0..40 {
        let mut run = Run::new(seed);
        run.world.faults.stale = seconds(5);
        let run = run.finish();
        run.ends(Outcome::Promoted);
        for (name, times) in [
            ("upload", 1),
            ("create version", 1),
            ("save configuration", 2),
            ("create environment", 1),
        ] {
            run.require(run.tries(name) == times, &format!("{name} is made once"));
        }
        assert_eq!(run.world.swaps.len(), 1);
        let mut run = Run::new(seed);
        run.world.faults.stale = seconds(5);
        run.world.quality.breaks = Some(seconds(10 + seed * 3));
        let run = run.finish();
        run.ends(Outcome::RolledBack);
        assert_eq!(run.world.swaps.len(), 2);
        assert!(!run.exists(GREEN));
    }
}

#[test]
fn a_green_that_is_not_listed_yet_is_not_forgotten() {
    // The operator stops the release in the moment in which green is being made.
    for (seed, fate) in [Fate::Fine, Fate::AppliedThenLost, Fate::Late(seconds(25))]
        .into_iter()
        .enumerate()
    {
        for after in 0..6 {
            let mut run = Run::new(seed as u64).when(Phase::Provision, after, Deed::Wish(Wish::Abort));
            run.world.faults.stale = seconds(20);
            run.world.faults.script.insert("create environment", vec![fate]);
            let run = run.finish();
            run.ends(Outcome::Aborted);
            assert!(!run.exists(GREEN), "{fate:?} {after}");
        }
    }
}

#[test]
fn a_slow_swap_is_not_made_twice() {
    // Whether environments are Updating in the meantime is not promised.
    for unseen in [false, true] {
        for took in [40, 100, 150] {
            let mut run = Run::new(took);
            run.world.swap = seconds(took);
            run.world.swap_unseen = unseen;
            let run = run.finish();
            run.ends(Outcome::Promoted);
            assert_eq!(run.world.swaps.len(), 1, "{took} s, {unseen}");
            let mut run = Run::new(took);
            run.world.swap = seconds(took);
            run.world.swap_unseen = unseen;
            run.world.quality.breaks = Some(seconds(40));
            let run = run.finish();
            run.ends(Outcome::RolledBack);
            assert_eq!(run.world.swaps.len(), 2, "{took} s, {unseen}");
        }
    }
}

#[test]
fn what_is_accepted_without_effect_is_not_made_for_ever() {
    let mut run = Run::new(1);
    run.world.swallows = true;
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!((2..=6).contains(&run.tries("upload")), "{}", run.tries("upload"));
    assert!(run.why().contains("no effect that shows"), "{}", run.why());
}

#[test]
fn the_way_back_does_not_wait_for_what_happened_on_the_way_forward() {
    let mut run = with("swap", &[Fate::NotNow; 3]);
    run.world.quality.breaks = Some(seconds(1));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    let began = run.at(|event| matches!(event, Event::RollbackBegan { .. }));
    let swaps: Vec<_> = run
        .entries
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Intended { action } if action.name() == "swap"))
        .collect();
    let back = swaps.last().expect("there was one").at;
    assert!(back.since(began) < seconds(2), "{:?}", back.since(began));
}

#[test]
fn a_green_that_is_being_launched_is_removed_when_it_is_at_rest() {
    let mut run = Run::new(1).when(Phase::Provision, 20, Deed::Wish(Wish::RollBack));
    run.world.launch = seconds(280);
    let run = run.finish();
    run.ends(Outcome::Aborted);
    assert_eq!(run.tries("terminate"), 1);
    assert!(!run.exists(GREEN));
}

#[test]
fn a_list_that_is_behind_is_not_taken_for_a_return() {
    // An operator turns the release in the moment in which its swap has shown.
    for seed in 0..200 {
        let mut run = Run::new(seed).when(Phase::Shift, 6 + seed % 5, Deed::Wish(Wish::RollBack));
        run.world.faults.stale = seconds(5);
        let run = run.finish();
        run.ends(Outcome::RolledBack);
        run.require(
            run.release.rollback.as_ref().is_some_and(|back| back.again == 0),
            "traffic was taken for returned too early",
        );
    }
}

#[test]
fn a_wish_to_go_back_is_heard_while_a_call_is_in_doubt() {
    for name in ["upload", "create version", "create environment", "swap"] {
        for fate in [Fate::LostBefore, Fate::AppliedThenLost, Fate::Late(seconds(25))] {
            let phase = match name {
                "upload" | "create version" => Phase::Publish,
                "create environment" => Phase::Provision,
                _ => Phase::Shift,
            };
            let mut run = with(name, &[fate]).when(phase, 0, Deed::Wish(Wish::RollBack));
            // The wish comes when the call is under way.
            run.script[0].1 = std::time::Duration::from_millis(600);
            let run = run.finish();
            let asked = run
                .entries
                .iter()
                .position(|entry| matches!(entry.event, Event::Asked { .. }))
                .expect("it was asked for");
            run.require(
                matches!(run.entries[asked + 1].event, Event::RollbackBegan { .. }),
                &format!("{name} {fate:?}: the next entry is the answer"),
            );
            run.require(
                run.world.holder() == Some("e-blue".into()) && !run.exists(GREEN),
                "everything is as before",
            );
        }
    }
}
