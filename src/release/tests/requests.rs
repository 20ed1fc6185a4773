//! A health that is bad for failed requests: what numbers say of them, and what stays with the status.

use super::plan::gradual;
use super::run::Run;
use super::scene::{Scene, known, record, unread};
use super::world::seconds;
use crate::model::{HealthStatus, RequestCounts, Served, Span};
use crate::release::assessment::Measured;
use crate::release::{Assessment, CountedBy, Event, Look, Phase, Release, looks};
use crate::spec::{EndpointSpec, Lever};
use crate::verdict::{Arm, Window};

const FAILING: &str = "5.9 % of the requests are failing with HTTP 5xx.";
const REFUSED: &str = "60.0 % of the requests are erroring with HTTP 4xx.";

/// A look is due at a green that has some traffic, beside a blue that has the rest, or all of it.
fn baking(shared: bool) -> Scene {
    let run = if shared {
        Run::of(gradual(Lever::WeightedTargetGroups), 1)
    } else {
        Run::new(1)
    };
    let mut run = run.until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let scene = Scene::of(&mut run).with(|scene| {
        *scene.release.assessment = Assessment::new(&scene.release.plan, scene.release.started_at);
        take(scene, (0, 20), arm(1000.0, 2.0), Arm::default());
        take(scene, (1, 10), arm(1000.0, 2.0), arm(50.0, 0.0));
    });
    assert_eq!(scene.release.shared(), shared);
    scene
}

fn arm(requests: f64, errors: f64) -> Arm {
    Arm {
        requests: Some(requests),
        errors: Some(errors),
        client_errors: Some(0.0),
        ..Arm::default()
    }
}

/// A window of ten seconds of a step, which ended so many seconds before the look.
fn take(scene: &mut Scene, (step, ago): (u32, u64), blue: Arm, green: Arm) {
    let end = scene.seen.at - seconds(ago);
    let end_s = end.since(scene.release.started_at).as_secs_f64();
    let window = Window {
        begin_s: end_s - 10.0,
        end_s,
        step,
        blue,
        green,
    };
    scene.release.assessment.take(&Measured {
        window,
        ..Measured::nothing()
    });
}

fn unwell(scene: &mut Scene, status: HealthStatus, cause: &str) {
    let health = known(&mut scene.seen.green_health);
    health.status = Some(status);
    health.causes = vec![cause.to_owned()];
}

/// Green answers so many requests in the newest window, of which so many with 4xx.
fn answers(scene: &mut Scene, requests: u64, refused: u64) {
    let health = known(&mut scene.seen.green_health);
    health.window = Span::from_secs(10);
    health.served = Some(Served {
        requests,
        classes: Some(RequestCounts {
            status_2xx: requests - refused,
            status_4xx: refused,
            ..RequestCounts::default()
        }),
        ..Served::well(requests)
    });
}

fn look(scene: &Scene) -> Look {
    match record(&scene.decide()) {
        Event::Looked { look, .. } => look.clone(),
        other => panic!("no look was due: {other:?}"),
    }
}

fn is_unknown(scene: &Scene, words: &str) {
    let look = look(scene);
    assert!(
        matches!(&look, Look::Unknown { why } if why.contains(words)),
        "{look:?}"
    );
}

fn is_bad(scene: &Scene) {
    let look = look(scene);
    assert!(matches!(&look, Look::Bad { .. }), "{look:?}");
}

#[test]
fn an_incident_of_both_is_left_to_the_numbers_of_both() {
    let incident = baking(true).with(|scene| {
        unwell(scene, HealthStatus::Degraded, FAILING);
        known(&mut scene.seen.blue_health).status = Some(HealthStatus::Warning);
    });
    is_unknown(&incident, "the numbers of both will say");
    let severe = incident.with(|scene| unwell(scene, HealthStatus::Severe, FAILING));
    is_unknown(&severe, "the numbers of both will say");
    let alone = severe.with(|scene| known(&mut scene.seen.blue_health).status = Some(HealthStatus::Ok));
    is_bad(&alone);
}

#[test]
fn where_nothing_is_compared_the_status_counts() {
    let failing = baking(true).with(|scene| unwell(scene, HealthStatus::Degraded, FAILING));
    is_unknown(&failing, "the numbers of both will say");
    let more = failing.with(|scene| {
        let causes = &mut known(&mut scene.seen.green_health).causes;
        causes.push("Process default has been unhealthy for 12 minutes.".to_owned());
    });
    is_bad(&more);
    // What users count by themselves may be something else.
    let elsewhere = failing.with(|scene| {
        scene.release.plan.counted_by = CountedBy::Endpoint(EndpointSpec {
            url: "http://metrics.example/".to_owned(),
            headers: std::collections::BTreeMap::new(),
            timeout: Span::from_secs(5),
        });
    });
    is_bad(&elsewhere);
    // Blue's windows are not told any more, and green's go on.
    let max_age = failing.release.plan.provision.max_age.get();
    let unread = |since| {
        failing.at(failing.seen.at + max_age - seconds(since)).with(|scene| {
            scene.seen.blue_health = unread();
            take(scene, (1, 0), Arm::default(), arm(50.0, 3.0));
        })
    };
    is_unknown(&unread(10), "the numbers of both will say");
    is_bad(&unread(9));
}

#[test]
fn a_green_with_all_traffic_is_compared_with_what_blue_had() {
    let failing = baking(false).with(|scene| {
        unwell(
            scene,
            HealthStatus::Warning,
            "1.1 % of the requests are failing with HTTP 5xx.",
        );
    });
    is_unknown(&failing, "whether that is more than blue had");
    is_bad(&failing.with(|scene| unwell(scene, HealthStatus::Severe, FAILING)));
    let new = failing.with(|scene| {
        *scene.release.assessment = Assessment::new(&scene.release.plan, scene.release.started_at);
    });
    is_bad(&new);
}

#[test]
fn a_storm_of_strange_requests_is_told_from_something_that_is_broken() {
    let refused = baking(false).with(|scene| unwell(scene, HealthStatus::Degraded, REFUSED));
    // Blue answered 100 a second.
    is_bad(&refused.with(|scene| answers(scene, 1000, 600)));
    is_bad(&refused.with(|scene| answers(scene, 1000, 501)));
    is_unknown(
        &refused.with(|scene| answers(scene, 2500, 1500)),
        "the doing of a client",
    );
    is_unknown(
        &refused.with(|scene| answers(scene, 1000, 500)),
        "the doing of a client",
    );
    is_bad(&refused.with(|scene| known(&mut scene.seen.green_health).served = None));
    // That a few fail besides hides nothing.
    let both = refused.with(|scene| known(&mut scene.seen.green_health).causes.push(FAILING.to_owned()));
    is_bad(&both.with(|scene| answers(scene, 1000, 600)));
    is_unknown(
        &both.with(|scene| answers(scene, 2500, 1500)),
        "whether that is more than blue had",
    );
}

/// Nobody waits for the end of what was there before.
#[test]
fn what_blue_had_before_is_no_fault_of_green() {
    for shared in [true, false] {
        let usual = baking(shared).with(|scene| {
            unwell(scene, HealthStatus::Warning, FAILING);
            scene.release.blue.as_mut().expect("there is one").health = Some(HealthStatus::Warning);
        });
        assert_eq!(look(&usual), Look::Good);
        let worse = usual.with(|scene| unwell(scene, HealthStatus::Degraded, FAILING));
        assert_ne!(look(&worse), Look::Good);
        let other = usual.with(|scene| unwell(scene, HealthStatus::Warning, "It is tired."));
        is_bad(&other);
        let suspected = usual.with(|scene| take(scene, (1, 0), arm(1000.0, 2.0), arm(50.0, 20.0)));
        assert_ne!(
            look(&suspected),
            Look::Good,
            "{:?}",
            suspected.release.assessment.in_words()
        );
    }
}

#[test]
fn a_check_that_fails_once_may_fail_by_chance() {
    let check = |scene: &mut Scene, name: &str, passed| {
        let check = &mut scene.seen.public.as_mut().expect("a look is due").checks[0];
        (check.check, check.passed, check.status) = (name.to_owned(), passed, Some(if passed { 200 } else { 500 }));
    };
    let once = baking(false).with(|scene| check(scene, "GET /", false));
    let Look::Failing { why, checks } = look(&once) else {
        panic!("{:?}", look(&once));
    };
    assert!(why.starts_with("GET /"), "{why}");
    assert_eq!(checks, ["GET /"]);
    // What fails is evidence all the same.
    let Event::Looked { measured, .. } = record(&once.decide()).clone() else {
        panic!("a look is due");
    };
    let probes = measured
        .expect("it is new")
        .window
        .green
        .probes
        .expect("green was asked");
    assert_eq!((probes.requests, probes.failures), (1.0, 1.0));
    let again = |name: &str| {
        once.with(|scene| {
            scene.release.watch.failed = vec!["GET /".to_owned()];
            check(scene, name, false);
        })
    };
    is_bad(&again("GET /"));
    assert!(
        matches!(look(&again("GET /other")), Look::Failing { .. }),
        "another check"
    );
    let passed = again("GET /").with(|scene| check(scene, "GET /", true));
    assert_eq!(look(&passed), Look::Good);
}

/// One that goes on failing leads back no later than if each failure had counted, for the next looks come sooner.
#[test]
fn after_a_check_that_has_failed_the_next_look_comes_sooner() {
    let run = Run::new(1).until(Phase::Bake, 0);
    let looked = |release: &Release, look: Look| run.then(release.clone(), Event::Looked { look, measured: None });
    let failing = || Look::Failing {
        why: "GET /: failed".to_owned(),
        checks: vec!["GET /".to_owned()],
    };
    let bad = || Look::Bad {
        why: "GET /: failed".to_owned(),
    };
    let every = |release: &Release| {
        let last = release.watch.last.expect("it was looked at");
        let due = |after: u64| looks(release, last + seconds(after)).public.is_some();
        (1..=20).find(|after| due(*after)).expect("a look is due some time")
    };
    let once = looked(&run.release, failing());
    assert_eq!((once.watch.bad, every(&once)), (0, 5));
    let again = looked(&once, bad());
    assert_eq!((again.watch.bad, every(&again)), (1, 5), "it goes on failing");
    for look in [
        Look::Good,
        Look::Unknown {
            why: "nothing is known".to_owned(),
        },
    ] {
        assert_eq!(every(&looked(&once, look)), 10);
    }
}
