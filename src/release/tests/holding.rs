//! What wishes, holds and swaps out of turn do to the state: one event at a time.

use super::possible::{entry, state, writer};
use super::world::seconds;
use crate::model::{Span, Timestamp};
use crate::release::{
    Action, CallResult, Drained, Entry, Event, Finding, Outcome, Pending, Phase, Release, RollbackState, Why, Wish,
    apply,
};
use crate::spec::{ForeignAnswer, GatePlace};

/// The state after one more event, so many seconds later, by a writer.
fn by(process: u32, release: Release, after: u64, event: Event) -> Release {
    let entry = Entry {
        at: release.heard_at + seconds(after),
        writer: writer(process),
        ..entry(&release, event)
    };
    apply(Some(release), &entry).expect("it can be")
}

fn then(release: Release, after: u64, event: Event) -> Release {
    by(1, release, after, event)
}

fn asked(release: Release, wish: Wish) -> Release {
    by(3, release, 0, Event::Asked { wish })
}

fn pause() -> Wish {
    Wish::Pause {
        length: Span::from_secs(100),
    }
}

fn because() -> String {
    "because".to_owned()
}

fn turned(mut release: Release) -> Release {
    release.rollback = Some(RollbackState {
        since: release.started_at,
        again: 0,
        why: because(),
        outcome: Outcome::RolledBack,
        from: release.phase,
        restored_at: None,
        watched_from: None,
    });
    release.phase = Phase::RollBack;
    release
}

#[test]
fn a_pause_is_asked_for_begins_and_ends() {
    let release = asked(state(Phase::Bake), pause());
    let wanted = release.wishes.pause.clone().expect("it was asked for");
    assert_eq!((wanted.length, wanted.by), (Span::from_secs(100), writer(3)));
    let until = release.heard_at + seconds(110);
    let release = then(release, 10, Event::Paused { until, by: writer(3) });
    assert_eq!(release.wishes.pause, None);
    let begun = release.pause.clone().expect("it has begun");
    assert_eq!((begun.since, begun.until), (release.heard_at, until));
    assert_eq!(release.held_since, Some(release.heard_at));
    // Another one has another end, and the same beginning.
    let later = until + seconds(50);
    let release = then(
        release,
        5,
        Event::Paused {
            until: later,
            by: writer(4),
        },
    );
    let longer = release.pause.clone().expect("it goes on");
    assert_eq!((longer.since, longer.until, longer.by), (begun.since, later, writer(4)));
    let release = asked(release, Wish::Resume);
    assert_eq!(release.wishes.resume, Some(writer(3)));
    let release = then(release, 15, Event::PauseEnded { how: because() });
    assert!(release.pause.is_none() && release.wishes.resume.is_none() && release.held_since.is_none());
    assert_eq!(release.extended, seconds(20), "as long as it was held");
}

#[test]
fn whoever_wants_to_go_on_takes_back_what_has_not_begun() {
    let release = asked(asked(state(Phase::Bake), pause()), Wish::Resume);
    assert_eq!(release.wishes.pause, None);
    assert_eq!(release.wishes.resume, None, "there is nothing to end");
    let release = asked(turned(state(Phase::Bake)), pause());
    assert_eq!(release.wishes.pause, None, "a pause never holds a way back");
}

#[test]
fn whoever_turns_a_release_first_is_remembered() {
    for (wish, roll_back) in [(Wish::RollBack, true), (Wish::Abort, false)] {
        let release = asked(state(Phase::Bake), wish);
        let release = by(4, release, 0, Event::Asked { wish: Wish::RollBack });
        assert_eq!(release.wishes.turned_by, Some(writer(3)));
        assert_eq!(release.wishes.abort, !roll_back);
    }
    let release = asked(state(Phase::Bake), Wish::EndWait);
    assert!(release.wishes.end_wait && release.wishes.turned_by.is_none());
}

/// Somebody is waited for at a gate, and asked a question, since now and for 1000 s.
fn waited_for() -> (Release, Timestamp) {
    let release = state(Phase::Shift);
    let until = release.heard_at + seconds(1000);
    let before = GatePlace::Shift;
    let release = then(release, 0, Event::GateOpened { before, until });
    let what = because();
    (then(release, 0, Event::Asking { what, until }), until)
}

#[test]
fn a_pause_gives_whoever_is_waited_for_more_time() {
    let (release, until) = waited_for();
    let by = writer(3);
    let release = then(release, 10, Event::Paused { until, by });
    let release = then(release, 70, Event::PauseEnded { how: because() });
    let gate = release.gate.expect("it is open");
    assert_eq!(gate.until, until + seconds(70));
    assert_eq!(release.question.expect("it is asked").until, until + seconds(70));
    // All of it was one hold.
    assert_eq!(release.held_since, Some(gate.since));
}

#[test]
fn an_answer_is_for_one_gate_and_one_question() {
    let (release, _) = waited_for();
    let id = release.gate.as_ref().expect("it is open").id.clone();
    assert_eq!(id, "7-shift-2");
    let other = asked(
        release.clone(),
        Wish::Promote {
            gate: "6-shift-2".to_owned(),
        },
    );
    assert_eq!(other.gate.as_ref().expect("it is open").promoted_by, None);
    let release = asked(release, Wish::Promote { gate: id.clone() });
    let release = by(
        4,
        release,
        0,
        Event::Asked {
            wish: Wish::Promote { gate: id.clone() },
        },
    );
    assert_eq!(release.gate.as_ref().expect("it is open").promoted_by, Some(writer(3)));
    let how = because();
    let release = then(release, 30, Event::GatePassed { gate: id.clone(), how });
    assert!(release.gate.is_none());
    let passed: Vec<_> = release
        .gates_passed
        .iter()
        .map(|gate| (gate.id.as_str(), gate.before))
        .collect();
    assert_eq!(passed, [(id.as_str(), GatePlace::Shift)]);
    for accepted in [false, true] {
        let asked = asked(release.clone(), Wish::Resume);
        assert_eq!(asked.wishes.resume, Some(writer(3)), "a question is answered by it");
        let (what, how) = (because(), because());
        let answered = then(asked, 10, Event::Answered { what, how, accepted });
        assert!(answered.question.is_none() && answered.wishes.resume.is_none());
        assert_eq!(answered.accepted.len(), usize::from(accepted));
        assert_eq!(
            answered.extended,
            seconds(40),
            "the gate and the question were one hold"
        );
    }
}

#[test]
fn nothing_holds_a_release_that_turns_back() {
    let (release, until) = waited_for();
    let by = writer(3);
    let release = then(release, 10, Event::Paused { until, by });
    let release = asked(asked(release, Wish::Resume), pause());
    let (why, outcome) = (because(), Outcome::RolledBack);
    let release = then(release, 10, Event::RollbackBegan { why, outcome });
    assert!(release.pause.is_none() && release.gate.is_none() && release.question.is_none());
    assert!(release.wishes.pause.is_none() && release.wishes.resume.is_none());
    assert_eq!((release.held_since, release.extended), (None, seconds(0)));
}

fn swap(from: &str, to: &str) -> Action {
    Action::Swap {
        from: from.into(),
        to: to.into(),
        other_cname: "other".to_owned(),
    }
}

/// A name that was moved is being put back where it belongs.
fn restoring(phase: Phase) -> Release {
    let mut release = state(phase);
    release.plan.foreign.answer = ForeignAnswer::Restore;
    release.shifted_at = Some(release.started_at);
    release.confirmed_at = Some(release.started_at);
    release.quiet_since = Some(release.started_at);
    release.drained = Some(Drained {
        at: release.started_at,
        how: because(),
        remove_blue: true,
    });
    let action = swap("e-third", "e-green");
    then(release, 100, Event::Intended { action })
}

#[test]
fn a_name_that_is_put_back_is_waited_for_again() {
    for phase in [Phase::Bake, Phase::Drain, Phase::Retire] {
        let began = state(phase).phase_since;
        let release = restoring(phase);
        assert_eq!((release.restores, release.restoring), (1, Some(release.sequence)));
        let mut at = release.heard_at;
        let check = |release: &Release, at: Timestamp| {
            assert_eq!(
                (release.shifted_at, release.watch.last),
                (Some(at), Some(at)),
                "{phase}"
            );
            assert_eq!(release.quiet_since, None, "{phase}");
            assert_eq!(release.confirmed_at == Some(at), phase == Phase::Bake, "{phase}");
            // The bake begins anew, and has as much time for it.
            let lost = if phase == Phase::Bake {
                at.since(release.started_at)
            } else {
                seconds(0)
            };
            assert_eq!(release.extended, lost, "{phase}");
            let drained = if phase == Phase::Retire { Phase::Drain } else { phase };
            assert_eq!(release.phase, drained);
            assert_eq!(release.drained.is_none(), phase == Phase::Retire, "{phase}");
        };
        check(&release, at);
        let since = if phase == Phase::Retire { at } else { began };
        assert_eq!(release.phase_since, since, "{phase}");
        let (intent, applied, how) = (release.sequence, true, because());
        let release = then(release, 7, Event::Resolved { intent, applied, how });
        at = at + seconds(7);
        check(&release, at);
        assert_eq!(release.restoring, None, "{phase}");
        assert!(
            !release.attempts.contains_key("swap"),
            "{phase}: it says nothing of the way forward"
        );
    }
}

fn refused() -> CallResult {
    CallResult::Refused {
        message: "Must be Ready.".to_owned(),
        retryable: true,
    }
}

#[test]
fn a_name_that_could_not_be_put_back_uses_up_no_attempt() {
    let release = restoring(Phase::Bake);
    let (intent, result) = (release.sequence, refused());
    let release = then(release, 1, Event::Called { intent, result });
    assert_eq!((release.restoring, release.restores), (None, 1));
    assert!(!release.attempts.contains_key("swap"));
}

#[test]
fn what_was_tried_on_the_way_forward_says_nothing_about_the_way_back() {
    for (to, counts) in [("e-green", false), ("e-blue", true)] {
        for result in [refused(), CallResult::Accepted { detail: None }] {
            let mut release = turned(state(Phase::Shift));
            release.pending = Some(Pending {
                intent: 1,
                at: release.started_at,
                action: swap("e-other", to),
                result: None,
                ended_at: None,
            });
            let release = then(release, 1, Event::Called { intent: 1, result });
            let release = match &release.pending {
                Some(_) => {
                    let (intent, applied, how) = (1, true, because());
                    then(release, 1, Event::Resolved { intent, applied, how })
                }
                None => release,
            };
            assert_eq!(release.attempts.contains_key("swap"), counts, "{to}");
        }
    }
    // On the way forward, every attempt counts.
    let mut release = state(Phase::Shift);
    release.pending = Some(Pending {
        intent: 1,
        at: release.started_at,
        action: swap("e-blue", "e-green"),
        result: None,
        ended_at: None,
    });
    let (intent, result) = (1, refused());
    let release = then(release, 1, Event::Called { intent, result });
    assert_eq!(release.attempts_of("swap").failed, 1);
}

#[test]
fn what_was_found_astray_is_seen_for_so_long_in_all() {
    let took_over = |why: Why| {
        let mut release = state(Phase::Bake);
        release.waiting = Some(why);
        let from = release.driver.clone();
        let (why, forced) = (because(), false);
        by(2, release, 100, Event::TookOver { from, why, forced })
    };
    let what = because();
    let before = state(Phase::Bake).heard_at - seconds(5);
    let found = |since| Why::Astray {
        what: what.clone(),
        since,
        beneath: vec![Finding {
            what: "something else".to_owned(),
            since: since - seconds(20),
        }],
    };
    let release = took_over(found(before));
    let since = release.heard_at - seconds(5);
    assert_eq!(release.waiting, Some(found(since)), "nobody looked in between");
    assert_eq!(took_over(Why::Settling { until: before }).waiting, None);
}
