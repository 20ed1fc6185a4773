//! A journal in a directory. Entries are written to a temporary file, synced, linked to their place without replacing
//! anything, and made durable by syncing the folder: after a power cut an acknowledged entry is there, and a torn one never is.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::entry::{decode, encode};
use super::names::{self, component};
use super::{Append, Journal, JournalError};
use crate::model::ReleaseNumber;
use crate::release::{Entry, ReleaseId, Slot};

/// How names of temporary files begin. They lie in the slot's folder, so that one look finds those that were left.
const TEMPORARY: &str = ".entry-";

/// A temporary file of this age was left by a writer that died: writing one takes well below a second.
const LEFTOVER: Duration = Duration::from_secs(60 * 60);

/// How much is written to find out whether there is space, in bytes: more than a release's entries take.
const PROBE: usize = 256 * 1024;

/// A journal in a directory of this machine.
#[derive(Clone, Debug)]
pub struct DirectoryJournal {
    root: PathBuf,
}

impl DirectoryJournal {
    /// A journal below this folder, which is made when it is needed.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn slot_folder(&self, slot: &Slot) -> PathBuf {
        self.root
            .join(component(slot.application.as_str()))
            .join(component(slot.name.as_str()))
    }

    fn release_folder(&self, release: &ReleaseId) -> PathBuf {
        self.slot_folder(&release.slot).join(release.number.to_string())
    }

    fn entry_path(&self, release: &ReleaseId, sequence: u64) -> PathBuf {
        self.release_folder(release).join(names::entry(sequence))
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.display().to_string();
    move |source| JournalError::File { doing, path, source }
}

#[async_trait]
impl Journal for DirectoryJournal {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        let folder = self.slot_folder(slot);
        let place = folder.clone();
        blocking("list", &place, move || {
            let listing = match fs::read_dir(&folder) {
                Ok(listing) => listing,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("list", &folder)(error)),
            };
            let mut newest = None;
            for item in listing {
                let item = item.map_err(failed("list", &folder))?;
                let Some(number) = item
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok())
                    .map(ReleaseNumber)
                else {
                    continue;
                };
                // A folder without a first entry is a release that never began.
                if newest < Some(number) && is_there(&item.path().join(names::entry(1)))? {
                    newest = Some(number);
                }
            }
            Ok(newest)
        })
        .await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let path = self.entry_path(release, sequence);
        let place = path.clone();
        blocking("read", &place, move || read(&path)).await
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        let path = self.entry_path(&entry.release, entry.sequence);
        let slot = self.slot_folder(&entry.release.slot);
        let entry = entry.clone();
        let before = self.entry_path(&entry.release, entry.sequence.saturating_sub(1));
        let place = path.clone();
        blocking("append to", &place, move || {
            if entry.sequence == 1 {
                make_folder(path.parent().unwrap_or(Path::new(".")))?;
                clean(&slot);
            } else {
                still_there(&before)?;
            }
            append(&slot, &path, &entry)
        })
        .await
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        let slot = self.slot_folder(&release.slot);
        let folder = self.release_folder(release).join("evidence");
        let path = folder.join(component(name));
        let content = content.to_vec();
        let first = self.entry_path(release, 1);
        let place = path.clone();
        blocking("write to", &place, move || {
            still_there(&first)?;
            make_folder(&folder)?;
            synced(&slot, &path, &content)?
                .persist(&path)
                .map_err(|error| failed("write to", &path)(error.error))?;
            sync_folder(&folder)?;
            Ok(path.display().to_string())
        })
        .await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        let folder = self.slot_folder(slot);
        let place = folder.clone();
        blocking("write to", &place, move || check(&folder)).await
    }
}

/// Runs file work off the threads that carry the network.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    place: &Path,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(failed(doing, place)(io::Error::other(error))),
    }
}

/// Whether an entry is there. One that cannot be looked at is not taken for absent.
fn is_there(path: &Path) -> Result<bool, JournalError> {
    match path.try_exists() {
        // A file has the name of a release's folder.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        looked => looked.map_err(failed("look at", path)),
    }
}

fn read(path: &Path) -> Result<Option<Entry>, JournalError> {
    match fs::read(path) {
        Ok(text) => decode(&text, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

fn append(slot: &Path, path: &Path, entry: &Entry) -> Result<Append, JournalError> {
    let text = encode(entry, &path.display().to_string())?;
    let file = synced(slot, path, &text)?;
    match fs::hard_link(file.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Our own write may have got through although its answer was lost.
            let there = read(path)?;
            if there.is_none_or(|there| there.nonce != entry.nonce) {
                return Ok(Append::Taken);
            }
        }
        Err(error) => return Err(failed("append to", path)(error)),
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    Ok(Append::Written)
}

/// Makes sure that a journal is where it was: below a share that is not mounted any more, or a folder that was cleaned up, it would
/// be begun anew beside the one that others have, and two processes would drive one release, each by its own.
fn still_there(entry: &Path) -> Result<(), JournalError> {
    if is_there(entry)? {
        Ok(())
    } else {
        let place = entry.display().to_string();
        Err(JournalError::Gone { place })
    }
}

/// A temporary file with this content, on disk. As any other file, it is for whom the umask of this process lets it be: temporary
/// files are private otherwise, and a journal may be shared by several users.
fn synced(slot: &Path, path: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile, JournalError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(slot).map_err(failed("write to", slot))?;
    file.write_all(content).map_err(failed("write to", path))?;
    file.as_file().sync_all().map_err(failed("sync", path))?;
    Ok(file)
}

/// Removes temporary files that dead writers have left. Whose file it is nobody knows, so only old ones go. Age is measured by
/// the file system's own clock, against a file made just now. Nothing depends on it, so what fails is left for the next time.
fn clean(slot: &Path) {
    let made = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified()).ok();
    let Ok(new) = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(slot) else {
        return;
    };
    let (Some(now), Ok(listing)) = (made(new.path()), fs::read_dir(slot)) else {
        return;
    };
    for item in listing.flatten() {
        let ours = item
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(TEMPORARY));
        let old = || made(&item.path()).is_some_and(|then| now.duration_since(then).is_ok_and(|age| age > LEFTOVER));
        if ours && old() {
            let _ = fs::remove_file(item.path());
        }
    }
}

/// Finds out whether a folder could be made and written to, without making it: looks at the first one above it that is there.
fn check(folder: &Path) -> Result<(), JournalError> {
    for there in folder.ancestors() {
        let there = if there.as_os_str().is_empty() {
            Path::new(".")
        } else {
            there
        };
        match fs::metadata(there) {
            Ok(_) => {
                // The file has no name, so nothing is left of it. A full disk shows when something is in it.
                let mut file = tempfile::tempfile_in(there).map_err(failed("write to", there))?;
                let written = file.write_all(&[b' '; PROBE]).map_err(|error| match error.kind() {
                    io::ErrorKind::StorageFull => io::Error::new(
                        io::ErrorKind::StorageFull,
                        format!("{error}: a release wants {} KiB free", PROBE / 1024),
                    ),
                    _ => error,
                });
                written.map_err(failed("write to", there))?;
                return file.sync_all().map_err(failed("write to", there));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("write to", folder)(error)),
        }
    }
    Err(failed("write to", folder)(io::ErrorKind::NotFound.into()))
}

/// Makes a folder and all above it, each synced into the one above, so that a power cut cannot lose a folder whose files were
/// acknowledged.
fn make_folder(folder: &Path) -> Result<(), JournalError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above)?;
    }
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) => return Err(failed("make a folder for", folder)(error)),
    }
    match folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        Some(above) => sync_folder(above),
        None => sync_folder(Path::new(".")),
    }
}

fn sync_folder(folder: &Path) -> Result<(), JournalError> {
    fs::File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(failed("sync", folder))
}
