//! What to do next: the state and what was seen in, one decision with its reason out.

mod bake;
mod capacity;
mod drain;
mod drill;
mod foreign;
mod health;
mod hold;
pub mod limits;
mod look;
mod pending;
mod preflight;
mod provision;
mod publish;
mod replace;
mod retire;
mod rollback;
mod shift;
mod smoke;
mod weights;
mod windows;
mod world;

use std::time::Duration;

use super::action::Action;
use super::event::Event;
use super::observation::Observation;
use super::outcome::Outcome;
use super::state::{Attempts, Phase, Release};
use super::why::Why;
use crate::model::Timestamp;

/// No two looks are closer than that.
const SHORTEST: Duration = Duration::from_millis(100);

/// What to do next, and why.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Decision {
    /// The reason.
    pub why: Why,
    /// What to do.
    pub then: Then,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// Put something on record, then decide again.
    Record(Event),
    /// Change the world.
    Act(Action),
    /// Look again at that time, or earlier.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// When the wait ends whatever is seen.
        deadline: Timestamp,
        /// What happens then.
        at_deadline: &'static str,
    },
    /// End the release.
    Finish {
        /// How.
        outcome: Outcome,
        /// Why, in a sentence.
        why: String,
        /// What it leaves behind for a person to see to; it is a part of the sentence, too.
        left: Option<String>,
    },
}

/// Decides what to do next.
pub fn decide(release: &Release, seen: &Observation) -> Decision {
    capacity::told(release, next(release, seen))
}

fn next(release: &Release, seen: &Observation) -> Decision {
    if let Some((outcome, why)) = &release.outcome {
        return Decision {
            why: Why::Over {
                how: outcome.to_string(),
            },
            then: Then::Finish {
                outcome: *outcome,
                why: why.clone(),
                left: release.left.clone(),
            },
        };
    }
    if let Some(decision) = hold::note(release, seen.at) {
        return decision;
    }
    let extended = hold::extended(release, seen.at);
    let release = extended.as_ref();
    if let Some(pending) = &release.pending {
        // Who wants to go back is heard although a call is in doubt; it is settled on the way. Only when it may have ended blue
        // is it not known yet whether there is a way back.
        let ends_blue = matches!(pending.action, Action::Terminate { .. });
        if !ends_blue && let Some(decision) = world::turn(release) {
            return decision;
        }
        // Neither an instance that may be on its way out nor a change of weights in doubt keeps anybody from watching a green that
        // has users.
        let watched = release.shifted_at.is_some() && release.phase != Phase::RollBack;
        if matches!(pending.action, Action::ReplaceInstance { .. } | Action::Weigh { .. }) && watched {
            return bake::watching_beside(release, seen, || pending::decide(release, pending, seen));
        }
        return pending::decide(release, pending, seen);
    }
    if let Some(decision) = world::guard(release, seen) {
        let has_users = release.shifted_at.is_some() && !release.attempts_of("terminate").done;
        return match decision.then {
            // Users do not wait until it is known what somebody else has done.
            Then::Wait { .. } if has_users => bake::watching_beside(release, seen, || decision),
            _ => decision,
        };
    }
    if let Some(decision) = drill::gives_up(release, seen) {
        return decision;
    }
    if let Some(decision) = weights::kept_longer(release, seen) {
        return decision;
    }
    let wanted = match release.phase {
        Phase::Preflight => preflight::decide(release, seen),
        Phase::Publish => publish::decide(release, seen),
        Phase::Provision => provision::decide(release, seen),
        Phase::Smoke => smoke::decide(release, seen),
        Phase::Shift => shift::decide(release, seen),
        Phase::Bake => bake::decide(release, seen),
        Phase::Drain => drain::decide(release, seen),
        Phase::Retire => retire::decide(release, seen),
        Phase::RollBack => rollback::decide(release, seen),
        Phase::Done => finish(
            Outcome::NeedsHuman,
            "the journal says that it is over, but not how".to_owned(),
        ),
    };
    let decision = hold::hold(release, seen, wanted);
    // Where there is nothing else to do, so that it never keeps anything from being done.
    let idle = matches!(decision.then, Then::Wait { .. }) && release.green.is_some();
    if idle && matches!(release.phase, Phase::Provision | Phase::Smoke) {
        return windows::lead_in(release, seen).unwrap_or(decision);
    }
    decision
}

pub(super) fn record(what: impl Into<String>, event: Event) -> Decision {
    Decision {
        why: Why::Seen { what: what.into() },
        then: Then::Record(event),
    }
}

fn finish(outcome: Outcome, why: String) -> Decision {
    Decision {
        why: Why::Over {
            how: outcome.to_string(),
        },
        then: Then::Finish {
            outcome,
            why,
            left: None,
        },
    }
}

/// Ends the release, which leaves something behind for a person to see to, unless that is empty.
fn leave(outcome: Outcome, why: String, left: &str) -> Decision {
    let mut decision = finish(outcome, why);
    leaving(&mut decision.then, left);
    decision
}

/// Adds what a release leaves behind to its end.
fn leaving(then: &mut Then, more: &str) {
    if let Then::Finish { why, left, .. } = then
        && !more.is_empty()
    {
        *why = format!("{why}; {more}");
        *left = Some(left.take().map_or(more.to_owned(), |left| format!("{left}; {more}")));
    }
}

fn wait(now: Timestamp, why: Why, until: Timestamp, deadline: Timestamp, at_deadline: &'static str) -> Decision {
    // A wait that is over already would be a busy loop.
    let until = until.min(deadline).max(now + SHORTEST);
    Decision {
        why,
        then: Then::Wait {
            until,
            deadline: deadline.max(until),
            at_deadline,
        },
    }
}

/// Takes green back, or, where nothing of it can be in use, gives it up.
fn roll_back(why: impl Into<String>, outcome: Outcome) -> Decision {
    let why = why.into();
    Decision {
        why: Why::RollingBack { because: why.clone() },
        then: Then::Record(Event::RollbackBegan { why, outcome }),
    }
}

/// What could not be cleaned up, in words; empty where all was.
fn unpruned(pruned: &Attempts) -> String {
    if pruned.done {
        return String::new();
    }
    format!(
        "old versions and saved configurations could not be removed: {}",
        pruned.said
    )
}

/// Makes a call, or waits before making it again, or gives up on it.
///
/// `give_up` is asked when the service has refused it for good or too often.
fn act(release: &Release, now: Timestamp, action: Action, give_up: impl FnOnce(String) -> Decision) -> Decision {
    let attempts = release.attempts_of(&action.key());
    let may_show = attempts.done && now < attempts.last + limits::SHOWS;
    if !may_show && (attempts.fatal || attempts.failed >= limits::ATTEMPTS) {
        let tries = crate::model::text::plural(u64::from(attempts.failed), "attempt");
        return give_up(format!("could not {} ({tries}): {}", action.describe(), attempts.said));
    }
    act_patiently(release, now, action)
}

/// Makes a call, or waits before making it again. Its end is for the caller to bound.
fn act_patiently(release: &Release, now: Timestamp, action: Action) -> Decision {
    let attempts = release.attempts_of(&action.key());
    let shown = attempts.last + limits::SHOWS;
    if attempts.done && now < shown {
        // It has happened, and is missing all the same: the list is behind. Only when it stays so it is made again.
        let why = Why::Working {
            what: format!("AWS to show this: {}", action.describe()),
        };
        return wait(now, why, soon(release, now), shown, "the call is made again");
    }
    let pause = pause(release, attempts.failed);
    let not_before = attempts.last + pause;
    if attempts.failed > 0 && now < not_before {
        let why = Why::Retrying {
            call: action.describe(),
            said: attempts.said,
            not_before,
        };
        return wait(
            now,
            why,
            not_before,
            not_before + limits::BACKOFF,
            "the call is made again",
        );
    }
    Decision {
        why: Why::Missing {
            what: action.describe(),
        },
        then: Then::Act(action),
    }
}

/// Twice as long after each attempt, from the polling interval on. Users of a green that is taken back do not wait that long for a
/// service that was busy for a moment.
fn pause(release: &Release, failed: u32) -> Duration {
    let interval = release.plan.provision.interval.get();
    let returning = release.rollback.as_ref().is_some_and(|back| back.restored_at.is_none());
    let interval = if returning {
        interval.min(limits::RETRY_OF_RETURN)
    } else {
        interval
    };
    interval
        .saturating_mul(1 << failed.saturating_sub(1).min(5))
        .min(limits::BACKOFF)
}

/// When to look again at something that changes slowly.
fn next_look(release: &Release, now: Timestamp) -> Timestamp {
    now + release.plan.provision.interval.get()
}

/// When to look again at something that changes within seconds.
fn soon(release: &Release, now: Timestamp) -> Timestamp {
    now + (release.plan.provision.interval.get() / 5).max(Duration::from_millis(100))
}
