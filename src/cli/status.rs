//! `cutover status`.

use std::process::ExitCode;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::journal::newest;
use crate::model::{Clock, SystemClock};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let journal = project.open_journal(&reach).await;
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
            output::print(format_args!(
                "no release of {} yet in {}",
                project.slot(),
                journal.location()
            ));
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(exit::FAILED, error),
    }
}
