//! The account: Elastic Beanstalk, Elastic Load Balancing, Auto Scaling, IAM and STS as a pure state machine.
//!
//! No I/O of its own, no clock, no randomness: the same calls at the same times give the same bytes. What AWS does over
//! minutes happens in [`Account::tick`] and [`Account::observe`]; what should run is told by [`Account::desired`].
//! Shapes follow the service's API model (2010-12-01, and 2011-06-15 for STS), with the deviations of the real wire.

mod archive;
mod balancing;
mod dns;
mod due;
mod errors;
#[cfg(test)]
pub(crate) mod fixture;
mod judge;
mod lifecycle;
mod operations;
#[cfg(test)]
mod random;
mod remember;
mod saved;
mod settings;
#[cfg(test)]
mod shared_tests;
mod state;
mod timing;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::balancers::{self, Balancers};
use super::identities::{self, Identities};
use super::metrics::Metrics;
use super::plane::DataPlane;
use super::query as wire;
use super::shapes;
use super::storage::{OWN_BUCKETS, Storage};
use crate::model::{EnvironmentId, Timestamp};

pub use super::query::{QueryRequest, QueryResponse};
pub use dns::Resolution;
pub use settings::{AccountSettings, Quotas};
pub use timing::Timing;
pub use view::EnvironmentView;

use super::ids::Ids;
use due::Course;
use operations::Call;
use state::{Application, Environment, EventLog};
use wire::Parameters;

/// How often load balancers tell CloudWatch what they have seen.
const MINUTE: Duration = Duration::from_secs(60);

/// One AWS account in one region.
pub struct Account {
    settings: AccountSettings,
    storage: Arc<dyn Storage>,
    ids: Ids,
    /// Counts environments and versions, for their order.
    made: u64,
    applications: BTreeMap<String, Application>,
    environments: BTreeMap<EnvironmentId, Environment>,
    balancers: Balancers,
    identities: Identities,
    metrics: Metrics,
    events: EventLog,
    course: Course,
    /// Counts what may have changed something that is remembered.
    changes: u64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("settings", &self.settings)
            .field("applications", &self.applications)
            .field("environments", &self.environments)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// An empty account. Bundles are looked up in `storage`, and logs are left there.
    #[must_use]
    pub fn new(settings: AccountSettings, storage: Arc<dyn Storage>) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            balancers: balancing::none(&settings),
            identities: Identities::new(&settings.account_id, settings.seed),
            metrics: Metrics::new(settings.timing.scale(MINUTE), &settings.region, &settings.account_id),
            settings,
            storage,
            made: 0,
            applications: BTreeMap::new(),
            environments: BTreeMap::new(),
            events: EventLog::default(),
            course: Course::default(),
            changes: 0,
        }
    }

    /// Answers a call of any of its services. What is due by `now` happens first, so that the answer is current.
    /// `plane` is asked for logs only.
    pub fn handle(&mut self, request: &QueryRequest, now: Timestamp, plane: &dyn DataPlane) -> QueryResponse {
        self.tick(now);
        let parameters = Parameters::parse(&request.parameters);
        let request_id = self.ids.uuid("request");
        let action = parameters.raw("Action").unwrap_or_default().to_owned();
        let version = parameters.raw("Version").unwrap_or_default();
        if !operations::only_reads(&action) {
            self.changes += 1;
        }
        if let Err(error) = shapes::check(&action, &parameters) {
            let namespace = match version {
                balancers::VERSION => balancers::NAMESPACE,
                identities::VERSION => identities::NAMESPACE,
                _ => operations::namespace(&action, version),
            };
            return QueryResponse::failure(namespace, &error, request_id);
        }
        if version == balancers::VERSION {
            return self.balance(&action, &parameters, request_id, now);
        }
        if version == identities::VERSION {
            return match self.identities.handle(&action, &parameters, now) {
                Ok(result) => QueryResponse::success(&action, identities::NAMESPACE, result.as_ref(), request_id),
                Err(error) => QueryResponse::failure(identities::NAMESPACE, &error, request_id),
            };
        }
        let namespace = operations::namespace(&action, version);
        let call = Call {
            parameters: &parameters,
            request_id: &request_id,
            now,
            plane,
        };
        if !operations::only_reads(&action) {
            self.course.changed();
        }
        match self.dispatch(&action, &call) {
            Ok(result) => QueryResponse::success(&action, namespace, result.as_ref(), request_id),
            Err(error) => QueryResponse::failure(namespace, &error, request_id),
        }
    }

    /// Name of the bucket that Elastic Beanstalk keeps in this region.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("{OWN_BUCKETS}{}-{}", self.settings.region, self.settings.account_id)
    }

    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }
}
