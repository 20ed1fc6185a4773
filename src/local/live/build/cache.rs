//! A folder of what was built, by what it was built from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::local::objects::hexadecimal;

/// Marks a folder whose content is whole.
const WHOLE: &str = ".whole";

/// What all instances of a cloud share.
#[derive(Debug)]
pub(in crate::local::live) struct Cache {
    folder: PathBuf,
    /// One builds while others wait for it.
    places: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// A place for what is built from something. While it is held, nobody else builds there.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// Whether everything is there already.
    pub(super) is_whole: bool,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Cache {
    /// What earlier clouds have left half built is removed.
    pub(in crate::local::live) fn new(folder: PathBuf) -> Self {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !entry.path().join(WHOLE).exists() {
                // It costs some room if it stays.
                let _stays = std::fs::remove_dir_all(entry.path());
            }
        }
        Self {
            folder,
            places: Mutex::default(),
        }
    }

    /// The place for what these parts make. It is empty unless it is whole.
    pub(super) async fn place(&self, kind: &str, parts: &[&[u8]]) -> io::Result<Place> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let name = format!("{kind}-{}", hexadecimal(&hash.finalize()[..10]));
        let turn = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(name.clone()).or_default())
        };
        let turn = turn.lock_owned().await;
        let begun = attempts(&self.folder, &format!("{name}-"));
        if let Some((_, folder)) = begun.iter().find(|(_, folder)| folder.join(WHOLE).exists()) {
            return Ok(Place {
                folder: folder.clone(),
                is_whole: true,
                _turn: turn,
            });
        }
        // Whoever was interrupted may still be writing for a moment: nobody builds in a folder that was begun before.
        let next = begun.last().map_or(1, |(number, _)| number + 1);
        let folder = self.folder.join(format!("{name}-{next}"));
        tokio::fs::create_dir_all(&folder).await?;
        Ok(Place {
            folder,
            is_whole: false,
            _turn: turn,
        })
    }
}

/// The folders that somebody has begun to build in, by number.
fn attempts(folder: &Path, prefix: &str) -> Vec<(u64, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort();
    found
}

impl Place {
    /// Remembers that everything is there.
    pub(super) async fn finish(&self) -> io::Result<()> {
        tokio::fs::write(self.folder.join(WHOLE), []).await
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_parts_are_built_once_and_never_where_somebody_was_interrupted() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().to_path_buf());
        let place = cache.place("node", &[b"ab", b"c"]).await.unwrap();
        assert!(!place.is_whole);
        std::fs::write(place.path("half"), "x").unwrap();
        drop(place);
        let place = cache.place("node", &[b"ab", b"c"]).await.unwrap();
        assert!(!place.is_whole && !place.path("half").exists());
        place.finish().await.unwrap();
        drop(place);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
        let cache = Cache::new(home.path().to_path_buf());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
        assert!(cache.place("node", &[b"ab", b"c"]).await.unwrap().is_whole);
        assert!(
            !cache.place("node", &[b"a", b"bc"]).await.unwrap().is_whole,
            "parts are told apart"
        );
    }
}
