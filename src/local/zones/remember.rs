//! What Route 53 keeps when its cloud ends.

use super::checks::HealthCheck;
use super::zone::Zone;
use super::{ChangeState, Zones};
use crate::local::memory::{Kept, Notes, NotesError};

/// How many ids were made, and when the last change is heard of.
const COUNTERS: &str = "zones";
const ZONES: &str = "hosted zone/";
const CHANGES: &str = "change/";
const CHECKS: &str = "health check/";

impl Zones {
    /// Grows whenever something may have changed that is remembered.
    pub(in crate::local) fn changes(&self) -> u64 {
        self.changed
    }

    /// Writes down all that is to be kept.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTERS, &(self.ids.made(), self.last_heard));
        for (id, zone) in &self.zones {
            notes.put(format!("{ZONES}{id}"), zone);
        }
        for (id, change) in &self.changes {
            notes.put(format!("{CHANGES}{id}"), change);
        }
        for (id, check) in &self.checks {
            notes.put(format!("{CHECKS}{id}"), check);
        }
    }

    /// Goes on with what was kept.
    pub(in crate::local) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        if let Some((ids, last_heard)) = kept.one(COUNTERS)? {
            self.ids.go_on_after(ids);
            self.last_heard = last_heard;
        }
        self.zones = kept.all::<Zone>(ZONES)?.into_iter().collect();
        self.changes = kept.all::<ChangeState>(CHANGES)?.into_iter().collect();
        self.checks = kept.all::<HealthCheck>(CHECKS)?.into_iter().collect();
        self.changed += 1;
        Ok(())
    }
}
