//! Arguments that all commands about a project share.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::{exit, output};
use crate::compose::{Project, Reach};
use crate::journal::{Journal, newest};
use crate::release::{Release, Slot};
use crate::report::Format;
use crate::spec::{JournalPlace, SpecError};

#[derive(Clone, Debug, Args)]
pub(super) struct ProjectArguments {
    /// The project's settings.
    #[arg(long, short, value_name = "FILE", default_value = "cutover.toml")]
    pub(super) config: PathBuf,
    /// Where the journal is, instead of what the settings say: a folder, or a prefix on S3.
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", value_parser = journal_place())]
    pub(super) journal: Option<JournalPlace>,
    /// Print JSON, an object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads a journal's place. A path need not be text.
pub(super) fn journal_place() -> impl TypedValueParser<Value = JournalPlace> {
    OsStringValueParser::new().try_map(|given| match given.into_string() {
        Ok(text) => text.parse(),
        Err(path) => Ok(JournalPlace::Directory(path.into())),
    })
}

impl ProjectArguments {
    /// Reads the project and how things are reached.
    pub(super) fn read(&self) -> Result<(Project, Reach), ExitCode> {
        reached(Project::read(&self.config, self.journal.as_ref()))
    }

    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Human }
    }

    /// Reads where the project's releases are, and how things are reached. Mistakes that change nothing about that are told.
    pub(super) fn read_partly(&self) -> Result<(Project, Reach), ExitCode> {
        let (project, reach) = reached(Project::read_partly(&self.config, self.journal.as_ref()))?;
        if let Some(mistakes) = &project.mistakes {
            output::bad_spec(mistakes);
        }
        Ok((project, reach))
    }

    /// Reads the project, and the newest release of its slot, which must have one. A release that is under way has its settings in its
    /// plan, so that mistakes which somebody makes meanwhile keep nobody from taking it back.
    pub(super) async fn newest(&self) -> Result<Found, ExitCode> {
        let (project, reach) = self.read_partly()?;
        let journal = project.open_journal(&reach).await;
        match newest(journal.as_ref(), &project.slot()).await {
            Ok(Some(release)) if project.mistakes.is_some() && !goes_on_without_settings(&release) => {
                Err(ExitCode::from(exit::USAGE))
            }
            Ok(Some(release)) => Ok(Found {
                project,
                reach,
                journal,
                release,
            }),
            Ok(None) => Err(output::fail(
                exit::REFUSED,
                no_release(&project.slot(), journal.as_ref()),
            )),
            Err(error) => Err(output::fail(exit::FAILED, error)),
        }
    }
}

/// A project that was read, and how things are reached.
fn reached(read: Result<Project, SpecError>) -> Result<(Project, Reach), ExitCode> {
    let project = read.map_err(|error| output::bad_spec(&error))?;
    let reach = Reach::from_environment().map_err(|message| output::fail(exit::USAGE, message))?;
    Ok((project, reach))
}

/// Whether a release is under way by what is in its plan.
fn goes_on_without_settings(release: &Release) -> bool {
    let goes_on = release.outcome.is_none() && release.needs_no_settings();
    if goes_on {
        output::tell(format_args!(
            "cutover: release {} goes on with the settings that it began with",
            release.plan.id
        ));
    }
    goes_on
}

/// A project whose slot has a release.
pub(super) struct Found {
    pub(super) project: Project,
    pub(super) reach: Reach,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) release: Release,
}

/// That a slot has no release, for whoever wants something of one: and where it was looked for.
pub(super) fn no_release(slot: &Slot, journal: &dyn Journal) -> String {
    format!(
        "there is no release of {slot} in {}; if its journal is elsewhere, name that by `--journal`, or its settings by `--config`",
        journal.location()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Append, DirectoryJournal};
    use crate::release::Event;
    use crate::release::tests::{blue, first_entry, plan};

    #[test]
    fn whoever_finds_no_release_learns_where_it_was_looked_for() {
        let slot = Slot {
            application: "shop".into(),
            name: "production".into(),
        };
        let said = no_release(&slot, &DirectoryJournal::new(std::path::Path::new("releases/here")));
        for word in ["shop/production", "releases/here", "`--journal`", "`--config`"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }

    /// Somebody has edited the settings, and made a mistake.
    #[tokio::test]
    async fn a_release_that_is_under_way_is_found_whatever_is_wrong_with_its_settings() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("cutover.toml");
        std::fs::write(&config, "application = \"shop\"\ncname = \"shop\"\n[bakee]\n").unwrap();
        let place = folder.path().join("journal");
        let arguments = ProjectArguments {
            config,
            journal: Some(JournalPlace::Directory(place.clone())),
            json: false,
        };
        let found = async || arguments.newest().await.is_ok();
        assert!(!found().await, "there is none");
        let journal = DirectoryJournal::new(&place);
        let mut entry = first_entry(plan());
        let preflight = Event::PreflightPassed {
            blue: Box::new(blue()),
            notes: Vec::new(),
            absent_alarms: Box::default(),
        };
        // Until it is published, it still needs them.
        let events = [None, Some((preflight, false)), Some((Event::Published, true))];
        for event in events {
            let mut wanted = false;
            if let Some((event, is_found)) = event {
                (entry.sequence, entry.event, wanted) = (entry.sequence + 1, event, is_found);
            }
            assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
            assert_eq!(found().await, wanted, "{:?}", entry.event);
        }
        assert!(arguments.read_partly().is_ok() && arguments.read().is_err());
    }
}
