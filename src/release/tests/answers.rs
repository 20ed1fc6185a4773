//! Answers to other people's changes.

use super::plan::{gradual, plan};
use super::run::{Deed, GREEN, Run};
use super::world::{BLUE, Foreign, seconds};
use crate::model::Span;
use crate::release::{Event, Outcome, Phase, Wish};
use crate::spec::{ForeignAnswer, ForeignSpec, Lever};

fn with(answer: ForeignAnswer) -> Run {
    let mut plan = plan();
    plan.foreign = ForeignSpec {
        answer,
        deadline: Span::from_secs(2000),
    };
    Run::of(plan, 1)
}

#[test]
fn a_name_is_put_back_where_the_release_wants_it() {
    for foreign in [Foreign::Swap, Foreign::SwapAway] {
        for (phase, after) in [
            (Phase::Smoke, 0),
            (Phase::Bake, 20),
            (Phase::Drain, 2),
            (Phase::Retire, 10),
        ] {
            let run = with(ForeignAnswer::Restore)
                .when(phase, after, Deed::Foreign(foreign))
                .finish();
            run.ends(Outcome::Promoted);
            assert_eq!(run.release.restores, 1, "{foreign:?} in {phase}");
            assert_eq!(run.world.holder(), Some(GREEN.into()));
            assert_eq!(run.world.swaps.len(), 2);
            let third = run.world.get(&"e-third".into()).expect("it is there");
            assert!(
                third
                    .cname
                    .as_deref()
                    .is_some_and(|name| name.starts_with("shop-staging"))
            );
            // Old DNS answers led away from green until then.
            let drained = run
                .entries
                .iter()
                .rfind(|entry| matches!(entry.event, Event::Drained { .. }));
            let back = run
                .entries
                .iter()
                .rfind(|entry| matches!(entry.event, Event::Resolved { .. }));
            let (drained, back) = (drained.expect("it was drained"), back.expect("it was put back"));
            if phase != Phase::Smoke {
                assert!(drained.at.since(back.at) >= seconds(40), "{foreign:?} in {phase}");
            }
        }
    }
}

#[test]
fn a_person_is_not_fought_for_ever() {
    for (foreign, outcome) in [
        (Foreign::Swap, Outcome::RolledBack),
        (Foreign::SwapAway, Outcome::NeedsHuman),
    ] {
        let mut run = with(ForeignAnswer::Restore);
        for after in [5, 105, 205, 305, 405] {
            run = run.when(Phase::Bake, after, Deed::Foreign(foreign));
        }
        let mut plan = run.release.plan.clone();
        plan.bake.duration = Span::from_secs(600);
        let script = run.script.clone();
        let mut run = Run::of(plan, 1);
        run.script = script;
        let run = run.finish();
        run.ends(outcome);
        assert_eq!(run.release.restores, 3);
    }
}

#[test]
fn a_person_is_asked_and_the_answer_counts() {
    // Nobody answers.
    let run = with(ForeignAnswer::Ask)
        .when(Phase::Bake, 20, Deed::Foreign(Foreign::SwapAway))
        .finish();
    run.ends(Outcome::NeedsHuman);
    assert!(
        run.took() > seconds(2000) && run.why().contains("e-third"),
        "{}",
        run.why()
    );
    let run = with(ForeignAnswer::Ask)
        .when(Phase::Bake, 20, Deed::Foreign(Foreign::Swap))
        .finish();
    run.ends(Outcome::RolledBack);
    assert!(run.took() > seconds(2000));
    // Somebody puts it right.
    let run = with(ForeignAnswer::Ask)
        .when(Phase::Bake, 20, Deed::Foreign(Foreign::Swap))
        .when(Phase::Bake, 500, Deed::Foreign(Foreign::Swap))
        .finish();
    run.ends(Outcome::Promoted);
    // Somebody has had enough.
    for wish in [Wish::RollBack, Wish::Abort] {
        let run = with(ForeignAnswer::Ask)
            .when(Phase::Smoke, 0, Deed::Foreign(Foreign::DeployBlue))
            .when(Phase::Smoke, 300, Deed::Wish(wish))
            .finish();
        run.ends(Outcome::Aborted);
        assert!(run.took() < seconds(1000) && run.world.swaps.is_empty());
    }
}

#[test]
fn an_answer_about_weights_is_heard_although_they_are_told_in_changing_words() {
    let asked = |wish: Wish| {
        let mut plan = gradual(Lever::WeightedDns);
        plan.foreign = ForeignSpec {
            answer: ForeignAnswer::Ask,
            deadline: Span::from_secs(2000),
        };
        Run::of(plan, 1)
            .when(Phase::Bake, 3, Deed::Foreign(Foreign::Weigh(7)))
            .when(Phase::Bake, 200, Deed::Foreign(Foreign::Weigh(8)))
            .when(Phase::Bake, 300, Deed::Wish(wish))
            .finish()
    };
    // Whoever goes on has not put it right, so that it is found once more, and asked about anew.
    let run = asked(Wish::Resume);
    let times = |wanted: fn(&Event) -> bool| run.entries.iter().filter(|entry| wanted(&entry.event)).count();
    assert_eq!(times(|event| matches!(event, Event::Answered { .. })), 1);
    assert_eq!(times(|event| matches!(event, Event::Asking { .. })), 2);
    run.ends(Outcome::RolledBack);
    asked(Wish::RollBack).ends(Outcome::RolledBack);
}

#[test]
fn another_version_is_found_and_named() {
    for (phase, after) in [(Phase::Provision, 20), (Phase::Smoke, 0)] {
        let run = with(ForeignAnswer::Stop)
            .when(phase, after, Deed::Foreign(Foreign::DeployBlue))
            .finish();
        run.ends(Outcome::Aborted);
        assert!(run.world.swaps.is_empty() && run.exists(BLUE) && !run.exists(GREEN));
        assert!(
            run.why().contains("hotfix") && run.why().contains("should run v1"),
            "{}",
            run.why()
        );
    }
    for phase in [Phase::Bake, Phase::Drain, Phase::Retire] {
        let run = with(ForeignAnswer::Stop)
            .when(phase, 2, Deed::Foreign(Foreign::DeployBlue))
            .finish();
        run.ends(Outcome::NeedsHuman);
        assert!(run.exists(BLUE) && run.world.holder() == Some(GREEN.into()), "{phase}");
        let run = with(ForeignAnswer::Stop)
            .when(phase, 2, Deed::Foreign(Foreign::DeployGreen))
            .finish();
        run.ends(Outcome::RolledBack);
        assert!(
            run.why().contains("hotfix") || run.why().contains("v2"),
            "{}",
            run.why()
        );
    }
    // A person says that the version on blue is all right.
    let run = with(ForeignAnswer::Ask)
        .when(Phase::Smoke, 0, Deed::Foreign(Foreign::DeployBlue))
        .when(Phase::Smoke, 300, Deed::Wish(Wish::Resume))
        .finish();
    run.ends(Outcome::Promoted);
    assert_eq!(run.release.accepted.len(), 1);
}

#[test]
fn an_update_by_somebody_else_is_named() {
    for foreign in [Foreign::UpdateBlue(240), Foreign::UpdateGreen(100)] {
        let run = Run::new(1).when(Phase::Retire, 5, Deed::Foreign(foreign)).finish();
        run.ends(Outcome::Promoted);
        let named = |event: &Event| matches!(event, Event::Noted { note } if note.contains("Updating"));
        assert!(run.has(named), "{foreign:?}");
    }
    assert!(!Run::new(1).finish().has(|event| matches!(event, Event::Noted { .. })));
    let run = Run::new(1)
        .when(Phase::Bake, 5, Deed::Foreign(Foreign::EndBlue))
        .finish();
    assert!(run.has(|event| matches!(event, Event::Noted { note } if note.contains("no way back"))));
}
