//! Drills, on a schedule. What is left of one at the end of an invocation is for the next watch.

use serde_json::Value;

use super::advance::{Goal, Standing};
use super::call::DrillCall;
use super::settings::SettingsPlace;
use super::{Failure, Function, Slice};
use crate::compose::{self, Patience};
use crate::driver::{Driver, Overrides};
use crate::journal::begun_for;
use crate::release::Origin;

impl Function {
    /// Runs a drill as far as there is time. A schedule may deliver twice: the invocation's id says which drill it is.
    pub(super) async fn drill(&self, invocation: &str, call: DrillCall, slice: &Slice) -> Result<Value, Failure> {
        let place = SettingsPlace::read(Some(&call.config))?;
        let project = self.around.project(&place, None).await?;
        let project = compose::for_drill(&project, call.max_share).map_err(Failure::configuration)?;
        let overrides = Overrides::new(&project.spec.green);
        let desk = self.desk(project.whereabouts(), overrides, slice).await;
        let slot = project.slot();
        let seat = self.seat(&desk, None).await?;
        let known = begun_for(desk.journal.as_ref(), &slot, invocation)
            .await
            .map_err(Failure::system)?;
        let driver = match known {
            // Delivered again after it was over: whoever saw its end has told it.
            Some(release) if release.outcome.is_some() => return self.shown(&desk, &release).await,
            Some(release) => Driver::join(seat, release),
            None => {
                let planner = compose::drill_planner(&project, &seat.world, seat.clock.as_ref(), call.kind);
                let planner = Box::pin(planner).await.asked_by(Origin {
                    request: invocation.to_owned(),
                    execution: None,
                });
                let mut end = std::pin::pin!(slice.end());
                let begun = Box::pin(compose::begin(seat, &slot, &planner, Patience::Refuse, end.as_mut())).await;
                begun.map_err(|why| Failure::not_begun(&why))?
            }
        };
        let release = match self.drive(&desk, driver, Goal::Over, &mut None).await? {
            Standing::Waiting(why) => return Err(Failure::system(why)),
            Standing::Over(release) => {
                self.well_ended(&desk, &release).await?;
                release
            }
            Standing::UnderWay(release) | Standing::Live(release) => release,
        };
        self.shown(&desk, &release).await
    }
}
