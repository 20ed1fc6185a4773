//! The way back: traffic first, however long it takes; then green.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::plan::SLOT;
use super::run::{GREEN, Run};
use super::scene::{INSTANT, Scene, act, known, over, record, taken_back, unread, wait};
use super::world::{BLUE, BLUE_CNAME, seconds};
use crate::model::{HealthColor, Known, ProbeResult, Served, Span, Timestamp};
use crate::release::{
    Action, Assessment, Attempts, CallResult, Counted, CountedBy, Decision, EnvironmentStatus, Event, Measured,
    Outcome, Phase, PublicSeen, Role, RollbackState, Source, Then, Why, limits, looks,
};
use crate::spec::AtDrainDeadline;
use crate::verdict::{Arm, Probes, Window};

/// A rollback that has just begun: green broke in its bake.
fn turned() -> Scene {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    Scene::of(&mut run.until(Phase::RollBack, 0))
}

fn rollback(scene: &mut Scene) -> &mut RollbackState {
    scene.release.rollback.as_mut().expect("it is rolling back")
}

fn since(scene: &Scene) -> Timestamp {
    scene.release.rollback.as_ref().expect("it is rolling back").since
}

/// Who holds the slot's name.
fn held_by(scene: &Scene, holder: Option<&str>) -> Scene {
    scene.with(|scene| {
        for one in scene.environments() {
            one.cname = Some(format!("{}.example", one.id));
        }
        if let Some(id) = holder {
            scene.environment(id).cname = Some(SLOT.to_owned());
        }
    })
}

fn status(scene: &Scene, id: &str, status: EnvironmentStatus) -> Scene {
    scene.with(|scene| scene.environment(id).status = status)
}

fn returning(decision: &Decision) -> &str {
    match &decision.why {
        Why::Returning { missing } => missing,
        why => panic!("{why:?}"),
    }
}

/// Waits for a change within seconds, until a person is called.
fn waits_for_traffic(scene: &Scene, words: &str) {
    let deadline = since(scene) + limits::RETURN;
    let early = scene.decide();
    assert!(returning(&early).contains(words), "{early:?}");
    assert_eq!(wait(&early), (scene.seen.at + seconds(2), deadline));
    let last = scene.at(deadline - INSTANT).decide();
    assert!(returning(&last).contains(words), "{last:?}");
    calls(&scene.at(deadline).decide(), words);
}

#[track_caller]
fn calls(decision: &Decision, words: &str) {
    let (why, outcome) = over(decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains(words) && why.contains("green is e-green"), "{why}");
}

#[test]
fn the_name_is_swapped_back_at_once() {
    let decision = turned().decide();
    let wanted = Action::Swap {
        from: GREEN.into(),
        to: BLUE.into(),
        other_cname: BLUE_CNAME.to_owned(),
    };
    assert_eq!(act(&decision), &wanted);
    // However late: nothing has been tried yet.
    let late = turned().at(since(&turned()) + limits::RETURN);
    assert_eq!(act(&late.decide()), &wanted);
}

#[test]
fn what_keeps_traffic_from_returning_is_waited_for_and_then_a_person_is_called() {
    let scene = turned();
    let nameless = scene.with(|scene| scene.environment(BLUE).cname = None);
    waits_for_traffic(&nameless, "blue has no name to give in exchange");
    waits_for_traffic(
        &status(&scene, BLUE, EnvironmentStatus::Updating),
        "blue (e-blue) is Updating",
    );
    waits_for_traffic(
        &status(&scene, GREEN, EnvironmentStatus::Updating),
        "green (e-green) is Updating",
    );
    let blind = scene.with(|scene| scene.seen.environments = unread());
    waits_for_traffic(&blind, "could not be read: Rate exceeded");
    let third = status(
        &held_by(&scene, Some("e-third")),
        "e-third",
        EnvironmentStatus::Updating,
    );
    waits_for_traffic(&third, "names are on their way");
    let nobody = status(&held_by(&scene, None), BLUE, EnvironmentStatus::Updating);
    waits_for_traffic(&nobody, "names are on their way");
}

#[test]
fn what_does_not_pass_is_told_to_a_person() {
    let scene = turned();
    calls(
        &scene.with(|scene| scene.remove(BLUE)).lasting(),
        "blue is not there any more",
    );
    let ending = status(&scene, BLUE, EnvironmentStatus::Terminating);
    calls(&ending.decide(), "blue is being removed");
    let third = held_by(&scene, Some("e-third"));
    calls(&third.lasting(), "it is held by shop-staging (e-third)");
    let nobody = held_by(&scene, None);
    let settled = since(&scene) + limits::SWAP_SETTLE;
    let early = nobody.at(settled - INSTANT).decide();
    assert_eq!(returning(&early), "names are on their way");
    calls(&nobody.at(settled).decide(), "no environment holds it");
    let nothing = scene.with(|scene| scene.release.blue = None);
    assert_eq!(over(&nothing.decide()).1, Outcome::NeedsHuman);
}

#[test]
fn a_swap_back_that_is_refused_is_tried_until_the_deadline() {
    let scene = turned();
    let deadline = since(&scene) + limits::RETURN;
    let refused = |failed| {
        scene.with(|scene| {
            *scene.attempts("swap") = Attempts {
                failed,
                said: "Must be Ready.".to_owned(),
                ..Attempts::default()
            };
        })
    };
    for failed in [1, 5, 50] {
        let last = refused(failed).at(deadline - INSTANT).decide();
        assert!(matches!(act(&last), Action::Swap { .. }), "{last:?}");
        calls(
            &refused(failed).at(deadline).decide(),
            "the swap was refused: Must be Ready.",
        );
    }
}

fn addresses(last: u8) -> Known<BTreeSet<IpAddr>> {
    Known::Known([IpAddr::from([10, 0, 0, last])].into())
}

/// Blue holds the name again, and the public name leads to this address.
fn back(leads_to: u8) -> Scene {
    held_by(&turned(), Some(BLUE)).with(|scene| {
        scene.seen.public = Some(PublicSeen {
            checks: vec![ProbeResult {
                check: "GET /".to_owned(),
                passed: true,
                status: Some(200),
                latency: Span::from_millis(5),
                address: None,
                failure: None,
                unreached: false,
            }],
            direct: Vec::new(),
            blue: Vec::new(),
            slot_addresses: addresses(leads_to),
            expected_addresses: addresses(1),
            url: None,
        });
    })
}

fn restored(decision: &Decision) -> &str {
    match record(decision) {
        Event::TrafficRestored { how } => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_return_is_believed_when_lists_cannot_be_behind_any_more() {
    let scene = back(1);
    let known = since(&scene) + seconds(20);
    let early = scene.at(known - INSTANT).decide();
    assert!(returning(&early).contains("looking again"), "{early:?}");
    let first = scene.at(since(&scene) + seconds(1));
    assert_eq!(wait(&first.decide()), (first.seen.at + seconds(2), known));
    assert!(restored(&scene.at(known).decide()).contains("leads to blue: it leads to 10.0.0.1"));
    let never = scene.with(|scene| scene.release.shift_intended = false);
    assert_eq!(restored(&never.decide()), "there is nothing to give back");
}

#[test]
fn a_return_that_cannot_be_seen_from_here_is_believed_in_the_end() {
    for scene in [back(2), back(1).with(|scene| scene.seen.public = None)] {
        let scene = scene.with(|scene| scene.release.attempts.clear());
        let deadline = since(&scene) + seconds(40) + limits::CONFIRM;
        let early = scene.at(since(&scene) + seconds(30));
        returning(&early.decide());
        assert_eq!(wait(&early.decide()), (early.seen.at + seconds(2), deadline));
        returning(&scene.at(deadline - INSTANT).decide());
        assert!(restored(&scene.at(deadline).decide()).contains("could not be confirmed from here"));
        // Old answers are counted from the swap.
        let moved = since(&scene) + seconds(500);
        let late = scene.with(|scene| scene.attempts("swap").last = moved);
        returning(&late.at(deadline).decide());
        restored(&late.at(moved + seconds(40) + limits::CONFIRM).decide());
    }
}

/// Traffic is back on blue since this moment, and green has had no user for long.
fn settled() -> (Scene, Timestamp) {
    let mut run = Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    let mut run = run.until(Phase::RollBack, 0);
    while !run.has(|event| matches!(event, Event::TrafficRestored { .. })) {
        assert!(run.step());
    }
    let mut run = run.clone();
    run.world.pass(seconds(1));
    let scene = Scene::of(&mut run);
    let restored = scene.release.rollback.as_ref().and_then(|back| back.restored_at);
    let restored = restored.expect("traffic is back");
    let scene = scene.with(|scene| {
        scene.release.attempts.clear();
        scene.release.quiet_since = Some(restored);
        let health = known(&mut scene.seen.green_health);
        (health.served, health.refreshed_at) = (Some(Served::default()), Some(scene.seen.at));
    });
    (scene, restored)
}

/// Evidence is saved, and green was kept for long enough.
fn ripe() -> (Scene, Timestamp) {
    let (scene, restored) = settled();
    let scene = scene.with(|scene| scene.attempts("save evidence").done = true);
    (scene.at(restored + seconds(60)), restored)
}

#[test]
fn where_the_logs_of_green_were_saved_is_known_to_the_release() {
    let mut run = Run::new(1).until(Phase::Bake, 0);
    run.world.quality.breaks = Some(seconds(0));
    while !run.release.attempts_of("save evidence").done {
        assert!(run.step());
    }
    let save = Action::SaveEvidence {
        environment: GREEN.into(),
    };
    let intended = Event::Intended { action: save };
    let asked = run.then(run.release.clone(), intended);
    let called = Event::Called {
        intent: asked.sequence,
        result: CallResult::Accepted {
            detail: Some("here/evidence/e-green.txt".to_owned()),
        },
    };
    let saved = run.then(asked, called).saved;
    assert_eq!(saved.as_deref(), Some("here/evidence/e-green.txt"));
}

fn ends_green(decision: &Decision) -> bool {
    matches!(act(decision), Action::Terminate { environment, role: Role::Green } if environment.as_str() == GREEN)
}

#[test]
fn traffic_that_leaves_blue_again_comes_first() {
    let (scene, _) = settled();
    for holder in [GREEN, "e-third"] {
        for (again, person) in [(0, false), (2, false), (3, true), (4, true)] {
            let left = held_by(&scene, Some(holder)).with(|scene| rollback(scene).again = again);
            let decision = left.lasting();
            let why = if person {
                let (why, outcome) = over(&decision);
                assert_eq!(outcome, Outcome::NeedsHuman, "{again}");
                assert!(why.contains(&format!("for the {}th time", again + 1)), "{why}");
                why
            } else {
                taken_back(&decision).0
            };
            assert!(why.contains("has left blue again and is held by"), "{why}");
        }
    }
    // Without a holder, or without sight, there is nothing to fetch.
    assert!(matches!(
        act(&held_by(&scene, None).decide()),
        Action::SaveEvidence { .. }
    ));
}

/// Found by simulation: somebody removed blue after the way back, and green went after it.
#[test]
fn the_last_environment_is_not_removed() {
    let (ripe, _) = ripe();
    let decision = held_by(&ripe, None).lasting();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains("no environment holds") && why.contains("is kept"), "{why}");
}

#[test]
fn evidence_is_saved_first_if_that_is_possible() {
    let (scene, _) = settled();
    let saves = |scene: Scene| {
        matches!(
            scene.decide().then,
            crate::release::Then::Act(Action::SaveEvidence { .. })
        )
    };
    assert!(saves(scene.clone()));
    assert!(saves(scene.with(|scene| scene.attempts("save evidence").failed = 1)));
    for change in [
        (|scene| scene.attempts("save evidence").done = true) as fn(&mut Scene),
        |scene| scene.attempts("save evidence").fatal = true,
        |scene| scene.attempts("save evidence").failed = 2,
        |scene| (scene.release.wishes.abort, scene.release.shift_intended) = (true, false),
    ] {
        assert!(!saves(scene.with(change)));
    }
    // What users have met is worth a look, whoever has ended it.
    assert!(saves(scene.with(|scene| scene.release.wishes.abort = true)));
}

#[test]
fn green_is_kept_for_a_look_at_it() {
    let (scene, restored) = ripe();
    let until = restored + seconds(60);
    assert!(ends_green(&scene.decide()));
    let early = scene.at(until - seconds(25));
    assert_eq!(early.decide().why, Why::KeepingGreen { until });
    assert_eq!(wait(&early.decide()), (early.seen.at + seconds(10), until));
    assert_eq!(wait(&scene.at(until - seconds(4)).decide()), (until, until));
    assert_eq!(scene.at(until - INSTANT).decide().why, Why::KeepingGreen { until });
    // Not when nobody wants to wait, nor after an abort: that one knows what happened.
    for change in [
        (|scene| scene.release.wishes.end_wait = true) as fn(&mut Scene),
        |scene| rollback(scene).outcome = Outcome::Aborted,
    ] {
        let silent = early.with(change).with(|scene| scene.release.shift_intended = false);
        assert!(ends_green(&silent.decide()));
    }
}

#[test]
fn a_green_with_users_is_not_removed_unless_that_was_set() {
    let (scene, restored) = ripe();
    let busy = scene.with(|scene| {
        scene.release.quiet_since = None;
        known(&mut scene.seen.green_health).served = Some(Served::well(3));
    });
    let deadline = restored + seconds(40 + 300);
    let role = Role::Green;
    assert_eq!(
        busy.decide().why,
        Why::Busy {
            role,
            requests: Some(3)
        }
    );
    assert_eq!(wait(&busy.decide()).1, deadline);
    let decision = busy.at(deadline).decide();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(
        why.contains("; green (e-green) is kept: it still gets 3 requests"),
        "{why}"
    );
    let set = busy.with(|scene| scene.release.plan.drain.at_deadline = AtDrainDeadline::Retire);
    assert!(ends_green(&set.at(deadline).decide()));
    let never = busy.with(|scene| {
        (scene.release.shift_intended, scene.release.waiting) = (false, None);
        known(&mut scene.seen.green_health).served = Some(Served::default());
    });
    assert!(ends_green(&never.decide()), "it never had traffic");
    // A read that failed does not make it basic: it is waited for.
    let blind = busy.with(|scene| scene.seen.green_health = unread());
    assert!(matches!(blind.decide().why, Why::Busy { requests: None, .. }));
    let basic = busy.with(|scene| {
        let health = known(&mut scene.seen.green_health);
        (health.status, health.color, health.served) = (None, HealthColor::Green, None);
    });
    assert!(ends_green(&basic.decide()));
}

#[test]
fn a_green_is_silent_by_the_source_that_counts() {
    let (ripe, restored) = ripe();
    let quiet = ripe.with(|scene| scene.release.quiet_since = Some(restored));
    // Elastic Beanstalk sees nobody, and the chosen source does.
    let by_groups = |requests: f64| {
        quiet.with(|scene| {
            scene.release.plan.counted_by = CountedBy::TargetGroups;
            let arm = Arm {
                requests: Some(requests),
                ..Arm::default()
            };
            scene.seen.counted = Known::Known(Counted {
                ended_at: scene.seen.at,
                told_at: scene.seen.at,
                length: Span::from_secs(60),
                blue: arm.clone(),
                green: arm,
            });
        })
    };
    assert!(ends_green(&by_groups(0.0).decide()));
    let busy = by_groups(7.0).decide();
    assert!(matches!(record(&busy), Event::Quiet { quiet: false, .. }), "{busy:?}");
    assert!(looks(&by_groups(0.0).release, restored).counted);
    // It has answered us often, and nobody has counted that.
    let uncounted = quiet.with(|scene| {
        let probes = Probes {
            requests: 20.0,
            ..Probes::default()
        };
        *scene.release.assessment = Assessment::new(&scene.release.plan, scene.release.started_at);
        scene.release.assessment.take(&Measured {
            window: Window {
                end_s: 10.0,
                green: Arm {
                    probes: Some(probes),
                    ..Arm::default()
                },
                ..Window::default()
            },
            ..Measured::nothing()
        });
        scene.release.quiet_since = None;
    });
    let told = uncounted.decide();
    assert!(!matches!(told.then, Then::Record(Event::Quiet { .. })), "{told:?}");
    let plan = &ripe.release.plan.drain;
    let expired = restored + plan.dns_ttl.get() * plan.factor + plan.quiet.get();
    assert!(matches!(
        uncounted.at(expired - INSTANT).decide().then,
        Then::Wait { .. }
    ));
    assert!(ends_green(&uncounted.at(expired).decide()));
}

#[test]
fn a_green_that_others_gave_users_is_not_removed_under_them() {
    let aborted = |requests| {
        let (mut scene, _) = ripe();
        scene.release.shift_intended = false;
        scene.release.quiet_since = None;
        scene.release.waiting = None;
        scene.release.smoke.last = Some(scene.seen.at);
        known(&mut scene.seen.green_health).served = Some(Served::well(requests));
        scene
    };
    let own = 6 * aborted(0).release.plan.smoke.checks.len() as u64;
    assert!(
        own > 0 && ends_green(&aborted(own).decide()),
        "so many are our own checks"
    );
    let long_ago = aborted(1).with(|scene| scene.release.smoke.last = None);
    assert!(!matches!(long_ago.decide().then, Then::Act(_)), "it is not our own");
    let seen_before = aborted(0).with(|scene| scene.release.waiting = Some(long_ago.decide().why));
    assert!(
        !matches!(seen_before.decide().then, Then::Act(_)),
        "fewer requests than a moment ago are no silence"
    );
    let used = aborted(own + 1);
    assert!(
        matches!(used.decide().why, Why::Busy { role: Role::Green, .. }),
        "{:?}",
        used.decide()
    );
    assert!(
        ends_green(&used.with(|scene| scene.seen.green_health = unread()).decide()),
        "nobody was sent there"
    );
}

#[test]
fn a_green_that_is_changed_is_told_to_end_when_it_is_at_rest() {
    let (scene, restored) = ripe();
    let busy = status(&scene, GREEN, EnvironmentStatus::Updating);
    let deadline = restored + seconds(60) + limits::TERMINATE;
    let early = busy.decide();
    assert!(
        matches!(&early.why, Why::Working { what } if what.contains("to come to rest")),
        "{early:?}"
    );
    assert_eq!(wait(&early), (busy.seen.at + seconds(10), deadline));
    wait(&busy.at(deadline - INSTANT).decide());
    assert!(ends_green(&busy.at(deadline).decide()));
    let refused = scene.with(|scene| {
        let attempts = scene.attempts("terminate");
        (attempts.failed, attempts.fatal, attempts.said) = (1, true, "AccessDenied".to_owned());
    });
    let decision = refused.decide();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.contains("AccessDenied; remove green (e-green) by hand"), "{why}");
}

#[test]
fn green_has_a_while_to_be_gone() {
    let (scene, restored) = ripe();
    let told = restored + seconds(70);
    let done = |scene: &mut Scene| {
        let attempts = scene.attempts("terminate");
        (attempts.done, attempts.last) = (true, told);
    };
    let scene = scene.at(told);
    let later = seconds(60) + limits::TERMINATE;
    for (scene, deadline) in [
        (scene.with(done), told + later),
        (status(&scene, GREEN, EnvironmentStatus::Terminating), restored + later),
        (status(&scene, GREEN, EnvironmentStatus::Terminated), restored + later),
    ] {
        let early = scene.decide();
        assert!(
            matches!(&early.why, Why::Working { what } if what == "green (e-green) to be gone"),
            "{early:?}"
        );
        assert_eq!(wait(&early), (told + seconds(10), deadline));
        wait(&scene.at(deadline - INSTANT).decide());
        let late = scene.at(deadline).decide();
        assert!(
            over(&late)
                .0
                .ends_with("; green (e-green) was told to end but is still there; see its events")
        );
    }
    let gone = scene.with(|scene| scene.remove(GREEN));
    assert!(matches!(act(&gone.with(done).decide()), Action::Prune { .. }));
    assert!(
        matches!(act(&gone.lasting()), Action::Prune { .. }),
        "somebody else has removed it"
    );
}

#[test]
fn in_the_end_only_what_is_left_is_named() {
    let (scene, _) = ripe();
    let gone = scene.with(|scene| {
        scene.attempts("terminate").done = true;
        scene.remove(GREEN);
    });
    let why = scene.release.rollback.as_ref().expect("it is rolling back").why.clone();
    let prunes = gone.with(|scene| scene.attempts("prune").failed = 1);
    assert!(matches!(act(&prunes.decide()), Action::Prune { keep: 20 }));
    let denied = format!("{why}; old versions and saved configurations could not be removed: AccessDenied");
    for (change, why) in [
        ((|attempts| attempts.done = true) as fn(&mut Attempts), &why),
        (|attempts| attempts.fatal = true, &denied),
        (|attempts| attempts.failed = 2, &denied),
    ] {
        let pruned = gone.with(|scene| {
            let attempts = scene.attempts("prune");
            attempts.said = "AccessDenied".to_owned();
            change(attempts);
        });
        assert_eq!(over(&pruned.decide()), (why.as_str(), Outcome::RolledBack));
    }
    let reused = scene.with(|scene| scene.release.green.as_mut().expect("it is known").reused = true);
    assert!(
        matches!(act(&reused.decide()), Action::Prune { .. }),
        "its own templates go"
    );
    let decision = reused.with(|scene| scene.attempts("prune").done = true).decide();
    let kept = format!(
        "{why}; shop-r7 (e-green) is kept: an earlier release made it. If it does not serve, remove it, and the next way back makes a \
         new one"
    );
    assert_eq!(over(&decision), (kept.as_str(), Outcome::RolledBack));
}

/// Green was never put on record.
fn unrecorded() -> (Scene, Timestamp) {
    let (scene, restored) = ripe();
    (scene.with(|scene| scene.release.green = None), restored)
}

#[test]
fn a_green_that_was_never_recorded_is_found_by_its_tag() {
    let (scene, _) = unrecorded();
    let tagged = |tag: Option<&str>| scene.with(|scene| scene.environment(GREEN).release_tag = tag.map(str::to_owned));
    assert!(ends_green(&tagged(Some("shop/production/7")).decide()));
    for tag in [None, Some("shop/production/6")] {
        let decision = tagged(tag).decide();
        let (why, outcome) = over(&decision);
        assert_eq!(outcome, Outcome::NeedsHuman);
        assert!(
            why.contains("shop-r7 (e-green) has green's name but not this release's tag"),
            "{why}"
        );
    }
}

#[test]
fn a_green_that_was_made_a_moment_ago_is_waited_for() {
    let (scene, _) = unrecorded();
    let scene = scene.with(|scene| scene.remove(GREEN));
    assert!(matches!(act(&scene.decide()), Action::Prune { .. }), "none was made");
    let made = scene.seen.at;
    let scene = scene.with(|scene| {
        let attempts = scene.attempts("create environment");
        (attempts.done, attempts.last) = (true, made);
    });
    let decision = scene.decide();
    assert!(
        matches!(&decision.why, Why::Working { what } if what.contains("shop-r7")),
        "{decision:?}"
    );
    assert_eq!(wait(&decision), (made + seconds(2), made + limits::SHOWS));
    wait(&scene.at(made + limits::SHOWS - INSTANT).decide());
    let late = scene.at(made + limits::SHOWS).decide();
    assert!(matches!(act(&late), Action::Prune { .. }), "{late:?}");
}

#[test]
fn whoever_cannot_see_whether_green_is_gone_says_so_in_the_end() {
    let (scene, restored) = ripe();
    let blind = scene.with(|scene| scene.seen.environments = unread());
    // Kept for a minute, old answers, silence, and a slow removal.
    let deadline = restored + seconds(60 + 40 + 300) + limits::TERMINATE;
    assert!(matches!(blind.decide().why, Why::CannotSee { .. }));
    assert_eq!(wait(&blind.decide()), (blind.seen.at + seconds(12), deadline));
    let last = blind.at(deadline - INSTANT).decide();
    assert!(matches!(last.why, Why::CannotSee { .. }), "{last:?}");
    let decision = blind.at(deadline).lasting();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(
        why.contains("whether green (e-green) is gone could not be seen: Rate exceeded"),
        "{why}"
    );
    let unknown = blind.at(deadline).with(|scene| scene.release.green = None);
    assert!(over(&unknown.lasting()).0.contains("green (shop-r7)"));
    let told = restored + seconds(1000);
    let late = blind.with(|scene| scene.attempts("terminate").last = told);
    assert_eq!(
        wait(&late.at(deadline).decide()).1,
        told + seconds(400) + limits::TERMINATE
    );
    // Once it was told to end, nothing is left to wait for but that.
    let ended = late.with(|scene| scene.attempts("terminate").done = true);
    assert_eq!(wait(&ended.decide()).1, told + limits::TERMINATE);
}

#[test]
fn a_recorded_way_back_is_no_other() {
    // What green was made from plays no part in the way back.
    let recorded = turned().with(|scene| {
        scene.release.plan.source = Source::Recorded {
            release: crate::model::ReleaseNumber(6),
            template: "shop-r6-blue".to_owned(),
            environment: None,
            cname: None,
        };
    });
    assert_eq!(recorded.decide(), turned().decide());
}
