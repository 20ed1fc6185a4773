//! The e-values of one window, as logarithms. Each is a bet whose expected winnings are at most 1 while the null hypothesis
//! that its function names is true.

use serde::{Deserialize, Serialize};

/// The ratio of rates that an e-value bets on, with its logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theta {
    pub(super) value: f64,
    pub(super) log: f64,
}

impl Theta {
    pub(super) const fn new(value: f64, log: f64) -> Self {
        Self { value, log }
    }
}

/// Events among requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    /// Requests.
    pub(super) n: f64,
    /// Those that failed, or what else is counted.
    pub(super) k: f64,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.n += other.n;
        self.k += other.k;
    }
}

/// The share of the events that green has at the edge of the null hypothesis without an absolute tolerance.
pub(super) fn null_share(green: f64, blue: f64, ratio: f64) -> f64 {
    ratio * green / (ratio * green + blue)
}

/// Null hypothesis: green's rate is at most `ratio` times blue's plus `absolute`; for a theta below 1, at least.
///
/// With pi the null share and `D = 1 + pi (theta - 1)`, green's events count `theta / D` each and blue's `1 / D`. For independent
/// requests `ln(1 + x) <= x` bounds the logarithm of the expectation by
/// `n_g p_g (theta / D - 1) + n_b p_b (1 / D - 1)`. In it blue's rate cancels by the choice of pi, and `(theta / D - 1) n_g absolute` is
/// left over, which is taken off. Blue's rate may be anything and may change from window to window.
pub(super) fn two_arm(theta: Theta, share: f64, green: Count, blue: Count, absolute: f64) -> f64 {
    let excess = share * (theta.value - 1.0);
    let log_d = excess.ln_1p();
    let spare = (theta.value / (1.0 + excess) - 1.0) * green.n * absolute;
    green.k * theta.log - (green.k + blue.k) * log_d - spare
}

/// Null hypothesis: green's rate is at most `ceiling`. The limit of [`two_arm`] for a blue that is known exactly.
pub(super) fn one_arm(theta: Theta, green: Count, ceiling: f64) -> f64 {
    green.k * theta.log - (theta.value - 1.0) * green.n * ceiling
}

/// Null hypothesis: as [`two_arm`], with requests of one window that may fail together, as long as whole groups are routed by
/// chance. Then green's share of the failures is pi on average whatever the groups' sizes, and a bet on it is fair.
/// `lambda` is the stake in units of `1 / pi`, below 1.
/// The e-value itself, not its logarithm.
pub(super) fn share_bet(lambda: f64, share: f64, green: Count, blue: Count, absolute: f64) -> f64 {
    let all = green.k + blue.k;
    let odds = lambda / share;
    let won = if all > 0.0 {
        1.0 + odds * (green.k / all - share)
    } else {
        1.0
    };
    won * (-odds * green.n * absolute).exp()
}

/// An upper bound of a rate of which `past` has been seen, with a margin that errs in `exp(-caution)` of the cases: the Poisson
/// bound `K + c + sqrt(c^2 + 2 c K)`, times 1.5.
pub(super) fn bounded_rate(past: Count, caution: f64) -> f64 {
    if past.n <= 0.0 {
        return 1.0;
    }
    let most = past.k + caution + (caution * caution + 2.0 * caution * past.k).sqrt();
    1.5 * most / past.n
}

/// Null hypothesis: green's and blue's requests are exchangeable, such as those of one rate in one window; sharper than [`two_arm`] for
/// rates above a tenth.
///
/// Given how many of all requests have the property, green's number is hypergeometric, and its generating function is bounded
/// by the binomial's (Hoeffding, "Probability inequalities for sums of bounded random variables", 1963, section 6).
pub(super) fn two_arm_exchangeable(theta: Theta, green: Count, blue: Count) -> f64 {
    let (n, k) = (green.n + blue.n, green.k + blue.k);
    if n <= 0.0 {
        return 0.0;
    }
    let by_green = k * (green.n / n * (theta.value - 1.0)).ln_1p();
    let by_property = green.n * (k / n * (theta.value - 1.0)).ln_1p();
    green.k * theta.log - by_green.min(by_property)
}
