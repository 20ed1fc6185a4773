//! `cutover status`.

use std::process::ExitCode;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::journal::{Journal, catch_up, newest};
use crate::model::{Clock, ReleaseNumber, SystemClock};
use crate::release::{ReleaseId, Slot};
use crate::report::{self, Listed};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// List so many of the newest releases instead, a line each.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let journal = project.open_journal(&reach).await;
    if let Some(most) = arguments.last {
        return list(journal.as_ref(), &project.slot(), most, arguments.project.json).await;
    }
    match newest(journal.as_ref(), &project.slot()).await {
        Ok(Some(release)) => {
            if arguments.project.json {
                match serde_json::to_string(&release) {
                    Ok(text) => output::print(text),
                    Err(error) => {
                        return output::fail(exit::FAILED, format!("could not write the release as JSON: {error}"));
                    }
                }
            } else {
                let now = SystemClock.now();
                let free = crate::driver::is_certainly_free(&release, now);
                output::print(report::status(&release, now, free.as_deref(), &journal.location()).trim_end());
            }
            ExitCode::SUCCESS
        }
        Ok(None) if arguments.project.json => {
            output::print("null");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            none_yet(journal.as_ref(), &project.slot());
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(exit::FAILED, error),
    }
}

fn none_yet(journal: &dyn Journal, slot: &Slot) {
    output::print(format_args!("no release of {slot} yet in {}", journal.location()));
}

/// Lists the newest releases, each as soon as it is read.
async fn list(journal: &dyn Journal, slot: &Slot, most: u32, json: bool) -> ExitCode {
    let newest = match journal.latest(slot).await {
        Ok(newest) => newest.map_or(0, |newest| newest.0),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if !json {
        match newest {
            0 => none_yet(journal, slot),
            _ => output::print(report::HEADING),
        }
    }
    for number in (1..=newest).rev().take(most as usize) {
        let id = ReleaseId {
            slot: slot.clone(),
            number: ReleaseNumber(number),
        };
        match catch_up(journal, &id, None).await {
            Ok(Some(release)) if json => output::print(serde_json::json!(Listed::of(&release))),
            Ok(Some(release)) => output::print(Listed::of(&release).line()),
            // Old ones may have been removed from it by hand.
            Ok(None) => {}
            Err(error) => return output::fail(exit::FAILED, error),
        }
    }
    ExitCode::SUCCESS
}
