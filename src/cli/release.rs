//! `cutover release`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::project::ProjectArguments;
use super::{exit, output};
use crate::compose::{Artifact, Planner, Project, Reach, check, prepare};
use crate::driver::{Driver, DriverError, Seat, World};
use crate::model::SystemClock;
use crate::release::Release;
use crate::report::{self, Format};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// What is released: a zip, or a folder to be zipped. Default: `artifact.path` of the settings.
    #[arg(long, short, value_name = "PATH")]
    artifact: Option<PathBuf>,
    /// Label of the version. Default: made from the bundle's content.
    #[arg(long, value_name = "LABEL")]
    version_label: Option<String>,
    /// When to end.
    #[arg(long, value_enum, default_value_t = Until::Over)]
    until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Until {
    /// When the release is over and blue is removed.
    Over,
    /// When green has got through its bake. `cutover resume` does the rest.
    Promoted,
}

impl Until {
    pub(super) fn reached(self, release: &Release) -> bool {
        self == Self::Promoted && release.promoted()
    }
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let format = arguments.project.format();
    let path = arguments.artifact.or_else(|| {
        project
            .spec
            .artifact
            .path
            .as_ref()
            .map(|path| project.folder.join(path))
    });
    let Some(path) = path else {
        return output::fail(
            exit::USAGE,
            "nothing to release: name a zip or a folder with --artifact, or set `artifact.path` in the settings",
        );
    };
    let (artifact, problems) = bundle(&path, &project);
    let world = match project.connect(&reach, problems).await {
        Ok(world) => Arc::new(world),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let planner = Planner::bundle(
        &project,
        world.aws.region(),
        &artifact,
        arguments.version_label.as_deref(),
    );
    begin(&project, &reach, world, &planner, arguments.until, format).await
}

/// The bundle, or what is wrong with it.
fn bundle(path: &Path, project: &Project) -> (Artifact, Vec<String>) {
    match prepare(path, &project.bundles()) {
        Ok(artifact) => (artifact, Vec::new()),
        Err(problems) => (Artifact::unfit(path), problems),
    }
}

/// Checks that nothing is in the way, says what is going to happen, and does it.
pub(super) async fn begin(
    project: &Project,
    reach: &Reach,
    world: Arc<World>,
    planner: &Planner,
    until: Until,
    format: Format,
) -> ExitCode {
    let journal = project.open_journal(reach).await;
    let clock = Arc::new(SystemClock);
    let slot = project.slot();
    let start = match check(journal.as_ref(), &world, clock.as_ref(), &slot, planner).await {
        Ok(start) => start,
        Err(refusal) => return output::refuse(&refusal.problems, format),
    };
    if format == Format::Human {
        output::tell(report::plan(&start.plan, &start.found));
    }
    let listener = report::reporter(format);
    let seat = Seat::new(journal, world, clock, listener);
    let begun = Driver::begin(seat, &slot, |number| planner.plan(number)).await;
    let mut driver = match begun {
        Ok(driver) => driver,
        // Somebody has begun one since the check.
        Err(DriverError::Busy(busy)) => return output::refuse(&[busy.problem()], format),
        Err(error) => return output::fail(exit::FAILED, error),
    };
    let result = output::drive(&mut driver, move |release| until.reached(release)).await;
    let release = driver.release().clone();
    drop(driver);
    output::ended(result, &release, format)
}
