//! The detector for latencies of which every sample is known, but too few for percentiles: probes, and services with little traffic.

use serde::{Deserialize, Serialize};

use super::counts::{Lids, THETAS};
use super::evalue::{Count, two_arm_exchangeable};
use super::latency::{Curve, can_be};
use super::math::{QUANTILES, e_value};
use super::mixture::{Each, Mixture, SIZES};

/// From so many samples of each arm on percentiles serve better, because they know that windows differ.
pub(super) const ENOUGH: usize = 200;

/// A shift that matters puts most of green's samples above the median; larger ratios cannot occur there.
const WEIGHTS: Each = [0.0, 0.35, 0.35, 0.2, 0.1, 0.0];

/// How much longer green's samples may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Times blue's,
    pub(super) ratio: f64,
    /// and so many milliseconds more.
    pub(super) absolute_ms: f64,
}

/// Evidence that green's samples are longer than blue's times the tolerance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RankTest {
    middle: Mixture,
    tail: Mixture,
}

impl RankTest {
    /// Takes a window's samples, in milliseconds. If green's, less what is allowed, come from the same distribution as blue's, then which
    /// of the slow ones are green's is a matter of chance.
    pub(super) fn step(&mut self, green: &[f64], blue: &[f64], allowed: Allowed, lids: Lids) {
        let green: Vec<f64> = green
            .iter()
            .filter(|value| can_be(value))
            .map(|value| (value - allowed.absolute_ms) / allowed.ratio)
            .collect();
        let blue: Vec<f64> = blue.iter().copied().filter(can_be).collect();
        if green.is_empty() || blue.is_empty() {
            return;
        }
        let mut all: Vec<f64> = green.iter().chain(&blue).copied().collect();
        all.sort_by(f64::total_cmp);
        for (mixture, quantile) in [(&mut self.middle, QUANTILES[0]), (&mut self.tail, QUANTILES[2])] {
            let at = (quantile.q * all.len() as f64) as usize;
            let bound = all[at.min(all.len() - 1)];
            let over = |samples: &[f64]| Count {
                n: samples.len() as f64,
                k: samples.iter().filter(|value| **value > bound).count() as f64,
            };
            let (green, blue) = (over(&green), over(&blue));
            let mut first = [0.0; SIZES];
            let mut late = [0.0; SIZES];
            for size in 0..SIZES {
                let value = e_value(two_arm_exchangeable(THETAS[size], green, blue));
                first[size] = value.min(lids.first);
                late[size] = value.min(lids.late);
            }
            mixture.step(&first, &late);
        }
    }

    /// Takes back what speaks against green.
    pub(super) fn forget(&mut self) {
        if self.value() > 1.0 {
            *self = Self::default();
        }
    }

    pub(super) fn value(&self) -> f64 {
        0.6 * self.middle.value(&WEIGHTS, &WEIGHTS) + 0.4 * self.tail.value(&WEIGHTS, &WEIGHTS)
    }
}

/// The percentiles of many samples.
pub(super) fn curve(samples: &[f64]) -> Curve {
    let mut sorted: Vec<f64> = samples.iter().copied().filter(can_be).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let points = QUANTILES.map(|quantile| {
        let at = (quantile.q * sorted.len() as f64) as usize;
        sorted.get(at.min(last)).copied()
    });
    Curve {
        n: sorted.len() as f64,
        own: 0.0,
        points,
    }
}
