//! The live data plane: applications as child processes, and an HTTP balancer in front of each environment.
//!
//! - `environment`, `instance`, `process`: who should run, from the outside in; each is a task that follows a wish
//! - `install`, `build`, `running`: from a bundle to processes that serve
//! - `keeper`, [`protocol`]: how a process is run so that it never outlives the cloud
//! - `door`, `balancer`, `edge`, `forward`: HTTP
//! - `limits`, `own`: what is not passed on, and what a balancer says itself
//! - `shared`, `cookie`: balancers that several environments share, and who stays with which of them
//! - `functions`: functions of Lambda, each process behind a Runtime API of its own
//! - `rotation`, `meter`, `health`: which instances get traffic, and what is counted of it

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::local::balancers::{DesiredBalancer, LoadBalancerArn};
use crate::local::folder;
use crate::local::plane::{DataPlane, DesiredEnvironment, EnvironmentSample, InstanceLogs};
use crate::model::{EnvironmentId, InstanceId, RequestCounts, Timestamp};

mod activity;
mod balancer;
mod body;
mod build;
mod cookie;
mod door;
mod edge;
mod environment;
mod forward;
mod functions;
mod headers;
mod health;
mod install;
mod instance;
mod keeper;
mod limits;
mod listen;
pub mod log;
mod loopback;
mod meter;
mod own;
mod patience;
mod ports;
mod process;
mod procfile;
pub mod protocol;
#[cfg(test)]
mod proxy_tests;
mod rotation;
mod running;
mod shared;
mod tunnel;
mod unpack;
mod wire;

pub use edge::Edge;
pub use functions::{FunctionSettings, LiveFunctions};

use build::Cache;
use environment::Environment;
use loopback::Addresses;
use ports::Ports;
use shared::{Groups, Shared};

/// How long [`LivePlane::shutdown`] waits for processes that do not die.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);
/// Each proxied connection needs two; the usual soft limit of 1024 is soon used up.
const OPEN_FILES: u64 = 65_536;

/// What the live plane needs to know.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Folder for the instances. What an earlier cloud left in its subfolder `live` is removed at start.
    pub data: PathBuf,
    /// Program and first arguments that run the keeper: this binary and its hidden subcommand.
    pub keeper: Vec<OsString>,
    /// The port of all balancers, each of which has its own address; 0 for any.
    pub port: u16,
    /// How long a process may take to end when it is asked to.
    pub stop_grace: Duration,
}

/// What all environments share.
struct Tools {
    data: PathBuf,
    keeper: Arc<[OsString]>,
    stop_grace: Duration,
    ports: Arc<Ports>,
    addresses: Addresses,
    /// Instances behind balancers that several environments share.
    groups: Arc<Groups>,
    /// What was built from lists of packages.
    cache: Cache,
}

/// Runs environments as processes on this machine. Dropping it kills them.
pub struct LivePlane {
    tools: Arc<Tools>,
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    environments: BTreeMap<EnvironmentId, Environment>,
    balancers: BTreeMap<LoadBalancerArn, Shared>,
}

impl LivePlane {
    /// Prepares folders, addresses and limits. Must be called within a tokio runtime, which then runs everything.
    ///
    /// # Errors
    /// When the data folder cannot be made or emptied, or when the port is taken or not allowed.
    pub fn start(settings: LiveSettings) -> io::Result<Self> {
        let data = std::path::absolute(settings.data.join(folder::LIVE))?;
        let packages = std::path::absolute(settings.data.join(folder::PACKAGES))?;
        let with_path = |error: io::Error, what: &str| {
            io::Error::new(
                error.kind(),
                format!("cannot {what} the folder {}: {error}", data.display()),
            )
        };
        match std::fs::remove_dir_all(&data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(with_path(error, "empty")),
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(&data).map_err(|error| with_path(error, "make"))?;
        allow_many_files();
        let addresses = Addresses::new(settings.port)?;
        let tools = Tools {
            data,
            keeper: absolute_program(settings.keeper)?.into(),
            stop_grace: settings.stop_grace,
            ports: Arc::new(Ports::new(addresses.port().unwrap_or(0))),
            addresses,
            groups: Arc::default(),
            cache: Cache::new(packages),
        };
        Ok(Self {
            tools: Arc::new(tools),
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::default(),
        })
    }

    /// The port that all balancers have in common; `None` where each has its own.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.tools.addresses.port()
    }

    /// Kills all processes without draining, and waits until they are gone. Nothing is started any more afterwards.
    pub async fn shutdown(&self) {
        let gone: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.balancers.clear();
            state.environments.values().for_each(Environment::kill);
            state.environments.values().map(Environment::gone).collect()
        };
        if tokio::time::timeout(SHUTDOWN_LIMIT, futures_util::future::join_all(gone))
            .await
            .is_err()
        {
            tracing::error!("some processes of the local cloud do not end; look for them and kill them");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, environment: &EnvironmentId, ask: impl FnOnce(&Environment) -> T) -> Option<T> {
        let state = self.lock();
        let environment = state.environments.get(environment)?;
        (!environment.is_gone()).then(|| ask(environment))
    }
}

impl DataPlane for LivePlane {
    fn apply(&self, desired: &[DesiredEnvironment], now: Timestamp) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let _runtime = self.runtime.enter();
        state.environments.retain(|_, environment| !environment.is_gone());
        for (id, environment) in &state.environments {
            if !desired.iter().any(|wanted| wanted.id == *id) {
                environment.remove();
            }
        }
        for wanted in desired {
            match state.environments.get(&wanted.id) {
                Some(environment) => environment.want(wanted, now),
                None => {
                    let environment = Environment::create(wanted, now, Arc::clone(&self.tools));
                    state.environments.insert(wanted.id.clone(), environment);
                }
            }
        }
    }

    fn balance(&self, desired: &[DesiredBalancer], _now: Timestamp) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let _runtime = self.runtime.enter();
        let is_served = |arn: &LoadBalancerArn| {
            let mut all = desired.iter();
            all.any(|wanted| wanted.arn == *arn && wanted.rules().is_some())
        };
        let gone: Vec<_> = state.balancers.keys().filter(|arn| !is_served(arn)).cloned().collect();
        for arn in gone {
            if let Some(balancer) = state.balancers.remove(&arn) {
                balancer.leave();
            }
        }
        for wanted in desired.iter().filter(|wanted| wanted.rules().is_some()) {
            if let Some(balancer) = state.balancers.get(&wanted.arn) {
                balancer.want(wanted);
                continue;
            }
            match Shared::open(&self.tools.addresses, wanted, &self.tools.groups) {
                Ok(balancer) => {
                    state.balancers.insert(wanted.arn.clone(), balancer);
                }
                Err(error) => tracing::debug!(%error, name = wanted.name, "cannot open a load balancer; trying again"),
            }
        }
    }

    fn balancer_address(&self, arn: &LoadBalancerArn) -> Option<SocketAddr> {
        self.lock().balancers.get(arn).map(Shared::address)
    }

    fn sample(&self, environment: &EnvironmentId, _now: Timestamp) -> Option<EnvironmentSample> {
        self.with(environment, Environment::sample)
    }

    fn own_answers(&self, arn: &LoadBalancerArn) -> RequestCounts {
        let state = self.lock();
        let balancer = state.balancers.get(arn);
        balancer.map(Shared::take_own_answers).unwrap_or_default()
    }

    fn address(&self, environment: &EnvironmentId) -> Option<SocketAddr> {
        self.with(environment, Environment::address)?
    }

    fn logs(&self, environment: &EnvironmentId) -> Vec<(InstanceId, InstanceLogs)> {
        self.with(environment, Environment::logs).unwrap_or_default()
    }
}

/// Keepers run in the folders of instances, where a relative path means something else.
fn absolute_program(mut keeper: Vec<OsString>) -> io::Result<Vec<OsString>> {
    if let Some(program) = keeper.first_mut() {
        let path = PathBuf::from(&*program);
        if path.components().count() > 1 {
            *program = std::path::absolute(path)?.into();
        }
    }
    Ok(keeper)
}

/// Raises the soft limit of open files as far as is allowed and useful.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if current.is_some_and(|current| current < wanted) {
        let limit = Rlimit {
            current: Some(wanted),
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}
