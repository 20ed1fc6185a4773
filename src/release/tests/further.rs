//! Steps after the first one, by levers with weights: users are on green already, and what may keep it from more of them is no health
//! that it has in common with blue.

use super::plan::gradual;
use super::run::Run;
use super::scene::{INSTANT, Scene, act, known, taken_back, unread, wait};
use super::world::seconds;
use crate::model::{HealthStatus, VersionLabel};
use crate::release::{Action, Outcome, Phase, Why, limits};
use crate::spec::Lever;
use crate::traffic::Weighting;

type Change = fn(&mut Scene);

const LEVERS: [Lever; 2] = [Lever::WeightedDns, Lever::WeightedTargetGroups];

/// The second step is to be made, and no look is due.
fn second(lever: Lever) -> Scene {
    let mut run = Run::of(gradual(lever), 1);
    while !(run.release.phase == Phase::Shift && run.release.step == 1) {
        assert!(run.step(), "{}", run.why());
    }
    Scene::of(&mut run).with(|scene| {
        scene.release.watch.bad = 0;
        scene.release.watch.last = Some(scene.began() + limits::SHIFT * 2);
    })
}

fn is_made(scene: &Scene) -> bool {
    let second = Weighting::Split { blue: 1, green: 1 };
    matches!(act(&scene.decide()), Action::Weigh { weighting, .. } if *weighting == second)
}

/// The health of both is that, for failed requests alone.
fn failing(scene: &mut Scene, status: HealthStatus) {
    for health in [&mut scene.seen.blue_health, &mut scene.seen.green_health] {
        let health = known(health);
        health.status = Some(status);
        health.causes = vec!["2.0 % of the requests are failing with HTTP 5xx.".to_owned()];
        for one in health.instances.values_mut() {
            one.status = status;
        }
    }
}

#[test]
fn a_health_that_both_have_holds_no_step_but_the_first() {
    for lever in LEVERS {
        assert!(is_made(&second(lever)), "{lever}: all is well");
        for status in [HealthStatus::Warning, HealthStatus::Degraded, HealthStatus::Severe] {
            let both = second(lever).with(|scene| failing(scene, status));
            assert!(is_made(&both), "{lever} {status}");
            let first = Scene::of(&mut Run::of(gradual(lever), 1).until(Phase::Shift, 0));
            let decision = first.with(|scene| failing(scene, status)).decide();
            let Why::NotUp { missing, .. } = &decision.why else {
                panic!("{lever}: {decision:?}");
            };
            assert!(missing[0].contains("its health is"), "{missing:?}");
        }
        // One instance that is not quite well, and may not be replaced, is there all the same.
        let one = second(lever).with(|scene| {
            scene.release.plan.bake.replace_instances = 0;
            let health = known(&mut scene.seen.green_health);
            let last = health.instances.values_mut().next_back();
            last.expect("green has one").status = HealthStatus::Degraded;
        });
        let several = known(&mut one.clone().seen.green_health).instances.len() > 1;
        assert!(!several || is_made(&one), "{lever}");
    }
}

#[test]
fn what_holds_a_later_step_is_told_when_it_was_not_made_in_time() {
    let cases: [(&str, Change); 8] = [
        ("its health could not be read", |scene| {
            scene.seen.green_health = unread();
        }),
        ("its health is NoData", |scene| {
            known(&mut scene.seen.green_health).status = Some(HealthStatus::NoData);
        }),
        ("its health data is", |scene| {
            let at = scene.seen.at;
            known(&mut scene.seen.green_health).refreshed_at = Some(at - seconds(41));
        }),
        ("serving", |scene| {
            known(&mut scene.seen.green_health).instances.pop_last();
        }),
        ("serving", |scene| {
            let health = known(&mut scene.seen.green_health);
            let last = health.instances.values_mut().next_back();
            last.expect("green has one").status = HealthStatus::Severe;
        }),
        ("not known to run", |scene| {
            let health = known(&mut scene.seen.green_health);
            let last = health.instances.values_mut().next_back();
            last.expect("green has one").version = Some(VersionLabel::new("v1"));
        }),
        (
            "green looks bad with traffic: its health is Severe (out of memory)",
            |scene| {
                let health = known(&mut scene.seen.green_health);
                health.status = Some(HealthStatus::Severe);
                health.causes = vec!["out of memory".to_owned()];
            },
        ),
        ("a look at green was bad; the newest said: it hung", |scene| {
            scene.release.watch.bad = 1;
            scene.release.watch.doubt = Some("it hung".to_owned());
        }),
    ];
    for lever in LEVERS {
        for (words, change) in cases {
            let held = second(lever).with(change);
            let deadline = held.began() + limits::SHIFT;
            let early = held.decide();
            assert_eq!(wait(&early).1, deadline, "{lever} {words}: {early:?}");
            let Why::NotUp { missing, .. } = &early.why else {
                panic!("{lever} {words}: {early:?}");
            };
            assert!(missing.iter().any(|one| one.contains(words)), "{words}: {missing:?}");
            wait(&held.at(deadline - INSTANT).decide());
            let decision = held.at(deadline).decide();
            let (why, outcome) = taken_back(&decision);
            assert_eq!(outcome, Outcome::RolledBack);
            assert!(why.contains("could not be set in time"), "{why}");
            assert!(why.contains(words), "{words}: {why}");
        }
    }
}
