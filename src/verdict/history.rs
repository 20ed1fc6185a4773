//! What earlier releases have shown of how two good environments of the service differ by themselves.
//!
//! No test can tell a lasting difference between environments (placement, cold caches) from a regression, so the tolerance has to
//! leave room for it. How much room a service needs, its own releases say better than any default.

use serde::{Deserialize, Serialize};

use super::policy::Policy;

/// Fewer releases say too little.
const FEWEST: usize = 3;

/// Older releases than that were of another service.
pub const MOST_LESSONS: usize = 10;

/// Windows in which latencies were compared, for a release to say something.
const WINDOWS: u32 = 12;

/// How many times the usual difference two good environments may differ.
const ROOM: f64 = 2.0;

/// No service is believed to need more than that for its failures to come in groups.
const MOST_DISPERSION: f64 = 20.0;

/// The value that a chi-squared variable with 3, 4, … 10 degrees of freedom falls below in a tenth of all cases: so few releases may
/// have differed less than usual by chance (source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4).
const LOW_TENTH: [f64; 8] = [0.584, 1.064, 1.610, 2.204, 2.833, 3.490, 4.168, 4.865];

/// What one good release has shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// In how many windows latencies were compared.
    pub windows: u32,
    /// How much slower green was on average, beyond what is allowed in milliseconds, as the logarithm of the ratio.
    pub difference: f64,
    /// By what factor failures came in groups, 1 or more.
    pub dispersion: f64,
}

/// What earlier releases change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// From how many releases.
    pub releases: usize,
    /// How many times slower green may be: never more than the policy allows.
    pub latency_ratio: f64,
    /// The same as the policy allows.
    pub allowed: f64,
    /// By what factor failures come in groups, 1 or more.
    pub dispersion: f64,
}

/// What lessons say under a policy; `None` if there are too few.
#[must_use]
pub fn learned(lessons: &[Lesson], policy: &Policy) -> Option<Learned> {
    let usable = |lesson: &&Lesson| lesson.windows >= WINDOWS && lesson.difference.is_finite();
    let newest = lessons.iter().rev().filter(usable).take(MOST_LESSONS);
    let lessons: Vec<&Lesson> = newest.collect();
    if lessons.len() < FEWEST {
        return None;
    }
    // About zero, not about their mean: a service that gets a little slower with each release differs by that, too.
    let squares: f64 = lessons.iter().map(|lesson| lesson.difference.powi(2)).sum();
    let usual = (squares / LOW_TENTH[lessons.len() - FEWEST]).sqrt();
    let least = 1.0 + policy.latency_noise;
    let wanted = (ROOM * usual).exp().max(least);
    let mut factors: Vec<f64> = lessons.iter().map(|lesson| lesson.dispersion).collect();
    factors.sort_by(f64::total_cmp);
    Some(Learned {
        releases: lessons.len(),
        latency_ratio: wanted.min(policy.latency_ratio),
        allowed: policy.latency_ratio,
        dispersion: factors[factors.len() / 2].clamp(1.0, MOST_DISPERSION),
    })
}

impl Policy {
    /// The same with what earlier releases have shown.
    #[must_use]
    pub fn with(self, learned: &Learned) -> Self {
        Self {
            learned_ratio: Some(learned.latency_ratio.min(self.latency_ratio)),
            dispersion: learned.dispersion,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lessons(differences: &[f64]) -> Vec<Lesson> {
        let lesson = |difference: &f64| Lesson {
            windows: 60,
            difference: *difference,
            dispersion: 1.0,
        };
        differences.iter().map(lesson).collect()
    }

    fn ratio(differences: &[f64]) -> Option<f64> {
        Some(learned(&lessons(differences), &Policy::default())?.latency_ratio)
    }

    #[test]
    fn a_service_whose_environments_are_alike_gets_a_narrower_tolerance_and_no_other_a_wider_one() {
        assert_eq!(ratio(&[0.01, -0.01]), None, "two are too few");
        // sqrt(3 * 0.0001 / 0.584) = 0.02267; exp(2 * 0.02267) = 1.0464
        assert!((ratio(&[0.01, -0.01, 0.01]).unwrap() - 1.0464).abs() < 1e-4);
        // With more of the same it is surer: sqrt(10 * 0.0001 / 4.865) = 0.01434, below the noise of 3 %.
        assert_eq!(ratio(&[0.01; 10]), Some(1.03));
        assert_eq!(ratio(&[0.0; 5]), Some(1.03), "no less than the noise of single windows");
        assert_eq!(ratio(&[0.08, -0.06, 0.07]), Some(1.1), "as the policy allows");
    }

    #[test]
    fn only_the_newest_count_and_those_in_which_something_was_compared() {
        let mut all = lessons(&[0.5; 10]);
        all.extend(lessons(&[0.0; 10]));
        let policy = Policy::default();
        assert_eq!(learned(&all, &policy).unwrap().latency_ratio, 1.03);
        for lesson in &mut all[10..18] {
            lesson.windows = 3;
        }
        assert_eq!(learned(&all, &policy).unwrap().latency_ratio, 1.1);
        assert_eq!(learned(&all, &policy).unwrap().releases, 10);
    }

    #[test]
    fn how_failures_come_is_the_median() {
        let mut three = lessons(&[0.0; 3]);
        for (lesson, dispersion) in three.iter_mut().zip([1.0, 6.0, 90.0]) {
            lesson.dispersion = dispersion;
        }
        let learned = learned(&three, &Policy::default()).unwrap();
        assert_eq!(learned.dispersion, 6.0);
        assert_eq!(Policy::default().with(&learned).dispersion, 6.0);
    }
}
