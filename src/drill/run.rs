//! A drill from its beginning to its end.

use std::pin::Pin;

use crate::compose::{self, DrillPlanner, NotBegun, Patience, Project};
use crate::driver::{Driver, DriverError, Seat};
use crate::release::{DrillKind, Outcome, Release};

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
    let planner = DrillPlanner { kind };
    let planner = Box::pin(planner.planner(project, &seat.world, seat.clock.as_ref())).await;
    // A drill waits for nobody: releases come first.
    let slot = project.slot();
    let begun = compose::begin(seat, &slot, &planner, Patience::Refuse, interrupted.as_mut());
    let mut driver = Box::pin(begun).await?;
    let mut ended = tokio::select! {
        ended = Box::pin(driver.run(crashes_now)) => Some(ended),
        () = interrupted.as_mut() => None,
    };
    if matches!(ended, Some(Ok(None))) && crashes_now(driver.release()) {
        // As if the process had died: nothing is handed over, and somebody else finds the release.
        let (seat, release) = (driver.seat().clone(), driver.release().clone());
        driver = Driver::join(seat, release);
        ended = tokio::select! {
            ended = Box::pin(driver.run(|_| false)) => Some(ended),
            () = interrupted => None,
        };
    }
    if !matches!(ended, Some(Ok(Some(_)))) {
        // Whoever goes on then need not wait. If it cannot be written in a moment, they wait.
        let _late = tokio::time::timeout(std::time::Duration::from_secs(3), driver.hand_over()).await;
    }
    Ok(Ran {
        release: driver.release().clone(),
        ended: ended.unwrap_or(Ok(None)),
    })
}

/// Whether this is where the driver of a drill dies whose purpose that is: green has traffic, and nobody else has driven it.
#[must_use]
pub fn crashes_now(release: &Release) -> bool {
    let dies = release.plan.drill == Some(DrillKind::Crash);
    dies && release.shifted_at.is_some() && release.taken_over.is_none() && release.outcome.is_none()
}
