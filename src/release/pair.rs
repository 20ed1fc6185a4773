//! The two environments of a release, as the journal keeps them.

use serde::{Deserialize, Serialize};

use super::size::Limits;
use crate::model::{EnvironmentId, EnvironmentName, HealthStatus, VersionLabel};
use crate::traffic::{Originals, OwnRecords};

/// The environment that held the slot when the release began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blue {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// The version it ran.
    pub version: Option<VersionLabel>,
    /// Host name or address of its balancer or instance.
    pub endpoint: Option<String>,
    /// Instances that it ran.
    pub running: u32,
    /// Fewest instances by its configuration.
    pub min_instances: u32,
    /// Most instances by its configuration.
    pub max_instances: u32,
    /// Whether it reports enhanced health.
    pub enhanced: bool,
    /// Id of the account that it is in: another one knows nothing of it.
    pub account: String,
    /// The name that it holds.
    #[serde(default)]
    pub cname: Option<String>,
    /// Its weights when the release began, with a lever that has some: what a rollback gives back.
    #[serde(default, skip_serializing_if = "Originals::is_empty")]
    pub weights: Originals,
    /// What its records were, with a lever that has some, by their kind: what a rollback makes anew where they were removed.
    #[serde(default, skip_serializing_if = "OwnRecords::is_empty")]
    pub records: OwnRecords,
    /// The ARN of its target group, with a lever that has some: the rules must be given back also where nobody can look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its health when the release began: what green may have as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// The limits of its Auto Scaling group, which something beside Elastic Beanstalk may have changed; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_limits: Option<Limits>,
    /// The hosted zone of the records that led to it, with a lever that has some: a zone that somebody makes later, and that fits the
    /// name as well or better, is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Blue {
    /// The limits by its configuration.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            min_instances: self.min_instances,
            max_instances: self.max_instances,
        }
    }

    /// Most instances that it may run, whoever says so. A scheduled action lets an Auto Scaling group run more than its configuration
    /// knows of, and the configuration's maximum would end at once what runs beyond it.
    #[must_use]
    pub fn most(&self) -> u32 {
        let group = self.group_limits.map_or(0, |limits| limits.max_instances);
        self.max_instances.max(group).max(self.running)
    }
}

/// The environment made for the new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Green {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// The name it held before the swap, once it had one.
    pub cname: Option<String>,
    /// Host name or address of its balancer or instance, once it had one.
    pub endpoint: Option<String>,
    /// Whether an earlier release made it, so that this one must not remove it.
    #[serde(default)]
    pub reused: bool,
    /// The ARN of its target group, with a lever that has some: known before a rule names it, and kept when green is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}
