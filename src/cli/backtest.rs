//! `cutover backtest`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::project::{ProjectArguments, no_release};
use super::{exit, output};
use crate::compose;
use crate::model::ReleaseNumber;
use crate::release::ReleaseId;
use crate::report;
use crate::spec::Spec;
use crate::verdict::{Replay, replay};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Numbers of the releases. Default: the newest one.
    #[arg(value_name = "RELEASE")]
    releases: Vec<u32>,
    /// Judge by `[verdict]` of this file instead of the project's.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// One release and what would have become of it.
#[derive(Serialize)]
struct Line {
    release: String,
    outcome: Option<String>,
    #[serde(flatten)]
    replay: Replay,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let spec = match arguments.policy.as_ref().map(|path| Spec::read(path)).transpose() {
        Ok(spec) => spec,
        Err(error) => return output::bad_spec(&error),
    };
    let policy = compose::policy(&spec.as_ref().unwrap_or(&project.spec).verdict);
    let journal = project.open_journal(&reach).await;
    let slot = project.slot();
    let mut numbers: Vec<_> = arguments.releases.iter().copied().map(ReleaseNumber).collect();
    if numbers.is_empty() {
        match journal.latest(&slot).await {
            Ok(Some(newest)) => numbers.push(newest),
            Ok(None) => return output::fail(exit::REFUSED, no_release(&slot, journal.as_ref())),
            Err(error) => return output::fail(exit::FAILED, error),
        }
    }
    for number in numbers {
        let id = ReleaseId {
            slot: slot.clone(),
            number,
        };
        let (release, windows) = match compose::recorded(journal.as_ref(), &id).await {
            Ok(Some(recorded)) => recorded,
            Ok(None) => {
                let place = journal.location();
                return output::fail(
                    exit::REFUSED,
                    format!("there is no release {id} in {place}; see `cutover status`"),
                );
            }
            Err(error) => return output::fail(exit::FAILED, error),
        };
        let replay = replay(policy.clone(), &windows);
        if arguments.project.json {
            let line = Line {
                release: id.to_string(),
                outcome: release.outcome.as_ref().map(|(outcome, _)| outcome.code().to_owned()),
                replay,
            };
            output::print(serde_json::json!(line));
        } else {
            output::print(report::backtest(&release, &replay).trim_end());
        }
    }
    ExitCode::SUCCESS
}
