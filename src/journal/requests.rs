//! Which release a request has led to: requests come twice.

use futures_util::future::join_all;

use super::{Journal, JournalError, catch_up};
use crate::model::ReleaseNumber;
use crate::release::{Event, Release, ReleaseId, Slot};

/// So many of the newest releases are looked at. A request that is delivered again comes within hours, and a slot has no more
/// releases than that in a day.
const NEWEST: u32 = 32;

/// The release that a request has led to, if it is among the newest ones.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn begun_for(journal: &dyn Journal, slot: &Slot, request: &str) -> Result<Option<Release>, JournalError> {
    let Some(newest) = journal.latest(slot).await? else {
        return Ok(None);
    };
    let ids = (newest.0.saturating_sub(NEWEST - 1).max(1)..=newest.0)
        .rev()
        .map(|number| ReleaseId {
            slot: slot.clone(),
            number: ReleaseNumber(number),
        });
    let firsts = join_all(ids.map(|id| async move {
        let first = journal.entry(&id, 1).await;
        (id, first)
    }));
    for (id, first) in firsts.await {
        let Some(Event::Started { plan }) = first?.map(|entry| entry.event) else {
            continue;
        };
        if plan.origin.is_some_and(|origin| origin.request == request) {
            return catch_up(journal, &id, None).await;
        }
    }
    Ok(None)
}
