//! The seam between the account and what runs behind it.
//!
//! The account says what should exist ([`DesiredEnvironment`]), a [`DataPlane`] makes it so and tells what it sees
//! ([`EnvironmentSample`]). Both directions carry whole states, never changes, so that nothing can be missed or counted
//! twice. Two planes stand behind it: `live` (child processes and an HTTP balancer) and, for virtual time, a model.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::balancers::{DesiredBalancer, FailedCheck, LoadBalancerArn, TargetGroupArn};
use crate::model::{EnvironmentId, EnvironmentName, InstanceId, Latency, RequestCounts, Timestamp, VersionLabel};

/// What runs applications and carries their traffic.
pub trait DataPlane: Send + Sync {
    /// Makes these environments exist as described, and no others: one that is missing from the list is drained and removed.
    /// Returns at once; the work goes on behind it and shows in the samples.
    fn apply(&self, desired: &[DesiredEnvironment], now: Timestamp);

    /// Makes these load balancers exist as described, and no others, each with the rules of its listeners. The environments
    /// behind them are those that [`DataPlane::apply`] was told last, by their target groups. Requests already begun are not
    /// touched by a change. Returns at once.
    fn balance(&self, _desired: &[DesiredBalancer], _now: Timestamp) {}

    /// Where a load balancer accepts connections, once it does.
    fn balancer_address(&self, _arn: &LoadBalancerArn) -> Option<SocketAddr> {
        None
    }

    /// Tells who holds which name in DNS, all of them, in small letters, and how long resolvers keep an answer.
    ///
    /// A plane with real clients has no use for it: they ask for themselves. One that models them lets them follow.
    fn names(&self, _holders: &[(String, Holder)], _ttl: Duration, _now: Timestamp) {}

    /// Closes the current window of an environment and returns what was seen in it; `None` when nothing of the
    /// environment exists (any more).
    fn sample(&self, environment: &EnvironmentId, now: Timestamp) -> Option<EnvironmentSample>;

    /// Closes the current window of a load balancer and returns what it answered itself because no environment was behind the
    /// group that a request was for, or there was no group. What it answered for an environment is in that one's sample.
    fn own_answers(&self, _arn: &LoadBalancerArn) -> RequestCounts {
        RequestCounts::default()
    }

    /// Where the environment's balancer accepts connections, once it does.
    fn address(&self, environment: &EnvironmentId) -> Option<SocketAddr>;

    /// What each instance of the environment has logged, by instance.
    fn logs(&self, environment: &EnvironmentId) -> Vec<(InstanceId, InstanceLogs)>;
}

/// The last lines of an instance's logs, each with the path that it has on an instance of AWS.
pub type InstanceLogs = Vec<(String, String)>;

/// Who holds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An environment with a balancer of its own.
    Environment(EnvironmentId),
    /// A load balancer, whose rules say where requests for the name go.
    LoadBalancer(LoadBalancerArn),
    /// Several, each for a part of those who ask: records with weights.
    Weighted(Vec<(Self, u64)>),
    /// Nobody that is known.
    Nobody,
}

/// One environment as the account wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredEnvironment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name, for logs.
    pub name: EnvironmentName,
    /// How many instances should run.
    pub instances: u32,
    /// Instances that should not be among them.
    pub dismissed: BTreeSet<InstanceId>,
    /// The version they should run.
    pub deployment: Deployment,
    /// What instances run that are launched from now on, if it is something else: after a deployment that failed.
    pub launched: Option<Deployment>,
    /// What its platform brings.
    pub runtime: Runtime,
    /// Environment properties for the application's processes. Secrets may be among them.
    pub properties: BTreeMap<String, String>,
    /// How its balancer behaves.
    pub balancer: BalancerSettings,
    /// The target group of its instances behind a load balancer that others share; `None` for an environment with a balancer
    /// of its own.
    pub target_group: Option<TargetGroupArn>,
}

/// The language that a platform brings, and how it starts an application that does not say so itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Runtime {
    /// Python.
    Python(PythonRuntime),
    /// Node.js, of that major version.
    Node(String),
    /// Any other: what the bundle says is run as it is.
    #[default]
    Other,
}

/// Python as a platform has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonRuntime {
    /// Its version, such as `3.13`.
    pub version: String,
    /// Where the application is: a module, or module and variable.
    pub wsgi_path: String,
    /// Processes of the server.
    pub processes: u32,
    /// Threads of each.
    pub threads: u32,
}

/// One deployment of a version to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Counts the environment's deployments, from 1.
    pub id: u64,
    /// The version's label.
    pub version_label: VersionLabel,
    /// Its bundle, as a file on this machine; `None` for a version that has none.
    #[serde(with = "super::storage::kept_file::maybe")]
    pub bundle: Option<std::path::PathBuf>,
}

/// Settings of an environment's balancer, already scaled to the cloud's pace.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancerSettings {
    /// Path that health checks ask for; empty where a connection that comes about is all they want.
    pub health_check_path: String,
    /// Status codes that count as healthy, such as `200` or `200-399`, separated by commas.
    pub matcher: String,
    /// Time between health checks.
    pub health_check_interval: Duration,
    /// Time after which a health check has failed.
    pub health_check_timeout: Duration,
    /// Successes in a row that make an instance healthy.
    pub healthy_threshold: u32,
    /// Failures in a row that make it unhealthy.
    pub unhealthy_threshold: u32,
    /// How long requests in flight may go on once an instance is taken out.
    pub deregistration_delay: Duration,
    /// After which idle connections are closed.
    pub idle_timeout: Duration,
}

/// What was seen of an environment in one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentSample {
    /// Its instances, by id.
    pub instances: Vec<InstanceSample>,
    /// Requests that the balancer answered itself because no instance could (502, 503, 504), or because their clients did not
    /// send them well or whole (400, 408).
    pub balancer_errors: RequestCounts,
    /// Those of them that an instance was chosen for.
    pub broken: Broken,
    /// Latency over all instances; `None` without requests.
    pub latency: Option<Latency>,
    /// Connections that clients hold open to the balancer.
    pub open_connections: u64,
}

/// Requests that an instance was chosen for and did not answer. CloudWatch tells them from those for which there was none to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// All of them.
    pub requests: u64,
    /// Those of them for which no connection to the instance came about.
    pub connections: u64,
}

/// What was seen of one instance in one window.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceSample {
    /// Its id.
    pub id: InstanceId,
    /// When it was started.
    pub launched_at: Timestamp,
    /// The deployment it runs or is getting.
    pub deployment_id: u64,
    /// The label of that deployment's version.
    pub version_label: VersionLabel,
    /// When that deployment began on it.
    pub deployed_at: Timestamp,
    /// How far it is.
    pub state: InstanceState,
    /// What its platform tells of a deployment that failed, in the words of AWS's events.
    pub complaints: Vec<String>,
    /// Requests it answered in the window.
    pub requests: RequestCounts,
    /// Their latency; `None` without requests.
    pub latency: Option<Latency>,
}

/// How far an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Unpacking, installing or starting the application.
    Starting,
    /// Passing health checks and getting traffic.
    InService,
    /// Started, but failing health checks.
    Unhealthy(Sickness),
    /// The version could not be installed or does not stay up; the text is for a person.
    Failed(String),
    /// Finishing requests before it is removed.
    Draining,
}

/// Why an instance is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sickness {
    /// How its health check failed.
    pub check: FailedCheck,
    /// The same for a person.
    pub text: String,
}

impl Sickness {
    /// With a text for a person.
    pub fn new(check: FailedCheck, text: impl Into<String>) -> Self {
        Self {
            check,
            text: text.into(),
        }
    }
}
