//! What a metric alarm watches, as `PutMetricAlarm` says it.

use serde::{Deserialize, Serialize};

use super::words::{Comparison, LowSampleCount, TreatMissingData};
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::metrics::faults::{combination, invalid, missing, not_implemented, validation};
use crate::local::metrics::series::Statistic;

/// A day in seconds: as far back as alarms look whose periods are shorter than an hour (source: `PutMetricAlarm`).
const DAY: u64 = 86_400;
/// An hour in seconds.
const HOUR: u64 = 3_600;

/// Parameters of alarms that the local cloud does not have.
const ELSEWHERE: [(&str, &str); 7] = [
    ("Metrics", "alarms on metric math (Metrics)"),
    ("ThresholdMetricId", "alarms on anomaly detection (ThresholdMetricId)"),
    ("EvaluationCriteria", "alarms on PromQL (EvaluationCriteria)"),
    ("EvaluationInterval", "alarms on PromQL (EvaluationInterval)"),
    ("EvaluationWindow", "windows of alarms (EvaluationWindow)"),
    ("WarmUpConfiguration", "the warm-up of alarms (WarmUpConfiguration)"),
    ("ActionConfiguration", "settings of alarm actions (ActionConfiguration)"),
];

/// What a metric alarm watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub(super) namespace: String,
    pub(super) metric_name: String,
    /// Names and values, in the order in which they were given.
    pub(super) dimensions: Vec<(String, String)>,
    /// As it was given: `Sum`, `p99`.
    pub(super) statistic: String,
    /// In seconds of AWS's time.
    pub(super) period: u32,
    pub(super) unit: Option<String>,
    pub(super) evaluation_periods: u32,
    pub(super) datapoints_to_alarm: Option<u32>,
    pub(super) threshold: f64,
    pub(super) comparison: Comparison,
    pub(super) treat_missing_data: Option<TreatMissingData>,
    pub(super) low_sample_count: Option<LowSampleCount>,
}

impl Definition {
    /// Reads a request that keeps to the model.
    pub(super) fn read(input: &Document) -> Result<Self, Fault> {
        for (name, what) in ELSEWHERE {
            if input.field(name).is_some() {
                return Err(not_implemented(what));
            }
        }
        let text = |name: &str| input.text_of(name).ok_or_else(|| missing(name)).map(str::to_owned);
        let definition = Self {
            metric_name: text("MetricName")?,
            namespace: text("Namespace")?,
            dimensions: dimensions(input),
            statistic: statistic(input)?,
            period: whole(input, "Period")?.ok_or_else(|| missing("Period"))?,
            unit: input.text_of("Unit").map(str::to_owned),
            evaluation_periods: whole(input, "EvaluationPeriods")?.ok_or_else(|| missing("EvaluationPeriods"))?,
            datapoints_to_alarm: whole(input, "DatapointsToAlarm")?,
            threshold: input.number_of("Threshold").ok_or_else(|| missing("Threshold"))?,
            comparison: comparison(&text("ComparisonOperator")?)?,
            treat_missing_data: chosen(input, "TreatMissingData", TreatMissingData::parse)?,
            low_sample_count: chosen(input, "EvaluateLowSampleCountPercentile", LowSampleCount::parse)?,
        };
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), Fault> {
        let period = self.period;
        if !matches!(period, 10 | 20 | 30) && !period.is_multiple_of(60) {
            return Err(validation(format!(
                "Period must be 10, 20, 30 or a multiple of 60, and is {period}"
            )));
        }
        let (most, span) = if u64::from(period) < HOUR {
            (DAY, "a day")
        } else {
            (7 * DAY, "a week")
        };
        if u64::from(period) * u64::from(self.evaluation_periods) > most {
            return Err(validation(format!(
                "Metrics cannot be checked across more than {span} (EvaluationPeriods * Period must be <= {most})."
            )));
        }
        if self.needed() > self.evaluation_periods {
            return Err(validation(
                "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
            ));
        }
        if !self.threshold.is_finite() {
            return Err(invalid("The value of the parameter Threshold must be a finite number."));
        }
        Ok(())
    }

    /// Data points that must breach.
    pub(super) fn needed(&self) -> u32 {
        self.datapoints_to_alarm.unwrap_or(self.evaluation_periods)
    }

    /// What periods without data count as.
    pub(super) fn missing(&self) -> TreatMissingData {
        self.treat_missing_data.unwrap_or(TreatMissingData::Missing)
    }

    /// Whether the statistic stands in `ExtendedStatistic`.
    pub(super) fn is_extended(&self) -> bool {
        matches!(Statistic::parse(&self.statistic), Some(Statistic::Percentile(_)))
    }
}

fn dimensions(input: &Document) -> Vec<(String, String)> {
    let all = input.list_of("Dimensions").iter().filter_map(|dimension| {
        let (name, value) = (dimension.text_of("Name")?, dimension.text_of("Value")?);
        Some((name.to_owned(), value.to_owned()))
    });
    all.collect()
}

fn statistic(input: &Document) -> Result<String, Fault> {
    match (input.text_of("Statistic"), input.text_of("ExtendedStatistic")) {
        (Some(_), Some(_)) => Err(combination(
            "The parameters Statistic and ExtendedStatistic cannot be used together.",
        )),
        (Some(statistic), None) => Ok(statistic.to_owned()),
        (None, Some(extended)) => {
            if matches!(Statistic::parse(extended), Some(Statistic::Percentile(_))) {
                return Ok(extended.to_owned());
            }
            let kinds = ["tm", "tc", "ts", "wm", "iqm", "pr("];
            let known = kinds.iter().any(|kind| extended.to_ascii_lowercase().starts_with(kind));
            Err(if known {
                not_implemented(&format!("the statistic {extended}"))
            } else {
                invalid(format!(
                    "The value {extended} for parameter ExtendedStatistic is not supported."
                ))
            })
        }
        (None, None) => Err(missing("Statistic")),
    }
}

fn comparison(word: &str) -> Result<Comparison, Fault> {
    // The model has no other words than these and those of anomaly detection.
    Comparison::parse(word).ok_or_else(|| not_implemented(&format!("alarms on anomaly detection ({word})")))
}

/// A word of those that there are, if it was given.
fn chosen<T>(input: &Document, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
    let Some(word) = input.text_of(name) else {
        return Ok(None);
    };
    let value = parse(word).ok_or_else(|| validation(format!("The value {word} for parameter {name} is invalid.")))?;
    Ok(Some(value))
}

/// A whole number above zero, which the model has seen to, and not too large to be reckoned with.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was compared with the limits before"
)]
fn whole(input: &Document, name: &str) -> Result<Option<u32>, Fault> {
    let Some(number) = input.number_of(name) else {
        return Ok(None);
    };
    if !(1.0..=f64::from(i32::MAX)).contains(&number) {
        return Err(invalid(format!("The value {number} for parameter {name} is invalid.")));
    }
    Ok(Some(number as u32))
}
