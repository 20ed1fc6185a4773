//! Which clouds run on this machine: one small file for each, locked for as long as its cloud lives.
//!
//! The lock is the operating system's, so that a cloud that was killed leaves no trace that could be taken for life.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, getuid, kill_process};
use serde::{Deserialize, Serialize};

/// A cloud that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// Its process.
    pub(super) pid: i32,
    /// Where AWS clients are to go.
    pub(super) endpoint: String,
    /// Its folder, if it was given one.
    pub(super) data: Option<PathBuf>,
}

/// The folder of one user's files.
#[derive(Clone, Debug)]
pub(super) struct Register {
    folder: PathBuf,
}

/// Keeps an entry for as long as it lives.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
    _locked: File,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // What stays is not locked, and is removed by whoever looks next.
        let _stays = fs::remove_file(&self.path);
    }
}

impl Register {
    /// The register of this user.
    pub(super) fn of_user() -> io::Result<Self> {
        let folder = match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder).join("cutover-clouds"),
            None => std::env::temp_dir().join(format!("cutover-clouds-{}", getuid().as_raw())),
        };
        Self::at(folder)
    }

    fn at(folder: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        // In a folder that everybody can write to, somebody else may have been first.
        if fs::symlink_metadata(&folder)?.uid() != getuid().as_raw() {
            let told = format!(
                "the folder {} is somebody else's; set XDG_RUNTIME_DIR",
                folder.display()
            );
            return Err(io::Error::other(told));
        }
        Ok(Self { folder })
    }

    /// Enters a cloud.
    pub(super) fn enter(&self, running: &Running) -> io::Result<Entry> {
        let path = self.folder.join(format!("{}.json", running.pid));
        let mut file = loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            // Somebody may have taken it for a dead one's before it was locked.
            if fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino())) {
                break file;
            }
        };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(running)?)?;
        Ok(Entry { path, _locked: file })
    }

    /// The clouds that run. What dead ones have left is removed.
    pub(super) fn running(&self) -> io::Result<Vec<Running>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // It may have ended in the meantime.
            let Ok(mut file) = File::open(&path) else { continue };
            if is_free(&file) {
                let _gone = fs::remove_file(&path);
                continue;
            }
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            if let Ok(running) = serde_json::from_str(&text) {
                found.push(running);
            }
        }
        found.sort_by(|one: &Running, other: &Running| one.endpoint.cmp(&other.endpoint));
        Ok(found)
    }

    /// The cloud that uses a folder.
    pub(super) fn user_of(&self, data: &Path) -> io::Result<Option<Running>> {
        let data = std::path::absolute(data)?;
        let running = self.running()?;
        Ok(running.into_iter().find(|running| running.data.as_ref() == Some(&data)))
    }
}

fn is_free(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared).is_ok()
}

impl Running {
    /// Asks it to end.
    pub(super) fn end(&self) -> io::Result<()> {
        match Pid::from_raw(self.pid) {
            Some(pid) => Ok(kill_process(pid, Signal::TERM)?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_is_listed_while_it_lives_and_forgotten_when_it_was_killed() {
        let home = tempfile::tempdir().unwrap();
        let register = Register::at(home.path().join("clouds")).unwrap();
        let running = |pid: i32| Running {
            pid,
            endpoint: format!("http://127.0.0.1:{pid}"),
            data: Some(PathBuf::from("/data").join(pid.to_string())),
        };
        let one = register.enter(&running(1)).unwrap();
        let _two = register.enter(&running(2)).unwrap();
        assert!(register.enter(&running(1)).is_err(), "an entry is one cloud's");
        assert_eq!(register.running().unwrap(), [running(1), running(2)]);
        assert_eq!(register.user_of(Path::new("/data/2")).unwrap(), Some(running(2)));
        drop(one);
        assert_eq!(register.running().unwrap(), [running(2)]);
        // What a killed cloud leaves: a file that nobody has locked.
        fs::write(
            home.path().join("clouds/3.json"),
            serde_json::to_vec(&running(3)).unwrap(),
        )
        .unwrap();
        assert_eq!(register.running().unwrap(), [running(2)]);
        assert!(!home.path().join("clouds/3.json").exists());
    }
}
