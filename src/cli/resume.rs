//! `cutover resume`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::compose::Until;
use crate::driver::{Driver, Seat};
use crate::journal::newest;
use crate::model::SystemClock;
use crate::release::{Release, Wish};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Do not keep blue, or a green that was taken back, any longer.
    #[arg(long)]
    end_wait: bool,
    /// Take the release over from whoever drives it, even if that process may be alive: it cannot write any more from then on.
    #[arg(long)]
    take_over: bool,
    /// When to end.
    #[arg(long, value_enum, default_value_t = Until::Over)]
    until: Until,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let format = arguments.project.format();
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let journal = project.open_journal(&reach).await;
    let release = match newest(journal.as_ref(), &project.slot()).await {
        Ok(Some(release)) => release,
        Ok(None) => {
            return output::fail(
                exit::REFUSED,
                format!("there is no release of {} to go on with", project.slot()),
            );
        }
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if let Some((outcome, _)) = release.outcome {
        return output::ended(Ok(Some(outcome)), &release, format);
    }
    let world = match project.connect(&reach, Vec::new()).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let seat = Seat::new(journal, world, Arc::new(SystemClock), report::reporter(format));
    let mut driver = Driver::join(seat, release);
    if arguments.take_over
        && let Err(error) = driver.take_over().await
    {
        return output::ended(Err(output::Ended::Failed(error)), driver.release(), format);
    }
    if arguments.end_wait
        && let Err(error) = driver.ask(Wish::EndWait).await
    {
        return output::fail(exit::FAILED, error);
    }
    // A pause may have been asked for and not be noted yet. To a question this is the answer.
    let held =
        |release: &Release| release.pause.is_some() || release.wishes.pause.is_some() || release.question.is_some();
    if held(driver.release())
        && let Err(error) = driver.ask(Wish::Resume).await
    {
        return output::fail(exit::FAILED, error);
    }
    let until = arguments.until;
    let result = output::drive(&mut driver, move |release| until.reached(release)).await;
    let release = driver.release().clone();
    drop(driver);
    output::ended(result, &release, format)
}
