//! Whose turn it is: what a request does that has no release yet.

use std::time::Duration;

use super::advance::{Desk, Standing};
use super::artifact::{Fetched, inspected};
use super::request::Request;
use super::settings::Until;
use super::token::Token;
use super::{Failure, Function};
use crate::aws::Fault;
use crate::compose::{self, NotBegun, Patience, Planner, SETTLE, WAIT, ask_to_turn_back, may_pass};
use crate::driver::{Busy, Driver, DriverError};
use crate::journal::newest;
use crate::release::{Release, Wish};

/// How long a pause between two tries is.
const PAUSE: Duration = Duration::from_secs(5);

/// What came of a try.
pub(super) enum Turn {
    /// A release has begun.
    Begun(Box<Driver>),
    /// Things have changed: look again.
    Again,
    /// There is no time left in this slice.
    Wait(String),
    /// What is wanted is live already.
    Live(Box<Release>),
}

impl Function {
    /// Begins the request's release if nothing is in the way. If another release is, that is gone on with as long as there is
    /// time: its own driver may be gone for good.
    pub(super) async fn take_turn(
        &self,
        desk: &Desk<'_>,
        request: &Request,
        token: &mut Token,
    ) -> Result<Turn, Failure> {
        let now = self.around.clock().now();
        if let Some(since) = token.waiting_since
            && now.since(since) > WAIT.get()
        {
            let message = format!("this release has waited {WAIT} for its turn, and waits no longer; retry the stage");
            return Err(Failure::new(Fault::Release, message));
        }
        let file = self.around.fetch(&request.wanted).await?;
        let Fetched { artifact, problems } = inspected(&file);
        let seat = self.seat(desk, Some(file), problems).await?;
        let region = seat.world.aws.region().map(str::to_owned);
        let planner =
            Planner::bundle(desk.project, region.as_deref(), &artifact, None).asked_by(request.origin.clone());
        let slot = desk.project.slot();
        let holder = newest(desk.journal.as_ref(), &slot).await.map_err(Failure::system)?;
        match holder {
            Some(holder) if holder.leads_back_to(planner.version_label()) => {
                token.release = Some(holder.plan.id.number);
                token.back = true;
                let mut operator = Driver::join(seat, holder);
                let asked = operator.ask(Wish::RollBack).await;
                asked.map_err(|error| Failure::of_driver(&error))?;
                return Ok(Turn::Again);
            }
            Some(holder) if holder.outcome.is_none() => {
                token.waiting_since.get_or_insert(now);
                let busy = Busy::new(&holder, now).to_string();
                let mut driver = Driver::join(seat, holder);
                if driver.release().plan.drill.is_some() {
                    // Releases come first.
                    let asked = ask_to_turn_back(&mut driver).await;
                    asked.map_err(|error| Failure::of_driver(&error))?;
                }
                let driven = self.drive(desk, driver, Until::Over, &mut token.watched).await?;
                return Ok(match driven {
                    Standing::Over(_) => Turn::Again,
                    _ => Turn::Wait(busy),
                });
            }
            Some(before) if before.was_taken_back_to(planner.version_label()) => {
                return Ok(Turn::Live(Box::new(before)));
            }
            _ => {}
        }
        let mut end = std::pin::pin!(desk.slice.end());
        let begun = Box::pin(compose::begin(seat, &slot, &planner, Patience::Refuse, end.as_mut())).await;
        let why = match begun {
            Ok(driver) => return Ok(Turn::Begun(Box::new(driver))),
            Err(why) => why,
        };
        let passes = match &why {
            NotBegun::Interrupted(_) => true,
            // Whether it has begun is what the next look says, by the request's id.
            NotBegun::Failed(DriverError::Journal(error)) => error.may_pass(),
            NotBegun::Failed(_) => false,
            NotBegun::Refused(problems) => {
                let busy = problems.iter().any(|problem| problem.code == Busy::CODE);
                let mut settles = || now.since(*token.settling_since.get_or_insert(now)) < SETTLE;
                busy || token.waiting_since.is_some() && may_pass(problems) && settles()
            }
        };
        if !passes {
            return Err(Failure::not_begun(&why));
        }
        token.waiting_since.get_or_insert(now);
        if desk.slice.is_over() {
            return Ok(Turn::Wait(why.to_string()));
        }
        tokio::time::sleep(PAUSE.min(desk.slice.left())).await;
        Ok(Turn::Again)
    }
}
