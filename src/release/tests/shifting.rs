//! The swap, and seeing that the public name leads to green: until when, and what happens then.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::plan::{SLOT, gradual, plan};
use super::run::{Deed, GREEN, Run};
use super::scene::{INSTANT, Scene, act, known, record, taken_back, unread, wait};
use super::world::{BLUE, BLUE_CNAME, seconds};
use crate::model::{HealthStatus, Known, Timestamp};
use crate::release::{Action, EnvironmentStatus, Event, Outcome, Phase, PublicSeen, Then, UrlSeen, Why, limits};
use crate::spec::{AtGateDeadline, GatePlace, GateSpec, Lever};

#[test]
fn green_has_a_while_to_be_fit_for_traffic() {
    let fit = Scene::at_the_begin_of(Phase::Shift);
    let deadline = fit.began() + limits::SHIFT;
    let wanted = Action::Swap {
        from: BLUE.into(),
        to: GREEN.into(),
        other_cname: BLUE_CNAME.to_owned(),
    };
    assert_eq!(act(&fit.decide()), &wanted);
    // A driver that was away past the deadline does not give up a green that is up.
    assert_eq!(act(&fit.at(deadline + seconds(1000)).decide()), &wanted);
    let sick = fit.with(|scene| known(&mut scene.seen.green_health).status = Some(HealthStatus::Warning));
    let early = sick.at(fit.began() + seconds(1));
    assert_eq!(wait(&early.decide()), (early.seen.at + seconds(10), deadline));
    wait(&sick.at(deadline - INSTANT).decide());
    let decision = sick.at(deadline).decide();
    assert_eq!(taken_back(&decision).1, Outcome::RolledBack);
    assert!(taken_back(&decision).0.contains("could not be given to green in time"));
}

#[test]
fn what_is_missing_for_the_swap_is_told() {
    let fit = Scene::at_the_begin_of(Phase::Shift);
    let missing = |scene: Scene| match scene.decide().why {
        Why::NotUp { missing, .. } => missing.join("; "),
        why => panic!("{why:?}"),
    };
    let busy = fit
        .with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Updating)
        .noted();
    assert_eq!(missing(busy), "blue (e-blue) is Updating");
    let busy = fit
        .with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Updating)
        .noted();
    assert_eq!(missing(busy), "green (e-green) is Updating");
    let nameless = fit.with(|scene| scene.environment(GREEN).cname = None);
    assert_eq!(missing(nameless), "green has no name to give in exchange");
    let stale = fit.with(|scene| {
        let at = scene.seen.at;
        known(&mut scene.seen.green_health).refreshed_at = Some(at - seconds(41));
    });
    assert_eq!(missing(stale), "its health data is 41 s old");
}

/// Blue runs so many instances, all of them well.
fn grown(scene: &Scene, running: usize) -> Scene {
    scene.with(|scene| {
        let mut health = known(&mut scene.seen.green_health).clone();
        let one = health.instances.values().next().expect("green has one").clone();
        health.instances = (0..running)
            .map(|at| (crate::model::InstanceId::new(format!("i-{at}")), one.clone()))
            .collect();
        scene.seen.blue_health = Known::Known(health);
    })
}

#[test]
fn green_is_made_as_large_as_a_blue_that_has_grown_since() {
    for lever in [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups] {
        let plan = match lever {
            Lever::CnameSwap => plan(),
            _ => gradual(lever),
        };
        let scene = Scene::of(&mut Run::of(plan, 1).until(Phase::Shift, 0));
        let scene = scene.with(|scene| scene.release.plan.rollback.hold_blue = false);
        let running = known(&mut scene.clone().seen.green_health).instances.len();
        let moves = |scene: &Scene| matches!(act(&scene.decide()), Action::Swap { .. } | Action::Weigh { .. });
        assert!(moves(&grown(&scene, running)), "{lever}: it is as large");
        let larger = grown(&scene, running + 3);
        let decision = larger.decide();
        let raised = act(&decision);
        let Action::RestoreCapacity {
            environment,
            min_instances,
            max_instances,
        } = raised
        else {
            panic!("{lever}: {raised:?}");
        };
        let wanted = u32::try_from(running + 3).unwrap();
        assert_eq!((environment.as_str(), *min_instances), (GREEN, wanted), "{lever}");
        assert!(*max_instances >= wanted, "{lever}");
        // Told once, its instances are waited for, and however many blue has by then are enough.
        let told = grown(&scene, running + 9).with(|scene| {
            let at = scene.seen.at;
            let attempts = scene.attempts(&raised.key());
            (attempts.done, attempts.last) = (true, at);
        });
        let Why::NotUp { missing, .. } = told.decide().why else {
            panic!("{lever}: {:?}", told.decide());
        };
        assert!(
            missing[0].contains(&format!("{running} of {wanted} instances well")),
            "{missing:?}"
        );
        let there = told.with(|scene| {
            let health = known(&mut scene.seen.green_health);
            let one = health.instances.values().next().expect("green has one").clone();
            health.instances = (0..running + 3)
                .map(|at| (crate::model::InstanceId::new(format!("i-{at}")), one.clone()))
                .collect();
        });
        assert!(moves(&there), "{lever}: {:?}", there.decide());
        // Nobody is kept from blue's way back by that, nor does a blue of which nothing is known hold the release.
        let unseen = scene.with(|scene| scene.seen.blue_health = unread());
        assert!(moves(&unseen), "{lever}");
    }
}

#[test]
fn green_follows_a_growing_blue_before_each_step_and_once_in_each() {
    for lever in [Lever::WeightedDns, Lever::WeightedTargetGroups] {
        let mut run = Run::of(gradual(lever), 1).until(Phase::Bake, 0);
        while (run.release.phase, run.release.step) != (Phase::Shift, 1) {
            assert!(run.step());
        }
        let scene = Scene::of(&mut run);
        assert!(scene.release.shifted_at.is_some());
        // No look at green is due, which would go first.
        let scene = scene.with(|scene| scene.release.watch.last = Some(scene.seen.at));
        assert!(matches!(act(&scene.decide()), Action::Weigh { .. }), "{lever}");
        let running = known(&mut scene.clone().seen.green_health).instances.len();
        let larger = grown(&scene, running + 6);
        let raised = act(&larger.decide()).clone();
        let Action::RestoreCapacity {
            environment,
            min_instances,
            ..
        } = &raised
        else {
            panic!("{lever}: {raised:?}");
        };
        assert_eq!((environment.as_str(), *min_instances as usize), (GREEN, running + 6));
        let told = |at: Timestamp| {
            grown(&scene, running + 9).with(|scene| {
                let attempts = scene.attempts(&raised.key());
                (attempts.done, attempts.last) = (true, at);
            })
        };
        let Why::NotUp { missing, .. } = told(scene.seen.at).decide().why else {
            panic!("{lever}: it is waited for");
        };
        let wanted = running + 6;
        let too_few = format!("{running} of {wanted} instances serving");
        assert!(
            missing.iter().any(|missing| missing.contains(&too_few)),
            "{lever}: {missing:?}"
        );
        // What was done in the step before is no reason not to do it again.
        let again = told(scene.began() - INSTANT);
        assert!(
            matches!(act(&again.decide()), Action::RestoreCapacity { min_instances, .. } if *min_instances as usize == running + 9),
            "{lever}"
        );
        // Where somebody else has a hand in it, that is noted, and green goes on with what it has.
        let theirs = larger.with(|scene| {
            let at = scene.seen.at;
            let attempts = scene.attempts(&raised.key());
            (attempts.fatal, attempts.failed, attempts.last) = (true, 1, at);
            attempts.said = "not made: somebody else has changed how many instances e-green may run".to_owned();
        });
        let Then::Record(Event::Noted { note }) = theirs.decide().then else {
            panic!("{lever}: {:?}", theirs.decide());
        };
        let noted = theirs.with(|scene| scene.release.notes.push(note.clone()));
        assert!(matches!(act(&noted.decide()), Action::Weigh { .. }), "{lever}");
    }
}

#[test]
fn nothing_is_swapped_in_the_dark() {
    let blind = Scene::at_the_begin_of(Phase::Shift).with(|scene| scene.seen.environments = unread());
    let deadline = blind.began() + limits::SHIFT;
    let early = blind.at(blind.began() + seconds(5));
    assert!(matches!(early.decide().why, Why::CannotSee { .. }));
    assert_eq!(wait(&early.decide()), (early.seen.at + seconds(12), deadline));
    let late = blind.at(deadline - INSTANT).decide();
    assert!(matches!(late.why, Why::CannotSee { .. }), "{late:?}");
    assert_eq!(taken_back(&blind.at(deadline).decide()).1, Outcome::RolledBack);
}

#[test]
fn environments_that_are_gone_or_going_cannot_be_swapped() {
    let fit = Scene::at_the_begin_of(Phase::Shift);
    let ending = fit.with(|scene| scene.environment(GREEN).status = EnvironmentStatus::Terminating);
    let decision = ending.decide();
    assert!(taken_back(&decision).0.contains("e-green) is being removed"));
    let gone = fit.with(|scene| scene.remove(GREEN));
    let decision = gone.lasting();
    assert!(taken_back(&decision).0.contains("not there any more"));
}

#[test]
fn a_name_that_somebody_else_gave_to_green_is_not_taken_for_the_release_s_own() {
    let given = Scene::at_the_begin_of(Phase::Shift).with(|scene| {
        let name = scene.environment(BLUE).cname.clone();
        let other = scene.environment(GREEN).cname.clone();
        scene.environment(GREEN).cname = name;
        scene.environment(BLUE).cname = other;
        // While an environment changes, that is no finding yet.
        scene.environment(BLUE).status = EnvironmentStatus::Updating;
    });
    wait(&given.decide());
    let at_rest = given.with(|scene| scene.environment(BLUE).status = EnvironmentStatus::Ready);
    assert!(taken_back(&at_rest.lasting()).0.contains("before it was its turn"));
}

/// After the swap, before users are seen on green; between two looks.
fn shifted() -> Scene {
    let mut run = Run::new(1).until(Phase::Shift, 0);
    while run.release.shifted_at.is_none() {
        assert!(run.step());
    }
    Scene::of(&mut run).with(|scene| {
        // That far in the future no look is due.
        scene.release.watch.last = Some(scene.seen.at + seconds(10_000));
    })
}

fn public(scene: &mut Scene) -> &mut PublicSeen {
    scene.seen.public.as_mut().expect("it was asked for")
}

fn addresses(last: &[u8]) -> Known<BTreeSet<IpAddr>> {
    Known::Known(last.iter().map(|last| IpAddr::from([10, 0, 0, *last])).collect())
}

#[test]
fn the_name_on_green_is_recorded_and_then_looked_up() {
    let scene = shifted();
    let before = scene.with(|scene| {
        scene.release.shifted_at = None;
        scene.release.in_place = false;
    });
    let decision = before.decide();
    assert!(matches!(record(&decision), Event::Shifted));
    assert!(decision.why.to_string().starts_with(SLOT));
    // A large balancer gives each asker some of its addresses.
    for (slot, expected) in [(&[2][..], &[2][..]), (&[2, 3], &[3, 4])] {
        let leads = scene.with(|scene| {
            public(scene).slot_addresses = addresses(slot);
            public(scene).expected_addresses = addresses(expected);
            public(scene).checks.iter_mut().for_each(|check| check.passed = true);
        });
        let decision = leads.decide();
        let Event::ShiftConfirmed { how } = record(&decision) else {
            panic!("{decision:?}");
        };
        assert!(how.contains("it leads to 10.0.0."), "{how}");
    }
}

#[test]
fn a_public_name_that_does_not_go_along_is_not_taken_for_green() {
    let scene = shifted();
    let deadline = scene.release.shifted_at.expect("it is shifted") + seconds(40) + limits::CONFIRM;
    // Green has 10.0.0.2, and blue 10.0.0.1.
    let by = |seen: Known<BTreeSet<IpAddr>>| {
        scene.with(|scene| {
            let public = public(scene);
            (public.slot_addresses, public.expected_addresses) = (addresses(&[2]), addresses(&[2]));
            public.checks.iter_mut().for_each(|check| check.passed = true);
            public.url = Some(UrlSeen {
                name: "example.com".to_owned(),
                addresses: seen,
                of_blue: addresses(&[1]),
            });
        })
    };
    let stays = by(addresses(&[1]));
    assert_eq!(wait(&stays.decide()).1, deadline, "it may be an old answer");
    let decision = stays.at(deadline).decide();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(
        why.contains("example.com in `public_url` leads to blue still (10.0.0.1)"),
        "{why}"
    );
    // It goes along, it is that of a distribution, or nobody knows.
    for seen in [addresses(&[2]), addresses(&[1, 2]), addresses(&[9]), unread()] {
        let decision = by(seen).decide();
        assert!(
            matches!(record(&decision), Event::ShiftConfirmed { .. }),
            "{decision:?}"
        );
    }
}

#[test]
fn a_name_that_leads_elsewhere_for_too_long_takes_green_back() {
    let scene = shifted();
    // Two times to live, and a while.
    let deadline = scene.release.shifted_at.expect("it is shifted") + seconds(40) + limits::CONFIRM;
    let elsewhere = scene.with(|scene| public(scene).slot_addresses = addresses(&[1, 7]));
    let failing = scene.with(|scene| {
        public(scene).slot_addresses = addresses(&[2]);
        let check = &mut public(scene).checks[0];
        (check.passed, check.failure) = (false, None);
    });
    for (scene, words) in [
        (elsewhere, "it leads to 10.0.0.1, 10.0.0.7, and should lead to 10.0.0.2"),
        (failing, "GET /: failed"),
    ] {
        let early = scene.decide();
        assert!(
            matches!(&early.why, Why::Confirming { missing } if missing == words),
            "{early:?}"
        );
        assert_eq!(wait(&early), (scene.seen.at + seconds(2), deadline));
        wait(&scene.at(deadline - INSTANT).decide());
        let decision = scene.at(deadline).decide();
        assert!(taken_back(&decision).0.contains(words), "{decision:?}");
        // A release that was held has as much more time.
        let held = scene.with(|scene| scene.release.extended = seconds(3600));
        wait(&held.at(deadline + seconds(3600) - INSTANT).decide());
        taken_back(&held.at(deadline + seconds(3600)).decide());
    }
}

/// The time that a person took before the move is none in which it could have been seen.
#[test]
fn a_gate_before_the_move_makes_nothing_later_after_it() {
    let mut plan = super::plan::plan();
    plan.gates = vec![GateSpec {
        before: GatePlace::Shift,
        deadline: seconds(4 * 3600).into(),
        at_deadline: AtGateDeadline::RollBack,
    }];
    let mut run = Run::of(plan, 1).when(Phase::Shift, 3 * 3600, Deed::Promote);
    while run.release.shifted_at.is_none() {
        assert!(run.step(), "{}", run.why());
    }
    let scene = Scene::of(&mut run).with(|scene| {
        scene.release.watch.last = Some(scene.seen.at + seconds(10_000));
        public(scene).slot_addresses = unread();
        public(scene).checks.iter_mut().for_each(|check| check.passed = true);
    });
    let shifted = scene.release.shifted_at.expect("it is shifted");
    assert!(
        shifted.since(scene.release.phase_since) >= seconds(3 * 3600),
        "a person took that long"
    );
    let deadline = shifted + seconds(40) + limits::CONFIRM;
    wait(&scene.at(deadline - INSTANT).decide());
    assert!(matches!(
        record(&scene.at(deadline).decide()),
        Event::ShiftConfirmed { .. }
    ));
}

/// Behind one balancer both have the same addresses, and the name may be that of a distribution before it.
#[test]
fn where_rules_share_the_traffic_the_addresses_of_the_name_say_nothing() {
    let mut run = Run::of(super::plan::gradual(crate::spec::Lever::WeightedTargetGroups), 1);
    while !(run.release.phase == Phase::Shift && run.release.whole_step() && run.release.in_place) {
        assert!(run.step());
    }
    let scene = Scene::of(&mut run).with(|scene| {
        scene.release.watch.last = Some(scene.seen.at + seconds(10_000));
        public(scene).slot_addresses = addresses(&[1, 7]);
        public(scene).expected_addresses = addresses(&[2]);
        public(scene).checks.iter_mut().for_each(|check| check.passed = true);
    });
    assert!(matches!(record(&scene.decide()), Event::ShiftConfirmed { .. }));
}

#[test]
fn a_name_that_cannot_be_looked_up_from_here_is_no_fault_of_greens() {
    let scene = shifted();
    let deadline = scene.release.shifted_at.expect("it is shifted") + seconds(40) + limits::CONFIRM;
    for (change, words) in [
        (
            (|scene| scene.seen.public = None) as fn(&mut Scene),
            "it was not looked at yet",
        ),
        (
            |scene| public(scene).slot_addresses = unread(),
            "the name's addresses could not be read: Rate exceeded",
        ),
        (
            |scene| public(scene).expected_addresses = unread(),
            "the environment's addresses could not be read: Rate exceeded",
        ),
    ] {
        let blind = scene.with(change);
        let early = blind.at(deadline - INSTANT).decide();
        assert!(
            matches!(&early.why, Why::Confirming { missing } if missing == words),
            "{early:?}"
        );
        let decision = blind.at(deadline).decide();
        let event = record(&decision);
        assert!(
            matches!(event, Event::ShiftConfirmed { how } if how.contains(words)),
            "{event:?}"
        );
    }
}
