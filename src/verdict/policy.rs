//! What is asked of a release, and how sure the judge must be.

use serde::{Deserialize, Serialize};

pub use crate::spec::{AtVerdictDeadline as AtDeadline, VerdictPreset as Preset};

/// How much worse green may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Green's rate may be this many times blue's, 1 or more.
    pub ratio: f64,
    /// And by this much more, as a part of 1.
    pub absolute: f64,
}

/// When green may have everything before its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    /// The error rate that green must be shown to stay below.
    pub errors: Tolerance,
    /// The ratio of latencies that green must be shown to stay below; [`Policy::latency_absolute_ms`] is allowed beside it.
    pub latency_ratio: f64,
    /// The rate of failing probes that green must be shown to stay below, as a part of 1; used where requests are too rare.
    pub probe_rate: f64,
    /// Never before that, in seconds from the shift: some faults need time.
    pub minimum_bake_s: f64,
    /// The probability with which a release beyond these bounds may pass at a step, such as 0.05.
    pub risk: f64,
}

/// What users are promised, whatever blue does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// The highest rate of server errors, as a part of 1.
    pub error_rate: Option<f64>,
    /// The highest 99th percentile of the latency, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// What is asked of a release, and how sure the judge must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The probability with which a good release may be taken back over its whole length, such as 0.01.
    pub false_rollbacks: f64,
    /// How much more often green may answer with a server error.
    pub errors: Tolerance,
    /// The same for client errors, where they are counted.
    pub client_errors: Tolerance,
    /// How many times slower green may be.
    pub latency_ratio: f64,
    /// The same of the whole curve, if earlier releases have shown it: of how the slow ones differ they say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_ratio: Option<f64>,
    /// And by how many milliseconds more: what nobody notices is no regression, whatever its ratio.
    pub latency_absolute_ms: f64,
    /// How much the windows of two good environments differ in latency by themselves, as a part of 1, at least.
    pub latency_noise: f64,
    /// For how long latencies say nothing after green's first request, in seconds: caches are cold.
    pub warm_up_s: f64,
    /// The rate of failing probes that nothing exceeds as long as it is well, as a part of 1.
    pub probe_ceiling: f64,
    /// When green may pass early; never if absent.
    pub promotion: Option<Promotion>,
    /// What users are promised whatever blue does.
    pub slo: Slo,
    /// What to do with a release that nothing can be said of.
    pub at_deadline: AtDeadline,
    /// By what factor failures come in groups, 1 or more, as far as that was known before the release.
    #[serde(default = "one")]
    pub dispersion: f64,
}

fn one() -> f64 {
    1.0
}

impl Policy {
    /// The rate of client errors that green must be shown to stay below to pass early: what it may have more than blue is twice what is
    /// tolerated, and so much at least that it can be shown.
    pub(super) fn promoted_client_errors(&self) -> Tolerance {
        let Tolerance { ratio, absolute } = self.client_errors;
        Tolerance {
            ratio: (2.0 * ratio - 1.0).max(2.0),
            absolute: (2.0 * absolute).max(0.01),
        }
    }

    /// The values of a preset.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        let standard = Self {
            false_rollbacks: 0.01,
            errors: Tolerance {
                ratio: 1.1,
                absolute: 1e-4,
            },
            client_errors: Tolerance {
                ratio: 1.5,
                absolute: 5e-3,
            },
            latency_ratio: 1.1,
            learned_ratio: None,
            latency_absolute_ms: 5.0,
            latency_noise: 0.03,
            warm_up_s: 0.0,
            probe_ceiling: 0.02,
            promotion: Some(Promotion {
                errors: Tolerance {
                    ratio: 1.5,
                    absolute: 1e-3,
                },
                latency_ratio: 1.2,
                probe_rate: 0.01,
                minimum_bake_s: 900.0,
                risk: 0.05,
            }),
            slo: Slo::default(),
            at_deadline: AtDeadline::Hold,
            dispersion: 1.0,
        };
        match preset {
            Preset::Standard => standard,
            Preset::Strict => Self {
                latency_ratio: 1.05,
                latency_absolute_ms: 2.0,
                promotion: standard.promotion.map(|promotion| Promotion {
                    errors: Tolerance {
                        ratio: 1.3,
                        absolute: 5e-4,
                    },
                    latency_ratio: 1.15,
                    minimum_bake_s: 1800.0,
                    risk: 0.01,
                    ..promotion
                }),
                at_deadline: AtDeadline::RollBack,
                ..standard
            },
            Preset::Patient => Self {
                false_rollbacks: 0.001,
                errors: Tolerance {
                    ratio: 1.5,
                    absolute: 1e-3,
                },
                client_errors: Tolerance {
                    ratio: 2.0,
                    absolute: 1e-2,
                },
                latency_ratio: 1.2,
                latency_absolute_ms: 20.0,
                latency_noise: 0.06,
                promotion: standard.promotion.map(|promotion| Promotion {
                    errors: Tolerance {
                        ratio: 2.0,
                        absolute: 3e-3,
                    },
                    latency_ratio: 1.35,
                    ..promotion
                }),
                ..standard
            },
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::preset(Preset::Standard)
    }
}
