//! How one look at green with traffic is judged, and what the bake makes of many.

use std::time::Duration;

use super::plan::{gradual, plan};
use super::run::Run;
use super::world::seconds;
use crate::model::{HealthColor, HealthStatus, Known, ProbeResult, Served, Span, Timestamp};
use crate::release::DrillKind;
use crate::release::assessment::Measured;
use crate::release::{
    Event, HealthSeen, InstanceSeen, Look, Observation, Outcome, Phase, PublicSeen, Release, Sampled, Then, Why,
    decide, looks,
};
use crate::spec::Lever;
use crate::verdict::{Arm, AtDeadline, Policy, Probes, Promotion, Window};

/// One change to what is seen.
type Change = fn(&mut Observation);

/// A release in its bake, and a look at a green that is well.
fn baking() -> (Release, Observation) {
    let mut run = Run::new(1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    let wanted = looks(&run.release, run.world.now);
    let seen = run.world.observe(&run.release, &wanted);
    (run.release, seen)
}

/// A look of which what fails has failed in the look before as well.
fn judged(change: impl FnOnce(&mut Observation)) -> Look {
    let (mut release, mut seen) = baking();
    release.watch.failed = vec!["GET /".to_owned()];
    change(&mut seen);
    loop {
        match decide(&release, &seen).then {
            Then::Record(Event::Looked { look, .. }) => return look,
            Then::Record(Event::Noted { note }) => release.notes.push(note),
            other => panic!("{other:?}"),
        }
    }
}

fn public(seen: &mut Observation) -> &mut PublicSeen {
    seen.public.as_mut().expect("it was asked for")
}

fn health(seen: &mut Observation) -> &mut HealthSeen {
    match &mut seen.green_health {
        Known::Known(health) => health,
        Known::Unknown(why) => panic!("{why}"),
    }
}

fn instances(seen: &mut Observation) -> impl Iterator<Item = &mut InstanceSeen> {
    health(seen).instances.values_mut()
}

fn unread<T>() -> Known<T> {
    Known::Unknown("Rate exceeded".to_owned())
}

/// A check that failed, with an answer or without one.
fn fail(seen: &mut Observation, status: Option<u16>) {
    let check = &mut public(seen).checks[0];
    (check.passed, check.status) = (false, status);
    check.failure = Some("not as it should be".to_owned());
}

fn basic(seen: &mut Observation, color: HealthColor) {
    let health = health(seen);
    (health.status, health.color, health.refreshed_at) = (None, color, None);
    health.instances.clear();
}

const GOOD: [(&str, Change); 6] = [
    ("nothing is wrong", |_| {}),
    ("a minor thing is worth a look", |seen| {
        health(seen).status = Some(HealthStatus::Info);
        instances(seen).for_each(|one| one.status = HealthStatus::Info);
    }),
    ("data just fresh enough", |seen| {
        health(seen).refreshed_at = Some(seen.at - seconds(40));
    }),
    ("one of two instances is well", |seen| {
        instances(seen).next().expect("two run").status = HealthStatus::Severe;
    }),
    ("basic health is green", |seen| basic(seen, HealthColor::Green)),
    ("the lists cannot be read", |seen| seen.environments = unread()),
];

const BAD: [(&str, Change); 24] = [
    ("GET /: not as it should be", |seen| fail(seen, Some(500))),
    ("GET /: failed", |seen| {
        fail(seen, Some(500));
        public(seen).checks[0].failure = None;
    }),
    ("GET /: not as it should be", |seen| {
        fail(seen, None);
        health(seen).served = Some(Served::well(0));
    }),
    ("GET /: not as it should be", |seen| {
        fail(seen, None);
        health(seen).served = None;
        seen.environments = unread();
    }),
    // Others get an answer, and so does this one: a bad one.
    ("GET /: not as it should be", |seen| {
        fail(seen, Some(500));
        health(seen).served = Some(Served::well(5));
    }),
    ("GET /: not as it should be", |seen| {
        fail(seen, None);
        health(seen).served = Some(Served::well(5));
        health(seen).status = Some(HealthStatus::Warning);
    }),
    ("GET /: not as it should be", |seen| {
        fail(seen, None);
        seen.green_health = unread();
    }),
    // An answer came, so the network is there.
    ("GET /: not as it should be", |seen| {
        fail(seen, Some(500));
        public(seen).slot_addresses = unread();
    }),
    ("its health is Yellow", |seen| basic(seen, HealthColor::Yellow)),
    ("its health is Red", |seen| basic(seen, HealthColor::Red)),
    ("its health is Warning", |seen| {
        health(seen).status = Some(HealthStatus::Warning);
    }),
    ("its health is Severe (80 % of requests fail.)", |seen| {
        health(seen).status = Some(HealthStatus::Severe);
        health(seen).causes = vec!["80 % of requests fail.".to_owned()];
    }),
    ("none of its instances is well with v2", |seen| {
        instances(seen).for_each(|one| one.status = HealthStatus::Severe);
    }),
    ("its health is Severe", |seen| {
        blue(seen, HealthStatus::Degraded);
        health(seen).status = Some(HealthStatus::Severe);
    }),
    ("its health is Warning", |seen| {
        blue(seen, HealthStatus::NoData);
        health(seen).status = Some(HealthStatus::Warning);
    }),
    ("its health is Severe", |seen| {
        // What was known of blue a while ago says nothing of now.
        blue(seen, HealthStatus::Severe);
        let long_ago = seen.at - seconds(41);
        if let Known::Known(blue) = &mut seen.blue_health {
            blue.refreshed_at = Some(long_ago);
        }
        health(seen).status = Some(HealthStatus::Severe);
    }),
    ("not as it should be", |seen| {
        sampled(seen, 10.0, 0.0);
        fail(seen, Some(500));
    }),
    ("not as it should be", |seen| {
        fail(seen, Some(500));
        beside(seen, true);
    }),
    // The other check is answered, so the way to green is there; and an answer says more than silence.
    ("GET /: not as it should be", |seen| {
        fail(seen, None);
        health(seen).served = Some(Served::well(5));
        second(seen, true, Some(200));
    }),
    ("GET /: not as it should be", |seen| {
        fail(seen, Some(500));
        public(seen).checks.insert(0, silent("GET /slow"));
    }),
    ("not as it should be", |seen| {
        sampled(seen, 0.0, 0.0);
        fail(seen, Some(500));
    }),
    ("none of its instances is well with v2", |seen| {
        instances(seen).for_each(|one| one.version = Some("v1".into()));
    }),
    // A quarter and more of the requests, and blue's do not fail.
    ("its health is Severe (30.0 % of the requests", |seen| {
        failing_requests(seen, HealthStatus::Severe, "30.0 %");
    }),
    // Not the requests alone; and who does not reach an instance is counted by none.
    ("its health is Degraded (5.9 % of the requests", |seen| {
        failing_requests(seen, HealthStatus::Degraded, "5.9 %");
        let causes = &mut health(seen).causes;
        causes.push("7.9 % of the requests to the ELB are failing with HTTP 5xx.".to_owned());
    }),
];

/// Green's health is bad for failed requests alone.
fn failing_requests(seen: &mut Observation, status: HealthStatus, share: &str) {
    let health = health(seen);
    health.status = Some(status);
    health.causes = vec![format!("{share} of the requests are failing with HTTP 5xx.")];
}

/// The same check at blue, right after green has failed it.
fn beside(seen: &mut Observation, passed: bool) {
    let public = public(seen);
    let mut check = public.checks[0].clone();
    (check.passed, check.status) = (passed, Some(if passed { 200 } else { 503 }));
    public.blue = vec![check];
}

/// A second check of the same look.
fn second(seen: &mut Observation, passed: bool, status: Option<u16>) {
    let mut check = silent("GET /second");
    (check.passed, check.status) = (passed, status);
    public(seen).checks.push(check);
}

/// A check to which no answer came.
fn silent(check: &str) -> ProbeResult {
    ProbeResult {
        check: check.to_owned(),
        passed: false,
        status: None,
        unreached: false,
        latency: Span::from_secs(5),
        address: None,
        failure: Some("no answer within 5 s".to_owned()),
    }
}

/// Blue's health as it was seen just now.
fn blue(seen: &mut Observation, status: HealthStatus) {
    let mut blue = health(seen).clone();
    blue.status = Some(status);
    seen.blue_health = Known::Known(blue);
}

/// Our own requests to blue meanwhile: how many, and how many of them failed.
fn sampled(seen: &mut Observation, requests: f64, failures: f64) {
    let blue = Probes {
        requests,
        failures,
        latencies_ms: Vec::new(),
    };
    seen.sampled = Some(Sampled {
        blue,
        ..Sampled::default()
    });
}

const UNKNOWN: [(&str, Change); 21] = [
    ("the fault may be on the way", |seen| {
        fail(seen, None);
        health(seen).served = Some(Served::well(5));
    }),
    ("the fault may be here", |seen| {
        fail(seen, None);
        public(seen).slot_addresses = unread();
    }),
    ("the fault may be here", |seen| {
        fail(seen, None);
        seen.environments = unread();
        seen.green_health = unread();
    }),
    ("its health could not be read: Rate exceeded", |seen| {
        seen.green_health = unread();
    }),
    ("its health is Grey", |seen| basic(seen, HealthColor::Grey)),
    ("stale", |seen| health(seen).refreshed_at = Some(seen.at - seconds(41))),
    ("stale", |seen| health(seen).refreshed_at = None),
    ("its health is NoData", |seen| {
        health(seen).status = Some(HealthStatus::NoData);
    }),
    ("its health is Pending (it starts)", |seen| {
        health(seen).status = Some(HealthStatus::Pending);
        health(seen).causes = vec!["it starts".to_owned()];
    }),
    ("no instance reports", |seen| health(seen).instances.clear()),
    (
        "but blue's is Degraded, so the fault may be what both depend on",
        |seen| {
            blue(seen, HealthStatus::Degraded);
            health(seen).status = Some(HealthStatus::Degraded);
        },
    ),
    ("but blue's is Severe", |seen| {
        blue(seen, HealthStatus::Severe);
        health(seen).status = Some(HealthStatus::Warning);
    }),
    ("but blue fails as well", |seen| {
        sampled(seen, 10.0, 5.0);
        fail(seen, Some(500));
    }),
    ("but blue fails as well", |seen| {
        sampled(seen, 16.0, 1.0);
        fail(seen, Some(500));
    }),
    ("but blue fails as well", |seen| {
        fail(seen, Some(500));
        beside(seen, false);
    }),
    // The health of the whole follows, and is compared with blue's.
    ("which its own health does not say yet", |seen| {
        instances(seen).for_each(|one| one.status = HealthStatus::Degraded);
    }),
    ("which its own health does not say yet", |seen| {
        instances(seen).for_each(|one| one.status = HealthStatus::NoData);
    }),
    ("which its own health does not say yet", |seen| {
        instances(seen).for_each(|one| one.status = HealthStatus::Severe);
        seen.blue_health = seen.green_health.clone();
    }),
    ("but blue's is Red", |seen| {
        basic(seen, HealthColor::Yellow);
        seen.blue_health = seen.green_health.clone();
        if let Known::Known(blue) = &mut seen.blue_health {
            blue.color = HealthColor::Red;
        }
    }),
    // Blue is below the threshold that green is above, both of one incident; or one request has failed by chance.
    (
        "Degraded (5.9 % of the requests are failing with HTTP 5xx.): whether that is more than blue had, its numbers will say",
        |seen| {
            blue(seen, HealthStatus::Warning);
            failing_requests(seen, HealthStatus::Degraded, "5.9 %");
        },
    ),
    ("its health is Warning (1.1 %", |seen| {
        failing_requests(seen, HealthStatus::Warning, "1.1 %");
    }),
];

/// Of a blue that somebody has removed, or is removing, it is no wonder that its checks fail and its health is bad.
#[test]
fn a_blue_that_is_gone_excuses_nothing() {
    let excuses: [Change; 5] = [
        |seen| {
            sampled(seen, 10.0, 5.0);
            fail(seen, Some(500));
        },
        |seen| {
            fail(seen, Some(500));
            beside(seen, false);
        },
        |seen| {
            blue(seen, HealthStatus::Degraded);
            health(seen).status = Some(HealthStatus::Degraded);
        },
        |seen| {
            basic(seen, HealthColor::Yellow);
            seen.blue_health = seen.green_health.clone();
        },
        |seen| {
            instances(seen).for_each(|one| one.status = HealthStatus::Severe);
            seen.blue_health = seen.green_health.clone();
        },
    ];
    for (number, excuse) in excuses.into_iter().enumerate() {
        let there = judged(excuse);
        assert!(matches!(there, Look::Unknown { .. }), "{number}: {there:?}");
        for status in [None, Some(crate::release::EnvironmentStatus::Terminating)] {
            let gone = judged(|seen| {
                excuse(seen);
                let Known::Known(environments) = &mut seen.environments else {
                    panic!("they are read");
                };
                let blue = crate::release::tests::blue().id;
                match status {
                    Some(status) => environments
                        .iter_mut()
                        .filter(|found| found.id == blue)
                        .for_each(|found| found.status = status),
                    None => environments.retain(|found| found.id != blue),
                }
            });
            let said = matches!(gone, Look::Bad { .. } | Look::Failing { .. });
            assert!(said, "{number} {status:?}: {gone:?}");
        }
    }
}

/// Why a failed check says nothing, and what is plainly wrong all the same.
#[test]
fn a_check_that_says_nothing_hides_nothing_that_is_plain() {
    let excuses: [Change; 3] = [
        |seen| {
            fail(seen, None);
            public(seen).slot_addresses = unread();
        },
        |seen| {
            sampled(seen, 10.0, 10.0);
            fail(seen, Some(301));
        },
        |_| {},
    ];
    let plain: [(&str, Change); 2] = [
        ("its health is Severe", |seen| {
            health(seen).status = Some(HealthStatus::Severe);
        }),
        ("its health is Red", |seen| basic(seen, HealthColor::Red)),
    ];
    for excuse in excuses {
        for (words, worse) in plain {
            let look = judged(|seen| {
                excuse(seen);
                worse(seen);
            });
            assert!(
                matches!(&look, Look::Bad { why } if why.contains(words)),
                "{words}: {look:?}"
            );
        }
    }
}

#[test]
fn a_look_is_good_bad_or_unknown() {
    for (what, change) in GOOD {
        assert_eq!(judged(change), Look::Good, "{what}");
    }
    for (words, change) in BAD {
        let look = judged(change);
        assert!(
            matches!(&look, Look::Bad { why } if why.contains(words)),
            "{words}: {look:?}"
        );
    }
    for (words, change) in UNKNOWN {
        let look = judged(change);
        assert!(
            matches!(&look, Look::Unknown { why } if why.contains(words)),
            "{words}: {look:?}"
        );
    }
}

/// A bake that began at a moment, and has had its last look.
fn between_looks() -> (Release, Observation, Timestamp) {
    let (mut release, mut seen) = baking();
    seen.public = None;
    let began = release.confirmed_at.expect("it bakes");
    release.watch.last = Some(began);
    release.watch.good_in_row = 1;
    (release, seen, began)
}

const INSTANT: Duration = Duration::from_millis(1);

#[test]
fn a_bake_is_over_when_its_time_is_and_the_last_look_was_good() {
    let (mut release, mut seen, began) = between_looks();
    let mut after = |release: &Release, gap, at| {
        seen.at = at;
        let mut release = release.clone();
        release.watch.last = Some(at - gap);
        matches!(decide(&release, &seen).then, Then::Record(Event::BakePassed { .. }))
    };
    assert!(after(&release, seconds(30) - INSTANT, began + seconds(60)));
    assert!(!after(&release, seconds(30), began + seconds(60)), "nobody has watched");
    let mut passes = |release: &Release, at| after(release, seconds(10), at);
    assert!(passes(&release, began + seconds(60)));
    assert!(!passes(&release, began + seconds(60) - INSTANT));
    release.watch.bad = 1;
    assert!(!passes(&release, began + seconds(600)), "green was bad lately");
    (release.watch.bad, release.watch.good_in_row) = (0, 0);
    assert!(!passes(&release, began + seconds(600)), "nobody knows how it is");
    release.watch.good_in_row = 1;
    release.watch.lost = seconds(25);
    assert!(passes(&release, began + seconds(85)));
    assert!(
        !passes(&release, began + seconds(85) - INSTANT),
        "lost time is made up for"
    );
}

#[test]
fn a_bake_without_an_answer_ends_with_a_person() {
    let (mut release, mut seen, began) = between_looks();
    release.watch.good_in_row = 0;
    for away in [0, 100] {
        release.watch.away = seconds(away);
        let deadline = began + seconds(660 + away);
        seen.at = deadline - INSTANT;
        assert!(matches!(decide(&release, &seen).then, Then::Wait { .. }));
        seen.at = deadline - seconds(1);
        let Then::Wait { deadline: told, .. } = decide(&release, &seen).then else {
            panic!("there is time left");
        };
        assert_eq!(told, deadline);
        seen.at = deadline;
        let Then::Finish { outcome, why, .. } = decide(&release, &seen).then else {
            panic!("the time is up");
        };
        assert_eq!(outcome, Outcome::NeedsHuman);
        assert!(why.contains("too little was seen"), "{why}");
        // A drill goes back in any case.
        let mut drill = release.clone();
        drill.plan.drill = Some(DrillKind::Rollback);
        let decision = decide(&drill, &seen);
        assert!(matches!(
            decision.then,
            Then::Record(Event::RollbackBegan {
                outcome: Outcome::RolledBack,
                ..
            })
        ));
    }
}

#[test]
fn the_next_look_is_an_interval_after_the_last() {
    let (release, mut seen, began) = between_looks();
    seen.at = began + seconds(4);
    let decision = decide(&release, &seen);
    let wanted = Why::Baking {
        until: began + seconds(60),
        doubt: None,
    };
    assert_eq!(decision.why, wanted);
    assert!(matches!(decision.then, Then::Wait { until, .. } if until == began + seconds(10)));
}

#[test]
fn green_is_taken_back_at_the_last_straw() {
    let (mut release, mut seen, began) = between_looks();
    seen.at = began + seconds(4);
    let mut taken_back = |bad| {
        release.watch.bad = bad;
        matches!(decide(&release, &seen).then, Then::Record(Event::RollbackBegan { .. }))
    };
    assert!(!taken_back(1));
    assert!(taken_back(2));
    assert!(taken_back(3));
}

/// Where everything takes longer than the interval between looks, a look is always due.
#[test]
fn slow_looks_do_not_keep_a_release_from_its_end() {
    for (breaks, right) in [(None, Outcome::Promoted), (Some(seconds(90)), Outcome::RolledBack)] {
        let mut run = Run::new(1);
        run.world.quality.breaks = breaks;
        let slow = run.release.plan.bake.interval.get() * 2;
        let mut steps = 0;
        while let Some(then) = run.next() {
            run.carry_out(then);
            if run.release.shifted_at.is_some() {
                run.world.pass(slow);
            }
            steps += 1;
            assert!(
                steps < 2000,
                "it is still in phase {} after {steps} steps",
                run.release.phase
            );
        }
        assert_eq!(run.outcome(), right);
    }
}

#[test]
fn a_look_goes_before_the_phase_but_not_twice_in_a_row() {
    let (mut release, seen) = baking();
    release.confirmed_at = Some(seen.at - release.plan.bake.duration.get());
    release.watch.good_in_row = 1;
    release.watch.last = Some(seen.at - release.plan.bake.interval.get());
    release.watch.entry = release.sequence - 1;
    assert!(matches!(
        decide(&release, &seen).then,
        Then::Record(Event::Looked { .. })
    ));
    release.watch.entry = release.sequence;
    assert!(matches!(
        decide(&release, &seen).then,
        Then::Record(Event::BakePassed { .. })
    ));
    // Where the phase has nothing to do, nothing is in the way of the look.
    release.confirmed_at = Some(seen.at);
    assert!(matches!(
        decide(&release, &seen).then,
        Then::Record(Event::Looked { .. })
    ));
    // Too many bad looks go before everything.
    release.confirmed_at = Some(seen.at - release.plan.bake.duration.get());
    release.watch.bad = release.plan.bake.fail;
    assert!(matches!(
        decide(&release, &seen).then,
        Then::Record(Event::RollbackBegan { .. })
    ));
}

#[test]
fn silence_is_no_health_and_a_bake_does_not_end_in_it() {
    let mut asked = plan();
    asked.bake.min_requests = 1_000_000;
    let run = Run::of(asked.clone(), 1).finish();
    run.ends(Outcome::NeedsHuman);
    assert!(run.why().contains("1000000 are wanted"), "{}", run.why());
    asked.verdict.at_deadline = AtDeadline::RollBack;
    Run::of(asked, 1).finish().ends(Outcome::RolledBack);
    Run::of(plan(), 1).finish().ends(Outcome::Promoted);
}

#[test]
fn a_step_ends_early_when_green_was_shown_to_be_no_worse() {
    let mut asked = gradual(Lever::WeightedTargetGroups);
    asked.verdict.promotion = Policy::default().promotion.map(|promotion| Promotion {
        minimum_bake_s: 20.0,
        ..promotion
    });
    let mut run = Run::of(asked, 1).until(Phase::Bake, 10);
    run.world.pass(seconds(1));
    let wanted = looks(&run.release, run.world.now);
    let seen = run.world.observe(&run.release, &wanted);
    let compared = |release: &Release, step: u32, errors: f64| {
        let mut release = release.clone();
        release.watch.last = Some(seen.at);
        (release.watch.bad, release.watch.good_in_row) = (0, 1);
        let arm = |errors| Arm {
            requests: Some(50_000.0),
            errors: Some(errors),
            ..Arm::default()
        };
        for nth in 1..=9 {
            let end_s = 100_000.0 + f64::from(nth) * 10.0;
            release.assessment.take(&Measured {
                window: Window {
                    begin_s: end_s - 10.0,
                    end_s,
                    step: if nth < 3 { 0 } else { step },
                    blue: arm(50.0),
                    green: arm(errors),
                },
                ..Measured::nothing()
            });
        }
        release
    };
    let passes = |release: &Release| {
        let decision = decide(release, &seen);
        let passed = matches!(decision.then, Then::Record(Event::BakePassed { .. }));
        passed && decision.why.to_string().contains("passes early")
    };
    let good = compared(&run.release, 1, 50.0);
    assert!(passes(&good), "{:?}", decide(&good, &seen));
    assert!(!passes(&compared(&run.release, 1, 130.0)), "it is worse");
    assert!(!passes(&run.release), "nothing was shown");
    let mut bad = good.clone();
    bad.watch.bad = 1;
    assert!(!passes(&bad), "a look says otherwise");
    let mut unseen = good.clone();
    for (began, passed) in [(seen.at, false), (seen.at - seconds(1), true)] {
        unseen.phase_since = began;
        assert_eq!(
            passes(&unseen),
            passed,
            "looked at when the shift was confirmed, or since"
        );
    }
    // What was shown in one step says nothing of the next, and nothing is compared once green has everything.
    let mut next = good.clone();
    next.step = 1;
    assert!(!passes(&next));
    next.step = next.plan.step_count() - 1;
    let last = compared(&next, u32::try_from(next.step).unwrap() + 1, 50.0);
    assert!(!passes(&last));
}
