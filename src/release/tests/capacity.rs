//! Blue is kept from shrinking while users may have to go back to it, and has its own limits again afterwards.

use super::faults::Fate;
use super::plan::{gradual, plan};
use super::run::{GREEN, Run};
use super::scene::{Scene, act, known, over, unread, wait};
use super::world::{BLUE, Effect, seconds};
use crate::model::{InstanceId, Known, Span, Timestamp};
use crate::release::{
    Action, CallResult, CapacitySeen, EnvironmentStatus, Event, GroupSeen, Limits, Outcome, Phase, limits,
};
use crate::spec::{AtDrainDeadline, Lever};

const LEVERS: [Lever; 3] = [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups];

/// Blue may run 2 to 4 instances and runs 4. Auto Scaling takes one every ten seconds from whoever has nothing to do.
fn busy(lever: Lever) -> Run {
    let plan = match lever {
        Lever::CnameSwap => plan(),
        _ => gradual(lever),
    };
    let mut run = Run::of(plan, 1);
    run.world.find(&BLUE.into()).expect("blue is there").running = 4;
    run.world.later(seconds(10), Effect::Shrinks(seconds(10)));
    run
}

fn limits_of(id: &str, min_instances: u32, max_instances: u32) -> Action {
    Action::RestoreCapacity {
        environment: id.into(),
        min_instances,
        max_instances,
    }
}

fn held() -> Action {
    limits_of(BLUE, 4, 4)
}

fn own() -> Action {
    limits_of(BLUE, 2, 4)
}

fn moves(scene: &Scene) -> bool {
    matches!(act(&scene.decide()), Action::Swap { .. } | Action::Weigh { .. })
}

/// Just before green gets its first traffic.
fn before(lever: Lever) -> Scene {
    Scene::of(&mut busy(lever).until(Phase::Shift, 0))
}

#[test]
fn users_who_come_back_find_as_many_instances_as_they_left() {
    for lever in LEVERS {
        let mut run = busy(lever);
        run.world.quality.breaks = Some(seconds(30));
        let mut least = u32::MAX;
        while run.step() {
            let blue = run.world.get(&BLUE.into()).expect("blue stays");
            if run.release.shifted_at.is_some()
                && run
                    .release
                    .rollback
                    .as_ref()
                    .is_none_or(|back| back.restored_at.is_none())
            {
                least = least.min(blue.running);
            }
        }
        run.ends(Outcome::RolledBack);
        assert_eq!(least, 4, "{lever}");
        let blue = run.world.get(&BLUE.into()).expect("blue stays");
        assert_eq!(
            (blue.min_instances, blue.max_instances),
            (2, 4),
            "{lever}: it has its own limits again"
        );
        assert!(!run.why().contains("MinSize"), "{}", run.why());
    }
}

#[test]
fn a_blue_that_nobody_holds_has_shrunk_by_then() {
    let mut run = busy(Lever::CnameSwap);
    run.release.plan.rollback.hold_blue = false;
    run.world.quality.breaks = Some(seconds(30));
    while run.step() {}
    run.ends(Outcome::RolledBack);
    let told = |event: &Event| matches!(event, Event::Intended { action } if *action == held() || *action == own());
    assert!(!run.entries.iter().any(|entry| told(&entry.event)));
    assert!(run.world.get(&BLUE.into()).expect("blue stays").running < 4);
}

#[test]
fn blue_is_held_once_all_else_is_fit_and_before_the_first_traffic() {
    for lever in LEVERS {
        let fit = before(lever);
        assert_eq!(act(&fit.decide()), &held(), "{lever}");
        let sick = fit
            .with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Updating)
            .noted();
        wait(&sick.decide());
        // What it runs now counts, and where that cannot be seen, what it ran at first.
        let more = fit.with(|scene| {
            let mut health = known(&mut scene.seen.green_health).clone();
            let one = health.instances.values().next().expect("green has some").clone();
            health.instances = (0..4)
                .map(|at| (InstanceId::new(format!("i-{at}")), one.clone()))
                .collect();
            scene.release.blue.as_mut().expect("it is known").running = 3;
            scene.seen.blue_health = Known::Known(health);
            scene.attempts(&limits_of(GREEN, 4, 4).key()).done = true;
        });
        assert_eq!(act(&more.decide()), &held(), "{lever}");
        assert_eq!(
            act(&fit.with(|scene| scene.seen.blue_health = unread()).decide()),
            &held()
        );
        // Told once, it is waited for until it is at rest.
        let told = fit.with(|scene| scene.attempts(&held().key()).done = true);
        assert!(moves(&told), "{lever}");
        let resting = told.with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Updating);
        wait(&resting.noted().decide());
        // There is nothing to hold.
        let small = fit.with(|scene| {
            scene.seen.blue_health = unread();
            let blue = scene.release.blue.as_mut().expect("it is known");
            blue.min_instances = 4;
        });
        assert!(moves(&small), "{lever}");
        assert!(
            moves(&fit.with(|scene| scene.release.plan.rollback.hold_blue = false)),
            "{lever}"
        );
    }
}

#[test]
fn a_blue_that_cannot_be_held_is_noted_and_keeps_nobody_from_a_good_version() {
    let mut run = busy(Lever::CnameSwap);
    run.world.faults.always.insert("restore capacity", Fate::Refused);
    let run = run.finish();
    run.ends(Outcome::Promoted);
    let noted: Vec<_> = run
        .release
        .notes
        .iter()
        .filter(|note| note.contains("shrinking"))
        .collect();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(
        noted[0].contains("blue (e-blue)") && noted[0].contains("AccessDenied"),
        "{noted:?}"
    );
}

/// All is back on blue, which was told to run more than its own minimum.
fn back() -> Scene {
    let mut run = busy(Lever::CnameSwap);
    run.world.quality.breaks = Some(seconds(30));
    let mut run = run.until(Phase::RollBack, 0);
    while run
        .release
        .rollback
        .as_ref()
        .is_none_or(|back| back.restored_at.is_none())
    {
        assert!(run.step());
    }
    Scene::of(&mut run)
}

fn restored(run: &Run) -> Option<Timestamp> {
    run.release.rollback.as_ref().and_then(|back| back.restored_at)
}

#[test]
fn blue_does_not_shrink_while_its_users_come_back() {
    for lever in LEVERS {
        for end_wait in [false, true] {
            let mut run = busy(lever);
            // The last minutes are what it looks at, and in those blue had nothing to do.
            run.world.alarms_lag = seconds(300);
            run.world.quality.breaks = Some(seconds(400));
            for step in &mut run.release.plan.steps {
                step.bake = Some(Span::from_secs(600));
            }
            run.release.plan.bake.duration = Span::from_secs(600);
            let mut least = u32::MAX;
            while run.step() {
                let Some(since) = restored(&run) else { continue };
                run.release.wishes.end_wait |= end_wait;
                if run.world.now < since + limits::REPLACE {
                    least = least.min(run.world.get(&BLUE.into()).expect("blue stays").running);
                }
            }
            run.ends(Outcome::RolledBack);
            assert_eq!(least, 4, "{lever}, {end_wait}");
            let blue = run.world.get(&BLUE.into()).expect("blue stays");
            assert_eq!((blue.min_instances, blue.max_instances), (2, 4), "{lever}, {end_wait}");
            assert!(!run.exists(GREEN) && run.release.left.is_none(), "{}", run.why());
        }
    }
}

#[test]
fn blue_has_its_own_limits_again_once_its_users_are_back() {
    let gone = back().with(|scene| {
        scene.attempts("terminate").done = true;
        scene.remove(GREEN);
        scene.environment(BLUE).status = EnvironmentStatus::Ready;
    });
    let since = gone.release.rollback.as_ref().and_then(|back| back.restored_at);
    let since = since.expect("it is");
    let drain = &gone.release.plan.drain;
    let from = since + drain.dns_ttl.get() * drain.factor + limits::REPLACE;
    assert_eq!(wait(&gone.decide()).1, from);
    assert_eq!(wait(&gone.at(from - seconds(1)).decide()).1, from);
    // Somebody has made answers last for an hour since.
    let hour = seconds(3600);
    let raised = gone.with(|scene| scene.release.kept_for = Some(Span::from_secs(3600)));
    assert_eq!(wait(&raised.decide()).1, since + hour * drain.factor + limits::REPLACE);
    let rest = gone.at(from);
    assert_eq!(act(&rest.decide()), &own());
    // Nobody ever left it.
    let stayed = gone.with(|scene| scene.release.shift_intended = false);
    assert_eq!(act(&stayed.decide()), &own());
    // A call of which nobody knows whether it has happened is taken back as well.
    let doubtful = rest.with(|scene| {
        let attempts = scene.attempts(&held().key());
        (attempts.done, attempts.failed) = (false, 1);
    });
    assert_eq!(act(&doubtful.decide()), &own());
    let busy = rest.with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Updating);
    assert_eq!(wait(&busy.decide()).1, from + limits::TERMINATE);
    assert_eq!(act(&busy.at(from + limits::TERMINATE).decide()), &own());
    for settled in [
        rest.with(|scene| scene.attempts(&own().key()).done = true),
        rest.with(|scene| scene.attempts(&own().key()).fatal = true),
        rest.with(|scene| scene.attempts(&own().key()).failed = limits::ATTEMPTS),
        rest.with(|scene| {
            scene.release.attempts.remove(&held().key());
        }),
    ] {
        assert!(matches!(act(&settled.decide()), Action::Prune { .. }));
        // Nor is anything waited for that is not to be done.
        assert!(matches!(act(&settled.at(since).decide()), Action::Prune { .. }));
    }
}

/// Everything that an environment was told to run.
fn told(run: &Run, id: &str) -> Vec<(u32, u32)> {
    let told = run.entries.iter().filter_map(|entry| match &entry.event {
        Event::Intended {
            action:
                Action::RestoreCapacity {
                    environment,
                    min_instances,
                    max_instances,
                },
        } if environment.as_str() == id => Some((*min_instances, *max_instances)),
        _ => None,
    });
    told.collect()
}

#[test]
fn no_instance_is_ended_by_limits_that_are_given_back() {
    for lever in LEVERS {
        for breaks in [false, true] {
            let mut run = busy(lever);
            let blue = run.world.find(&BLUE.into()).expect("blue is there");
            // By day, a scheduled action lets its group run more than its configuration knows of.
            (blue.running, blue.scheduled) = (10, Some((8, 20)));
            run.world.quality.breaks = breaks.then(|| seconds(30));
            let run = run.finish();
            run.ends(if breaks { Outcome::RolledBack } else { Outcome::Promoted });
            let (id, ran) = if breaks { (BLUE, 10) } else { (GREEN, 10) };
            let one = run.world.get(&id.into()).expect("it stays");
            assert_eq!(
                (one.running, one.min_instances),
                (ran, 2),
                "{lever}: {:?}",
                told(&run, id)
            );
            for id in [BLUE, GREEN] {
                assert!(told(&run, id).iter().all(|(_, most)| *most >= 10), "{lever}");
            }
            assert!(run.release.notes.iter().any(|note| note.contains("8 to 20")));
            assert!(run.release.left.is_none(), "{}", run.why());
        }
    }
}

#[test]
fn limits_that_somebody_else_has_set_are_left_and_told() {
    // Green's, which carries everything; and blue's, which does again.
    for (phase, id, scheduled) in [
        (Phase::Retire, GREEN, false),
        (Phase::Retire, GREEN, true),
        (Phase::RollBack, BLUE, false),
        (Phase::RollBack, BLUE, true),
    ] {
        let mut run = busy(Lever::CnameSwap);
        run.world.quality.breaks = (id == BLUE).then(|| seconds(30));
        let mut run = run.until(phase, 0);
        let before = told(&run, id).len();
        let one = run.world.find(&id.into()).expect("it is there");
        if scheduled {
            one.scheduled = Some((4, 12));
        } else {
            one.max_instances = 12;
        }
        while run.step() {}
        run.ends(if id == BLUE {
            Outcome::RolledBack
        } else {
            Outcome::Promoted
        });
        let one = run.world.get(&id.into()).expect("it stays");
        let capacity = one.capacity();
        assert_eq!(capacity.group.limits.to_string(), "4 to 12");
        assert_eq!(told(&run, id).len(), before + 1, "it was meant once, and not made");
        let noted = run.release.notes.iter().filter(|note| note.contains("4 to 12"));
        assert_eq!(noted.count(), 1, "{:?}", run.release.notes);
        let left = run.release.left.clone().unwrap_or_default();
        assert!(left.contains(id) && left.contains("somebody else"), "{left}");
        assert!(!left.contains("by hand"), "{left}");
    }
}

#[test]
fn a_blue_that_somebody_else_has_enlarged_is_not_held_lower() {
    let mut run = busy(Lever::CnameSwap).until(Phase::Shift, 0);
    run.world.find(&BLUE.into()).expect("blue is there").max_instances = 12;
    let run = run.finish();
    run.ends(Outcome::Promoted);
    assert_eq!(told(&run, BLUE).len(), 1);
    let note = run.release.notes.iter().find(|note| note.contains("shrinking"));
    assert!(
        note.is_some_and(|note| note.contains("2 to 12")),
        "{:?}",
        run.release.notes
    );
}

#[test]
fn limits_are_set_only_where_nothing_is_lost_by_it() {
    let release = back().release;
    let limits = |min_instances, max_instances| Limits {
        min_instances,
        max_instances,
    };
    let asked = |configured, group, running| {
        let group = GroupSeen { limits: group, running };
        release.fit_to_resize(&BLUE.into(), limits(2, 4), &CapacitySeen { configured, group })
    };
    let (own, held) = (limits(2, 4), limits(4, 4));
    for known in [own, held] {
        assert_eq!(asked(known, known, 4), Ok(()));
    }
    for (configured, group) in [(limits(4, 12), held), (held, limits(8, 20)), (limits(3, 4), held)] {
        let refused = asked(configured, group, 4).unwrap_err();
        assert!(
            matches!(&refused, CallResult::Refused { retryable: false, message } if message.contains("left as it is")),
            "{refused:?}"
        );
    }
    let refused = asked(held, held, 5).unwrap_err();
    assert!(
        matches!(&refused, CallResult::Refused { retryable: true, message } if message.contains("end some")),
        "{refused:?}"
    );
}

#[test]
fn what_could_not_be_given_back_is_told_in_the_last_words() {
    let mut run = busy(Lever::CnameSwap);
    run.world.quality.breaks = Some(seconds(30));
    let mut run = run.until(Phase::Bake, 0);
    run.world.faults.always.insert("restore capacity", Fate::Refused);
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    let words = "set its MinSize to 2 and its MaxSize to 4 by hand";
    assert_eq!(run.why().matches(words).count(), 1, "{}", run.why());
    assert!(run.release.left.as_ref().is_some_and(|left| left.contains(words)));
    // However it ends.
    let lost = back().with(|scene| {
        scene.release.blue.as_mut().expect("it is known").running = 4;
        scene.release.rollback.as_mut().expect("it is rolling back").restored_at = None;
        scene.remove(BLUE);
    });
    let decision = lost.lasting();
    assert!(over(&decision).0.contains(words), "{decision:?}");
}

#[test]
fn a_blue_that_is_kept_has_its_own_limits_again() {
    for keep in [true, false] {
        let mut run = busy(Lever::CnameSwap);
        if keep {
            run.world.linger = std::time::Duration::from_secs(1_000_000);
            run.release.plan.drain.at_deadline = AtDrainDeadline::Keep;
        }
        let run = run.finish();
        run.ends(Outcome::Promoted);
        let told = |wanted: &Action| {
            let told = |event: &Event| matches!(event, Event::Intended { action } if action == wanted);
            run.entries.iter().filter(|entry| told(&entry.event)).count()
        };
        assert_eq!((told(&held()), told(&own())), (1, usize::from(keep)));
        assert_eq!(run.exists(BLUE), keep);
        assert!(!run.why().contains("MinSize"), "{}", run.why());
    }
}
