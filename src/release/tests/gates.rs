//! Pauses and gates: what they hold back, what they let through, and how they end.

use super::possible::writer;
use super::run::GREEN;
use super::scene::{INSTANT, Scene, act, known, over, record, taken_back, unread, wait, watched};
use super::world::{BLUE, seconds};
use crate::model::{HealthStatus, Span, Timestamp};
use crate::release::{Action, Decision, Event, OpenGate, Outcome, PassedGate, Pause, PauseAsked, Phase, Then, Why};
use crate::spec::{AtGateDeadline, GatePlace, GateSpec};

/// It is paused from now on, for so many seconds.
fn pause(scene: &Scene, length: u64) -> (Scene, Timestamp) {
    let until = scene.seen.at + seconds(length);
    let paused = scene.with(|scene| {
        scene.release.held_since = Some(scene.seen.at);
        scene.release.pause = Some(Pause {
            since: scene.seen.at,
            until,
            by: writer(3),
        });
    });
    (paused, until)
}

fn ends(decision: &Decision) -> &str {
    match record(decision) {
        Event::PauseEnded { how } => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pause_begins_when_the_driver_takes_note_of_it() {
    let asked = Scene::at_the_begin_of(Phase::Bake).with(|scene| {
        scene.release.wishes.pause = Some(PauseAsked {
            length: Span::from_secs(100),
            by: writer(3),
        });
    });
    let wanted = asked.seen.at + seconds(100);
    let decision = asked.decide();
    let Event::Paused { until, by } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert_eq!((*until, by), (wanted, &writer(3)));
    // Whoever wants to go back is not kept waiting by anything.
    for change in [
        (|scene| scene.release.wishes.roll_back = true) as fn(&mut Scene),
        |scene| scene.release.wishes.abort = true,
    ] {
        assert_eq!(taken_back(&asked.with(change).decide()).1, Outcome::RolledBack);
    }
}

#[test]
fn a_pause_ends_in_time_or_when_somebody_asks() {
    let (paused, until) = pause(&Scene::at_the_begin_of(Phase::Shift), 300);
    let early = paused.at(until - INSTANT).decide();
    assert!(matches!(early.why, Why::Paused { .. }), "{early:?}");
    assert_eq!(ends(&paused.at(until).decide()), "its time was over");
    let asked = paused.with(|scene| scene.release.wishes.resume = Some(writer(4)));
    assert!(ends(&asked.decide()).contains("asked for it"));
    let turned = asked.with(|scene| scene.release.wishes.roll_back = true);
    assert_eq!(taken_back(&turned.decide()).1, Outcome::Aborted);
}

#[test]
fn a_pause_says_who_wants_it_and_until_when() {
    let (paused, until) = pause(&Scene::at_the_begin_of(Phase::Shift), 300);
    let decision = paused.decide();
    let Why::Paused { by, until: told } = &decision.why else {
        panic!("{decision:?}");
    };
    assert_eq!((by.as_str(), *told), (writer(3).to_string().as_str(), until));
    assert_eq!(wait(&decision), (paused.seen.at + seconds(10), until));
    let often = paused.with(|scene| scene.release.plan.bake.interval = seconds(3).into());
    assert_eq!(wait(&often.decide()).0, paused.seen.at + seconds(3));
    let last = paused.at(until - seconds(2));
    assert_eq!(wait(&last.decide()), (until, until));
}

/// A bake whose time is over, between two looks.
fn baked() -> Scene {
    Scene::at_the_begin_of(Phase::Bake).with(|scene| {
        let over = scene.began() + seconds(60);
        *scene = scene.at(over);
        scene.release.watch.last = Some(over);
        scene.release.watch.good_in_row = 1;
        scene.seen.public = None;
    })
}

#[test]
fn a_pause_holds_back_every_step_forward() {
    let published = Scene::at_the_begin_of(Phase::Publish);
    assert!(matches!(published.decide().then, Then::Act(_)));
    let swap = Scene::at_the_begin_of(Phase::Shift);
    assert!(matches!(act(&swap.decide()), Action::Swap { .. }));
    let smoke = Scene::at_the_begin_of(Phase::Smoke);
    assert!(matches!(record(&smoke.decide()), Event::SmokeRound { .. }));
    let smoked = smoke.with(|scene| scene.release.smoke.passed = 2);
    assert!(matches!(record(&smoked.decide()), Event::SmokePassed));
    assert!(matches!(record(&baked().decide()), Event::BakePassed { .. }));
    let preflight = Scene::of(&mut super::run::Run::new(1));
    assert!(matches!(record(&preflight.decide()), Event::PreflightPassed { .. }));
    for scene in [published, swap, smoke, smoked, baked(), preflight] {
        let decision = pause(&scene, 300).0.decide();
        assert!(matches!(decision.why, Why::Paused { .. }), "{decision:?}");
    }
    // The last words of a promotion are a step forward, too.
    let pruned = Scene::at_the_begin_of(Phase::Retire).with(|scene| {
        let drained = scene.release.drained.as_mut().expect("it is drained");
        drained.remove_blue = false;
        scene.attempts("prune").done = true;
    });
    assert_eq!(over(&pruned.decide()).1, Outcome::Promoted);
    assert!(matches!(pause(&pruned, 300).0.decide().why, Why::Paused { .. }));
}

#[test]
fn a_pause_lets_pass_what_is_no_step_forward() {
    // A look at green.
    let look = pause(&watched(), 300).0;
    assert!(matches!(record(&look.decide()), Event::Looked { .. }));
    // A green that is bad.
    let bad = baked().with(|scene| scene.release.watch.bad = 2);
    assert_eq!(taken_back(&pause(&bad, 300).0.decide()).1, Outcome::RolledBack);
    // A finding.
    let gone = Scene::at_the_begin_of(Phase::Shift).with(|scene| scene.remove(GREEN));
    assert!(matches!(pause(&gone, 300).0.decide().why, Why::Astray { .. }));
    // A call for a person.
    let unknown = Scene::at_the_begin_of(Phase::Retire).with(|scene| {
        scene.release.drained = None;
    });
    assert_eq!(over(&pause(&unknown, 300).0.decide()).1, Outcome::NeedsHuman);
    // The way back.
    let mut run = super::run::Run::new(1);
    run.world.quality.breaks = Some(seconds(30));
    let back = Scene::of(&mut run.until(Phase::RollBack, 0));
    assert!(matches!(act(&pause(&back, 300).0.decide()), Action::Swap { .. }));
}

#[test]
fn no_deadline_passes_while_a_release_is_held() {
    let sick = Scene::at_the_begin_of(Phase::Shift).with(|scene| {
        known(&mut scene.seen.green_health).status = Some(HealthStatus::Warning);
    });
    let deadline = sick.began() + crate::release::limits::SHIFT;
    assert_eq!(wait(&sick.decide()).1, deadline);
    let before = sick.with(|scene| scene.release.extended = seconds(50));
    assert_eq!(wait(&before.decide()).1, deadline + seconds(50));
    let held = before.with(|scene| scene.release.held_since = Some(scene.seen.at - seconds(7)));
    assert_eq!(wait(&held.decide()).1, deadline + seconds(57));
}

#[test]
fn the_time_that_people_may_take_is_planned_for() {
    let mut plan = super::plan::plan();
    let before = plan.longest_planned();
    plan.gates.push(gate(GatePlace::Shift, AtGateDeadline::RollBack));
    plan.gates.push(gate(GatePlace::Drain, AtGateDeadline::RollBack));
    assert_eq!(plan.longest_planned(), before + seconds(1200));
    plan.retire.warm = Span::from_millis(plan.retire.warm.get().as_millis() as u64 + 50_000);
    assert_eq!(plan.longest_planned(), before + seconds(1250));
}

fn gate(before: GatePlace, at_deadline: AtGateDeadline) -> GateSpec {
    GateSpec {
        before,
        deadline: Span::from_secs(600),
        at_deadline,
    }
}

/// The two places of gates, and what they hold back.
fn gated(at_deadline: AtGateDeadline) -> [(Scene, GatePlace); 2] {
    [
        (Scene::at_the_begin_of(Phase::Shift), GatePlace::Shift),
        (baked(), GatePlace::Drain),
    ]
    .map(|(scene, before)| {
        (
            scene.with(|scene| scene.release.plan.gates.push(gate(before, at_deadline))),
            before,
        )
    })
}

/// Somebody is waited for from now on.
fn open(scene: &Scene, before: GatePlace) -> (Scene, Timestamp) {
    let until = scene.seen.at + seconds(600);
    let open = scene.with(|scene| {
        scene.release.gate = Some(OpenGate {
            id: "7-here-9".to_owned(),
            before,
            since: scene.seen.at,
            until,
            promoted_by: None,
        });
    });
    (open, until)
}

#[test]
fn a_gate_opens_where_it_stands_and_once() {
    for (scene, place) in gated(AtGateDeadline::RollBack) {
        let decision = scene.decide();
        let Event::GateOpened { before, until } = record(&decision) else {
            panic!("{decision:?}");
        };
        assert_eq!((*before, *until), (place, scene.seen.at + seconds(600)));
        let passed = |place: GatePlace| {
            scene.with(|scene| {
                scene.release.gates_passed.push(PassedGate {
                    id: "7-here-9".to_owned(),
                    before: place,
                    how: "somebody promoted it".to_owned(),
                });
            })
        };
        let goes_on = |decision: &Decision| match &decision.then {
            Then::Act(Action::Swap { .. }) => place == GatePlace::Shift,
            Then::Record(Event::BakePassed { .. }) => place == GatePlace::Drain,
            _ => false,
        };
        assert!(goes_on(&passed(place).decide()), "{place}");
        let other = match place {
            GatePlace::Shift => GatePlace::Drain,
            GatePlace::Drain | GatePlace::Step(_) => GatePlace::Shift,
        };
        assert!(
            matches!(record(&passed(other).decide()), Event::GateOpened { .. }),
            "{place}"
        );
        let elsewhere = scene.with(|scene| scene.release.plan.gates[0].before = other);
        assert!(goes_on(&elsewhere.decide()), "{place}");
    }
    // A name that is put back passes no gate: green had it before.
    let moved = baked().with(|scene| {
        scene
            .release
            .plan
            .gates
            .push(gate(GatePlace::Shift, AtGateDeadline::RollBack));
        scene.release.plan.foreign.answer = crate::spec::ForeignAnswer::Restore;
        for one in scene.environments() {
            one.cname = Some(format!("{}.example", one.id));
        }
        scene.environment(BLUE).cname = Some(super::plan::SLOT.to_owned());
    });
    assert!(matches!(act(&moved.lasting()), Action::Swap { .. }));
}

#[test]
fn at_a_gate_somebody_is_waited_for() {
    for (at_deadline, words) in [
        (AtGateDeadline::GoOn, ["the release goes on", "the release goes on"]),
        (
            AtGateDeadline::RollBack,
            ["green is given up, without having had traffic", "green is taken back"],
        ),
    ] {
        for ((scene, place), words) in gated(at_deadline).into_iter().zip(words) {
            let (scene, until) = open(&scene, place);
            let decision = scene.decide();
            let wanted = Why::AtGate {
                gate: "7-here-9".to_owned(),
                before: place.to_string(),
                until,
                doubt: None,
            };
            assert_eq!(decision.why, wanted);
            assert_eq!(wait(&decision), (scene.seen.at + seconds(10), until));
            assert!(
                matches!(decision.then, Then::Wait { at_deadline, .. } if at_deadline == words),
                "{decision:?}"
            );
            let promoted = scene.with(|scene| {
                scene.release.gate.as_mut().expect("it is open").promoted_by = Some(writer(3));
            });
            let decision = promoted.decide();
            let Event::GatePassed { gate, how } = record(&decision) else {
                panic!("{decision:?}");
            };
            assert_eq!(gate, "7-here-9");
            assert!(how.ends_with("promoted it"), "{how}");
        }
    }
}

#[test]
fn a_gate_at_which_nobody_comes_ends_as_it_is_set() {
    for (scene, place) in gated(AtGateDeadline::GoOn) {
        let (scene, until) = open(&scene, place);
        wait(&scene.at(until - INSTANT).with(watched_lately).decide());
        let decision = scene.at(until).with(watched_lately).decide();
        assert!(
            matches!(record(&decision), Event::GatePassed { how, .. } if how.contains("nobody promoted")),
            "{decision:?}"
        );
    }
    for ((scene, place), outcome) in gated(AtGateDeadline::RollBack)
        .into_iter()
        .zip([Outcome::Aborted, Outcome::RolledBack])
    {
        let (scene, until) = open(&scene, place);
        wait(&scene.at(until - INSTANT).with(watched_lately).decide());
        let decision = scene.at(until).with(watched_lately).decide();
        assert_eq!(taken_back(&decision).1, outcome, "{place}");
        // A gate that nobody knows any more turns the release, too.
        let unknown = scene
            .at(until)
            .with(watched_lately)
            .with(|scene| scene.release.plan.gates.clear());
        assert_eq!(taken_back(&unknown.decide()).1, outcome, "{place}");
    }
}

fn watched_lately(scene: &mut Scene) {
    scene.release.watch.last = Some(scene.seen.at);
}

#[test]
fn what_is_not_as_it_should_be_is_told_at_a_gate() {
    let [(shift, before), (bake, drain)] = gated(AtGateDeadline::RollBack);
    let doubt = |scene: &Scene| match scene.decide().why {
        Why::AtGate { doubt, .. } => doubt,
        why => panic!("{why:?}"),
    };
    let sick = open(&shift, before).0.with(|scene| {
        known(&mut scene.seen.green_health).status = Some(HealthStatus::Warning);
    });
    assert_eq!(doubt(&sick).as_deref(), Some("green is not up: its health is Warning"));
    let unsure = open(&bake, drain).0.with(|scene| {
        scene.release.watch.good_in_row = 0;
        scene.release.watch.doubt = Some("its health is Grey".to_owned());
    });
    assert_eq!(doubt(&unsure).as_deref(), Some("its health is Grey"));
    let blind = open(&shift, before).0.with(|scene| scene.seen.environments = unread());
    assert_eq!(doubt(&blind), None);
    // Guards look all the same.
    let gone = open(&shift, before).0.with(|scene| scene.remove(GREEN));
    assert!(matches!(gone.decide().why, Why::Astray { .. }));
    let bad = open(&bake, drain).0.with(|scene| scene.release.watch.bad = 2);
    assert_eq!(taken_back(&bad.decide()).1, Outcome::RolledBack);
}
