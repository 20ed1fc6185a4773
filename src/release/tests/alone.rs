//! A blue that has a part of the traffic and no instances any more: somebody has removed all but its name.

use super::plan::gradual;
use super::run::Run;
use super::scene::{INSTANT, Scene, known, over, record, taken_back, unread};
use super::world::seconds;
use crate::model::HealthStatus;
use crate::release::{Event, Look, Outcome, Phase, Why, limits, looks};
use crate::spec::Lever;

/// Green has a part of the traffic by rules, a look is due, and nobody is behind blue.
fn alone() -> Scene {
    let mut run = Run::of(gradual(Lever::WeightedTargetGroups), 1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let scene = Scene::of(&mut run);
    assert!(scene.release.shared() && scene.seen.public.is_some());
    scene.with(|scene| known(&mut scene.seen.blue_health).instances.clear())
}

fn looked(scene: &Scene) -> Look {
    match record(&scene.decide()) {
        Event::Looked { look, .. } => look.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn green_is_neither_promoted_nor_blamed_beside_a_blue_without_instances() {
    let scene = alone();
    let sick = scene.with(|scene| {
        scene.release.watch.failed = vec!["GET /".to_owned()];
        let check = &mut scene.seen.public.as_mut().expect("green is asked").direct[0];
        (check.passed, check.status) = (false, Some(500));
    });
    for scene in [&scene, &sick] {
        let look = looked(scene);
        let Look::Unknown { why } = &look else {
            panic!("{look:?}");
        };
        assert!(why.contains("nowhere to go back to"), "{why}");
    }
    // With instances, even unwell ones, it is a blue like every other, and so is one of which nothing is known.
    let back = sick.with(|scene| scene.seen.blue_health = unread());
    assert!(matches!(looked(&back), Look::Bad { .. }));
}

#[test]
fn nobody_is_sent_to_a_blue_without_instances() {
    let bad = alone().with(|scene| scene.release.watch.bad = 2);
    // An instance may be on its way.
    let waiting = |scene: &Scene| match scene.decide().why {
        why @ Why::Astray { .. } => Some(why),
        _ => None,
    };
    let why = waiting(&bad).expect("blue may have instances again");
    let until = bad.seen.at + limits::REPLACE;
    let bad = bad.with(|scene| scene.release.waiting = Some(why));
    assert!(waiting(&bad.at(until - INSTANT)).is_some());
    for late in [bad.clone(), bad.with(|scene| scene.seen.blue_health = unread())] {
        let decision = late.at(until).decide();
        let (why, outcome) = over(&decision);
        assert_eq!(outcome, Outcome::NeedsHuman);
        assert!(
            why.contains("bad with traffic (2 looks)") && why.contains("give everything to green (e-green)"),
            "{why}"
        );
    }
    let manned = bad.with(|scene| {
        let green = known(&mut scene.seen.green_health).instances.clone();
        known(&mut scene.seen.blue_health).instances = green;
    });
    assert_eq!(taken_back(&manned.decide()).1, Outcome::RolledBack);

    let unseen = alone().with(|scene| {
        scene.release.watch.last = Some(scene.seen.at + seconds(100_000));
        scene.release.watch.doubt = Some("blue has no instances".to_owned());
    });
    let plan = &unseen.release.plan;
    let longest = plan.bake_length(unseen.release.step).get() + plan.bake.deadline.get();
    let late = unseen.at(unseen.release.phase_since + longest);
    let late = late.with(|scene| scene.release.watch.last = Some(scene.seen.at));
    let why = waiting(&late).expect("blue may have instances again");
    let late = late.with(|scene| scene.release.waiting = Some(why));
    let late = late.at(late.seen.at + limits::REPLACE);
    let decision = late
        .with(|scene| scene.release.watch.last = Some(scene.seen.at))
        .decide();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains("could not be shown to be healthy"), "{why}");
}

/// Once green has everything it is not compared any more; but what nobody answers for is no excuse either.
#[test]
fn a_blue_without_instances_excuses_nothing() {
    let mut run = Run::of(gradual(Lever::WeightedTargetGroups), 1).until(Phase::Drain, 0);
    run.world.pass(seconds(30));
    let sick = Scene::of(&mut run).with(|scene| {
        known(&mut scene.seen.green_health).status = Some(HealthStatus::Severe);
        known(&mut scene.seen.blue_health).status = Some(HealthStatus::Severe);
    });
    assert!(matches!(looked(&sick), Look::Unknown { .. }), "both are as bad");
    let alone = sick.with(|scene| known(&mut scene.seen.blue_health).instances.clear());
    assert!(matches!(looked(&alone), Look::Bad { .. }));
}

/// The deadline may come between two looks: blue is asked about with every one while green is in doubt.
#[test]
fn how_blue_is_is_known_as_long_as_green_is_in_doubt() {
    let between = alone().with(|scene| scene.release.watch.last = Some(scene.seen.at));
    let asked = |scene: &Scene| looks(&scene.release, scene.seen.at).blue_health.is_some();
    assert!(!asked(&between));
    assert!(asked(
        &between.with(|scene| scene.release.watch.doubt = Some("a doubt".to_owned()))
    ));
}
