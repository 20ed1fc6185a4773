//! What happened. A release is its events: nothing happened that is not one, and folding them gives the state.

use serde::{Deserialize, Serialize};

use super::action::{Action, CallResult};
use super::assessment::Measured;
use super::outcome::Outcome;
use super::pair::{Blue, Green};
use super::people::{Wish, Writer};
use super::plan::{Plan, ReleaseId};
use super::preflight::Problem;
use super::why::Why;
use crate::model::{ProbeResult, Span, Timestamp};
use crate::spec::GatePlace;

/// Version of the entries' format. A newer one is refused, never guessed at.
///
/// Format 2 knows operators' pauses and gates, and moves the moments of a release when it is taken over. Format 3 knows steps and
/// weights, format 4 what both environments served, and format 5 releases of one number in several journals.
pub const FORMAT: u32 = 5;

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the format.
    pub format: u32,
    /// The release.
    pub release: ReleaseId,
    /// Its place in the release, from 1.
    pub sequence: u64,
    /// When it was written, by the writer's clock.
    pub at: Timestamp,
    /// Who wrote it.
    pub writer: Writer,
    /// Random text by which a writer recognises its own entry.
    pub nonce: String,
    /// Until when the release's driver asks to be left alone.
    pub owned_until: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What one look at green with traffic said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "look")]
pub enum Look {
    /// Everything seen was good.
    Good,
    /// Something was bad.
    Bad {
        /// What.
        why: String,
    },
    /// Checks failed, and not in the look before: that may be chance, as every request may fail now and then.
    Failing {
        /// How.
        why: String,
        /// Which.
        checks: Vec<String>,
    },
    /// Too little was seen to say.
    Unknown {
        /// What was missing.
        why: String,
    },
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The release began.
    Started {
        /// What it is going to do.
        plan: Box<Plan>,
    },
    /// Another process drives it from now on.
    TookOver {
        /// Who drove it before.
        from: Writer,
        /// Why it was free.
        why: String,
        /// Whether it was taken from a driver that may have been alive, because an operator wanted it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
    },
    /// The driver is alive and asks for more time.
    Renewed,
    /// The driver stops on purpose; whoever comes may go on at once.
    HandedOver,
    /// An operator wants something.
    Asked {
        /// What.
        wish: Wish,
    },
    /// A pause began, or has another end.
    Paused {
        /// When the release goes on by itself.
        until: Timestamp,
        /// Who asked for it.
        by: Writer,
    },
    /// The pause is over.
    PauseEnded {
        /// Why.
        how: String,
    },
    /// Somebody is waited for at a gate. Its id ends with this entry's sequence.
    GateOpened {
        /// Where it stands.
        before: GatePlace,
        /// Until when.
        until: Timestamp,
    },
    /// The release has gone through a gate.
    GatePassed {
        /// Its id.
        gate: String,
        /// Who promoted it, or why it goes on.
        how: String,
    },
    /// Somebody else has changed something, and a person is asked what to do.
    Asking {
        /// What was expected and what is seen.
        what: String,
        /// Until when somebody is waited for.
        until: Timestamp,
    },
    /// The question is settled.
    Answered {
        /// What was asked.
        what: String,
        /// How it was settled.
        how: String,
        /// Whether the release goes on as things are.
        accepted: bool,
    },
    /// Preflight found problems; the release ends.
    Refused {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// Preflight found none.
    PreflightPassed {
        /// The live environment.
        blue: Box<Blue>,
        /// What cannot be proved in this world.
        notes: Vec<String>,
        /// Alarms of the plan that do not exist: a release that leads away from a bad version does without them.
        #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
        absent_alarms: Box<[String]>,
    },
    /// Version and templates are there.
    Published,
    /// A call is about to be made. Its token is this entry's sequence.
    Intended {
        /// Which.
        action: Action,
    },
    /// The call was made, or not.
    Called {
        /// Sequence of the intent.
        intent: u64,
        /// How it went.
        result: CallResult,
    },
    /// A read of the world settled whether a call has happened.
    Resolved {
        /// Sequence of the intent.
        intent: u64,
        /// Whether it has.
        applied: bool,
        /// What was seen.
        how: String,
    },
    /// Green was found in the world, with this release's tag.
    GreenFound {
        /// What is known of it.
        green: Green,
    },
    /// Whether green is up, when that changes.
    GreenUp {
        /// Whether all conditions hold.
        up: bool,
        /// Those that do not.
        missing: Vec<String>,
    },
    /// Green has been up for long enough.
    GreenReady {
        /// What is known of it now.
        green: Green,
    },
    /// One round of smoke checks.
    SmokeRound {
        /// Those that failed, or none.
        failures: Vec<ProbeResult>,
    },
    /// Enough rounds in a row have passed.
    SmokePassed,
    /// The slot's name was read on green, or the weights of a step were read in place.
    Shifted,
    /// All servers of the service have heard of the newest change of weights.
    InSync {
        /// How that is known.
        how: String,
    },
    /// Somebody else has given the records a longer time to live than the plan knows.
    KeptLonger {
        /// That time.
        ttl: Span,
    },
    /// The public name was seen to lead to green.
    ShiftConfirmed {
        /// What was seen.
        how: String,
    },
    /// One look at green with traffic.
    Looked {
        /// What it said.
        look: Look,
        /// What both environments served meanwhile, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        measured: Option<Box<Measured>>,
    },
    /// What both served, beside the looks at green: blue before green gets traffic, and green when our own requests to it fail.
    Measured {
        /// That.
        measured: Box<Measured>,
    },
    /// Green has done well for long enough in this step, or was shown to be no worse before.
    BakePassed {
        /// What has shown it, where it was not the time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        how: Option<String>,
    },
    /// Whether the environment that lost the slot's name is silent, when that changes.
    Quiet {
        /// Whether it had no request.
        quiet: bool,
        /// Requests in the newest window.
        requests: Option<u64>,
    },
    /// Nobody uses blue any more, or waiting longer is no use.
    Drained {
        /// What was seen.
        how: String,
        /// Whether blue may be removed.
        remove_blue: bool,
    },
    /// Green is being taken back.
    RollbackBegan {
        /// Why.
        why: String,
        /// The outcome it leads to.
        outcome: Outcome,
    },
    /// All traffic leads to blue again.
    TrafficRestored {
        /// What was seen.
        how: String,
    },
    /// The driver waits for something else than before.
    Waiting {
        /// For what.
        why: Why,
    },
    /// Something worth knowing went wrong without stopping the release.
    Noted {
        /// What.
        note: String,
    },
    /// The release is over.
    Finished {
        /// How it ended.
        outcome: Outcome,
        /// Why, in a sentence.
        why: String,
        /// What it has left behind for a person to see to; it is a part of the sentence, too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<String>,
    },
}

impl Event {
    /// What both environments served, if that is part of it.
    #[must_use]
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured { measured } => Some(measured),
            Self::Looked { measured, .. } => measured.as_deref(),
            _ => None,
        }
    }
}
