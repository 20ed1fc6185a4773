//! The moment at which a process is killed.

use std::fmt;
use std::time::Duration;

use crate::support::random::Random;

/// When. Waits are long and calls are short, so moments are drawn from the clock, from the journal and from the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// So long after it was started.
    Time(Duration),
    /// So long after it has written so many entries.
    Entry(usize, Duration),
    /// So long after so many of its calls that may change something have come by.
    Call(usize, Duration),
    /// The same, of calls that must not happen twice.
    Dangerous(usize, Duration),
}

impl Moment {
    /// One at random. `usual` is how long a release usually takes; `later` is for a process that goes on with one.
    pub(super) fn draw(random: &mut Random, usual: Duration, later: bool) -> Self {
        // What is left for a later process is less.
        let (usual, entries, calls, dangerous) = if later {
            (usual / 2, 22, 4, 2)
        } else {
            (usual, 44, 8, 3)
        };
        let share = random.share();
        let up_to = |most: Duration| most.mul_f64(share);
        match random.index(4) {
            0 => Self::Time(up_to(usual)),
            1 => Self::Entry(1 + random.index(entries), up_to(Duration::from_millis(20))),
            2 => Self::Call(1 + random.index(calls), up_to(Duration::from_millis(8))),
            _ => Self::Dangerous(1 + random.index(dangerous), up_to(Duration::from_millis(8))),
        }
    }

    /// How long after what is counted.
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Time(delay) | Self::Entry(_, delay) | Self::Call(_, delay) | Self::Dangerous(_, delay) => delay,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(delay) => write!(f, "after {delay:.0?}"),
            Self::Entry(count, delay) => write!(f, "{delay:.1?} after entry {count}"),
            Self::Call(count, delay) => write!(f, "{delay:.1?} after call {count}"),
            Self::Dangerous(count, delay) => write!(f, "{delay:.1?} after dangerous call {count}"),
        }
    }
}
