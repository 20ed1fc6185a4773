//! The drills of a slot, newest first.

use futures_util::future::join_all;
use serde::Serialize;

use super::record::{DrillRecord, DrillResult, Gathering};
use crate::journal::{Journal, JournalError, follow};
use crate::model::{ReleaseNumber, Span, Timestamp};
use crate::release::{Event, ReleaseId, Slot};

/// So many first entries are read at once.
const AT_ONCE: u32 = 32;

/// The drills of a slot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// Newest first.
    pub drills: Vec<DrillRecord>,
    /// How old the last one is that passed.
    pub last_good: Option<Span>,
    /// How old it may be.
    pub objective: Span,
}

impl History {
    /// Whether the last good drill is young enough.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.last_good.is_some_and(|age| age <= self.objective)
    }
}

/// What one drill has shown; `None` if there is no such release, or it is none.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn read(journal: &dyn Journal, id: &ReleaseId) -> Result<Option<DrillRecord>, JournalError> {
    let mut gathering = Gathering::default();
    let release = follow(journal, id, None, |entry| gathering.take(entry)).await?;
    Ok(release.and_then(|release| gathering.finish(&release)))
}

/// Reads the newest drills of a slot, at most so many.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn history(
    journal: &dyn Journal,
    slot: &Slot,
    most: usize,
    objective: Span,
    now: Timestamp,
) -> Result<History, JournalError> {
    let mut drills: Vec<DrillRecord> = Vec::new();
    let mut next = journal.latest(slot).await?.map_or(0, |newest| newest.0);
    while next > 0 && drills.len() < most {
        let first = next.saturating_sub(AT_ONCE - 1).max(1);
        let ids = (first..=next).rev().map(|number| ReleaseId {
            slot: slot.clone(),
            number: ReleaseNumber(number),
        });
        let heads = join_all(ids.map(|id| async move {
            let head = journal.entry(&id, 1).await;
            (id, head)
        }));
        for (id, head) in heads.await {
            let Some(Event::Started { plan }) = head?.map(|entry| entry.event) else {
                continue;
            };
            if plan.drill.is_none() || drills.len() == most {
                continue;
            }
            drills.extend(read(journal, &id).await?);
        }
        next = first - 1;
    }
    let good = drills.iter().find(|drill| drill.result == DrillResult::Passed);
    Ok(History {
        last_good: good.map(|drill| Span::from(now.since(drill.began_at))),
        drills,
        objective,
    })
}
