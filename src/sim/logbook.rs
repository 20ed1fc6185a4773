//! A journal in memory, with faults of its own: as fast as the simulation wants it, and by the same contract.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::scenario::{Fate, Moment, Service};
use super::scene::Scene;
use crate::journal::{Append, Journal, JournalError};
use crate::model::ReleaseNumber;
use crate::release::{Entry, ReleaseId, Slot};

/// What is written, whoever reads it.
#[derive(Default)]
pub(super) struct Logbook(Mutex<BTreeMap<(ReleaseId, u64), Entry>>);

impl Logbook {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<(ReleaseId, u64), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one process reaches it.
pub(super) struct MemoryJournal {
    pub(super) book: Arc<Logbook>,
    pub(super) scene: Arc<Scene>,
    pub(super) process: usize,
}

/// How long a call without an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

fn failed(doing: &'static str, what: &str) -> JournalError {
    JournalError::File {
        doing,
        path: "(simulated)".to_owned(),
        source: io::Error::other(what.to_owned()),
    }
}

impl MemoryJournal {
    /// Does something with the book, unless the fates are against it.
    async fn with<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut BTreeMap<(ReleaseId, u64), Entry>) -> T + Send,
    ) -> Result<T, JournalError> {
        let (number, fate) = self.scene.fate(operation, &[Service::Journal]);
        self.scene.survive(self.process, Moment::BeforeCall(number)).await;
        if let Some(fate) = fate {
            self.scene.tell(&"journal", || format!("{operation}: {fate:?}"));
        }
        // Disks and S3 are quicker than what they are asked about.
        let latency = match fate {
            Some(Fate::Slow(length)) => length,
            _ => self.scene.latency() / 4,
        };
        tokio::time::sleep(latency).await;
        let result = match fate {
            Some(Fate::LostBefore | Fate::ErrorBefore | Fate::Throttled | Fate::Denied) => {
                Err(failed("use", "simulated: nothing was done"))
            }
            Some(Fate::Hangs) => {
                tokio::time::sleep(PATIENCE).await;
                Err(failed("use", "simulated: no answer"))
            }
            Some(Fate::LostAfter | Fate::ErrorAfter) => {
                work(&mut self.book.entries());
                Err(failed("use", "simulated: the answer was lost"))
            }
            Some(Fate::Slow(_) | Fate::Stale(_)) | None => Ok(work(&mut self.book.entries())),
        };
        self.scene.survive(self.process, Moment::AfterCall(number)).await;
        result
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        self.with("Latest", |entries| {
            let of_slot = entries.keys().filter(|(id, _)| id.slot == *slot);
            of_slot.map(|(id, _)| id.number).max()
        })
        .await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        self.with("Entry", |entries| entries.get(&(release.clone(), sequence)).cloned())
            .await
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        self.with("Append", |entries| {
            let place = entries.entry((entry.release.clone(), entry.sequence));
            let there = place.or_insert_with(|| entry.clone());
            if there.nonce == entry.nonce {
                Append::Written
            } else {
                Append::Taken
            }
        })
        .await
    }

    async fn keep(&self, _: &ReleaseId, name: &str, _: &[u8]) -> Result<String, JournalError> {
        self.with("Keep", |_| name.to_owned()).await
    }

    async fn check_writable(&self, _: &Slot) -> Result<(), JournalError> {
        self.with("Check", |_| ()).await
    }
}
