//! What is kept of alarms when their cloud ends: all of them, with their states.
//!
//! Measurements are not kept. The minutes in which no cloud ran are not gone through, and an alarm that waits for data stays as
//! it was until its load balancer is measured again.

use super::Alarms;
use super::alarm::Alarm;
use crate::local::memory::{Kept, Notes, NotesError};

const ALARMS: &str = "alarm/";

impl Alarms {
    /// Writes down all that is to be kept.
    pub(in crate::local::metrics) fn remember(&self, notes: &mut Notes) {
        for (name, alarm) in &self.alarms {
            notes.put(format!("{ALARMS}{name}"), alarm);
        }
    }

    /// Goes on with what was kept.
    pub(in crate::local::metrics) fn recall(&mut self, kept: &Kept) -> Result<(), NotesError> {
        let alarms = kept.all::<Alarm>(ALARMS)?;
        self.alarms = alarms.into_iter().collect();
        self.evaluated = None;
        self.changes += 1;
        Ok(())
    }
}
