//! How releases end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a release ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Green has the slot.
    Promoted,
    /// Green was taken back; blue has the slot, as before.
    RolledBack,
    /// It was stopped before green had traffic, and not because it was bad: someone's wish, a gate that nobody promoted, a drill that
    /// gave up, somebody else's change. Blue has the slot, as before.
    Aborted,
    /// Preflight found problems; nothing was changed.
    Refused,
    /// It cannot go on by itself.
    NeedsHuman,
}

impl Outcome {
    /// For a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::NeedsHuman => "needs a human",
        }
    }

    /// For machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::NeedsHuman => "needs_human",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
