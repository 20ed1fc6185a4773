//! Parts that are small enough to be looked through as a whole: what has changed is what differs from the last time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::{News, Notes, NotesError, Part};

/// Something that can be looked through.
pub(in crate::local) trait Subject: Send + Sync {
    /// Grows whenever something may have changed.
    fn revision(&self) -> u64;

    /// Writes down all that there is, but of what never changes only what came since the last call; with `whole`, that too.
    fn look(&self, whole: bool) -> Look;
}

/// All that there is of a subject.
#[derive(Debug)]
pub(in crate::local) struct Look {
    /// The revision at that moment.
    pub(in crate::local) revision: u64,
    /// What was written down.
    pub(in crate::local) notes: Notes,
}

/// A subject, and what it was when it was looked at last.
pub(in crate::local) struct Compared<S> {
    subject: S,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    revision: Option<u64>,
    /// Digests of values by key: the values themselves are in the log.
    digests: BTreeMap<String, [u8; 32]>,
}

impl<S: Subject> Compared<S> {
    /// Nothing of it is in the log yet.
    pub(in crate::local) fn new(subject: S) -> Self {
        Self {
            subject,
            last: Mutex::default(),
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subject> Part for Compared<S> {
    fn has_news(&self) -> bool {
        self.last().revision != Some(self.subject.revision())
    }

    fn news(&self, whole: bool) -> Result<News, NotesError> {
        let Look { revision, notes } = self.subject.look(whole);
        if let Some(wrong) = notes.wrong {
            return Err(wrong);
        }
        let mut last = self.last();
        let mut before = std::mem::take(&mut last.digests);
        let mut news = News::default();
        for (key, value) in notes.entries {
            let digest = Sha256::digest(&value).into();
            if before.remove(&key) != Some(digest) || whole {
                news.changes.push((key.clone(), Some(value)));
            }
            last.digests.insert(key, digest);
        }
        if !whole {
            news.changes.extend(before.into_keys().map(|key| (key, None)));
        }
        let added = notes.added.into_iter().map(|(key, value)| (key, Some(value)));
        news.changes.extend(added);
        last.revision = Some(revision);
        Ok(news)
    }
}
