//! Whose turn it is: what a request does that has no release yet.

use std::time::Duration;

use super::advance::{Desk, Goal, Standing, known};
use super::artifact::{Fetched, inspected};
use super::request::Request;
use super::token::Token;
use super::{Failure, Function};
use crate::aws::{Fault, NO_PIPELINE};
use crate::compose::{
    self, NotBegun, Patience, Planner, Project, Refusal, SETTLE, ask_to_turn_back, has_left, is_live, may_pass,
    that_counts,
};
use crate::driver::{Busy, Driver, DriverError, Seat};
use crate::journal::newest;
use crate::model::{Span, Timestamp};
use crate::release::preflight::Problem;
use crate::release::{Execution, Next, Phase, Release, Source, Wish};

/// How long a pause between two tries is.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a release is left to its own request that only that has the bundle of: a pipeline's next job comes within a minute.
const OWN: Duration = Duration::from_secs(5 * 60);

/// How long an action waits for its turn. The release before may take some hours: where old DNS answers or other clients keep asking blue,
/// its drain alone may take two. An action that waits costs a function call a minute, and CodePipeline lets one go on for a day.
const WAIT: Span = Span::from_secs(12 * 60 * 60);

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
        project: &Project,
        request: &Request,
        token: &mut Token,
    ) -> Result<Turn, Failure> {
        let now = self.around.clock().now();
        let slot = desk.at.slot();
        let newest = newest(desk.journal.as_ref(), &slot).await.map_err(Failure::system)?;
        if let Some(since) = token.waiting_since
            && let Some(holder) = newest.as_ref().filter(|newest| newest.outcome.is_none())
            && now.since(since) > WAIT.get()
        {
            return Err(waited(holder, now));
        }
        self.still_wanted(request).await?;
        let file = self.around.fetch(&request.wanted).await?;
        let Fetched { artifact, problems } = inspected(&file);
        // What is wrong with this release itself is said at once, and nobody is taken back for it.
        if !problems.is_empty() {
            let problems = problems.iter().map(Problem::of_bundle).collect();
            return Err(Failure::not_begun(&NotBegun::Refused(problems)));
        }
        // What the release before has left, such as an environment that is given other limits, comes to rest.
        let follows = |newest: &Release| newest.outcome.is_some() && now.since(newest.heard_at) < SETTLE;
        let has_waited = token.waiting_since.is_some() || newest.as_ref().is_some_and(follows);
        let seat = self.seat(desk, Some(file)).await?;
        let region = seat.world.aws.region().map(str::to_owned);
        let planner = Planner::bundle(project, region.as_deref(), &artifact, None).asked_by(request.origin.clone());
        match newest {
            Some(holder) if holder.leads_back_to(planner.version_label()) => {
                let mut operator = Driver::join(seat, holder);
                let asked = operator.ask(Wish::RollBack).await;
                asked.map_err(|error| Failure::of_driver(&error))?;
                // Only now: a job that could not ask must not look as if it had.
                token.lead_to(operator.release(), &desk.at);
                token.back = true;
                return Ok(Turn::Again);
            }
            Some(holder) if holder.outcome.is_none() => {
                if token.waiting_since.is_none() {
                    Box::pin(fit(desk, &seat, &planner)).await?;
                }
                return Box::pin(self.wait_for(desk, holder, token, now)).await;
            }
            Some(newest) => {
                let wanted = planner.plan(&Next::after(&newest));
                // Drills leave live what was live before.
                let before = Box::pin(that_counts(desk.journal.as_ref(), newest)).await;
                let before = before.map_err(Failure::system)?;
                let left = Box::pin(has_left(desk.journal.as_ref(), &before, &wanted)).await;
                if left.map_err(Failure::system)? && Box::pin(is_live(&planner, &seat.world, seat.clock.as_ref())).await
                {
                    return Ok(Turn::Live(Box::new(before)));
                }
            }
            None => {}
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
                busy || has_waited && may_pass(problems) && settles()
            }
        };
        if !passes {
            // The same job may have been delivered twice, and the other one has begun meanwhile: that one's release counts.
            return match known(desk, token).await {
                Ok(Some(_)) => Ok(Turn::Again),
                _ => Err(Failure::not_begun(&why)),
            };
        }
        token.waiting_since.get_or_insert(now);
        Ok(pause(desk, why.to_string()).await)
    }

    /// Fails when the execution that a release belongs to is not under way any more: it was stopped, or has failed in an earlier
    /// delivery of the same job. As long as the service does not say, nothing begins; a release that has begun does not depend on it, nor does
    /// one of a function that may not ask.
    async fn still_wanted(&self, request: &Request) -> Result<(), Failure> {
        let Some(execution) = &request.origin.execution else {
            return Ok(());
        };
        let Execution { pipeline, id } = execution;
        match self.around.aws().execution_status(pipeline, id).await {
            Ok(Some(status)) if status != "InProgress" => {
                let message = format!(
                    "execution {id} of {pipeline} is not under way any more ({status}), so no release was begun; start the pipeline again to release"
                );
                Err(Failure::new(Fault::Release, message))
            }
            Err(error) if error.has_code(NO_PIPELINE) => Err(Failure::configuration(format!(
                "UserParameters of the action: there is no pipeline {pipeline:?} in the function's region ({error}); write its name, so \
                 that an execution that is stopped takes its release back, and have the function in the pipeline's region"
            ))),
            Err(error) if !error.is_denied() => Err(Failure::system(format!(
                "whether execution {id} of {pipeline} is still under way cannot be seen, so no release was begun yet: {error}; the next try may \
                 succeed"
            ))),
            _ => Ok(()),
        }
    }

    /// Waits for the end of the release that has the slot, and goes on with it if nobody else does.
    async fn wait_for(
        &self,
        desk: &Desk<'_>,
        holder: Release,
        token: &mut Token,
        now: Timestamp,
    ) -> Result<Turn, Failure> {
        token.waiting_since.get_or_insert(now);
        token.settling_since = None;
        let busy = Busy::new(&holder, now).to_string();
        if is_left_to_its_own(&holder, now) {
            return Ok(pause(desk, busy).await);
        }
        let mut driver = Driver::join(self.seat(desk, None).await?, holder);
        if driver.release().plan.drill.is_some() {
            // Releases come first.
            let asked = ask_to_turn_back(&mut driver).await;
            asked.map_err(|error| Failure::of_driver(&error))?;
        }
        let driven = self.drive(desk, driver, Goal::Over, &mut token.watched).await?;
        Ok(match driven {
            Standing::Over(holder) => {
                // Whoever began it may not wait for it any more; this request's turn has come all the same, and its job fails for its
                // own release alone. The log has it.
                let _told = self.tell_end(desk, &holder).await;
                Turn::Again
            }
            _ => Turn::Wait(busy),
        })
    }
}

/// Whether a release is left to the request that has begun it: before it is published, nobody else has its bundle and its settings
/// for green, and whoever goes on with it can only end it.
pub(super) fn is_left_to_its_own(release: &Release, now: Timestamp) -> bool {
    let unpublished = matches!(release.phase, Phase::Preflight | Phase::Publish);
    unpublished && matches!(release.plan.source, Source::Bundle { .. }) && now.since(release.heard_at) < OWN
}

/// What is wrong with a release itself is said at once: nobody waits for nothing, and no drill is taken back for it.
async fn fit(desk: &Desk<'_>, seat: &Seat, planner: &Planner) -> Result<(), Failure> {
    let slot = desk.at.slot();
    let checked = compose::check(desk.journal.as_ref(), &seat.world, seat.clock.as_ref(), &slot, planner).await;
    let problems = checked.err().map(Refusal::for_good).unwrap_or_default();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::not_begun(&NotBegun::Refused(problems)))
}

async fn pause(desk: &Desk<'_>, why: String) -> Turn {
    if desk.slice.is_over() {
        return Turn::Wait(why);
    }
    tokio::time::sleep(PAUSE.min(desk.slice.left())).await;
    Turn::Again
}

fn waited(holder: &Release, now: Timestamp) -> Failure {
    let busy = Busy::new(holder, now);
    let message = format!("{busy}; this release has waited {WAIT} for its turn, and waits no longer; retry the stage");
    Failure::new(Fault::Release, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn what_is_not_published_is_left_to_its_own_request_for_a_while() {
        let begun = release(plan());
        let now = begun.heard_at;
        let left = |change: &dyn Fn(&mut Release), later: u64| {
            let mut release = begun.clone();
            change(&mut release);
            is_left_to_its_own(&release, now + Duration::from_secs(later))
        };
        let publishing = |release: &mut Release| release.phase = Phase::Publish;
        assert!(left(&|_| {}, 0) && left(&publishing, 299));
        assert!(!left(&publishing, 300), "nobody comes any more");
        assert!(!left(&|release| release.phase = Phase::Provision, 0));
        let drill = |release: &mut Release| release.plan.source = Source::Live;
        assert!(!left(&drill, 0), "a drill has no bundle");
    }

    #[test]
    fn who_has_waited_too_long_is_told_for_whom() {
        let holder = release(plan());
        let now = holder.heard_at;
        let said = waited(&holder, now).message;
        for part in [
            "release shop/production/7",
            "phase preflight",
            "has waited 12h",
            "retry the stage",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
