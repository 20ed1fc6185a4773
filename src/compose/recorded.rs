//! A release as it was recorded, with the windows that were judged.

use crate::journal::{Journal, JournalError, follow};
use crate::release::{Release, ReleaseId};
use crate::verdict::Window;

/// A release and its windows, in order; `None` if there is no such release.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn recorded(journal: &dyn Journal, id: &ReleaseId) -> Result<Option<(Release, Vec<Window>)>, JournalError> {
    let mut windows = Vec::new();
    let release = follow(journal, id, None, |entry| {
        windows.extend(entry.event.measured().map(|measured| measured.window.clone()));
    })
    .await?;
    Ok(release.map(|release| (release, windows)))
}
