//! Blue's last time, and what is cleaned up after it: what is waited for, until when, and what is said of what is left.

use super::run::GREEN;
use super::scene::{INSTANT, Scene, act, known, over, record, taken_back, unread, wait};
use super::world::{BLUE, seconds};
use crate::model::{Known, Served, Timestamp};
use crate::release::{
    Action, Attempts, Blue, Decision, EnvironmentStatus, Event, HealthSeen, Outcome, Phase, Role, Why, limits,
};
use crate::spec::AtDrainDeadline;

/// A retire that has just begun, between two looks at green. Blue is kept warm for 60 s; what must hold then may take 300 s.
fn warm() -> Scene {
    let mut run = super::run::Run::new(1).until(Phase::Drain, 0);
    run.world.pass(seconds(60));
    let mut run = run.until(Phase::Retire, 0);
    run.world.pass(seconds(30));
    Scene::of(&mut run).with(|scene| {
        scene.seen.public = None;
        scene.release.drained.as_mut().expect("it is drained").at = scene.began();
    })
}

/// The same when blue has been warm for long enough.
fn cold() -> (Scene, Timestamp) {
    let scene = warm();
    let until = scene.began() + seconds(60);
    (scene.at(until), until)
}

fn blue(scene: &mut Scene) -> &mut Blue {
    scene.release.blue.as_mut().expect("it is known")
}

fn blue_health(scene: &mut Scene) -> &mut HealthSeen {
    known(&mut scene.seen.blue_health)
}

fn ends_blue(decision: &Decision) -> bool {
    matches!(act(decision), Action::Terminate { environment, role: Role::Blue } if environment.as_str() == BLUE)
}

fn kept(decision: &Decision) -> &str {
    match record(decision) {
        Event::Drained {
            how,
            remove_blue: false,
        } => how,
        other => panic!("blue is not kept: {other:?}"),
    }
}

/// Blue is gone, as it was told.
fn gone() -> Scene {
    let (scene, at) = cold();
    scene.with(|scene| {
        *scene.attempts("terminate") = Attempts {
            done: true,
            last: at,
            ..Attempts::default()
        };
        scene.remove(BLUE);
    })
}

#[test]
fn blue_is_kept_warm_for_a_while() {
    let (scene, until) = cold();
    assert!(ends_blue(&scene.decide()));
    for (before, next) in [(20, 10), (4, 4)] {
        let early = scene.at(until - seconds(before));
        let decision = early.decide();
        assert_eq!(decision.why, Why::KeepingBlue { until });
        assert_eq!(wait(&decision), (early.seen.at + seconds(next), until));
        let impatient = early.with(|scene| scene.release.wishes.end_wait = true);
        assert!(ends_blue(&impatient.decide()), "nobody wants to wait");
    }
    let last = scene.at(until - INSTANT).decide();
    assert_eq!(last.why, Why::KeepingBlue { until });
}

#[test]
fn the_way_back_is_not_given_away_in_doubt() {
    let (scene, until) = cold();
    let deadline = until + seconds(300);
    for change in [(|scene| scene.release.watch.bad = 1) as fn(&mut Scene), |scene| {
        scene.release.watch.good_in_row = 0;
    }] {
        let doubtful = scene.with(change).with(|scene| {
            scene.release.watch.last = Some(until - seconds(3));
            scene.release.watch.doubt = Some("its health is Grey".to_owned());
        });
        let early = doubtful.decide();
        assert!(
            matches!(early.why, Why::Baking { until, .. } if until == deadline),
            "{early:?}"
        );
        assert_eq!(wait(&early), (until + seconds(7), deadline));
        wait(&doubtful.at(deadline - INSTANT).decide());
        let decision = doubtful.at(deadline).decide();
        assert_eq!(kept(&decision), "it is in doubt that green is well: its health is Grey");
    }
    let bad = scene.with(|scene| scene.release.watch.bad = 2);
    assert_eq!(
        taken_back(&bad.decide()).1,
        Outcome::RolledBack,
        "it is watched to the last"
    );
}

#[test]
fn a_blue_with_users_is_not_removed_unless_that_was_set() {
    let (scene, until) = cold();
    let deadline = until + seconds(300);
    for requests in [Some(1), None] {
        let busy = scene.with(|scene| blue_health(scene).served = requests.map(Served::well));
        let early = busy.decide();
        let role = Role::Blue;
        assert_eq!(early.why, Why::Busy { role, requests });
        assert_eq!(wait(&early), (until + seconds(10), deadline));
        wait(&busy.at(deadline - INSTANT).decide());
        assert!(kept(&busy.at(deadline).decide()).contains("requests"));
        let set = busy.with(|scene| scene.release.plan.drain.at_deadline = AtDrainDeadline::Retire);
        assert!(ends_blue(&set.decide()));
        let basic = busy.with(|scene| blue(scene).enhanced = false);
        assert!(ends_blue(&basic.decide()), "nobody can count them");
    }
}

/// When blue, or green, must have come to rest: as long as a slow removal takes.
fn rest_by(scene: &Scene) -> Timestamp {
    scene.began() + seconds(60 + 300) + limits::TERMINATE
}

#[test]
fn a_blue_that_is_changed_is_told_to_end_when_it_is_at_rest() {
    let (scene, until) = cold();
    let busy = scene.with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Updating);
    let early = busy.decide();
    assert!(matches!(early.why, Why::Working { .. }), "{early:?}");
    assert_eq!(wait(&early), (until + seconds(10), rest_by(&busy)));
    wait(&busy.at(rest_by(&busy) - INSTANT).decide());
    assert!(ends_blue(&busy.at(rest_by(&busy)).decide()));
    // What was tried once moves that moment.
    let tried = busy.with(|scene| scene.attempts("terminate").last = until + seconds(500));
    assert_eq!(wait(&tried.decide()).1, until + seconds(500 + 360) + limits::TERMINATE);
}

#[test]
fn what_refuses_to_end_is_kept() {
    let (scene, _) = cold();
    let refused = scene.with(|scene| {
        let attempts = scene.attempts("terminate");
        (attempts.failed, attempts.fatal, attempts.said) = (1, true, "AccessDenied".to_owned());
    });
    assert!(kept(&refused.decide()).contains("AccessDenied"));
}

#[test]
fn blue_has_a_while_to_be_gone() {
    let (scene, told) = cold();
    let done = |scene: &mut Scene| {
        let attempts = scene.attempts("terminate");
        (attempts.done, attempts.last) = (true, told);
    };
    let ending = |scene: &mut Scene| scene.environment(BLUE).status = EnvironmentStatus::Terminating;
    // Told by this release, and in whatever way it goes.
    let deadline = told + limits::TERMINATE;
    for scene in [scene.with(done), scene.with(done).with(ending)] {
        let early = scene.decide();
        assert!(
            matches!(&early.why, Why::Working { what } if what == "blue (e-blue) to be gone"),
            "{early:?}"
        );
        assert_eq!(wait(&early), (told + seconds(10), deadline));
        wait(&scene.at(deadline - INSTANT).decide());
        let late = scene.at(deadline).decide();
        assert!(matches!(act(&late), Action::Prune { .. }), "{late:?}");
        let named = scene
            .at(deadline)
            .with(|scene| scene.attempts("prune").done = true)
            .decide();
        let (why, outcome) = over(&named);
        assert_eq!(outcome, Outcome::Promoted);
        assert!(
            why.contains("blue (e-blue) was told to end but is still there"),
            "{why}"
        );
    }
    // By somebody else.
    let foreign = scene.with(ending).noted();
    assert_eq!(wait(&foreign.decide()).1, foreign.began() + limits::TERMINATE);
    let gone = scene.with(|scene| scene.remove(BLUE)).lasting();
    assert!(matches!(act(&gone), Action::Prune { .. }), "{gone:?}");
}

#[test]
fn green_is_watched_until_blue_is_told_to_end() {
    let (scene, _) = cold();
    let bad = |scene: &mut Scene| scene.release.watch.bad = 2;
    taken_back(&scene.with(bad).decide());
    let told = gone().with(bad).decide();
    assert!(
        matches!(act(&told), Action::Prune { .. }),
        "there is no way back: {told:?}"
    );
    let spared = scene.with(bad).with(|scene| {
        scene.release.drained.as_mut().expect("it is drained").remove_blue = false;
    });
    assert!(matches!(act(&spared.decide()), Action::Prune { .. }));
}

/// Blue is gone, and green still has the limits that it began with.
fn raised() -> Scene {
    gone().with(|scene| blue(scene).running = 3)
}

const RAISED: &str = "restore capacity e-green 2";

#[test]
fn greens_limits_are_set_back_when_it_is_at_rest() {
    let wanted = Action::RestoreCapacity {
        environment: GREEN.into(),
        min_instances: 2,
        max_instances: 4,
    };
    assert_eq!(act(&raised().decide()), &wanted);
    let busy = raised().with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Updating);
    // Blue was told to end at the end of its warm time.
    let deadline = rest_by(&busy) + seconds(60);
    let early = busy.decide();
    assert!(
        matches!(&early.why, Why::Working { what } if what.starts_with("green")),
        "{early:?}"
    );
    assert_eq!(wait(&early), (busy.seen.at + seconds(10), deadline));
    wait(&busy.at(deadline - INSTANT).decide());
    assert_eq!(act(&busy.at(deadline).decide()), &wanted);
    for change in [
        (|scene| blue(scene).running = 2) as fn(&mut Scene),
        |scene| scene.release.plan.min_instances = Some(3),
        |scene| scene.attempts(RAISED).done = true,
        |scene| scene.attempts(RAISED).fatal = true,
        |scene| scene.attempts(RAISED).failed = 5,
    ] {
        let decision = raised().with(change).decide();
        assert!(matches!(act(&decision), Action::Prune { keep: 20 }), "{decision:?}");
    }
    let once_more = raised().with(|scene| scene.attempts(RAISED).failed = 4);
    assert_eq!(act(&once_more.decide()), &wanted);
    let more = raised().with(|scene| scene.release.plan.min_instances = Some(5));
    let more = more.with(|scene| blue(scene).running = 6);
    assert!(matches!(
        act(&more.decide()),
        Action::RestoreCapacity {
            min_instances: 5,
            max_instances: 6,
            ..
        }
    ));
}

const LEFT: &str = "; old versions and saved configurations could not be removed: AccessDenied";

#[test]
fn old_versions_are_pruned_if_that_is_possible() {
    assert!(matches!(act(&gone().decide()), Action::Prune { keep: 20 }));
    assert!(matches!(
        act(&gone().with(|scene| scene.attempts("prune").failed = 4).decide()),
        Action::Prune { .. }
    ));
    for (change, left) in [
        ((|attempts| attempts.done = true) as fn(&mut Attempts), ""),
        (|attempts| attempts.fatal = true, LEFT),
        (|attempts| attempts.failed = 5, LEFT),
    ] {
        let pruned = gone().with(|scene| {
            let attempts = scene.attempts("prune");
            attempts.said = "AccessDenied".to_owned();
            change(attempts);
        });
        let decision = pruned.decide();
        let (why, outcome) = over(&decision);
        assert_eq!(outcome, Outcome::Promoted);
        let serves = "shop-r7 serves shop.eu-west-1.elasticbeanstalk.com with version v2";
        assert_eq!(why, format!("{serves}{left}"));
    }
}

#[test]
fn what_is_left_is_named() {
    let pruned = |scene: &mut Scene| scene.attempts("prune").done = true;
    let said = |scene: Scene| over(&scene.with(pruned).decide()).0.to_owned();
    let spared = cold().0.with(|scene| {
        let drained = scene.release.drained.as_mut().expect("it is drained");
        (drained.remove_blue, drained.how) = (false, "it has users".to_owned());
    });
    let words = said(spared);
    assert!(
        words.contains("; blue (e-blue) was kept: it has users; remove it"),
        "{words}"
    );
    let silent = raised().with(|scene| scene.attempts(RAISED).failed = 5);
    let words = said(silent);
    assert!(
        words.contains("; could not let e-green run 2 to 4 instances; set MinSize"),
        "{words}"
    );
    let refused = raised().with(|scene| {
        let attempts = scene.attempts(RAISED);
        (attempts.fatal, attempts.said) = (true, "AccessDenied".to_owned());
    });
    let words = said(refused);
    assert!(
        words.contains("2 to 4 instances (AccessDenied); set MinSize"),
        "{words}"
    );
    for (roll_back, abort) in [(true, false), (false, true)] {
        let late = gone().with(|scene| {
            (scene.release.wishes.roll_back, scene.release.wishes.abort) = (roll_back, abort);
        });
        let words = said(late);
        assert!(words.contains("a rollback was asked for"), "{words}");
    }
}

#[test]
fn whoever_cannot_see_how_it_ended_says_so_in_the_end() {
    let blind = warm().with(|scene| scene.seen.environments = unread());
    let deadline = rest_by(&blind);
    let early = blind.at(blind.began() + seconds(100));
    let decision = early.decide();
    assert!(matches!(decision.why, Why::CannotSee { .. }), "{decision:?}");
    assert_eq!(wait(&decision), (early.seen.at + seconds(12), deadline));
    let last = blind.at(deadline - INSTANT).decide();
    assert!(matches!(last.why, Why::CannotSee { .. }), "{last:?}");
    let decision = blind.at(deadline).lasting();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(
        why.contains("green (e-green) was promoted") && why.contains("blue (e-blue)"),
        "{why}"
    );
    assert!(why.contains("Rate exceeded"), "{why}");
}

#[test]
fn a_journal_that_does_not_know_blue_is_a_persons_business() {
    for change in [(|scene| scene.release.blue = None) as fn(&mut Scene), |scene| {
        scene.release.drained = None;
    }] {
        assert_eq!(over(&warm().with(change).decide()).1, Outcome::NeedsHuman);
    }
    let unknown = Scene::at_the_begin_of(Phase::Done).with(|scene| {
        scene.release.outcome = None;
        scene.seen.environments = Known::Known(Vec::new());
        scene.release.blue = None;
    });
    assert_eq!(over(&unknown.decide()).1, Outcome::NeedsHuman);
}
