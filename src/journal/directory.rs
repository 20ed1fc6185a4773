//! A journal in a directory. Entries are written to a temporary file, synced, linked to their place without replacing
//! anything, and made durable by syncing the folder: after a power cut an acknowledged entry is there, and a torn one never is.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{Append, Journal, JournalError};
use crate::model::ReleaseNumber;
use crate::release::{Entry, FORMAT, ReleaseId, Slot};

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
            .join(file_name(slot.application.as_str()))
            .join(file_name(slot.name.as_str()))
    }

    fn release_folder(&self, release: &ReleaseId) -> PathBuf {
        self.slot_folder(&release.slot).join(release.number.to_string())
    }

    fn entry_path(&self, release: &ReleaseId, sequence: u64) -> PathBuf {
        self.release_folder(release).join(format!("{sequence:06}.json"))
    }
}

/// A name as a single path component: what could lead out of the folder, or mean something to a file system, is written as
/// its code.
fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        let plain = character.is_alphanumeric() || matches!(character, '-' | '_' | ' ') || (character == '.' && at > 0);
        if plain {
            name.push(character);
        } else {
            name.push_str(&format!("%{:02X}", u32::from(character)));
        }
    }
    name
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
        blocking(move || {
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
                if newest < Some(number) && item.path().join(format!("{:06}.json", 1)).exists() {
                    newest = Some(number);
                }
            }
            Ok(newest)
        })
        .await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let path = self.entry_path(release, sequence);
        blocking(move || read(&path)).await
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        let path = self.entry_path(&entry.release, entry.sequence);
        let entry = entry.clone();
        blocking(move || append(&path, &entry)).await
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        let folder = self.release_folder(release).join("evidence");
        let path = folder.join(file_name(name));
        let content = content.to_vec();
        blocking(move || {
            make_folder(&folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed("write to", &folder))?;
            file.write_all(&content).map_err(failed("write to", &path))?;
            file.as_file().sync_all().map_err(failed("sync", &path))?;
            file.persist(&path)
                .map_err(|error| failed("write to", &path)(error.error))?;
            Ok(path.display().to_string())
        })
        .await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        let folder = self.slot_folder(slot);
        blocking(move || {
            make_folder(&folder)?;
            tempfile::tempfile_in(&folder)
                .map(drop)
                .map_err(failed("write to", &folder))
        })
        .await
    }
}

/// Runs file work off the threads that carry the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(JournalError::File {
            doing: "work on",
            path: "(any)".to_owned(),
            source: io::Error::other(error),
        }),
    }
}

fn read(path: &Path) -> Result<Option<Entry>, JournalError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let wrong = |message: String| JournalError::Entry {
        path: path.display().to_string(),
        message,
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    // The format is looked at first: what a newer one holds may not be readable at all.
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if format.is_none_or(|format| format > u64::from(FORMAT)) {
        return Err(wrong(format!(
            "it has format {}, and this cutover knows formats up to {FORMAT}; use a newer cutover",
            format.map_or("none".to_owned(), |format| format.to_string())
        )));
    }
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| wrong(error.to_string()))
}

fn append(path: &Path, entry: &Entry) -> Result<Append, JournalError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut text = serde_json::to_vec(entry).map_err(|error| JournalError::Entry {
        path: path.display().to_string(),
        message: error.to_string(),
    })?;
    text.push(b'\n');
    let mut file = tempfile::Builder::new()
        .prefix(".entry-")
        .tempfile_in(folder)
        .map_err(failed("write to", folder))?;
    file.write_all(&text).map_err(failed("write to", path))?;
    file.as_file().sync_all().map_err(failed("sync", path))?;
    match fs::hard_link(file.path(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Our own write may have got through although its answer was lost.
            let there = read(path)?;
            return Ok(if there.is_some_and(|there| there.nonce == entry.nonce) {
                Append::Written
            } else {
                Append::Taken
            });
        }
        Err(error) => return Err(failed("append to", path)(error)),
    }
    sync_folder(folder)?;
    Ok(Append::Written)
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
