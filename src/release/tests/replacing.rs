//! One sick instance of green among others that are well.

use super::run::Run;
use super::scene::{Scene, act, known, record, unread};
use super::world::seconds;
use crate::model::{HealthStatus, InstanceId};
use crate::release::{
    Action, Attempts, CallResult, Event, Look, Measured, Outcome, Pause, Pending, Phase, RollbackState, Then, limits,
    looks,
};
use crate::verdict::{Advice, Decision, Instance, Verdict, Why};

/// A bake in which the newest window found an instance sick.
fn sick() -> Scene {
    let mut run = Run::new(1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let mut scene = Scene::of(&mut run);
    scene.release.assessment.verdict = Some(Verdict {
        decision: Decision::Insufficient,
        why: Why::SickInstance,
        evidence: None,
        advice: Some(Advice::ReplaceInstance {
            id: "i-1".to_owned(),
            requests: 60.0,
            errors: 40.0,
        }),
    });
    scene
}

/// The same with a look just made, so that the phase decides.
fn looked(mut scene: Scene) -> Scene {
    scene.release.watch.last = Some(scene.seen.at);
    scene.seen.public = None;
    scene
}

fn key() -> String {
    "replace instance i-1".to_owned()
}

#[test]
fn it_is_replaced_once() {
    let scene = looked(sick());
    let decision = scene.decide();
    let action = act(&decision);
    let Action::ReplaceInstance { environment, instance } = action else {
        panic!("{action:?}");
    };
    assert_eq!(
        (environment, instance),
        (&scene.release.green.as_ref().unwrap().id, &InstanceId::new("i-1"))
    );
    assert_eq!(action.key(), key());
    let replaces = |scene: &Scene| matches!(scene.decide().then, Then::Act(Action::ReplaceInstance { .. }));
    let with = |attempts: Attempts| {
        scene.with(|scene| {
            scene.release.attempts.insert(key(), attempts);
        })
    };
    let done = Attempts {
        done: true,
        last: scene.seen.at,
        ..Attempts::default()
    };
    assert!(!replaces(&with(done.clone())), "it was replaced");
    let refused = Attempts {
        fatal: true,
        failed: 1,
        ..Attempts::default()
    };
    assert!(!replaces(&with(refused)), "AWS refuses it");
    // One that falls sick after it is one too many, unless the plan allows it.
    let mut second = scene.clone();
    second.release.attempts.insert("replace instance i-0".to_owned(), done);
    assert!(!replaces(&second), "it may be the version");
    second.release.plan.bake.replace_instances = 2;
    assert!(replaces(&second));
    let never = scene.with(|scene| scene.release.plan.bake.replace_instances = 0);
    assert!(!replaces(&never));
}

#[test]
fn what_it_does_to_the_whole_is_not_held_against_green() {
    let look = |scene: &Scene| match record(&scene.decide()) {
        Event::Looked { look, .. } => look.clone(),
        other => panic!("{other:?}"),
    };
    let degraded = |scene: &mut Scene| known(&mut scene.seen.green_health).status = Some(HealthStatus::Degraded);
    let failing = |scene: &mut Scene| {
        scene.release.watch.failed = vec!["GET /".to_owned()];
        let check = &mut scene.seen.public.as_mut().expect("a look is due").checks[0];
        (check.passed, check.status) = (false, Some(500));
    };
    for change in [degraded as fn(&mut Scene), failing] {
        let excused = sick().with(change);
        let Look::Unknown { why } = look(&excused) else {
            panic!("{:?}", look(&excused));
        };
        assert!(
            why.ends_with("its instance i-1 is sick, and the others are not"),
            "{why}"
        );
        let well = excused.with(|scene| scene.release.assessment.verdict = None);
        assert!(matches!(look(&well), Look::Bad { .. }), "nothing is sick");
        // Another one takes minutes to come up, and not longer.
        for (after, excused) in [(limits::REPLACE - seconds(1), true), (limits::REPLACE, false)] {
            let scene = well.with(|scene| {
                let attempts = Attempts {
                    done: true,
                    last: scene.seen.at - after,
                    ..Attempts::default()
                };
                scene.release.attempts.insert(key(), attempts);
            });
            assert_eq!(matches!(look(&scene), Look::Unknown { .. }), excused, "{after:?}");
        }
        let never = sick()
            .with(change)
            .with(|scene| scene.release.plan.bake.replace_instances = 0);
        assert!(matches!(look(&never), Look::Bad { .. }), "nobody will replace it");
    }
}

#[test]
fn the_whole_may_be_unwell_for_longer_than_the_one_it_is_because_of() {
    let mut scene = sick();
    scene.release.assessment.verdict = None;
    let health = known(&mut scene.seen.green_health);
    let one = health.instances.values().next().expect("it has instances").clone();
    health.instances = [0, 1, 2]
        .map(|nth| (InstanceId::new(format!("i-{nth}")), one.clone()))
        .into();
    health.status = Some(HealthStatus::Degraded);
    let look = |scene: &Scene| match record(&scene.decide()) {
        Event::Looked { look, .. } => look.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(look(&scene), Look::Bad { .. }), "no instance was unwell");
    let window = |unwell: u32| {
        let mut measured = Measured::nothing();
        (measured.window.begin_s, measured.window.end_s) = (1e5, 1e5 + f64::from(unwell));
        measured.window.step = 1;
        let instance = |nth: u32| Instance {
            id: format!("i-{nth}"),
            healthy: Some(nth != unwell),
            ..Instance::default()
        };
        measured.window.green.instances = [0, 1, 2].map(instance).into();
        measured
    };
    scene.release.assessment.take(&window(1));
    let Look::Unknown { why } = look(&scene) else {
        panic!("{:?}", look(&scene));
    };
    assert!(why.ends_with("of its instances only i-1 is or was unwell"), "{why}");
    let never = scene.with(|scene| scene.release.plan.bake.replace_instances = 0);
    assert!(matches!(look(&never), Look::Bad { .. }), "nobody will replace it");
    scene.release.assessment.take(&window(2));
    assert!(matches!(look(&scene), Look::Bad { .. }), "two were");
}

/// A call to replace the sick one, whose answer was lost.
fn in_doubt(mut scene: Scene) -> Scene {
    scene.release.pending = Some(Pending {
        intent: 99,
        action: Action::ReplaceInstance {
            environment: scene.release.green.as_ref().expect("there is a green").id.clone(),
            instance: InstanceId::new("i-1"),
        },
        at: scene.seen.at,
        result: Some(CallResult::Unknown {
            message: "no answer".to_owned(),
        }),
        ended_at: Some(scene.seen.at),
    });
    scene
}

#[test]
fn a_replacement_in_doubt_keeps_nobody_from_watching_nor_from_going_back() {
    let scene = in_doubt(sick());
    assert!(matches!(record(&scene.decide()), Event::Looked { .. }), "a look is due");
    let bad = scene.with(|scene| scene.release.watch.bad = scene.release.plan.bake.fail);
    assert!(matches!(record(&bad.decide()), Event::RollbackBegan { .. }));
    let waits = looked(scene.clone());
    assert!(matches!(waits.decide().then, Then::Wait { .. }), "{:?}", waits.decide());
    let back = scene.with(|scene| {
        scene.release.phase = Phase::RollBack;
        scene.release.rollback = Some(RollbackState {
            since: scene.seen.at,
            why: "bad".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: None,
            watched_from: None,
            again: 0,
        });
        scene.seen.green_health = unread();
    });
    assert!(
        matches!(record(&back.decide()), Event::Resolved { applied: false, .. }),
        "{:?}",
        back.decide()
    );
    assert_eq!(looks(&back.release, back.seen.at).green_health, None, "that could hang");
}

#[test]
fn nothing_is_excused_once_others_are_unwell_too() {
    let judged = |scene: &Scene| match record(&scene.decide()) {
        Event::Looked { look, .. } => matches!(look, Look::Unknown { .. }),
        other => panic!("{other:?}"),
    };
    // Its health as a whole, and that of the sick instance, or of two others as well.
    let unwell = |scene: &mut Scene, others_too: bool| {
        let health = known(&mut scene.seen.green_health);
        let one = health.instances.values().next().expect("it has instances").clone();
        health.status = Some(HealthStatus::Severe);
        health.instances = [0, 1, 2, 3]
            .map(|nth| {
                let mut seen = one.clone();
                seen.status = match nth {
                    1 => HealthStatus::Severe,
                    2 | 3 if others_too => HealthStatus::Severe,
                    _ => HealthStatus::Ok,
                };
                (InstanceId::new(format!("i-{nth}")), seen)
            })
            .into();
    };
    assert!(judged(&sick().with(|scene| unwell(scene, false))));
    assert!(
        !judged(&sick().with(|scene| unwell(scene, true))),
        "two others are unwell"
    );
    // While another one comes up in its place, that one may be unwell, and no more.
    let replaced = |others_too: bool| {
        sick().with(|scene| {
            scene.release.assessment.verdict = None;
            let attempts = Attempts {
                done: true,
                last: scene.seen.at,
                ..Attempts::default()
            };
            scene.release.attempts.insert(key(), attempts);
            unwell(scene, others_too);
        })
    };
    assert!(judged(&replaced(false)));
    assert!(!judged(&replaced(true)));
}

#[test]
fn it_is_replaced_in_whichever_phase_and_hold_green_is_watched() {
    let replaces = |scene: &Scene| matches!(scene.decide().then, Then::Act(Action::ReplaceInstance { .. }));
    let paused = looked(sick()).with(|scene| {
        scene.release.pause = Some(Pause {
            since: scene.seen.at,
            until: scene.seen.at + seconds(600),
            by: scene.release.driver.clone(),
        });
    });
    assert!(replaces(&paused), "{:?}", paused.decide());
    for phase in [Phase::Drain, Phase::Retire] {
        let mut scene = Scene::at_the_begin_of(phase);
        scene.release.assessment.verdict = sick().release.assessment.verdict.clone();
        let scene = looked(scene);
        assert!(replaces(&scene), "{phase:?}: {:?}", scene.decide());
    }
}

#[test]
fn looks_do_not_keep_a_replacement_in_doubt_from_being_settled() {
    // Each look takes so long that the next one is due, and the newest entry is one.
    let mut scene = in_doubt(sick());
    let seen = scene.seen.at + limits::INTENT_DEADLINE + limits::CALL_TIMEOUT + limits::SHOWS;
    scene.seen.at = seen;
    known(&mut scene.seen.green_health).refreshed_at = Some(seen);
    assert!(matches!(record(&scene.decide()), Event::Looked { .. }));
    scene.release.watch.entry = scene.release.sequence;
    assert!(
        matches!(record(&scene.decide()), Event::Resolved { .. }),
        "{:?}",
        scene.decide()
    );
    // It is never called once more while it is in doubt.
    let early = looked(in_doubt(sick()));
    assert!(matches!(early.decide().then, Then::Wait { .. }), "{:?}", early.decide());
}
