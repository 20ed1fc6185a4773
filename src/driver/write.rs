//! Reading on in the journal and appending to it.

use super::{Driver, DriverError, machine};
use crate::journal::{Append, JournalError};
use crate::model::Timestamp;
use crate::release::{CallResult, Entry, Event, FORMAT, Notice, Release, ReleaseId, Writer, apply, limits};

/// What is known of a call and could not be written down, because the journal failed at that moment. Without it the call would
/// be in doubt, and a rollback would wait for as long as it could still be under way.
#[derive(Debug)]
pub(super) struct Unsaid {
    /// Sequence of the intent.
    pub(super) intent: u64,
    /// Nonce of the intent, if it is not known whether that got into the journal. The call was not made then.
    pub(super) nonce: Option<String>,
    /// How the call went.
    pub(super) result: CallResult,
}

impl Driver {
    /// Applies every entry that has been appended since.
    pub(super) async fn read_on(&mut self) -> Result<(), DriverError> {
        self.read_on_past("").await.map(drop)
    }

    /// The same. Whether the entry with this nonce was among them.
    pub(super) async fn read_on_past(&mut self, nonce: &str) -> Result<bool, DriverError> {
        if self.gone {
            self.find_again().await?;
        }
        let mut passed = false;
        let id = self.release.plan.id.clone();
        while let Some(entry) = self.seat.journal.entry(&id, self.release.sequence + 1).await? {
            self.release = self.applied(&entry)?;
            passed |= entry.nonce == nonce;
            self.sampler.read(&entry.nonce);
            if let Some(unsaid) = &mut self.unsaid
                && unsaid.intent == entry.sequence
            {
                match &unsaid.nonce {
                    Some(nonce) if *nonce != entry.nonce => self.unsaid = None,
                    _ => unsaid.nonce = None,
                }
            }
            self.seat.listener.notice(Notice::Entry {
                entry: &entry,
                release: &self.release,
            });
        }
        Ok(passed)
    }

    /// A journal that was gone is there again, or another one is: who finds none begins with release 1, too.
    async fn find_again(&mut self) -> Result<(), DriverError> {
        let id = self.release.plan.id.clone();
        let first = self.seat.journal.entry(&id, 1).await?;
        let location = self.seat.journal.location();
        match first.map(|first| first.event) {
            Some(Event::Started { plan }) if plan.mark == self.release.plan.mark => {
                self.gone = false;
                Ok(())
            }
            Some(_) => Err(JournalError::Replaced { location, release: id }.into()),
            None => {
                let place = format!("1 of release {id} in {location}");
                Err(JournalError::Gone { place }.into())
            }
        }
    }

    /// Writes down what could not be written down before, if it still matters. Whether something was done.
    pub(super) async fn say_unsaid(&mut self) -> Result<bool, DriverError> {
        let Some(unsaid) = &self.unsaid else {
            return Ok(false);
        };
        let intent = unsaid.intent;
        if unsaid.nonce.is_some() {
            // A write that was slow may still get there, as long as its place is free.
            if self.release.sequence >= intent {
                self.unsaid = None;
            }
            return Ok(false);
        }
        if !self.awaits(intent) {
            self.unsaid = None;
            return Ok(false);
        }
        let result = unsaid.result.clone();
        if self.append(Event::Called { intent, result }).await? {
            self.unsaid = None;
        }
        Ok(true)
    }

    /// Whether this process drives the release and the result of that call is not written down.
    pub(super) fn awaits(&self, intent: u64) -> bool {
        let open = |pending: &crate::release::Pending| pending.intent == intent && pending.result.is_none();
        self.release.driver == self.writer && self.release.pending.as_ref().is_some_and(open)
    }

    pub(super) fn applied(&self, entry: &Entry) -> Result<Release, DriverError> {
        apply(Some(self.release.clone()), entry).map_err(|source| DriverError::Illegal {
            id: self.release.plan.id.clone(),
            source: Box::new(source),
        })
    }

    /// Appends an event. `false` when another entry has taken its place, so that everything must be decided anew.
    pub(super) async fn append(&mut self, event: Event) -> Result<bool, DriverError> {
        let now = self.seat.clock.now();
        self.append_at(event, now).await
    }

    pub(super) async fn append_at(&mut self, event: Event, now: Timestamp) -> Result<bool, DriverError> {
        let entry = self.entry(event, now);
        self.append_entry(&entry).await
    }

    /// The next entry, not written yet.
    pub(super) fn entry(&self, event: Event, now: Timestamp) -> Entry {
        let id = self.release.plan.id.clone();
        let wish = matches!(event, Event::Asked { .. });
        let mut entry = entry(id, self.release.sequence, now, &self.writer, event);
        if wish {
            // Its driver may know less than this process, and would end over a wish that it understands, such as to go back.
            entry.format = self.release.format.min(FORMAT);
        }
        entry
    }

    pub(super) async fn append_entry(&mut self, entry: &Entry) -> Result<bool, DriverError> {
        // What the core does not allow must not get into the journal.
        let next = self.applied(entry)?;
        let appended = self.seat.journal.append(entry).await;
        self.gone |= matches!(appended, Err(JournalError::Gone { .. }));
        if appended? == Append::Taken {
            return Ok(false);
        }
        self.release = next;
        self.seat.listener.notice(Notice::Entry {
            entry,
            release: &self.release,
        });
        Ok(true)
    }
}

/// An entry that follows the `last` one.
pub(super) fn entry(release: ReleaseId, last: u64, at: Timestamp, writer: &Writer, event: Event) -> Entry {
    Entry {
        format: FORMAT,
        release,
        sequence: last + 1,
        at,
        writer: writer.clone(),
        nonce: machine::nonce(),
        owned_until: at + limits::OWNERSHIP,
        event,
    }
}
