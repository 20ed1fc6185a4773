//! What EventBridge Scheduler keeps when its cloud ends. What should have fired meanwhile does when the cloud is back.

use super::{Schedule, Schedules};
use crate::local::memory::{Kept, Notes, NotesError};

const SCHEDULES: &str = "schedule/";

impl Schedules {
    /// Writes down all that is to be kept.
    pub(in super::super) fn remember(&self, notes: &mut Notes) {
        for (name, schedule) in &self.schedules {
            notes.put(format!("{SCHEDULES}{name}"), schedule);
        }
    }

    /// Goes on with what was kept.
    pub(in super::super) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        self.schedules = kept.all::<Schedule>(SCHEDULES)?.into_iter().collect();
        Ok(())
    }
}
