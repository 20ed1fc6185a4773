//! Calls by their parameters.

use super::*;

fn names(answer: &Value, list: &str) -> Vec<String> {
    let alarms = answer[list].as_array().unwrap().iter();
    alarms
        .map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_was_put_is_told_again() {
    let mut world = World::new();
    let more = json!({
        "AlarmDescription": "too many errors", "ActionsEnabled": false, "AlarmActions": ["arn:aws:sns:x"], "EvaluationPeriods": 5,
        "DatapointsToAlarm": 3, "Threshold": 2.5, "TreatMissingData": "ignore", "Unit": "Count",
    });
    world.put("errors", &more);
    let told = world.alarm("errors");
    let put = failures("errors", &more);
    for (name, value) in put.as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    assert_eq!(
        told["AlarmArn"],
        "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:errors"
    );
    assert_eq!(told["OKActions"], json!([]));
    assert!(
        told["Period"].is_i64() && told["StateUpdatedTimestamp"].is_f64(),
        "{told}"
    );
    world.ok("EnableAlarmActions", &json!({ "AlarmNames": ["errors", "nobody"] }));
    assert_eq!(world.alarm("errors")["ActionsEnabled"], true);
    world.ok("DisableAlarmActions", &json!({ "AlarmNames": ["errors"] }));
    assert_eq!(world.alarm("errors")["ActionsEnabled"], false);
}

#[test]
fn an_alarm_that_is_replaced_keeps_its_state_alone() {
    let mut world = World::new();
    world.put(
        "errors",
        &json!({ "AlarmDescription": "first", "DatapointsToAlarm": 1 }),
    );
    world.set("errors", "ALARM");
    world.seconds(10);
    world.put("errors", &json!({ "Threshold": 9.0 }));
    let told = world.alarm("errors");
    assert_eq!(
        (&told["StateValue"], &told["Threshold"]),
        (&json!("ALARM"), &json!(9.0))
    );
    assert!(
        told.get("AlarmDescription").is_none() && told.get("DatapointsToAlarm").is_none(),
        "{told}"
    );
    assert_eq!(told["AlarmConfigurationUpdatedTimestamp"], 1_795_305_610.0);
    assert_eq!(world.since("errors"), 0.0);
}

#[test]
fn alarms_are_found_by_what_is_asked_for() {
    let mut world = World::new();
    for name in ["shop-errors", "shop-slow", "site-errors"] {
        world.put(
            name,
            &json!({ "Namespace": "Shop", "OKActions": [format!("arn:aws:sns:{name}")] }),
        );
    }
    world.ok(
        "PutCompositeAlarm",
        &json!({ "AlarmName": "shop", "AlarmRule": "ALARM(shop-slow)" }),
    );
    world.set("shop-slow", "ALARM");
    for (input, metric, composite) in [
        (json!({}), vec!["shop-errors", "shop-slow", "site-errors"], vec![]),
        (json!({ "AlarmTypes": ["CompositeAlarm"] }), vec![], vec!["shop"]),
        (json!({ "AlarmTypes": ["LogAlarm"] }), vec![], vec![]),
        (
            json!({ "AlarmNames": ["shop", "shop-slow", "nobody"] }),
            vec!["shop-slow"],
            vec![],
        ),
        (
            json!({ "AlarmNamePrefix": "shop", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "StateValue": "ALARM" }),
            vec!["shop-slow"],
            vec!["shop"],
        ),
        (json!({ "ActionPrefix": "arn:aws:sns:si" }), vec!["site-errors"], vec![]),
        (json!({ "StateValue": "OK" }), vec![], vec![]),
    ] {
        let answer = world.ok("DescribeAlarms", &input);
        assert_eq!(names(&answer, "MetricAlarms"), metric, "{input}");
        assert_eq!(names(&answer, "CompositeAlarms"), composite, "{input}");
        assert!(answer.get("NextToken").is_none());
    }
}

#[test]
fn long_lists_come_in_pages() {
    let mut world = World::new();
    for number in 0..120 {
        world.put(&format!("ä {number:03}"), &json!({}));
    }
    world.ok("PutCompositeAlarm", &json!({ "AlarmName": "z", "AlarmRule": "FALSE" }));
    let mut input = json!({ "AlarmTypes": ["CompositeAlarm", "MetricAlarm"], "MaxRecords": 100 });
    let first = world.ok("DescribeAlarms", &input);
    assert_eq!(
        names(&first, "MetricAlarms").len(),
        100 - 1,
        "the composite alarm comes among them, by its name"
    );
    input["NextToken"] = first["NextToken"].clone();
    let second = world.ok("DescribeAlarms", &input);
    assert_eq!(names(&second, "MetricAlarms").len(), 21);
    assert!(second.get("NextToken").is_none());
    let page = world.ok("DescribeAlarms", &json!({}));
    assert_eq!(names(&page, "MetricAlarms").len(), 50);
    for token in ["", "x", "abc", "ff", "+a", "ää"] {
        let code = world.code("DescribeAlarms", &json!({ "NextToken": token }));
        assert_eq!(code, "InvalidNextToken", "{token:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = World::new();
    for (more, code) in [
        (json!({ "AlarmName": "a\u{7}" }), "ValidationError"),
        (json!({ "Period": 61 }), "ValidationError"),
        (json!({ "Period": 60, "EvaluationPeriods": 1441 }), "ValidationError"),
        (json!({ "Period": 3600, "EvaluationPeriods": 169 }), "ValidationError"),
        (
            json!({ "EvaluationPeriods": 2, "DatapointsToAlarm": 3 }),
            "ValidationError",
        ),
        (json!({ "TreatMissingData": "maybe" }), "ValidationError"),
        (
            json!({ "EvaluateLowSampleCountPercentile": "maybe" }),
            "ValidationError",
        ),
        (json!({ "ComparisonOperator": "Equal" }), "ValidationError"),
        (json!({ "Statistic": "Median" }), "ValidationError"),
        (json!({ "Threshold": "high" }), "SerializationException"),
        (json!({ "Period": null }), "MissingParameter"),
        (json!({ "Threshold": null }), "MissingParameter"),
        (json!({ "Statistic": null }), "MissingParameter"),
        (json!({ "ExtendedStatistic": "p99" }), "InvalidParameterCombination"),
        (
            json!({ "Statistic": null, "ExtendedStatistic": "q5" }),
            "InvalidParameterValue",
        ),
        (
            json!({ "Statistic": null, "ExtendedStatistic": "tm90" }),
            "NotImplemented",
        ),
        (
            json!({ "ComparisonOperator": "LessThanLowerThreshold" }),
            "NotImplemented",
        ),
        (
            json!({ "Metrics": [{ "Id": "m", "Expression": "1" }] }),
            "NotImplemented",
        ),
    ] {
        assert_eq!(world.code("PutMetricAlarm", &failures("a", &more)), code, "{more}");
    }
    world.put("week", &json!({ "Period": 3600, "EvaluationPeriods": 168 }));
    let set = |name: &str, data: &str| json!({ "AlarmName": name, "StateValue": "OK", "StateReason": "", "StateReasonData": data });
    assert_eq!(world.code("SetAlarmState", &set("nobody", "{}")), "ResourceNotFound");
    assert_eq!(
        world.call("SetAlarmState", &set("nobody", "{}")).unwrap_err().status,
        404
    );
    assert_eq!(world.code("SetAlarmState", &set("week", "{")), "InvalidFormat");
    world.ok("SetAlarmState", &set("week", "{\"a\": 1}"));
    for (input, code) in [
        (
            json!({ "AlarmNames": ["a"], "AlarmNamePrefix": "b" }),
            "InvalidParameterCombination",
        ),
        (json!({ "ChildrenOfAlarmName": "a" }), "NotImplemented"),
        (json!({ "MaxRecords": 101 }), "ValidationError"),
    ] {
        assert_eq!(world.code("DescribeAlarms", &input), code, "{input}");
    }
    assert_eq!(world.code("DescribeAlarmHistory", &json!({})), "NotImplemented");
}
