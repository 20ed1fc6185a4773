//! The modelled data plane: environments, their users and what goes wrong, as arithmetic in virtual time.
//!
//! No process, socket, thread or clock. Between two moments at which something changes course (an instance starts or dies, a
//! name moves, a fault begins), rates are constant or linear, and what happened in between is an integral. So an hour costs
//! as much as the changes in it, and the same seed gives the same bytes however often somebody looks.
//!
//! - `version`: how a version behaves; `site`, `instance`: an environment behind its balancer
//! - `users`: who follows which name, and how slowly, be it for DNS or for a cookie; `ledger`: what became of their requests
//! - `answer`: a single request, as a probe makes it
//!
//! What it leaves out: connections, sessions, load that makes an application slower, and single instances of one
//! environment with different versions (all get a deployment at once, and those that are launched after it failed, too).

mod answer;
mod instance;
mod ledger;
mod random;
mod sample;
mod site;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod users;
mod version;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::balancers::{DesiredBalancer, LoadBalancerArn};
use super::plane::{DataPlane, DesiredEnvironment, EnvironmentSample, Holder, InstanceLogs};
use crate::model::{EnvironmentId, InstanceId, Timestamp, VersionLabel};

pub use answer::Answer;
pub use ledger::{Failures, LedgerRow, Loss};
pub use version::{Break, Shape, Since, Start, VersionModel, latency_of};

use state::State;

/// Environments and users that exist as numbers only. Shared as an `Arc`.
///
/// Whoever asks or tells the plane something at a moment lets the backstage catch up with that moment first
/// ([`Backstage::catch_up`](super::backstage::Backstage::catch_up)): until then the plane does not know what the account has
/// become due for, and news from before a moment that it has reckoned with count from that moment on.
pub struct ModelledPlane {
    state: Mutex<State>,
}

impl ModelledPlane {
    /// A plane without anything, on which unknown versions behave well. All that it draws depends on the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(State::new(seed)),
        }
    }

    /// How a version behaves in deployments that begin from now on. Versions that nobody described behave well.
    pub fn set_version(&self, label: impl Into<VersionLabel>, model: VersionModel) {
        self.lock().versions.insert(label.into(), Arc::new(model));
    }

    /// From `now` on a name has this many users, in requests per second. The name is the whole one, such as
    /// `shop.eu-central-1.elasticbeanstalk.com`, in any letters; it need not exist yet. A name that is nobody's in the account
    /// leads to the load balancer that has a rule for just that host. Users of a load balancer ask for `/`; its weights split
    /// them at once, and those with a cookie follow over its length in equal shares.
    ///
    /// Users follow their name. When it moves they do so one by one over the time to live of the DNS answer, in equal
    /// shares; one in a hundred stays twice as long.
    pub fn set_users(&self, name: &str, requests_per_second: f64, now: Timestamp) {
        self.lock().set_users(name, requests_per_second.max(0.0), now);
    }

    /// Lets an environment fail this share of its requests from one moment to another, whatever it runs. The environment
    /// need not exist yet. What has been told already does not change.
    pub fn break_environment(&self, environment: &EnvironmentId, from: Timestamp, until: Timestamp, error_rate: f64) {
        self.lock()
            .break_environment(environment, from, until, error_rate.clamp(0.0, 1.0));
    }

    /// One request to an environment's balancer, as a probe makes it. It counts in the environment's samples and not in the
    /// ledger, which is about users.
    pub fn ask(&self, environment: &EnvironmentId, path: &str, now: Timestamp) -> Answer {
        self.lock().ask(environment, path, now)
    }

    /// One request to whatever has an address, an environment's own balancer or one that environments share, as a probe makes
    /// it: without a cookie. Behind a shared one, `host` and path decide where it goes, and a draw among the weights.
    pub fn ask_at(&self, address: SocketAddr, host: &str, path: &str, now: Timestamp) -> Answer {
        self.lock().ask_at(address, host, path, now)
    }

    /// The environment that has or had an address.
    #[must_use]
    pub fn environment_at(&self, address: SocketAddr) -> Option<EnvironmentId> {
        self.lock().environment_at(address)
    }

    /// Requests per second of users that reach, or try to reach, an environment.
    #[must_use]
    pub fn users_on(&self, environment: &EnvironmentId, now: Timestamp) -> f64 {
        self.lock().users_on(environment, now)
    }

    /// How many instances of an environment its balancer sends requests to.
    #[must_use]
    pub fn in_service(&self, environment: &EnvironmentId, now: Timestamp) -> usize {
        self.lock().in_service(environment, now)
    }

    /// What became of the users' requests until now: one row for every deployment that users met or might have met, the
    /// oldest first, and at the end one for those whose name led nowhere, if there were any.
    #[must_use]
    pub fn ledger(&self, now: Timestamp) -> Vec<LedgerRow> {
        self.lock().ledger(time::millis(now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DataPlane for ModelledPlane {
    fn apply(&self, desired: &[DesiredEnvironment], now: Timestamp) {
        self.lock().apply(desired, now);
    }

    fn balance(&self, desired: &[DesiredBalancer], now: Timestamp) {
        self.lock().balance(desired, now);
    }

    fn balancer_address(&self, arn: &LoadBalancerArn) -> Option<SocketAddr> {
        self.lock().balancer_address(arn)
    }

    fn names(&self, holders: &[(String, Holder)], ttl: Duration, now: Timestamp) {
        self.lock().names(holders, ttl, now);
    }

    fn sample(&self, environment: &EnvironmentId, now: Timestamp) -> Option<EnvironmentSample> {
        self.lock().sample(environment, now)
    }

    fn address(&self, environment: &EnvironmentId) -> Option<SocketAddr> {
        self.lock().address(environment)
    }

    fn logs(&self, environment: &EnvironmentId) -> Vec<(InstanceId, InstanceLogs)> {
        self.lock().logs(environment)
    }
}

impl std::fmt::Debug for ModelledPlane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelledPlane").finish_non_exhaustive()
    }
}
