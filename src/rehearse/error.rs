//! What can keep a rehearsal from being played.

use std::path::PathBuf;

use super::load::LoadError;
use crate::aws::CallError;
use crate::driver::DriverError;
use crate::probe::ProbeError;
use crate::spec::SpecError;

/// Why a rehearsal could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// No folder for its files.
    #[error(
        "could not make a folder for the rehearsal at {path}: {source}; set TMPDIR to a folder that can be written"
    )]
    Folder {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        source: std::io::Error,
    },
    /// It was told to end.
    #[error("the rehearsal was interrupted; nothing of it runs any more, and its files are removed")]
    Interrupted,
    /// The local cloud did not start.
    #[error("could not start the local cloud: {source}")]
    Cloud {
        /// What was wrong.
        source: std::io::Error,
    },
    /// The application is not fit to be released.
    #[error("the application cannot be released:\n  {}", problems.join("\n  "))]
    Bundle {
        /// All that is wrong with it.
        problems: Vec<String>,
    },
    /// The user's `cutover.toml` holds mistakes.
    #[error("{}", .0.render(false, 100))]
    Spec(#[from] SpecError),
    /// A call that prepares the stage failed.
    #[error("could not {what} on the local cloud: {source}")]
    Setup {
        /// What was being done.
        what: &'static str,
        /// What was wrong.
        source: CallError,
    },
    /// The local cloud does not take the permissions that releases need.
    #[error("the local cloud cannot be held to the published permissions: {said}")]
    Permissions {
        /// What was wrong.
        said: String,
    },
    /// Version 1 did not come up.
    #[error(
        "version 1 did not come up on the local cloud: {said}; does it start with its Procfile, and answer on the port in PORT?"
    )]
    NotLive {
        /// What the cloud says of it.
        said: String,
    },
    /// Something else that belongs to the play could not be done.
    #[error("the rehearsal could not {what}: {said}")]
    Undone {
        /// What was being done.
        what: String,
        /// What was wrong, and what to do next.
        said: String,
    },
    /// The load could not be started.
    #[error("could not start the load: {0}")]
    Load(#[from] LoadError),
    /// Probes could not be set up.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The driver failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

impl RehearseError {
    /// That something could not be done: what, and what was wrong.
    pub(super) fn undone(what: impl Into<String>, said: impl ToString) -> Self {
        Self::Undone {
            what: what.into(),
            said: said.to_string(),
        }
    }
}
