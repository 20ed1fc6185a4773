//! A look at the account from outside of AWS's API, for those who must know what is really there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::state::{Environment, Status};
use super::{Account, Timing};
use crate::local::plane::InstanceState;
use crate::model::{ApplicationName, EnvironmentId, EnvironmentName, HealthStatus, Timestamp, VersionLabel};

/// An environment as it is, free of what AWS leaves out of its answers or tells late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentView {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// Its application.
    pub application: ApplicationName,
    /// Its status as on the wire: `Launching`, `Updating`, `Aborting`, `Ready`, `Terminating`, `Terminated`.
    pub status: &'static str,
    /// Its whole name in DNS, also before anybody can resolve it.
    pub cname: String,
    /// Whether that name can be resolved: from the balancer's making until the environment is terminated.
    pub is_reachable: bool,
    /// The version that the service expects on its instances; `None` for the sample application.
    pub version: Option<VersionLabel>,
    /// Its enhanced health, also where only basic health is reported.
    pub health: HealthStatus,
    /// How many instances there should be.
    pub instances: u32,
    /// What users tagged it with.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was gone.
    pub terminated: Option<Timestamp>,
}

impl EnvironmentView {
    fn of(environment: &Environment) -> Self {
        Self {
            id: environment.id.clone(),
            name: environment.name.clone(),
            application: ApplicationName::new(environment.application.clone()),
            status: environment.status.as_str(),
            cname: environment.cname.clone(),
            is_reachable: environment.is_live() && environment.balancer.made,
            version: environment.version_label().map(VersionLabel::new),
            health: environment.watch.health,
            instances: environment.instances,
            tags: environment.tags.clone(),
            created: environment.created,
            terminated: environment.terminated,
        }
    }

    /// Whether it is terminated.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.status == Status::Terminated.as_str()
    }
}

impl Account {
    /// Whether an instance of an environment passed its health checks when its health was last reported.
    #[must_use]
    pub fn serves(&self, id: &EnvironmentId) -> bool {
        let sample = self
            .environments
            .get(id)
            .and_then(|environment| environment.watch.sample.as_ref());
        sample.is_some_and(|sample| {
            let mut instances = sample.instances.iter();
            instances.any(|instance| instance.state == InstanceState::InService)
        })
    }

    /// All environments that the account remembers, the oldest first; terminated ones too.
    #[must_use]
    pub fn environments(&self) -> Vec<EnvironmentView> {
        let mut all: Vec<&Environment> = self.environments.values().collect();
        all.sort_by_key(|environment| environment.number);
        all.into_iter().map(EnvironmentView::of).collect()
    }

    /// One environment, if the account remembers it.
    #[must_use]
    pub fn environment_view(&self, id: &EnvironmentId) -> Option<EnvironmentView> {
        self.environments.get(id).map(EnvironmentView::of)
    }

    /// Application and name of an environment that is known by its id or its name. Of those that had a name one after the other
    /// it is the newest.
    pub(in crate::local) fn application_of(&self, id: Option<&str>, name: Option<&str>) -> Option<(String, String)> {
        let found = match (id, name) {
            (Some(id), _) => self.environments.get(&EnvironmentId::new(id))?,
            (None, Some(name)) => {
                let named = self.environments.values().filter(|found| found.name.as_str() == name);
                named.max_by_key(|found| found.number)?
            }
            (None, None) => return None,
        };
        Some((found.application.clone(), found.name.as_str().to_owned()))
    }

    /// The path of a role.
    pub(in crate::local) fn role_path(&self, name: &str) -> Option<String> {
        self.identities.role_path(name).map(str::to_owned)
    }

    /// The path of an instance profile.
    pub(in crate::local) fn profile_path(&self, name: &str) -> Option<String> {
        self.identities.profile_path(name).map(str::to_owned)
    }

    /// How long everything takes.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.settings.timing
    }

    /// From which ids are drawn.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// Length of one window of health reporting, never zero.
    #[must_use]
    pub fn health_window(&self) -> Duration {
        self.settings.timing.health_window.max(Duration::from_millis(1))
    }
}
