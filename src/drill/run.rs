//! A drill from its beginning to its end.

use std::pin::Pin;

use crate::compose::{self, NotBegun, Patience, Project};
use crate::driver::{Driver, DriverError, Seat};
use crate::release::{DrillKind, Outcome, Release, Writer};

/// A drill that has begun.
pub struct Ran {
    /// As it stands.
    pub release: Release,
    /// How it ended; `None` if it was left under way.
    pub ended: Result<Option<Outcome>, DriverError>,
}

/// Runs a drill. `project` is one as a drill sees it ([`compose::for_drill`]).
///
/// # Errors
///
/// When it may not begin, or `interrupted` was first. A drill that has begun is not lost then.
pub async fn run<I>(
    project: &Project,
    seat: Seat,
    kind: DrillKind,
    mut interrupted: Pin<&mut I>,
) -> Result<Ran, NotBegun>
where
    I: Future<Output = ()> + Send,
{
    let planner = Box::pin(compose::drill_planner(project, &seat.world, seat.clock.as_ref(), kind)).await;
    // A drill waits for nobody: releases come first.
    let slot = project.slot();
    let begun = compose::begin(seat, &slot, &planner, Patience::Refuse, interrupted.as_mut());
    let mut driver = Box::pin(begun).await?;
    let me = driver.writer().clone();
    let mut ended = tokio::select! {
        biased;
        ended = Box::pin(driver.run(|release| crashes_now(release, &me))) => Some(ended),
        () = interrupted.as_mut() => None,
    };
    if matches!(ended, Some(Ok(None))) {
        // As if the process had died: nothing is handed over, and somebody else finds the release.
        let (seat, release) = (driver.seat().clone(), driver.release().clone());
        driver = Driver::join(seat, release);
        ended = tokio::select! {
            biased;
            ended = Box::pin(driver.run(|_| false)) => Some(ended),
            () = interrupted => None,
        };
    }
    if !matches!(ended, Some(Ok(Some(_)))) {
        driver.leave().await;
    }
    Ok(Ran {
        release: driver.release().clone(),
        ended: ended.unwrap_or(Ok(None)),
    })
}

/// Whether this is where a driver of a drill dies whose purpose that is: it has given green traffic, and has not died before.
#[must_use]
pub fn crashes_now(release: &Release, driver: &Writer) -> bool {
    let dies = release.plan.drill == Some(DrillKind::Crash) && release.outcome.is_none();
    let since = release.taken_over.as_ref().map(|taken| taken.at);
    dies && release.driver == *driver
        && release
            .shifted_at
            .is_some_and(|shifted| since.is_none_or(|since| since < shifted))
}
