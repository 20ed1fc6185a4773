//! What `cutover.toml` says about people: gates that wait for one, and changes that one makes beside the release.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Span;

/// A place where a release waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSpec {
    /// Where it stands.
    pub before: GatePlace,
    /// How long it waits.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
    /// What happens when nobody has come by then.
    #[serde(default)]
    pub at_deadline: AtGateDeadline,
}

fn default_deadline() -> Span {
    Span::from_secs(4 * 60 * 60)
}

/// Where a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatePlace {
    /// Before green gets traffic.
    Shift,
    /// Before the release is promoted: after the bake, before anything of blue ends.
    Drain,
    /// Before that step, from the second on: `{ step = 2 }`.
    Step(u8),
}

impl GatePlace {
    /// As a part of an id, without a space.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Shift => "shift".to_owned(),
            Self::Drain => "drain".to_owned(),
            Self::Step(number) => format!("step{number}"),
        }
    }
}

impl fmt::Display for GatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift => f.pad("shift"),
            Self::Drain => f.pad("drain"),
            Self::Step(number) => write!(f, "step {number}"),
        }
    }
}

/// What happens at a gate's deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtGateDeadline {
    /// Green is taken back, or given up if it had no traffic yet.
    #[default]
    RollBack,
    /// The release goes on.
    GoOn,
}

/// What to do when somebody else moves the slot's name or changes blue or green.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ForeignSpec {
    /// The answer.
    pub answer: ForeignAnswer,
    /// With `ask`: how long to wait for a person. After that it is as with `stop`.
    pub deadline: Span,
}

impl Default for ForeignSpec {
    fn default() -> Self {
        Self {
            answer: ForeignAnswer::Stop,
            deadline: default_deadline(),
        }
    }
}

/// The answer to a change that somebody else has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForeignAnswer {
    /// Green is taken back where that is safe; else the release ends and calls a person.
    #[default]
    Stop,
    /// The names go back to where the release wants them, three times at most. After that, and where there is no name to put
    /// back, it is as with `stop`.
    Restore,
    /// The release waits for a person: resume, abort or rollback.
    Ask,
}
