//! What stands around the function: settings, artifacts, journal, everything that a driver works with, and time.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::artifact::{self, Wanted};
use super::machine::Sandbox;
use super::settings::{self, SettingsPlace};
use super::{Failure, log};
use crate::aws::Aws;
use crate::compose::{Project, Reach, Whereabouts};
use crate::driver::{Overrides, Seat, World};
use crate::journal::Journal;
use crate::model::{Clock, SystemClock};
use crate::report::{self, Format};

/// Where the function works: in a sandbox of Lambda, or in a simulated world.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// By which pipelines are answered.
    fn aws(&self) -> &Aws;

    /// Its clock.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Says something in the function's log. Never anything of an event.
    fn log(&self, message: &dyn Display);

    /// Fetches an artifact, unless it is here.
    async fn fetch(&self, wanted: &Wanted) -> Result<PathBuf, Failure>;

    /// Reads the settings. `artifact` is the file of the artifact, for settings that lie in it.
    async fn project(&self, place: &SettingsPlace, artifact: Option<&Path>) -> Result<Project, Failure>;

    /// Opens a journal.
    async fn journal(&self, at: &Whereabouts) -> Arc<dyn Journal>;

    /// Everything that a driver works with. `overrides` are what green has that blue has not.
    async fn seat(
        &self,
        at: &Whereabouts,
        overrides: Overrides,
        journal: Arc<dyn Journal>,
        bundle: Option<PathBuf>,
    ) -> Result<Seat, Failure>;
}

/// A sandbox of Lambda.
pub(super) struct OnLambda {
    pub(super) reach: Reach,
    pub(super) aws: Aws,
    /// Clients for other regions, made once each.
    pub(super) elsewhere: Mutex<BTreeMap<String, Aws>>,
}

impl OnLambda {
    /// The function's own clients, unless another region is named.
    async fn clients(&self, region: Option<&str>) -> Aws {
        let Some(region) = region.filter(|region| Some(*region) != self.aws.region()) else {
            return self.aws.clone();
        };
        let mut elsewhere = self.elsewhere.lock().await;
        if let Some(known) = elsewhere.get(region) {
            return known.clone();
        }
        let made = Box::pin(self.reach.connect(Some(region))).await;
        elsewhere.insert(region.to_owned(), made.clone());
        made
    }
}

#[async_trait]
impl Surroundings for OnLambda {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn log(&self, message: &dyn Display) {
        log(message);
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<PathBuf, Failure> {
        artifact::fetch(&self.aws, wanted).await
    }

    async fn project(&self, place: &SettingsPlace, artifact: Option<&Path>) -> Result<Project, Failure> {
        settings::project(&self.aws, place, artifact).await
    }

    async fn journal(&self, at: &Whereabouts) -> Arc<dyn Journal> {
        at.open_journal(Box::pin(self.clients(at.region.as_deref())).await)
    }

    async fn seat(
        &self,
        at: &Whereabouts,
        overrides: Overrides,
        journal: Arc<dyn Journal>,
        bundle: Option<PathBuf>,
    ) -> Result<Seat, Failure> {
        let aws = Box::pin(self.clients(at.region.as_deref())).await;
        let world = self.reach.world(aws, overrides, Vec::new());
        let world: World = world.map_err(Failure::system)?.with_bundle(bundle);
        Ok(Seat {
            machine: Arc::new(Sandbox),
            ..Seat::new(journal, Arc::new(world), self.clock(), report::reporter(Format::Human))
        })
    }
}
