//! What was seen of the world in one look. Every part can be *unknown*; nothing here is a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::preflight::Facts;
use crate::model::{
    EnvironmentId, EnvironmentName, HealthColor, HealthStatus, InstanceId, Known, ProbeResult, Timestamp, VersionLabel,
};

/// Which parts of the world the core wants to see: reads cost calls that the whole account shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Everything that preflight asks.
    pub facts: bool,
    /// Whether the bundle lies under its key.
    pub artifact: bool,
    /// The application version.
    pub version: bool,
    /// The application's templates.
    pub templates: bool,
    /// The environments of the application.
    pub environments: bool,
    /// Health of this environment, as green.
    pub green_health: Option<EnvironmentId>,
    /// Health of this environment, as blue.
    pub blue_health: Option<EnvironmentId>,
    /// Error events of this environment since this moment.
    pub errors: Option<(EnvironmentId, Timestamp)>,
    /// Run the smoke checks against this host.
    pub smoke: Option<String>,
    /// Run the bake's checks through the public name, and compare its addresses with those of this host.
    pub public: Option<String>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When the look was complete.
    pub at: Timestamp,
    /// See [`Looks::facts`].
    pub facts: Option<Facts>,
    /// See [`Looks::artifact`].
    pub artifact: Known<bool>,
    /// See [`Looks::version`].
    pub version: Known<Option<VersionSeen>>,
    /// See [`Looks::templates`].
    pub templates: Known<BTreeSet<String>>,
    /// See [`Looks::environments`]. Terminated ones are left out.
    pub environments: Known<Vec<EnvironmentSeen>>,
    /// See [`Looks::green_health`].
    pub green_health: Known<HealthSeen>,
    /// See [`Looks::blue_health`].
    pub blue_health: Known<HealthSeen>,
    /// See [`Looks::errors`].
    pub errors: Known<Vec<String>>,
    /// See [`Looks::smoke`].
    pub smoke: Option<Vec<ProbeResult>>,
    /// See [`Looks::public`].
    pub public: Option<PublicSeen>,
}

impl Observation {
    /// A look that saw nothing.
    #[must_use]
    pub fn blank(at: Timestamp) -> Self {
        let unasked = || "was not asked for".to_owned();
        Self {
            at,
            facts: None,
            artifact: Known::Unknown(unasked()),
            version: Known::Unknown(unasked()),
            templates: Known::Unknown(unasked()),
            environments: Known::Unknown(unasked()),
            green_health: Known::Unknown(unasked()),
            blue_health: Known::Unknown(unasked()),
            errors: Known::Unknown(unasked()),
            smoke: None,
            public: None,
        }
    }
}

/// An application version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSeen {
    /// Bucket and key of its bundle.
    pub bundle: Option<(String, String)>,
    /// How far its processing is.
    pub processing: Processing,
}

/// How far the processing of an application version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// Not begun, or under way.
    Underway,
    /// Fit to be deployed.
    Processed,
    /// It never will be.
    Failed,
}

/// Life of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentStatus {
    /// Being made.
    Launching,
    /// Being changed; a swap counts as a change.
    Updating,
    /// At rest. Says nothing of its health.
    Ready,
    /// Being removed.
    Terminating,
    /// Gone.
    Terminated,
    /// Something else, such as `Aborting`.
    Other,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSeen {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// Its status.
    pub status: EnvironmentStatus,
    /// The name it holds, in lower case; `None` while it has none.
    pub cname: Option<String>,
    /// Host name or address of its balancer or instance.
    pub endpoint: Option<String>,
    /// The version it was last told to run.
    pub version: Option<VersionLabel>,
    /// Colour of its health.
    pub color: HealthColor,
    /// Tag of the release that made it, if it was asked for.
    pub release_tag: Option<String>,
}

/// Health of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSeen {
    /// When the service last refreshed it; `None` with basic reporting.
    pub refreshed_at: Option<Timestamp>,
    /// Enhanced health, or `None` with basic reporting.
    pub status: Option<HealthStatus>,
    /// Colour.
    pub color: HealthColor,
    /// Causes, in the service's words.
    pub causes: Vec<String>,
    /// Instances by id; empty with basic reporting.
    pub instances: BTreeMap<InstanceId, InstanceSeen>,
    /// Requests in the newest window; `None` with basic reporting.
    pub requests: Option<u64>,
}

impl HealthSeen {
    /// Whether the environment reports enhanced health.
    #[must_use]
    pub fn enhanced(&self) -> bool {
        self.status.is_some()
    }
}

/// Health of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSeen {
    /// Its health.
    pub status: HealthStatus,
    /// The version that is deployed on it, once it is.
    pub version: Option<VersionLabel>,
}

/// What the public name showed.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicSeen {
    /// Results of the checks.
    pub checks: Vec<ProbeResult>,
    /// Addresses of the slot's name.
    pub slot_addresses: Known<BTreeSet<IpAddr>>,
    /// Addresses of the environment that should answer.
    pub expected_addresses: Known<BTreeSet<IpAddr>>,
}
