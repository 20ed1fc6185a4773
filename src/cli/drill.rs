//! `cutover drill`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::project::ProjectArguments;
use super::{exit, output};
use crate::compose::{self, Project, Reach};
use crate::drill::{self, DrillResult, Ran};
use crate::driver::Seat;
use crate::model::{Clock, Share, Span, SystemClock};
use crate::release::DrillKind;
use crate::report::{self, Format};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    project: ProjectArguments,
    /// What it is to prove: rollback (going back works), bad-green and slow-burn (a fault that our own probes alone meet is found),
    /// crash (a release whose driver dies is gone on with).
    #[arg(long, value_name = "KIND", default_value_t = DrillKind::Rollback)]
    kind: DrillKind,
    /// The most traffic that green gets. Default: `drill.max_share` of the settings, or 5% by a lever that has weights.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    max_share: Option<Share>,
    /// Run nothing; print the schedule of EventBridge by which the function on Lambda does, such as `rate(7 days)`, whose first
    /// drill comes at once: input for `aws scheduler create-schedule --cli-input-json`.
    #[arg(long, value_name = "EXPRESSION", requires_all = ["function", "role", "settings"])]
    schedule: Option<String>,
    /// With --schedule: ARN of the function.
    #[arg(long, value_name = "ARN", requires = "schedule")]
    function: Option<String>,
    /// With --schedule: ARN of the role by which the scheduler invokes the function.
    #[arg(long, value_name = "ARN", requires = "schedule")]
    role: Option<String>,
    /// With --schedule: where the function finds the settings.
    #[arg(long, value_name = "s3://BUCKET/KEY", requires = "schedule")]
    settings: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the drills of the slot. Fails when the last good one is older than the objective.
    History(HistoryArguments),
}

#[derive(Debug, Args)]
struct HistoryArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// How many, at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
    /// How old the last good drill may be. Default: `drill.objective` of the settings.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    objective: Option<Span>,
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    if let Some(Command::History(arguments)) = arguments.command {
        return history(arguments).await;
    }
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let project = match compose::for_drill(&project, arguments.max_share) {
        Ok(project) => project,
        Err(why) => return output::fail(exit::USAGE, why),
    };
    match (
        arguments.schedule,
        arguments.function,
        arguments.role,
        arguments.settings,
    ) {
        (Some(_), Some(_), Some(_), Some(config)) if !config.starts_with("s3://") => output::fail(
            exit::USAGE,
            format!(
                "--settings {config:?} is no object of S3, and a function on Lambda finds nothing else: put cutover.toml into a bucket that \
                 its role may read, and write s3://BUCKET/KEY"
            ),
        ),
        (Some(expression), Some(function), Some(role), Some(config)) => {
            let wanted = drill::Schedule {
                expression,
                function,
                role,
                config,
            };
            let schedule = drill::schedule(&project.slot(), arguments.kind, arguments.max_share, &wanted);
            output::print(format_args!("{schedule:#}"));
            ExitCode::SUCCESS
        }
        _ => Box::pin(drilled(&project, &reach, arguments.kind, arguments.project.format())).await,
    }
}

async fn drilled(project: &Project, reach: &Reach, kind: DrillKind, format: Format) -> ExitCode {
    let world = match project.connect(reach, Vec::new()).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let journal = project.open_journal(reach).await;
    let seat = Seat::new(
        Arc::clone(&journal),
        world,
        Arc::new(SystemClock),
        report::reporter(format),
    );
    let interrupted = std::pin::pin!(output::interrupted());
    let Ran { release, ended } = match Box::pin(drill::run(project, seat, kind, interrupted)).await {
        Ok(ran) => ran,
        Err(why) => return output::not_begun(why, format),
    };
    if let Err(error) = ended {
        let why = format!("{error}\nThe drill is not lost: go on with `cutover resume`");
        return output::fail(exit::FAILED, why);
    }
    let record = match drill::read(journal.as_ref(), &release.plan.id).await {
        Ok(Some(record)) => record,
        Ok(None) => return output::fail(exit::FAILED, "the drill is not in the journal"),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if format == Format::Json {
        output::print(serde_json::json!(record));
    } else {
        output::print(drill::record_text(&record).trim_end());
    }
    match record.result {
        DrillResult::Passed => ExitCode::SUCCESS,
        DrillResult::UnderWay => output::fail(
            exit::INTERRUPTED,
            "the drill is not over: go on with `cutover resume`, which takes it back",
        ),
        DrillResult::Missed | DrillResult::GaveUp | DrillResult::Failed => ExitCode::from(exit::FAILED),
    }
}

async fn history(arguments: HistoryArguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let objective = arguments.objective.unwrap_or(project.spec.drill.objective);
    let journal = project.open_journal(&reach).await;
    let now = SystemClock.now();
    let history = match drill::history(journal.as_ref(), &project.slot(), arguments.last.into(), objective, now).await {
        Ok(history) => history,
        Err(error) => return output::fail(exit::FAILED, error),
    };
    if arguments.project.json {
        output::print(serde_json::json!(history));
    } else {
        output::print(drill::history_text(&history).trim_end());
    }
    if history.kept() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::FAILED)
    }
}
