//! What a journal can say, and what it cannot: every event in a state that allows it, and in that state with one thing
//! changed.

use super::plan::{blue, first_entry, plan, release};
use super::run::Run;
use crate::model::{ReleaseNumber, Timestamp};
use crate::release::{
    Action, Blue, CallResult, Entry, Event, FORMAT, Green, IllegalEvent, Look, OpenGate, Outcome, Pause, Pending,
    Phase, Question, Release, RollbackState, Up, Wish, Writer, apply,
};
use crate::spec::{ForeignAnswer, GatePlace, Lever};
use crate::traffic::Weighting;

/// One change to a state.
type Change = fn(&mut Release);

/// A phase, what makes the event possible there, the event, and what each makes it impossible.
type Case = (Phase, Change, fn(&Release) -> Event, &'static [Change]);

pub(super) fn writer(process: u32) -> Writer {
    Writer {
        host: "here".to_owned(),
        process,
        run: "run".to_owned(),
        machine: None,
        user: None,
    }
}

/// A release in a phase, with both environments known.
pub(super) fn state(phase: Phase) -> Release {
    let mut state = release(plan());
    state.phase = phase;
    state.driver = writer(1);
    state.blue = Some(Blue {
        version: None,
        endpoint: None,
        running: 2,
        min_instances: 2,
        max_instances: 4,
        ..blue()
    });
    state.green = Some(Green {
        id: "e-green".into(),
        name: "green".into(),
        cname: Some("green.example".to_owned()),
        endpoint: None,
        reused: false,
        group: None,
    });
    state
}

pub(super) fn entry(release: &Release, event: Event) -> Entry {
    Entry {
        sequence: release.sequence + 1,
        writer: writer(1),
        event,
        ..first_entry(plan())
    }
}

fn allows(release: &Release, event: &Event) -> bool {
    apply(Some(release.clone()), &entry(release, event.clone())).is_ok()
}

/// A call under way, whose intent is entry 5.
fn pending(release: &mut Release) {
    release.pending = Some(Pending {
        intent: 5,
        at: release.started_at,
        action: Action::Prune { keep: 1 },
        result: None,
        ended_at: None,
    });
}

fn another_call(release: &mut Release) {
    pending(release);
    release.pending.as_mut().expect("it is pending").intent = 6;
}

fn answered(release: &mut Release) {
    pending(release);
    release.pending.as_mut().expect("it is pending").result = Some(CallResult::Unknown {
        message: "no answer".to_owned(),
    });
}

fn nothing_pending(release: &mut Release) {
    release.pending = None;
}

fn over(release: &mut Release) {
    release.phase = Phase::Done;
}

fn shifted(release: &mut Release) {
    release.shifted_at = Some(release.started_at);
    release.in_place = true;
}

fn not_shifted(release: &mut Release) {
    release.shifted_at = None;
    release.in_place = false;
}

fn in_steps(release: &mut Release) {
    release.plan = super::plan::gradual(Lever::WeightedTargetGroups);
}

fn weighed(weighting: Weighting) -> Event {
    Event::Intended {
        action: Action::Weigh {
            weighting,
            before: because(),
            green_group: None,
        },
    }
}

fn rolling_back(release: &mut Release) {
    release.rollback = Some(RollbackState {
        since: release.started_at,
        again: 0,
        why: "bad".to_owned(),
        outcome: Outcome::RolledBack,
        from: Phase::Bake,
        restored_at: None,
        watched_from: None,
    });
}

fn restored(release: &mut Release) {
    rolling_back(release);
    release.rollback.as_mut().expect("it is rolling back").restored_at = Some(release.started_at);
}

fn other_blue(release: &mut Release) {
    release.blue.as_mut().expect("it is known").id = "e-other".into();
}

fn other_green(release: &mut Release) {
    release.green.as_mut().expect("it is known").id = "e-other".into();
}

fn no_green(release: &mut Release) {
    release.green = None;
}

fn as_it_is(_: &mut Release) {}

fn swap(from: &str, to: &str) -> Event {
    let action = Action::Swap {
        from: from.into(),
        to: to.into(),
        other_cname: "other".to_owned(),
    };
    Event::Intended { action }
}

fn restores(release: &mut Release) {
    release.plan.foreign.answer = ForeignAnswer::Restore;
}

fn held(release: &mut Release) {
    release.pause = Some(Pause {
        since: release.started_at,
        until: release.started_at,
        by: writer(3),
    });
    release.question = Some(Question {
        what: because(),
        since: release.started_at,
        until: release.started_at,
    });
}

fn gated(release: &mut Release) {
    release.gate = Some(OpenGate {
        id: "7-shift-9".to_owned(),
        before: GatePlace::Shift,
        since: release.started_at,
        until: release.started_at,
        promoted_by: None,
    });
}

fn because() -> String {
    "because".to_owned()
}

fn look(_: &Release) -> Event {
    Event::Looked {
        look: Look::Good,
        measured: None,
    }
}

fn green_of(release: &Release) -> Green {
    release.green.clone().expect("it is known")
}

const CASES: [Case; 42] = [
    (Phase::Publish, as_it_is, |_| Event::Renewed, &[over]),
    (
        Phase::Bake,
        as_it_is,
        |_| Event::TookOver {
            from: writer(1),
            why: because(),
            forced: false,
        },
        &[|release| release.driver = writer(2), over],
    ),
    (
        Phase::Publish,
        as_it_is,
        |_| Event::Intended {
            action: Action::Prune { keep: 1 },
        },
        &[|release| release.phase = Phase::Preflight, pending, over],
    ),
    (
        Phase::Shift,
        as_it_is,
        |_| swap("e-blue", "e-green"),
        &[other_green, no_green, other_blue, shifted, |release| {
            release.phase = Phase::Smoke;
        }],
    ),
    (
        Phase::RollBack,
        as_it_is,
        |_| swap("e-green", "e-blue"),
        &[
            other_blue,
            |release| release.blue = None,
            |release| release.phase = Phase::Bake,
            |release| release.phase = Phase::Shift,
        ],
    ),
    // A name that somebody else has moved is put back only if that is set, and only to where it belongs.
    (
        Phase::Bake,
        |release| {
            restores(release);
            shifted(release);
        },
        |_| swap("e-third", "e-green"),
        &[not_shifted, other_green, |release| {
            release.plan.foreign.answer = ForeignAnswer::Ask;
        }],
    ),
    (
        Phase::Smoke,
        restores,
        |_| swap("e-third", "e-blue"),
        &[shifted, other_blue, |release| {
            release.plan.foreign.answer = ForeignAnswer::Stop;
        }],
    ),
    (
        Phase::Bake,
        as_it_is,
        |release| Event::Paused {
            until: release.started_at,
            by: writer(3),
        },
        &[|release| release.phase = Phase::RollBack, over],
    ),
    (
        Phase::Bake,
        held,
        |_| Event::PauseEnded { how: because() },
        &[|release| release.pause = None],
    ),
    (
        Phase::Bake,
        as_it_is,
        |release| Event::Asking {
            what: because(),
            until: release.started_at,
        },
        &[|release| release.phase = Phase::RollBack, over],
    ),
    (
        Phase::Bake,
        held,
        |_| Event::Answered {
            what: because(),
            how: because(),
            accepted: true,
        },
        &[
            |release| release.question = None,
            |release| release.question.as_mut().expect("it is asked").what = "another".to_owned(),
        ],
    ),
    (
        Phase::Shift,
        as_it_is,
        |release| Event::GateOpened {
            before: GatePlace::Shift,
            until: release.started_at,
        },
        &[gated, |release| release.phase = Phase::Smoke],
    ),
    (
        Phase::Shift,
        gated,
        |_| Event::GatePassed {
            gate: "7-shift-9".to_owned(),
            how: because(),
        },
        &[
            |release| release.gate = None,
            |release| release.gate.as_mut().expect("it is open").id = "6-shift-9".to_owned(),
        ],
    ),
    (
        Phase::Publish,
        pending,
        |_| Event::Called {
            intent: 5,
            result: CallResult::Accepted { detail: None },
        },
        &[another_call, answered, nothing_pending],
    ),
    (
        Phase::Publish,
        answered,
        |_| Event::Resolved {
            intent: 5,
            applied: true,
            how: because(),
        },
        &[another_call, nothing_pending],
    ),
    (
        Phase::Preflight,
        as_it_is,
        |_| Event::Refused { problems: Vec::new() },
        &[|release| release.phase = Phase::Publish],
    ),
    (
        Phase::Preflight,
        as_it_is,
        |release| Event::PreflightPassed {
            blue: Box::new(release.blue.clone().expect("it is known")),
            notes: Vec::new(),
            absent_alarms: Box::default(),
        },
        &[|release| release.phase = Phase::Publish],
    ),
    (Phase::Publish, as_it_is, |_| Event::Published, &[pending]),
    (
        Phase::Provision,
        no_green,
        |_| Event::GreenFound {
            green: green_of(&state(Phase::Provision)),
        },
        &[|release| *release = state(Phase::Provision)],
    ),
    (
        Phase::Provision,
        as_it_is,
        |_| Event::GreenUp {
            up: true,
            missing: Vec::new(),
        },
        &[no_green],
    ),
    (
        Phase::Provision,
        |release| {
            release.up_since = Some(Up {
                since: release.started_at,
                seen: release.started_at,
            });
        },
        |release| Event::GreenReady {
            green: green_of(release),
        },
        &[
            |release| release.up_since = None,
            |release| release.green.as_mut().expect("it is known").cname = None,
        ],
    ),
    (
        Phase::Smoke,
        as_it_is,
        |_| Event::SmokeRound { failures: Vec::new() },
        &[|release| release.phase = Phase::Provision],
    ),
    (
        Phase::Smoke,
        |release| release.smoke.passed = 2,
        |_| Event::SmokePassed,
        &[|release| release.smoke.passed = 1],
    ),
    (
        Phase::Shift,
        |release| release.shift_intended = true,
        |_| Event::Shifted,
        &[|release| release.shift_intended = false, shifted],
    ),
    (
        Phase::Shift,
        shifted,
        |_| Event::InSync { how: because() },
        &[
            |release| release.in_sync_at = Some(release.started_at),
            |release| release.phase = Phase::Smoke,
        ],
    ),
    (
        Phase::Bake,
        as_it_is,
        |_| Event::KeptLonger {
            ttl: crate::model::Span::from_secs(3600),
        },
        &[
            |release| release.phase = Phase::Preflight,
            |release| release.phase = Phase::Drain,
            |release| release.phase = Phase::Retire,
        ],
    ),
    (
        Phase::Shift,
        in_steps,
        |_| weighed(Weighting::Attached),
        &[shifted, |release| release.phase = Phase::Smoke],
    ),
    (
        Phase::Shift,
        in_steps,
        |_| weighed(Weighting::Split { blue: 19, green: 1 }),
        &[
            |release| release.in_place = true,
            |release| release.step = 1,
            |release| release.phase = Phase::Bake,
            |release| release.blue = None,
        ],
    ),
    (
        Phase::Retire,
        in_steps,
        |_| weighed(Weighting::GreenAlone),
        &[|release| release.phase = Phase::Bake],
    ),
    (
        Phase::RollBack,
        in_steps,
        |_| weighed(Weighting::Original),
        &[|release| release.phase = Phase::Bake, pending],
    ),
    (
        Phase::Bake,
        |release| {
            in_steps(release);
            release.weighting = Weighting::Split { blue: 19, green: 1 };
            release.plan.foreign.answer = ForeignAnswer::Restore;
        },
        |_| weighed(Weighting::Split { blue: 19, green: 1 }),
        &[|release| release.plan.foreign.answer = ForeignAnswer::Stop],
    ),
    (
        Phase::Shift,
        shifted,
        |_| Event::ShiftConfirmed { how: because() },
        &[not_shifted],
    ),
    (Phase::Shift, shifted, look, &[not_shifted]),
    (
        Phase::Retire,
        shifted,
        look,
        &[|release| {
            release.phase = Phase::RollBack;
        }],
    ),
    (
        Phase::Bake,
        as_it_is,
        |_| Event::BakePassed { how: None },
        &[|release| release.watch.bad = 1],
    ),
    (
        Phase::Drain,
        as_it_is,
        |_| Event::Quiet {
            quiet: true,
            requests: Some(0),
        },
        &[|release| release.phase = Phase::Bake],
    ),
    (
        Phase::Drain,
        as_it_is,
        |_| Event::Drained {
            how: because(),
            remove_blue: true,
        },
        // In retire, blue can be spared, and not be condemned.
        &[|release| release.phase = Phase::Retire],
    ),
    (
        Phase::Retire,
        as_it_is,
        |_| Event::Drained {
            how: because(),
            remove_blue: false,
        },
        &[|release| release.phase = Phase::Bake],
    ),
    (
        Phase::Bake,
        as_it_is,
        |_| Event::RollbackBegan {
            why: because(),
            outcome: Outcome::RolledBack,
        },
        &[|release| release.phase = Phase::Preflight],
    ),
    (
        Phase::RollBack,
        restored,
        |_| Event::RollbackBegan {
            why: because(),
            outcome: Outcome::RolledBack,
        },
        &[rolling_back, |release| release.rollback = None],
    ),
    (
        Phase::RollBack,
        rolling_back,
        |_| Event::TrafficRestored { how: because() },
        &[pending, restored, |release| release.rollback = None],
    ),
    (
        Phase::Preflight,
        as_it_is,
        |_| Event::Finished {
            outcome: Outcome::Aborted,
            why: because(),
            left: None,
        },
        &[over],
    ),
];

#[test]
fn an_event_is_refused_where_it_cannot_be() {
    for (phase, prepare, event, spoils) in CASES {
        let mut possible = state(phase);
        prepare(&mut possible);
        let event = event(&possible);
        assert!(allows(&possible, &event), "{event:?} in {phase}");
        for (at, spoil) in spoils.iter().enumerate() {
            let mut impossible = possible.clone();
            spoil(&mut impossible);
            // What the event says of green is what is known of it.
            let event = match &event {
                Event::GreenReady { .. } => Event::GreenReady {
                    green: green_of(&impossible),
                },
                other => other.clone(),
            };
            assert!(!allows(&impossible, &event), "{event:?} in {phase}, change {at}");
        }
    }
    let again = Event::Started { plan: Box::new(plan()) };
    assert!(!allows(&state(Phase::Publish), &again), "a release begins once");
}

#[test]
fn a_release_begins_with_its_own_plan_and_goes_on_without_a_gap() {
    let first = first_entry(plan());
    let mut other = first.clone();
    other.release.number = ReleaseNumber(8);
    assert!(matches!(apply(None, &other), Err(IllegalEvent::Event { .. })));
    let renewed = Entry {
        event: Event::Renewed,
        ..first.clone()
    };
    assert!(matches!(apply(None, &renewed), Err(IllegalEvent::Event { .. })));
    let begun = release(plan());
    for sequence in [0, 1, 3] {
        let gap = Entry {
            sequence,
            ..renewed.clone()
        };
        let error = apply(Some(begun.clone()), &gap).expect_err("entry 2 is next");
        assert!(matches!(error, IllegalEvent::Sequence { last: 1, found, .. } if found == sequence));
    }
}

#[test]
fn a_format_that_is_not_known_is_refused_and_an_older_one_is_read() {
    let with = |format| {
        let entry = Entry {
            format,
            ..first_entry(plan())
        };
        apply(None, &entry)
    };
    let error = with(FORMAT + 1).expect_err("nobody knows what it means");
    assert!(matches!(error, IllegalEvent::Format { format, .. } if format == FORMAT + 1));
    assert!(with(FORMAT).is_ok() && with(FORMAT - 1).is_ok());
}

#[test]
fn a_long_event_is_told_shortened() {
    let event = Event::TrafficRestored { how: "ö".repeat(500) };
    let release = state(Phase::Bake);
    let error = apply(Some(release.clone()), &entry(&release, event)).expect_err("it is not rolling back");
    let text = error.to_string();
    assert!(text.contains("TrafficRestored") && text.contains("…"), "{text}");
    assert!(text.contains("in phase bake") && text.chars().count() < 300, "{text}");
}

#[test]
fn whoever_writes_drives_but_not_an_operator() {
    let release = state(Phase::Bake);
    let later = release.owned_until + std::time::Duration::from_secs(100);
    let by_another = |event| {
        let entry = Entry {
            writer: writer(2),
            owned_until: later,
            ..entry(&release, event)
        };
        apply(Some(release.clone()), &entry).expect("it can be")
    };
    let renewed = by_another(Event::Renewed);
    assert_eq!((renewed.driver, renewed.owned_until), (writer(2), later));
    let asked = by_another(Event::Asked { wish: Wish::RollBack });
    assert_eq!((asked.driver, asked.owned_until), (writer(1), release.owned_until));
    assert!(asked.wishes.roll_back && !asked.wishes.abort && !asked.wishes.end_wait);
}

#[test]
fn a_green_that_was_seen_up_lately_has_been_up_all_along() {
    let mut state = state(Phase::Provision);
    let at = |seconds: u64| Timestamp::from_millis(1_000_000) + std::time::Duration::from_secs(seconds);
    let mut up_at = |moment, up| {
        let event = Event::GreenUp {
            up,
            missing: Vec::new(),
        };
        let entry = Entry {
            at: moment,
            ..entry(&state, event)
        };
        state = apply(Some(state.clone()), &entry).expect("it can be");
        state.up_since
    };
    let up = |since, seen| Some(Up { since, seen });
    assert_eq!(up_at(at(0), true), up(at(0), at(0)));
    assert_eq!(up_at(at(40), true), up(at(0), at(40)), "seen within 40 s");
    assert_eq!(up_at(at(81), true), up(at(81), at(81)), "not seen for 41 s");
    assert_eq!(up_at(at(90), false), None);
    assert_eq!(up_at(at(95), true), up(at(95), at(95)));
}

#[test]
fn time_that_was_not_watched_is_added_to_the_bake() {
    let run = Run::new(1).until(Phase::Bake, 0);
    let mut run = run;
    let mut after = |gap: u64, look: Look| {
        run.release.watch.last = Some(run.world.now);
        run.release.watch.lost = std::time::Duration::ZERO;
        run.release.watch.away = std::time::Duration::ZERO;
        run.world.pass(super::world::seconds(gap));
        let watch = run
            .then(run.release.clone(), Event::Looked { look, measured: None })
            .watch;
        assert_eq!(watch.last, Some(run.world.now));
        (watch.lost.as_secs(), watch.away.as_secs())
    };
    let bad = || Look::Bad { why: because() };
    let unknown = || Look::Unknown { why: because() };
    // Looks are 10 s apart; up to three times that is a driver that is slow, and more is one that was away.
    assert_eq!(after(10, Look::Good), (0, 0));
    assert_eq!(after(30, Look::Good), (0, 0));
    assert_eq!(after(50, Look::Good), (20, 20));
    assert_eq!(after(10, bad()), (10, 0));
    assert_eq!(after(50, bad()), (50, 20));
    assert_eq!(after(10, unknown()), (10, 0));
    assert_eq!(after(50, unknown()), (50, 20));
}
