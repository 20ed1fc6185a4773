//! Data points to states: the tables of the User Guide.

use super::super::definition::Definition;
use super::super::evaluation::{Point, Points, evaluate};
use super::super::words::{Comparison, StateValue};
use super::*;

fn definition(more: &Value) -> Definition {
    let input = failures("a", more);
    Definition::read(&Document::from_json(input.to_string().as_bytes()).unwrap()).unwrap()
}

/// `0` does not breach, `X` does, `-` is missing; the newest stands last.
fn points(drawn: &str, measured: bool) -> Points {
    let all = drawn.split(' ').enumerate().map(|(number, drawn)| Point {
        at: Timestamp::from_millis(BEGIN + i64::try_from(number).unwrap() * 60_000),
        value: match drawn {
            "0" => Some(0.0),
            "X" => Some(1.0),
            _ => None,
        },
        samples: 1.0,
    });
    Points {
        all: all.collect(),
        measured,
        forgotten: false,
    }
}

/// The state after an evaluation, as the tables name it.
fn found(drawn: &str, needed: u32, missing: &str) -> &'static str {
    let definition = definition(&json!({
        "EvaluationPeriods": 3, "DatapointsToAlarm": needed, "TreatMissingData": missing,
    }));
    let from = |state| {
        let at = Timestamp::from_millis(BEGIN);
        let finding = evaluate(&definition, &points(drawn, true), state, at);
        finding.map_or(state, |finding| finding.value)
    };
    let all = [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData].map(from);
    match all {
        [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData] => "retain",
        [first, second, third] if first == second && second == third => first.word(),
        other => panic!("{drawn}: {other:?}"),
    }
}

#[test]
fn missing_data_is_treated_as_the_tables_say() {
    for (needed, drawn, missing, ignore, breaching, not_breaching) in [
        (3, "0 - X - X", "OK", "OK", "OK", "OK"),
        (3, "0 - - - -", "OK", "OK", "OK", "OK"),
        (3, "- - - - 0", "OK", "OK", "OK", "OK"),
        (3, "- - - - -", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
        (3, "0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "- - - - X", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
        (3, "- - - X -", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"),
        (3, "- - X - -", "ALARM", "retain", "ALARM", "OK"),
        (3, "X - - - -", "ALARM", "retain", "ALARM", "OK"),
        (2, "0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 - X - -", "OK", "OK", "ALARM", "OK"),
        (2, "- - - - 0", "OK", "OK", "ALARM", "OK"),
        (2, "- - - X -", "ALARM", "retain", "ALARM", "OK"),
        (1, "- - - - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ] {
        let told = ["missing", "ignore", "breaching", "notBreaching"].map(|missing| found(drawn, needed, missing));
        assert_eq!(
            told,
            [missing, ignore, breaching, not_breaching],
            "{drawn} with {needed} of 3"
        );
    }
}

#[test]
fn a_metric_that_is_not_measured_follows_what_missing_data_counts_as() {
    let at = Timestamp::from_millis(BEGIN);
    let of = |missing: &str, state| {
        let definition = definition(&json!({ "TreatMissingData": missing }));
        evaluate(&definition, &points("- - -", false), state, at).map(|finding| finding.value)
    };
    assert_eq!(of("missing", StateValue::Alarm), None, "as it was set");
    assert_eq!(of("missing", StateValue::InsufficientData), None);
    assert_eq!(of("ignore", StateValue::Alarm), None);
    assert_eq!(of("breaching", StateValue::Ok), Some(StateValue::Alarm));
    assert_eq!(of("notBreaching", StateValue::Alarm), Some(StateValue::Ok));
}

#[test]
fn each_operator_compares_as_it_is_named() {
    for (word, below, same, above) in [
        ("GreaterThanThreshold", false, false, true),
        ("GreaterThanOrEqualToThreshold", false, true, true),
        ("LessThanThreshold", true, false, false),
        ("LessThanOrEqualToThreshold", true, true, false),
    ] {
        let comparison = Comparison::parse(word).unwrap();
        let told = [0.0, 1.0, 2.0].map(|value| comparison.breaches(value, 1.0));
        assert_eq!(told, [below, same, above], "{word}");
    }
}

#[test]
fn a_percentile_of_few_samples_may_be_left_alone() {
    let at = Timestamp::from_millis(BEGIN);
    let of = |low: &str, samples: f64| {
        let definition = definition(&json!({
            "Statistic": null, "ExtendedStatistic": "p99", "EvaluateLowSampleCountPercentile": low,
        }));
        let mut points = points("- - X", true);
        points.all[2].samples = samples;
        evaluate(&definition, &points, StateValue::Ok, at).map(|finding| finding.value)
    };
    assert_eq!(of("evaluate", 10.0), Some(StateValue::Alarm));
    assert_eq!(of("ignore", 900.0), None);
    assert_eq!(of("ignore", 1100.0), Some(StateValue::Alarm));
}

#[test]
fn reasons_tell_which_data_points_decided() {
    let at = Timestamp::from_millis(BEGIN + 300_000);
    let reason = |drawn: &str, more: &Value, before| {
        let definition = definition(more);
        evaluate(&definition, &points(drawn, true), before, at).unwrap()
    };
    let two_of_three = json!({ "EvaluationPeriods": 3, "DatapointsToAlarm": 2 });
    let alarm = reason("0 0 X 0 X", &two_of_three, StateValue::Ok);
    assert_eq!(
        alarm.reason,
        "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (22/11/26 00:04:00), 1.0 (22/11/26 00:02:00)] were greater than \
         the threshold (0.0) (minimum 2 datapoints for OK -> ALARM transition)."
    );
    let data: Value = serde_json::from_str(&alarm.reason_data.unwrap()).unwrap();
    assert_eq!(data["recentDatapoints"], json!([1.0, 0.0, 1.0]));
    assert_eq!(data["queryDate"], "2026-11-22T00:05:00.000+0000");
    let ok = reason("X X 0", &json!({}), StateValue::InsufficientData);
    assert_eq!(
        ok.reason,
        "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (22/11/26 00:02:00)] was not greater than the threshold (0.0) \
         (minimum 1 datapoint for ALARM -> OK transition)."
    );
    let none = reason("- - - - -", &json!({ "EvaluationPeriods": 3 }), StateValue::Ok);
    assert_eq!(none.reason, "Insufficient Data: 3 datapoints were unknown.");
    let taken = reason("- - -", &json!({ "TreatMissingData": "breaching" }), StateValue::Ok);
    assert_eq!(
        taken.reason,
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching]."
    );
}
