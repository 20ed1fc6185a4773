//! From data points to a state.
//!
//! Source: "Configuring how CloudWatch alarms treat missing data" of the CloudWatch User Guide, whose tables are the tests.

use super::alarm::Finding;
use super::definition::Definition;
use super::reason;
use super::words::{LowSampleCount, StateValue, TreatMissingData};
use crate::local::metrics::measurements::Measurements;
use crate::local::metrics::series::{Metric, NAMESPACE, Statistic};
use crate::model::Timestamp;

/// Periods that are looked at beyond `EvaluationPeriods`. AWS says that there are some and not how many; its example looks at
/// five for an alarm of three.
const BEYOND: u32 = 2;

/// What is known of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Its beginning.
    pub(super) at: Timestamp,
    /// `None` where nothing was reported.
    pub(super) value: Option<f64>,
    /// Samples behind the value.
    pub(super) samples: f64,
}

/// The data points of an alarm, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Points {
    pub(super) all: Vec<Point>,
    /// Whether the local cloud measures the metric at all.
    pub(super) measured: bool,
    /// Whether one that is missing may have been there before the cloud was started again.
    pub(super) forgotten: bool,
}

/// What the local cloud has measured up to the end of a minute, in which all is forgotten from before it was recalled.
pub(super) fn points(
    definition: &Definition,
    measurements: &Measurements,
    recalled: Option<Timestamp>,
    at: Timestamp,
) -> Points {
    let metric = Metric::named(&definition.metric_name).filter(|_| definition.namespace == NAMESPACE);
    let statistic = Statistic::parse(&definition.statistic);
    let dimensions = definition.dimensions.iter();
    let dimensions = dimensions.map(|(name, value)| (Some(name.as_str()), Some(value.as_str())));
    let places = metric.map_or_else(Vec::new, |metric| measurements.places(metric, dimensions));
    let known = metric.zip(statistic).filter(|_| !places.is_empty());
    let unit_fits = |metric: Metric| definition.unit.as_deref().is_none_or(|unit| unit == metric.unit());
    // A period is AWS's time, as all that an alarm waits for: at a higher pace it is shorter.
    let (minute, period) = (measurements.minute(), i64::from(definition.period));
    let before = |periods: i64| Timestamp::from_millis(at.as_millis() - periods * period * minute / 60);
    let count = i64::from(definition.evaluation_periods + BEYOND);
    let point = |number: i64| {
        let start = before(number + 1);
        let span = if period < 60 {
            // What load balancers tell of a minute stands at its beginning. Periods that begin in between have nothing.
            let begins_a_minute = (number + 1) * period % 60 == 0;
            begins_a_minute.then(|| (start, Timestamp::from_millis(start.as_millis() + minute)))
        } else {
            Some((start, before(number)))
        };
        let reckoned = |statistic: Statistic| {
            let (metric, _) = known.filter(|(metric, _)| unit_fits(*metric))?;
            measurements.point(&places, metric, statistic, span?)
        };
        Point {
            at: start,
            value: known.and_then(|(_, statistic)| reckoned(statistic)),
            samples: reckoned(Statistic::SampleCount).unwrap_or(0.0),
        }
    };
    let is_forgotten = |since: Timestamp| recalled.is_some_and(|recalled| since < recalled);
    if known.is_none() {
        // Where nothing can be known, nobody needs a list of it.
        return Points {
            all: Vec::new(),
            measured: false,
            forgotten: is_forgotten(before(count)),
        };
    }
    let all: Vec<Point> = (0..count).rev().map(point).collect();
    let forgotten = all.iter().any(|point| point.value.is_none() && is_forgotten(point.at));
    Points {
        all,
        measured: true,
        forgotten,
    }
}

/// The state that an alarm should be in; `None` where it stays in the one that it has.
pub(super) fn evaluate(definition: &Definition, points: &Points, now: StateValue, at: Timestamp) -> Option<Finding> {
    if is_thin(definition, points) {
        return None;
    }
    let value = state(definition, points)?;
    (value != now).then(|| reason::of_metric(definition, points, now, value, at))
}

/// The last data points that there are, as many as an alarm evaluates, the newest first.
pub(super) fn evaluated<'a>(definition: &Definition, points: &'a Points) -> Vec<(&'a Point, f64)> {
    let real = points.all.iter().rev();
    let real = real.filter_map(|point| Some((point, point.value?)));
    real.take(definition.evaluation_periods as usize).collect()
}

fn state(definition: &Definition, points: &Points) -> Option<StateValue> {
    let real = evaluated(definition, points);
    let breaches = |value: f64| definition.comparison.breaches(value, definition.threshold);
    let breaching = real.iter().filter(|(_, value)| breaches(*value)).count();
    let lacking = definition.evaluation_periods as usize - real.len();
    let needed = definition.needed() as usize;
    let decided = |breaching: usize| {
        if breaching >= needed {
            StateValue::Alarm
        } else {
            StateValue::Ok
        }
    };
    // With enough of them, or with so many that breach, it does not matter what is missing.
    if lacking == 0 || breaching >= needed {
        return Some(decided(breaching));
    }
    // That nothing is known of a period is not that nothing happened in it.
    if points.forgotten {
        return None;
    }
    match definition.missing() {
        TreatMissingData::Breaching => Some(decided(breaching + lacking)),
        TreatMissingData::NotBreaching => Some(decided(breaching)),
        TreatMissingData::Ignore | TreatMissingData::Missing if breaching < real.len() => Some(StateValue::Ok),
        TreatMissingData::Ignore => None,
        TreatMissingData::Missing => {
            // For a metric that the local cloud does not measure, that it has no data says nothing about the metric. Whoever sets
            // the state of such an alarm stands in for the metric, and finds it as it was set.
            if !points.measured {
                return None;
            }
            // All that there is breaches. It counts once it is so old that no good data point can come before it any more.
            let Some((oldest, _)) = real.last() else {
                return Some(StateValue::InsufficientData);
            };
            let age = points.all.iter().filter(|point| point.at >= oldest.at).count();
            Some(if age >= needed {
                StateValue::Alarm
            } else {
                StateValue::InsufficientData
            })
        }
    }
}

/// Whether a percentile has too few samples to say something, and is not to be evaluated then.
///
/// Source: "Percentile-based alarms and low data samples" of the CloudWatch User Guide.
fn is_thin(definition: &Definition, points: &Points) -> bool {
    let Some(Statistic::Percentile(share)) = Statistic::parse(&definition.statistic) else {
        return false;
    };
    if definition.low_sample_count != Some(LowSampleCount::Ignore) {
        return false;
    }
    let rest = if share >= 0.5 { 1.0 - share } else { share };
    let real = evaluated(definition, points);
    let samples: f64 = real.iter().map(|(point, _)| point.samples).sum();
    !real.is_empty() && samples * rest < 10.0
}
