//! `cutover release`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::project::ProjectArguments;
use super::{exit, output};
use crate::compose::{self, Artifact, NotBegun, Patience, Planner, Project, Reach, Until, prepare};
use crate::driver::{Seat, World};
use crate::journal::{Journal, newest};
use crate::model::{Span, SystemClock};
use crate::release::Slot;
use crate::report::{self, Format};
use crate::spec::{JournalPlace, version_label_fault};

/// As [`compose::WAIT`], in words.
const DEFAULT_WAIT: &str = "2h";

/// How long the journal is asked whether a release has begun after all.
const LOOK: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// What is released: a zip, or a folder to be zipped. Default: `artifact.path` of the settings.
    #[arg(long, short, value_name = "PATH")]
    artifact: Option<PathBuf>,
    /// Label of the version. Default: made from the bundle's content.
    #[arg(long, value_name = "LABEL", value_parser = label)]
    version_label: Option<String>,
    /// While another release of the slot is under way, wait for its end, at most so long. Without a time: 2h.
    #[arg(long, value_name = "FOR", num_args = 0..=1, default_missing_value = DEFAULT_WAIT, conflicts_with = "replace")]
    wait: Option<Span>,
    /// While another release of the slot is under way, take that one back, and begin when that is over.
    #[arg(long)]
    replace: bool,
    /// Begin although the live environment is not healthy: for the version that heals it. A rollback leads back to it.
    #[arg(long)]
    even_if_unhealthy: bool,
    /// Look for everything that is in the way, say what would be done, and change nothing.
    #[arg(long, conflicts_with_all = ["wait", "replace", "until"])]
    dry_run: bool,
    /// When to end.
    #[arg(long, value_enum, default_value_t = Until::Over)]
    until: Until,
}

/// The label of a version, by the same rule as `artifact.version_label`.
fn label(text: &str) -> Result<String, String> {
    match version_label_fault(text) {
        Some(fault) => Err(format!(
            "the label {fault}; without one, it is made from the bundle's content"
        )),
        None => Ok(text.to_owned()),
    }
}

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let (project, reach) = match arguments.project.read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    let format = arguments.project.format();
    let patience = match (arguments.wait, arguments.replace) {
        (Some(length), _) => match Patience::wait(length) {
            Ok(patience) => patience,
            Err(message) => return output::fail(exit::USAGE, message),
        },
        (None, true) => Patience::Replace,
        (None, false) => Patience::Refuse,
    };
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
        Err(error) => {
            project.discard(&artifact.file);
            return output::fail(exit::FAILED, error);
        }
    };
    let mut planner = Planner::bundle(
        &project,
        world.aws.region(),
        &artifact,
        arguments.version_label.as_deref(),
    );
    if arguments.even_if_unhealthy {
        planner = planner.even_if_unhealthy();
    }
    if arguments.dry_run {
        let code = Box::pin(tell(&project, &reach, &world, &planner, format)).await;
        project.discard(&artifact.file);
        return code;
    }
    let until = arguments.until;
    Box::pin(begin(&project, &reach, world, &planner, patience, until, format)).await
}

/// The bundle, or what is wrong with it.
fn bundle(path: &Path, project: &Project) -> (Artifact, Vec<String>) {
    let journal = match &project.journal {
        JournalPlace::Directory(journal) => Some(journal.as_path()),
        JournalPlace::S3 { .. } => None,
    };
    match prepare(path, &project.bundles(), journal) {
        Ok(artifact) => (artifact, Vec::new()),
        Err(problems) => (Artifact::unfit(path), problems),
    }
}

/// Says what a release would do, or what is in its way.
async fn tell(project: &Project, reach: &Reach, world: &World, planner: &Planner, format: Format) -> ExitCode {
    let journal = project.open_journal(reach).await;
    match compose::check(journal.as_ref(), world, &SystemClock, &project.slot(), planner).await {
        Ok(compose::Start { plan, found }) => {
            match format {
                Format::Human => output::print(format_args!(
                    "{}\nNothing is in the way, and nothing was changed.",
                    report::plan(&plan, &found).trim_end()
                )),
                Format::Json => output::print(serde_json::json!({
                    "dry_run": true,
                    "plan": plan,
                    "blue": found.blue,
                    "notes": found.notes,
                })),
            }
            ExitCode::SUCCESS
        }
        Err(refusal) => output::refuse(&refusal.problems, format),
    }
}

/// Begins when nothing is in the way and its turn has come, and sees it through.
pub(super) async fn begin(
    project: &Project,
    reach: &Reach,
    world: Arc<World>,
    planner: &Planner,
    patience: Patience,
    until: Until,
    format: Format,
) -> ExitCode {
    if let Some(mistakes) = &project.mistakes {
        return output::bad_spec(mistakes);
    }
    let journal = project.open_journal(reach).await;
    let seat = Seat::new(
        Arc::clone(&journal),
        world,
        Arc::new(SystemClock),
        report::reporter(format),
    );
    let mut interrupted = std::pin::pin!(output::interrupted());
    let begun = compose::begin(seat, &project.slot(), planner, patience, interrupted.as_mut()).await;
    let mut driver = match begun {
        Ok(driver) => driver,
        Err(why) => {
            if let Some(bundle) = planner.bundle_file()
                && !may_need(journal.as_ref(), &project.slot(), &why, bundle).await
            {
                project.discard(bundle);
            }
            return output::not_begun(why, format);
        }
    };
    let result = output::drive_until(&mut driver, move |release| until.reached(release), interrupted).await;
    let release = driver.release().clone();
    drop(driver);
    project.let_go(&release);
    output::ended(result, &release, format)
}

/// Whether a release that this process could not begin may be on record all the same, and need its bundle.
async fn may_need(journal: &dyn Journal, slot: &Slot, why: &NotBegun, bundle: &Path) -> bool {
    match why {
        NotBegun::Refused(_) => false,
        // Somebody waits for this process to end; where the journal does not say it by then, the bundle stays.
        NotBegun::Failed(_) | NotBegun::Interrupted(_) => {
            match tokio::time::timeout(LOOK, newest(journal, slot)).await {
                Ok(Ok(newest)) => newest.is_some_and(|release| release.plan.source.file() == Some(bundle)),
                Ok(Err(_)) | Err(_) => true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Append, DirectoryJournal};
    use crate::release::tests::{first_entry, plan};

    #[tokio::test]
    async fn a_bundle_goes_only_where_its_release_is_not_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let journal = DirectoryJournal::new(folder.path());
        let plan = plan();
        let (slot, bundle) = (plan.id.slot.clone(), plan.source.file().unwrap().to_path_buf());
        let refused = NotBegun::Refused(Vec::new());
        let interrupted = NotBegun::Interrupted("by a signal".to_owned());
        assert!(!may_need(&journal, &slot, &interrupted, &bundle).await);
        let begun = journal.append(&first_entry(plan)).await.unwrap();
        assert_eq!(begun, Append::Written);
        assert!(may_need(&journal, &slot, &interrupted, &bundle).await);
        assert!(!may_need(&journal, &slot, &interrupted, Path::new("another.zip")).await);
        assert!(!may_need(&journal, &slot, &refused, &bundle).await);
    }

    #[test]
    fn the_wait_without_a_time_is_the_one_that_the_help_names() {
        assert_eq!(DEFAULT_WAIT.parse::<Span>().unwrap(), compose::WAIT);
    }
}
