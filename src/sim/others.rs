//! People: operators with their wishes, and strangers who change things.

use std::sync::Arc;
use std::time::Duration;

use super::life::Crew;
use super::pipeline;
use super::scenario::{Deed, Trouble};
use super::stage::slot;
use crate::driver::Driver;
use crate::journal::newest;
use crate::local::door::QueryAnswer;
use crate::release::Wish;

/// The machine of operators: none of the drivers'.
const ELSEWHERE: usize = 5;

impl Crew {
    /// Waits for the moment of a trouble that people make, and makes it.
    pub(super) async fn trouble(self: Arc<Self>, trouble: Trouble) {
        match trouble {
            Trouble::Asked { at, wish } => {
                self.scene.until(at).await;
                self.scene.tell(&"operator", || format!("wants to {wish}"));
                self.ask(wish).await;
            }
            Trouble::Gatekeeper { at } => {
                self.scene.until(at).await;
                let open = {
                    let state = self.scene.state();
                    state
                        .release
                        .as_ref()
                        .and_then(|release| Some(release.gate.as_ref()?.id.clone()))
                };
                self.scene.tell(&"operator", || format!("promotes {open:?}"));
                // A gate that is not open, or not this one: the click of somebody who is late.
                let gate = open.unwrap_or_else(|| "1-shift-3".to_owned());
                self.ask(Wish::Promote { gate }).await;
            }
            Trouble::Stranger { at, deed } => {
                self.scene.until(at).await;
                self.scene.tell(&"stranger", || format!("{deed:?}"));
                if deed == Deed::Weigh {
                    let done = super::shares::weigh_by_hand(Arc::clone(&self.scene), 3).await;
                    self.scene.tell(&"account", || format!("lets the stranger: {done}"));
                } else {
                    self.deed(deed);
                }
            }
            Trouble::Stopped { at } => {
                self.scene.until(at).await;
                if let Some(line) = &self.scene.stage.line {
                    self.scene.tell(&"person", || "stops the execution".to_owned());
                    line.stop(pipeline::NAME).await;
                }
            }
            Trouble::Rival { at } => {
                self.scene.until(at).await;
                self.scene.tell(&"rival", || "begins a release".to_owned());
                self.rival().await;
            }
            Trouble::BlueFails { from, length, rate } => {
                self.scene.stage.blue_fails(from, length, rate);
            }
            _ => {}
        }
    }

    async fn ask(&self, wish: Wish) {
        let (process, _) = self.scene.enrol();
        let seat = self.seat(process, ELSEWHERE).await;
        // An operator tries again when the journal does not answer.
        for _ in 0..20 {
            match newest(seat.journal.as_ref(), &slot()).await {
                Ok(Some(release)) if release.outcome.is_none() => {
                    if Driver::join(seat.clone(), release).ask(wish.clone()).await.is_ok() {
                        return;
                    }
                }
                Ok(_) => return,
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }

    async fn rival(&self) {
        let (process, _) = self.scene.enrol();
        let seat = self.seat(process, ELSEWHERE).await;
        let running = {
            let state = self.scene.state();
            state.release.as_ref().is_some_and(|release| release.outcome.is_none())
        };
        let begun = Driver::begin(seat, &slot(), |next| self.planner.plan(next)).await;
        // The release that is known now may be the rival's own.
        let over = self.scene.state().finished_at.is_some();
        match begun {
            Ok(_) if running && !over => {
                self.scene
                    .violated("the log", "a second release began although the first one is not over");
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn deed(&self, deed: Deed) {
        let Some(done) = self.change(deed) else { return };
        self.scene
            .tell(&"account", || format!("answers {} to the stranger", done.status));
        if deed == Deed::Swap && done.status == 200 {
            let swapped = (self.scene.elapsed(), self.scene.hindrances());
            self.scene.state().foreign_swap = Some(swapped);
        }
    }

    /// Changes what a deed wants changed; `None` if that is not there yet.
    fn change(&self, deed: Deed) -> Option<QueryAnswer> {
        let stage = &self.scene.stage;
        let blue = stage.blue();
        let green = stage.green();
        Some(match deed {
            Deed::Swap => stage.call(&[
                ("Action", "SwapEnvironmentCNAMEs"),
                ("SourceEnvironmentId", blue.as_str()),
                ("DestinationEnvironmentId", green?.as_str()),
            ]),
            Deed::EndGreen => stage.call(&[("Action", "TerminateEnvironment"), ("EnvironmentId", green?.as_str())]),
            Deed::EndBlue => {
                green?;
                stage.call(&[("Action", "TerminateEnvironment"), ("EnvironmentId", blue.as_str())])
            }
            Deed::DeployToGreen => stage.call(&[
                ("Action", "UpdateEnvironment"),
                ("EnvironmentId", green?.as_str()),
                ("VersionLabel", super::stage::OLD),
            ]),
            Deed::UpdateBlue => stage.call(&[
                ("Action", "UpdateEnvironment"),
                ("EnvironmentId", blue.as_str()),
                ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
                ("OptionSettings.member.1.OptionName", "MaxSize"),
                ("OptionSettings.member.1.Value", "5"),
            ]),
            Deed::TakeName => stage.take_name(),
            Deed::Weigh => return None,
        })
    }
}
