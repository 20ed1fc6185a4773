//! The plans of a slot's newest releases, and which release a request has led to: requests come twice.

use futures_util::future::join_all;

use super::{Journal, JournalError, catch_up};
use crate::model::ReleaseNumber;
use crate::release::{Event, Plan, Release, ReleaseId, Slot};

/// So many plans are read at once, and so many of the newest releases are looked at for a request. One that is delivered again comes
/// within hours, and a slot has no more releases than that in a day.
pub const PLANS: u32 = 32;

/// The plans of a release and of those before it, newest first, [`PLANS`] at most. What is not in the journal is left out.
///
/// # Errors
///
/// When the journal cannot be read.
pub async fn plans(journal: &dyn Journal, slot: &Slot, newest: ReleaseNumber) -> Result<Vec<Plan>, JournalError> {
    let numbers = newest.0.saturating_sub(PLANS - 1).max(1)..=newest.0;
    let firsts = numbers.rev().map(|number| {
        let id = ReleaseId {
            slot: slot.clone(),
            number: ReleaseNumber(number),
        };
        async move { journal.entry(&id, 1).await }
    });
    let mut plans = Vec::new();
    for first in join_all(firsts).await {
        if let Some(Event::Started { plan }) = first?.map(|entry| entry.event) {
            plans.push(*plan);
        }
    }
    Ok(plans)
}

/// The release that a request has led to, if it is among the newest ones.
///
/// # Errors
///
/// When the journal cannot be read, or says something impossible.
pub async fn begun_for(journal: &dyn Journal, slot: &Slot, request: &str) -> Result<Option<Release>, JournalError> {
    let Some(newest) = journal.latest(slot).await? else {
        return Ok(None);
    };
    let asked = |plan: &Plan| plan.origin.as_ref().is_some_and(|origin| origin.request == request);
    match plans(journal, slot, newest).await?.into_iter().find(asked) {
        Some(plan) => catch_up(journal, &plan.id, None).await,
        None => Ok(None),
    }
}
