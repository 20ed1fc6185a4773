//! The contract on S3 when the network and the service misbehave: what was acknowledged is there, what was lost was told, and
//! nothing is written twice.

use std::collections::BTreeMap;

use super::promises::beginning;
use super::s3::{Bucket, Fault};
use super::*;

const WRITERS: u32 = 4;
const EACH: u32 = 4;

/// Small pseudo-random numbers, the same in every run.
fn random(mut state: u64) -> impl FnMut() -> u64 + Send {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    }
}

/// Writers who want to append something each, and do as a driver does: read on, append, and decide anew if it was taken or went
/// wrong. Every entry that was acknowledged is in the journal once.
async fn storm(faults: &'static [Fault], percent: u64) {
    let bucket = Bucket::new().await;
    let first = beginning(7);
    assert_eq!(bucket.sound().append(&first).await.unwrap(), Append::Written);
    let mut dice = random(0x9E37_79B9_7F4A_7C15);
    bucket.wire.fate(move |kind| {
        let thrown = dice();
        let fault = faults
            .get(usize::try_from(thrown / 128).unwrap() % faults.len())
            .copied();
        // Only writes are in each other's way.
        fault.filter(|fault| thrown % 100 < percent && (*fault != Fault::Conflict || kind == "PUT"))
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (journal, first) = (bucket.journal(), first.clone());
            tokio::spawn(async move {
                let mut acknowledged = BTreeMap::new();
                let mut release = None;
                let mut tries = 0;
                while acknowledged.len() < EACH as usize {
                    tries += 1;
                    assert!(tries < 400, "writer {writer} gets nowhere");
                    match catch_up(journal.as_ref(), &first.release, release.clone()).await {
                        Ok(now) => release = now,
                        Err(error) if error.may_pass() => continue,
                        Err(error) => panic!("{error}"),
                    }
                    let entry = Entry {
                        sequence: release.as_ref().unwrap().sequence + 1,
                        nonce: format!("{writer}-{tries}"),
                        event: Event::Renewed,
                        ..first.clone()
                    };
                    match journal.append(&entry).await {
                        Ok(Append::Written) => {
                            acknowledged.insert(entry.sequence, entry.nonce);
                        }
                        Ok(Append::Taken) => {}
                        Err(error) if error.may_pass() => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        for (sequence, nonce) in writer.await.unwrap() {
            let other = acknowledged.insert(sequence, nonce);
            assert_eq!(other, None, "place {sequence} was given to two");
        }
    }
    let journal = bucket.sound();
    for (sequence, nonce) in &acknowledged {
        let there = journal.entry(&first.release, *sequence).await.unwrap();
        assert_eq!(
            there.map(|entry| entry.nonce).as_ref(),
            Some(nonce),
            "{faults:?}: place {sequence}"
        );
    }
    let release = newest(&journal, &first.release.slot).await.unwrap().unwrap();
    let last = *acknowledged.keys().last().unwrap();
    assert!(release.sequence >= last, "{faults:?}: there is a gap below {last}");
}

/// One storm for each kind of trouble.
macro_rules! storms {
    ($($name:ident: $faults:expr, $percent:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                storm(&$faults, $percent).await;
            }
        )*
    };
}

storms! {
    requests_are_lost: [Fault::LostBefore], 30;
    answers_are_lost: [Fault::LostAfter], 30;
    the_service_fails_before_it_does_anything: [Fault::FailBefore], 30;
    the_service_fails_when_it_has_done_it: [Fault::FailAfter], 30;
    writes_meet_each_other: [Fault::Conflict], 40;
    too_much_is_asked_for: [Fault::SlowDown], 30;
    answers_are_cut_short: [Fault::CutShort], 30;
    everything_at_once: [
        Fault::LostBefore, Fault::LostAfter, Fault::FailBefore, Fault::FailAfter, Fault::Conflict, Fault::SlowDown, Fault::CutShort,
    ], 35;
}

/// Trouble with the first so many writes, whatever it is, ends with an entry that is there and acknowledged, or with an error
/// that says that it may pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_write_is_not_taken_for_a_failure() {
    let faults = [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::FailBefore,
        Fault::FailAfter,
        Fault::Conflict,
        Fault::SlowDown,
    ];
    let each = faults.map(|fault| async move {
        for count in [1, 2, 30] {
            let bucket = Bucket::new().await;
            let journal = bucket.journal();
            let first = beginning(1);
            let mut left = count;
            bucket.wire.fate(move |kind| {
                let meets = kind == "PUT" && left > 0;
                left -= usize::from(meets);
                meets.then_some(fault)
            });
            let appended = journal.append(&first).await;
            let there = bucket.sound().entry(&first.release, 1).await.unwrap();
            let applied = matches!(fault, Fault::LostAfter | Fault::FailAfter);
            match appended {
                Ok(Append::Written) => {
                    assert!(there.is_some(), "{fault:?} × {count}");
                    assert!(applied || count < 30, "{fault:?} × {count}");
                }
                Ok(Append::Taken) => panic!("{fault:?} × {count}: nobody else is there"),
                Err(error) => {
                    assert!(error.may_pass(), "{fault:?} × {count}: {error}");
                    assert!(!applied && count == 30, "{fault:?} × {count}: {error}");
                }
            }
            // Somebody else's entry is never taken for one's own.
            bucket.wire.fate(|_| None);
            let other = Entry {
                nonce: "other".to_owned(),
                ..first
            };
            let wanted = if there.is_some() {
                Append::Taken
            } else {
                Append::Written
            };
            assert_eq!(journal.append(&other).await.unwrap(), wanted, "{fault:?} × {count}");
        }
    });
    futures_util::future::join_all(each).await;
}

/// A body that is cut short is read again, and never taken for an entry that somebody has spoilt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_answer_is_no_entry() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let first = beginning(1);
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    let mut left = 2;
    bucket.wire.fate(move |kind| {
        let meets = kind == "GET" && left > 0;
        left -= usize::from(meets);
        meets.then_some(Fault::CutShort)
    });
    assert_eq!(journal.entry(&first.release, 1).await.unwrap(), Some(first.clone()));
    bucket.wire.fate(|kind| (kind == "GET").then_some(Fault::CutShort));
    let error = journal.entry(&first.release, 1).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
}
