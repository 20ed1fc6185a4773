//! Composite alarms.

use super::*;

fn composite(world: &mut World, name: &str, rule: &str) {
    world.ok("PutCompositeAlarm", &json!({ "AlarmName": name, "AlarmRule": rule }));
}

#[test]
fn a_rule_follows_its_alarms_through_others() {
    let mut world = World::new();
    for name in ["a", "b"] {
        world.put(name, &json!({ "Namespace": "Shop" }));
    }
    composite(&mut world, "either", "ALARM(a) OR ALARM(\"b\")");
    composite(
        &mut world,
        "calm",
        "NOT ALARM(arn:aws:cloudwatch:eu-central-1:123456789012:alarm:either) AND INSUFFICIENT_DATA(b)",
    );
    assert_eq!(
        (world.state("either"), world.state("calm")),
        ("OK".into(), "ALARM".into())
    );
    let new = world.alarm("either");
    assert_eq!(
        new["StateReason"],
        "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:either was created and its alarm rule evaluates to OK"
    );
    world.seconds(5);
    world.set("a", "ALARM");
    let either = world.alarm("either");
    assert_eq!(either["StateValue"], "ALARM");
    assert_eq!(
        either["StateReason"],
        "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:a transitioned to ALARM at Sunday 22 November, 2026 00:00:05 UTC"
    );
    let data: Value = serde_json::from_str(either["StateReasonData"].as_str().unwrap()).unwrap();
    assert_eq!(data["triggeringAlarms"][0]["state"]["value"], "ALARM");
    assert_eq!((world.state("calm").as_str(), world.since("calm")), ("OK", 5.0));
}

#[test]
fn a_change_of_a_metric_counts_from_the_end_of_its_minute() {
    let mut world = World::new();
    world.put("errors", &json!({}));
    composite(&mut world, "release", "ALARM(errors)");
    world.minute(Some(1));
    world.seconds(45);
    assert_eq!(
        (world.state("release").as_str(), world.since("release")),
        ("ALARM", 60.0)
    );
}

#[test]
fn a_set_state_holds_until_an_alarm_of_the_rule_changes() {
    let mut world = World::new();
    world.put("a", &json!({ "Namespace": "Shop" }));
    composite(&mut world, "one", "ALARM(a)");
    composite(&mut world, "two", "ALARM(one)");
    world.set("one", "ALARM");
    assert_eq!(world.state("two"), "ALARM");
    for _ in 0..3 {
        world.minute(None);
    }
    assert_eq!(world.state("one"), "ALARM");
    world.set("a", "OK");
    assert_eq!((world.state("one"), world.state("two")), ("OK".into(), "OK".into()));
    world.set("one", "ALARM");
    composite(&mut world, "one", "ALARM(a) AND TRUE");
    assert_eq!(world.state("one"), "OK", "it is evaluated when it is put");
}

#[test]
fn a_cycle_is_not_evaluated_and_can_be_broken() {
    let mut world = World::new();
    world.put("a", &json!({ "Namespace": "Shop" }));
    composite(&mut world, "one", "ALARM(a)");
    composite(&mut world, "two", "ALARM(one)");
    composite(&mut world, "one", "ALARM(a) OR ALARM(two)");
    composite(&mut world, "beside", "ALARM(a) OR OK(one)");
    world.set("a", "ALARM");
    assert_eq!((world.state("one"), world.state("two")), ("OK".into(), "OK".into()));
    assert_eq!(world.state("beside"), "ALARM");
    for name in ["one", "two"] {
        assert_eq!(
            world.code("DeleteAlarms", &json!({ "AlarmNames": [name] })),
            "ValidationError"
        );
    }
    let beside = world.alarm("beside");
    composite(&mut world, "two", "ALARM(a)");
    assert_eq!(
        (world.state("two"), world.state("one")),
        ("ALARM".into(), "ALARM".into()),
        "both can be evaluated now, and nothing that the first mentions changes"
    );
    assert_eq!(world.alarm("beside"), beside, "it could be before");
    composite(&mut world, "one", "false");
    composite(&mut world, "beside", "FALSE");
    world.ok("DeleteAlarms", &json!({ "AlarmNames": ["two"] }));
    world.ok("DeleteAlarms", &json!({ "AlarmNames": ["one"] }));
}

#[test]
fn what_a_rule_needs_cannot_be_deleted() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.put(name, &json!({}));
    }
    composite(&mut world, "both", "ALARM(a) AND ALARM(b)");
    composite(&mut world, "other", "TRUE");
    let told = |world: &mut World, names: &[&str]| {
        let refused = world.call("DeleteAlarms", &json!({ "AlarmNames": names })).unwrap_err();
        (refused.code, refused.message)
    };
    assert_eq!(
        told(&mut world, &["a", "c"]),
        (
            "ValidationError",
            "Cannot delete a as there are composite alarm(s) depending on it.".to_owned()
        )
    );
    let (_, message) = told(&mut world, &["b", "a"]);
    assert_eq!(
        message,
        "Cannot delete a,b as there are composite alarm(s) depending on them."
    );
    assert_eq!(
        told(&mut world, &["both", "other"]).0,
        "ValidationError",
        "two composite alarms"
    );
    world.ok("DeleteAlarms", &json!({ "AlarmNames": ["a", "both", "nobody"] }));
    let all = json!({ "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
    let left = world.ok("DescribeAlarms", &all);
    assert_eq!(left["MetricAlarms"].as_array().unwrap().len(), 2);
    assert_eq!(left["CompositeAlarms"][0]["AlarmRule"], "TRUE");
}

#[test]
fn rules_that_cannot_hold_are_refused() {
    let mut world = World::new();
    world.put("a", &json!({}));
    let put = |world: &mut World, input: &Value| {
        let refused = world.call("PutCompositeAlarm", input).unwrap_err();
        (refused.code, refused.message)
    };
    let told = put(
        &mut world,
        &json!({ "AlarmName": "c", "AlarmRule": "ALARM(a) OR OK(x) OR OK(y)" }),
    );
    assert_eq!(
        told,
        (
            "ValidationError",
            "Could not save the composite alarm as alarms [x, y] in the alarm rule do not exist".to_owned()
        )
    );
    for rule in [
        "ALARM(a) OR",
        "ALARM(c)",
        "ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)",
    ] {
        let told = put(&mut world, &json!({ "AlarmName": "c", "AlarmRule": rule }));
        assert_eq!(told.0, "ValidationError", "{rule}");
    }
    let told = put(&mut world, &json!({ "AlarmName": "a", "AlarmRule": "TRUE" }));
    assert_eq!(told.0, "ValidationError", "a metric alarm has this name");
    let suppressed = json!({ "AlarmName": "c", "AlarmRule": "TRUE", "ActionsSuppressor": "a" });
    assert_eq!(put(&mut world, &suppressed).0, "NotImplemented");
}

#[test]
fn a_broken_cycle_lets_its_others_be_evaluated() {
    let mut world = World::new();
    world.put("a", &json!({ "Namespace": "Shop" }));
    composite(&mut world, "one", "ALARM(a)");
    composite(&mut world, "two", "NOT ALARM(one)");
    composite(&mut world, "three", "ALARM(a) OR ALARM(two)");
    composite(&mut world, "one", "ALARM(three)");
    assert_eq!(world.state("three"), "ALARM");
    world.set("two", "OK");
    world.set("one", "OK");
    // What was put does not change, so that nothing else would let the others be looked at.
    composite(&mut world, "one", "FALSE");
    assert_eq!(world.state("one"), "OK");
    assert_eq!(world.state("two"), "ALARM");
    let reason = world.alarm("two")["StateReason"].as_str().unwrap().to_owned();
    assert!(
        reason.ends_with(":two was updated and its alarm rule evaluates to ALARM"),
        "{reason}"
    );
}

#[test]
fn a_rule_of_a_kind_that_only_aws_has_is_said_to_be_one() {
    let mut world = World::new();
    for name in ["a", "b"] {
        world.put(name, &json!({}));
    }
    let rule = json!({ "AlarmName": "most", "AlarmRule": "AT_LEAST(1, ALARM, (a, b))" });
    assert_eq!(world.code("PutCompositeAlarm", &rule), "NotImplemented");
    let rule = json!({ "AlarmName": "most", "AlarmRule": "OK(a) OR AT_MOST(1)" });
    assert_eq!(world.code("PutCompositeAlarm", &rule), "ValidationError");
}
