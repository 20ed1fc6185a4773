//! Whose turn it is: what a request does that has no release yet.

use std::time::Duration;

use super::advance::{Desk, Standing};
use super::artifact::{Fetched, inspected};
use super::request::Request;
use super::settings::Until;
use super::token::Token;
use super::{Failure, Function};
use crate::aws::Fault;
use crate::compose::{self, NotBegun, Patience, Planner, WAIT, may_pass};
use crate::driver::{Busy, Driver, DriverError};
use crate::journal::newest;
use crate::model::{Clock, SystemClock, VersionLabel};
use crate::release::preflight::Problem;
use crate::release::{Outcome, Release, Wish};

/// How long the world may take to come to rest after the release before.
const SETTLE: Duration = Duration::from_secs(10 * 60);

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
        let now = SystemClock.now();
        if let Some(since) = token.waiting_since
            && now.since(since) > WAIT.get()
        {
            let message = format!("this release has waited {WAIT} for its turn, and waits no longer; retry the stage");
            return Err(Failure::new(Fault::Release, message));
        }
        let file = self.fetch(&request.wanted).await?;
        let Fetched { artifact, problems } = inspected(&file);
        let seat = self.seat(desk, Some(file), problems).await?;
        let region = seat.world.aws.region().map(str::to_owned);
        let planner =
            Planner::bundle(desk.project, region.as_deref(), &artifact, None).asked_by(request.origin.clone());
        let slot = desk.project.slot();
        let holder = newest(desk.journal.as_ref(), &slot).await.map_err(Failure::system)?;
        match holder {
            Some(holder) if holder.outcome.is_none() => {
                if leads_back(&holder, planner.version_label()) {
                    token.release = Some(holder.plan.id.number);
                    token.back = true;
                    let mut operator = Driver::join(seat, holder);
                    operator.ask(Wish::RollBack).await.map_err(Failure::system)?;
                    return Ok(Turn::Again);
                }
                token.waiting_since.get_or_insert(now);
                let busy = Busy::new(&holder, now).to_string();
                return Ok(
                    match self
                        .drive(desk, Driver::join(seat, holder), Until::Over, &mut token.watched)
                        .await?
                    {
                        Standing::Over(_) => Turn::Again,
                        _ => Turn::Wait(busy),
                    },
                );
            }
            Some(before) if was_taken_back_to(&before, planner.version_label()) => {
                return Ok(Turn::Live(Box::new(before)));
            }
            _ => {}
        }
        let mut end = std::pin::pin!(desk.slice.end());
        let begun = Box::pin(compose::begin(seat, &slot, &planner, Patience::Refuse, end.as_mut())).await;
        match begun {
            Ok(driver) => Ok(Turn::Begun(Box::new(driver))),
            Err(NotBegun::Interrupted(why)) => Ok(Turn::Wait(why)),
            Err(NotBegun::Failed(error @ (DriverError::Elsewhere { .. } | DriverError::Account { .. }))) => {
                Err(Failure::configuration(error.to_string()))
            }
            Err(NotBegun::Failed(error)) => Err(Failure::system(error)),
            Err(NotBegun::Refused(problems)) => {
                let busy = problems.iter().any(|problem| problem.code == Busy::CODE);
                let settles = token.waiting_since.is_some()
                    && may_pass(&problems)
                    && now.since(*token.settling_since.get_or_insert(now)) < SETTLE;
                if !busy && !settles {
                    return Err(refused(&problems));
                }
                token.waiting_since.get_or_insert(now);
                if desk.slice.is_over() {
                    return Ok(Turn::Wait(text(&problems)));
                }
                tokio::time::sleep(PAUSE.min(desk.slice.left())).await;
                Ok(Turn::Again)
            }
        }
    }
}

/// Whether the way to this version is the way back of a release whose blue is still there.
fn leads_back(holder: &Release, wanted: &VersionLabel) -> bool {
    let blue = holder.blue.as_ref().and_then(|blue| blue.version.as_ref());
    holder.promoted() && blue == Some(wanted) && holder.plan.version_label != *wanted
}

/// Whether the newest release was taken back, so that this version is live: a stage that is rolled back asks for it again.
fn was_taken_back_to(before: &Release, wanted: &VersionLabel) -> bool {
    let back = matches!(&before.outcome, Some((Outcome::RolledBack | Outcome::Aborted, _)));
    let blue = before.blue.as_ref().and_then(|blue| blue.version.as_ref());
    back && blue == Some(wanted) && before.plan.version_label != *wanted
}

fn refused(problems: &[Problem]) -> Failure {
    let message = format!("the release was refused, nothing was changed: {}", text(problems));
    Failure::new(Fault::Release, message)
}

fn text(problems: &[Problem]) -> String {
    let lines = problems
        .iter()
        .map(|problem| format!("{} ({})", problem.message, problem.advice));
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Phase;
    use crate::release::tests::{blue, plan, release};

    #[test]
    fn an_old_version_is_a_way_back_while_its_environment_is_warm() {
        let mut holder = release(plan());
        let old = blue().version.expect("blue runs a version");
        holder.blue = Some(blue());
        holder.phase = Phase::Bake;
        assert!(!leads_back(&holder, &old), "it is not promoted");
        holder.phase = Phase::Retire;
        assert!(leads_back(&holder, &old));
        assert!(!leads_back(&holder, &"another".into()));
        let own = holder.plan.version_label.clone();
        assert!(!leads_back(&holder, &own));
    }

    #[test]
    fn a_version_that_was_taken_back_to_is_live() {
        let mut before = release(plan());
        let old = blue().version.expect("blue runs a version");
        before.blue = Some(blue());
        let mut after = |outcome| {
            before.outcome = Some((outcome, "why".to_owned()));
            was_taken_back_to(&before, &old)
        };
        assert!(after(Outcome::RolledBack) && after(Outcome::Aborted));
        assert!(!after(Outcome::Promoted) && !after(Outcome::NeedsHuman));
    }
}
