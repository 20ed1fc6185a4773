//! Taking back the release that is in the way of a newer one.

use std::pin::Pin;
use std::sync::Arc;

use super::limit::Limit;
use super::{ENDED_BADLY, NotBegun};
use crate::driver::{Driver, DriverError, Seat};
use crate::release::{Notice, Outcome, Release, Wish};

/// Asks a release to turn back, and sees it through until it is over. Its driver takes note of that with its next look; if there
/// is none any more, this process takes its place by the usual rules.
pub(super) async fn turn_back<I>(
    seat: &Seat,
    holder: Release,
    limit: &Limit,
    mut interrupted: Pin<&mut I>,
) -> Result<Release, NotBegun>
where
    I: Future<Output = ()> + Send,
{
    let id = holder.plan.id.clone();
    let mut driver = Driver::join(seat.clone(), holder);
    let clock = Arc::clone(&seat.clock);
    let end = limit.end;
    let result = tokio::select! {
        biased;
        () = interrupted.as_mut() => None,
        result = Box::pin(async {
            ask(seat, &mut driver, limit).await?;
            driver.run(move |_| clock.since_boot() >= end).await
        }) => Some(result),
    };
    let Some(result) = result else {
        driver.leave().await;
        return Err(NotBegun::Interrupted(interruption(driver.release())));
    };
    let release = driver.release().clone();
    match result.map_err(NotBegun::Failed)? {
        Some(outcome) => {
            let message = match outcome {
                Outcome::Promoted => format!(
                    "release {id} was promoted: it was too late for it to turn back; this one begins all the same, and everything is checked anew"
                ),
                Outcome::NeedsHuman => format!(
                    "{ENDED_BADLY} release {id} needs a human; `cutover status` says more. It is this one's turn, and everything is checked anew"
                ),
                Outcome::RolledBack | Outcome::Aborted | Outcome::Refused => {
                    format!("release {id} is over: {outcome}; it is this one's turn, and everything is checked anew")
                }
            };
            seat.listener.notice(Notice::Remark { message: &message });
            Ok(release)
        }
        None => {
            driver.leave().await;
            Err(limit.passed(seat, driver.release()))
        }
    }
}

/// Writes the wishes down, unless somebody has them written down already.
async fn ask(seat: &Seat, driver: &mut Driver, limit: &Limit) -> Result<(), DriverError> {
    let release = driver.release();
    let message = format!(
        "release {}, in phase {} and driven by {}, is asked to turn back; this one begins when that is over, and is refused if it is not by {}",
        release.plan.id, release.phase, release.driver, limit.until
    );
    seat.listener.notice(Notice::Remark { message: &message });
    ask_to_turn_back(driver).await
}

/// Asks a release to turn back and to keep nothing, unless somebody has done so already.
///
/// # Errors
///
/// When the journal cannot be written for a while.
pub async fn ask_to_turn_back(driver: &mut Driver) -> Result<(), DriverError> {
    if !driver.release().wishes.roll_back {
        driver.ask(Wish::RollBack).await?;
    }
    // A green that was taken back is kept for a look at it, for half an hour and more. Nobody looks at one that was replaced.
    // This comes second, for alone it would mean that blue is not kept either.
    if !driver.release().wishes.end_wait {
        driver.ask(Wish::EndWait).await?;
    }
    Ok(())
}

/// How things stand when this process was told to end.
fn interruption(release: &Release) -> String {
    let id = &release.plan.id;
    if let Some((outcome, _)) = &release.outcome {
        return format!(
            "interrupted before the release began; release {id}, which it was to replace, is over: {outcome}"
        );
    }
    let asked = if release.wishes.roll_back {
        "was asked to turn back"
    } else {
        "goes on"
    };
    let next = if release.handed_over {
        "nobody drives it now: go on with `cutover resume`".to_owned()
    } else {
        format!("{} drives it; `cutover status` says where it stands", release.driver)
    };
    format!("interrupted before the release began; release {id}, which it was to replace, {asked}, and {next}")
}
