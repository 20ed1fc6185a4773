//! The folder of a cloud's files: what a cloud makes there, and the mark by which its folder is known.
//!
//! A cloud empties folders here when it starts, and `cutover cloud reset` removes them. Folders of other people may have the same
//! names, so that a cloud works only in a folder that was empty when the first one came, and that has been marked since.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::memory;

/// Bodies of objects.
pub(super) const OBJECTS: &str = "objects";
/// Environments and their instances.
pub(super) const LIVE: &str = "live";
/// What was built from lists of packages. It stays when a cloud ends: the same lists give the same packages.
pub(super) const PACKAGES: &str = "packages";
/// Functions and their processes.
pub(super) const FUNCTIONS: &str = "functions";
/// All that a cloud makes in its folder.
const PARTS: [&str; 4] = [OBJECTS, LIVE, PACKAGES, FUNCTIONS];
/// And its files beside them.
const FILES: [&str; 3] = [memory::LOG, memory::NEW, memory::TORN];
/// The file that marks the folder.
const MARK: &str = ".cutover-cloud";
const MARK_SAYS: &str = "This folder belongs to a local cloud (`cutover cloud --data`), which keeps here what it remembers, secrets among it.\n\
                         `cutover cloud reset --data` removes what the cloud has made here, and this file.\n";

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Somebody else's files are there.
    #[error(
        "the folder {} is not empty, and no cloud has used it before (there is no file {MARK}): a cloud would remove what lies \
         there under the names that it uses itself; choose an empty folder, or one that does not exist yet",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// There is nothing to remove, or it is somebody else's.
    #[error(
        "{} is not the folder of a cloud (there is no file {MARK}), and nothing was removed; name the folder that \
         `cutover cloud --data` was given",
        folder.display()
    )]
    Unmarked {
        /// The folder.
        folder: PathBuf,
    },
    /// Another cloud is at work there.
    #[error("another cloud uses the folder {}; choose another folder, or end that cloud: `cutover cloud stop`", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The operating system refused it.
    #[error("cannot {what} {}: {source}; see to it that this user may write there, or choose another folder", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Makes a folder a cloud's own, unless it is one already.
pub(super) fn claim(folder: &Path) -> Result<(), FolderError> {
    let mut private = fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(folder);
    made.map_err(failed("make the folder", folder))?;
    if is_marked(folder) {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder).map_err(failed("look into the folder", folder))?;
    if entries.next().is_some() {
        return Err(FolderError::Foreign {
            folder: folder.to_owned(),
        });
    }
    let mark = folder.join(MARK);
    fs::write(&mark, MARK_SAYS).map_err(failed("write the file", &mark))
}

/// Keeps other clouds out of a cloud's folder for as long as what is returned lives. The lock is the operating system's, so that a
/// cloud that was killed holds nothing.
pub(super) fn hold(folder: &Path) -> Result<File, FolderError> {
    let mark = folder.join(MARK);
    let file = File::open(&mark).map_err(failed("read the file", &mark))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(FolderError::InUse {
            folder: folder.to_owned(),
        }),
        Err(error) => Err(failed("lock the file", &mark)(error.into())),
    }
}

/// Whether a folder is a cloud's.
///
/// # Errors
///
/// [`FolderError::Unmarked`] when it is not.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    if is_marked(folder) {
        return Ok(());
    }
    Err(FolderError::Unmarked {
        folder: folder.to_owned(),
    })
}

/// Removes what clouds have left in their folder, the mark last. Nothing else there is touched.
///
/// # Errors
///
/// When it is not the folder of a cloud, or something cannot be removed.
pub fn clear(folder: &Path) -> Result<(), FolderError> {
    check(folder)?;
    for part in PARTS {
        let part = folder.join(part);
        match fs::remove_dir_all(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove the folder", &part)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    for file in FILES.map(|file| folder.join(file)) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove the file", &file)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    let mark = folder.join(MARK);
    fs::remove_file(&mark).map_err(failed("remove the file", &mark))
}

fn is_marked(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(MARK)).is_ok_and(|mark| mark.is_file())
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_folders_are_neither_used_nor_removed() {
        for name in PARTS.into_iter().chain(["notes.txt"]) {
            let home = tempfile::tempdir().unwrap();
            let theirs = home.path().join(name).join("src");
            fs::create_dir_all(&theirs).unwrap();
            let told = claim(home.path()).unwrap_err().to_string();
            assert!(told.contains(MARK) && told.contains("choose an empty folder"), "{told}");
            assert!(matches!(clear(home.path()), Err(FolderError::Unmarked { .. })));
            assert!(theirs.is_dir() && !home.path().join(MARK).exists(), "{name}");
        }
        assert!(clear(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn a_clouds_own_folder_is_used_again_and_cleared_but_for_what_is_not_the_clouds() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("new/cloud");
        claim(&folder).unwrap();
        for part in PARTS {
            fs::create_dir_all(folder.join(part).join("deep")).unwrap();
        }
        for file in FILES {
            fs::write(folder.join(file), "x").unwrap();
        }
        fs::write(folder.join("notes.txt"), "mine").unwrap();
        claim(&folder).unwrap();
        clear(&folder).unwrap();
        let left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["notes.txt"]);
        assert!(claim(&folder).is_err(), "what is left is not the cloud's");
    }

    #[test]
    fn a_folder_is_one_clouds_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        claim(home.path()).unwrap();
        let held = hold(home.path()).unwrap();
        let told = hold(home.path()).unwrap_err().to_string();
        assert!(
            told.contains("another cloud") && told.contains("cutover cloud stop"),
            "{told}"
        );
        drop(held);
        hold(home.path()).unwrap();
    }
}
