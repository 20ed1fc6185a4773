//! What every journal promises.

mod folders;

use std::fs;
use std::sync::Arc;

use super::*;
use crate::release::tests::{first_entry, plan};
use crate::release::{Event, FORMAT, Outcome};

fn next(entry: &Entry, nonce: &str, event: Event) -> Entry {
    Entry {
        sequence: entry.sequence + 1,
        nonce: nonce.to_owned(),
        event,
        ..entry.clone()
    }
}

fn journal() -> (tempfile::TempDir, DirectoryJournal) {
    let folder = tempfile::tempdir().unwrap();
    let journal = DirectoryJournal::new(folder.path().join("deep/journal"));
    (folder, journal)
}

fn path(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    folder.path().join("deep/journal/shop/production/7").join(name)
}

#[tokio::test]
async fn what_was_appended_is_read_back() {
    let (_folder, journal) = journal();
    let first = first_entry(plan());
    let slot = first.release.slot.clone();
    assert_eq!(journal.latest(&slot).await.unwrap(), None);
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let second = next(&first, "second", Event::Renewed);
    assert_eq!(journal.append(&second).await.unwrap(), Append::Written);
    assert_eq!(journal.entry(&first.release, 1).await.unwrap(), Some(first.clone()));
    assert_eq!(journal.entry(&first.release, 2).await.unwrap(), Some(second));
    assert_eq!(journal.entry(&first.release, 3).await.unwrap(), None);
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(7)));
    let release = newest(&journal, &slot).await.unwrap().unwrap();
    assert_eq!(release.sequence, 2);
}

#[tokio::test]
async fn a_place_is_taken_once_and_ones_own_lost_write_is_recognised() {
    let (_folder, journal) = journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    assert_eq!(
        journal.append(&first).await.unwrap(),
        Append::Written,
        "the same entry again"
    );
    let other = Entry {
        nonce: "other".to_owned(),
        ..first.clone()
    };
    assert_eq!(journal.append(&other).await.unwrap(), Append::Taken);
    assert_eq!(journal.entry(&first.release, 1).await.unwrap().unwrap().nonce, "first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_one_wins_every_place() {
    let (_folder, journal) = journal();
    let journal = Arc::new(journal);
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    for round in 0..20 {
        let before = Entry {
            sequence: 1 + round,
            ..first.clone()
        };
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let journal = Arc::clone(&journal);
                let entry = next(&before, &format!("{round}-{writer}"), Event::Renewed);
                tokio::spawn(async move { journal.append(&entry).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for writer in writers {
            won += usize::from(writer.await.unwrap() == Append::Written);
        }
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(
        catch_up(journal.as_ref(), &first.release, None)
            .await
            .unwrap()
            .unwrap()
            .sequence,
        21
    );
}

#[tokio::test]
async fn what_a_power_cut_leaves_is_no_entry() {
    let (folder, journal) = journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    // A temporary file that was never linked, and a folder of a release that never began.
    fs::write(path(&folder, ".entry-torn"), "{\"format\":1,").unwrap();
    fs::create_dir(path(&folder, "../8")).unwrap();
    assert_eq!(
        journal.latest(&first.release.slot).await.unwrap(),
        Some(ReleaseNumber(7))
    );
    assert_eq!(
        catch_up(&journal, &first.release, None)
            .await
            .unwrap()
            .unwrap()
            .sequence,
        1
    );
    // Nothing of a successful write is left beside the entry.
    let names: Vec<_> = fs::read_dir(path(&folder, ""))
        .unwrap()
        .map(|item| item.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_with_its_path() {
    let (folder, journal) = journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    for (text, wanted) in [
        ("not json", "000002.json"),
        ("{}", "format none"),
        (&format!("{{\"format\":{}}}", FORMAT + 1), "use a newer cutover"),
        ("{\"format\":1}", "missing field"),
    ] {
        fs::write(path(&folder, "000002.json"), text).unwrap();
        let error = journal.entry(&first.release, 2).await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
        assert!(error.contains("000002.json"), "{text}: {error}");
    }
    // Sound as an entry, impossible as a story: a release does not finish its smoke checks before preflight.
    let wrong = next(&first, "wrong", Event::SmokePassed);
    fs::write(path(&folder, "000002.json"), serde_json::to_vec(&wrong).unwrap()).unwrap();
    let error = catch_up(&journal, &first.release, None).await.unwrap_err().to_string();
    assert!(error.contains("SmokePassed in phase preflight"), "{error}");
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_says_so_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let journal = DirectoryJournal::new(file.join("journal"));
    let slot = first_entry(plan()).release.slot;
    let error = journal.check_writable(&slot).await.unwrap_err().to_string();
    assert!(error.contains("file") && error.contains("writable"), "{error}");
    assert!(journal.append(&first_entry(plan())).await.is_err());
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_folder() {
    let (folder, journal) = journal();
    let mut plan = plan();
    plan.id.slot.application = "../../etc".into();
    plan.id.slot.name = ".".into();
    let entry = first_entry(plan);
    assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
    let root = folder.path().join("deep/journal");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
    assert_eq!(
        journal.latest(&entry.release.slot).await.unwrap(),
        Some(ReleaseNumber(7))
    );
}

#[tokio::test]
async fn evidence_is_kept_beside_the_entries_and_replaced() {
    let (folder, journal) = journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    for text in ["one", "two"] {
        let told = journal.keep(&first.release, "e-1.txt", text.as_bytes()).await.unwrap();
        assert_eq!(fs::read_to_string(told).unwrap(), text);
    }
    assert!(path(&folder, "evidence/e-1.txt").is_file());
    let end = Event::Finished {
        outcome: Outcome::Aborted,
        why: "done".to_owned(),
    };
    assert_eq!(
        journal.append(&next(&first, "end", end)).await.unwrap(),
        Append::Written
    );
    assert!(
        newest(&journal, &first.release.slot)
            .await
            .unwrap()
            .unwrap()
            .outcome
            .is_some()
    );
}
