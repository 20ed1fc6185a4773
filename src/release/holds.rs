//! What operators' wishes and holds do to the state. See `decide/hold.rs` for what they mean.

use super::event::Entry;
use super::moves;
use super::people::{Wish, Writer};
use super::state::{OpenGate, PassedGate, Pause, PauseAsked, Phase, Question, Release};
use crate::model::Timestamp;
use crate::spec::GatePlace;

/// An operator's entry. It is written by another clock than the driver's, so no moment of it gets into the state: a pause
/// begins when the driver takes note of it.
pub(super) fn wished(release: &mut Release, wish: &Wish, by: &Writer) {
    let by = || by.clone();
    match wish {
        Wish::RollBack => {
            release.wishes.roll_back = true;
            release.wishes.turned_by.get_or_insert_with(by);
        }
        Wish::Abort => {
            release.wishes.abort = true;
            release.wishes.turned_by.get_or_insert_with(by);
        }
        Wish::EndWait => release.wishes.end_wait = true,
        // A pause never holds a way back.
        Wish::Pause { .. } if release.phase == Phase::RollBack => {}
        Wish::Pause { length } => {
            release.wishes.pause = Some(PauseAsked {
                length: *length,
                by: by(),
            });
            release.wishes.resume = None;
        }
        Wish::Resume => {
            release.wishes.pause = None;
            if release.pause.is_some() || release.question.is_some() {
                release.wishes.resume = Some(by());
            }
        }
        // What was meant for another gate, or for this one of another release, does nothing.
        Wish::Promote { gate } => {
            if let Some(open) = release.gate.as_mut().filter(|open| open.id == *gate) {
                open.promoted_by.get_or_insert_with(by);
            }
        }
    }
}

/// A pause begins, or has another end.
pub(super) fn paused(release: &mut Release, at: Timestamp, until: Timestamp, by: &Writer) {
    let since = release.pause.as_ref().map_or(at, |pause| pause.since);
    release.pause = Some(Pause {
        since,
        until,
        by: by.clone(),
    });
    release.wishes.pause = None;
}

/// A pause ends; who is waited for at a gate has as much more time.
pub(super) fn pause_ended(release: &mut Release, at: Timestamp) -> Option<()> {
    let pause = release.pause.take()?;
    let length = at.since(pause.since);
    if let Some(gate) = &mut release.gate {
        gate.until = gate.until + length;
    }
    if let Some(question) = &mut release.question {
        question.until = question.until + length;
    }
    release.wishes.resume = None;
    Some(())
}

/// A person is asked about a change that somebody else has made.
pub(super) fn asking(release: &mut Release, at: Timestamp, what: &str, until: Timestamp) {
    let what = what.to_owned();
    release.question = Some(Question { what, since: at, until });
    release.wishes.resume = None;
}

/// A question is settled.
pub(super) fn answered(release: &mut Release, what: &str, accepted: bool) -> Option<()> {
    let question = release.question.take_if(|question| question.what == what)?;
    if accepted {
        release.accepted.push(question.what);
    }
    release.wishes.resume = None;
    Some(())
}

/// A name is being put back, or has been. Whatever was waited for since the name was where it belongs, is waited for again.
pub(super) fn put_back(release: &mut Release, at: Timestamp) {
    moves::forget(release);
    release.quiet_since = None;
    if release.shifted_at.is_none() {
        return;
    }
    release.shifted_at = Some(at);
    release.watch.last = Some(at);
    match release.phase {
        Phase::Bake => {
            // The bake begins anew, and has as much time as before.
            if let Some(before) = release.confirmed_at.replace(at) {
                release.extended += at.since(before);
            }
        }
        Phase::Retire => {
            release.phase = Phase::Drain;
            release.phase_since = at;
            release.extended = std::time::Duration::ZERO;
            release.drained = None;
        }
        _ => {}
    }
}

/// Somebody is waited for at a gate.
pub(super) fn opened(release: &mut Release, entry: &Entry, before: GatePlace, until: Timestamp) {
    release.gate = Some(OpenGate {
        id: format!("{}-{}-{}", release.plan.id.number, before.word(), entry.sequence),
        before,
        since: entry.at,
        until,
        promoted_by: None,
    });
}

/// The release goes through its gate.
pub(super) fn passed(release: &mut Release, gate: &str, how: &str) -> Option<()> {
    let open = release.gate.take_if(|open| open.id == gate)?;
    release.gates_passed.push(PassedGate {
        id: open.id,
        before: open.before,
        how: how.to_owned(),
    });
    Some(())
}

/// Nothing holds a release that turns back or is over.
pub(super) fn none_any_more(release: &mut Release) {
    release.pause = None;
    release.gate = None;
    release.question = None;
    release.held_since = None;
    release.wishes.pause = None;
    release.wishes.resume = None;
    release.waiting = None;
}

/// Counts how long the release is held, by the driver's clock.
pub(super) fn count(release: &mut Release, at: Timestamp) {
    let held = release.pause.is_some() || release.gate.is_some() || release.question.is_some();
    match (release.held_since, held) {
        (None, true) => release.held_since = Some(at),
        (Some(since), false) => {
            release.extended += at.since(since);
            release.held_since = None;
        }
        (None, false) | (Some(_), true) => {}
    }
}
