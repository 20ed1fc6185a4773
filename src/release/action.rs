//! Everything that a release does to the world. Each is journaled as an intent before it is called.

use serde::{Deserialize, Serialize};

use super::size::Limits;
use crate::model::text::plural;
use crate::model::{EnvironmentId, EnvironmentName, InstanceId, VersionLabel};
use crate::traffic::Weighting;

/// One change to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Put the bundle under its content's key.
    Upload {
        /// The object's key.
        key: String,
    },
    /// Make the application version from the bundle.
    CreateVersion {
        /// Its label.
        label: VersionLabel,
    },
    /// Keep a configuration as a template on AWS.
    SaveConfiguration {
        /// The template's name.
        template: String,
        /// The environment whose configuration it is.
        environment: EnvironmentId,
        /// Whether the user's own settings go on top of it.
        with_overrides: bool,
    },
    /// Make green.
    CreateEnvironment {
        /// Its name, never used before.
        name: EnvironmentName,
        /// The template it is made from.
        template: String,
        /// The version it runs.
        version: VersionLabel,
        /// Fewest instances, at least what blue runs now.
        min_instances: u32,
        /// Most instances.
        max_instances: u32,
    },
    /// Exchange the CNAMEs of two environments, so that the slot's name leads to `to`.
    Swap {
        /// The environment that holds the slot's name.
        from: EnvironmentId,
        /// The environment that shall hold it.
        to: EnvironmentId,
        /// The name that `to` holds before, and `from` shall hold after.
        other_cname: String,
    },
    /// Give blue and green other weights, everywhere where the lever has some.
    Weigh {
        /// Which.
        #[serde(flatten)]
        weighting: Weighting,
        /// Stands for the exact state that was seen before. On any other one nothing is written.
        before: String,
        /// The ARN of green's target group, with a lever that has some: on record before the first rule names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        green_group: Option<String>,
    },
    /// Set how few and how many instances an environment may run: blue's own limits for a green that began larger, as many as blue
    /// runs for an environment that is used again, or for blue itself while users may have to go back to it.
    RestoreCapacity {
        /// The environment.
        environment: EnvironmentId,
        /// Fewest instances.
        min_instances: u32,
        /// Most instances.
        max_instances: u32,
    },
    /// Remove one of green's instances that is sick while the others are not; its Auto Scaling group starts another one.
    ReplaceInstance {
        /// The environment.
        environment: EnvironmentId,
        /// The instance.
        instance: InstanceId,
    },
    /// Save an environment's events and the tail of its logs beside the journal.
    SaveEvidence {
        /// The environment.
        environment: EnvironmentId,
    },
    /// Remove an environment.
    Terminate {
        /// The environment.
        environment: EnvironmentId,
        /// What it was to the release.
        role: Role,
    },
    /// Remove old application versions and templates that are neither deployed nor a way back.
    Prune {
        /// How many versions to keep beside those.
        keep: u32,
    },
}

/// What an environment is to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It held the slot when the release began.
    Blue,
    /// It was made for the new version.
    Green,
}

impl Role {
    /// In lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

/// How dangerous it is to make a call twice, or to not know whether it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Its own inverse, with no token: sent once, never repeated without reading.
    Toggle,
    /// A second one is refused by name; ours only if tag or content say so.
    Create,
    /// Sets a state, and only on the exact state that was seen before; one that comes late may undo what came after it.
    Guarded,
    /// Any number of times has the effect of one.
    Idempotent,
    /// Cannot be undone.
    Destructive,
}

/// What replacing an instance is called; its attempts are counted under that and the instance's id.
pub(super) const REPLACE: &str = "replace instance";

/// What setting the limits of an environment is called; its attempts are counted under that, its id and the fewest instances.
const CAPACITY: &str = "restore capacity";

impl Action {
    /// A short name, for reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "upload",
            Self::CreateVersion { .. } => "create version",
            Self::SaveConfiguration { .. } => "save configuration",
            Self::CreateEnvironment { .. } => "create environment",
            Self::Swap { .. } => "swap",
            Self::Weigh { .. } => "weigh",
            Self::RestoreCapacity { .. } => CAPACITY,
            Self::ReplaceInstance { .. } => REPLACE,
            Self::SaveEvidence { .. } => "save evidence",
            Self::Terminate { .. } => "terminate",
            Self::Prune { .. } => "prune",
        }
    }

    /// The fewest instances that attempts counted under this key have set, if they are of that kind and of this environment.
    pub(super) fn raised_by(key: &str, id: &EnvironmentId) -> Option<u32> {
        let (of, least) = key.strip_prefix(CAPACITY)?.trim_start().split_once(' ')?;
        if of == id.as_str() { least.parse().ok() } else { None }
    }

    /// What its attempts are counted under: calls that make different things must not use up each other's.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::SaveConfiguration { template, .. } => format!("{} {template}", self.name()),
            Self::RestoreCapacity {
                environment,
                min_instances,
                ..
            } => format!("{CAPACITY} {environment} {min_instances}"),
            Self::Weigh { weighting, .. } => format!("{} {weighting}", self.name()),
            Self::ReplaceInstance { instance, .. } => format!("{REPLACE} {instance}"),
            _ => self.name().to_owned(),
        }
    }

    /// The limits that it gives to an environment, by that one's id, or by its name where it is only made.
    pub(super) fn limits(&self) -> Option<(String, Limits)> {
        let (of, min_instances, max_instances) = match self {
            Self::CreateEnvironment {
                name,
                min_instances,
                max_instances,
                ..
            } => (name.as_str(), min_instances, max_instances),
            Self::RestoreCapacity {
                environment,
                min_instances,
                max_instances,
            } => (environment.as_str(), min_instances, max_instances),
            _ => return None,
        };
        let limits = Limits {
            min_instances: *min_instances,
            max_instances: *max_instances,
        };
        Some((of.to_owned(), limits))
    }

    /// Its safety class.
    #[must_use]
    pub fn safety(&self) -> Safety {
        match self {
            Self::Swap { .. } => Safety::Toggle,
            Self::Weigh { .. } => Safety::Guarded,
            Self::CreateVersion { .. } | Self::SaveConfiguration { .. } | Self::CreateEnvironment { .. } => {
                Safety::Create
            }
            Self::Upload { .. } | Self::RestoreCapacity { .. } | Self::SaveEvidence { .. } => Safety::Idempotent,
            Self::ReplaceInstance { .. } | Self::Terminate { .. } | Self::Prune { .. } => Safety::Destructive,
        }
    }

    /// One line that says what it does, for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Upload { key } => format!("upload the bundle as {key}"),
            Self::CreateVersion { label } => format!("create application version {label}"),
            Self::SaveConfiguration {
                template, environment, ..
            } => {
                format!("save the configuration of {environment} as template {template}")
            }
            Self::CreateEnvironment {
                name,
                version,
                min_instances,
                ..
            } => {
                format!(
                    "create environment {name} with version {version} and at least {}",
                    plural(u64::from(*min_instances), "instance")
                )
            }
            Self::Swap { from, to, .. } => format!("swap the CNAMEs of {from} and {to}"),
            Self::Weigh { weighting, .. } => format!("set the weights: {weighting}"),
            Self::RestoreCapacity {
                environment,
                min_instances,
                max_instances,
            } => {
                format!("let {environment} run {min_instances} to {max_instances} instances")
            }
            Self::ReplaceInstance { environment, instance } => format!("replace instance {instance} of {environment}"),
            Self::SaveEvidence { environment } => format!("save the events and logs of {environment}"),
            Self::Terminate { environment, role } => format!("terminate {} ({environment})", role.as_str()),
            Self::Prune { keep } => format!("remove old application versions but for the newest {keep}"),
        }
    }
}

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum CallResult {
    /// The service took it. That it happened is for a read to say.
    Accepted {
        /// The service's id of the request, or of what was made, for looking it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The service refused it: it did not happen.
    Refused {
        /// The service's code and message, or why the call was not made.
        message: String,
        /// Whether waiting can help.
        retryable: bool,
    },
    /// Nobody knows whether it happened.
    Unknown {
        /// What went wrong.
        message: String,
    },
}
