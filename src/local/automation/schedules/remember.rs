//! What EventBridge Scheduler keeps when its cloud ends. What should have fired meanwhile does so
//! once when the cloud is back.

use super::{Schedule, Schedules};
use crate::local::automation::Account;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

const SCHEDULES: &str = "schedule/";

impl Schedules {
    /// Writes down all that is to be kept.
    pub(in super::super) fn remember(&self, notes: &mut Notes) {
        for (name, schedule) in &self.schedules {
            notes.put(format!("{SCHEDULES}{name}"), schedule);
        }
    }

    /// Goes on with what was kept.
    pub(in super::super) fn recall(
        &mut self,
        kept: &Kept,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<(), NotesError> {
        for (name, mut schedule) in kept.all::<Schedule>(SCHEDULES)? {
            schedule.wake(account, now);
            self.schedules.insert(name, schedule);
        }
        Ok(())
    }
}
