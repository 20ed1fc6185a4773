//! Unpacking a bundle into an instance's folder.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;

/// A bundle has at most 500 MB packed; one that unpacks to more than this is a trap.
const MOST_BYTES: u64 = 8 * 1024 * 1024 * 1024;
const MOST_LINK_BYTES: u64 = 4096;

/// Why a bundle cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("the bundle {0} is not there or cannot be read: {1}; upload the version again")]
    Bundle(PathBuf, #[source] io::Error),
    #[error("the bundle is not a ZIP file: {0}")]
    NotZip(#[source] zip::result::ZipError),
    #[error("entry {0:?} of the bundle cannot be read: {1}")]
    Entry(String, #[source] zip::result::ZipError),
    #[error("entry {0:?} of the bundle leads outside of it; remove it and build the bundle again")]
    Escapes(String),
    #[error("the bundle unpacks to more than 8 GiB")]
    TooBig,
    #[error("nobody waits for the bundle any more")]
    GivenUp,
    #[error("entry {0:?} of the bundle cannot be written: {1}")]
    Write(String, #[source] io::Error),
}

/// Unpacks a bundle into a folder that is empty. Keeps unix permissions; refuses what would leave the folder.
pub(super) fn unpack(bundle: &Path, folder: &Path) -> Result<(), UnpackError> {
    unpack_unless(bundle, folder, &|| false)
}

/// The same, until nobody waits for it any more: then it ends within one piece of a file.
pub(super) fn unpack_unless(bundle: &Path, folder: &Path, given_up: &dyn Fn() -> bool) -> Result<(), UnpackError> {
    let file = File::open(bundle).map_err(|error| UnpackError::Bundle(bundle.to_owned(), error))?;
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(UnpackError::NotZip)?;
    let mut links = Vec::new();
    let mut room = MOST_BYTES;
    for index in 0..archive.len() {
        if given_up() {
            return Err(UnpackError::GivenUp);
        }
        let mut entry = archive
            .by_index(index)
            .map_err(|error| UnpackError::Entry(format!("number {index}"), error))?;
        let name = entry
            .name()
            .map_err(|error| UnpackError::Entry(format!("number {index}"), error))?
            .into_owned();
        let write = |error| UnpackError::Write(name.clone(), error);
        let path = inner_path(&name).ok_or_else(|| UnpackError::Escapes(name.clone()))?;
        let target = folder.join(&path);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(write)?;
        } else if entry.is_symlink() {
            let mut text = String::new();
            (&mut entry)
                .take(MOST_LINK_BYTES)
                .read_to_string(&mut text)
                .map_err(write)?;
            links.push((name, path, PathBuf::from(text)));
        } else {
            fs::create_dir_all(target.parent().unwrap_or(folder)).map_err(write)?;
            // Whatever the archive says: the owner can read and replace the file, nobody gets set-user-id bits from it.
            let mode = entry.unix_mode().unwrap_or(0o644) & 0o777 | 0o600;
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&target)
                .map_err(write)?;
            let content = WhileWanted {
                content: &mut entry,
                given_up,
            };
            let written = io::copy(&mut content.take(room + 1), &mut file).map_err(|error| {
                if given_up() {
                    return UnpackError::GivenUp;
                }
                write(error)
            })?;
            room = room.checked_sub(written).ok_or(UnpackError::TooBig)?;
            file.set_permissions(Permissions::from_mode(mode)).map_err(write)?;
        }
    }
    links
        .into_iter()
        .try_for_each(|(name, path, to)| link(folder, &name, &path, &to))
}

/// A content that cannot be read on when nobody waits for it any more.
struct WhileWanted<'a, R> {
    content: R,
    given_up: &'a dyn Fn() -> bool,
}

impl<R: Read> Read for WhileWanted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.given_up)() {
            return Err(io::Error::other(UnpackError::GivenUp));
        }
        self.content.read(buffer)
    }
}

/// The path as it stands, if it only leads down. Nothing is repaired: who writes `..` or an absolute path means another place.
fn inner_path(name: &str) -> Option<PathBuf> {
    let only_down = !name.contains('\0')
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    only_down.then(|| {
        Path::new(name)
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect()
    })
}

/// Links are made when all files are there, so that no file is ever written through one.
fn link(folder: &Path, name: &str, path: &Path, to: &Path) -> Result<(), UnpackError> {
    let escapes = || UnpackError::Escapes(name.to_owned());
    let write = |error| UnpackError::Write(name.to_owned(), error);
    let mut depth = path.components().count() - 1;
    for part in to.components() {
        depth = match part {
            Component::Normal(_) => depth + 1,
            Component::ParentDir => depth.checked_sub(1).ok_or_else(escapes)?,
            Component::CurDir => depth,
            Component::RootDir | Component::Prefix(_) => return Err(escapes()),
        };
    }
    let target = folder.join(path);
    let parent = target.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(write)?;
    let root = folder.canonicalize().map_err(write)?;
    // A parent may be a link by now, and a chain of links can lead out although each looks harmless.
    if !parent.canonicalize().map_err(write)?.starts_with(&root) {
        return Err(escapes());
    }
    symlink(to, &target).map_err(write)?;
    match target.canonicalize() {
        Ok(end) if !end.starts_with(&root) => {
            fs::remove_file(&target).map_err(write)?;
            Err(escapes())
        }
        // A link to nothing is the bundle's own affair.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn bundle(folder: &Path, write: impl FnOnce(&mut ZipWriter<File>)) -> PathBuf {
        let path = folder.join("bundle.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        write(&mut zip);
        zip.finish().unwrap();
        path
    }

    fn file(zip: &mut ZipWriter<File>, name: &str, mode: u32, text: &str) {
        zip.start_file(name, SimpleFileOptions::default().unix_permissions(mode))
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }

    fn unpacked(write: impl FnOnce(&mut ZipWriter<File>)) -> (tempfile::TempDir, Result<(), UnpackError>) {
        let folder = tempfile::tempdir().unwrap();
        let bundle = bundle(folder.path(), write);
        let target = folder.path().join("inside");
        fs::create_dir(&target).unwrap();
        let result = unpack(&bundle, &target);
        (folder, result)
    }

    #[test]
    fn files_come_with_their_permissions_and_links() {
        let (folder, result) = unpacked(|zip| {
            file(zip, "bin/run", 0o755, "#!/bin/sh\n");
            file(zip, "read-only", 0o444, "text");
            zip.add_directory("empty", SimpleFileOptions::default()).unwrap();
            zip.add_symlink("current", "bin/run", SimpleFileOptions::default())
                .unwrap();
            zip.add_symlink("bin/up", "../read-only", SimpleFileOptions::default())
                .unwrap();
            zip.add_symlink("dangling", "nowhere", SimpleFileOptions::default())
                .unwrap();
        });
        result.unwrap();
        let at = |name: &str| folder.path().join("inside").join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("bin/run"), 0o755);
        assert_eq!(mode("read-only"), 0o644);
        assert!(at("empty").is_dir());
        assert_eq!(fs::read_to_string(at("current")).unwrap(), "#!/bin/sh\n");
        assert_eq!(fs::read_to_string(at("bin/up")).unwrap(), "text");
    }

    #[test]
    fn what_leads_outside_is_refused() {
        for name in ["../outside", "a/../../outside"] {
            let (folder, result) = unpacked(|zip| file(zip, name, 0o644, "x"));
            assert!(matches!(result, Err(UnpackError::Escapes(_))), "{name} was accepted");
            assert!(!folder.path().join("outside").exists());
        }
        for name in ["/tmp/outside", "../outside", "a/../b", "a\0b"] {
            assert_eq!(inner_path(name), None, "{name:?} was accepted");
        }
        assert_eq!(inner_path("./a//b/"), Some("a/b".into()));
        for to in ["../outside", "/etc/passwd", "a/../../b"] {
            let (_folder, result) = unpacked(|zip| zip.add_symlink("link", to, SimpleFileOptions::default()).unwrap());
            assert!(matches!(result, Err(UnpackError::Escapes(_))), "{to} was accepted");
        }
    }

    #[test]
    fn a_chain_of_links_does_not_lead_outside() {
        let (_folder, result) = unpacked(|zip| {
            file(zip, "a/b/c/file", 0o644, "x");
            zip.add_symlink("top", "a/b/c/..", SimpleFileOptions::default())
                .unwrap();
            zip.add_symlink("a/b/root", "../..", SimpleFileOptions::default())
                .unwrap();
            zip.add_symlink("out", "a/b/root/..", SimpleFileOptions::default())
                .unwrap();
        });
        assert!(
            matches!(result, Err(UnpackError::Escapes(ref name)) if name == "out"),
            "{result:?}"
        );
    }

    #[test]
    fn who_is_given_up_writes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = bundle(folder.path(), |zip| {
            file(zip, "a", 0o644, "x");
            file(zip, "long", 0o644, &"x".repeat(1 << 20));
            file(zip, "never", 0o644, "x");
        });
        for (looks, left) in [(0, &[][..]), (1, &["a"]), (6, &["a", "long"])] {
            let target = folder.path().join(format!("after-{looks}"));
            fs::create_dir(&target).unwrap();
            let asked = std::cell::Cell::new(0);
            let result = unpack_unless(&bundle, &target, &|| asked.replace(asked.get() + 1) >= looks);
            assert!(matches!(result, Err(UnpackError::GivenUp)), "{result:?}");
            let mut found: Vec<_> = fs::read_dir(&target)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            found.sort();
            assert_eq!(found, left, "after {looks} looks");
        }
        let long = fs::metadata(folder.path().join("after-6/long")).unwrap().len();
        assert!(long < 1 << 20, "{long} bytes were written");
    }

    #[test]
    fn no_bundle_and_no_zip_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.zip");
        let error = unpack(&path, folder.path()).unwrap_err();
        assert!(matches!(error, UnpackError::Bundle(..)), "{error}");
        fs::write(&path, "not a zip").unwrap();
        let error = unpack(&path, folder.path()).unwrap_err();
        assert!(matches!(error, UnpackError::NotZip(_)), "{error}");
    }
}
