//! What drills have shown, from the journals of whole ones in the core's model world.

use super::{DrillResult, History, crashes_now, history, read};
use crate::journal::{Append, DirectoryJournal, Journal};
use crate::model::{ReleaseNumber, Span, Timestamp};
use crate::release::tests::{first_entry, plan, played, played_badly, release};
use crate::release::{DrillKind, Entry, Event, Outcome, Plan, Slot};

fn drill(number: u32, kind: DrillKind) -> Plan {
    let mut drill = plan();
    drill.id.number = ReleaseNumber(number);
    drill.drill = Some(kind);
    drill
}

async fn write(journal: &DirectoryJournal, entries: Vec<Entry>) {
    for entry in entries {
        assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
    }
}

/// A drill, or a release, that ended before it had begun anything.
fn aborted(plan: Plan, at: Timestamp) -> Vec<Entry> {
    let first = Entry {
        at,
        ..first_entry(plan)
    };
    let last = Entry {
        sequence: 2,
        nonce: "last".to_owned(),
        event: Event::Finished {
            outcome: Outcome::Aborted,
            why: "an operator stopped it".to_owned(),
            left: None,
        },
        ..first.clone()
    };
    vec![first, last]
}

async fn of(journal: &DirectoryJournal, most: usize, objective: u64, now: Timestamp) -> History {
    let slot: Slot = plan().id.slot;
    history(journal, &slot, most, Span::from_secs(objective), now)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_crash_is_shown_only_where_somebody_died_and_was_followed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = DirectoryJournal::new(folder.path());
    for (number, kind, dies, result) in [
        (1, DrillKind::Crash, true, DrillResult::Passed),
        (2, DrillKind::Crash, false, DrillResult::GaveUp),
        (3, DrillKind::Rollback, false, DrillResult::Passed),
        // Nobody makes its probes fail in the model world.
        (4, DrillKind::BadGreen, false, DrillResult::Missed),
    ] {
        let plan = drill(number, kind);
        let id = plan.id.clone();
        write(&journal, played(plan, dies)).await;
        let record = read(&journal, &id).await.unwrap().expect("it is a drill");
        assert_eq!(record.result, result, "{kind}: {record:?}");
        assert!(record.restoration.is_some(), "{record:?}");
        assert_eq!(record.without_driver.is_some(), dies, "{record:?}");
    }
}

#[tokio::test]
async fn a_drill_that_fails_by_itself_or_leaves_something_behind_is_no_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = DirectoryJournal::new(folder.path());
    for (number, words) in [
        (1, "was not up within"),
        (2, "smoke"),
        (3, "remove green (e-green) by hand"),
    ] {
        let plan = drill(number, DrillKind::Rollback);
        let id = plan.id.clone();
        let entries = played_badly(&plan)[number as usize - 1].clone();
        write(&journal, entries).await;
        let record = read(&journal, &id).await.unwrap().expect("it is a drill");
        assert_eq!(record.result, DrillResult::Failed, "{record:?}");
        assert!(record.why.contains(words), "{record:?}");
    }
}

#[tokio::test]
async fn the_last_good_drill_is_found_behind_those_that_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let journal = DirectoryJournal::new(folder.path());
    let good = played(drill(1, DrillKind::Rollback), false);
    let began = good[0].at;
    write(&journal, good).await;
    let mut real = plan();
    real.id.number = ReleaseNumber(2);
    write(&journal, aborted(real, began)).await;
    for number in 3..50 {
        write(&journal, aborted(drill(number, DrillKind::Rollback), began)).await;
    }
    let later = began + std::time::Duration::from_secs(3600);
    let shown = of(&journal, 1, 2 * 3600, later).await;
    assert_eq!(shown.drills.len(), 1);
    assert_eq!(shown.drills[0].result, DrillResult::GaveUp);
    assert_eq!(shown.last_good, Some(Span::from_secs(3600)));
    assert!(shown.kept());
    let all = of(&journal, 100, 2 * 3600, later).await;
    assert_eq!(all.drills.len(), 48, "a release is no drill");
    assert!(!of(&journal, 1, 60, later).await.kept());
}

#[test]
fn a_driver_dies_once_and_only_where_it_has_given_green_traffic_itself() {
    let mut drill = release(drill(1, DrillKind::Crash));
    let me = drill.driver.clone();
    assert!(!crashes_now(&drill, &me), "green has no traffic");
    drill.shifted_at = Some(Timestamp::from_millis(5_000_000));
    assert!(crashes_now(&drill, &me));
    let mut other = me.clone();
    other.run = "another".to_owned();
    assert!(!crashes_now(&drill, &other), "whoever only looks on goes on with it");
    drill.plan.drill = Some(DrillKind::Rollback);
    assert!(!crashes_now(&drill, &me));
    drill.plan.drill = Some(DrillKind::Crash);
    let taken = |at| crate::release::TakenOver {
        from: other.clone(),
        why: "it is dead".to_owned(),
        forced: false,
        heard_at: Timestamp::default(),
        at: Timestamp::from_millis(at),
    };
    drill.taken_over = Some(taken(4_000_000));
    assert!(crashes_now(&drill, &me), "it took over before green had traffic");
    drill.taken_over = Some(taken(6_000_000));
    assert!(!crashes_now(&drill, &me), "somebody has died already");
}

#[tokio::test]
async fn the_history_keeps_its_columns_whatever_the_ids_are() {
    // A terminal is so wide.
    const WIDTH: usize = 80;

    let folder = tempfile::tempdir().unwrap();
    let journal = DirectoryJournal::new(folder.path());
    let mut long = drill(1, DrillKind::Rollback);
    long.id.slot.name = "a-slot-with-quite-a-long-name-in-production".into();
    write(
        &journal,
        aborted(long.clone(), Timestamp::from_millis(1_795_000_000_123)),
    )
    .await;
    let now = Timestamp::from_millis(1_795_000_060_123);
    let shown = history(&journal, &long.id.slot, 5, Span::from_secs(60), now)
        .await
        .unwrap();
    let text = super::history_text(&shown);
    let [title, head, line] = [0, 1, 2].map(|number| text.lines().nth(number).unwrap_or_default());
    assert_eq!(title, format!("drills of {}", long.id.slot));
    assert!(line.starts_with("1  20") && line.len() <= WIDTH, "{text}");
    assert_eq!(head.len(), line.len(), "{text}");
    assert_eq!(head.find("kind"), line.find("rollback"), "{text}");
}
