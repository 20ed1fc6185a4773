//! Other sources than Elastic Beanstalk: what they count, what alarms say, and what it means when they say nothing.

use super::plan::gradual;
use super::run::Run;
use super::scene::{Scene, known, record, unread, watched};
use super::world::seconds;
use crate::model::{HealthStatus, Known, Span, Timestamp};
use crate::release::{AlarmSeen, Assessment, Counted, CountedBy, Event, Look, Measured, Phase, looks};
use crate::spec::Lever;
use crate::verdict::{Arm, Instance};

fn arm(requests: f64, errors: f64) -> Arm {
    Arm {
        requests: Some(requests),
        errors: Some(errors),
        ..Arm::default()
    }
}

/// A window that ended so long before the look.
fn counted(scene: &Scene, ago: u64, length: u64) -> Counted {
    let ended_at = scene.seen.at - seconds(ago);
    Counted {
        ended_at,
        told_at: ended_at,
        length: Span::from_secs(length),
        blue: arm(1000.0, 1.0),
        green: arm(100.0, 2.0),
    }
}

/// A look at a release that is counted by target groups.
fn by_groups() -> Scene {
    let mut scene = watched();
    scene.release.plan.counted_by = CountedBy::TargetGroups;
    // Nothing was counted by anybody else.
    *scene.release.assessment = Assessment::new(&scene.release.plan, scene.release.started_at);
    // The step began long enough ago for windows to be its own.
    scene.release.shifted_at = Some(scene.seen.at - seconds(600));
    scene.seen.counted = Known::Known(counted(&scene, 90, 60));
    scene
}

fn looked(scene: &Scene) -> (Look, Option<Measured>) {
    match record(&scene.decide()) {
        Event::Looked { look, measured } => (look.clone(), measured.as_deref().cloned()),
        other => panic!("no look was due: {other:?}"),
    }
}

fn measured(scene: &Scene) -> Measured {
    looked(scene).1.expect("something is new")
}

#[test]
fn what_another_source_counts_takes_the_place_of_what_health_tells() {
    let mut scene = by_groups();
    known(&mut scene.seen.green_health).reported_at = Some(scene.seen.at);
    let (look, measured) = looked(&scene);
    assert_eq!(look, Look::Good);
    let window = measured.expect("it is new").window;
    assert_eq!((window.green.requests, window.green.errors), (Some(100.0), Some(2.0)));
    assert_eq!((window.blue.requests, window.blue.errors), (Some(1000.0), Some(1.0)));
    let told = |instance: &Instance| (instance.requests, instance.errors, instance.healthy);
    let instances: Vec<_> = window.green.instances.iter().map(told).collect();
    assert_eq!(instances, [(None, None, Some(true)); 2], "nothing is counted twice");
    assert!((window.end_s - window.begin_s - 60.0).abs() < 1e-9, "{window:?}");
    assert_eq!(window.step, 1);
}

#[test]
fn no_request_is_counted_twice() {
    let mut scene = by_groups();
    let first = measured(&scene);
    scene.release.assessment.take(&first);
    let requests = |scene: &Scene| measured(scene).window.green.requests;
    assert_eq!(requests(&scene), None, "the same window");
    // One that overlaps with the one before by a second, and one that begins where that ended.
    for (later, wanted) in [(59, None), (60, Some(100.0))] {
        let mut scene = scene.clone();
        let counted = known(&mut scene.seen.counted);
        counted.told_at = counted.told_at + seconds(later);
        assert_eq!(requests(&scene), wanted, "{later} s later");
    }
}

#[test]
fn a_late_window_belongs_to_the_step_it_was_measured_in() {
    let mut scene = by_groups();
    scene.release.step = 1;
    scene.release.shifted_at = Some(scene.seen.at - seconds(150));
    assert_eq!(measured(&scene).window.step, 2, "it began with the step");
    scene.release.shifted_at = Some(scene.seen.at - seconds(149));
    let late = measured(&scene);
    assert_eq!(late.window.step, 1, "it began before the step");
    // It is evidence as ever, and no traffic of the step that goes on.
    let mut assessment = scene.release.assessment.clone();
    assessment.take(&Measured {
        window: crate::verdict::Window {
            step: 2,
            ..late.window.clone()
        },
        ..late.clone()
    });
    let mut plan = scene.release.plan.clone();
    plan.bake.min_requests = 1_000_000;
    let before = assessment.too_little(&plan);
    let mut later = late;
    later.window.end_s += 60.0;
    assessment.take(&later);
    assert_eq!(assessment.too_little(&plan), before);
}

#[test]
fn a_source_that_says_nothing_holds_the_release_and_says_so() {
    let unknown = |scene: &Scene| match looked(scene).0 {
        Look::Unknown { why } => why,
        other => panic!("{other:?}"),
    };
    let mut scene = by_groups();
    scene.seen.counted = unread();
    assert_eq!(
        unknown(&scene),
        "what it serves could not be read from CloudWatch: Rate exceeded"
    );
    // 40 s of `provision.max_age`, and three times the length of a window.
    for (ago, stale) in [(220, false), (221, true)] {
        scene.seen.counted = Known::Known(counted(&scene, ago, 60));
        let is_stale = matches!(looked(&scene).0, Look::Unknown { .. });
        assert_eq!(is_stale, stale, "{ago} s ago");
    }
    // What is plainly wrong is seen all the same.
    scene.seen.counted = unread();
    known(&mut scene.seen.green_health).status = Some(HealthStatus::Severe);
    assert!(matches!(looked(&scene).0, Look::Bad { .. }));
}

#[test]
fn before_green_has_traffic_only_blue_is_counted() {
    let mut run = Run::new(1).until(Phase::Provision, 0);
    while run.release.green.is_none() {
        assert!(run.step());
    }
    run.world.pass(seconds(60));
    run.release.plan.counted_by = CountedBy::TargetGroups;
    let wanted = looks(&run.release, run.world.now);
    assert!(wanted.counted, "{wanted:?}");
    let mut scene = Scene::of(&mut run);
    scene.seen.counted = Known::Known(counted(&scene, 90, 60));
    let decision = crate::release::decide(&scene.release, &scene.seen);
    let Event::Measured { measured } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!(measured.window.blue.requests, Some(1000.0));
    assert_eq!((measured.window.green.requests, measured.window.step), (None, 0));
}

#[test]
fn nothing_is_asked_that_the_plan_does_not_want() {
    let scene = watched();
    let asked = |scene: &Scene| {
        let looks = looks(&scene.release, scene.seen.at);
        (looks.counted, looks.alarms)
    };
    assert_eq!(asked(&scene), (false, false));
    let wanted = scene.with(|scene| {
        scene.release.plan.counted_by = CountedBy::TargetGroups;
        scene.release.plan.alarms = vec!["shop-5xx".to_owned()];
    });
    assert_eq!(asked(&wanted), (true, true));
    // Traffic that is on its way back waits for nobody.
    let back = wanted.with(|scene| {
        scene.release.phase = Phase::RollBack;
        scene.release.rollback = Some(crate::release::RollbackState {
            since: scene.seen.at,
            why: "bad".to_owned(),
            outcome: crate::release::Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: None,
            watched_from: None,
            again: 0,
        });
    });
    assert_eq!(asked(&back), (false, false));
}

/// A look at a release with an alarm in that state since so many seconds after green was given traffic.
fn alarmed(on: Option<bool>, after: i64) -> Scene {
    let mut scene = watched();
    let shifted = scene.release.shift_began.expect("it has shifted");
    scene.release.plan.alarms = vec!["shop-5xx".to_owned()];
    scene.seen.alarms = Known::Known(vec![AlarmSeen {
        name: "shop-5xx".to_owned(),
        on,
        since: Some(Timestamp::from_millis(shifted.as_millis() + after * 1000)),
        reason: "Threshold Crossed".to_owned(),
    }]);
    scene
}

#[test]
fn a_takeover_moves_no_alarm_to_before_the_shift() {
    // Nobody drove the release for a quarter of an hour, and an alarm went on in the meantime.
    let taken_over = |after: i64| {
        let mut scene = alarmed(Some(true), after);
        scene.release.shift_called_at = scene.release.shift_called_at.map(|at| at + seconds(900));
        looked(&scene).0
    };
    assert!(matches!(taken_over(300), Look::Bad { .. }), "{:?}", taken_over(300));
    // Clocks of two machines may differ, and the alarm is green's unless it certainly is not.
    for (before, green_is_blamed) in [(-599, true), (-601, false)] {
        let look = taken_over(before);
        assert_eq!(
            matches!(look, Look::Bad { .. }),
            green_is_blamed,
            "{before} s: {look:?}"
        );
    }
}

#[test]
fn a_step_does_not_pass_before_its_own_source_has_told_of_it() {
    let mut scene = by_groups();
    let told = |scene: &Scene| scene.release.assessment.too_little(&scene.release.plan);
    scene.release.plan.bake.min_requests = 1;
    let probes = Measured {
        window: crate::verdict::Window {
            end_s: 1e6,
            step: 1,
            green: Arm {
                probes: Some(crate::verdict::Probes {
                    requests: 100.0,
                    ..Default::default()
                }),
                ..Arm::default()
            },
            ..Default::default()
        },
        ..Measured::nothing()
    };
    scene.release.assessment.take(&probes);
    assert_eq!(
        told(&scene).as_deref(),
        Some("CloudWatch has told nothing yet of what green serves in this step")
    );
    let mut counted = probes.clone();
    (counted.window.end_s, counted.window.green.requests) = (1e6 + 60.0, Some(40.0));
    scene.release.assessment.take(&counted);
    assert_eq!(told(&scene), None);
    counted.window.step = 2;
    counted.window.end_s += 60.0;
    counted.window.green.requests = None;
    scene.release.assessment.take(&counted);
    assert!(told(&scene).is_some(), "it is another step");
}

#[test]
fn only_instances_that_there_are_can_be_sick() {
    let mut scene = by_groups();
    known(&mut scene.seen.counted).green.instances = vec![Instance {
        id: "web-7".to_owned(),
        requests: Some(50.0),
        errors: Some(50.0),
        healthy: None,
    }];
    let of_health = |scene: &mut Scene| {
        let at = scene.seen.at;
        known(&mut scene.seen.green_health).refreshed_at = Some(at);
    };
    of_health(&mut scene);
    let told = measured(&scene).window.green.instances;
    assert!(!told.is_empty() && told.iter().all(|one| one.id != "web-7"), "{told:?}");
    let id = told[0].id.clone();
    known(&mut scene.seen.counted).green.instances[0].id.clone_from(&id);
    let told = measured(&scene).window.green.instances;
    let counted: Vec<_> = told
        .iter()
        .filter_map(|one| one.requests.map(|_| one.id.clone()))
        .collect();
    assert_eq!(counted, [id]);
    // What the service said long ago is no word of this window.
    let at = scene.seen.at - seconds(61);
    known(&mut scene.seen.green_health).refreshed_at = Some(at);
    assert_eq!(measured(&scene).window.green.instances, []);
}

#[test]
fn an_alarm_that_goes_on_under_green_speaks_against_it() {
    let said = |scene: &Scene| looked(scene).0;
    assert_eq!(said(&alarmed(Some(false), 5)), Look::Good);
    assert_eq!(
        said(&alarmed(Some(true), 5)),
        Look::Bad {
            why: "the alarm shop-5xx is on: Threshold Crossed".to_owned()
        }
    );
    let unknown = |scene: &Scene, part: &str| match said(scene) {
        Look::Unknown { why } => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    };
    unknown(&alarmed(Some(true), -5), "before green had traffic");
    unknown(&alarmed(None, 5), "there is no alarm shop-5xx any more");
    unknown(
        &alarmed(Some(true), 5).with(|scene| scene.seen.alarms = unread()),
        "the alarms could not be read: Rate exceeded",
    );
    // What is plainly wrong is seen all the same.
    for hidden in [alarmed(None, 5), alarmed(Some(true), -5)] {
        let severe = hidden.with(|scene| known(&mut scene.seen.green_health).status = Some(HealthStatus::Severe));
        assert!(matches!(said(&severe), Look::Bad { .. }), "{:?}", said(&severe));
    }
    // What hits both is not blamed on green.
    let common = alarmed(Some(true), 5).with(|scene| {
        let mut blue = known(&mut scene.seen.green_health).clone();
        blue.status = Some(HealthStatus::Severe);
        scene.seen.blue_health = Known::Known(blue);
    });
    unknown(&common, "what both depend on");
    // A release that heals the service begins under the alarm.
    let healing = alarmed(Some(true), -5).with(|scene| scene.release.plan.even_if_unhealthy = true);
    assert_eq!(said(&healing), Look::Good);
}

#[test]
fn two_looks_at_an_alarm_take_green_back() {
    let mut run = Run::of(gradual(Lever::WeightedTargetGroups), 1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let mut scene = Scene::of(&mut run);
    scene.release.plan.alarms = vec!["shop-5xx".to_owned()];
    let on = AlarmSeen {
        name: "shop-5xx".to_owned(),
        on: Some(true),
        since: Some(scene.seen.at),
        reason: "Threshold Crossed".to_owned(),
    };
    scene.seen.alarms = Known::Known(vec![on]);
    for _ in 0..2 {
        let event = record(&scene.decide()).clone();
        assert!(
            matches!(
                event,
                Event::Looked {
                    look: Look::Bad { .. },
                    ..
                }
            ),
            "{event:?}"
        );
        scene.release = run.then(scene.release, event);
        scene = scene.at(scene.seen.at + seconds(10));
    }
    let decision = scene.decide();
    let (why, _) = super::scene::taken_back(&decision);
    assert!(why.contains("the alarm shop-5xx is on"), "{why}");
}
