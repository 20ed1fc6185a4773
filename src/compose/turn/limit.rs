//! How long a release waits for its turn.

use std::time::Duration;

use super::NotBegun;
use crate::driver::{Busy, Seat};
use crate::model::{Clock, Span, Timestamp};
use crate::release::Release;
use crate::release::preflight::Problem;

/// The end of all waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    length: Span,
    /// On the clock that does not jump.
    pub(super) end: Duration,
    /// The same by the time of day, to be told.
    pub(super) until: Timestamp,
}

impl Limit {
    /// So long from now.
    pub(super) fn new(clock: &dyn Clock, length: Span) -> Self {
        Self {
            length,
            end: clock.since_boot().saturating_add(length.get()),
            until: clock.now() + length.get(),
        }
    }

    pub(super) fn is_over(&self, clock: &dyn Clock) -> bool {
        clock.since_boot() >= self.end
    }

    /// Why this release does not wait for that one any longer.
    pub(super) fn passed(&self, seat: &Seat, holder: &Release) -> NotBegun {
        let clock = seat.clock.as_ref();
        let busy = Busy::new(holder, clock.now());
        let waited = if self.is_over(clock) {
            format!(
                "this release has waited {} for its turn, and waits no longer",
                self.length
            )
        } else {
            "this release waits no longer for somebody to go on with it".to_owned()
        };
        NotBegun::Refused(vec![Problem::new(
            Busy::CODE,
            format!("{busy}; {waited}"),
            busy.advice(),
        )])
    }
}
