//! Stretches of time in which nothing changes course.

use std::time::Duration;

use crate::model::Timestamp;

/// A moment as milliseconds, as all is reckoned here.
pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.as_millis()
}

/// A length as milliseconds.
pub(super) fn length(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds to reckon with.
#[expect(
    clippy::cast_precision_loss,
    reason = "lengths of time are far below 2^53 milliseconds"
)]
pub(super) fn amount(millis: i64) -> f64 {
    millis as f64
}

/// Three values of a rate: at the beginning, in the middle and at the end of a stretch.
pub(super) type Curve = [f64; 3];

/// A stretch between two moments. Rates are at most cubic in it, so that three values give the exact integral.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Stretch {
    /// Its three points in milliseconds, beginning at `origin`.
    pub(super) fn since(&self, origin: i64) -> Curve {
        let (from, until) = (amount(self.from - origin), amount(self.until - origin));
        [from, f64::midpoint(from, until), until]
    }

    /// How long it is, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        amount(self.until - self.from) / 1000.0
    }

    /// The integral of a rate per second, by Simpson's rule.
    pub(super) fn integral(&self, rate: &Curve) -> f64 {
        self.seconds() * (rate[0] + 4.0 * rate[1] + rate[2]) / 6.0
    }

    /// Whether it lies within two moments. It never lies across one at which something changes.
    pub(super) fn is_within(&self, from: i64, until: i64) -> bool {
        self.from >= from && self.until <= until && self.from < until
    }
}
