//! Waiting for one's turn: releases of one slot run one after another, and a newer one may come while another is under way.
//!
//! The journal alone says whose turn it is. Nobody stands in a queue that could be left behind: whoever waits looks at the
//! release that is under way, and begins when it is over, unless somebody else was faster. So however many wait, one begins,
//! and the others wait on.

mod back;
mod limit;
#[cfg(test)]
#[cfg(feature = "local")]
mod tests;
mod watch;

pub use back::ask_to_turn_back;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::{Planner, check};
use crate::driver::{Driver, DriverError, Seat};
use crate::model::Span;
use crate::release::preflight::Problem;
use crate::release::{Notice, Release, Slot};
use limit::Limit;

/// How long a release waits for its turn if nothing else is said. A release with the defaults takes about an hour.
pub const WAIT: Span = Span::from_secs(2 * 60 * 60);

/// The longest wait that can be meant.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A release that was taken back is over long before: its own bounds are an hour for the traffic and 40 minutes for green.
const REPLACE: Span = WAIT;

/// How long the world may take to come to rest after the release before: that may have changed the live environment last.
pub const SETTLE: Duration = Duration::from_secs(10 * 60);

/// What a line begins with that tells of a bad end which nobody waits for. A filter of the function's log finds it.
pub const ENDED_BADLY: &str = "ended badly:";

/// How long a process that was told to end takes to put on record what must be.
const FAREWELL: Duration = Duration::from_secs(3);

/// What is done when another release of the slot is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// This one is refused.
    Refuse,
    /// This one waits for its end, at most so long.
    Wait(Span),
    /// That one is taken back, and this one begins when that is over.
    Replace,
}

impl Patience {
    /// To wait at most so long.
    ///
    /// # Errors
    ///
    /// When that is no time to wait.
    pub fn wait(length: Span) -> Result<Self, String> {
        if length == Span::default() || length.get() > LONGEST {
            return Err(format!(
                "--wait {length} is no time to wait: write a length of time such as 30m or 2h, up to 366 days (8784h)"
            ));
        }
        Ok(Self::Wait(length))
    }

    fn length(self) -> Span {
        match self {
            Self::Refuse => Span::default(),
            Self::Wait(length) => length,
            Self::Replace => REPLACE,
        }
    }
}

/// Why no release has begun.
#[derive(Debug)]
pub enum NotBegun {
    /// Something is in the way, or the time to wait is over.
    Refused(Vec<Problem>),
    /// The journal could not be used, or the credentials lead elsewhere.
    Failed(DriverError),
    /// This process was told to end. How things stand, for a person.
    Interrupted(String),
}

impl fmt::Display for NotBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problems) => {
                f.write_str("the release was refused, nothing was changed")?;
                let mut before = ": ";
                for problem in problems {
                    write!(f, "{before}{} ({})", problem.message, problem.advice)?;
                    before = "; ";
                }
                Ok(())
            }
            Self::Failed(error) => error.fmt(f),
            Self::Interrupted(how) => f.write_str(how),
        }
    }
}

/// Begins a release when nothing is in the way, and when its turn has come. Everything is checked anew after each wait, for the
/// release before has changed the world: what it made is now blue.
///
/// # Errors
///
/// When it may not begin, or `interrupted` was first. That future is not asked again once it is over.
pub async fn begin<I>(
    seat: Seat,
    slot: &Slot,
    planner: &Planner,
    patience: Patience,
    mut interrupted: Pin<&mut I>,
) -> Result<Driver, NotBegun>
where
    I: Future<Output = ()> + Send,
{
    let mut limit = Limit::new(seat.clock.as_ref(), patience.length());
    let mut before: Option<Before> = None;
    loop {
        let checked = tokio::select! {
            biased;
            () = interrupted.as_mut() => return Err(NotBegun::Interrupted(nothing_done())),
            checked = Box::pin(check(seat.journal.as_ref(), &seat.world, seat.clock.as_ref(), slot, planner)) => checked,
        };
        let refusal = match checked {
            Ok(start) => {
                let (plan, found) = (&start.plan, &start.found);
                seat.listener.notice(Notice::Plan { plan, found });
                match Box::pin(enter(&seat, slot, planner, interrupted.as_mut())).await {
                    Ok(driver) => return Ok(driver),
                    // Somebody has begun one since the check. The next one says whether that is in the way: a drill is not.
                    Err(Missed::Busy) => continue,
                    Err(Missed::For(why)) => return Err(why),
                }
            }
            Err(refusal) => refusal,
        };
        let Some(holder) = &refusal.holder else {
            if let Some(before) = &mut before
                && refusal.may_pass()
                && !limit.is_over(seat.clock.as_ref())
                && before.settles(&seat, &refusal.problems)
            {
                tokio::select! {
                    biased;
                    () = interrupted.as_mut() => return Err(NotBegun::Interrupted(nothing_done())),
                    () = tokio::time::sleep(before.interval) => continue,
                }
            }
            return Err(NotBegun::Refused(refusal.problems));
        };
        // Nobody waits for a drill: it turns back at once.
        let yields = holder.plan.drill.is_some() && planner.is_real();
        if yields && patience == Patience::Refuse {
            limit = Limit::new(seat.clock.as_ref(), REPLACE);
        }
        let replaces = yields || patience == Patience::Replace;
        // What is wrong with this release itself is said at once, and nobody is taken back for it.
        let may_begin_then = match patience {
            _ if replaces => refusal.passes_with_the_holder(),
            Patience::Wait(_) => refusal.may_pass(),
            Patience::Refuse | Patience::Replace => false,
        };
        if !may_begin_then {
            return Err(NotBegun::Refused(refusal.problems));
        }
        let holder = holder.as_ref().clone();
        let ended = if replaces {
            Box::pin(back::turn_back(&seat, holder, &limit, interrupted.as_mut())).await?
        } else {
            Box::pin(wait(&seat, holder, &limit, interrupted.as_mut())).await?
        };
        before = Some(Before::new(&seat, &ended));
    }
}

/// Waits until a release is over.
async fn wait<I>(seat: &Seat, holder: Release, limit: &Limit, mut interrupted: Pin<&mut I>) -> Result<Release, NotBegun>
where
    I: Future<Output = ()> + Send,
{
    let id = holder.plan.id.clone();
    let watched = tokio::select! {
        biased;
        () = interrupted.as_mut() => {
            let message = format!("interrupted while waiting for the end of release {id}; that goes on, and nothing was changed");
            return Err(NotBegun::Interrupted(message));
        }
        watched = watch::until_over(seat, holder, limit) => watched,
    };
    match watched.map_err(|error| NotBegun::Failed(error.into()))? {
        watch::Watched::Over(release) => {
            if let Some((outcome, _)) = &release.outcome {
                let message =
                    format!("release {id} is over: {outcome}; it is this one's turn, and everything is checked anew");
                seat.listener.notice(Notice::Remark { message: &message });
            }
            Ok(release)
        }
        watch::Watched::UnderWay(release) => Err(limit.passed(seat, &release)),
    }
}

/// Why a release did not begin that might have.
enum Missed {
    /// Somebody was faster.
    Busy,
    /// For another reason.
    For(NotBegun),
}

/// Puts the beginning on record.
async fn enter<I>(seat: &Seat, slot: &Slot, planner: &Planner, mut interrupted: Pin<&mut I>) -> Result<Driver, Missed>
where
    I: Future<Output = ()> + Send,
{
    let mut begun = std::pin::pin!(Driver::begin(seat.clone(), slot, |next| planner.plan(next)));
    let begun = tokio::select! {
        biased;
        begun = begun.as_mut() => begun,
        () = interrupted.as_mut() => {
            // It may be on record already, and then somebody has to know.
            let message = match tokio::time::timeout(FAREWELL, begun).await {
                Ok(Ok(mut driver)) => {
                    driver.leave().await;
                    format!(
                        "interrupted; release {} has begun and is not lost: go on with `cutover resume`, or take it back by `cutover rollback`",
                        driver.release().plan.id
                    )
                }
                Ok(Err(_)) => nothing_done(),
                Err(_) => "interrupted while the release's beginning was being written; see `cutover status` for whether it has begun".to_owned(),
            };
            return Err(Missed::For(NotBegun::Interrupted(message)));
        }
    };
    begun.map_err(|error| match error {
        DriverError::Busy(_) => Missed::Busy,
        error => Missed::For(NotBegun::Failed(error)),
    })
}

fn nothing_done() -> String {
    "interrupted before the release began; it has changed nothing".to_owned()
}

/// The release that was waited for, and is over.
struct Before {
    id: String,
    /// How often the world is looked at in such a release.
    interval: Duration,
    /// When the world has had its time to come to rest, on the clock that does not jump.
    settled: Duration,
    told: bool,
}

impl Before {
    fn new(seat: &Seat, release: &Release) -> Self {
        Self {
            id: release.plan.id.to_string(),
            interval: release.plan.provision.interval.get(),
            settled: seat.clock.since_boot() + SETTLE,
            told: false,
        }
    }

    /// Whether what is in the way may be what the release has left behind, and may still pass.
    fn settles(&mut self, seat: &Seat, problems: &[Problem]) -> bool {
        if seat.clock.since_boot() >= self.settled {
            return false;
        }
        if !self.told
            && let Some(first) = problems.first()
        {
            self.told = true;
            let message = format!(
                "not at rest yet after release {}: {}; looking again for {}",
                self.id,
                first.message,
                Span::from(SETTLE)
            );
            seat.listener.notice(Notice::Remark { message: &message });
        }
        true
    }
}
