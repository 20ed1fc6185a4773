//! What both environments serve, window by window, and what the health engine makes of it.

use super::run::Run;
use super::scene::{Scene, known, record, taken_back, unread, watched};
use super::world::seconds;
use crate::model::{HealthStatus, RequestCounts, Served, Timestamp};
use crate::release::{Event, Measured, Outcome, Release, Sampled, Then, Why};
use crate::verdict::{Decision, Probes};

/// What was served in a window with so many failures.
fn served(requests: u64, failures: u64) -> Served {
    let classes = RequestCounts {
        status_2xx: requests - failures,
        status_5xx: failures,
        ..RequestCounts::default()
    };
    Served::told(requests, classes, None)
}

/// A look at which both have a new window.
fn look(scene: &mut Scene, blue: Served, green: Served) {
    let at = scene.seen.at;
    for (health, served) in [
        (&mut scene.seen.blue_health, blue),
        (&mut scene.seen.green_health, green),
    ] {
        let health = known(health);
        health.served = Some(served);
        (health.refreshed_at, health.reported_at) = (Some(at), Some(at));
    }
}

/// The window of the look that is due, if there is one.
fn window(scene: &Scene) -> Option<Measured> {
    match record(&scene.decide()) {
        Event::Looked { measured, .. } => measured.as_deref().cloned(),
        other => panic!("no look was due: {other:?}"),
    }
}

/// Goes on with the same look every ten seconds until something else is decided.
fn watch(run: &Run, mut scene: Scene, blue: Served, green: Served, most: u32) -> (Release, Then) {
    for _ in 0..most {
        look(&mut scene, blue, green);
        let Then::Record(event) = scene.decide().then else {
            break;
        };
        if !matches!(event, Event::Looked { .. }) {
            return (scene.release, Then::Record(event));
        }
        scene.release = run.then(scene.release, event);
        scene.seen.at = scene.seen.at + seconds(10);
    }
    let then = scene.decide().then;
    (scene.release, then)
}

/// Half of the traffic on each side, with the bake just begun.
fn compared() -> (Run, Scene) {
    let mut run = Run::new(1).until(crate::release::Phase::Bake, 0);
    run.world.pass(seconds(10));
    let scene = Scene::of(&mut run);
    (run, scene)
}

#[test]
fn a_green_that_answers_worse_than_blue_is_taken_back_although_its_health_is_good() {
    let (run, scene) = compared();
    let (_, then) = watch(&run, scene, served(1000, 1), served(1000, 20), 30);
    let Then::Record(Event::RollbackBegan { why, .. }) = then else {
        panic!("it is not taken back: {then:?}");
    };
    assert!(why.starts_with("green is worse than blue"), "{why}");
}

#[test]
fn what_happens_to_both_is_not_blamed_on_green() {
    let (run, scene) = compared();
    let (release, _) = watch(&run, scene, served(1000, 200), served(1000, 200), 30);
    let verdict = release.assessment.verdict.as_ref().expect("there were windows");
    assert_ne!(verdict.decision, Decision::Unhealthy, "{verdict}");
    assert!(release.assessment.windows >= 30);
}

#[test]
fn a_window_counts_once() {
    let mut scene = watched();
    look(&mut scene, served(100, 0), served(100, 3));
    let first = window(&scene).expect("both are new");
    assert_eq!(
        (first.window.green.errors, first.window.blue.requests),
        (Some(3.0), Some(100.0))
    );
    assert_eq!(first.window.step, 1);
    scene.release.assessment.take(&first);
    let again = window(&scene).expect("our own requests are new with each look");
    assert_eq!((again.window.green.requests, again.window.blue.requests), (None, None));
    assert_eq!((again.blue_at, again.green_at), (None, None));
    // What only one of them has anew is no comparison, and says what it says.
    let later = scene.seen.at + seconds(10);
    known(&mut scene.seen.green_health).reported_at = Some(later);
    let green_alone = window(&scene).expect("green is new");
    assert_eq!(
        (green_alone.window.green.requests, green_alone.window.blue.requests),
        (Some(100.0), None)
    );
}

#[test]
fn windows_of_other_times_are_not_compared() {
    let mut scene = watched();
    for (apart, compared) in [(15_000, true), (15_001, false)] {
        look(&mut scene, served(100, 0), served(100, 3));
        let at = scene.seen.at.as_millis();
        known(&mut scene.seen.blue_health).reported_at = Some(Timestamp::from_millis(at - apart));
        let measured = window(&scene).expect("green is new");
        assert_eq!(measured.window.blue.requests.is_some(), compared, "{apart} ms apart");
        assert_eq!(measured.blue_at.is_some(), compared, "it may still find its own");
    }
}

#[test]
fn what_could_not_be_read_is_unknown() {
    let mut scene = watched();
    look(&mut scene, served(100, 0), served(100, 3));
    scene.seen.blue_health = unread();
    let measured = window(&scene).expect("green is new");
    assert_eq!(measured.window.blue, crate::verdict::Arm::default());
    scene.seen.green_health = unread();
    assert!(
        window(&scene).is_none(),
        "a look that says nothing of green is no probe of it"
    );
}

#[test]
fn what_speaks_against_green_keeps_it_from_being_promoted() {
    let (run, scene) = compared();
    let (mut release, mut scene_at_the_end) = (scene.release.clone(), scene.clone());
    // Not enough to take it back, and too much to go on.
    while release.assessment.suspicion().is_none() {
        look(&mut scene_at_the_end, served(1000, 1), served(1000, 5));
        scene_at_the_end.release = release;
        let event = record(&scene_at_the_end.decide()).clone();
        release = run.then(scene_at_the_end.release.clone(), event);
        scene_at_the_end.seen.at = scene_at_the_end.seen.at + seconds(10);
        assert!(
            release.assessment.unhealthy().is_none(),
            "it went too fast for this test"
        );
    }
    let until = release.bake_until().expect("it bakes");
    release.watch.last = Some(until);
    (release.watch.good_in_row, release.watch.bad) = (5, 0);
    let mut scene = Scene {
        release,
        ..scene_at_the_end
    };
    scene.seen.at = until + seconds(1);
    let Why::Baking { doubt: Some(doubt), .. } = scene.decide().why else {
        panic!("{:?}", scene.decide());
    };
    assert!(doubt.contains("may be worse"), "{doubt}");
    // Under suspicion to the last, it is taken back; nobody is asked.
    let mut late = scene.clone();
    late.seen.at = until + late.release.plan.bake.deadline.get();
    late.release.watch.last = Some(late.seen.at);
    let Event::RollbackBegan { why, outcome } = record(&late.decide()).clone() else {
        panic!("{:?}", late.decide());
    };
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.contains("may be worse"), "{why}");
    *scene.release.assessment = run.release.assessment.as_ref().clone();
    assert!(matches!(record(&scene.decide()), Event::BakePassed { .. }));
}

#[test]
fn a_bad_window_alone_makes_green_wait_for_the_next_one() {
    let (run, mut scene) = compared();
    let mut next = |failures| {
        look(&mut scene, served(1000, 1), served(1000, failures));
        let event = record(&scene.decide()).clone();
        assert!(matches!(event, Event::Looked { .. }), "{event:?}");
        scene.release = run.then(scene.release.clone(), event);
        scene.seen.at = scene.seen.at + seconds(10);
        scene.clone()
    };
    let at_the_end = |mut scene: Scene| {
        let until = scene.release.bake_until().expect("it bakes");
        scene.seen.at = scene.seen.at.max(until);
        scene.release.watch.last = Some(scene.seen.at);
        (scene.release.watch.good_in_row, scene.release.watch.bad) = (5, 0);
        scene.decide()
    };
    let mut well = next(1);
    for _ in 0..3 {
        well = next(1);
    }
    assert!(matches!(record(&at_the_end(well)), Event::BakePassed { .. }));
    let bad = next(9);
    assert_eq!(bad.release.assessment.suspicion(), None);
    let decision = at_the_end(bad);
    let Why::Baking { doubt: Some(doubt), .. } = decision.why else {
        panic!("{decision:?}");
    };
    assert!(
        doubt.contains("looked bad in this window (server errors (5xx))"),
        "{doubt}"
    );
    assert!(matches!(record(&at_the_end(next(1))), Event::BakePassed { .. }));
}

/// Our own requests since the last look: how many, and how many of them failed.
fn sampled(green: (f64, f64), blue: (f64, f64)) -> Option<Sampled> {
    let probes = |(requests, failures)| Probes {
        requests,
        failures,
        latencies_ms: Vec::new(),
    };
    Some(Sampled {
        green: probes(green),
        blue: probes(blue),
        ..Sampled::default()
    })
}

#[test]
fn a_green_whose_probes_fail_is_taken_back_before_the_next_look() {
    let (run, mut scene) = compared();
    scene.release.watch.last = Some(scene.seen.at);
    scene.seen.public = None;
    let quiet = scene.decide().then;
    assert!(matches!(quiet, Then::Wait { .. }), "no look is due: {quiet:?}");
    scene.seen.sampled = sampled((4.0, 1.0), (4.0, 1.0));
    assert!(
        matches!(scene.decide().then, Then::Wait { .. }),
        "the fault may be here"
    );
    scene.seen.sampled = sampled((4.0, 3.0), (4.0, 0.0));
    let event = record(&scene.decide()).clone();
    let Event::Measured { measured } = &event else {
        panic!("{event:?}");
    };
    let probes = |arm: &crate::verdict::Arm| arm.probes.as_ref().map(|probes| (probes.requests, probes.failures));
    assert_eq!(probes(&measured.window.green), Some((4.0, 3.0)));
    assert_eq!(probes(&measured.window.blue), Some((4.0, 0.0)));
    scene.release = run.then(scene.release, event);
    scene.seen.sampled = None;
    let Then::Record(Event::RollbackBegan { why, .. }) = scene.decide().then else {
        panic!("{:?}", scene.decide());
    };
    assert!(why.contains("3 of 4"), "{why}");
}

#[test]
fn probes_between_looks_count_with_those_of_the_look() {
    let mut scene = watched();
    look(&mut scene, served(100, 0), served(100, 0));
    scene.seen.sampled = sampled((20.0, 1.0), (20.0, 0.0));
    let measured = window(&scene).expect("there is something new");
    let green = measured.window.green.probes.expect("they were made");
    assert_eq!((green.requests, green.failures), (21.0, 1.0));
}

/// Of eight probes of green since the last look none has arrived.
fn on_the_way(scene: &mut Scene) {
    scene.seen.sampled = sampled((8.0, 8.0), (8.0, 0.0)).map(|sampled| Sampled {
        unreached: 8.0,
        ..sampled
    });
}

#[test]
fn probes_that_never_arrived_say_nothing_where_users_are_served() {
    let (run, scene) = compared();
    let after = |served_to_users: u64, health: HealthStatus| {
        let mut scene = scene.clone();
        look(&mut scene, served(500, 0), served(served_to_users, 0));
        known(&mut scene.seen.green_health).status = Some(health);
        on_the_way(&mut scene);
        let measured = window(&scene).expect("there is something new");
        let probes = measured.window.green.probes.clone();
        let event = record(&scene.decide()).clone();
        let release = run.then(scene.release.clone(), event);
        let failed = probes.map_or(0.0, |probes| probes.failures);
        (failed > 0.0, release.assessment.unhealthy().is_some())
    };
    let (ok, warning) = (HealthStatus::Ok, HealthStatus::Warning);
    assert_eq!(after(500, ok), (false, false));
    assert_eq!(after(0, ok), (true, true), "nobody is served");
    assert_eq!(after(1, ok), (true, true), "that was a check of ours");
    assert_eq!(after(500, warning), (true, true), "users are not served well");
    // Between looks nobody knows whether users are.
    let (_, mut between) = compared();
    between.release.watch.last = Some(between.seen.at);
    between.seen.public = None;
    on_the_way(&mut between);
    let quiet = between.decide().then;
    assert!(matches!(quiet, Then::Wait { .. }), "{quiet:?}");
}

#[test]
fn before_green_has_traffic_only_blue_is_measured() {
    let mut run = Run::new(1).until(crate::release::Phase::Provision, 0);
    while run.release.green.is_none() {
        assert!(run.step());
    }
    run.world.pass(seconds(60));
    let mut scene = Scene::of(&mut run);
    look(&mut scene, served(100, 1), served(10, 9));
    let decision = crate::release::decide(&scene.release, &scene.seen);
    let Event::Measured { measured } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!(measured.window.blue.requests, Some(100.0));
    assert_eq!(measured.window.green, crate::verdict::Arm::default());
    scene.release.assessment.take(measured);
    known(&mut scene.seen.green_health).reported_at = Some(scene.seen.at + seconds(10));
    let again = crate::release::decide(&scene.release, &scene.seen);
    assert!(
        !matches!(again.then, Then::Record(Event::Measured { .. })),
        "green alone is no lead-in: {again:?}"
    );
}

#[test]
fn another_clock_changes_nothing() {
    let mut scene = watched();
    look(&mut scene, served(100, 0), served(100, 3));
    let here = window(&scene).expect("both are new").window.end_s;
    let mut run = Run::new(1).until(crate::release::Phase::Bake, 0);
    let before = run.release.heard_at;
    run.release
        .assessment
        .moved(|moment| *moment = moment.moved(before, before + seconds(500)));
    scene
        .release
        .assessment
        .moved(|moment| *moment = moment.moved(before, before + seconds(500)));
    scene.seen.at = scene.seen.at + seconds(500);
    scene.release.watch.last = None;
    look(&mut scene, served(100, 0), served(100, 3));
    let there = window(&scene).expect("both are new").window.end_s;
    assert!((here - there).abs() < 1e-9, "{here} and {there}");
}

#[test]
fn our_own_requests_since_the_newest_window_are_in_the_next_one() {
    let (run, mut scene) = compared();
    let own = |measured: &Measured| (measured.window.blue.own.requests, measured.window.green.own.requests);
    // Ten seconds of them lie between two windows of ten seconds.
    for (nth, wanted) in [(0, None), (1, Some((20.0, 21.0))), (2, Some((20.0, 21.0)))] {
        look(&mut scene, served(120, 0), served(120, 0));
        scene.seen.sampled = sampled((20.0, 0.0), (20.0, 0.0));
        let measured = window(&scene).expect("there is something new");
        if let Some(wanted) = wanted {
            assert_eq!(own(&measured), wanted, "look {nth}");
        }
        let event = record(&scene.decide()).clone();
        scene.release = run.then(scene.release, event);
        scene.seen.at = scene.seen.at + seconds(10);
    }
    // No new window for 20 seconds; then one of the three that there were in the meantime.
    let at = scene.seen.at;
    for _ in 0..2 {
        scene.seen.sampled = sampled((20.0, 0.0), (20.0, 0.0));
        let event = record(&scene.decide()).clone();
        scene.release = run.then(scene.release, event);
        scene.seen.at = scene.seen.at + seconds(10);
    }
    assert_eq!(scene.seen.at, at + seconds(20));
    look(&mut scene, served(120, 0), served(120, 0));
    let measured = window(&scene).expect("there is something new");
    assert_eq!(own(&measured), (20.0, 21.0));
    // A cloud that is twenty times faster counts half a second and calls it ten.
    for health in [&mut scene.seen.blue_health, &mut scene.seen.green_health] {
        known(health).window = crate::model::Span::from_millis(500);
    }
    let measured = window(&scene).expect("there is something new");
    assert_eq!(own(&measured), (1.0, 1.05));
    assert_eq!(measured.window.end_s - measured.window.begin_s, 0.5);
}

#[test]
fn of_an_idle_blue_latencies_say_nothing() {
    let mut scene = watched();
    look(&mut scene, served(20, 0), served(1000, 0));
    let with_latency = |scene: &mut Scene| {
        let sampled = Probes {
            requests: 2.0,
            failures: 0.0,
            latencies_ms: vec![3.0, 3.0],
        };
        scene.seen.sampled = Some(Sampled {
            green: sampled.clone(),
            blue: sampled,
            ..Sampled::default()
        });
    };
    with_latency(&mut scene);
    let measured = window(&scene).expect("there is something new");
    let of = |arm: &crate::verdict::Arm| arm.probes.as_ref().map_or(0, |probes| probes.latencies_ms.len());
    assert!(scene.release.whole_step());
    assert_eq!((of(&measured.window.blue), of(&measured.window.green) > 0), (0, true));
    assert_eq!(measured.window.blue.latency, crate::verdict::Latency::Unknown);
    assert!(measured.window.blue.idle && !measured.window.green.idle);
}

#[test]
fn what_is_served_before_a_steps_weights_are_in_place_belongs_to_the_step_before() {
    let mut scene = watched();
    look(&mut scene, served(100, 0), served(100, 0));
    assert!(scene.release.in_place);
    assert_eq!(window(&scene).map(|measured| measured.window.step), Some(1));
    scene.release.step = 1;
    scene.release.in_place = false;
    assert_eq!(window(&scene).map(|measured| measured.window.step), Some(1));
}

/// Somebody has removed blue.
fn without_blue(scene: &Scene) -> Scene {
    let blue = crate::release::tests::blue().id;
    scene.with(|scene| scene.remove(blue.as_str()))
}

#[test]
fn of_a_blue_that_is_gone_nothing_is_counted() {
    let mut scene = watched();
    look(&mut scene, served(100, 90), served(100, 3));
    scene.seen.sampled = sampled((4.0, 0.0), (4.0, 4.0));
    let there = window(&scene).expect("both are new");
    assert!(there.window.blue.probes.is_some() && !there.blue_is_gone);
    let mut gone = without_blue(&scene);
    let measured = window(&gone).expect("green is new");
    let nothing = crate::verdict::Arm {
        requests: Some(0.0),
        errors: Some(0.0),
        idle: true,
        ..crate::verdict::Arm::default()
    };
    assert_eq!((&measured.window.blue, measured.blue_is_gone), (&nothing, true));
    // A read that fails does not bring it back, and one that shows it does.
    gone.release.assessment.take(&measured);
    gone.seen.environments = unread();
    let unseen = window(&gone).expect("our own requests are new");
    assert_eq!((&unseen.window.blue, unseen.blue_is_gone), (&nothing, true));
    gone.seen.environments = scene.seen.environments.clone();
    let back = window(&gone).expect("blue is new");
    assert!(back.window.blue.probes.is_some() && !back.blue_is_gone);
}

#[test]
fn a_blue_that_is_gone_keeps_no_failing_green_from_being_measured_at_once() {
    let (_, mut scene) = compared();
    scene.release.watch.last = Some(scene.seen.at);
    scene.seen.public = None;
    scene.seen.sampled = sampled((4.0, 3.0), (4.0, 4.0));
    let quiet = scene.decide().then;
    assert!(matches!(quiet, Then::Wait { .. }), "both fail: {quiet:?}");
    let decision = without_blue(&scene).decide();
    assert!(matches!(record(&decision), Event::Measured { .. }), "{decision:?}");
}

#[test]
fn a_bad_green_beside_a_blue_that_is_gone_is_compared_with_its_past() {
    let (run, mut scene) = compared();
    let before = |nth: u32| {
        let mut window = Measured::nothing();
        let arm = crate::verdict::Arm {
            requests: Some(1000.0),
            errors: Some(1.0),
            ..crate::verdict::Arm::default()
        };
        window.window.begin_s = f64::from(nth) * 10.0;
        window.window.end_s = window.window.begin_s + 10.0;
        window.window.blue = arm;
        window
    };
    let plan = scene.release.plan.clone();
    *scene.release.assessment = crate::release::assessment::Assessment::new(&plan, scene.release.started_at);
    for nth in 0..12 {
        scene.release.assessment.take(&before(nth));
    }
    let shifted = scene.release.shifted_at.expect("green has traffic");
    scene.release.assessment.shifted(shifted);
    let mut scene = without_blue(&scene);
    for _ in 0..12 {
        look(&mut scene, served(10, 10), served(1000, 40));
        scene.seen.sampled = sampled((20.0, 0.0), (20.0, 20.0));
        let event = record(&scene.decide()).clone();
        if let Event::RollbackBegan { why, .. } = &event {
            assert!(why.contains("worse than blue"), "{why}");
            return;
        }
        scene.release = run.then(scene.release, event);
        scene.seen.at = scene.seen.at + seconds(10);
    }
    panic!("it is not taken back: {:?}", scene.release.assessment.in_words());
}

#[test]
fn a_green_that_somebody_removes_is_not_taken_for_a_bad_version_alone() {
    let bad = watched().with(|scene| scene.release.watch.bad = 2);
    let why = |scene: &Scene| taken_back(&scene.decide()).0.to_owned();
    assert!(!why(&bad).contains("somebody else"), "{}", why(&bad));
    let removed = bad.with(|scene| scene.remove(super::run::GREEN));
    assert!(
        why(&removed).contains("somebody else is removing it"),
        "{}",
        why(&removed)
    );
}
