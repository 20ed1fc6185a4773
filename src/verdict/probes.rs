//! The detector for probes: cutover's own requests, a few each second, to green and blue alike.

use serde::{Deserialize, Serialize};

use super::counts::THETAS;
use super::evalue::{Count, Theta, null_share, one_arm, two_arm};
use super::math::e_value;
use super::mixture::{Each, Mixture, SIZES};

/// Ratios against blue: a probe that fails sometimes is a fault already.
const PAIR_WEIGHTS: Each = [0.0, 0.1, 0.2, 0.3, 0.2, 0.2];

/// Ratios against the ceiling.
const CEILING_THETAS: [Theta; SIZES] = [
    Theta::new(4.0, 1.386_294_361_119_890_6),
    Theta::new(10.0, std::f64::consts::LN_10),
    Theta::new(30.0, 3.401_197_381_662_155_5),
    Theta::new(30.0, 3.401_197_381_662_155_5),
    Theta::new(30.0, 3.401_197_381_662_155_5),
    Theta::new(30.0, 3.401_197_381_662_155_5),
];

/// Most of the stake is on a green that is dead: three failures in a row then decide.
const CEILING_WEIGHTS: Each = [0.05, 0.1, 0.85, 0.0, 0.0, 0.0];

/// How many times as often as blue's since the shift green's may fail: more often than they, because chance may have spared blue.
const BESIDE_BLUE: f64 = 1.5;

/// The part of the stake that is set on the ceiling, the rest on the comparison.
const ON_CEILING: f64 = 0.65;

/// Evidence that green's probes fail and blue's do not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ProbeTest {
    pair: Mixture,
    ceiling: Mixture,
    blue_is_well: bool,
    /// Blue's since the shift.
    #[serde(default)]
    past: Count,
}

impl ProbeTest {
    /// Takes blue's probes of a window: all of them well, or not.
    pub(super) fn blue(&mut self, blue: Count) {
        if blue.n > 0.0 {
            self.blue_is_well = blue.k == 0.0;
            self.past.add(blue);
        }
    }

    /// Takes a window's probes of both arms, after [`ProbeTest::blue`].
    pub(super) fn step(&mut self, green: Count, blue: Count, ceiling: f64) {
        if green.n <= 0.0 {
            return;
        }
        if blue.n > 0.0 {
            let share = null_share(green.n, blue.n, 1.0);
            let each: Each = std::array::from_fn(|size| e_value(two_arm(THETAS[size], share, green, blue, 0.0)));
            self.pair.step(&each, &each);
        }
        // If blue's fail as well, the fault may be where the probes come from. In a good release blue's failures are independent of
        // green's: choosing windows by them makes green's no more frequent, and no rarer either.
        if self.blue_is_well {
            let ceiling = self.raised(ceiling);
            let each: Each = std::array::from_fn(|size| e_value(one_arm(CEILING_THETAS[size], green, ceiling)));
            self.ceiling.step(&each, &each);
        }
    }

    /// The ceiling where blue's fail now and then as well: windows in which none of them does are picked by chance, and green's go on
    /// failing as often in those.
    fn raised(&self, ceiling: f64) -> f64 {
        if self.past.k > 0.0 {
            ceiling.max(BESIDE_BLUE * self.past.k / self.past.n)
        } else {
            ceiling
        }
    }

    /// Takes back what speaks against green, and nothing that speaks for it.
    pub(super) fn forget(&mut self) {
        if self.value() > 1.0 {
            (self.pair, self.ceiling) = Default::default();
        }
    }

    pub(super) fn value(&self) -> f64 {
        ON_CEILING * self.ceiling.value(&CEILING_WEIGHTS, &CEILING_WEIGHTS)
            + (1.0 - ON_CEILING) * self.pair.value(&PAIR_WEIGHTS, &PAIR_WEIGHTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_their_numbers_and_parts_sum_to_one() {
        for theta in CEILING_THETAS {
            assert!((theta.value.ln() - theta.log).abs() < 1e-12, "{theta:?}");
        }
        for weights in [PAIR_WEIGHTS, CEILING_WEIGHTS] {
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn green_is_held_to_the_ceiling_only_while_blue_is_well() {
        let count = |k| Count { n: 1.0, k };
        let after = |blue: f64| {
            let mut test = ProbeTest::default();
            for _ in 0..3 {
                test.blue(count(blue));
                test.step(count(1.0), count(blue), 0.02);
            }
            test.value()
        };
        assert!(after(0.0) > 1000.0 && after(1.0) < 1.1, "{} {}", after(0.0), after(1.0));
        // Without a probe of blue, nobody knows.
        let mut alone = ProbeTest::default();
        alone.step(count(1.0), Count::default(), 0.02);
        assert!((alone.value() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn where_checks_fail_now_and_then_on_both_green_is_kept() {
        let count = |k| Count { n: 20.0, k };
        let mut test = ProbeTest::default();
        // One of twenty fails on either, as chance has it never on both at once.
        for at in 0..96 {
            let (green, blue) = if at % 2 == 0 { (0.0, 2.0) } else { (2.0, 0.0) };
            test.blue(count(blue));
            test.step(count(green), count(blue), 0.02);
            assert!(test.value() < 1.0, "window {at}: {}", test.value());
        }
        // A green that dies is found all the same.
        for _ in 0..2 {
            test.blue(count(0.0));
            test.step(count(20.0), count(0.0), 0.02);
        }
        assert!(test.value() > 1000.0, "{}", test.value());
    }
}
