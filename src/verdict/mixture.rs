//! Bets on faults of several sizes that may have begun at any time.

use serde::{Deserialize, Serialize};

use super::math::within_range;

/// How many sizes are bet on.
pub(super) const SIZES: usize = 6;

/// E-values, or weights: one for each size.
pub(super) type Each = [f64; SIZES];

/// The part of the stake that is set on a fault that is there from green's first request.
pub(super) const AT_THE_SHIFT: f64 = 0.85;

/// In the first 300 windows a 150th of what is left for late faults is set on each; later the part falls, so that a fault can still be
/// found after hours.
const LEAST_SHARES: f64 = 150.0;

/// Winnings of a stake of 1 that is split over sizes of faults and times of their start.
///
/// Winnings are kept as they are and not as logarithms: what is added is positive, so nothing is lost by that, the range is held by
/// [`within_range`], and it costs a quarter of the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mixture {
    first: Each,
    late: Each,
    left: f64,
    windows: f64,
}

impl Default for Mixture {
    fn default() -> Self {
        Self {
            first: [AT_THE_SHIFT; SIZES],
            late: [0.0; SIZES],
            left: 1.0 - AT_THE_SHIFT,
            windows: 0.0,
        }
    }
}

impl Mixture {
    /// Takes a window's e-values: those of the bets that run since the shift, and those of bets set later, which may have a higher
    /// lid.
    pub(super) fn step(&mut self, first: &Each, late: &Each) {
        let set = if self.windows == 0.0 {
            0.0
        } else {
            self.left / (0.5 * self.windows).max(LEAST_SHARES)
        };
        self.step_with(set, first, late);
    }

    fn step_with(&mut self, set: f64, first: &Each, late: &Each) {
        let set = set.min(self.left);
        self.left -= set;
        self.windows += 1.0;
        for size in 0..SIZES {
            self.first[size] = within_range(self.first[size] * first[size]);
            self.late[size] = within_range((self.late[size] + set) * late[size]);
        }
    }

    /// What a bet on one window alone has won, with the parts of the sizes among later bets.
    pub(super) fn alone(values: &Each, parts: &Each) -> f64 {
        values.iter().zip(parts).map(|(value, part)| value * part).sum()
    }

    /// What the stake has grown to, with the parts of the sizes among bets since the shift, and among later ones.
    pub(super) fn value(&self, first: &Each, late: &Each) -> f64 {
        let sizes: f64 = (0..SIZES)
            .map(|size| first[size] * self.first[size] + late[size] * self.late[size])
            .sum();
        sizes + self.left
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::e_value;
    use super::*;

    #[test]
    fn a_mixture_of_two_sizes_and_four_windows_has_the_reference_values() {
        // Half of the stake at the first window, the rest even over four.
        let mut mixture = Mixture {
            first: [0.5; SIZES],
            left: 0.5,
            ..Mixture::default()
        };
        let weights = [0.5, 0.5, 0.0, 0.0, 0.0, 0.0];
        let windows = [(0.5, -0.2), (1.0, 0.3), (0.0, 0.0), (2.0, 1.0)];
        let expected = [0.110_523_868, 0.706_050_467, 0.706_050_467, 2.476_790_371];
        for (at, ((one, two), expected)) in windows.into_iter().zip(expected).enumerate() {
            let logs = [one, two, 0.0, 0.0, 0.0, 0.0].map(f64::exp);
            mixture.step_with(if at == 0 { 0.0 } else { 0.125 }, &logs, &logs);
            let value = mixture.value(&weights, &weights).ln();
            assert!((value - expected).abs() < 1e-8, "window {at}: {value}");
        }
    }

    #[test]
    fn the_stake_is_never_more_than_one() {
        let mut mixture = Mixture::default();
        let weights = [1.0 / SIZES as f64; SIZES];
        for _ in 0..10_000 {
            assert!((mixture.value(&weights, &weights) - 1.0).abs() < 1e-9);
            mixture.step(&[1.0; SIZES], &[1.0; SIZES]);
        }
        assert!(mixture.left > 0.0 && mixture.left < 0.01);
    }

    #[test]
    fn winnings_stay_numbers() {
        let mut mixture = Mixture::default();
        for sign in [300.0, -300.0, 300.0].map(e_value) {
            for _ in 0..50 {
                mixture.step(&[sign; SIZES], &[sign; SIZES]);
                assert!(mixture.value(&[0.2; SIZES], &[0.2; SIZES]).is_finite());
            }
        }
    }
}
