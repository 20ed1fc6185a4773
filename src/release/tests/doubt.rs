//! A call whose effect is not known: what a read must show, and from when on its absence counts.

use super::plan::{KEY, SLOT};
use super::run::GREEN;
use super::scene::{INSTANT, Scene, record, unread, wait};
use super::world::{BLUE, BLUE_CNAME, seconds};
use crate::model::{Known, Timestamp};
use crate::release::{
    Action, CallResult, EnvironmentStatus, Event, Pending, Phase, Processing, Role, Then, VersionSeen, Why, limits,
};

/// A call that was intended at a moment. Nobody knows yet how it went.
fn pending(action: Action) -> (Scene, Timestamp) {
    let mut scene = Scene::at_the_begin_of(Phase::Shift);
    let at = scene.seen.at;
    scene.release.pending = Some(Pending {
        intent: 5,
        at,
        action,
        result: None,
        ended_at: None,
    });
    (scene, at)
}

fn answered(scene: &Scene, after: u64, result: CallResult) -> Scene {
    scene.with(|scene| {
        let pending = scene.release.pending.as_mut().expect("it is pending");
        pending.ended_at = Some(pending.at + seconds(after));
        pending.result = Some(result);
    })
}

fn lost() -> CallResult {
    CallResult::Unknown {
        message: "no answer".to_owned(),
    }
}

fn accepted() -> CallResult {
    CallResult::Accepted { detail: None }
}

/// Whether it is settled that the call has happened, and what was seen.
fn settled(scene: &Scene) -> Option<(bool, String)> {
    match scene.decide().then {
        Then::Record(Event::Resolved {
            intent: 5,
            applied,
            how,
        }) => Some((applied, how)),
        _ => None,
    }
}

fn swap() -> Action {
    Action::Swap {
        from: BLUE.into(),
        to: GREEN.into(),
        other_cname: BLUE_CNAME.to_owned(),
    }
}

fn terminate() -> Action {
    Action::Terminate {
        environment: BLUE.into(),
        role: Role::Blue,
    }
}

fn create() -> Action {
    Action::CreateEnvironment {
        name: "shop-r8".into(),
        template: "shop-r8-green".to_owned(),
        version: "v2".into(),
        min_instances: 1,
        max_instances: 1,
    }
}

#[test]
fn a_second_call_that_does_no_harm_is_made_at_once() {
    let save = Action::SaveConfiguration {
        template: "shop-r7-blue".to_owned(),
        environment: BLUE.into(),
        with_overrides: false,
    };
    let restore = Action::RestoreCapacity {
        environment: GREEN.into(),
        min_instances: 1,
        max_instances: 1,
    };
    let evidence = Action::SaveEvidence {
        environment: GREEN.into(),
    };
    for action in [
        Action::Upload { key: KEY.to_owned() },
        Action::CreateVersion { label: "v2".into() },
        save,
        restore,
        evidence,
    ] {
        let (mut scene, at) = pending(action);
        scene.seen.artifact = Known::Known(false);
        scene.seen.version = Known::Known(None);
        scene.seen.templates = Known::Known(["shop-r7-green".to_owned()].into());
        let (applied, _) = settled(&scene.at(at)).expect("it can be made again");
        assert!(!applied);
        let (_, how) = settled(&answered(&scene, 0, lost())).expect("it can be made again");
        assert!(how.ends_with("and the call had gone wrong: no answer"), "{how}");
    }
}

#[test]
fn what_a_call_made_is_seen() {
    let there = |action, change: fn(&mut Scene)| {
        let (scene, _) = pending(action);
        settled(&scene.with(change)).expect("it shows").0
    };
    assert!(there(Action::Upload { key: KEY.to_owned() }, |scene| {
        scene.seen.artifact = Known::Known(true);
    }));
    assert!(there(Action::CreateVersion { label: "v2".into() }, |scene| {
        scene.seen.version = Known::Known(Some(VersionSeen {
            bundle: None,
            processing: Processing::Underway,
        }));
    }));
    let save = Action::SaveConfiguration {
        template: "shop-r7-blue".to_owned(),
        environment: BLUE.into(),
        with_overrides: false,
    };
    assert!(there(save, |scene| {
        scene.seen.templates = Known::Known(["shop-r7-blue".to_owned()].into());
    }));
    assert!(there(create(), |scene| scene.environment("e-third").name = "shop-r8".into()));
    assert!(there(swap(), |scene| {
        scene.environment(BLUE).cname = Some(BLUE_CNAME.to_owned());
        scene.environment(GREEN).cname = Some(SLOT.to_owned());
    }));
    assert!(there(terminate(), |scene| scene.remove(BLUE)));
    for status in [EnvironmentStatus::Terminating, EnvironmentStatus::Terminated] {
        let (mut scene, _) = pending(terminate());
        scene.environment(BLUE).status = status;
        let (applied, how) = settled(&scene).expect("it shows");
        assert!(applied && how.contains("being removed"), "{how}");
    }
}

#[test]
fn what_would_do_harm_twice_is_taken_for_absent_only_when_it_would_show() {
    let show = limits::SHOWS;
    for action in [swap(), terminate(), create(), Action::Prune { keep: 1 }] {
        let name = action.name();
        let (scene, at) = pending(action);
        // When nobody has written down its end, it may have been under way until the latest moment.
        let unheard = at + limits::INTENT_DEADLINE + limits::CALL_TIMEOUT + show;
        let failed = answered(&scene, 5, lost());
        for (scene, from) in [(scene, unheard), (failed, at + seconds(5) + show)] {
            assert_eq!(settled(&scene.at(from - INSTANT)), None, "{name}");
            assert_eq!(settled(&scene.at(from)).map(|found| found.0), Some(false), "{name}");
            let early = scene.at(from - seconds(10));
            let decision = early.decide();
            assert!(
                matches!(decision.why, Why::InDoubt { until, .. } if until == from),
                "{decision:?}"
            );
            assert_eq!(
                wait(&decision),
                (early.seen.at + seconds(2), early.seen.at + limits::BACKOFF)
            );
        }
    }
    let (scene, at) = pending(swap());
    let early = scene.decide();
    assert_eq!(wait(&early), (at + seconds(2), at + seconds(60)));
}

#[test]
fn a_swap_that_was_accepted_has_longer_to_show() {
    let (scene, at) = pending(swap());
    let scene = answered(&scene, 1, accepted());
    let from = at + limits::SWAP_SETTLE;
    let early = scene.at(from - INSTANT).decide();
    assert!(matches!(early.why, Why::Working { .. }), "{early:?}");
    assert_eq!(wait(&scene.decide()), (at + seconds(2), from));
    let (applied, how) = settled(&scene.at(from)).expect("it has not happened");
    assert!(!applied && !how.contains("gone wrong"), "{how}");
    // What was accepted of another kind shows like everything else.
    let (scene, at) = pending(terminate());
    let scene = answered(&scene, 1, accepted());
    assert!(settled(&scene.at(at + seconds(31))).is_some());
}

/// A call, and a change to what is seen that tells nothing of it.
type Unsettled = (fn() -> Action, fn(&mut Scene));

const UNSETTLED: [Unsettled; 9] = [
    (swap, |scene| {
        scene.environment(BLUE).status = EnvironmentStatus::Updating;
    }),
    (swap, |scene| {
        scene.environment(GREEN).status = EnvironmentStatus::Updating;
    }),
    (swap, |scene| scene.environment(BLUE).cname = None),
    (swap, |scene| scene.environment(GREEN).cname = Some(SLOT.to_owned())),
    (swap, |scene| {
        scene.environment(GREEN).cname = Some("another".to_owned());
    }),
    (swap, |scene| scene.remove(BLUE)),
    (swap, |scene| scene.remove(GREEN)),
    (swap, |scene| scene.seen.environments = unread()),
    (terminate, |scene| {
        scene.environment(BLUE).status = EnvironmentStatus::Updating;
    }),
];

#[test]
fn a_world_that_does_not_settle_is_handed_back_to_the_phase() {
    for (at, (action, change)) in UNSETTLED.into_iter().enumerate() {
        let (scene, began) = pending(action());
        let scene = scene.with(change);
        // In both cases an absent call would have been found out before.
        for (scene, from) in [
            (scene.clone(), began + limits::SWAP_SETTLE),
            (answered(&scene, 170, lost()), began + seconds(200)),
        ] {
            let early = scene.at(from - INSTANT).decide();
            assert!(matches!(early.why, Why::InDoubt { .. }), "{at}: {early:?}");
            let decision = scene.at(from).lasting();
            let Event::Resolved { applied, how, .. } = record(&decision) else {
                panic!("{at}: {decision:?}");
            };
            assert!(!applied && how.contains("it did not show in time"), "{at}: {how}");
        }
    }
}
