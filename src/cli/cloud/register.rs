//! Which clouds run on this machine: one small file for each, locked for as long as its cloud lives.
//!
//! The lock is the operating system's, so that a cloud that was killed leaves no trace that could be taken for life.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getuid, kill_process};
use serde::{Deserialize, Serialize};

/// How names of entries end.
const ENTRY: &str = "json";

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
        Self::at(place(std::env::var_os("XDG_RUNTIME_DIR"), std::env::temp_dir()))
    }

    fn at(folder: PathBuf) -> io::Result<Self> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(failed("make the folder", &folder))?;
        // In a folder that everybody can write to, somebody else may have been first.
        if !is_own_folder(fs::symlink_metadata(&folder)) {
            let told = format!(
                "{} is not a folder of this user; set XDG_RUNTIME_DIR or TMPDIR to one",
                folder.display()
            );
            return Err(io::Error::other(told));
        }
        Ok(Self { folder })
    }

    /// Enters a cloud.
    pub(super) fn enter(&self, running: &Running) -> io::Result<Entry> {
        let path = self.folder.join(format!("{}.{ENTRY}", running.pid));
        if File::open(&path).is_ok_and(|file| !is_free(&file)) {
            let told = format!("{} is the entry of a cloud that runs", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, told));
        }
        // Whoever looks sees it whole and locked, or not at all. What a dead process with this number has left is replaced.
        let new = path.with_extension("tmp");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            file.write_all(&serde_json::to_vec(running)?)?;
            fs::rename(&new, &path)?;
            Ok(file)
        };
        let locked = write().map_err(failed("write the entry", &new))?;
        Ok(Entry { path, _locked: locked })
    }

    /// The clouds that run. What dead ones have left is removed.
    pub(super) fn running(&self) -> io::Result<Vec<Running>> {
        let mut found = Vec::new();
        let failed = |error| failed("look into the folder", &self.folder)(error);
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != ENTRY) {
                continue;
            }
            // It may have ended in the meantime.
            let Ok(mut file) = File::open(&path) else { continue };
            if is_free(&file) {
                let _gone = fs::remove_file(&path);
                continue;
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(self::failed("read", &path))?;
            if let Ok(running) = serde_json::from_str(&text) {
                found.push(running);
            }
        }
        found.sort_by(|one: &Running, other: &Running| one.endpoint.cmp(&other.endpoint));
        Ok(found)
    }

    /// The cloud that uses a folder.
    pub(super) fn user_of(&self, data: &Path) -> io::Result<Option<Running>> {
        let data = real(data)?;
        let running = self.running()?;
        Ok(running.into_iter().find(|running| running.data.as_ref() == Some(&data)))
    }
}

fn is_free(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared).is_ok()
}

/// The one name of a folder, whichever way leads to it. One that does not exist yet has that by which it was called.
pub(super) fn real(folder: &Path) -> io::Result<PathBuf> {
    match folder.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::path::absolute(folder),
        known => known.map_err(failed("look for the folder", folder)),
    }
}

/// Where the register is. A variable that was taken over from another user (by `sudo`, say) is passed over.
fn place(runtime: Option<OsString>, temporary: PathBuf) -> PathBuf {
    match runtime
        .map(PathBuf::from)
        .filter(|folder| is_own_folder(fs::metadata(folder)))
    {
        Some(folder) => folder.join("cutover-clouds"),
        None => temporary.join(format!("cutover-clouds-{}", getuid().as_raw())),
    }
}

fn is_own_folder(found: io::Result<Metadata>) -> bool {
    found.is_ok_and(|found| found.is_dir() && found.uid() == getuid().as_raw())
}

fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let told = format!("cannot {what} {}", path.display());
    move |error| {
        let hint =
            "see to it that this user may write there, or set XDG_RUNTIME_DIR or TMPDIR to a folder of this user";
        io::Error::new(error.kind(), format!("{told}: {error}; {hint}"))
    }
}

impl Running {
    /// Asks it to end, unless it has ended by itself.
    pub(super) fn end(&self) -> io::Result<()> {
        match Pid::from_raw(self.pid).map(|pid| kill_process(pid, Signal::TERM)) {
            None | Some(Ok(()) | Err(Errno::SRCH)) => Ok(()),
            Some(Err(error)) => {
                let told = format!(
                    "cannot end the process {} of the cloud at {}: {error}",
                    self.pid, self.endpoint
                );
                Err(io::Error::other(told))
            }
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

    #[test]
    fn an_entry_that_is_being_written_is_left_alone_and_a_dead_ones_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let register = Register::at(home.path().to_path_buf()).unwrap();
        let running = |endpoint: &str| Running {
            pid: 4,
            endpoint: endpoint.to_owned(),
            data: None,
        };
        fs::write(home.path().join("4.tmp"), "{\"pid\":").unwrap();
        assert_eq!(register.running().unwrap(), []);
        assert!(home.path().join("4.tmp").exists());
        fs::write(
            home.path().join("4.json"),
            serde_json::to_vec(&running("before")).unwrap(),
        )
        .unwrap();
        let _entry = register.enter(&running("now")).unwrap();
        assert_eq!(register.running().unwrap(), [running("now")]);
        assert!(!home.path().join("4.tmp").exists());
    }

    #[test]
    fn a_folder_is_known_by_whichever_way_one_comes() {
        let home = tempfile::tempdir().unwrap();
        let register = Register::at(home.path().join("clouds")).unwrap();
        let folder = home.path().join("data");
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, home.path().join("link")).unwrap();
        let running = Running {
            pid: 5,
            endpoint: "x".to_owned(),
            data: Some(real(&home.path().join("link")).unwrap()),
        };
        let _entry = register.enter(&running).unwrap();
        for way in ["data", "link", "clouds/../data"] {
            assert_eq!(
                register.user_of(&home.path().join(way)).unwrap().as_ref(),
                Some(&running),
                "{way}"
            );
        }
        assert_eq!(register.user_of(&home.path().join("other")).unwrap(), None);
    }

    #[test]
    fn the_register_is_in_a_folder_of_this_user() {
        let home = tempfile::tempdir().unwrap();
        let (own, temporary) = (home.path().join("run"), home.path().join("tmp"));
        fs::create_dir(&own).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        let of = |runtime: Option<&Path>| place(runtime.map(|path| path.as_os_str().to_owned()), temporary.clone());
        assert_eq!(of(Some(&own)), own.join("cutover-clouds"));
        let instead = temporary.join(format!("cutover-clouds-{}", getuid().as_raw()));
        for wrong in [
            None,
            Some(Path::new("")),
            Some(&home.path().join("file")),
            Some(&home.path().join("none")),
        ] {
            assert_eq!(of(wrong), instead, "{wrong:?}");
        }
        let told = Register::at(home.path().join("file/clouds")).unwrap_err().to_string();
        assert!(
            told.contains("file/clouds") && told.contains("XDG_RUNTIME_DIR"),
            "{told}"
        );
    }

    #[test]
    fn who_has_ended_already_is_not_asked_to() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let running = Running {
            pid: i32::try_from(child.id()).unwrap(),
            endpoint: "x".to_owned(),
            data: None,
        };
        running.end().unwrap();
    }
}
