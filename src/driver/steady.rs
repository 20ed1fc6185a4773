//! The driver's time of day: the machine's, read once, and counted on by a clock that does not jump.
//!
//! A release waits for what must be waited out, and a time of day that somebody sets forward would cut such a wait short. So
//! the driver does not follow a clock that is set; it notices, and takes the release over from itself with the new time, by
//! which all moments of the release move too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Clock, Timestamp};

/// A clock that differs by more has been set. Less than the shortest wait that protects anything, and more than a busy machine
/// needs between two readings.
const SET: Duration = Duration::from_secs(5);

/// The time of a driver.
pub(super) struct Steady {
    clock: Arc<dyn Clock>,
    /// A time of day, and the other clock's reading at that moment.
    anchor: Mutex<(Timestamp, Duration)>,
}

impl Steady {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let anchor = (clock.now(), clock.since_boot());
        Self {
            clock,
            anchor: Mutex::new(anchor),
        }
    }

    /// The machine's time of day, if its clock was set since this one was.
    pub(super) fn was_set(&self) -> Option<Timestamp> {
        let (here, there) = (self.now(), self.clock.now());
        (here.since(there).max(there.since(here)) > SET).then_some(there)
    }

    /// Goes on from the machine's time of day.
    pub(super) fn follow(&self) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = (self.clock.now(), self.clock.since_boot());
    }
}

impl Clock for Steady {
    fn now(&self) -> Timestamp {
        let (at, boot) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        at + self.clock.since_boot().saturating_sub(boot)
    }

    fn since_boot(&self) -> Duration {
        self.clock.since_boot()
    }
}
