//! A journal under observation: what is acknowledged is kept in mind, and processes die at its entries.

use std::sync::Arc;

use async_trait::async_trait;

use super::mistakes::Mistake;
use super::rules;
use super::scenario::Moment;
use super::scene::Scene;
use crate::journal::{Append, Journal, JournalError};
use crate::model::ReleaseNumber;
use crate::release::{Entry, Event, ReleaseId, Slot};

/// A journal as one process has it.
pub(super) struct Watched {
    pub(super) inner: Arc<dyn Journal>,
    pub(super) scene: Arc<Scene>,
    pub(super) process: usize,
}

#[async_trait]
impl Journal for Watched {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        self.inner.latest(slot).await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let entry = self.inner.entry(release, sequence).await?;
        if let Some(entry) = &entry {
            rules::read(&self.scene, entry);
        }
        Ok(entry)
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        let sequence = entry.sequence;
        self.scene.survive(self.process, Moment::BeforeEntry(sequence)).await;
        let appended = self.inner.append(entry).await?;
        self.scene.survive(self.process, Moment::AfterEntry(sequence)).await;
        if let Event::Intended { action } = &entry.event {
            self.scene.intended(self.process, action.name());
        }
        match appended {
            Append::Written => rules::written(&self.scene, self.process, entry),
            // A lock beside the work, whose loss nobody notices.
            Append::Taken if self.scene.mistake == Some(Mistake::LeaseWithoutFence) => {
                rules::written(&self.scene, self.process, entry);
                return Ok(Append::Written);
            }
            Append::Taken => {}
        }
        Ok(appended)
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        self.inner.keep(release, name, content).await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        self.inner.check_writable(slot).await
    }
}
