//! The detector for failures that are counted: server errors, and client errors with a tolerance of their own.

use serde::{Deserialize, Serialize};

use super::dispersion::Dispersion;
use super::evalue::{Count, Theta, bounded_rate, null_share, one_arm, share_bet, two_arm};
use super::math::e_value;
use super::mixture::{Each, Mixture, SIZES};
use super::policy::Tolerance;

/// Ratios that are bet on: from a little worse to all but dead.
pub(super) const THETAS: [Theta; SIZES] = [
    Theta::new(1.25, 0.223_143_551_314_209_76),
    Theta::new(1.65, 0.500_775_287_912_489_2),
    Theta::new(2.7, 0.993_251_773_010_283_4),
    Theta::new(4.5, 1.504_077_396_776_274_2),
    Theta::new(9.0, 2.197_224_577_336_219_6),
    Theta::new(40.0, 3.688_879_454_113_936_3),
];

/// Their parts of the stake: small regressions have the least room.
const THETA_WEIGHTS: Each = [0.04, 0.32, 0.26, 0.21, 0.11, 0.06];

/// The same of later bets: small regressions that begin late are too slow to be found before the end, and do little harm.
const LATE_WEIGHTS: Each = [0.02, 0.12, 0.25, 0.35, 0.18, 0.08];

/// Stakes on green's share of the failures, in units of 1 / pi.
const LAMBDAS: Each = [0.04, 0.1, 0.25, 0.5, 0.75, 0.92];

/// Their parts.
const LAMBDA_WEIGHTS: Each = [0.02, 0.1, 0.15, 0.25, 0.29, 0.19];

/// What is lost because the stake is split over sizes, start at the shift, and later starts, as logarithms: about as much as one
/// size of two or three neighbours, and one window of a few hundred, have.
const SIZE_TOLL: f64 = 2.2;
const START_TOLL: f64 = 0.16;
const LATE_TOLL: f64 = 7.6;

/// What is kept back from every window's bet on counts, as a part of the stake: without storms so far, and with some. Then a storm that hits
/// blue costs little of what was won. A mixture with 1 is an e-value as much as the bet itself.
const HEDGE: f64 = 0.003;
pub(super) const STORM_HEDGE: f64 = 0.18;

/// A green of which so many requests of a window fail, and this part of them, is dead.
const DEAD_FAILURES: f64 = 5.0;
const DEAD_PART: f64 = 0.9;

/// And more than so many times those of the largest storm so far, or of one window after another: a storm may be as many as an arm has
/// requests.
const BEYOND_STORMS: f64 = 2.0;

/// How much one window may say, as an e-value, for bets that run since the shift and for later ones.
///
/// A single window is one storm as easily as a fault, so that two must be needed; and two must be enough. What is needed beyond
/// `ln(1 / budget)` are the tolls: the detector's part of the budget, the size's part, and the start's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lids {
    pub(super) first: f64,
    pub(super) late: f64,
}

impl Lids {
    /// For a detector that has that part of the budget.
    pub(super) fn new(budget: f64, part: f64) -> Self {
        let needed = SIZE_TOLL - (budget * part.max(1e-3)).ln();
        Self {
            first: (0.5 * (needed + START_TOLL)).exp(),
            late: (0.5 * (needed + LATE_TOLL)).exp(),
        }
    }
}

impl Lids {
    /// The same where three windows must be needed, because what is slow for a moment may cross from one into the next.
    pub(super) fn for_three(self) -> Self {
        Self {
            first: self.first.powf(2.0 / 3.0),
            late: self.late.powf(2.0 / 3.0),
        }
    }

    fn below(self, most: f64) -> Self {
        Self {
            first: self.first.min(most),
            late: self.late.min(most),
        }
    }
}

/// Green's and blue's failures of one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) green: Count,
    pub(super) blue: Count,
}

/// Evidence that green fails more often than the tolerance allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CountTest {
    counts: Mixture,
    shares: Mixture,
    #[serde(default)]
    dead: Dead,
}

/// Whether green is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Dead {
    /// Whether it looked so in its last window.
    before: bool,
}

impl Dead {
    /// Whether a window shows it, unless blue is `down` as well. No storm takes down nearly all requests of a large window: that green
    /// is dead can be said at once.
    fn takes(&mut self, green: Count, past: &Dispersion, down: bool) -> bool {
        let looks = !down && green.k >= DEAD_FAILURES && green.k >= DEAD_PART * green.n;
        let again = std::mem::replace(&mut self.before, looks);
        looks && (again || green.k > BEYOND_STORMS * past.largest_storm())
    }
}

impl CountTest {
    /// Takes a window in which green had requests. Without a request to blue it says nothing. A green that is dead is found in
    /// one window unless blue is `down` as well. Gives what the counts of this window alone say.
    pub(super) fn step(&mut self, pair: Pair, tolerance: Tolerance, lids: Lids, past: &Dispersion, down: bool) -> f64 {
        let Pair { green, blue } = pair;
        if green.n <= 0.0 || blue.n <= 0.0 {
            return 1.0;
        }
        let share = null_share(green.n, blue.n, tolerance.ratio);
        // An outage of both takes down all of it too, and a window of blue that ended seconds before green's need not show it yet.
        let is_dead = self.dead.takes(green, past, down);
        let factor = past.factor();
        let hedge = if past.storms() > 0 { STORM_HEDGE } else { HEDGE };
        let mut first = [0.0; SIZES];
        let mut late = [0.0; SIZES];
        for size in 0..SIZES {
            let log = two_arm(THETAS[size], share, green, blue, tolerance.absolute) / factor;
            let value = hedged(e_value(log), hedge);
            let lids = if past.storms() > 0 {
                lids.below(fair_lid(THETAS[size], share, past.smallest_storm() / factor, hedge))
            } else {
                lids
            };
            first[size] = if is_dead { value } else { value.min(lids.first) };
            late[size] = if is_dead { value } else { value.min(lids.late) };
        }
        self.counts.step(&first, &late);
        let alone = Mixture::alone(&late, &LATE_WEIGHTS);
        let shared = if past.storms() > 0 {
            lids.below(1.0 / share)
        } else {
            lids
        };
        let share = past.expected_share(share);
        for size in 0..SIZES {
            let value = share_bet(LAMBDAS[size], share, green, blue, tolerance.absolute);
            first[size] = value.min(shared.first);
            late[size] = value.min(shared.late);
        }
        self.shares.step(&first, &late);
        alone
    }

    /// Takes back what speaks against green.
    pub(super) fn forget(&mut self) {
        if self.counts() > 1.0 {
            self.counts = Mixture::default();
        }
        if self.shares() > 1.0 {
            self.shares = Mixture::default();
        }
    }

    /// What a stake on independent failures has grown to.
    pub(super) fn counts(&self) -> f64 {
        self.counts.value(&THETA_WEIGHTS, &LATE_WEIGHTS)
    }

    /// What a stake on failures in groups has grown to.
    pub(super) fn shares(&self) -> f64 {
        self.shares.value(&LAMBDA_WEIGHTS, &LAMBDA_WEIGHTS)
    }
}

/// Evidence against a fixed ceiling of green's rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CeilingTest {
    mixture: Mixture,
    #[serde(default)]
    dead: Dead,
}

impl CeilingTest {
    /// Takes a window in which green had requests. Where it is said to `convict`, a green that is dead is found in one window.
    pub(super) fn step(&mut self, green: Count, ceiling: f64, lids: Lids, past: &Dispersion, convict: bool) {
        if green.n <= 0.0 {
            return;
        }
        let is_dead = self.dead.takes(green, past, !convict);
        let factor = past.stormy_factor();
        let mut first = [0.0; SIZES];
        let mut late = [0.0; SIZES];
        for size in 0..SIZES {
            // Nothing in the same window says whether it was a storm. So four windows are needed where two are otherwise.
            let value = e_value(one_arm(THETAS[size], green, ceiling) / factor);
            first[size] = if is_dead { value } else { value.min(lids.first.sqrt()) };
            late[size] = if is_dead { value } else { value.min(lids.late.sqrt()) };
        }
        self.mixture.step(&first, &late);
    }

    /// Takes back what speaks against green.
    pub(super) fn forget(&mut self) {
        if self.value() > 1.0 {
            self.mixture = Mixture::default();
        }
    }

    pub(super) fn value(&self) -> f64 {
        self.mixture.value(&THETA_WEIGHTS, &LATE_WEIGHTS)
    }
}

/// The lid with which a bet stays fair where storms occur. One hits green with probability pi, and then the lid is won; otherwise it hits
/// blue, and so much is left as blue's failures and the hedge leave.
fn fair_lid(theta: Theta, share: f64, storm: f64, hedge: f64) -> f64 {
    let left = hedge + (1.0 - hedge) * (-storm * (share * (theta.value - 1.0)).ln_1p()).exp();
    ((1.0 - (1.0 - share) * left) / share).max(1.0)
}

/// A bet of which a part is kept back.
pub(super) fn hedged(value: f64, kept: f64) -> f64 {
    kept + (1.0 - kept) * value
}

/// The ceiling that blue has left behind, once nothing comes from it any more.
pub(super) fn frozen_ceiling(past: Count, tolerance: Tolerance, budget: f64) -> f64 {
    bounded_rate(past, -budget.ln()) + tolerance.absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_their_numbers_and_parts_sum_to_one() {
        for theta in THETAS {
            assert!((theta.value.ln() - theta.log).abs() < 1e-12, "{theta:?}");
        }
        for weights in [THETA_WEIGHTS, LATE_WEIGHTS, LAMBDA_WEIGHTS] {
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!(LAMBDAS.iter().all(|lambda| *lambda < 1.0));
    }

    #[test]
    fn two_windows_at_the_lid_are_enough_and_one_is_not() {
        for (budget, part) in [(0.01, 0.5), (0.01, 0.1), (0.001, 0.5)] {
            let lids = Lids::new(budget, part);
            let needed = 1.0 / (budget * part);
            assert!(
                lids.first < needed && lids.first * lids.first > 3.0 * needed,
                "{lids:?}"
            );
            assert!(lids.late < 300.0 * needed && lids.late > lids.first);
        }
    }

    #[test]
    fn a_fair_lid_is_fair() {
        for share in [0.01, 0.05, 0.25, 0.5, 0.9] {
            for theta in THETAS {
                for storm in [10.0, 100.0] {
                    let lid = fair_lid(theta, share, storm, STORM_HEDGE);
                    let left = hedged((-storm * (share * (theta.value - 1.0)).ln_1p()).exp(), STORM_HEDGE);
                    assert!(
                        share * lid + (1.0 - share) * left <= 1.0 + 1e-9 || lid == 1.0,
                        "{share} {theta:?}"
                    );
                    assert!(lid <= 1.0 / share);
                }
            }
        }
        assert!((hedged(0.0, 0.12) - 0.12).abs() < 1e-12 && (hedged(1.0, 0.12) - 1.0).abs() < 1e-12);
    }
}
