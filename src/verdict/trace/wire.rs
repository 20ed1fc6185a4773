//! The JSON of traces.

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::verdict::{Arm, Instance, Latency, Own, Policy, Probes, Promotion, Slo, Tolerance};

/// The first line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    /// The length of a window, in seconds.
    pub(super) window_s: Option<f64>,
    /// The part of good releases that may be taken back.
    false_rollbacks: Option<f64>,
    #[serde(deserialize_with = "known")]
    tolerance: Bounds,
    /// Absent: as the standard policy says. `null` or `false`: never early.
    promote: Promote,
    #[serde(deserialize_with = "known")]
    slo: SloLine,
    warm_up_s: Option<f64>,
    /// When green gets its first traffic, in the windows' seconds.
    shift_at: Option<f64>,
    /// When green gets which share.
    #[serde(deserialize_with = "known")]
    schedule: Vec<(f64, f64)>,
    /// What only windows have.
    t: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bounds {
    error_ratio: Option<f64>,
    error_abs: Option<f64>,
    client_error_ratio: Option<f64>,
    client_error_abs: Option<f64>,
    latency_ratio: Option<f64>,
    latency_abs_ms: Option<f64>,
}

#[derive(Debug, Default)]
enum Promote {
    #[default]
    AsUsual,
    Never,
    When(PromoteLine),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromoteLine {
    error_ratio: Option<f64>,
    error_abs: Option<f64>,
    latency_ratio: Option<f64>,
    probe_rate: Option<f64>,
    min_bake_s: Option<f64>,
    risk: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SloLine {
    error_rate: Option<f64>,
    p99_ms: Option<f64>,
}

impl<'de> Deserialize<'de> for Promote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Switch(bool),
            When(PromoteLine),
        }
        Ok(match Option::<Written>::deserialize(deserializer)? {
            None | Some(Written::Switch(false)) => Self::Never,
            Some(Written::Switch(true)) => Self::AsUsual,
            Some(Written::When(line)) => Self::When(line),
        })
    }
}

/// What a number of the header must be.
#[derive(Clone, Copy)]
enum Must {
    BePositive,
    BeOneOrMore,
    NotBeNegative,
    BeAPart,
}

impl Must {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::BePositive => value > 0.0,
            Self::BeOneOrMore => value >= 1.0,
            Self::NotBeNegative => value >= 0.0,
            Self::BeAPart => value > 0.0 && value < 1.0,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::BePositive => "above 0",
            Self::BeOneOrMore => "1 or more",
            Self::NotBeNegative => "0 or more",
            Self::BeAPart => "between 0 and 1",
        }
    }
}

impl Header {
    pub(super) fn is_window(&self) -> bool {
        self.t.is_some()
    }

    /// What cannot be meant.
    pub(super) fn fault(&self) -> Option<String> {
        let bounds = &self.tolerance;
        let promote = match &self.promote {
            Promote::When(line) => line,
            Promote::AsUsual | Promote::Never => &PromoteLine::default(),
        };
        let (positive, at_least_one, not_negative, part) =
            (Must::BePositive, Must::BeOneOrMore, Must::NotBeNegative, Must::BeAPart);
        let checks = [
            ("window_s", self.window_s, positive),
            ("false_rollbacks", self.false_rollbacks, part),
            ("tolerance.error_ratio", bounds.error_ratio, at_least_one),
            ("tolerance.error_abs", bounds.error_abs, not_negative),
            ("tolerance.client_error_ratio", bounds.client_error_ratio, at_least_one),
            ("tolerance.client_error_abs", bounds.client_error_abs, not_negative),
            ("tolerance.latency_ratio", bounds.latency_ratio, at_least_one),
            ("tolerance.latency_abs_ms", bounds.latency_abs_ms, not_negative),
            ("promote.error_ratio", promote.error_ratio, at_least_one),
            ("promote.error_abs", promote.error_abs, not_negative),
            ("promote.latency_ratio", promote.latency_ratio, at_least_one),
            ("promote.probe_rate", promote.probe_rate, part),
            ("promote.min_bake_s", promote.min_bake_s, not_negative),
            ("promote.risk", promote.risk, part),
            ("slo.error_rate", self.slo.error_rate, part),
            ("slo.p99_ms", self.slo.p99_ms, positive),
        ];
        checks
            .into_iter()
            .find_map(|(name, value, must)| {
                let value = value.filter(|value| !must.holds(*value))?;
                Some(format!("`{name}` is {value}, and must be {}", must.words()))
            })
            .or_else(|| {
                let falls = self.schedule.windows(2).any(|pair| pair[1].0 <= pair[0].0);
                falls.then(|| "the times of `schedule` do not rise".to_owned())
            })
    }

    /// The policy that it asks for; what it does not say is as in the standard preset.
    pub(super) fn policy(&self) -> Policy {
        let standard = Policy::default();
        let bounds = &self.tolerance;
        let promotion = match (&self.promote, standard.promotion) {
            (Promote::Never, _) | (_, None) => None,
            (Promote::AsUsual, usual) => usual,
            (Promote::When(line), Some(usual)) => Some(Promotion {
                errors: Tolerance {
                    ratio: line.error_ratio.unwrap_or(usual.errors.ratio),
                    absolute: line.error_abs.unwrap_or(usual.errors.absolute),
                },
                latency_ratio: line.latency_ratio.unwrap_or(usual.latency_ratio),
                probe_rate: line.probe_rate.unwrap_or(usual.probe_rate),
                minimum_bake_s: line.min_bake_s.unwrap_or(usual.minimum_bake_s),
                risk: line.risk.unwrap_or(usual.risk),
            }),
        };
        Policy {
            false_rollbacks: self.false_rollbacks.unwrap_or(standard.false_rollbacks),
            errors: Tolerance {
                ratio: bounds.error_ratio.unwrap_or(standard.errors.ratio),
                absolute: bounds.error_abs.unwrap_or(standard.errors.absolute),
            },
            client_errors: Tolerance {
                ratio: bounds.client_error_ratio.unwrap_or(standard.client_errors.ratio),
                absolute: bounds.client_error_abs.unwrap_or(standard.client_errors.absolute),
            },
            latency_ratio: bounds.latency_ratio.unwrap_or(standard.latency_ratio),
            latency_absolute_ms: bounds.latency_abs_ms.unwrap_or(match bounds.latency_ratio {
                // A header that names a ratio means that ratio.
                Some(_) => 0.0,
                None => standard.latency_absolute_ms,
            }),
            warm_up_s: self.warm_up_s.unwrap_or(standard.warm_up_s),
            promotion,
            slo: Slo {
                error_rate: self.slo.error_rate,
                p99_ms: self.slo.p99_ms,
            },
            ..standard
        }
    }

    /// Whether green has all of the traffic from then on.
    pub(super) fn is_whole_at(&self, begin_s: f64) -> bool {
        let begun = self.schedule.iter().rev().find(|(at, _)| *at <= begin_s + 1e-6);
        begun.is_some_and(|(_, share)| *share >= 1.0)
    }

    /// The step that a window belongs to. Without a schedule there is one, from the shift on; without a shift as well, from the
    /// begin.
    pub(super) fn step_at(&self, begin_s: f64) -> u32 {
        // Times are written with few digits.
        let begun = |at: f64| at <= begin_s + 1e-6;
        if self.schedule.is_empty() {
            return u32::from(self.shift_at.is_none_or(begun));
        }
        let steps = self.schedule.iter().filter(|(at, share)| *share > 0.0 && begun(*at));
        u32::try_from(steps.count()).unwrap_or(u32::MAX)
    }
}

/// One window.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    /// Its end, in seconds.
    pub(super) t: Number,
    #[serde(default, deserialize_with = "known")]
    pub(super) blue: ArmLine,
    #[serde(default, deserialize_with = "known")]
    pub(super) green: ArmLine,
}

/// One arm of a window.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ArmLine {
    requests: Option<f64>,
    errors: Option<f64>,
    #[serde(alias = "errors_4xx")]
    client_errors: Option<f64>,
    #[serde(alias = "status", deserialize_with = "known")]
    classes: Classes,
    latency_ms: LatencyLine,
    probes: Option<ProbesLine>,
    #[serde(deserialize_with = "known")]
    instances: Vec<InstanceLine>,
}

/// Counts by class of status code.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Classes {
    #[serde(rename = "4xx")]
    client: Option<f64>,
    #[serde(rename = "5xx")]
    server: Option<f64>,
}

/// Percentiles, or samples.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum LatencyLine {
    Samples(Vec<Option<f64>>),
    Percentiles {
        #[serde(default)]
        p50: Option<f64>,
        #[serde(default)]
        p75: Option<f64>,
        #[serde(default)]
        p90: Option<f64>,
        #[serde(default)]
        p95: Option<f64>,
        #[serde(default)]
        p99: Option<f64>,
    },
    Unknown(()),
}

impl Default for LatencyLine {
    fn default() -> Self {
        Self::Unknown(())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProbesLine {
    requests: Option<f64>,
    #[serde(alias = "errors")]
    failures: Option<f64>,
    #[serde(deserialize_with = "known")]
    latency_ms: Vec<Option<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InstanceLine {
    id: Id,
    requests: Option<f64>,
    errors: Option<f64>,
    healthy: Option<bool>,
}

/// What the service calls an instance: some number them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Name(String),
    Number(Number),
    Unknown(()),
}

impl Default for Id {
    fn default() -> Self {
        Self::Unknown(())
    }
}

/// `null` is what is not known, as if it were absent.
pub(super) fn known<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ProbesLine {
    /// Those of which it is not known how many failed are none.
    fn probes(self) -> Probes {
        let (requests, failures) = self.requests.zip(self.failures).unwrap_or_default();
        Probes {
            requests,
            failures,
            latencies_ms: self.latency_ms.into_iter().flatten().collect(),
        }
    }
}

impl ArmLine {
    pub(super) fn arm(self) -> Arm {
        Arm {
            requests: self.requests,
            errors: self.errors.or(self.classes.server),
            client_errors: self.client_errors.or(self.classes.client),
            latency: match self.latency_ms {
                LatencyLine::Samples(samples) => Latency::Samples(samples.into_iter().flatten().collect()),
                LatencyLine::Percentiles {
                    p50,
                    p75,
                    p90,
                    p95,
                    p99,
                } => Latency::Percentiles([p50, p75, p90, p95, p99]),
                LatencyLine::Unknown(()) => Latency::Unknown,
            },
            own: Own::default(),
            idle: false,
            probes: self.probes.map(ProbesLine::probes),
            instances: self
                .instances
                .into_iter()
                .map(|instance| Instance {
                    id: match instance.id {
                        Id::Name(name) => name,
                        Id::Number(number) => number.to_string(),
                        Id::Unknown(()) => String::new(),
                    },
                    requests: instance.requests,
                    errors: instance.errors,
                    healthy: instance.healthy,
                })
                .collect(),
        }
    }
}

/// What is wrong with a line, without the place in a text of one line.
pub(super) fn fault(error: &serde_json::Error, text: &str) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let shown: String = text.chars().take(40).collect();
    let rest = if text.chars().nth(40).is_some() { "…" } else { "" };
    match error.classify() {
        serde_json::error::Category::Data => format!("{message}, in {shown}{rest}"),
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof | serde_json::error::Category::Io => {
            format!(
                "it is no JSON ({message}, at character {}): {shown}{rest}",
                error.column()
            )
        }
    }
}
