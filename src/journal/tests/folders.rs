//! A journal in a directory: what the file system does to it, and where it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use crate::journal::{Append, DirectoryJournal, Journal, JournalError, newest};
use crate::model::ReleaseNumber;
use crate::release::tests::{first_entry, plan};
use crate::release::{Entry, Event, ReleaseId, Slot};

/// A journal that is not there yet, in a folder of its own.
fn journal() -> (tempfile::TempDir, PathBuf, DirectoryJournal) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/journal");
    let journal = DirectoryJournal::new(&root);
    (folder, root, journal)
}

fn entry_of(number: u32) -> Entry {
    let mut plan = plan();
    plan.id.number = ReleaseNumber(number);
    first_entry(plan)
}

#[tokio::test]
async fn the_newest_release_is_the_highest_number_that_has_begun() {
    let (_folder, root, journal) = journal();
    let slot = entry_of(1).release.slot;
    for number in [9, 10, 3] {
        assert_eq!(journal.append(&entry_of(number)).await.unwrap(), Append::Written);
    }
    // In whatever order they are listed: folders of releases that never began, and what is no release.
    for name in ["11", "12", "13", "20", "100", "evidence", "10.old", "-1"] {
        fs::create_dir(root.join("shop/production").join(name)).unwrap();
    }
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(10)));
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_absent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let journal = DirectoryJournal::new(&file);
    let first = first_entry(plan());
    let error = journal.latest(&first.release.slot).await.unwrap_err().to_string();
    assert!(error.contains("list"), "{error}");
    let error = journal.entry(&first.release, 1).await.unwrap_err().to_string();
    assert!(error.contains("read"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_first_entry_that_cannot_be_looked_at_is_not_taken_for_absent() {
    let (_folder, root, journal) = journal();
    let slot = entry_of(1).release.slot;
    assert_eq!(journal.append(&entry_of(1)).await.unwrap(), Append::Written);
    // A link that leads to itself: nobody can say what is behind it.
    let second = root.join("shop/production/2");
    fs::create_dir(&second).unwrap();
    std::os::unix::fs::symlink("000001.json", second.join("000001.json")).unwrap();
    let error = journal.latest(&slot).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("look at") && said.contains("shop/production/2/000001.json"),
        "{said}"
    );
}

#[tokio::test]
async fn a_file_in_the_way_of_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    // At the place itself, and above it.
    for root in [file.clone(), file.join("deep")] {
        let journal = DirectoryJournal::new(&root);
        let error = journal.append(&first_entry(plan())).await.unwrap_err().to_string();
        let wanted = format!("make a folder for the journal at {}:", file.display());
        assert!(error.contains(&wanted), "{error}");
    }
}

#[tokio::test]
async fn a_story_that_cannot_be_is_refused_with_the_place_of_the_journal() {
    let (_folder, root, journal) = journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let wrong = Entry {
        sequence: 2,
        nonce: "wrong".to_owned(),
        event: Event::SmokePassed,
        ..first.clone()
    };
    assert_eq!(journal.append(&wrong).await.unwrap(), Append::Written);
    let error = newest(&journal, &first.release.slot).await.unwrap_err().to_string();
    assert_eq!(journal.location(), root.display().to_string());
    assert!(error.contains(&journal.location()), "{error}");
}

#[tokio::test]
async fn a_journal_that_is_gone_is_not_made_anew_below_a_release_that_is_under_way() {
    let (_folder, root, journal) = journal();
    let first = entry_of(1);
    let next = |sequence: u64| Entry {
        sequence,
        nonce: format!("entry {sequence}"),
        event: Event::Renewed,
        ..first.clone()
    };
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    assert_eq!(journal.append(&next(2)).await.unwrap(), Append::Written);
    // A share is not mounted any more, or somebody has cleaned up.
    fs::remove_dir_all(&root).unwrap();
    for _ in 0..2 {
        let error = journal.append(&next(3)).await.unwrap_err();
        assert!(error.may_pass(), "a lost mount may come back");
        let said = error.to_string();
        assert!(
            said.contains("production/1/000002.json") && said.contains("is not there any more"),
            "{said}"
        );
        let kept = journal.keep(&first.release, "e-1.txt", b"text").await;
        assert!(kept.is_err(), "{kept:?}");
        assert!(!root.exists(), "nothing was made");
    }
    // Another release has begun in its place.
    assert_eq!(journal.append(&entry_of(1)).await.unwrap(), Append::Written);
    assert!(journal.append(&next(3)).await.is_err());
}

#[tokio::test]
async fn two_dots_are_a_name_like_any_other() {
    let (folder, root, journal) = journal();
    let mut plan = plan();
    plan.id.slot.application = "..".into();
    plan.id.slot.name = "..".into();
    let entry = first_entry(plan);
    assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
    for above in [folder.path(), &folder.path().join("deep"), &root] {
        assert_eq!(fs::read_dir(above).unwrap().count(), 1, "{}", above.display());
    }
    assert_eq!(journal.entry(&entry.release, 1).await.unwrap(), Some(entry));
}

#[test]
fn many_who_make_the_same_folders_do_not_disturb_each_other() {
    const WRITERS: usize = 4;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for round in 0..50 {
        let (_folder, _, journal) = journal();
        let barrier = Arc::new(Barrier::new(WRITERS));
        let slot = first_entry(plan()).release.slot;
        let threads: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (journal, barrier, slot) = (journal.clone(), Arc::clone(&barrier), slot.clone());
                let handle = runtime.handle().clone();
                std::thread::spawn(move || {
                    barrier.wait();
                    handle.block_on(journal.check_writable(&slot))
                })
            })
            .collect();
        for thread in threads {
            let result = thread.join().unwrap();
            assert!(result.is_ok(), "round {round}: {}", result.unwrap_err());
        }
    }
}

#[tokio::test]
async fn a_journal_can_lie_where_one_stands() {
    // A free name in the current folder, by which the journal is told as a path of one part.
    let folder = tempfile::tempdir_in(".").unwrap();
    fs::remove_dir(folder.path()).unwrap();
    let name = folder.path().file_name().unwrap();
    let journal = DirectoryJournal::new(Path::new(name));
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    assert!(folder.path().join("shop/production/7/000001.json").is_file());
}

/// Appends entries to a release until it has so many.
async fn filled(journal: &DirectoryJournal, most: u64) -> ReleaseId {
    let first = entry_of(7);
    for sequence in 1..=most {
        let entry = Entry {
            sequence,
            nonce: sequence.to_string(),
            event: if sequence == 1 {
                first.event.clone()
            } else {
                Event::Renewed
            },
            ..first.clone()
        };
        assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
    }
    first.release
}

#[tokio::test]
async fn a_missing_entry_is_not_taken_for_the_end() {
    // Of an early batch, of its last place, in the middle of a late one, and the last but one.
    for missing in [2, 3, 7, 20, 31, 39] {
        let (_folder, root, journal) = journal();
        let id = filled(&journal, 40).await;
        let whole = newest(&journal, &id.slot).await.unwrap().expect("it has begun");
        assert_eq!(whole.sequence, 40);
        let file = root.join(format!("shop/production/7/{missing:06}.json"));
        fs::remove_file(&file).unwrap();
        let error = newest(&journal, &id.slot).await.unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(&format!("entry {missing} of release shop/production/7")),
            "{said}"
        );
        assert!(
            said.contains(&format!("entry {} is there", missing + 1)) && !error.may_pass(),
            "{said}"
        );
        assert!(!file.exists(), "nothing has its place");
    }
    let (_folder, root, journal) = journal();
    let id = filled(&journal, 40).await;
    fs::remove_file(root.join("shop/production/7/000040.json")).unwrap();
    let cut = newest(&journal, &id.slot).await.unwrap().expect("it has begun");
    assert_eq!(cut.sequence, 39, "an end that is lost cannot be seen");
}

/// A journal to which another process appends while it is read.
struct Growing {
    journal: DirectoryJournal,
    /// How many entries are there when the first one is asked for.
    entries: u64,
    asked: AtomicU64,
}

#[async_trait::async_trait]
impl Journal for Growing {
    fn location(&self) -> String {
        self.journal.location()
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        self.journal.latest(slot).await
    }

    /// The next entry is written right before the one behind it is asked for.
    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if sequence > self.entries + asked / 2 {
            return Ok(None);
        }
        self.journal.entry(release, sequence).await
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        self.journal.append(entry).await
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        self.journal.keep(release, name, content).await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        self.journal.check_writable(slot).await
    }
}

#[tokio::test]
async fn an_entry_that_is_written_meanwhile_is_not_missing() {
    for entries in 1..20 {
        let (_folder, _, journal) = journal();
        let id = filled(&journal, 60).await;
        let growing = Growing {
            journal,
            entries,
            asked: AtomicU64::new(0),
        };
        let release = newest(&growing, &id.slot).await.unwrap().expect("it has begun");
        assert!(release.sequence >= entries, "{entries}");
    }
}
