//! Windows in which everything was slow for a moment and then was not: a collection of garbage, a pause of the machine, a failover.

use serde::{Deserialize, Serialize};

use super::latency::{Curve, can_be};
use super::math::QUANTILES;

/// How far above the windows before and after it one must lie, as a logarithm of a ratio: half again as slow.
const ABOVE: f64 = 0.4;

/// So many requests must lie beyond a percentile: of fewer it moves as far by chance.
const BEYOND: f64 = 20.0;

/// The percentiles that show it: those of the slow ones.
const SLOW: [usize; 3] = [2, 3, 4];

/// What was seen of stalls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stalls {
    seen: bool,
    /// The last three windows of each arm, the newest first.
    blue: [[Option<f64>; 3]; 3],
    green: [[Option<f64>; 3]; 3],
}

impl Stalls {
    /// Whether there was one, on either arm: the next one may hit green alone, and cross from one window into the next.
    pub(super) fn seen(&self) -> bool {
        self.seen
    }

    /// Takes a window of both.
    pub(super) fn learn(&mut self, blue: Option<Curve>, green: Option<Curve>) {
        for (before, now) in [(&mut self.blue, blue), (&mut self.green, green)] {
            let Some(now) = now else { continue };
            let slow = SLOW.map(|at| {
                let told = now.points[at]
                    .filter(can_be)
                    .filter(|_| now.n * (1.0 - QUANTILES[at].q) >= BEYOND);
                told.map(f64::ln)
            });
            self.seen |= (0..SLOW.len()).any(|which| stalled(before.map(|window| window[which]), slow[which]));
            *before = [slow, before[0], before[1]];
        }
    }
}

/// Whether the last window, or the last two, lie above what was before and what is now.
fn stalled([last, second, third]: [Option<f64>; 3], now: Option<f64>) -> bool {
    let (Some(now), Some(last), Some(second)) = (now, last, second) else {
        return false;
    };
    let one = last - now.max(second);
    let two = third.map_or(f64::NEG_INFINITY, |third| last.min(second) - now.max(third));
    one.max(two) >= ABOVE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(n: f64, factors: &[f64]) -> bool {
        let mut stalls = Stalls::default();
        for factor in factors {
            let curve = Curve {
                n,
                own: 0.0,
                points: [Some(80.0), None, Some(196.0 * factor), None, None],
            };
            stalls.learn(None, Some(curve));
        }
        stalls.seen()
    }

    #[test]
    fn what_goes_back_is_a_stall_and_what_stays_is_none() {
        assert!(seen(500.0, &[1.0, 2.0, 1.0]));
        assert!(seen(500.0, &[1.0, 2.0, 3.0, 1.0]), "it may cross a border");
        assert!(
            !seen(500.0, &[1.0, 2.0]) && !seen(500.0, &[1.0, 2.0, 2.0, 2.0]),
            "nobody knows yet whether it goes back"
        );
        assert!(!seen(500.0, &[1.0, 2.0, 2.0, 2.0, 1.0]), "half a minute is an incident");
        assert!(!seen(500.0, &[1.0, 1.3, 1.0]) && !seen(500.0, &[2.0, 1.0, 1.0]));
        assert!(!seen(100.0, &[1.0, 2.0, 1.0]), "ten beyond it may lie anywhere");
        // The last is remembered.
        assert!(seen(500.0, &[1.0, 2.0, 1.0, 1.0, 1.0, 1.0]));
    }
}
