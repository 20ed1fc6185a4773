//! The detector for latency: evidence that one part of green's latencies is longer than the tolerance allows.

use serde::{Deserialize, Serialize};

use super::counts::Lids;
use super::latency::{BEYOND, Curve, Gap, can_be};
use super::math::{QUANTILES, e_value};
use super::mixture::{Each, Mixture, SIZES};

/// How many standard deviations beyond the tolerance a percentile of few requests is believed at most.
const BELIEVED: f64 = 2.5;

/// Regressions beyond the tolerance that are bet on, as logarithms of ratios: from a twentieth to two and a half times. The last
/// has no part.
const SHIFTS: Each = [0.05, 0.1, 0.2, 0.42, 0.9, 0.9];

/// Their parts.
const WEIGHTS: Each = [0.36, 0.22, 0.22, 0.12, 0.08, 0.0];

/// The same of later bets.
const LATE_WEIGHTS: Each = [0.15, 0.2, 0.35, 0.2, 0.1, 0.0];

/// How many windows the noise that is expected before anything was seen is worth.
const NOISE_WEIGHT: f64 = 6.0;

/// What part of an arm's variance from window to window is expected to be its own, and not both arms'.
const OWN_PART: f64 = 1.0 / 8.0;

/// The most that is expected, as a variance: a tenth.
const MOST_NOISE: f64 = 0.01;

/// For small regressions that begin late, how many times the least noise two environments are allowed to differ for minutes; which
/// sizes are small; and the least variance that is believed when one of those is bet on.
const LASTING: f64 = 3.0;
const SMALL: usize = 2;
const LEAST_VARIANCE: f64 = 0.0027;

/// How much a window says of the noise even if all of its difference may be chance, as a part of 1.
const HIDDEN: f64 = 0.2;

/// What two good environments differ by from window to window, beyond chance of sampling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Noise {
    squares: f64,
    weight: f64,
    last: Option<(f64, f64)>,
}

impl Default for Noise {
    fn default() -> Self {
        Self {
            squares: 0.0,
            weight: NOISE_WEIGHT,
            last: None,
        }
    }
}

/// How blue's latency moves from window to window before the shift.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Swings {
    squares: f64,
    windows: f64,
    last: Option<(f64, f64)>,
}

impl Swings {
    /// Takes a window of blue.
    pub(super) fn learn(&mut self, curve: Curve) {
        let [Some(half), _, Some(most), ..] = curve.points else {
            return;
        };
        if !(can_be(&half) && can_be(&most) && most > half && curve.n * 0.1 >= BEYOND) {
            return;
        }
        let slope = (most / half).ln() / QUANTILES[2].z;
        let (value, variance) = (half.ln(), 0.25 * (slope / QUANTILES[0].density).powi(2) / curve.n);
        if let Some((before, variance_before)) = self.last {
            let beyond = 0.5 * (value - before).powi(2) - 0.5 * (variance + variance_before);
            // An incident that begins or ends is no swing.
            self.squares += beyond.min(0.1);
            self.windows += 1.0;
        }
        self.last = Some((value, variance));
    }

    /// The variance that an arm's own noise is expected to have; at least that of `least`.
    fn own(&self, least: f64) -> f64 {
        let seen = if self.windows >= 5.0 {
            self.squares / self.windows
        } else {
            0.0
        };
        (OWN_PART * seen).clamp(least * least, MOST_NOISE.max(least * least))
    }
}

impl Noise {
    fn variance(&self) -> f64 {
        self.squares / self.weight
    }

    fn learn(&mut self, gap: Gap, least: f64) {
        if let Some((difference, variance)) = self.last {
            let sampling = 0.5 * (gap.variance + variance);
            let beyond = 0.5 * (gap.difference - difference).powi(2) - sampling;
            // Where chance of sampling hides it, a window says little of the noise.
            let own = self.variance();
            let says = (own + HIDDEN * sampling) / (own + sampling);
            self.squares += says * beyond.min(9.0 * (own + sampling));
            self.weight += says;
            self.squares = self.squares.max(2.0 * least * least * self.weight);
        }
        self.last = Some((gap.difference, gap.variance));
    }
}

/// Evidence that one part of green's latencies is longer than the tolerance allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct GapTest {
    mixture: Mixture,
    noise: Noise,
}

impl GapTest {
    /// Says what noise to expect, before the first window.
    pub(super) fn expect(&mut self, swings: &Swings, least: f64) {
        self.noise.squares = NOISE_WEIGHT * 2.0 * swings.own(least);
    }

    /// How far the gap lies above a bound, in standard deviations, as far as they were known before this window.
    pub(super) fn beyond(&self, gap: Gap, bound: f64) -> f64 {
        (gap.difference - bound) / (gap.variance + self.noise.variance()).sqrt()
    }

    /// The gap of few requests as far as it is believed. One that times out moves their slowest hundredth from one end of the curve to
    /// the other, as no chance does on which its variance is reckoned.
    pub(super) fn believed(&self, gap: Gap, tolerance: f64) -> Gap {
        let most = tolerance + BELIEVED * (gap.variance + self.noise.variance()).sqrt();
        Gap {
            difference: gap.difference.min(most),
            ..gap
        }
    }

    /// Takes a window. `tolerance` is the logarithm of the ratio that is allowed, `least_noise` one arm's standard deviation. Gives what
    /// this window alone says.
    pub(super) fn step(&mut self, gap: Gap, tolerance: f64, least_noise: f64, lids: Lids) -> f64 {
        let excess = gap.difference - tolerance;
        let variance = gap.variance + self.noise.variance();
        let lasting = LASTING * 2.0 * least_noise * least_noise;
        let mut first = [0.0; SIZES];
        let mut late = [0.0; SIZES];
        for size in 0..SIZES {
            let bet = SHIFTS[size] * (excess - 0.5 * SHIFTS[size]);
            let is_small = size < SMALL;
            let (now, later) = if is_small {
                (variance.max(LEAST_VARIANCE), variance + lasting)
            } else {
                (variance, variance)
            };
            let value = e_value(bet / now);
            let late_value = if now == later { value } else { e_value(bet / later) };
            first[size] = value.min(lids.first);
            late[size] = late_value.min(lids.late);
        }
        self.mixture.step(&first, &late);
        self.noise.learn(gap, least_noise);
        Mixture::alone(&late, &LATE_WEIGHTS)
    }

    /// Takes back what speaks against green. How noisy both are stays known.
    pub(super) fn forget(&mut self) {
        if self.value() > 1.0 {
            self.mixture = Mixture::default();
        }
    }

    pub(super) fn value(&self) -> f64 {
        self.mixture.value(&WEIGHTS, &LATE_WEIGHTS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::latency::tests::curve;
    use super::*;

    #[test]
    fn parts_sum_to_one() {
        for weights in [WEIGHTS, LATE_WEIGHTS] {
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn noise_is_expected_from_how_blue_swings() {
        let after = |swing: f64| {
            let mut swings = Swings::default();
            for at in 0..40 {
                let middle = 80.0 * (1.0 + if at % 2 == 0 { swing } else { -swing });
                swings.learn(curve(1e6, middle, middle * 2.45, middle * 5.1));
            }
            swings.own(0.03).sqrt()
        };
        assert_eq!(after(0.0), 0.03);
        assert!((after(0.12) - 0.06).abs() < 0.002, "{}", after(0.12));
        assert!(after(0.9) <= 0.1 + 1e-12);
    }

    #[test]
    fn noise_is_learnt_from_windows_and_never_below_the_least() {
        let gap = |difference: f64| Gap {
            difference,
            variance: 1e-4,
            doubt: 0.0,
            green: 1.0,
            blue: 1.0,
            q: 0.5,
            beyond: 50.0,
            weight: 50.0,
        };
        let mut noise = Noise {
            squares: NOISE_WEIGHT * 2.0 * 0.03 * 0.03,
            ..Noise::default()
        };
        for at in 0..200 {
            noise.learn(gap(if at % 2 == 0 { 0.1 } else { -0.1 }), 0.03);
        }
        assert!((noise.variance() - 0.02).abs() < 0.002, "{}", noise.variance());
        for _ in 0..2000 {
            noise.learn(gap(0.1), 0.03);
        }
        assert!((noise.variance() - 0.0018).abs() < 1e-9, "{}", noise.variance());
    }
}
