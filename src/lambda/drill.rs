//! Drills, on a schedule. What is left of one at the end of an invocation is for the next watch.

use serde_json::{Value, json};

use super::advance::{Desk, Goal, Standing};
use super::call::DrillCall;
use super::settings::SettingsPlace;
use super::{Failure, Function, Slice};
use crate::aws::Fault;
use crate::compose::{self, NotBegun, Patience, Project};
use crate::drill;
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
                match begun {
                    Ok(driver) => driver,
                    Err(NotBegun::Refused(problems)) if compose::may_pass(&problems) => {
                        return self.put_off(&desk, &project, NotBegun::Refused(problems)).await;
                    }
                    Err(why) => return Err(Failure::not_begun(&why)),
                }
            }
        };
        let release = match self.drive(&desk, driver, Goal::Over, &mut None).await? {
            Standing::Waiting(why) => return Err(Failure::system(why)),
            Standing::Over(release) => {
                self.tell_end(&desk, &release).await?;
                release
            }
            Standing::UnderWay(release) | Standing::Live(release) => release,
        };
        self.shown(&desk, &release).await
    }

    /// A drill burdens no service that is unwell, and no release: one that may not begin just now is everyday, and the next one is
    /// soon enough. Until no drill has passed for too long: then it fails, so that somebody is told.
    async fn put_off(&self, desk: &Desk<'_>, project: &Project, why: NotBegun) -> Result<Value, Failure> {
        let (slot, objective) = (desk.at.slot(), project.spec.drill.objective);
        let now = self.around.clock().now();
        let history = drill::history(desk.journal.as_ref(), &slot, 1, objective, now).await;
        if !history.map_err(Failure::system)?.kept() {
            return Err(Failure::new(
                Fault::Release,
                format!(
                    "no drill of {slot} has passed in the last {objective}, and this one may not begin: {why}; `cutover drill history` shows \
                     what the last ones came to"
                ),
            ));
        }
        self.around
            .log(&format_args!("the drill is left to the next one: {why}"));
        Ok(json!({ "drill": null, "why": why.to_string() }))
    }
}
