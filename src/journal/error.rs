//! What can go wrong with a journal.

use crate::release::IllegalEvent;

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error(
        "could not {doing} the journal at {path}: {source}; check that the folder exists, is writable and has space"
    )]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: String,
        /// What was wrong.
        source: std::io::Error,
    },
    /// An entry is not what this program writes.
    #[error(
        "could not understand the journal's entry {path}: {message}; it was changed by hand or written by another version of cutover"
    )]
    Entry {
        /// Which file.
        path: String,
        /// What was wrong.
        message: String,
    },
    /// The entries contradict each other.
    #[error("the journal at {location} is not sound: {source}")]
    Illegal {
        /// Where the journal is.
        location: String,
        /// What was wrong.
        source: IllegalEvent,
    },
}
