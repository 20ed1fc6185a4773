//! What a cloud remembers in the folder that it was given, so that it goes on after an end of any kind.
//!
//! Nothing is written by the services themselves. Each part of a cloud can say what has changed of it ([`Part`]), and the door asks
//! before it sends an answer ([`Memory::settle`]): whatever an answer tells of, done by its request or by another one, is on the
//! disk by then. Requests that come at the same time share one write.
//!
//! - `log`: the file, and what of it a power cut may take
//! - `notes`: what parts write down and find again
//! - `compared`: parts that are looked through as a whole; `local/subjects.rs` says which those are
//!
//! A cloud without a folder of its own has no memory, and pays nothing for it.

mod compared;
mod log;
mod notes;

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use compared::{Compared, Look, Subject};
pub(super) use log::Changes;
pub(super) use log::LogError;
pub(super) use notes::NotesError;
pub(super) use notes::{Kept, Notes, Plain, encoded};

use log::Log;

/// The file in a cloud's folder.
pub(super) const LOG: &str = "memory.log";
/// A copy of a log whose end was left out.
pub(super) const TORN: &str = "memory.torn";
/// The log while it is written anew.
pub(super) const NEW: &str = "memory.new";

/// What a cloud remembers cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    /// The file.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is in it.
    #[error(
        "cannot use what {} says of {source}; use the version of cutover that wrote it, or give up what the cloud remembers: \
         `cutover cloud reset --data DIR`",
        path.display()
    )]
    Notes {
        /// The log.
        path: PathBuf,
        /// What is wrong.
        source: NotesError,
    },
    /// It is that of another account or region.
    #[error(
        "{} is the memory of a cloud in {kept}, and this one would be in {asked}; start it with the region of the other one \
         (`--region`), or choose another folder",
        path.display()
    )]
    Elsewhere {
        /// The log.
        path: PathBuf,
        /// The region and the account that it knows.
        kept: String,
        /// Those that were asked for.
        asked: String,
    },
    /// The program ends.
    #[error("the cloud ended before it had written what it is to remember")]
    Ended,
}

/// A part of a cloud that is remembered.
pub(super) trait Part: Send + Sync {
    /// Whether something may have changed since [`Part::news`]. Asked before each answer, so it must cost nothing.
    fn has_news(&self) -> bool;

    /// What has changed since the last call; with `whole`, all that there is.
    fn news(&self, whole: bool) -> Result<News, NotesError>;
}

/// What has changed of a part.
#[derive(Default)]
pub(super) struct News {
    /// New values by key; `None` for what is gone.
    pub(super) changes: Changes,
    /// Files that the values speak of, which must be on the disk before them.
    pub(super) files: Vec<PathBuf>,
    /// What must not go before the changes are on the disk: files of objects that were replaced.
    pub(super) until_saved: Vec<Box<dyn Any + Send>>,
}

/// The memory of a cloud. Shared as an `Arc`.
pub(super) struct Memory {
    parts: Vec<Arc<dyn Part>>,
    saver: Arc<tokio::sync::Mutex<Saver>>,
}

/// Who writes, one at a time.
struct Saver {
    path: PathBuf,
    /// `None` before the first write, and after one that failed: then the whole log is written.
    log: Option<Log>,
    files: Vec<PathBuf>,
    until_saved: Vec<Box<dyn Any + Send>>,
}

/// The error of a part that cannot use what was kept.
pub(super) fn unusable(data: &Path, source: NotesError) -> MemoryError {
    MemoryError::Notes {
        path: data.join(LOG),
        source,
    }
}

/// The error of a cloud that would be in another place than the last one: region and account of each.
pub(super) fn elsewhere(data: &Path, kept: (&str, &str), asked: (&str, &str)) -> MemoryError {
    MemoryError::Elsewhere {
        path: data.join(LOG),
        kept: format!("{} (account {})", kept.0, kept.1),
        asked: format!("{} (account {})", asked.0, asked.1),
    }
}

/// Reads what the last cloud in a folder remembered; nothing when there was none.
pub(super) fn recall(data: &Path) -> Result<Kept, MemoryError> {
    let path = data.join(LOG);
    let Some(contents) = log::read(&path)? else {
        return Ok(Kept::default());
    };
    if contents.torn > 0 {
        let copy = data.join(TORN);
        std::fs::copy(&path, &copy).map_err(log::failed("copy the log with a torn end to", &copy))?;
        tracing::warn!(
            log = %path.display(),
            bytes = contents.torn,
            copy = %copy.display(),
            "the end of the log is no whole record and is left out: the cloud was stopped while it wrote it, and answered nobody"
        );
    }
    Ok(Kept(contents.entries))
}

impl Memory {
    /// For the parts of a cloud that have recalled what was kept. Nothing is written yet.
    pub(super) fn new(data: &Path, parts: Vec<Arc<dyn Part>>) -> Self {
        Self {
            parts,
            saver: Arc::new(tokio::sync::Mutex::new(Saver {
                path: data.join(LOG),
                log: None,
                files: Vec::new(),
                until_saved: Vec::new(),
            })),
        }
    }

    /// Returns when all that has changed until now is on the disk.
    pub(super) async fn settle(&self) -> Result<(), MemoryError> {
        if !self.has_news()
            && let Ok(saver) = self.saver.try_lock()
            && saver.log.is_some()
        {
            return Ok(());
        }
        // Who waited here may find it done by the one before.
        let mut saver = Arc::clone(&self.saver).lock_owned().await;
        if !self.has_news() && saver.log.is_some() {
            return Ok(());
        }
        let parts = self.parts.clone();
        // In a thread of its own it comes to its end although whoever asked goes away.
        let saving = tokio::task::spawn_blocking(move || saver.save(&parts));
        saving.await.unwrap_or(Err(MemoryError::Ended))
    }

    fn has_news(&self) -> bool {
        self.parts.iter().any(|part| part.has_news())
    }
}

impl Saver {
    fn save(&mut self, parts: &[Arc<dyn Part>]) -> Result<(), MemoryError> {
        let log = self.log.take().filter(|log| !log.is_long());
        let mut changes = Changes::new();
        for part in parts {
            let of_part = part.news(log.is_none()).map_err(|source| MemoryError::Notes {
                path: self.path.clone(),
                source,
            })?;
            changes.extend(of_part.changes);
            // These stay here when the write fails, until one succeeds.
            self.files.extend(of_part.files);
            self.until_saved.extend(of_part.until_saved);
        }
        sync(&self.files)?;
        self.log = Some(match log {
            None => Log::write(&self.path, &changes)?,
            Some(mut log) => {
                if !changes.is_empty() {
                    log.add(&changes)?;
                }
                log
            }
        });
        self.files.clear();
        self.until_saved.clear();
        Ok(())
    }
}

impl Drop for Saver {
    /// What is not saved yet is not over: what it replaces must stay.
    fn drop(&mut self) {
        std::mem::forget(std::mem::take(&mut self.until_saved));
    }
}

/// Sees to it that files are on the disk, with their names.
fn sync(files: &[PathBuf]) -> Result<(), LogError> {
    let mut folders = std::collections::BTreeSet::new();
    for file in files {
        log::sync_file(file)?;
        folders.extend(file.parent());
    }
    folders.into_iter().try_for_each(log::sync_folder)
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
