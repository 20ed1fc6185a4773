//! What both environments serve as another source than Elastic Beanstalk counts it, and alarms that speak against green.

use serde::{Deserialize, Serialize};

use crate::model::{Span, Timestamp};
use crate::spec::EndpointSpec;
use crate::verdict::Arm;

/// Who counts what both environments serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// Elastic Beanstalk, in its enhanced health.
    #[default]
    EnhancedHealth,
    /// CloudWatch, by the environments' target groups.
    TargetGroups,
    /// An address of the user's own.
    Endpoint(EndpointSpec),
}

impl CountedBy {
    /// What it is called where it is not Elastic Beanstalk's own health.
    #[must_use]
    pub(super) fn another(&self) -> Option<&'static str> {
        match self {
            Self::EnhancedHealth => None,
            Self::TargetGroups => Some("CloudWatch"),
            Self::Endpoint(_) => Some("`verdict.endpoint`"),
        }
    }

    /// Whether it counts each request, ours too. What users count by themselves may leave them out.
    pub(super) fn counts_all(&self) -> bool {
        !matches!(self, Self::Endpoint(_))
    }
}

/// The newest window that another source tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// When it ended, by this machine's clock.
    pub ended_at: Timestamp,
    /// The same moment as the source writes it: what tells one window from another.
    pub told_at: Timestamp,
    /// How long it was.
    pub length: Span,
    /// What blue served.
    pub blue: Arm,
    /// What green served.
    pub green: Arm,
}

/// An alarm of CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmSeen {
    /// Its name.
    pub name: String,
    /// Whether it is in the state `ALARM`; `None` if there is no such alarm.
    pub on: Option<bool>,
    /// Since when it is in its state, by this machine's clock.
    pub since: Option<Timestamp>,
    /// Why, as CloudWatch says it.
    pub reason: String,
}
