//! Where the events and logs of a green that was taken back lie.

use crate::journal::{Journal, follow};
use crate::release::{Action, CallResult, Event, Release};

/// Where they were saved, and what could not be had, as the journal tells it; `None` where nothing was saved. The journal is read
/// only if something was.
pub async fn evidence(journal: &dyn Journal, release: &Release) -> Option<String> {
    let environment = release.green.as_ref()?.id.clone();
    let saved = release.attempts_of(&Action::SaveEvidence { environment }.key()).done;
    if !saved {
        return None;
    }
    let (mut intent, mut place) = (None, None);
    let read = follow(journal, &release.plan.id, None, |entry| match &entry.event {
        Event::Intended {
            action: Action::SaveEvidence { .. },
        } => intent = Some(entry.sequence),
        Event::Called {
            intent: of,
            result: CallResult::Accepted { detail: Some(detail) },
        } if intent == Some(*of) => place = Some(detail.clone()),
        _ => {}
    });
    // It is one more thing to tell; what keeps it from being read is told by whoever needs the journal.
    read.await.ok()?;
    place
}
