//! A look at a slot, on a schedule: a release that nobody drives any more is gone on with. Whoever stops a pipeline without
//! waiting for its actions, or loses a job's answer, leaves none half done.

use serde_json::{Value, json};

use super::advance::{Desk, Goal, Standing};
use super::call::WatchCall;
use super::settings::SettingsPlace;
use super::turn::is_left_to_its_own;
use super::{Failure, Function, Slice};
use crate::compose::Whereabouts;
use crate::driver::{Driver, Overrides, is_free};
use crate::journal::newest;
use crate::release::Release;

impl Function {
    /// Goes on with the slot's newest release, if it is not over and nobody drives it. Settings that have changed since it began,
    /// or cannot be read any more, keep nobody from that where `at` says where it is; but they are told, by failing afterwards.
    pub(super) async fn watch(&self, call: WatchCall, slice: &Slice) -> Result<Value, Failure> {
        let settings = match SettingsPlace::read(Some(&call.config)) {
            Ok(place) => self.around.project(&place, None).await,
            Err(failure) => Err(failure),
        };
        let home = self.around.aws().region().map(str::to_owned);
        let told = settings.as_ref().ok().map(|project| project.whereabouts());
        let agree = |at: &Whereabouts| told.as_ref().is_some_and(|told| told.agrees(at, home.as_deref()));
        let places: Vec<Whereabouts> = call
            .at
            .filter(|at| !agree(at))
            .into_iter()
            .chain(told.clone())
            .collect();
        let overrides = settings
            .as_ref()
            .ok()
            .map(|project| Overrides::new(&project.spec.green));
        let mut answer = json!({ "release": null });
        let mut failures = Vec::new();
        for at in places {
            let desk = self.desk(at, overrides.clone().unwrap_or_default(), slice).await;
            match Box::pin(self.look_after(&desk, settings.is_ok())).await {
                Ok(said) => answer = said,
                Err(failure) => failures.push(failure),
            }
        }
        let mut failures = failures.into_iter().chain(settings.err());
        let Some(first) = failures.next() else {
            return Ok(answer);
        };
        for other in failures {
            self.around.log(&other);
        }
        Err(first)
    }

    /// Goes on with the newest release of a place.
    async fn look_after(&self, desk: &Desk<'_>, has_settings: bool) -> Result<Value, Failure> {
        let release = newest(desk.journal.as_ref(), &desk.at.slot())
            .await
            .map_err(Failure::system)?;
        let Some(release) = release else {
            return Ok(json!({ "release": null }));
        };
        let id = release.plan.id.to_string();
        let said = |release: &Release| {
            let outcome = release.outcome.as_ref().map(|(outcome, _)| outcome.code());
            json!({ "release": id, "phase": release.phase, "outcome": outcome })
        };
        let now = self.around.clock().now();
        let is_driven = is_free(&release, now).is_none() || is_left_to_its_own(&release, now);
        if release.outcome.is_some() || is_driven || !has_settings && !release.needs_no_settings() {
            return Ok(said(&release));
        }
        let driver = Driver::join_hastily(self.seat(desk, None).await?, release.clone());
        match self.drive(desk, driver, Goal::Unattended, &mut None).await? {
            Standing::Over(release) => {
                self.tell_end(desk, &release).await?;
                Ok(said(&release))
            }
            Standing::UnderWay(release) | Standing::Live(release) => Ok(said(&release)),
            Standing::Waiting(why) => Err(Failure::system(why)),
        }
    }
}
