//! Parts of the world, as a read shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::causes::Causes;
use crate::model::{
    EnvironmentId, EnvironmentName, HealthColor, HealthStatus, InstanceId, Known, ProbeResult, Served, Span, Timestamp,
    VersionLabel,
};
use crate::traffic::Hosts;

/// An application version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSeen {
    /// Bucket and key of its bundle.
    pub bundle: Option<(String, String)>,
    /// How far its processing is.
    pub processing: Processing,
}

impl VersionSeen {
    /// Whether it is made of the bundle with this key.
    #[must_use]
    pub fn is_made_of(&self, key: &str) -> bool {
        self.bundle.as_ref().is_some_and(|(_, its_key)| its_key == key)
    }
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
    /// The role with which Elastic Beanstalk works on it, instead of with its caller's.
    pub operations_role: Option<String>,
}

impl EnvironmentSeen {
    /// Whether it holds a name.
    #[must_use]
    pub fn holds(&self, cname: &str) -> bool {
        self.cname.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(cname)) && self.stays()
    }

    /// Whether it is neither gone nor on its way out.
    #[must_use]
    pub fn stays(&self) -> bool {
        !matches!(
            self.status,
            EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
        )
    }

    /// Whether it is at rest.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.status == EnvironmentStatus::Ready
    }
}

impl From<&EnvironmentSeen> for Hosts {
    fn from(seen: &EnvironmentSeen) -> Self {
        Self {
            environment: seen.id.clone(),
            cname: seen.cname.clone(),
            endpoint: seen.endpoint.clone(),
            group: None,
        }
    }
}

/// Health of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSeen {
    /// When the service last refreshed it; `None` with basic reporting.
    pub refreshed_at: Option<Timestamp>,
    /// The same moment by the service's own clock: what tells one window from another.
    pub reported_at: Option<Timestamp>,
    /// Enhanced health, or `None` with basic reporting.
    pub status: Option<HealthStatus>,
    /// Colour.
    pub color: HealthColor,
    /// Causes, in the service's words.
    pub causes: Vec<String>,
    /// Instances by id; empty with basic reporting.
    pub instances: BTreeMap<InstanceId, InstanceSeen>,
    /// What it served in the newest window; `None` with basic reporting.
    pub served: Option<Served>,
    /// How long that window was, by this machine's clock.
    pub window: Span,
}

impl HealthSeen {
    /// Whether the environment reports enhanced health.
    #[must_use]
    pub fn enhanced(&self) -> bool {
        self.status.is_some()
    }

    /// A status or a colour of it, with its causes, for a person.
    pub(super) fn in_words(&self, what: &dyn fmt::Display) -> String {
        if self.causes.is_empty() {
            format!("its health is {what}")
        } else {
            format!("its health is {what} ({})", self.causes.join(" "))
        }
    }

    /// What speaks against it.
    pub(super) fn causes(&self) -> Causes {
        Causes::of(&self.causes)
    }

    /// Whether it says that the environment has no instance at all. That of one whose removal has failed does: everything is gone but
    /// its name and what a rule still refers to.
    #[must_use]
    pub fn emptied(&self) -> bool {
        self.enhanced() && self.instances.is_empty()
    }
}

/// Health of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceSeen {
    /// Its health.
    pub status: HealthStatus,
    /// The version that is deployed on it, once it is.
    pub version: Option<VersionLabel>,
    /// What it served in the newest window.
    pub served: Option<Served>,
}

/// What the public name showed.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicSeen {
    /// Results of the checks.
    pub checks: Vec<ProbeResult>,
    /// Results of the same checks, asked of green alone; none when that was not wanted.
    pub direct: Vec<ProbeResult>,
    /// Results of those that green has failed, asked of blue right after that; none when green has failed none.
    pub blue: Vec<ProbeResult>,
    /// Addresses of the slot's name.
    pub slot_addresses: Known<BTreeSet<IpAddr>>,
    /// Addresses of the environment that should answer.
    pub expected_addresses: Known<BTreeSet<IpAddr>>,
    /// Where users come by another name than the slot's, that one.
    pub url: Option<UrlSeen>,
}

/// Where the name in the public URL led when all traffic was to be green's.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlSeen {
    /// The name.
    pub name: String,
    /// Its addresses.
    pub addresses: Known<BTreeSet<IpAddr>>,
    /// Those of blue.
    pub of_blue: Known<BTreeSet<IpAddr>>,
}
