//! The promises themselves.

use super::*;
use crate::model::Timestamp;
use crate::release::tests::{first_entry, plan};
use crate::release::{FORMAT, Outcome};

/// Puts each promise to a place.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod in_a_directory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(&super::super::directory::Folder::new()).await;
                }
            )*
        }

        #[cfg(feature = "local")]
        mod on_s3 {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(&super::super::s3::Bucket::new().await).await;
                }
            )*
        }
    };
}

promises!(
    what_was_appended_is_read_back,
    a_place_is_taken_once_and_ones_own_lost_write_is_recognised,
    of_many_writers_one_wins_every_place,
    of_many_that_begin_a_release_one_does,
    a_place_is_given_whatever_the_clock_of_its_writer_says,
    the_newest_release_is_found_among_many,
    what_never_began_is_no_release,
    what_cannot_be_understood_is_refused_with_its_name,
    an_impossible_story_is_refused,
    names_do_not_lead_elsewhere,
    slots_do_not_see_each_other,
    evidence_is_kept_beside_the_entries_and_replaced,
    a_check_leaves_nothing_behind,
);

async fn what_was_appended_is_read_back(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    let slot = first.release.slot.clone();
    assert_eq!(journal.latest(&slot).await.unwrap(), None);
    assert_eq!(newest(journal.as_ref(), &slot).await.unwrap(), None);
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let mut last = first.clone();
    for number in 2..=70 {
        last = next(&last, &format!("nonce {number}"), Event::Renewed);
        assert_eq!(journal.append(&last).await.unwrap(), Append::Written);
    }
    // By another program, with nothing in memory.
    let journal = place.journal();
    assert_eq!(journal.entry(&first.release, 1).await.unwrap(), Some(first.clone()));
    assert_eq!(journal.entry(&first.release, 70).await.unwrap(), Some(last));
    assert_eq!(journal.entry(&first.release, 71).await.unwrap(), None);
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(first.release.number));
    let release = newest(journal.as_ref(), &slot).await.unwrap().unwrap();
    assert_eq!(release.sequence, 70);
    let names = place.names().await;
    assert!(names.contains(&"shop/production/7/000070.json".to_owned()), "{names:?}");
}

async fn a_place_is_taken_once_and_ones_own_lost_write_is_recognised(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written, "the same again");
    let other = Entry {
        nonce: "other".to_owned(),
        ..first.clone()
    };
    assert_eq!(journal.append(&other).await.unwrap(), Append::Taken);
    assert_eq!(journal.entry(&first.release, 1).await.unwrap().unwrap().nonce, "first");
}

async fn of_many_writers_one_wins_every_place(place: &dyn Place) {
    let first = first_entry(plan());
    assert_eq!(place.journal().append(&first).await.unwrap(), Append::Written);
    let mut before = first.clone();
    for round in 0..12 {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let journal = place.journal();
                let entry = next(&before, &format!("{round}-{writer}"), Event::Renewed);
                tokio::spawn(async move { (journal.append(&entry).await.unwrap(), entry) })
            })
            .collect();
        let mut won = Vec::new();
        for writer in writers {
            let (appended, entry) = writer.await.unwrap();
            if appended == Append::Written {
                won.push(entry);
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        before = won.remove(0);
        let there = place.journal().entry(&before.release, before.sequence).await.unwrap();
        assert_eq!(
            there.as_ref(),
            Some(&before),
            "round {round}: what was acknowledged is there"
        );
    }
    let release = catch_up(place.journal().as_ref(), &first.release, None).await.unwrap();
    assert_eq!(release.unwrap().sequence, 13);
}

async fn of_many_that_begin_a_release_one_does(place: &dyn Place) {
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let journal = place.journal();
            let entry = Entry {
                nonce: format!("writer {writer}"),
                ..first_entry(plan())
            };
            tokio::spawn(async move {
                let appended = journal.append(&entry).await.unwrap();
                // Whoever lost finds the release of the one who has won.
                let found = newest(journal.as_ref(), &entry.release.slot).await.unwrap();
                assert_eq!(found.map(|release| release.plan.id), Some(entry.release));
                appended
            })
        })
        .collect();
    let mut won = 0;
    for writer in writers {
        won += usize::from(writer.await.unwrap() == Append::Written);
    }
    assert_eq!(won, 1);
}

async fn a_place_is_given_whatever_the_clock_of_its_writer_says(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let mut last = first.clone();
    // Writers whose clocks are hours apart, in both directions, and one from before the first entry.
    for (number, hours) in [5_i64, -7, 0, -300, 12].into_iter().enumerate() {
        last = Entry {
            at: Timestamp::from_millis(first.at.as_millis() + hours * 3_600_000),
            ..next(&last, &format!("clock {number}"), Event::Renewed)
        };
        assert_eq!(journal.append(&last).await.unwrap(), Append::Written);
        let other = Entry {
            nonce: "late".to_owned(),
            at: Timestamp::from_millis(0),
            ..last.clone()
        };
        assert_eq!(journal.append(&other).await.unwrap(), Append::Taken);
    }
    let release = newest(journal.as_ref(), &first.release.slot).await.unwrap().unwrap();
    assert_eq!(release.sequence, 6);
}

/// The first entry of the release with this number.
pub(super) fn beginning(number: u32) -> Entry {
    let mut plan = plan();
    plan.id.number = ReleaseNumber(number);
    first_entry(plan)
}

async fn the_newest_release_is_found_among_many(place: &dyn Place) {
    let journal = place.journal();
    let slot = beginning(1).release.slot;
    for number in 1..=120 {
        assert_eq!(journal.append(&beginning(number)).await.unwrap(), Append::Written);
        if [1, 2, 9, 10, 11, 99, 100, 101, 120].contains(&number) {
            let found = journal.latest(&slot).await.unwrap();
            assert_eq!(found, Some(ReleaseNumber(number)));
        }
    }
}

async fn what_never_began_is_no_release(place: &dyn Place) {
    let journal = place.journal();
    let slot = beginning(1).release.slot;
    assert_eq!(journal.append(&beginning(7)).await.unwrap(), Append::Written);
    place.put("shop/production/8/evidence/e-1.txt", b"no entry").await;
    place.put("shop/production/notes/000001.json", b"no number").await;
    place.put("shop/production/9", b"no folder").await;
    place.put("shop/production/7/.entry-torn", b"{\"format\":1,").await;
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(7)));
    let release = newest(journal.as_ref(), &slot).await.unwrap().unwrap();
    assert_eq!((release.plan.id.number, release.sequence), (ReleaseNumber(7), 1));
}

async fn what_cannot_be_understood_is_refused_with_its_name(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let half = serde_json::to_vec(&next(&first, "half", Event::Renewed)).unwrap();
    let newer = format!("{{\"format\":{}}}", FORMAT + 1);
    for (text, wanted) in [
        (&b""[..], "it is empty"),
        (&[0; 512], "it is empty"),
        (&half[..half.len() / 2], "in the middle"),
        (b"not json", "changed by hand"),
        (b"{}", "no format"),
        (newer.as_bytes(), "use a newer cutover"),
        (b"{\"format\":1}", "missing field"),
    ] {
        place.put("shop/production/7/000002.json", text).await;
        let shown = String::from_utf8_lossy(text);
        let error = journal.entry(&first.release, 2).await.unwrap_err();
        assert!(!error.may_pass(), "{shown}");
        let said = error.to_string();
        assert!(said.contains(wanted), "{shown}: {said}");
        assert!(said.contains("shop/production/7/000002.json"), "{shown}: {said}");
        assert!(newest(journal.as_ref(), &first.release.slot).await.is_err(), "{shown}");
        // Nor is it written over.
        let entry = next(&first, "over", Event::Renewed);
        assert!(journal.append(&entry).await.is_err(), "{shown}");
        assert_eq!(place.content("shop/production/7/000002.json").await, text);
    }
}

async fn an_impossible_story_is_refused(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    // Sound as an entry: but a release does not finish its smoke checks before preflight.
    let wrong = next(&first, "wrong", Event::SmokePassed);
    assert_eq!(journal.append(&wrong).await.unwrap(), Append::Written);
    let error = catch_up(journal.as_ref(), &first.release, None).await.unwrap_err();
    assert!(!error.may_pass());
    let said = error.to_string();
    assert!(said.contains("SmokePassed in phase preflight"), "{said}");
    assert!(said.contains(&journal.location()), "{said}");
}

async fn names_do_not_lead_elsewhere(place: &dyn Place) {
    let mut plan = plan();
    plan.id.slot.application = "../../etc".into();
    plan.id.slot.name = ".".into();
    let entry = first_entry(plan);
    let journal = place.journal();
    assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
    assert_eq!(
        journal.latest(&entry.release.slot).await.unwrap(),
        Some(ReleaseNumber(7))
    );
    let names = place.names().await;
    assert!(
        names.contains(&"%2E.%2F..%2Fetc/%2E/7/000001.json".to_owned()),
        "{names:?}"
    );
    assert!(
        names.iter().all(|name| name.starts_with("%2E.%2F..%2Fetc/%2E/")),
        "{names:?}"
    );
}

async fn slots_do_not_see_each_other(place: &dyn Place) {
    let journal = place.journal();
    assert_eq!(journal.append(&beginning(7)).await.unwrap(), Append::Written);
    for (application, name) in [
        ("shop", "productio"),
        ("shop", "production2"),
        ("sho", "production"),
        ("shop/production", "7"),
    ] {
        let slot = Slot {
            application: application.into(),
            name: name.into(),
        };
        assert_eq!(journal.latest(&slot).await.unwrap(), None, "{slot}");
    }
}

async fn evidence_is_kept_beside_the_entries_and_replaced(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    for text in ["one", "two", "two"] {
        let told = journal.keep(&first.release, "e-1.txt", text.as_bytes()).await.unwrap();
        assert!(told.ends_with("shop/production/7/evidence/e-1.txt"), "{told}");
        assert_eq!(
            place.content("shop/production/7/evidence/e-1.txt").await,
            text.as_bytes()
        );
    }
    let end = Event::Finished {
        outcome: Outcome::Aborted,
        why: "done".to_owned(),
        left: None,
    };
    assert_eq!(
        journal.append(&next(&first, "end", end)).await.unwrap(),
        Append::Written
    );
    let release = newest(journal.as_ref(), &first.release.slot).await.unwrap().unwrap();
    assert!(release.outcome.is_some());
    let entries = place.names().await.into_iter().filter(|name| !name.contains("/index/"));
    let entries: Vec<_> = entries.collect();
    assert_eq!(
        entries.len(),
        3,
        "nothing but entries and evidence is left: {entries:?}"
    );
}

async fn a_check_leaves_nothing_behind(place: &dyn Place) {
    let journal = place.journal();
    let first = first_entry(plan());
    journal.check_writable(&first.release.slot).await.unwrap();
    assert_eq!(place.names().await, Vec::<String>::new());
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let before = place.names().await;
    journal.check_writable(&first.release.slot).await.unwrap();
    assert_eq!(place.names().await, before);
}
