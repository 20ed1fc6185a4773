//! Arguments that all commands about a project share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{exit, output};
use crate::compose::{Project, Reach};
use crate::report::Format;

#[derive(Clone, Debug, Args)]
pub(super) struct ProjectArguments {
    /// The project's settings.
    #[arg(long, short, value_name = "FILE", default_value = "cutover.toml")]
    pub(super) config: PathBuf,
    /// Folder of the journal, instead of what the settings say.
    #[arg(long, value_name = "DIR")]
    pub(super) journal: Option<PathBuf>,
    /// Print JSON lines.
    #[arg(long)]
    pub(super) json: bool,
}

impl ProjectArguments {
    /// Reads the project and how things are reached.
    pub(super) fn read(&self) -> Result<(Project, Reach), ExitCode> {
        let project = Project::read(&self.config, self.journal.as_deref()).map_err(|error| output::bad_spec(&error))?;
        let reach = Reach::from_environment().map_err(|message| output::fail(exit::USAGE, message))?;
        Ok((project, reach))
    }

    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Human }
    }
}
