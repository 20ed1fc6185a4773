//! A blue that is seen not to serve: nobody is sent there because a person did not come, or something could not be shown.

use super::plan::{SLOT, gradual};
use super::run::{GREEN, Run};
use super::scene::{INSTANT, Scene, known, over, record, taken_back, watched};
use super::world::{BLUE, seconds};
use crate::model::{HealthStatus, Known, ProbeResult, Span, Timestamp};
use crate::release::{Event, Looks, OpenGate, Outcome, Pending, Phase, PublicSeen, Then, Why, limits, looks};
use crate::spec::{AtGateDeadline, GatePlace, GateSpec, Lever};
use crate::traffic::Weighting;

/// Blue's instances are there, and all that comes to them fails.
fn broken(scene: &Scene) -> Scene {
    scene.with(|scene| {
        let mut health = known(&mut scene.seen.green_health).clone();
        health.status = Some(HealthStatus::Severe);
        for instance in health.instances.values_mut() {
            instance.status = HealthStatus::Severe;
        }
        scene.seen.blue_health = Known::Known(health);
    })
}

/// Blue as well as green.
fn well(scene: &Scene) -> Scene {
    scene.with(|scene| scene.seen.blue_health = Known::Known(known(&mut scene.seen.green_health).clone()))
}

/// Turns back beside a blue that serves; beside one that does not, it calls a person, unless it serves again soon.
fn turns_back_only_to_a_blue_that_serves(scene: &Scene) {
    assert_eq!(taken_back(&well(scene).decide()).1, Outcome::RolledBack);
    let one_serves = broken(scene).with(|scene| {
        let instances = &mut known(&mut scene.seen.blue_health).instances;
        let mut other = instances.values().next().expect("it has one").clone();
        other.status = HealthStatus::Ok;
        instances.insert("i-other".into(), other);
    });
    assert_eq!(taken_back(&one_serves.decide()).1, Outcome::RolledBack);
    let emptied = broken(scene).with(|scene| known(&mut scene.seen.blue_health).instances.clear());
    for (scene, words) in [(broken(scene), "does not serve"), (emptied, "has no instances")] {
        let why = match scene.decide().why {
            why @ Why::Astray { .. } => why,
            why => panic!("{why:?}"),
        };
        assert!(why.to_string().contains(words), "{why}");
        let late = scene.at(scene.seen.at + limits::REPLACE);
        let late = late.with(|scene| scene.release.waiting = Some(why));
        let decision = late
            .with(|scene| scene.release.watch.last = Some(scene.seen.at))
            .decide();
        let (why, outcome) = over(&decision);
        assert_eq!(outcome, Outcome::NeedsHuman, "{why}");
        assert!(
            why.contains(words) && why.contains("give everything to green (e-green)"),
            "{why}"
        );
    }
}

#[test]
fn a_gate_that_nobody_passes_sends_nobody_to_a_blue_that_does_not_serve() {
    let scene = watched().with(|scene| {
        scene.release.plan.gates.push(GateSpec {
            before: GatePlace::Drain,
            deadline: Span::from_secs(600),
            at_deadline: AtGateDeadline::RollBack,
        });
        scene.release.watch.last = Some(scene.seen.at);
        scene.release.gate = Some(OpenGate {
            id: "7-here-9".to_owned(),
            before: GatePlace::Drain,
            since: scene.release.phase_since,
            until: scene.seen.at,
            promoted_by: None,
        });
    });
    assert!(looks(&scene.release, scene.seen.at).blue_health.is_some());
    turns_back_only_to_a_blue_that_serves(&scene);
}

#[test]
fn what_could_not_be_shown_sends_nobody_to_a_blue_that_does_not_serve() {
    let mut run = Run::of(gradual(Lever::WeightedDns), 1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let scene = Scene::of(&mut run);
    assert!(scene.release.shared());
    let late = scene.at(scene.release.bake_deadline());
    let late = late.with(|scene| {
        scene.release.watch.last = Some(scene.seen.at);
        scene.release.watch.good_in_row = 0;
    });
    assert!(looks(&late.release, late.seen.at).blue_health.is_some());
    assert!(looks(&late.release, late.seen.at - INSTANT).blue_health.is_none());
    turns_back_only_to_a_blue_that_serves(&late);
}

#[test]
fn what_somebody_else_did_sends_nobody_to_a_blue_that_does_not_serve() {
    let mut run = Run::of(gradual(Lever::WeightedDns), 1).until(Phase::Bake, 0);
    run.world.disturbed = true;
    run.world.weigh_by_hand(GREEN, 7);
    run.world.pass(seconds(30));
    let scene = Scene::of(&mut run).with(|scene| scene.release.watch.last = Some(scene.seen.at));
    let first = scene.decide().why;
    let Why::Astray { since, .. } = &first else {
        panic!("{first:?}");
    };
    let later = scene.at(*since + seconds(20));
    let later = later.with(|scene| {
        scene.release.watch.last = Some(scene.seen.at);
        scene.release.waiting = Some(first);
    });
    assert_eq!(taken_back(&well(&later).decide()).1, Outcome::RolledBack);
    let Why::Astray { what, .. } = broken(&later).decide().why else {
        panic!("{:?}", broken(&later).decide());
    };
    assert!(what.contains("does not serve"), "{what}");
    // Both are seen all the time, and neither makes the other one begin anew.
    let (mut scene, mut looks) = (broken(&later), 0);
    let (why, outcome) = loop {
        let decision = scene.decide();
        if let Then::Finish { outcome, why, .. } = decision.then {
            break (why, outcome);
        }
        assert!(matches!(decision.why, Why::Astray { .. }), "{decision:?}");
        assert!(
            scene.seen.at <= later.seen.at + limits::REPLACE,
            "for ever: {decision:?}"
        );
        looks += 1;
        scene = scene.at(scene.seen.at + seconds(20));
        scene.release.waiting = Some(decision.why);
        scene.release.watch.last = Some(scene.seen.at);
    };
    assert!(looks > 20, "an instance that is replaced has time to come: {looks}");
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains("weights") && why.contains("does not serve"), "{why}");
}

#[test]
fn a_return_to_a_blue_that_does_not_serve_is_no_success() {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    let mut run = run.until(Phase::RollBack, 0);
    let wanted = Looks {
        blue_health: Some(BLUE.into()),
        ..Looks::default()
    };
    let mut blue = run.world.observe(&run.release, &wanted).blue_health;
    let scene = Scene::of(&mut run).with(|scene| {
        scene.seen.blue_health = blue.clone();
        for one in scene.environments() {
            one.cname = Some(format!("{}.example", one.id));
        }
        scene.environment(BLUE).cname = Some(SLOT.to_owned());
        let address = Known::Known([std::net::IpAddr::from([10, 0, 0, 1])].into());
        scene.seen.public = Some(PublicSeen {
            checks: vec![ProbeResult {
                check: "GET /".to_owned(),
                passed: false,
                status: Some(503),
                latency: Span::from_millis(5),
                address: None,
                failure: None,
                unreached: false,
            }],
            direct: Vec::new(),
            blue: Vec::new(),
            slot_addresses: address.clone(),
            expected_addresses: address,
            url: None,
        });
        scene.release.attempts.clear();
    });
    let began = scene.release.rollback.as_ref().expect("it is rolling back").since;
    let deadline = began + seconds(40) + limits::CONFIRM;
    let asked = |at: Timestamp| looks(&scene.release, at).blue_health.is_some();
    assert!(
        asked(began + seconds(40)) && !asked(began + seconds(39)),
        "no health is waited for before"
    );
    let late = scene.at(deadline);
    // A check may be of the new version alone: where blue serves, its having the name is proof enough.
    let served = |scene: &Scene| matches!(scene.decide().then, Then::Record(Event::TrafficRestored { .. }));
    assert!(!known(&mut blue).instances.is_empty() && served(&late));
    let broken = late.with(|scene| {
        let health = known(&mut scene.seen.blue_health);
        health.status = Some(HealthStatus::Severe);
        for instance in health.instances.values_mut() {
            instance.status = HealthStatus::Severe;
        }
    });
    let why = broken.decide().why;
    assert!(matches!(why, Why::Astray { .. }), "{why:?}");
    let broken = broken
        .at(deadline + limits::REPLACE)
        .with(|scene| scene.release.waiting = Some(why));
    let decision = broken.decide();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(
        why.contains("all traffic is on blue again") && why.contains("give everything to green (e-green)"),
        "{why}"
    );
}

#[test]
fn weights_that_change_all_the_time_are_one_finding() {
    let mut run = Run::of(gradual(Lever::WeightedTargetGroups), 1).until(Phase::Bake, 0);
    run.world.disturbed = true;
    let mut waiting: Option<Why> = None;
    for turn in 0..10 {
        run.world.weigh_by_hand(GREEN, 7 + turn);
        run.world.pass(seconds(5));
        let mut scene = Scene::of(&mut run);
        scene.release.waiting = waiting.take();
        scene.release.watch.last = Some(scene.seen.at);
        let decision = scene.decide();
        match decision.why {
            why @ Why::Astray { .. } => {
                assert!(
                    why.to_string().contains(&format!("{}", 7 + turn)),
                    "the weights are told: {why}"
                );
                waiting = Some(why);
            }
            _ => {
                let (why, _) = taken_back(&decision);
                assert!(
                    turn > 0 && why.contains("somebody else has changed the weights"),
                    "{why}"
                );
                return;
            }
        }
    }
    panic!("nothing was done about it: {waiting:?}");
}

#[test]
fn green_is_watched_while_others_change_weights_and_while_a_change_is_in_doubt() {
    let mut run = Run::of(gradual(Lever::WeightedTargetGroups), 1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let doubtful = Scene::of(&mut run).with(|scene| {
        scene.release.pending = Some(Pending {
            intent: 5,
            at: scene.seen.at,
            action: crate::release::Action::Weigh {
                weighting: Weighting::GreenAlone,
                before: String::new(),
                green_group: None,
            },
            result: None,
            ended_at: None,
        });
    });
    run.world.disturbed = true;
    run.world.weigh_by_hand(GREEN, 7);
    let changed = Scene::of(&mut run);
    for scene in [doubtful, changed] {
        assert!(scene.seen.public.is_some(), "a look is due");
        let decision = scene.decide();
        assert!(matches!(record(&decision), Event::Looked { .. }), "{decision:?}");
    }
}
