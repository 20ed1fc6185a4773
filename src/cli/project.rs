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
use crate::spec::JournalPlace;

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
        let project = Project::read(&self.config, self.journal.as_ref()).map_err(|error| output::bad_spec(&error))?;
        let reach = Reach::from_environment().map_err(|message| output::fail(exit::USAGE, message))?;
        Ok((project, reach))
    }

    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Human }
    }

    /// Reads the project, and the newest release of its slot, which must have one.
    pub(super) async fn newest(&self) -> Result<Found, ExitCode> {
        let (project, reach) = self.read()?;
        let journal = project.open_journal(&reach).await;
        match newest(journal.as_ref(), &project.slot()).await {
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
    use crate::journal::DirectoryJournal;

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
}
