//! Somebody else changes things.

use super::faults::Fate;
use super::plan::SLOT;
use super::run::{Deed, GREEN, Run};
use super::world::{BLUE, BLUE_CNAME, Foreign};
use crate::model::Known;
use crate::release::{EnvironmentStatus, Event, Observation, Outcome, Phase, Why, decide, looks};
use crate::spec::ForeignAnswer;

fn with(phase: Phase, after: u64, foreign: Foreign) -> Run {
    Run::new(after).when(phase, after, Deed::Foreign(foreign)).finish()
}

#[test]
fn somebody_who_swaps_back_gets_a_rollback() {
    for (phase, after) in [
        (Phase::Bake, 5),
        (Phase::Bake, 40),
        (Phase::Drain, 2),
        (Phase::Retire, 10),
    ] {
        let run = with(phase, after, Foreign::Swap);
        run.ends(Outcome::RolledBack);
        assert!(!run.exists(GREEN) && run.exists(BLUE), "{phase} {after}");
        assert_eq!(run.world.swaps.len(), 1, "blue had the name already");
    }
}

#[test]
fn somebody_who_swaps_too_early_gets_a_rollback() {
    let run = with(Phase::Smoke, 0, Foreign::Swap);
    run.ends(Outcome::RolledBack);
    run.require(run.world.holder() == Some(BLUE.into()), "blue has the name again");
    assert!(!run.exists(GREEN));
    run.require(
        run.has(|event| matches!(event, Event::Quiet { quiet: true, .. })),
        "green had users, and had to fall silent",
    );
}

#[test]
fn a_name_that_was_given_to_a_third_environment_is_a_persons_business() {
    for (phase, after) in [
        (Phase::Provision, 20),
        (Phase::Smoke, 0),
        (Phase::Bake, 20),
        (Phase::Drain, 2),
        (Phase::Retire, 10),
    ] {
        let run = with(phase, after, Foreign::SwapAway);
        run.ends(Outcome::NeedsHuman);
        assert!(run.why().contains("e-third"), "{}", run.why());
        assert!(run.exists(BLUE), "{phase}: nothing was removed");
    }
}

#[test]
fn a_green_that_somebody_ended_is_taken_back_while_it_has_no_traffic() {
    for (phase, after) in [(Phase::Provision, 30), (Phase::Provision, 85), (Phase::Smoke, 0)] {
        let run = with(phase, after, Foreign::EndGreen);
        run.ends(Outcome::RolledBack);
        assert!(!run.exists(GREEN));
        assert!(run.world.swaps.is_empty());
    }
}

#[test]
fn a_green_that_somebody_ended_with_traffic_needs_a_person() {
    // Its name is gone with it, and no environment can be given a name but by a swap.
    for phase in [Phase::Bake, Phase::Drain, Phase::Retire] {
        let run = with(phase, 2, Foreign::EndGreen);
        run.ends(Outcome::NeedsHuman);
        assert!(run.exists(BLUE), "{phase}: blue was left alone");
    }
}

#[test]
fn a_blue_that_somebody_ended_is_missed_only_by_those_who_need_it() {
    // With the slot's name: nothing can be done.
    for phase in [Phase::Publish, Phase::Provision, Phase::Smoke] {
        let run = with(phase, 0, Foreign::EndBlue);
        run.ends(Outcome::NeedsHuman);
    }
    // Without it: green goes on alone.
    for (phase, after) in [(Phase::Bake, 5), (Phase::Drain, 2), (Phase::Retire, 10)] {
        let run = with(phase, after, Foreign::EndBlue);
        run.ends(Outcome::Promoted);
        assert!(!run.exists(BLUE));
    }
    // And if that green is bad, there is nowhere to go back to.
    let mut run = Run::new(1).when(Phase::Bake, 1, Deed::Foreign(Foreign::EndBlue));
    run.world.quality.breaks = Some(super::world::seconds(60));
    let run = run.finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.exists(GREEN), "it is all there is");
}

#[test]
fn an_environment_that_is_busy_for_a_while_is_waited_for() {
    for (phase, after) in [
        (Phase::Provision, 80),
        (Phase::Smoke, 0),
        (Phase::Bake, 5),
        (Phase::Retire, 5),
    ] {
        for foreign in [Foreign::UpdateBlue(240), Foreign::UpdateGreen(100)] {
            let run = with(phase, after, foreign);
            run.ends(Outcome::Promoted);
            assert!(!run.exists(BLUE));
        }
    }
}

#[test]
fn an_environment_that_is_busy_for_hours_ends_the_release() {
    let hours = 20_000;
    with(Phase::Smoke, 0, Foreign::UpdateBlue(hours)).ends(Outcome::RolledBack);
    with(Phase::Provision, 80, Foreign::UpdateGreen(hours)).ends(Outcome::RolledBack);
    // Traffic cannot be taken back from or to a busy environment.
    let mut run = Run::new(1).when(Phase::Bake, 1, Deed::Foreign(Foreign::UpdateBlue(hours)));
    run.world.quality.breaks = Some(super::world::seconds(30));
    let run = run.finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.why().contains("Updating"), "{}", run.why());
    // Blue refuses to end.
    let run = with(Phase::Drain, 1, Foreign::UpdateBlue(hours));
    run.ends(Outcome::Promoted);
    assert!(run.why().contains(BLUE), "{}", run.why());
}

#[test]
fn traffic_that_leaves_blue_again_is_fetched_back_but_not_for_ever() {
    let mut run = Run::new(1).when(Phase::RollBack, 60, Deed::Foreign(Foreign::Swap));
    run.world.quality.breaks = Some(super::world::seconds(10));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    run.require(run.world.holder() == Some(BLUE.into()), "blue has the name in the end");
    assert_eq!(run.world.swaps.len(), 3);
    assert!(run.why().contains("left blue again"), "{}", run.why());
    let mut run = Run::new(1);
    for after in [60, 160, 260, 360, 460, 560] {
        run = run.when(Phase::RollBack, after, Deed::Foreign(Foreign::Swap));
    }
    run.world.quality.breaks = Some(super::world::seconds(10));
    let run = run.finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.has(|event| matches!(event, Event::RollbackBegan { .. })));
}

#[test]
fn a_blue_that_is_on_its_way_out_is_not_waited_for() {
    let mut run = Run::new(1).when(Phase::RollBack, 0, Deed::Foreign(Foreign::EndBlue));
    run.world.quality.breaks = Some(super::world::seconds(10));
    // Green is busy, so that it cannot be swapped before somebody ends blue.
    let run = run.when(Phase::RollBack, 0, Deed::Foreign(Foreign::UpdateGreen(50)));
    let run = run.finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.why().contains("being removed"), "{}", run.why());
}

#[test]
fn traffic_that_leaves_blue_again_late_has_its_own_time() {
    let mut plan = super::plan::plan();
    plan.rollback.keep_green = crate::model::Span::from_secs(2 * 3600);
    let mut run = Run::of(plan, 1).when(Phase::RollBack, 4500, Deed::Foreign(Foreign::Swap));
    run.world.quality.breaks = Some(super::world::seconds(10));
    let fates = [Fate::Fine, Fate::Fine, Fate::NotNow];
    run.world.faults.script.insert("swap", fates.to_vec());
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    run.require(run.world.holder() == Some(BLUE.into()), "blue has the name in the end");
}

#[test]
fn names_that_are_on_their_way_are_no_finding() {
    let mut run = Run::new(1).until(Phase::Bake, 25);
    // A look at green goes on beside it.
    run.release.watch.last = Some(run.world.now);
    let wanted = looks(&run.release, run.world.now);
    let mut seen = run.world.observe(&run.release, &wanted);
    let Known::Known(list) = &mut seen.environments else {
        panic!("all can be read")
    };
    for one in list.iter_mut() {
        one.cname = match one.cname.as_deref() {
            Some(SLOT) => Some(BLUE_CNAME.to_owned()),
            Some(BLUE_CNAME) => Some(SLOT.to_owned()),
            _ => one.cname.clone(),
        };
    }
    let astray = |seen: &Observation| matches!(decide(&run.release, seen).why, Why::Astray { .. });
    assert!(astray(&seen), "both are at rest");
    let Known::Known(list) = &mut seen.environments else {
        panic!("all can be read")
    };
    list[0].status = EnvironmentStatus::Updating;
    assert!(!astray(&seen), "a swap is under way");
}

#[test]
fn a_blue_that_somebody_removes_in_the_middle_of_a_step_leaves_everything_to_a_green_that_is_well() {
    use super::plan::gradual;
    use super::scene::{Scene, act, over};
    use crate::release::Action;
    use crate::spec::Lever;
    use crate::traffic::Weighting;

    for lever in [Lever::WeightedDns, Lever::WeightedTargetGroups] {
        for answer in [ForeignAnswer::Stop, ForeignAnswer::Restore, ForeignAnswer::Ask] {
            let mut plan = gradual(lever);
            plan.foreign.answer = answer;
            let ends = Deed::Foreign(Foreign::EndBlue);
            let run = Run::of(plan, 1).when(Phase::Bake, 3, ends).finish();
            run.ends(Outcome::NeedsHuman);
            run.require(run.exists(GREEN), "green has all users");
            run.require(run.world.holder() == Some(GREEN.into()), "green has everything");
            for part in [
                "removing blue (e-blue)",
                "was given everything",
                "nobody watches it now",
            ] {
                assert!(run.why().contains(part), "{}", run.why());
            }
        }
        let going = Scene::of(&mut Run::of(gradual(lever), 1).until(Phase::Bake, 0))
            .with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Terminating);
        let gives = |scene: &Scene| {
            let decision = scene.decide();
            matches!(
                &decision.then,
                crate::release::Then::Act(Action::Weigh {
                    weighting: Weighting::GreenAlone,
                    ..
                })
            )
        };
        assert!(matches!(act(&going.decide()), Action::Weigh { .. }) && gives(&going));
        // What is not known to be well, or at rest, or on its way out gets nothing more.
        assert!(!gives(
            &going.with(|scene| scene.release.watch.doubt = Some("it fails".to_owned()))
        ));
        assert!(!gives(
            &going.with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Updating)
        ));
        assert!(
            !gives(&going.with(|scene| scene.remove(BLUE))),
            "the list may be behind"
        );
        assert!(!gives(&going.with(|scene| scene.release.shifted_at = None)));
        let key = act(&going.decide()).key();
        let refused = going.with(|scene| {
            let attempts = scene.attempts(&key);
            (attempts.failed, attempts.fatal, attempts.said) = (1, true, "AccessDenied".to_owned());
        });
        let decision = refused.decide();
        let (why, outcome) = over(&decision);
        assert_eq!(outcome, Outcome::NeedsHuman);
        assert!(
            why.contains("AccessDenied") && why.contains("the weight of blue"),
            "{why}"
        );
    }
}
