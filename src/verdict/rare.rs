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
/// beside the two blue requests of its window stands out beside a hundred earlier ones. Each step of the release starts a new bet with three quarters of what
/// is left of the stake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RareTest {
    blue: Count,
    green: Count,
    ended: f64,
    stake: f64,
    current: f64,
}

impl Default for RareTest {
    fn default() -> Self {
        Self {
            blue: Count::default(),
            green: Count::default(),
            ended: 0.0,
            stake: 0.75,
            current: 1.0,
        }
    }
}

impl RareTest {
    /// Takes blue's requests of a window.
    pub(super) fn blue(&mut self, count: Count) {
        self.blue.add(count);
    }

    /// A new step of the release has begun.
    pub(super) fn next_step(&mut self) {
        if self.green.n > 0.0 {
            self.ended += self.stake * self.current;
            self.stake *= 0.25;
            self.green = Count::default();
            self.current = 1.0;
        }
    }

    /// Takes green's requests of a window, after blue's.
    pub(super) fn green(&mut self, count: Count, ratio: f64, absolute: f64) {
        self.green.add(count);
        self.current = if self.green.k > 0.0 {
            self.log(ratio, absolute).clamp(-300.0, 300.0).exp()
        } else {
            // Without a failure the bet has lost something, and how much does not matter.
            self.current.min(1.0)
        };
    }

    /// What the stake has grown to.
    pub(super) fn value(&self) -> f64 {
        self.ended + self.stake * (1.0 / 3.0 + self.current)
    }

    /// Failed and all requests of green in this step, and of blue ever.
    pub(super) fn counts(&self) -> (Count, Count) {
        (self.green, self.blue)
    }

    fn log(&self, ratio: f64, absolute: f64) -> f64 {
        let (green, blue) = (self.green, self.blue);
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
