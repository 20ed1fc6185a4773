//! Levers with weights: steps, their order, and the way back.

use super::faults::Fate;
use super::plan::gradual;
use super::run::{Deed, GREEN, Run};
use super::scene::{Scene, known, record};
use super::world::{BLUE, Foreign, seconds};
use crate::model::Span;
use crate::release::{Action, Event, Outcome, Phase, Then, Wish};
use crate::spec::{AtGateDeadline, ForeignAnswer, GatePlace, GateSpec, Lever};
use crate::traffic::Weighting;

const LEVERS: [Lever; 2] = [Lever::WeightedDns, Lever::WeightedTargetGroups];

fn run(lever: Lever) -> Run {
    Run::of(gradual(lever), 1)
}

/// The weightings that were intended, in order.
fn weighed(run: &Run) -> Vec<Weighting> {
    run.entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Intended {
                action: Action::Weigh { weighting, .. },
            } => Some(*weighting),
            _ => None,
        })
        .collect()
}

const FIRST: Weighting = Weighting::Split { blue: 19, green: 1 };
const SECOND: Weighting = Weighting::Split { blue: 1, green: 1 };

#[test]
fn a_good_version_gets_the_traffic_step_by_step() {
    for lever in LEVERS {
        let run = run(lever).finish();
        assert_eq!(run.outcome(), Outcome::Promoted, "{lever}: {}", run.why());
        let mut steps = weighed(&run);
        // What no rule names gets no health checks.
        if lever == Lever::WeightedTargetGroups {
            assert_eq!(steps.remove(0), Weighting::Attached);
        }
        assert_eq!(
            steps,
            [FIRST, SECOND, Weighting::Whole, Weighting::GreenAlone],
            "{lever}"
        );
        let shares = run.world.shares.as_ref().unwrap();
        for place in shares.places.values() {
            assert_eq!(place.iter().collect::<Vec<_>>(), [(&GREEN.to_owned(), &200)]);
        }
    }
}

#[test]
fn each_step_is_watched_as_long_as_it_says_once_everybody_knows_it() {
    let run = run(Lever::WeightedDns).finish();
    let mut in_sync = None;
    let mut confirmed = None;
    let mut steps = 0;
    for entry in &run.entries {
        match &entry.event {
            Event::InSync { .. } => in_sync = Some(entry.at),
            Event::ShiftConfirmed { .. } => {
                let known = in_sync.take().expect("servers know before resolvers do");
                assert!(entry.at >= known + seconds(20), "old answers have run out");
                confirmed = Some(entry.at);
            }
            Event::BakePassed { .. } => {
                let length = [30, 30, 60][steps];
                assert!(entry.at >= confirmed.unwrap() + seconds(length), "step {steps}");
                steps += 1;
            }
            _ => {}
        }
    }
    assert_eq!(steps, 3);
}

#[test]
fn a_bad_version_loses_its_share_in_one_call() {
    for lever in LEVERS {
        let mut run = run(lever);
        run.world.quality.breaks = Some(seconds(5));
        let run = run.finish();
        assert_eq!(run.outcome(), Outcome::RolledBack, "{lever}");
        let steps = weighed(&run);
        assert!(!steps.contains(&SECOND), "{lever}: it was met at 5%");
        assert_eq!(steps.iter().filter(|step| **step == Weighting::Original).count(), 1);
        assert_eq!(steps.last(), Some(&Weighting::Original));
    }
}

#[test]
fn faults_of_the_call_change_nothing_about_the_end() {
    for lever in LEVERS {
        for fate in [
            Fate::LostBefore,
            Fate::AppliedThenLost,
            Fate::NotNow,
            Fate::Late(seconds(15)),
        ] {
            for position in 0..4 {
                let mut run = run(lever);
                let mut fates = vec![Fate::Fine; position];
                fates.push(fate);
                run.world.faults.script.insert("weigh", fates);
                let run = run.finish();
                assert_eq!(
                    run.outcome(),
                    Outcome::Promoted,
                    "{lever} {fate:?} {position}: {}",
                    run.why()
                );
            }
        }
    }
}

#[test]
fn weights_that_somebody_else_writes_are_named_and_answered() {
    for lever in LEVERS {
        for (phase, foreign) in [
            (Phase::Provision, Foreign::Weigh(7)),
            (Phase::Bake, Foreign::Weigh(7)),
            (Phase::Bake, Foreign::Join),
            (Phase::Drain, Foreign::Weigh(7)),
        ] {
            let run = run(lever).when(phase, 3, Deed::Foreign(foreign)).finish();
            let why = run.why();
            assert!(
                why.contains("somebody else has changed the weights of www.example.com"),
                "{lever} {phase}: {why}"
            );
            assert_ne!(run.outcome(), Outcome::Promoted, "{lever} {phase}");
            if phase == Phase::Provision {
                // Nothing was moved yet, so there is nothing to bring back: perhaps blue was taken out on purpose.
                assert_eq!(weighed(&run), [], "{lever}");
            }
        }
        let mut plan = gradual(lever);
        plan.foreign.answer = ForeignAnswer::Restore;
        let run = Run::of(plan, 1)
            .when(Phase::Bake, 3, Deed::Foreign(Foreign::Weigh(7)))
            .finish();
        assert_eq!(run.outcome(), Outcome::Promoted, "{lever}: {}", run.why());
        assert_eq!(
            weighed(&run).iter().filter(|step| **step == FIRST).count(),
            2,
            "{lever}"
        );
    }
}

#[test]
fn a_way_back_that_was_refused_is_not_kept_waiting() {
    for lever in LEVERS {
        let mut run = run(lever).when(Phase::Bake, 5, Deed::Wish(Wish::RollBack));
        let forward = if lever == Lever::WeightedTargetGroups { 2 } else { 1 };
        let mut fates = vec![Fate::Fine; forward];
        fates.extend([Fate::NotNow; 3]);
        run.world.faults.script.insert("weigh", fates);
        let run = run.finish();
        assert_eq!(run.outcome(), Outcome::RolledBack, "{lever}: {}", run.why());
        let tries: Vec<_> = run
            .entries
            .iter()
            .filter(|entry| {
                matches!(&entry.event, Event::Intended { action: Action::Weigh { weighting, .. } }
                    if *weighting == Weighting::Original)
            })
            .map(|entry| entry.at)
            .collect();
        assert_eq!(tries.len(), 4, "{lever}");
        let whole = tries[3].since(tries[0]);
        assert!(whole >= seconds(7) && whole < seconds(12), "{lever}: {whole:?}");
    }
}

#[test]
fn green_is_kept_until_all_servers_know_the_way_back() {
    let run = run(Lever::WeightedDns)
        .when(Phase::Bake, 5, Deed::Wish(Wish::RollBack))
        .finish();
    let at = |wanted: &dyn Fn(&Event) -> bool| run.entries.iter().rposition(|entry| wanted(&entry.event)).unwrap();
    let back = at(&|event| matches!(event, Event::RollbackBegan { .. }));
    let known = at(&|event| matches!(event, Event::InSync { .. }));
    let ended = at(&|event| {
        matches!(
            event,
            Event::Intended {
                action: Action::Terminate { .. }
            }
        )
    });
    assert!(back < known && known < ended, "{back} {known} {ended}");
}

/// The weights look as they should, and somebody else has what they stand for.
#[test]
fn a_swap_by_hand_beneath_weighted_records_calls_a_person() {
    for (phase, after) in [(Phase::Bake, 3), (Phase::Bake, 40), (Phase::Drain, 3)] {
        let mut run = run(Lever::WeightedDns)
            .when(phase, after, Deed::Foreign(Foreign::Swap))
            .finish();
        assert_eq!(run.outcome(), Outcome::NeedsHuman, "{phase}: {}", run.why());
        assert!(run.why().contains("somebody else has swapped names"), "{}", run.why());
        assert!([GREEN, BLUE].iter().all(|id| run.world.find(&(*id).into()).is_some()));
    }
    // Rules lead to target groups, whatever the names are.
    let run = run(Lever::WeightedTargetGroups)
        .when(Phase::Bake, 3, Deed::Foreign(Foreign::Swap))
        .finish();
    assert_eq!(run.outcome(), Outcome::Promoted, "{}", run.why());
}

/// Green's share goes to a stranger then, and blue's name leads to blue as ever: nothing is in the way of the way back.
#[test]
fn a_swap_by_hand_of_green_alone_takes_it_back() {
    for answer in [ForeignAnswer::Stop, ForeignAnswer::Ask] {
        for (phase, after) in [(Phase::Bake, 3), (Phase::Drain, 3)] {
            let mut plan = gradual(Lever::WeightedDns);
            plan.foreign.answer = answer;
            let run = Run::of(plan, 1)
                .when(phase, after, Deed::Foreign(Foreign::SwapGreenAway))
                .when(phase, after + 60, Deed::Wish(Wish::RollBack))
                .finish();
            assert_eq!(run.outcome(), Outcome::RolledBack, "{answer:?} {phase}: {}", run.why());
            assert_eq!(weighed(&run).last(), Some(&Weighting::Original), "{answer:?} {phase}");
            assert!(run.has(|event| matches!(event, Event::Asking { .. })) == (answer == ForeignAnswer::Ask));
        }
    }
}

#[test]
fn an_operator_takes_it_back_from_every_step() {
    for lever in LEVERS {
        for (phase, after) in [
            (Phase::Provision, 1),
            (Phase::Smoke, 1),
            (Phase::Shift, 1),
            (Phase::Bake, 5),
            (Phase::Bake, 100),
            (Phase::Bake, 200),
            (Phase::Drain, 5),
            (Phase::Retire, 5),
        ] {
            let run = run(lever).when(phase, after, Deed::Wish(Wish::RollBack)).finish();
            let ended = run.outcome();
            assert!(
                matches!(ended, Outcome::RolledBack | Outcome::Aborted),
                "{lever} {phase}+{after}: {}",
                run.why()
            );
            let shares = run.world.shares.as_ref().unwrap();
            assert_eq!(shares.places, shares.original, "{lever} {phase}+{after}");
            assert_eq!(run.world.holder(), Some(BLUE.into()));
        }
    }
}

#[test]
fn a_gate_stands_before_its_step() {
    let mut plan = gradual(Lever::WeightedDns);
    plan.gates.push(GateSpec {
        before: GatePlace::Step(2),
        deadline: crate::model::Span::from_secs(600),
        at_deadline: AtGateDeadline::RollBack,
    });
    let alone = Run::of(plan.clone(), 1).finish();
    assert_eq!(alone.outcome(), Outcome::RolledBack);
    assert_eq!(weighed(&alone), [FIRST, Weighting::Original]);
    let promoted = Run::of(plan, 1).when(Phase::Bake, 60, Deed::Promote).finish();
    assert_eq!(promoted.outcome(), Outcome::Promoted, "{}", promoted.why());
    let opened = promoted
        .entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::GateOpened { .. }))
        .count();
    assert_eq!(opened, 1);
}

#[test]
fn nobody_is_sent_to_a_blue_that_was_told_to_end() {
    for lever in LEVERS {
        let mut run = run(lever);
        while !run.release.attempts_of("terminate").done {
            assert!(run.step());
        }
        // Green's weight is another one, and it has everything all the same.
        let mut harmless = run.clone();
        harmless.world.weigh_by_hand(GREEN, 3);
        let harmless = harmless.finish();
        assert_eq!(harmless.outcome(), Outcome::Promoted, "{lever}: {}", harmless.why());
        run.world.disturbed = true;
        run.world.weigh_by_hand("somebody", 3);
        let run = run.finish();
        assert_eq!(run.outcome(), Outcome::NeedsHuman, "{lever}");
        assert!(run.why().contains("give everything to green by hand"), "{}", run.why());
        assert_eq!(weighed(&run).last(), Some(&Weighting::GreenAlone));
    }
}

#[test]
fn whoever_sets_the_next_weights_by_hand_does_not_get_past_a_gate() {
    for lever in LEVERS {
        let mut plan = gradual(lever);
        plan.gates.push(GateSpec {
            before: GatePlace::Shift,
            deadline: crate::model::Span::from_secs(3600),
            at_deadline: AtGateDeadline::RollBack,
        });
        let mut run = Run::of(plan, 1);
        while run.release.gate.is_none() {
            assert!(run.step());
        }
        run.world.disturbed = true;
        run.world.weigh_by_hand(BLUE, 19);
        run.world.weigh_by_hand(GREEN, 1);
        let run = run.finish();
        assert!(
            run.why().contains("somebody else has changed the weights"),
            "{lever}: {}",
            run.why()
        );
        assert!(!weighed(&run).contains(&FIRST), "{lever}");
    }
}

#[test]
fn what_somebody_has_removed_keeps_nothing_else_from_going_back() {
    for lever in LEVERS {
        let mut run = run(lever);
        while run.release.confirmed_at.is_none() {
            assert!(run.step());
        }
        run.world.disturbed = true;
        let shares = run.world.shares.as_mut().unwrap();
        let last = shares.places.keys().last().unwrap().clone();
        shares.places.remove(&last);
        shares.version += 1;
        let run = run.finish();
        assert_eq!(run.outcome(), Outcome::RolledBack, "{lever}: {}", run.why());
        let shares = run.world.shares.as_ref().unwrap();
        for place in shares.places.values() {
            assert_eq!(place.iter().collect::<Vec<_>>(), [(&BLUE.to_owned(), &200)], "{lever}");
        }
    }
}

#[test]
fn weights_that_cannot_be_read_do_not_keep_a_promoted_release_from_its_end() {
    for lever in LEVERS {
        let mut run = run(lever);
        while run.release.drained.is_none() {
            assert!(run.step());
        }
        // Environments are read, and weights are not.
        run.world.shares_hidden = true;
        let run = run.finish();
        assert_eq!(run.outcome(), Outcome::Promoted, "{lever}: {}", run.why());
        if lever == Lever::WeightedDns {
            assert!(run.why().contains("the weights could not be read"), "{}", run.why());
        }
    }
}

#[test]
fn a_time_to_live_that_somebody_raises_is_put_on_record() {
    let kept = |phase: Phase, ttl: u32| {
        let mut run = run(Lever::WeightedDns).until(phase, 0);
        run.world.pass(seconds(1));
        let scene = Scene::of(&mut run).with(|scene| known(&mut scene.seen.split).ttl = Some(ttl));
        match scene.decide().then {
            Then::Record(event @ Event::KeptLonger { .. }) => Some(run.then(scene.release, event)),
            _ => None,
        }
    };
    let hour = seconds(3600);
    for phase in [Phase::Provision, Phase::Smoke, Phase::Shift, Phase::Bake] {
        let told = kept(phase, 3600).expect("it is told");
        assert_eq!(told.dns_ttl(), hour, "{phase}");
    }
    // The plan's is 20 s.
    assert_eq!(kept(Phase::Bake, 20), None);
    assert!(kept(Phase::Bake, 21).is_some());
    // Nobody is told of blue any more.
    for phase in [Phase::Drain, Phase::Retire] {
        assert_eq!(kept(phase, 3600), None, "{phase}");
    }
    // The way back waits for it when traffic is back, and not before.
    let mut run = run(Lever::WeightedDns);
    run.world.quality.breaks = Some(seconds(10));
    let mut run = run.until(Phase::RollBack, 0);
    run.world.pass(seconds(1));
    let raised = |run: &mut Run| Scene::of(run).with(|scene| known(&mut scene.seen.split).ttl = Some(3600));
    assert!(matches!(raised(&mut run).decide().then, Then::Act(_)));
    while !run.has(|event| matches!(event, Event::TrafficRestored { .. })) {
        assert!(run.step());
    }
    let scene = raised(&mut run);
    let event = record(&scene.decide()).clone();
    assert!(matches!(event, Event::KeptLonger { .. }), "{event:?}");
    // It is told once, and the longest counts.
    let told = run.then(scene.release.clone(), event);
    let told = scene.with(|scene| scene.release = told);
    assert!(!matches!(told.decide().then, Then::Record(Event::KeptLonger { .. })));
    let lower = run.then(
        told.release.clone(),
        Event::KeptLonger {
            ttl: Span::from_secs(60),
        },
    );
    assert_eq!(lower.dns_ttl(), hour);
}
