//! A look at a slot, on a schedule: a release that nobody drives any more is gone on with. Whoever stops a pipeline without
//! waiting for its actions, or loses a job's answer, leaves none half done.

use serde_json::{Value, json};

use super::advance::{Desk, Goal, Standing};
use super::call::WatchCall;
use super::settings::SettingsPlace;
use super::turn::is_left_to_its_own;
use super::{Failure, Function, Slice};
use crate::driver::{Driver, is_free};
use crate::journal::newest;

impl Function {
    /// Goes on with the slot's newest release, if it is not over and nobody drives it.
    pub(super) async fn watch(&self, call: WatchCall, slice: &Slice) -> Result<Value, Failure> {
        let place = SettingsPlace::read(Some(&call.config))?;
        let project = self.around.project(&place, None).await?;
        let journal = self.around.journal(&project).await;
        let desk = Desk {
            project: &project,
            journal,
            slice,
        };
        let release = newest(desk.journal.as_ref(), &project.slot())
            .await
            .map_err(Failure::system)?;
        let Some(release) = release else {
            return Ok(json!({ "release": null }));
        };
        let id = release.plan.id.to_string();
        let said = |release: &crate::release::Release| {
            let outcome = release.outcome.as_ref().map(|(outcome, _)| outcome.code());
            json!({ "release": id, "phase": release.phase, "outcome": outcome })
        };
        let now = self.around.clock().now();
        if release.outcome.is_some() || is_free(&release, now).is_none() || is_left_to_its_own(&release, now) {
            return Ok(said(&release));
        }
        let driver = Driver::join(self.seat(&desk, None).await?, release.clone());
        match self.drive(&desk, driver, Goal::Over, &mut None).await? {
            Standing::Over(release) => {
                self.well_ended(&desk, &release).await?;
                Ok(said(&release))
            }
            Standing::UnderWay(release) | Standing::Live(release) => Ok(said(&release)),
            Standing::Waiting(why) => Err(Failure::system(why)),
        }
    }
}
