//! What is kept of alarms when their cloud ends: all of them, with their states.
//!
//! Measurements are not kept. The minutes in which no cloud ran are not gone through, and an alarm stays as it was until no data point
//! that it looks at is missing for having been forgotten.

use super::Alarms;
use super::alarm::Alarm;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

const ALARMS: &str = "alarm/";

impl Alarms {
    /// Writes down all that is to be kept.
    pub(in crate::local::metrics) fn remember(&self, notes: &mut Notes) {
        for (name, alarm) in &self.alarms {
            notes.put(format!("{ALARMS}{name}"), alarm);
        }
    }

    /// Goes on with what was kept.
    pub(in crate::local::metrics) fn recall(&mut self, kept: &Kept, now: Timestamp) -> Result<(), NotesError> {
        let alarms = kept.all::<Alarm>(ALARMS)?;
        self.alarms = alarms.into_iter().collect();
        self.evaluated = None;
        self.recalled = (!self.alarms.is_empty()).then_some(now);
        self.changes += 1;
        Ok(())
    }
}
