//! Whether blue has lost its traffic, or only happens to have none in a window.

use serde::{Deserialize, Serialize};

use crate::verdict::evalue::Count;
use crate::verdict::window::Arm;

/// The least part of its traffic that blue is believed to have been left with.
const LEAST_PART: f64 = 0.05;

/// So many requests blue would have had meanwhile, on average, for its silence to be no chance.
const MISSED: f64 = 8.0;

/// For how long blue has been silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gone {
    silent_s: f64,
    /// For how long its requests are known.
    known_s: f64,
}

impl Gone {
    /// Takes a window of that length. Where cutover's own requests are counted, a few users' may be hidden among them: then silence is none.
    pub(super) fn take(&mut self, blue: &Arm, length_s: f64) {
        let Some(Count { n, .. }) = blue.errors() else { return };
        self.known_s += length_s;
        self.silent_s = if n > 0.0 || blue.own.requests > 0.0 {
            0.0
        } else {
            self.silent_s + length_s
        };
    }

    /// Whether it is gone, if it had so many requests in all before.
    pub(super) fn is_so(self, blue: &Arm, past: Count) -> bool {
        blue.idle || past.n * LEAST_PART * self.silent_s >= MISSED * self.known_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is taken for gone after so many seconds of silence, and after a hundred windows with so many requests each.
    fn after(requests: f64, silent_s: u32) -> bool {
        let arm = |requests| Arm {
            requests: Some(requests),
            errors: Some(0.0),
            ..Arm::default()
        };
        let mut gone = Gone::default();
        for _ in 0..100 {
            gone.take(&arm(requests), 10.0);
        }
        for _ in 0..silent_s / 10 {
            gone.take(&arm(0.0), 10.0);
        }
        let past = Count {
            n: 100.0 * requests,
            k: 0.0,
        };
        gone.is_so(&arm(0.0), past)
    }

    #[test]
    fn a_silence_is_as_long_as_its_past_is_rare() {
        assert!(after(5000.0, 10) && after(500.0, 10));
        assert!(!after(10.0, 150) && after(10.0, 200));
        assert!(!after(2.0, 600));
        assert!(!after(0.0, 6000), "it never had any");
    }

    #[test]
    fn what_is_unknown_or_hidden_is_no_silence() {
        let mut gone = Gone::default();
        let past = Count { n: 5000.0, k: 0.0 };
        let hidden = Arm {
            requests: Some(20.0),
            errors: Some(0.0),
            own: crate::verdict::Own {
                requests: 20.0,
                failures: 0.0,
            },
            ..Arm::default()
        };
        gone.take(
            &Arm {
                requests: Some(5000.0),
                errors: Some(0.0),
                ..Arm::default()
            },
            10.0,
        );
        for blue in [&Arm::default(), &hidden] {
            gone.take(blue, 10.0);
            assert!(!gone.is_so(blue, past));
        }
        let idle = Arm { idle: true, ..hidden };
        assert!(gone.is_so(&idle, past));
    }
}
