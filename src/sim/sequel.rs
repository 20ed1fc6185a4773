//! What comes after a release is over: somebody takes the way back that it has recorded, or releases again. Nothing goes wrong any
//! more then, but for what the first release, or somebody in between, has left.

use std::sync::Arc;
use std::time::Duration;

use super::life::{Crew, Driving};
use super::scenario::{Act, Between, Manner, Quality, Scenario, Sequel, Terms, Trouble};
use super::scene::Scene;
use super::shares::Place;
use super::stage::{NEW, OLD, slot, slot_cname};
use super::wire::Call;
use crate::compose::to_take_back;
use crate::driver::{Driver, DriverError, Seat};
use crate::journal::newest;
use crate::local::account::EnvironmentView;
use crate::model::EnvironmentId;
use crate::release::{Outcome, Wish};
use crate::spec::Lever;

/// The second release must be over by then.
const WITHIN: Duration = Duration::from_secs(5 * 3600);

/// The machine of whoever begins it.
const MACHINE: usize = 0;

impl Crew {
    /// Plays what comes after a release that ended so.
    pub(super) async fn sequel(self: &Arc<Self>, sequel: Sequel, first: Outcome) {
        let scene = &self.scene;
        scene.state().sequel = true;
        let lost = scene.stage.lost();
        if let Some(between) = sequel.between {
            self.between(between).await;
        }
        let (process, _) = scene.enrol();
        let seat = self.seat(process, MACHINE).await;
        let who = Driving::new(process, MACHINE);
        let Some(began) = Box::pin(self.act(sequel.act, seat, &who)).await else {
            return;
        };
        let mut driver = match began {
            Ok(driver) => driver,
            Err(error) => {
                scene.violated("in time", format!("the next release could not begin: {error}"));
                return;
            }
        };
        let ended = tokio::time::timeout(WITHIN, driver.run(|_| false)).await;
        let outcome = match ended {
            Ok(Ok(Some(outcome))) => outcome,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                scene.violated("no illegal event", format!("the next release: {error}"));
                return;
            }
            Err(_) => {
                scene.violated("in time", "the next release is not over after five hours");
                return;
            }
        };
        let release = driver.release();
        let why = release.outcome.as_ref().map_or("", |(_, why)| why.as_str());
        scene.tell(&who, || format!("the next release ended {outcome}: {why}"));
        tokio::time::sleep(Duration::from_secs(60)).await;
        // One that a rival had begun was told to turn back, and an operator may tell any other one.
        let turned = release.wishes.turned_by.is_some();
        if !turned && !scene.scenario.right_after(sequel, first, outcome) {
            scene.violated(
                "right end",
                format!("after {first} the next release ended {outcome} ({why})"),
            );
        }
        self.judge_sequel(sequel, outcome, lost);
    }

    /// What somebody does in between.
    async fn between(&self, between: Between) {
        let stage = &self.scene.stage;
        let Some(holder) = stage.holder() else { return };
        let all = stage.environments();
        let beside = all
            .iter()
            .find(|view| view.id != holder && !view.is_terminated() && view.status == "Ready");
        let Some(beside) = beside.map(|view| view.id.clone()) else {
            return;
        };
        self.scene.tell(&"stranger", || format!("{between:?}"));
        let answer = match between {
            Between::SwappedBack if stage.lever == Lever::CnameSwap => stage.call(&[
                ("Action", "SwapEnvironmentCNAMEs"),
                ("SourceEnvironmentId", holder.as_str()),
                ("DestinationEnvironmentId", beside.as_str()),
            ]),
            Between::SwappedBack => return,
            Between::Redeployed => stage.call(&[
                ("Action", "UpdateEnvironment"),
                ("EnvironmentId", beside.as_str()),
                ("VersionLabel", NEW),
            ]),
        };
        self.scene
            .tell(&"account", || format!("answers {} to the stranger", answer.status));
        tokio::time::sleep(Duration::from_secs(900)).await;
    }

    /// Begins the next release; `None` if there is nothing to begin.
    async fn act(&self, act: Act, seat: Seat, who: &Driving) -> Option<Result<Driver, DriverError>> {
        let last = newest(seat.journal.as_ref(), &slot()).await.ok()??;
        // One that a rival has begun is told to turn back, and seen through.
        if last.outcome.is_none() {
            let mut driver = Driver::join(seat, last);
            return match driver.ask(Wish::RollBack).await {
                Ok(_) => Some(Ok(driver)),
                Err(error) => Some(Err(error)),
            };
        }
        let planner = match act {
            Act::Again => self.planner.clone(),
            Act::Back => {
                let meant = Box::pin(to_take_back(seat.journal.as_ref(), last)).await.ok()?;
                let (source, label) = match meant.way_back() {
                    Ok(found) => found,
                    Err(why) => {
                        self.scene.tell(who, || why);
                        return None;
                    }
                };
                self.scene.stage.way_back(&self.scene.scenario, source, label)
            }
        };
        Some(Driver::begin(seat, &slot(), |next| planner.plan(next)).await)
    }

    fn judge_sequel(&self, sequel: Sequel, outcome: Outcome, lost: f64) {
        let scene = &self.scene;
        let dies = matches!(scene.scenario.quality, Quality::Dying(_));
        if scene.scenario.disturbed() || sequel.between.is_some() || dies {
            return;
        }
        let holder = scene.stage.holder();
        let serves = holder.as_ref().is_some_and(|holder| scene.stage.in_service(holder) > 0);
        if !serves {
            scene.violated(
                "served",
                format!("after the next release {holder:?} has the slot and serves nobody"),
            );
        }
        let more = scene.stage.lost() - lost;
        if more > 0.0 {
            scene.violated(
                "served",
                format!("{more:.0} requests of users found nothing that serves in the next release"),
            );
        }
        let all = scene.stage.environments();
        let version = all
            .iter()
            .find(|view| Some(&view.id) == holder.as_ref())
            .and_then(|view| view.version.as_ref());
        let wanted = match sequel.act {
            Act::Back => OLD,
            Act::Again => NEW,
        };
        if outcome == Outcome::Promoted && version.is_none_or(|version| version.as_str() != wanted) {
            scene.violated(
                "right end",
                format!("the next release was promoted, and {version:?} is live, not {wanted}"),
            );
        }
    }
}

impl Scenario {
    /// Whether the next release may end so when the first one has ended so. Where somebody interferes, or blue fails by itself, any
    /// end may be right.
    fn right_after(&self, sequel: Sequel, first: Outcome, outcome: Outcome) -> bool {
        let blue_fails = |trouble: &Trouble| matches!(trouble, Trouble::BlueFails { .. });
        if self.disturbed()
            || sequel.between.is_some()
            || first == Outcome::NeedsHuman
            || self.troubles.iter().any(blue_fails)
        {
            return true;
        }
        let calm = Self {
            troubles: Vec::new(),
            manner: Manner::Whole,
            ..self.clone()
        };
        let good = Self {
            quality: Quality::Good,
            terms: Terms {
                drill: None,
                ..self.terms
            },
            ..calm.clone()
        };
        match sequel.act {
            // The old version is good.
            Act::Back => good.right().contains(outcome.code()),
            Act::Again => {
                // What was promoted may be unwell by now.
                let unwell = first == Outcome::Promoted && self.quality != Quality::Good;
                calm.right().contains(outcome.code()) || unwell && outcome == Outcome::Refused
            }
        }
    }
}

/// Judges a call of the second release by what holds of every release.
pub(super) fn after_call(scene: &Scene, call: &Call, before: &[EnvironmentView], places: &[Place]) {
    let given = |name: &str| call.parameter(name).map(EnvironmentId::new);
    match call.operation.as_str() {
        "TerminateEnvironment" => {
            let Some(id) = given("EnvironmentId") else { return };
            let holds = before
                .iter()
                .any(|view| view.id == id && view.cname.eq_ignore_ascii_case(&slot_cname()));
            let holds = holds && scene.stage.lever == Lever::CnameSwap;
            let member = places
                .iter()
                .any(|place| place.get(&id).is_some_and(|weight| *weight > 0));
            let users = scene.stage.users(&id);
            if holds || member || users > 0.0 {
                scene.violated(
                    "nothing in use is removed",
                    format!("{id} was terminated by the next release, and was in use ({users:.2} requests a second)"),
                );
            }
        }
        "SwapEnvironmentCNAMEs" if given("DestinationEnvironmentId") == given("SourceEnvironmentId") => {
            scene.violated("once", "a swap of one environment with itself");
        }
        "ChangeResourceRecordSets" | "ModifyRule" => {
            let nobody = |place: &Place| place.values().all(|weight| *weight == 0);
            let now = scene.stage.places();
            if now.iter().any(nobody) && !places.iter().any(nobody) {
                scene.violated("served", format!("nobody has a weight for {}: {now:?}", slot()));
            }
        }
        _ => {}
    }
    if scene.stage.lever == Lever::CnameSwap
        && before
            .iter()
            .any(|view| view.is_reachable && view.cname.eq_ignore_ascii_case(&slot_cname()))
        && scene.stage.holder().is_none()
    {
        scene.violated("served", format!("nothing holds {} any more", slot_cname()));
    }
}
