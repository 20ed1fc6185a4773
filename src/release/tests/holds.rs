//! Pauses, and gates that wait for a person.

use std::time::Duration;

use super::plan::plan;
use super::run::{Crash, Deed, GREEN, Run};
use super::world::{BLUE, Foreign, seconds};
use crate::model::Span;
use crate::release::{Entry, Event, Outcome, Phase, Wish};
use crate::spec::{AtGateDeadline, GatePlace, GateSpec};

const FORWARD: [Phase; 8] = [
    Phase::Preflight,
    Phase::Publish,
    Phase::Provision,
    Phase::Smoke,
    Phase::Shift,
    Phase::Bake,
    Phase::Drain,
    Phase::Retire,
];

fn pause(length: u64) -> Deed {
    Deed::Wish(Wish::Pause {
        length: Span::from_secs(length),
    })
}

/// The entries from the first that fits one to the first that fits the other.
fn between(run: &Run, from: impl Fn(&Event) -> bool, to: impl Fn(&Event) -> bool) -> Vec<&Entry> {
    run.entries
        .iter()
        .skip_while(|entry| !from(&entry.event))
        .take_while(|entry| !to(&entry.event))
        .collect()
}

fn paused(event: &Event) -> bool {
    matches!(event, Event::Paused { .. })
}

fn pause_ended(event: &Event) -> bool {
    matches!(event, Event::PauseEnded { .. })
}

#[test]
fn a_pause_holds_every_step_forward_and_no_deadline_passes_in_it() {
    // Longer than every deadline of the plan.
    let length = 4000;
    for phase in FORWARD {
        for after in [0, 3, 20] {
            let run = Run::new(after).when(phase, after, pause(length)).finish();
            run.ends(Outcome::Promoted);
            if !run.has(paused) {
                continue;
            }
            assert!(run.took() >= seconds(length), "{phase} {after}");
            let held = between(&run, paused, pause_ended);
            let (first, last) = (held[0].at, held[held.len() - 1].at);
            run.require(last.since(first) + seconds(60) >= seconds(length), "it ended early");
            for entry in held {
                run.require(
                    !matches!(
                        entry.event,
                        Event::Intended { .. }
                            | Event::Published
                            | Event::GreenReady { .. }
                            | Event::SmokeRound { .. }
                            | Event::SmokePassed
                            | Event::ShiftConfirmed { .. }
                            | Event::BakePassed { .. }
                            | Event::Drained { .. }
                            | Event::Finished { .. }
                    ),
                    &format!("a step forward in a pause: {:?}", entry.event),
                );
            }
        }
    }
}

#[test]
fn a_pause_takes_effect_at_once_and_ends_when_asked() {
    for phase in [Phase::Provision, Phase::Bake, Phase::Retire] {
        let run = Run::new(1)
            .when(phase, 5, pause(40_000))
            .when(phase, 500, Deed::Wish(Wish::Resume))
            .finish();
        run.ends(Outcome::Promoted);
        let asked = run
            .entries
            .iter()
            .position(|entry| matches!(entry.event, Event::Asked { .. }));
        let next = &run.entries[asked.expect("it was asked for") + 1].event;
        run.require(paused(next), "the next entry takes note of it");
        assert!(run.took() < seconds(1500), "{phase}: {:?}", run.took());
    }
}

#[test]
fn a_pause_never_keeps_traffic_on_a_bad_green() {
    let mut run = Run::new(1).when(Phase::Bake, 1, pause(40_000));
    run.world.quality.breaks = Some(seconds(60));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(run.has(paused));
    assert!(run.took() < seconds(600), "{:?}", run.took());
    for wish in [Wish::RollBack, Wish::Abort] {
        for phase in [Phase::Provision, Phase::Smoke, Phase::Bake, Phase::Retire] {
            let run = Run::new(1)
                .when(phase, 1, pause(40_000))
                .when(phase, 30, Deed::Wish(wish.clone()))
                .finish();
            run.require(
                matches!(run.outcome(), Outcome::Aborted | Outcome::RolledBack),
                "it turned back",
            );
            assert!(!run.exists(GREEN));
            let position = run
                .entries
                .iter()
                .position(|entry| matches!(&entry.event, Event::Asked { wish: asked } if *asked == wish))
                .expect("it was asked for");
            run.require(
                matches!(run.entries[position + 1].event, Event::RollbackBegan { .. }),
                "the next entry is the answer",
            );
        }
    }
    // Where it is too late for that, the pause has its end all the same.
    for wish in [Wish::RollBack, Wish::Abort] {
        let run = Run::new(1)
            .when(Phase::Retire, 64, pause(100))
            .when(Phase::Retire, 66, Deed::Wish(wish))
            .finish();
        run.ends(Outcome::Promoted);
        assert!(run.has(paused) && run.has(pause_ended));
        assert!(!run.exists(BLUE));
    }
    // While traffic goes back there is nothing to pause.
    let mut run = Run::new(1).when(Phase::RollBack, 0, pause(40_000));
    run.world.quality.breaks = Some(seconds(30));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(!run.has(paused) && run.took() < seconds(600));
}

fn gated(before: GatePlace, at_deadline: AtGateDeadline) -> Run {
    let mut plan = plan();
    // Longer than any deadline of a phase.
    plan.gates = vec![GateSpec {
        before,
        deadline: Span::from_secs(5000),
        at_deadline,
    }];
    Run::of(plan, 1)
}

fn opened(event: &Event) -> bool {
    matches!(event, Event::GateOpened { .. })
}

#[test]
fn a_gate_that_is_promoted_lets_the_release_through() {
    for (before, phase) in [(GatePlace::Shift, Phase::Shift), (GatePlace::Drain, Phase::Bake)] {
        let run = gated(before, AtGateDeadline::RollBack)
            .when(phase, 3000, Deed::Promote)
            .finish();
        run.ends(Outcome::Promoted);
        assert!(
            run.took() > seconds(3000) && run.took() < seconds(4000),
            "{:?}",
            run.took()
        );
        let waiting = between(&run, opened, |event| matches!(event, Event::GatePassed { .. }));
        run.require(
            !waiting
                .iter()
                .any(|entry| matches!(entry.event, Event::Intended { .. } | Event::BakePassed { .. })),
            "nothing went forward at the gate",
        );
        let passed = &run.release.gates_passed[0];
        assert_eq!(passed.before, before);
        assert_eq!(passed.id, format!("7-{before}-{}", waiting[0].sequence));
        assert!(passed.how.contains("process 99"), "who it was is known: {}", passed.how);
    }
}

#[test]
fn a_gate_at_which_nobody_comes_ends_as_it_is_set() {
    let run = gated(GatePlace::Shift, AtGateDeadline::RollBack).finish();
    run.ends(Outcome::Aborted);
    assert!(run.world.swaps.is_empty() && run.exists(BLUE) && !run.exists(GREEN));
    let run = gated(GatePlace::Drain, AtGateDeadline::RollBack).finish();
    run.ends(Outcome::RolledBack);
    for before in [GatePlace::Shift, GatePlace::Drain] {
        let run = gated(before, AtGateDeadline::GoOn).finish();
        run.ends(Outcome::Promoted);
        assert!(run.took() >= seconds(5000));
    }
}

#[test]
fn an_answer_for_another_gate_opens_nothing() {
    for gate in ["7-shift-1", "6-shift-30", "7-drain-30", "shift", ""] {
        let wish = Wish::Promote { gate: gate.to_owned() };
        let run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
            .when(Phase::Shift, 5, Deed::Wish(wish))
            .finish();
        run.ends(Outcome::Aborted);
    }
}

#[test]
fn guards_look_while_somebody_is_waited_for() {
    // With traffic: green breaks.
    let mut run = gated(GatePlace::Drain, AtGateDeadline::GoOn);
    run.world.quality.breaks = Some(seconds(600));
    let run = run.finish();
    run.ends(Outcome::RolledBack);
    assert!(run.took() < seconds(1500), "{:?}", run.took());
    // Without: somebody ends green, or swaps.
    let run = gated(GatePlace::Shift, AtGateDeadline::GoOn)
        .when(Phase::Shift, 100, Deed::Foreign(Foreign::EndGreen))
        .finish();
    run.ends(Outcome::RolledBack);
    assert!(run.took() < seconds(1500));
    let run = gated(GatePlace::Shift, AtGateDeadline::GoOn)
        .when(Phase::Shift, 100, Deed::Foreign(Foreign::Swap))
        .finish();
    run.ends(Outcome::RolledBack);
    // A green that is not up when the gate is promoted gets no traffic until it is.
    let run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
        .when(Phase::Shift, 100, Deed::Foreign(Foreign::UpdateGreen(300)))
        .when(Phase::Shift, 200, Deed::Promote)
        .finish();
    run.ends(Outcome::Promoted);
    let passed = run.at(|event| matches!(event, Event::GatePassed { .. }));
    let shifted = run.at(|event| matches!(event, Event::Shifted));
    assert!(shifted.since(passed) > seconds(150), "{:?}", shifted.since(passed));
    let run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
        .when(Phase::Shift, 100, Deed::Foreign(Foreign::UpdateGreen(30_000)))
        .when(Phase::Shift, 200, Deed::Promote)
        .finish();
    run.ends(Outcome::RolledBack);
    assert!(run.world.swaps.is_empty());
}

#[test]
fn a_pause_at_a_gate_gives_the_person_more_time() {
    let run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
        .when(Phase::Shift, 4000, pause(3000))
        .when(Phase::Shift, 7500, Deed::Promote)
        .finish();
    run.ends(Outcome::Promoted);
    // The answer is kept while the pause goes on.
    let run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
        .when(Phase::Shift, 100, pause(3000))
        .when(Phase::Shift, 200, Deed::Promote)
        .finish();
    run.ends(Outcome::Promoted);
    assert!(run.took() > seconds(3000));
}

#[test]
fn a_takeover_forgets_no_hold() {
    for ahead in [-290, 290] {
        for away in [1, 400] {
            let mut run = gated(GatePlace::Shift, AtGateDeadline::RollBack)
                .when(Phase::Shift, 4500, Deed::Promote)
                .when(Phase::Bake, 1, pause(2000));
            let whole = run.clone().finish();
            whole.ends(Outcome::Promoted);
            for held in [opened as fn(&Event) -> bool, paused] {
                let after = whole
                    .entries
                    .iter()
                    .find(|entry| held(&entry.event))
                    .expect("it is held");
                run.crashes = vec![Crash {
                    after: after.sequence,
                    away: Duration::from_secs(away),
                    ahead,
                    ..Crash::default()
                }];
                let run = run.clone().finish();
                run.ends(Outcome::Promoted);
                assert!(
                    run.took() + seconds(600) > whole.took(),
                    "{ahead} {away}: the hold was held"
                );
            }
        }
    }
}
