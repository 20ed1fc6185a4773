//! Why an alarm is in its state, as CloudWatch words it: for people (`StateReason`), and for programs (`StateReasonData`).

use serde_json::json;

use super::alarm::Finding;
use super::definition::Definition;
use super::evaluation::{Point, Points, evaluated};
use super::words::{Comparison, StateValue, TreatMissingData};
use crate::model::Timestamp;

/// The longest reason (source: `StateReason`).
const LONGEST: usize = 1023;
/// Data points that a reason lists.
const LISTED: usize = 10;

/// What an evaluation of a metric has found.
pub(super) fn of_metric(
    definition: &Definition,
    points: &Points,
    before: StateValue,
    value: StateValue,
    at: Timestamp,
) -> Finding {
    let real = evaluated(definition, points);
    let text = match value {
        StateValue::InsufficientData => {
            let lacking = definition.evaluation_periods as usize - real.len();
            format!("Insufficient Data: {} unknown.", counted(lacking, "datapoint"))
        }
        StateValue::Ok | StateValue::Alarm if real.is_empty() => missing(definition),
        StateValue::Ok | StateValue::Alarm => crossed(definition, &real, before, value),
    };
    let listed = real.iter().take(LISTED);
    let data = json!({
        "version": "1.0",
        "queryDate": moment(at),
        "startDate": real.last().map(|(point, _)| moment(point.at)),
        "statistic": definition.statistic,
        "period": definition.period,
        "recentDatapoints": real.iter().rev().map(|(_, value)| *value).collect::<Vec<_>>(),
        "threshold": definition.threshold,
        "evaluatedDatapoints": listed
            .map(|(point, value)| json!({
                "timestamp": moment(point.at),
                "sampleCount": point.samples,
                "value": value,
            }))
            .collect::<Vec<_>>(),
    });
    Finding {
        value,
        reason: text.chars().take(LONGEST).collect(),
        reason_data: Some(data.to_string()),
    }
}

/// Data points decided.
fn crossed(definition: &Definition, real: &[(&Point, f64)], before: StateValue, value: StateValue) -> String {
    let breaches = |value: f64| definition.comparison.breaches(value, definition.threshold);
    let is_alarm = value == StateValue::Alarm;
    let deciding: Vec<&(&Point, f64)> = real.iter().filter(|(_, value)| breaches(*value) == is_alarm).collect();
    let listed: Vec<String> = deciding
        .iter()
        .take(LISTED)
        .map(|(point, value)| format!("{value:?} ({})", calendar(point.at).strftime("%d/%m/%y %H:%M:%S")))
        .collect();
    let (count, periods) = (deciding.len(), definition.evaluation_periods as usize);
    let not = if is_alarm { "" } else { "not " };
    let threshold = format!(
        "{not}{} the threshold ({:?})",
        words(definition.comparison),
        definition.threshold
    );
    let needed = definition.needed() as usize;
    let least = if is_alarm { needed } else { periods - needed + 1 };
    let noun = if least == 1 { "datapoint" } else { "datapoints" };
    let verb = if count == 1 { "was" } else { "were" };
    format!(
        "Threshold Crossed: {count} out of the last {periods} datapoints [{}] {verb} {threshold} (minimum {least} {noun} for {} -> {} \
         transition).",
        listed.join(", "),
        if before == StateValue::InsufficientData {
            if is_alarm { "OK" } else { "ALARM" }
        } else {
            before.word()
        },
        value.word(),
    )
}

/// That there are none did.
fn missing(definition: &Definition) -> String {
    let periods = definition.evaluation_periods as usize;
    let noun = if periods == 1 { "period" } else { "periods" };
    let taken = match definition.missing() {
        TreatMissingData::Breaching => "Breaching",
        TreatMissingData::NotBreaching | TreatMissingData::Ignore | TreatMissingData::Missing => "NonBreaching",
    };
    format!(
        "Threshold Crossed: no datapoints were received for {periods} {noun} and {} treated as [{taken}].",
        counted(periods, "missing datapoint")
    )
}

/// What the rule of a composite alarm has found, because another alarm has changed or because the rule is new.
pub(super) fn of_rule(value: StateValue, because: &Because<'_>, at: Timestamp) -> Finding {
    let when = calendar(at).strftime("%A %d %B, %Y %H:%M:%S UTC");
    let (reason, reason_data) = match because {
        Because::Child { arn, state } => {
            let data = json!({
                "triggeringAlarms": [{ "arn": arn, "state": { "value": state.word(), "timestamp": moment(at) } }],
            });
            (
                format!("{arn} transitioned to {} at {when}", state.word()),
                Some(data.to_string()),
            )
        }
        Because::Configured { arn, is_new } => {
            let done = if *is_new { "created" } else { "updated" };
            let reason = format!("{arn} was {done} and its alarm rule evaluates to {}", value.word());
            (reason, None)
        }
    };
    Finding {
        value,
        reason: reason.chars().take(LONGEST).collect(),
        reason_data,
    }
}

/// Why a rule was evaluated.
pub(super) enum Because<'a> {
    /// An alarm of the rule has changed to this.
    Child {
        /// Its ARN.
        arn: &'a str,
        /// What it is in now.
        state: StateValue,
    },
    /// The composite alarm itself was put.
    Configured {
        /// Its own ARN.
        arn: &'a str,
        /// It was not there before.
        is_new: bool,
    },
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("{count} {noun} was")
    } else {
        format!("{count} {noun}s were")
    }
}

fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterOrEqual => "greater than or equal to",
        Comparison::Greater => "greater than",
        Comparison::Less => "less than",
        Comparison::LessOrEqual => "less than or equal to",
    }
}

fn calendar(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default()
}

/// As CloudWatch writes it in JSON.
fn moment(at: Timestamp) -> String {
    calendar(at).strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
