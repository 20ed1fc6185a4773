//! What exactly counts, one thing changed at a time.

use super::plan::plan;
use super::run::Run;
use super::world::{BLUE, Quality, seconds};
use crate::model::{HealthStatus, Known, Served, Span};
use crate::release::{
    Action, EnvironmentStatus, Event, Look, Observation, Outcome, Phase, Release, Then, Up, decide, looks,
};

/// One change to what is seen.
type Change = (&'static str, fn(&mut Observation));

fn health(seen: &mut Observation) -> &mut crate::release::HealthSeen {
    match &mut seen.green_health {
        Known::Known(health) => health,
        Known::Unknown(why) => panic!("{why}"),
    }
}

fn environment<'a>(seen: &'a mut Observation, id: &str) -> &'a mut crate::release::EnvironmentSeen {
    match &mut seen.environments {
        Known::Known(list) => list.iter_mut().find(|one| one.id.as_str() == id).expect("it is listed"),
        Known::Unknown(why) => panic!("{why}"),
    }
}

fn first_instance(seen: &mut Observation) -> &mut crate::release::InstanceSeen {
    health(seen).instances.values_mut().next().expect("one runs")
}

/// Everything that keeps green from being up, or from being given traffic.
const NOT_UP: [Change; 9] = [
    ("updating", |seen| {
        environment(seen, "e-green").status = EnvironmentStatus::Updating;
    }),
    ("without a name", |seen| environment(seen, "e-green").cname = None),
    ("not well", |seen| health(seen).status = Some(HealthStatus::Warning)),
    ("not seen lately", |seen| {
        health(seen).refreshed_at = Some(seen.at - seconds(41));
    }),
    ("never seen", |seen| health(seen).refreshed_at = None),
    ("too small", |seen| drop(health(seen).instances.pop_first())),
    ("with a sick instance", |seen| {
        first_instance(seen).status = HealthStatus::Degraded;
    }),
    ("with an old instance", |seen| {
        first_instance(seen).version = Some("v1".into());
    }),
    ("out of sight", |seen| {
        seen.green_health = Known::Unknown("no".to_owned());
    }),
];

fn look(run: &mut Run) -> Observation {
    let wanted = looks(&run.release, run.world.now);
    run.world.observe(&run.release, &wanted)
}

fn up(release: &Release, seen: &Observation) -> bool {
    matches!(
        decide(release, seen).then,
        Then::Record(Event::GreenUp { up: true, .. } | Event::GreenReady { .. })
    )
}

#[test]
fn green_is_up_when_nothing_is_missing() {
    let mut run = Run::new(1).until(Phase::Provision, 0);
    while run.release.up_since.is_none() {
        assert!(run.step());
    }
    run.release.up_since = None;
    let seen = look(&mut run);
    assert!(up(&run.release, &seen));
    let more: [Change; 3] = [
        ("without an address", |seen| {
            environment(seen, "e-green").endpoint = None;
        }),
        ("with another version", |seen| {
            environment(seen, "e-green").version = Some("v1".into());
        }),
        ("with unread events", |seen| {
            seen.errors = Known::Unknown("no".to_owned());
        }),
    ];
    for (what, change) in NOT_UP.into_iter().chain(more) {
        let mut changed = seen.clone();
        change(&mut changed);
        assert!(!up(&run.release, &changed), "a green {what} is not up");
    }
}

#[test]
fn green_is_ready_when_it_was_up_and_seen_for_long_enough() {
    let mut run = Run::new(1).until(Phase::Provision, 0);
    while run.release.up_since.is_none() {
        assert!(run.step());
    }
    let seen = look(&mut run);
    let mut ready = |since, last| {
        run.release.up_since = Some(Up {
            since: seen.at - seconds(since),
            seen: seen.at - seconds(last),
        });
        matches!(decide(&run.release, &seen).then, Then::Record(Event::GreenReady { .. }))
    };
    assert!(ready(20, 10));
    assert!(ready(1000, 40));
    assert!(!ready(19, 0), "not long enough");
    assert!(!ready(1000, 41), "not seen for too long");
}

#[test]
fn traffic_is_given_only_when_nothing_is_missing() {
    let mut run = Run::new(1).until(Phase::Shift, 0);
    let seen = look(&mut run);
    let swaps = |seen: &Observation| matches!(decide(&run.release, seen).then, Then::Act(Action::Swap { .. }));
    assert!(swaps(&seen));
    let more: [Change; 3] = [
        ("whose blue is updating", |seen| {
            environment(seen, BLUE).status = EnvironmentStatus::Updating;
        }),
        ("whose blue holds another name", |seen| {
            environment(seen, BLUE).cname = Some("other".to_owned());
        }),
        ("that cannot be listed", |seen| {
            seen.environments = Known::Unknown("no".to_owned());
        }),
    ];
    for (what, change) in NOT_UP.into_iter().chain(more) {
        let mut changed = seen.clone();
        change(&mut changed);
        assert!(!swaps(&changed), "a green {what} gets no traffic");
    }
}

fn blue_health(seen: &mut Observation) -> &mut crate::release::HealthSeen {
    match &mut seen.blue_health {
        Known::Known(health) => health,
        Known::Unknown(why) => panic!("{why}"),
    }
}

const NOT_SILENT: [Change; 4] = [
    ("with requests", |seen| blue_health(seen).served = Some(Served::well(1))),
    ("with requests nobody counts", |seen| blue_health(seen).served = None),
    ("not seen lately", |seen| {
        blue_health(seen).refreshed_at = Some(seen.at - seconds(41));
    }),
    ("out of sight", |seen| {
        seen.blue_health = Known::Unknown("no".to_owned());
    }),
];

#[test]
fn blue_is_silent_only_when_that_was_seen() {
    let mut run = Run::new(1).until(Phase::Drain, 0);
    run.release.quiet_since = None;
    run.world.pass(seconds(60));
    let mut seen = look(&mut run);
    // What is told of green is not the question here.
    seen.public = None;
    let quiet = |seen: &Observation| {
        matches!(
            decide(&run.release, seen).then,
            Then::Record(Event::Quiet { quiet: true, .. })
        )
    };
    assert!(quiet(&seen));
    for (what, change) in NOT_SILENT {
        let mut changed = seen.clone();
        change(&mut changed);
        assert!(!quiet(&changed), "a blue {what} is not silent");
    }
}

#[test]
fn blue_is_removed_only_when_it_is_silent_and_green_is_well() {
    let mut run = Run::new(1).until(Phase::Retire, 0);
    run.world.pass(seconds(60));
    let mut seen = look(&mut run);
    seen.public = None;
    let ends = |release: &Release, seen: &Observation| {
        matches!(decide(release, seen).then, Then::Act(Action::Terminate { .. }))
    };
    assert!(ends(&run.release, &seen));
    let more: [Change; 1] = [("being changed", |seen| {
        environment(seen, BLUE).status = EnvironmentStatus::Updating;
    })];
    for (what, change) in NOT_SILENT.into_iter().chain(more) {
        let mut changed = seen.clone();
        change(&mut changed);
        assert!(!ends(&run.release, &changed), "a blue {what} is not removed");
    }
    let mut doubtful = run.release.clone();
    doubtful.watch.bad = 1;
    assert!(!ends(&doubtful, &seen), "green was bad lately");
    let mut unseen = run.release.clone();
    unseen.watch.good_in_row = 0;
    assert!(!ends(&unseen, &seen), "it is not known whether green is well");
}

#[test]
fn old_answers_run_out_before_anything_counts_as_drained() {
    for basic in [false, true] {
        let mut plan = plan();
        plan.drain.factor = 10;
        let mut run = Run::of(plan, 1);
        run.world.basic = basic;
        run.world.linger = seconds(0);
        // The check in the run itself says whether that was too early.
        run.finish().ends(Outcome::Promoted);
    }
}

#[test]
fn as_many_bad_looks_as_are_set_take_green_back() {
    for fail in [1, 2, 4] {
        let mut plan = plan();
        plan.bake.fail = fail;
        plan.bake.duration = Span::from_secs(200);
        let mut run = Run::of(plan, 1);
        run.world.quality.breaks = Some(seconds(60));
        let run = run.finish();
        run.ends(Outcome::RolledBack);
        let bad = |event: &Event| {
            matches!(
                event,
                Event::Looked {
                    look: Look::Bad { .. },
                    ..
                }
            )
        };
        let looks = run.entries.iter().filter(|entry| bad(&entry.event)).count();
        assert_eq!(looks, fail as usize);
    }
}

#[test]
fn a_short_fault_is_forgiven_and_makes_the_bake_longer() {
    let passed = |breaks: Option<u64>| {
        let mut run = Run::new(1);
        run.world.quality = Quality {
            breaks: breaks.map(seconds),
            mends: Some(seconds(10)),
            ..Quality::default()
        };
        let run = run.finish();
        run.ends(Outcome::Promoted);
        let bad = run.has(|event| {
            matches!(
                event,
                Event::Looked {
                    look: Look::Bad { .. },
                    ..
                }
            )
        });
        run.require(bad == breaks.is_some(), "one look was bad");
        let began = run.at(|event| matches!(event, Event::ShiftConfirmed { .. }));
        run.at(|event| matches!(event, Event::BakePassed { .. })).since(began)
    };
    let whole = passed(None);
    for breaks in (25..75).step_by(5) {
        assert!(passed(Some(breaks)) >= whole + seconds(8), "{breaks}");
    }
}

#[test]
fn two_faults_far_from_each_other_are_forgiven_and_two_close_ones_are_not() {
    let mut run = Run::new(1).until(Phase::Bake, 1);
    let mut bad = |good_between: u32| {
        let mut release = run.release.clone();
        let mut looks = vec![Look::Bad { why: "no".to_owned() }];
        looks.extend((0..good_between).map(|_| Look::Good));
        looks.push(Look::Bad { why: "no".to_owned() });
        for look in looks {
            run.world.pass(seconds(10));
            release = run.then(release, Event::Looked { look, measured: None });
        }
        release.watch.bad
    };
    assert_eq!(bad(0), 2);
    assert_eq!(bad(2), 2);
    assert_eq!(bad(3), 1);
}

#[test]
fn limits_are_set_back_when_green_is_at_rest() {
    let mut run = Run::new(1).when(
        Phase::Retire,
        100,
        super::run::Deed::Foreign(super::world::Foreign::UpdateGreen(400)),
    );
    run.world.find(&BLUE.into()).expect("blue is there").running = 3;
    let run = run.finish();
    run.ends(Outcome::Promoted);
    assert_eq!(
        run.tries("restore capacity"),
        2,
        "blue was held, and green had its limits once"
    );
    assert!(!run.why().contains("MinSize"), "{}", run.why());
}
