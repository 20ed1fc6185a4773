//! The drills of a slot, newest first.

use serde::Serialize;

use super::record::{DrillRecord, DrillResult, Gathering};
use crate::journal::{Journal, JournalError, PLANS, follow, plans};
use crate::model::{ReleaseNumber, Span, Timestamp};
use crate::release::{ReleaseId, Slot};

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

/// Reads the newest drills of a slot, at most so many, and further back until it is known how old the last good one is, or that it
/// is too old.
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
    let mut last_good = None;
    let mut next = journal.latest(slot).await?;
    while let Some(newest) = next {
        for plan in plans(journal, slot, newest).await? {
            if plan.drill.is_none() {
                continue;
            }
            let Some(drill) = read(journal, &plan.id).await? else {
                continue;
            };
            let age = Span::from(now.since(drill.began_at));
            if last_good.is_none() && drill.result == DrillResult::Passed {
                last_good = Some(age);
            }
            let known = last_good.is_some() || age > objective;
            if drills.len() < most {
                drills.push(drill);
            }
            if known && drills.len() == most {
                return Ok(History {
                    drills,
                    last_good,
                    objective,
                });
            }
        }
        next = newest.0.checked_sub(PLANS).filter(|left| *left > 0).map(ReleaseNumber);
    }
    Ok(History {
        drills,
        last_good,
        objective,
    })
}
