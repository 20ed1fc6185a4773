//! The append-only log of releases: `<root>/<application>/<slot>/<release>/<sequence>.json`, in a directory or on S3.
//!
//! The only primitive is *create if absent*. Appending entry n+1 is therefore a compare-and-swap on the whole release, and
//! beginning release n+1 while release n is not over is refused: mutual exclusion is the log itself, not a lock beside it.

mod directory;
mod entry;
mod error;
mod names;
mod requests;
mod s3;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use futures_util::future::join_all;

pub use directory::DirectoryJournal;
pub use error::JournalError;
pub use requests::{PLANS, begun_for, plans};
pub use s3::{S3Journal, slot_prefix};

use crate::model::ReleaseNumber;
use crate::release::{Entry, Release, ReleaseId, Slot, apply};

/// What became of an entry that was to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Append {
    /// It is there for good.
    Written,
    /// Another writer's entry has its place. Read it, and decide again.
    Taken,
}

/// Where releases are written down. Every call ends within a bounded time, or leaves the bound to the file system.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Where it is, for a person.
    fn location(&self) -> String;

    /// The number of the slot's newest release, if there is one.
    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError>;

    /// One entry, if it is there.
    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError>;

    /// Appends an entry at its own sequence, if that place is free.
    async fn append(&self, entry: &Entry) -> Result<Append, JournalError>;

    /// Keeps a file beside a release's entries, such as the logs of a green that was taken back. Replaces one of that name.
    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError>;

    /// Finds out whether a release of this slot could be written, and leaves nothing behind.
    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError>;
}

/// The most entries that are asked for at once. A release has some hundred, and on S3 each answer takes tens of milliseconds.
const AHEAD: u64 = 32;

/// Reads on from a state: applies every entry that has been appended since.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn catch_up(
    journal: &dyn Journal,
    id: &ReleaseId,
    release: Option<Release>,
) -> Result<Option<Release>, JournalError> {
    follow(journal, id, release, |_| {}).await
}

/// The same, and shows every entry.
///
/// # Errors
///
/// As [`catch_up`].
pub async fn follow(
    journal: &dyn Journal,
    id: &ReleaseId,
    mut release: Option<Release>,
    mut show: impl FnMut(&Entry) + Send,
) -> Result<Option<Release>, JournalError> {
    let from_the_start = release.is_none();
    let mut ahead = 1;
    loop {
        let last = release.as_ref().map_or(0, |release| release.sequence);
        let entries = (last + 1..=last + ahead).map(|sequence| journal.entry(id, sequence));
        let mut entries = join_all(entries).await.into_iter();
        while let Some(entry) = entries.next() {
            let Some(entry) = entry? else {
                let missing = release.as_ref().map_or(1, |release| release.sequence + 1);
                let mut behind = entries.find_map(|entry| Some(entry.ok()??.sequence));
                if behind.is_none() && from_the_start && missing > 1 && missing == last + ahead {
                    // It is the last one that was asked for, so nothing is known of what is behind.
                    behind = journal.entry(id, missing + 1).await?.map(|entry| entry.sequence);
                }
                let Some(behind) = behind else { return Ok(release) };
                // Entries are written one after another: it may have been written while this was read, and then it is there now.
                if journal.entry(id, missing).await?.is_some() {
                    break;
                }
                return Err(JournalError::Gap {
                    place: format!("{} of release {id} in {}", missing, journal.location()),
                    behind,
                });
            };
            release = Some(apply(release, &entry).map_err(|source| JournalError::Illegal {
                location: journal.location(),
                source,
            })?);
            show(&entry);
        }
        ahead = (ahead * 2).min(AHEAD);
    }
}

/// The newest release of a slot, read whole.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn newest(journal: &dyn Journal, slot: &Slot) -> Result<Option<Release>, JournalError> {
    let Some(number) = journal.latest(slot).await? else {
        return Ok(None);
    };
    catch_up(
        journal,
        &ReleaseId {
            slot: slot.clone(),
            number,
        },
        None,
    )
    .await
}
