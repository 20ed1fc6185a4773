//! One slice of a request: it finds its release, or gets one to begin, and drives it for as long as there is time.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::request::Request;
use super::settings::SettingsPlace;
use super::token::Token;
use super::turn::Turn;
use super::{Failure, Function, Slice};
use crate::aws::CallError;
use crate::compose::{Project, Until, Whereabouts};
use crate::drill::crashes_now;
use crate::driver::{Driver, DriverError, Overrides, Seat, Watched};
use crate::journal::{Journal, begun_for, catch_up};
use crate::release::{Execution, Outcome, Release, ReleaseId, Silent, Source, Wish};

/// How often the pipeline is asked whether its execution goes on.
const EVERY: Duration = Duration::from_secs(15);

/// Where a request stands at the end of a slice.
pub(super) enum Standing {
    /// Its turn has not come, or the journal cannot be read just now.
    Waiting(String),
    /// Its release is under way.
    UnderWay(Box<Release>),
    /// Its release is over, or as far as was wanted.
    Over(Box<Release>),
    /// What it wants is live already: the newest release was taken back to it.
    Live(Box<Release>),
}

impl Standing {
    /// Whether its release has ended with green.
    fn is_promoted(&self) -> bool {
        matches!(self, Self::Over(release) if matches!(release.outcome, Some((Outcome::Promoted, _))))
    }
}

/// How far a release is driven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// To its end.
    Over,
    /// To its end, unless another driver turns out to live. Whoever looks at a slot every few minutes would otherwise follow it beside
    /// all who looked before, and take their places from the pipeline's own jobs: an account runs so many functions at once, a new one ten.
    Unattended,
    /// Until it is known whether its version stays; what is left then is done by the next look at the slot.
    Decided,
    /// Until its traffic is back; the same of what is left.
    Back,
}

impl Goal {
    fn of(request: &Request, token: &Token) -> Self {
        match (request.until, token.back) {
            (Until::Over, _) => Self::Over,
            (Until::Promoted, false) => Self::Decided,
            (Until::Promoted, true) => Self::Back,
        }
    }

    /// Whether a release is as far as that, and not over.
    fn reached(self, release: &Release) -> bool {
        match self {
            Self::Over | Self::Unattended => false,
            Self::Decided => release.promoted() || release.is_back(),
            Self::Back => release.is_back(),
        }
    }
}

/// What a slice came to.
pub(super) struct Progress {
    pub(super) token: Token,
    pub(super) standing: Standing,
    /// Where the journal is, for a person.
    pub(super) journal: String,
}

/// What is at hand for the releases of one place.
pub(super) struct Desk<'a> {
    pub(super) at: Whereabouts,
    /// What green has that blue has not, as far as the settings can be read: only until it is published it is needed.
    pub(super) overrides: Overrides,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) slice: &'a Slice,
}

impl Function {
    /// Goes on with a request. After a failure, too, the token says how far that was.
    pub(super) async fn advance(
        &self,
        request: &Request,
        token: &mut Token,
        slice: &Slice,
    ) -> Result<Progress, Failure> {
        // A token without a place is an older function's, and led to its release by the settings.
        let known_at = match token.release {
            Some(_) => token.at.clone(),
            None => request.at.clone(),
        };
        if let Some(at) = known_at {
            let desk = self.desk(at, Overrides::default(), slice).await;
            if let Some(standing) = Box::pin(self.published(&desk, request, token)).await? {
                return Ok(progress(token, standing, &desk));
            }
        }
        let artifact = match &request.settings {
            SettingsPlace::File(_) => Some(self.around.fetch(&request.wanted).await?),
            SettingsPlace::Object { .. } => None,
        };
        let project = self.around.project(&request.settings, artifact.as_deref()).await?;
        let at = token.at.clone().unwrap_or_else(|| project.whereabouts());
        let desk = self.desk(at, Overrides::new(&project.spec.green), slice).await;
        let standing = Box::pin(self.stand(&desk, &project, request, token)).await?;
        Ok(progress(token, standing, &desk))
    }

    /// Goes on with a release that is published, or over: its plan has all that it needs. So it matters no more what has become of
    /// the settings and of the artifact, which somebody may be changing just now. `None` if they are needed.
    async fn published(
        &self,
        desk: &Desk<'_>,
        request: &Request,
        token: &mut Token,
    ) -> Result<Option<Standing>, Failure> {
        let Some(release) = known(desk, token).await? else {
            return Ok(None);
        };
        token.lead_to(&release, &desk.at);
        if !release.needs_no_settings() {
            return Ok(None);
        }
        let standing = Box::pin(self.go_on(desk, request, token, release)).await?;
        Ok(is_what_was_wanted(token, &standing).then_some(standing))
    }

    async fn stand(
        &self,
        desk: &Desk<'_>,
        project: &Project,
        request: &Request,
        token: &mut Token,
    ) -> Result<Standing, Failure> {
        loop {
            if let Some(release) = known(desk, token).await? {
                token.lead_to(&release, &desk.at);
                let standing = Box::pin(self.go_on(desk, request, token, release)).await?;
                if is_what_was_wanted(token, &standing) {
                    return Ok(standing);
                }
                continue;
            }
            self.agree(desk, project, request)?;
            match Box::pin(self.take_turn(desk, project, request, token)).await? {
                Turn::Begun(driver) => {
                    token.lead_to(driver.release(), &desk.at);
                    let goal = Goal::of(request, token);
                    return self.drive(desk, *driver, goal, &mut token.watched).await;
                }
                Turn::Again => {}
                Turn::Wait(why) => return Ok(Standing::Waiting(why)),
                Turn::Live(release) => return Ok(Standing::Live(release)),
            }
        }
    }

    /// A release begins only where it will be looked for.
    fn agree(&self, desk: &Desk<'_>, project: &Project, request: &Request) -> Result<(), Failure> {
        let wanted = project.whereabouts();
        let home = self.around.aws().region();
        let places = [Some(&desk.at), request.at.as_ref()];
        match places.into_iter().flatten().find(|at| !at.agrees(&wanted, home)) {
            Some(other) => Err(Failure::configuration(format!(
                "`at` beside the settings says {other}, and the settings say {wanted}: releases would be looked for where they are not; let \
                 both say the same"
            ))),
            None => Ok(()),
        }
    }

    /// Goes on with a release that has begun.
    async fn go_on(
        &self,
        desk: &Desk<'_>,
        request: &Request,
        token: &mut Token,
        release: Release,
    ) -> Result<Standing, Failure> {
        let goal = Goal::of(request, token);
        if release.outcome.is_some() || goal.reached(&release) {
            return Ok(Standing::Over(Box::new(release)));
        }
        // Another sandbox may have begun it, which has the artifact.
        let bundle = match release.plan.source {
            Source::Bundle { .. } if !release.needs_no_settings() => Some(self.around.fetch(&request.wanted).await?),
            _ => None,
        };
        let driver = Driver::join(self.seat(desk, bundle).await?, release);
        self.drive(desk, driver, goal, &mut token.watched).await
    }

    /// Drives a release until the slice is over, and asks it to turn back if its pipeline is stopped. Where another driver has it
    /// that may be dead, the watch on that goes on in the next slice.
    pub(super) async fn drive(
        &self,
        desk: &Desk<'_>,
        mut driver: Driver,
        goal: Goal,
        watched: &mut Option<Watched>,
    ) -> Result<Standing, Failure> {
        let slice = desk.slice;
        if let Some(before) = watched.take() {
            driver.watched_before(before);
        }
        let origin = driver.release().plan.origin.clone();
        let execution = origin.and_then(|origin| origin.execution);
        let operator = Driver::join(driver.seat().heard_by(Arc::new(Silent)), driver.release().clone());
        let mut stopped = Box::pin(self.turn_back_when_stopped(operator, execution));
        let me = driver.writer().clone();
        let joined = driver.release().heard;
        let attended = |release: &Release| goal == Goal::Unattended && release.another_lives(&me, joined);
        let enough = |release: &Release| {
            slice.is_over() || goal.reached(release) || attended(release) || crashes_now(release, &me)
        };
        let ended = {
            let mut run = Box::pin(driver.run(enough));
            tokio::select! {
                biased;
                ended = run.as_mut() => Some(ended),
                never = stopped.as_mut() => match never {},
                () = slice.end() => None,
            }
        };
        drop(stopped);
        *watched = driver.watched();
        let over = matches!(ended, Some(Ok(Some(_))));
        if !over && !crashes_now(driver.release(), &me) {
            driver.leave().await;
        }
        let release = Box::new(driver.release().clone());
        match ended {
            Some(Err(DriverError::Journal(error))) if error.may_pass() => Ok(Standing::Waiting(format!(
                "release {}: {error}; the next job goes on with it",
                release.plan.id
            ))),
            Some(Err(error)) => Err(Failure::of_driver(&error)),
            Some(Ok(_)) | None if over || goal.reached(&release) => Ok(Standing::Over(release)),
            Some(Ok(_)) | None => Ok(Standing::UnderWay(release)),
        }
    }

    /// Takes a release back whose pipeline's execution was stopped before it was promoted. What is promoted stays.
    async fn turn_back_when_stopped(&self, mut operator: Driver, execution: Option<Execution>) -> Infallible {
        let Some(execution) = execution else {
            return std::future::pending().await;
        };
        let mut told = false;
        loop {
            let stopped = self.was_stopped(&execution).await;
            if let Err(error) = &stopped
                && !std::mem::replace(&mut told, true)
            {
                let Execution { pipeline, id } = &execution;
                self.around.log(&format_args!(
                    "whether execution {id} of {pipeline} was stopped cannot be seen: {error}; the release goes on without that"
                ));
            }
            if matches!(stopped, Ok(true)) && operator.follow().await.is_ok() {
                let release = operator.release();
                let asked = release.wishes.abort || release.promoted();
                if asked || operator.ask(Wish::Abort).await.is_ok() {
                    return std::future::pending().await;
                }
            }
            tokio::time::sleep(EVERY.min(operator.release().plan.provision.interval.get())).await;
        }
    }

    /// Whether a pipeline's execution has ended without its release: somebody has stopped it, or the action has failed, as in another
    /// delivery of the same job that was refused just before this one began.
    async fn was_stopped(&self, execution: &Execution) -> Result<bool, CallError> {
        // One that is `Cancelled` was stopped by nobody: the pipeline's definition has changed (source: `PipelineExecution`).
        const STOPPED: [&str; 4] = ["Stopping", "Stopped", "Superseded", "Failed"];
        let Execution { pipeline, id } = execution;
        let status = self.around.aws().execution_status(pipeline, id).await?;
        Ok(status.is_some_and(|status| STOPPED.contains(&status.as_str())))
    }

    /// What is at hand for the releases of a place.
    pub(super) async fn desk<'a>(&self, at: Whereabouts, overrides: Overrides, slice: &'a Slice) -> Desk<'a> {
        let journal = self.around.journal(&at).await;
        Desk {
            at,
            overrides,
            journal,
            slice,
        }
    }

    /// Everything that a driver works with here.
    pub(super) async fn seat(&self, desk: &Desk<'_>, bundle: Option<PathBuf>) -> Result<Seat, Failure> {
        let journal = Arc::clone(&desk.journal);
        let overrides = desk.overrides.clone();
        self.around.seat(&desk.at, overrides, journal, bundle).await
    }
}

fn progress(token: &Token, standing: Standing, desk: &Desk<'_>) -> Progress {
    Progress {
        token: Token {
            failing_since: None,
            ..token.clone()
        },
        standing,
        journal: desk.journal.location(),
    }
}

/// Whether a standing is the answer. `false`: blue was on its way out when it was asked for, so its version is released like every
/// other.
fn is_what_was_wanted(token: &mut Token, standing: &Standing) -> bool {
    let too_late = token.back && standing.is_promoted();
    if too_late {
        token.let_go();
    }
    !too_late
}

/// Whether a release was begun for this request.
fn is_of(release: &Release, request: &str) -> bool {
    let origin = release.plan.origin.as_ref();
    origin.is_some_and(|origin| origin.request == request)
}

/// The release that a request has led to.
pub(super) async fn known(desk: &Desk<'_>, token: &Token) -> Result<Option<Release>, Failure> {
    let slot = desk.at.slot();
    let journal = desk.journal.as_ref();
    let Some(number) = token.release else {
        return begun_for(journal, &slot, &token.job).await.map_err(Failure::system);
    };
    let id = ReleaseId { slot, number };
    match catch_up(journal, &id, None).await.map_err(Failure::system)? {
        // Settings of another slot under the same name must not let this action answer for a stranger's release.
        Some(release) if !token.back && !is_of(&release, &token.job) => Err(Failure::configuration(format!(
            "release {id} in {} was not begun by this action, which goes on with a release of that number: let `application`, `slot` and \
             `journal` in the settings be what they were when it began",
            journal.location()
        ))),
        Some(release) => Ok(Some(release)),
        None => Err(Failure::configuration(format!(
            "release {id}, which this job goes on with, is not in {}: let `journal` in the settings be what it was when the release began",
            journal.location()
        ))),
    }
}
