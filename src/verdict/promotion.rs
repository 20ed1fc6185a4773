//! Early promotion: evidence that green is *not* unacceptably worse. Every metric must give it.

use serde::{Deserialize, Serialize};

use super::counts::{Pair, STORM_HEDGE, hedged};
use super::dispersion::Dispersion;
use super::evalue::{Count, Theta, null_share, one_arm, two_arm};
use super::math::{e_value, within_range};
use super::policy::{Promotion, Tolerance};

/// Ratios below 1: that green is better than the bound by so much.
const THETAS: [Theta; 3] = [
    Theta::new(0.6, -0.510_825_623_765_990_7),
    Theta::new(0.3, -1.203_972_804_325_936),
    Theta::new(0.05, -2.995_732_273_553_991),
];

/// Stakes on latencies are a half, one and two standard deviations, each with the factor `exp(-lambda^2 / 2)`.
const PRICES: [f64; 3] = [
    0.882_496_902_584_595_4,
    0.606_530_659_712_633_4,
    0.135_335_283_236_612_7,
];

/// No single window may pass a metric by itself, or has more than that to say.
const LID: f64 = 12.0;

/// Bets of three sizes, each with a third of the stake.
type Thirds = [f64; 3];

/// What stakes on a good green have grown to in the current step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PromotionTest {
    errors: Thirds,
    /// Absent as long as nobody counted any.
    #[serde(default)]
    client_errors: Option<Thirds>,
    probes: Thirds,
    /// The whole curve, the tail and the extreme; absent as long as there was nothing to compare.
    latencies: [Option<Thirds>; 3],
    /// Which of them had enough requests in one window.
    #[serde(default)]
    single: [bool; 3],
}

impl Default for PromotionTest {
    fn default() -> Self {
        Self {
            errors: [1.0; 3],
            client_errors: None,
            probes: [1.0; 3],
            latencies: [None; 3],
            single: [false; 3],
        }
    }
}

impl PromotionTest {
    /// Takes requests of both arms, and those that ended in a server error.
    pub(super) fn errors(&mut self, pair: Pair, bound: Tolerance, past: &Dispersion) {
        grow_by_counts(&mut self.errors, pair, bound, past);
    }

    /// The same with client errors.
    pub(super) fn client_errors(&mut self, pair: Pair, bound: Tolerance, past: &Dispersion) {
        let stakes = self.client_errors.get_or_insert([1.0; 3]);
        grow_by_counts(stakes, pair, bound, past);
    }

    /// Takes green's probes.
    pub(super) fn probes(&mut self, green: Count, promotion: &Promotion) {
        if green.n > 0.0 {
            grow(&mut self.probes, |size| {
                e_value(one_arm(THETAS[size], green, promotion.probe_rate))
            });
        }
    }

    /// Takes how far a latency lies below its bound, in standard deviations; `which` is its place among the latencies.
    pub(super) fn latency(&mut self, which: usize, below: f64) {
        self.single[which] = true;
        self.gathered_latency(which, below);
    }

    /// The same with what was put together over windows.
    pub(super) fn gathered_latency(&mut self, which: usize, below: f64) {
        let stakes = self.latencies[which].get_or_insert([1.0; 3]);
        let half = (0.5 * below.clamp(-300.0, 300.0)).exp();
        let powers = [half, half * half, half.powi(4)];
        grow(stakes, |size| powers[size] * PRICES[size]);
    }

    /// What speaks for its rate of client errors, if they are counted.
    pub(super) fn for_client_errors(&self) -> Option<f64> {
        // Probes meet none of those that users do.
        self.client_errors.as_ref().map(mean)
    }

    /// What speaks for green's rate of server errors.
    pub(super) fn for_errors(&self) -> f64 {
        let users = mean(&self.errors);
        if users < 1.0 {
            // Users say that green fails more often than it may. Probes cannot outvote them: they ask for other things than users do.
            return users;
        }
        // One of two kinds of evidence is enough, so each has half of the stake.
        0.5 * (users + mean(&self.probes)).max(0.0)
    }

    /// The least that speaks for one of green's latencies; absent if there was nothing to compare. A percentile for which there are too
    /// few requests in a window can take hours to speak for green: it must not speak against it.
    pub(super) fn for_latency(&self) -> Option<f64> {
        let values = self.latencies.iter().zip(self.single);
        values
            .filter_map(|(stakes, single)| stakes.as_ref().map(mean).filter(|value| single || *value < 1.0))
            .reduce(f64::min)
    }
}

fn grow_by_counts(stakes: &mut Thirds, Pair { green, blue }: Pair, bound: Tolerance, past: &Dispersion) {
    if green.n <= 0.0 || blue.n <= 0.0 {
        return;
    }
    let share = null_share(green.n, blue.n, bound.ratio);
    let factor = past.factor();
    // A storm that hits blue speaks for green as much as one that hits green against it, and neither should say much: the same as in the
    // test for worse, with the arms exchanged.
    let lid = (past.storms() > 0).then(|| (1.0 - share * STORM_HEDGE) / (1.0 - share));
    grow(stakes, |size| {
        let value = e_value(two_arm(THETAS[size], share, green, blue, bound.absolute) / factor);
        lid.map_or(value, |lid| hedged(value, STORM_HEDGE).min(lid))
    });
}

fn grow(stakes: &mut Thirds, value: impl Fn(usize) -> f64) {
    for (size, stake) in stakes.iter_mut().enumerate() {
        *stake = within_range(*stake * value(size).min(LID));
    }
}

fn mean(stakes: &Thirds) -> f64 {
    stakes.iter().sum::<f64>() / 3.0
}

#[cfg(test)]
mod tests {
    use super::super::policy::Policy;
    use super::*;

    #[test]
    fn numbers_belong_to_their_stakes() {
        for theta in THETAS {
            assert!((theta.value.ln() - theta.log).abs() < 1e-12, "{theta:?}");
        }
        for (lambda, price) in [0.5_f64, 1.0, 2.0].into_iter().zip(PRICES) {
            assert!(((-0.5 * lambda * lambda).exp() - price).abs() < 1e-12);
        }
    }

    #[test]
    fn clean_probes_do_not_outvote_users_whose_requests_fail() {
        let promotion = Policy::default().promotion.unwrap();
        let past = Dispersion::default();
        let count = |n, k| Count { n, k };
        let probed = |errors: f64| {
            let mut test = PromotionTest::default();
            for _ in 0..30 {
                test.probes(count(20.0, 0.0), &promotion);
            }
            let (green, blue) = (count(100.0, errors), count(100.0, 0.0));
            test.errors(Pair { green, blue }, promotion.errors, &past);
            test.for_errors()
        };
        // Where users have no errors, or are hardly any, probes do.
        let mut alone = PromotionTest::default();
        for _ in 0..30 {
            alone.probes(count(20.0, 0.0), &promotion);
        }
        assert!(alone.for_errors() > 20.0, "{}", alone.for_errors());
        assert!(probed(0.0) > 20.0, "{}", probed(0.0));
        assert!(probed(2.0) < 1.0, "{}", probed(2.0));
    }

    #[test]
    fn every_latency_must_speak_for_green() {
        let mut test = PromotionTest::default();
        assert_eq!(test.for_latency(), None);
        for _ in 0..10 {
            test.latency(0, 2.0);
        }
        assert!(test.for_latency().unwrap() > 1000.0);
        test.latency(2, 0.0);
        assert!(test.for_latency().unwrap() < 1.0);
        // exp(2 / 2 - 1 / 8), exp(2 - 1 / 2), exp(4 - 2), each a third.
        let mut once = PromotionTest::default();
        once.latency(1, 2.0);
        let expected = (0.875_f64.exp() + 1.5_f64.exp() + 2.0_f64.exp()) / 3.0;
        assert!((once.for_latency().unwrap() - expected).abs() < 1e-9);
    }
}
