//! What an alarm is.

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::rule::Rule;
use super::words::StateValue;
use crate::model::Timestamp;

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) actions: Actions,
    /// When it was put last.
    pub(super) configured_at: Timestamp,
    pub(super) state: State,
    pub(super) kind: Kind,
}

/// ARNs of what should be done on a change. They are kept and never carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Actions {
    pub(super) enabled: bool,
    pub(super) ok: Vec<String>,
    pub(super) alarm: Vec<String>,
    pub(super) insufficient_data: Vec<String>,
}

/// What an alarm goes by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// A metric.
    Metric(Definition),
    /// The states of other alarms.
    Composite(Rule),
}

/// The state of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) value: StateValue,
    pub(super) reason: String,
    /// The same as JSON, where there is more to say.
    pub(super) reason_data: Option<String>,
    /// When it was set last, to whichever value.
    pub(super) updated_at: Timestamp,
    /// When the value changed last.
    pub(super) transitioned_at: Timestamp,
}

/// A value with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) value: StateValue,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
}

impl State {
    /// That of a new alarm.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            value: StateValue::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            updated_at: now,
            transitioned_at: now,
        }
    }

    /// Takes over what was found; tells whether the value is another one than before.
    pub(super) fn set(&mut self, finding: Finding, now: Timestamp) -> bool {
        let changed = self.value != finding.value;
        if changed {
            self.transitioned_at = now;
        }
        self.value = finding.value;
        self.reason = finding.reason;
        self.reason_data = finding.reason_data;
        self.updated_at = now;
        changed
    }
}

impl Actions {
    /// Whether an action begins so.
    pub(super) fn begin_with(&self, prefix: &str) -> bool {
        let all = self.ok.iter().chain(&self.alarm).chain(&self.insufficient_data);
        all.into_iter().any(|action| action.starts_with(prefix))
    }
}
