//! The detector for a dead green where requests are rare: windows are too small to be compared one by one there.

use serde::{Deserialize, Serialize};

use super::evalue::Count;

/// Rates of blue that the bet takes for possible.
const BLUE: [f64; 4] = [0.0005, 0.005, 0.03, 0.1];

/// Rates of green that are bet on.
const GREEN: [f64; 2] = [0.95, 0.5];

/// Evidence from all requests so far, blue's before the shift included, that most of green's fail.
///
/// Null hypothesis: both arms have one rate each for the whole time, green's at most `ratio` times blue's plus `absolute`. The likelihood of a mixture of
/// alternatives over the greatest likelihood of the null hypothesis is an e-process ("universal inference"). A failure that would not stand out
/// beside the two blue requests of its window stands out beside a hundred earlier ones. It waits for that until blue has
/// answered something: as long as blue is silent, nobody knows whether blue would have failed as well. Each step of the release starts a
/// new bet with three quarters of what is left of the stake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RareTest {
    blue: Count,
    /// Of blue's, those since the step began.
    beside: Count,
    green: Count,
    /// Green's requests that blue has answered none beside, yet.
    #[serde(default)]
    waiting: Count,
    ended: f64,
    stake: f64,
    current: f64,
}

impl Default for RareTest {
    fn default() -> Self {
        Self {
            blue: Count::default(),
            beside: Count::default(),
            green: Count::default(),
            waiting: Count::default(),
            ended: 0.0,
            stake: 0.75,
            current: 1.0,
        }
    }
}

impl RareTest {
    /// Takes blue's requests of a window before the shift.
    pub(super) fn before(&mut self, count: Count) {
        self.blue.add(count);
    }

    /// Takes blue's requests of a window since then.
    pub(super) fn blue(&mut self, count: Count) {
        self.blue.add(count);
        self.beside.add(count);
    }

    /// A new step of the release has begun.
    ///
    /// What blue did beside green in earlier steps is its past from here on: green's requests of then are no longer counted, and if
    /// something happens to both now, only what blue does now may stand beside what green does.
    pub(super) fn next_step(&mut self) {
        self.beside = Count::default();
        self.waiting = Count::default();
        if self.green.n > 0.0 {
            self.ended += self.stake * self.current;
            self.stake *= 0.25;
            self.green = Count::default();
            self.current = 1.0;
        }
    }

    /// Takes green's requests of a window, after blue's, and whether blue has `answered` anything in it.
    pub(super) fn green(&mut self, count: Count, answered: bool, ratio: f64, absolute: f64) {
        self.waiting.add(count);
        if !answered {
            return;
        }
        self.green.add(std::mem::take(&mut self.waiting));
        self.current = if self.green.k > 0.0 {
            self.log(ratio, absolute).clamp(-300.0, 300.0).exp()
        } else {
            // Without a failure the bet has lost something, and how much does not matter.
            self.current.min(1.0)
        };
    }

    /// Blue is down: what green failed meanwhile, and since blue last answered, may be the doing of the same.
    pub(super) fn excuse(&mut self) {
        self.waiting = Count::default();
    }

    /// Takes back what speaks against green.
    pub(super) fn forget(&mut self) {
        if self.value() > 1.0 {
            *self = Self {
                blue: self.blue,
                beside: self.beside,
                ..Self::default()
            };
        }
    }

    /// What the stake has grown to.
    pub(super) fn value(&self) -> f64 {
        self.ended + self.stake * (1.0 / 3.0 + self.current)
    }

    /// Green's requests in this step, and those of blue that they are compared with.
    ///
    /// Once blue has failed in this step, its earlier requests say nothing any more: something may have happened to both.
    pub(super) fn counts(&self) -> (Count, Count) {
        let blue = if self.beside.k > 0.0 { self.beside } else { self.blue };
        (self.green, blue)
    }

    fn log(&self, ratio: f64, absolute: f64) -> f64 {
        let (green, blue) = self.counts();
        let likelihood = |count: Count, rate: f64| count.k * rate.ln() + (count.n - count.k) * (-rate).ln_1p();
        let mean = |count: Count, rates: &[f64]| {
            let best = rates
                .iter()
                .map(|rate| likelihood(count, *rate))
                .fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = rates.iter().map(|rate| (likelihood(count, *rate) - best).exp()).sum();
            best + (sum / rates.len() as f64).ln()
        };
        mean(green, &GREEN) + mean(blue, &BLUE) - most_likely(green, blue, ratio, absolute)
    }
}

/// The logarithm of the greatest likelihood that the null hypothesis can give, or more: `1 - p` is replaced by `exp(-p)`, which makes the best rate the
/// root of a quadratic equation.
fn most_likely(green: Count, blue: Count, ratio: f64, absolute: f64) -> f64 {
    let green_well = green.n - green.k;
    let blue_well = blue.n - blue.k;
    let log_at = |rate: f64| {
        let green_rate = (ratio * rate + absolute).min(1.0);
        let part = |k: f64, rate: f64| if k > 0.0 { k * rate.ln() } else { 0.0 };
        part(green.k, green_rate) - green_rate * green_well + part(blue.k, rate) - rate * blue_well
    };
    // Of k_g ratio / (ratio p + absolute) + k_b / p = ratio well_g + well_b, multiplied out.
    let slope = ratio * green_well + blue_well;
    let a = slope * ratio;
    let b = slope * absolute - ratio * (green.k + blue.k);
    let c = -blue.k * absolute;
    let rate = if a > 0.0 {
        (-b + (b * b - 4.0 * a * c).max(0.0).sqrt()) / (2.0 * a)
    } else {
        1.0
    };
    let rate = rate.clamp(1e-12, 1.0);
    // Green's rate cannot exceed 1, where the likelihood has a kink.
    let kink = ((1.0 - absolute) / ratio).clamp(1e-12, 1.0);
    log_at(rate).max(log_at(kink))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(k: f64, n: f64) -> Count {
        Count { n, k }
    }

    /// After so many good requests of blue, so many of green's fail one by one.
    fn after(before: f64, failures: u32) -> f64 {
        let mut test = RareTest::default();
        test.before(count(0.0, before));
        for _ in 0..failures {
            test.blue(count(0.0, 10.0));
            test.green(count(1.0, 1.0), true, 1.1, 1e-4);
        }
        test.value()
    }

    #[test]
    fn two_failures_say_a_lot_and_one_does_not() {
        assert!(after(60.0, 1) < 60.0, "{}", after(60.0, 1));
        assert!(after(60.0, 2) > 800.0, "{}", after(60.0, 2));
        assert!(after(0.0, 2) < 200.0, "{}", after(0.0, 2));
    }

    #[test]
    fn a_failure_of_blue_since_the_shift_makes_its_past_worthless() {
        let mut test = RareTest::default();
        test.before(count(0.0, 1000.0));
        test.blue(count(2.0, 10.0));
        test.green(count(2.0, 2.0), true, 1.1, 1e-4);
        assert_eq!(test.counts().1, count(2.0, 10.0));
        assert!(test.value() < 20.0, "{}", test.value());
    }

    #[test]
    fn a_shared_outage_in_a_later_step_is_not_held_against_green() {
        for had_requests in [true, false] {
            let mut test = RareTest::default();
            test.before(count(0.0, 300.0));
            for _ in 0..100 {
                test.blue(count(0.0, 10.0));
                if had_requests {
                    test.green(count(0.0, 1.0), true, 1.1, 1e-4);
                }
            }
            test.next_step();
            test.blue(count(6.0, 6.0));
            test.green(count(6.0, 6.0), true, 1.1, 1e-4);
            assert_eq!(test.counts(), (count(6.0, 6.0), count(6.0, 6.0)));
            assert!(test.value() < 2.0, "{}", test.value());
        }
        // What happens to green alone stands beside all that blue ever did.
        let mut dead = RareTest::default();
        dead.before(count(0.0, 300.0));
        dead.blue(count(0.0, 10.0));
        dead.next_step();
        dead.blue(count(0.0, 2.0));
        dead.green(count(2.0, 2.0), true, 1.1, 1e-4);
        assert_eq!(dead.counts().1, count(0.0, 312.0));
    }

    #[test]
    fn failures_wait_for_an_answer_of_blue_and_are_not_lost() {
        let mut test = RareTest::default();
        test.before(count(0.0, 300.0));
        for _ in 0..3 {
            test.green(count(1.0, 1.0), false, 1.1, 1e-4);
        }
        assert!(test.value() <= 1.0, "{}", test.value());
        let mut excused = test.clone();
        test.blue(count(0.0, 1.0));
        test.green(count(0.0, 0.0), true, 1.1, 1e-4);
        assert_eq!(test.counts(), (count(3.0, 3.0), count(0.0, 301.0)));
        assert!(test.value() > 1000.0, "{}", test.value());
        // Blue was down meanwhile, and answers again.
        excused.excuse();
        excused.blue(count(0.0, 1.0));
        excused.green(count(0.0, 1.0), true, 1.1, 1e-4);
        assert_eq!(excused.counts().0, count(0.0, 1.0));
    }

    #[test]
    fn the_greatest_likelihood_is_the_greatest() {
        for (green, blue) in [
            (count(2.0, 2.0), count(0.0, 96.0)),
            (count(3.0, 10.0), count(1.0, 50.0)),
            (count(1.0, 4.0), count(9.0, 10.0)),
        ] {
            for absolute in [0.0, 1e-4, 0.05] {
                let best = most_likely(green, blue, 1.1, absolute);
                for step in 1..1000 {
                    let rate = f64::from(step) / 1000.0;
                    let green_rate = f64::min(1.1 * rate + absolute, 1.0);
                    let likelihood = |count: Count, rate: f64| {
                        let well = if count.n > count.k {
                            (count.n - count.k) * (1.0 - rate).ln()
                        } else {
                            0.0
                        };
                        count.k * rate.ln() + well
                    };
                    let one = likelihood(green, green_rate) + likelihood(blue, rate);
                    assert!(one <= best + 1e-9, "{green:?} {blue:?} {rate}: {one} {best}");
                }
            }
        }
    }

    #[test]
    fn steps_share_the_stake() {
        let mut test = RareTest::default();
        assert!((test.value() - 1.0).abs() < 1e-12);
        for _ in 0..5 {
            test.green(count(0.0, 1.0), true, 1.1, 1e-4);
            let before = test.value();
            test.next_step();
            assert!((test.value() - before).abs() < 1e-12);
        }
        // Without a request of green there is nothing to begin anew.
        let stake = test.stake;
        test.next_step();
        assert_eq!(test.stake, stake);
    }
}
