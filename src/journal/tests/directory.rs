//! What a directory does besides.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::release::tests::{first_entry, plan};

/// A journal in a temporary folder that does not hold it yet.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("deep/journal")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }
}

#[async_trait]
impl Place for Folder {
    fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(DirectoryJournal::new(self.root()))
    }

    async fn put(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        files(self.0.path(), &mut names);
        let root = self.root();
        let mut names: Vec<_> = names
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap_or(path).display().to_string())
            .collect();
        names.sort();
        names
    }

    async fn content(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

/// All files, and all folders that are empty.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() && fs::read_dir(&path).unwrap().next().is_some() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_says_so_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let journal = DirectoryJournal::new(file.join("journal"));
    let first = first_entry(plan());
    let error = journal.check_writable(&first.release.slot).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("file/journal") && said.contains("writable"), "{said}");
    assert!(error.may_pass(), "the file may be moved away");
    assert!(journal.append(&first).await.is_err());
    assert!(journal.keep(&first.release, "e-1.txt", b"text").await.is_err());
}

#[tokio::test]
async fn what_dead_writers_have_left_is_cleaned_up_when_the_next_release_begins() {
    let folder = Folder::new();
    let journal = folder.journal();
    assert_eq!(
        journal.append(&super::promises::beginning(1)).await.unwrap(),
        Append::Written
    );
    let left = |name: &str, age: Duration| {
        let path = folder.path("shop/production").join(name);
        fs::write(&path, "{\"format\":1,").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - age).unwrap();
        path
    };
    let old = left(".entry-old", Duration::from_secs(2 * 60 * 60));
    let young = left(".entry-young", Duration::from_secs(60));
    let foreign = left("notes.txt", Duration::from_secs(2 * 60 * 60));
    assert_eq!(
        journal.append(&super::promises::beginning(2)).await.unwrap(),
        Append::Written
    );
    assert!(!old.exists(), "nobody writes for an hour");
    assert!(young.exists(), "somebody may be writing it");
    assert!(foreign.exists(), "it is not ours");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_closed_folder_shows_before_anything_begins() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let root = fs::File::create(closed.join("probe")).is_ok();
    if root {
        // Permissions mean nothing to this user. Nobody makes files here.
        closed = PathBuf::from("/proc");
    }
    let journal = DirectoryJournal::new(closed.join("journal"));
    let first = first_entry(plan());
    let said = journal
        .check_writable(&first.release.slot)
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains(&*closed.to_string_lossy()), "{said}");
    let error = journal.append(&first).await.unwrap_err();
    assert_eq!(error.is_refused(), !root, "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_written_can_be_read_by_whoever_may_read_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let journal = folder.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    journal.keep(&first.release, "e-1.txt", b"text").await.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode();
    // What this user's other files are, by its umask.
    let usual = folder.path("usual");
    fs::write(&usual, "").unwrap();
    for name in ["000001.json", "evidence/e-1.txt"] {
        let path = folder.path("shop/production/7").join(name);
        assert_eq!(mode(path), mode(usual.clone()), "{name}");
    }
}
