//! `cutover check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::compose::Project;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project's settings.
    #[arg(long, short, value_name = "FILE", default_value = "cutover.toml")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match Project::read(&arguments.config, None) {
        Ok(project) => {
            output::print(format_args!(
                "{} has no mistakes: releases of {} by {}, on record in {}",
                arguments.config.display(),
                project.slot(),
                project.spec.lever,
                project.journal
            ));
            ExitCode::SUCCESS
        }
        Err(error) => output::bad_spec(&error),
    }
}
