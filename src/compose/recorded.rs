//! A release as it was recorded, with the windows that were judged.

use crate::journal::{Journal, JournalError};
use crate::release::{Event, Release, ReleaseId, apply};
use crate::verdict::Window;

/// A release and its windows, in order; `None` if there is no such release.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn recorded(journal: &dyn Journal, id: &ReleaseId) -> Result<Option<(Release, Vec<Window>)>, JournalError> {
    let (mut release, mut windows) = (None, Vec::new());
    for sequence in 1.. {
        let Some(entry) = journal.entry(id, sequence).await? else {
            break;
        };
        release = Some(apply(release, &entry).map_err(|source| JournalError::Illegal {
            location: journal.location(),
            source,
        })?);
        let measured = match entry.event {
            Event::Measured { measured } => Some(measured),
            Event::Looked { measured, .. } => measured,
            _ => None,
        };
        windows.extend(measured.map(|measured| measured.window));
    }
    Ok(release.map(|release| (release, windows)))
}
