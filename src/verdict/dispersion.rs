//! How much failures come in groups: what past windows say of it, blue's alone before the shift included.

use serde::{Deserialize, Serialize};

use super::evalue::Count;

/// Windows' worth of failures that speak for independent ones before any was seen.
const PRIOR: f64 = 10.0;

/// The mean square of a normal variable's distance from the median of itself and two others, in units of its variance.
const BESIDE_MEDIAN: f64 = 0.78;

/// So many failures more than in the windows beside it, and so many standard deviations of those, make a window a storm. What is left
/// of a bet when a storm hits blue is known then, and a fair lid is all that is needed against it; smaller groups need the factor.
const LEAST_STORM: f64 = 8.0;
const UNUSUAL: f64 = 4.5;

/// The same of two windows together, each of which has enough for a storm by itself: among many windows there are two such neighbours more
/// easily by chance.
const LEAST_CROSSING: f64 = 24.0;

/// A rate that swings has so many windows with far fewer failures than their neighbours, so many of all that have far more or far fewer, and
/// nearly as many that have fewer as more. Storms that are as frequent seldom look so: of two with a window between them that is the odd one.
const LEAST_DIPS: u32 = 3;
const OFTEN: f64 = 0.28;
const BOTH_WAYS: f64 = 0.4;

/// Failures that come in groups.
///
/// Of three consecutive windows of an arm, the middle one is compared with the median of the three: a group of failures shows, a
/// lasting step of the rate does not. A storm that crosses from one window into the next shows in two of four.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Dispersion {
    blue: Recent,
    green: Recent,
    squares: f64,
    stormy_squares: f64,
    failures: f64,
    storms: u32,
    smallest_storm: f64,
    #[serde(default)]
    largest_storm: f64,
    /// Windows that were compared with their neighbours; of them those in which far more failed, and far fewer; and pairs in which more did.
    #[serde(default)]
    windows: u32,
    #[serde(default)]
    peaks: u32,
    #[serde(default)]
    dips: u32,
    #[serde(default)]
    crossings: u32,
    /// Of the failures that the windows have on average, the squares.
    #[serde(default)]
    mean_squares: f64,
}

/// An arm's last three windows with requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Recent {
    seen: u8,
    #[serde(default)]
    oldest: (f64, f64),
    older: (f64, f64),
    newer: (f64, f64),
}

impl Dispersion {
    /// With a factor that was seen before, which counts as much as what is believed of a service that nobody knows.
    pub(super) fn expecting(factor: f64) -> Self {
        Self {
            squares: PRIOR * BESIDE_MEDIAN * (factor - 1.0).max(0.0),
            ..Self::default()
        }
    }

    /// What logarithms of e-values are divided by, 1 or more. By Jensen's inequality that never spoils an e-value; if failures come in groups
    /// of at most M that are routed whole, a factor of M makes it exact.
    pub(super) fn factor(&self) -> f64 {
        if self.swings() {
            return self.stormy_factor();
        }
        Self::beyond_chance((PRIOR + self.squares) / (PRIOR + self.failures))
    }

    /// Whether the rate itself swings from window to window, down as well as up. Storms come on top of a rate that is even; here there is
    /// none, and the factor is all that there is against it.
    fn swings(&self) -> bool {
        let often = f64::from(self.peaks + self.dips) >= OFTEN * f64::from(self.windows);
        let both_ways = f64::from(self.dips) >= BOTH_WAYS * f64::from(self.peaks + self.crossings);
        self.dips >= LEAST_DIPS && often && both_ways
    }

    /// What part of the failures a green has on average that has this part of them by its requests. Where the rate of each arm swings by
    /// itself it is more: a blue that has few for once gives more away than one that has many takes (Jensen's inequality).
    pub(super) fn expected_share(&self, share: f64) -> f64 {
        if !self.swings() {
            return share;
        }
        let beyond = (self.squares + self.stormy_squares) / BESIDE_MEDIAN - self.failures;
        let squared_cv = (beyond / self.mean_squares.max(1.0)).max(0.0);
        let odds = share / (1.0 - share) * (1.0 + squared_cv);
        odds / (1.0 + odds)
    }

    fn beyond_chance(ratio: f64) -> f64 {
        1.0 + (ratio - 1.0).max(0.0) / BESIDE_MEDIAN
    }

    /// The same with storms: for tests that have no lid against them.
    pub(super) fn stormy_factor(&self) -> f64 {
        Self::beyond_chance((PRIOR + self.squares + self.stormy_squares) / (PRIOR + self.failures))
    }

    /// The fewest failures that a storm had.
    pub(super) fn smallest_storm(&self) -> f64 {
        self.smallest_storm
    }

    /// The most.
    pub(super) fn largest_storm(&self) -> f64 {
        self.largest_storm
    }

    /// Windows in which far more failed than in their neighbours.
    pub(super) fn storms(&self) -> u32 {
        if self.swings() { 0 } else { self.storms }
    }

    /// Takes a window, after it was judged.
    pub(super) fn learn(&mut self, blue: Option<Count>, green: Option<Count>) {
        for (count, is_green) in [(blue, false), (green, true)] {
            let Some(count) = count.filter(|count| count.n > 0.0) else {
                continue;
            };
            let mut recent = if is_green { self.green } else { self.blue };
            let newest = (count.n, count.k / count.n);
            let crossed = recent.crossed(newest.1);
            if recent.seen >= 2 {
                let (n, rate) = recent.newer;
                let (one, two) = (recent.older.1, newest.1);
                let median = one.min(two).max(rate.min(one.max(two)));
                let mean = (one + rate + two) / 3.0;
                let beyond = n * (rate - median);
                self.windows = self.windows.saturating_add(1);
                self.failures += n * mean;
                self.mean_squares += (n * mean).powi(2);
                // Two storms with a window between them make that window the odd one.
                let usual = n * median.min(rate);
                let is_storm = beyond.abs() >= LEAST_STORM + UNUSUAL * usual.sqrt();
                if is_storm && beyond > 0.0 {
                    self.peaks = self.peaks.saturating_add(1);
                    self.storm(beyond);
                } else if is_storm {
                    self.dips = self.dips.saturating_add(1);
                    self.stormy_squares += beyond * beyond;
                } else {
                    self.squares += beyond * beyond;
                }
            }
            recent.oldest = recent.older;
            recent.older = recent.newer;
            recent.newer = newest;
            recent.seen = (recent.seen + 1).min(3);
            *if is_green { &mut self.green } else { &mut self.blue } = recent;
            self.crossings = self.crossings.saturating_add(u32::from(crossed.is_some()));
            for half in crossed.into_iter().flatten() {
                self.storm(half);
            }
        }
    }

    /// Notes a window in which so many more failed.
    fn storm(&mut self, beyond: f64) {
        self.smallest_storm = match self.storms {
            0 => beyond,
            _ => self.smallest_storm.min(beyond),
        };
        self.largest_storm = self.largest_storm.max(beyond);
        self.storms = self.storms.saturating_add(1);
        self.stormy_squares += beyond * beyond;
    }
}

impl Recent {
    /// How many more failed in the last two windows than in those around them, if a storm fell in both.
    fn crossed(&self, newest: f64) -> Option<[f64; 2]> {
        if self.seen < 3 {
            return None;
        }
        let around = newest.max(self.oldest.1);
        let halves = [self.older, self.newer].map(|(n, rate)| n * (rate - around));
        let (both, usual) = (halves[0] + halves[1], (self.older.0 + self.newer.0) * around);
        let is_storm = both >= LEAST_CROSSING + UNUSUAL * usual.sqrt();
        (is_storm && halves[0].min(halves[1]) >= LEAST_STORM).then_some(halves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(windows: &[f64]) -> Dispersion {
        let mut dispersion = Dispersion::default();
        for k in windows {
            dispersion.learn(Some(Count { n: 1000.0, k: *k }), None);
        }
        dispersion
    }

    #[test]
    fn even_failures_and_lasting_steps_have_a_factor_of_one() {
        assert_eq!(after(&[]).factor(), 1.0);
        assert_eq!(after(&[5.0, 4.0, 6.0, 5.0, 3.0, 5.0, 6.0]).factor(), 1.0);
        let step = after(&[5.0, 4.0, 6.0, 50.0, 53.0, 49.0, 51.0]);
        assert!(step.factor() < 1.5 && step.storms() == 0, "{step:?}");
    }

    #[test]
    fn a_factor_that_was_seen_before_holds_until_the_service_shows_another() {
        assert_eq!(Dispersion::expecting(1.0), Dispersion::default());
        let mut dispersion = Dispersion::expecting(4.0);
        assert!((dispersion.factor() - 4.0).abs() < 1e-12);
        for at in 0..30 {
            let k = f64::from(4 + at % 3);
            dispersion.learn(Some(Count { n: 1000.0, k }), None);
        }
        assert!(dispersion.factor() < 1.2, "{}", dispersion.factor());
    }

    #[test]
    fn groups_raise_the_factor_and_storms_do_not() {
        let groups: Vec<f64> = (0..60).map(|at| if at % 3 == 0 { 7.0 } else { 0.0 }).collect();
        let grouped = after(&groups);
        assert!(grouped.factor() > 5.0 && grouped.storms() == 0, "{grouped:?}");
        let stormy = after(&[5.0, 4.0, 105.0, 4.0, 85.0, 5.0, 6.0, 5.0, 4.0]);
        assert_eq!((stormy.storms(), stormy.factor()), (2, 1.0), "{stormy:?}");
        assert!((stormy.smallest_storm() - 80.0).abs() < 1e-9, "{stormy:?}");
        assert!((stormy.largest_storm() - 101.0).abs() < 1e-9, "{stormy:?}");
        assert!(stormy.stormy_factor() > 50.0, "{stormy:?}");
    }

    #[test]
    fn a_storm_that_crosses_into_the_next_window_is_one_and_a_step_is_none() {
        let crossing = after(&[5.0, 4.0, 30.0, 29.0, 5.0, 6.0]);
        assert!(
            crossing.storms() == 2 && crossing.largest_storm() >= 24.0,
            "{crossing:?}"
        );
        assert!(
            crossing.smallest_storm() >= 24.0 && crossing.factor() < 1.5,
            "{crossing:?}"
        );
        let step = after(&[5.0, 4.0, 30.0, 29.0, 31.0, 30.0]);
        assert_eq!(step.storms(), 0, "{step:?}");
    }

    #[test]
    fn a_rate_that_swings_both_ways_has_no_storms_and_a_factor() {
        // Half as much again or half as much, from window to window.
        let swings = [
            415.0, 524.0, 265.0, 776.0, 415.0, 639.0, 310.0, 261.0, 642.0, 845.0, 202.0, 194.0, 727.0, 234.0, 463.0,
            152.0, 577.0, 113.0, 742.0, 577.0, 121.0, 391.0, 410.0, 899.0, 286.0, 571.0, 455.0, 864.0,
        ];
        let swinging = after(&swings);
        assert!(swinging.storms() == 0 && swinging.factor() > 80.0, "{swinging:?}");
        // Theirs are a quarter of the square of their mean, so that a twentieth of the requests has about a sixteenth of the failures.
        let share = swinging.expected_share(0.05);
        assert!((0.055..0.09).contains(&share), "{share}");
        let storms: Vec<f64> = (0..28).map(|at| if at % 4 == 0 { 40.0 } else { 5.0 }).collect();
        let stormy = after(&storms);
        assert!(stormy.storms() >= 5 && stormy.factor() < 2.0, "{stormy:?}");
        assert_eq!(stormy.expected_share(0.05), 0.05);
    }

    #[test]
    fn both_arms_and_only_windows_with_requests_are_learnt_from() {
        let mut dispersion = Dispersion::default();
        let mut blue_alone = Dispersion::default();
        for at in 0..30 {
            let count = |k| Some(Count { n: 1000.0, k });
            let green = if at % 2 == 0 {
                count(f64::from(at % 3) * 3.0)
            } else {
                Some(Count::default())
            };
            dispersion.learn(count(5.0), green);
            blue_alone.learn(count(5.0), None);
        }
        assert_eq!(blue_alone.factor(), 1.0);
        assert!(dispersion.squares > blue_alone.squares && dispersion.failures > blue_alone.failures);
        assert_eq!(dispersion.green.seen, 3);
    }
}
