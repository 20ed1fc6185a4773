//! What Lambda, CodePipeline and EventBridge Scheduler keep when their cloud ends.
//!
//! An asynchronous invocation that was under way is tried again: its event may have been handled once more than it was sent, as
//! on AWS. Nobody waits any more for the answer of another one.

use std::path::Path;

use super::Automation;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

/// How many ids were made.
const COUNTER: &str = "automation";

impl Automation {
    /// Grows whenever something may have changed that is remembered.
    pub(in crate::local) fn changes(&self) -> u64 {
        self.changes
    }

    /// Writes down all that is to be kept.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTER, &self.account.ids.made());
        self.functions.remember(notes);
        self.pipelines.remember(notes);
        self.schedules.remember(notes);
    }

    /// Goes on with what was kept. `files` is the folder of the object store's files.
    pub(in crate::local) fn recall(&mut self, kept: &Kept, files: &Path, now: Timestamp) -> Result<(), NotesError> {
        self.account.ids.go_on_after(kept.one(COUNTER)?.unwrap_or_default());
        self.functions.recall(kept, files, now)?;
        self.pipelines.recall(kept)?;
        self.schedules.recall(kept)?;
        self.changes += 1;
        Ok(())
    }

    /// The object store's files that functions are made from.
    pub(in crate::local) fn files(&self) -> impl Iterator<Item = &Path> {
        self.functions.files()
    }
}
