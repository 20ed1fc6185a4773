//! When metric alarms are evaluated, and since when they are in their states.

use super::*;

#[test]
fn an_alarm_follows_its_metric_minute_by_minute() {
    let mut world = World::new();
    world.minute(Some(0));
    world.seconds(20);
    world.put("errors", &json!({ "TreatMissingData": "notBreaching" }));
    let new = world.alarm("errors");
    assert_eq!(new["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(new["StateReason"], "Unchecked: Initial alarm creation");
    world.now = Timestamp::from_millis(BEGIN + 60_000);
    world.minute(Some(0));
    assert_eq!(world.state("errors"), "OK");
    world.minute(Some(3));
    world.minute(Some(4));
    // Nobody asks for some time: what is told is the same.
    world.seconds(40);
    assert_eq!(
        (world.state("errors").as_str(), world.since("errors")),
        ("ALARM", 180.0)
    );
    world.now = Timestamp::from_millis(BEGIN + 240_000);
    for _ in 0..3 {
        world.minute(Some(0));
    }
    assert_eq!(
        (world.state("errors").as_str(), world.since("errors")),
        ("OK", 420.0),
        "a metric that has stopped is looked at for two minutes more"
    );
}

#[test]
fn asking_often_and_asking_once_find_the_same() {
    let course = [
        None,
        Some(0),
        Some(2),
        Some(2),
        None,
        Some(0),
        Some(1),
        None,
        None,
        None,
        Some(0),
    ];
    for missing in ["missing", "ignore", "breaching", "notBreaching"] {
        let more =
            json!({ "EvaluationPeriods": 2, "TreatMissingData": missing, "MetricName": "HTTPCode_Target_5XX_Count" });
        let (mut often, mut once) = (World::new(), World::new());
        for world in [&mut often, &mut once] {
            world.put("errors", &more);
        }
        for failed in course {
            often.minute(failed);
            once.minute(failed);
            often.seconds(0);
            often.alarm("errors");
        }
        assert_eq!(often.alarm("errors"), once.alarm("errors"), "{missing}");
    }
}

#[test]
fn periods_go_at_the_pace_of_the_cloud() {
    let mut world = World::with_a_minute_of(Duration::from_millis(100));
    world.put("errors", &json!({ "Period": 300, "Threshold": 2.0 }));
    for failed in [1, 0, 1, 0] {
        world.minute(Some(failed));
        assert_ne!(world.state("errors"), "ALARM");
    }
    world.minute(Some(1));
    assert_eq!((world.state("errors").as_str(), world.since("errors")), ("ALARM", 0.5));
}

#[test]
fn a_set_state_holds_until_the_minute_ends() {
    let mut world = World::new();
    world.put("errors", &json!({ "TreatMissingData": "notBreaching" }));
    world.minute(Some(0));
    world.seconds(30);
    world.set("errors", "ALARM");
    let set = world.alarm("errors");
    assert_eq!(
        (&set["StateValue"], &set["StateReason"]),
        (&json!("ALARM"), &json!("for a test"))
    );
    assert_eq!(world.since("errors"), 90.0);
    world.seconds(29);
    assert_eq!(world.state("errors"), "ALARM");
    world.seconds(1);
    assert_eq!((world.state("errors").as_str(), world.since("errors")), ("OK", 120.0));
    world.set("errors", "OK");
    let again = world.alarm("errors");
    assert_eq!(again["StateReason"], "for a test");
    assert_eq!(world.since("errors"), 120.0, "its value has not changed");
}

#[test]
fn what_is_not_measured_here_stays_as_it_was_set() {
    let mut world = World::new();
    world.put(
        "queue",
        &json!({ "Namespace": "Shop", "MetricName": "Waiting", "Dimensions": [] }),
    );
    world.put(
        "unknown",
        &json!({ "Dimensions": [{ "Name": "LoadBalancer", "Value": "app/other/0" }] }),
    );
    world.put("errors", &json!({}));
    for name in ["queue", "unknown", "errors"] {
        world.set(name, "ALARM");
    }
    for _ in 0..5 {
        world.minute(Some(0));
    }
    assert_eq!(world.state("queue"), "ALARM");
    assert_eq!(world.state("unknown"), "ALARM");
    assert_eq!(
        world.state("errors"),
        "INSUFFICIENT_DATA",
        "its load balancer is measured, and told of none"
    );
}

#[test]
fn short_periods_find_the_whole_minute_at_its_beginning() {
    let mut world = World::new();
    world.put(
        "short",
        &json!({ "Period": 10, "EvaluationPeriods": 6, "DatapointsToAlarm": 1 }),
    );
    world.put("shorter", &json!({ "Period": 10 }));
    world.put("strange", &json!({ "Unit": "Percent" }));
    world.minute(Some(3));
    assert_eq!(world.state("short"), "ALARM");
    assert_eq!(world.state("shorter"), "INSUFFICIENT_DATA");
    assert_eq!(
        world.state("strange"),
        "INSUFFICIENT_DATA",
        "it is counted in no such unit"
    );
}

#[test]
fn percentiles_and_hosts_are_watched_too() {
    let mut world = World::new();
    let hosts = json!({
        "MetricName": "HealthyHostCount", "Statistic": "Minimum", "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
    });
    world.put("hosts", &hosts);
    world.put(
        "slow",
        &json!({ "MetricName": "TargetResponseTime", "Statistic": null, "ExtendedStatistic": "p99" }),
    );
    world.minute(Some(0));
    assert_eq!(world.state("hosts"), "OK");
    assert_eq!(world.alarm("slow")["ExtendedStatistic"], "p99");
}

#[test]
fn alarms_are_kept_when_their_cloud_ends() {
    let mut world = World::new();
    world.put(
        "errors",
        &json!({ "AlarmDescription": "5xx", "OKActions": ["arn:aws:sns:a"], "DatapointsToAlarm": 1 }),
    );
    world.ok(
        "PutCompositeAlarm",
        &json!({ "AlarmName": "any", "AlarmRule": "ALARM(errors)" }),
    );
    world.minute(Some(2));
    let before = (world.alarm("errors"), world.alarm("any"));
    assert_eq!(before.1["StateValue"], "ALARM");
    world.restart();
    assert_eq!((world.alarm("errors"), world.alarm("any")), before);
    // Nothing is measured at first.
    world.minute(None);
    assert_eq!(world.state("errors"), "ALARM");
    world.minute(Some(0));
    assert_eq!(world.state("errors"), "ALARM", "a minute that it looks at is forgotten");
    world.minute(Some(0));
    assert_eq!(world.state("errors"), "INSUFFICIENT_DATA");
    assert_eq!(world.state("any"), "OK");
}

#[test]
fn what_was_forgotten_counts_as_nothing_missing() {
    for (missing, before, then) in [("notBreaching", "ALARM", "OK"), ("breaching", "OK", "ALARM")] {
        let mut world = World::new();
        world.put("errors", &json!({ "TreatMissingData": missing }));
        world.put("queue", &json!({ "Namespace": "Shop", "TreatMissingData": missing }));
        world.minute(None);
        for name in ["errors", "queue"] {
            world.set(name, before);
        }
        world.restart();
        // Its load balancer is measured from the second minute on, and nothing fails.
        for failed in [None, Some(0)] {
            world.minute(failed);
            let states = (world.state("errors"), world.state("queue"));
            assert_eq!(states, (before.to_owned(), before.to_owned()), "{missing}");
        }
        world.minute(Some(0));
        let states = (world.state("errors"), world.state("queue"));
        assert_eq!(states, (then.to_owned(), then.to_owned()), "{missing}");
    }
}

#[test]
fn what_is_measured_after_a_restart_counts_at_once() {
    let mut world = World::new();
    world.put("errors", &json!({ "TreatMissingData": "notBreaching" }));
    world.minute(Some(0));
    world.restart();
    world.minute(Some(1));
    assert_eq!(world.state("errors"), "ALARM");
}

#[test]
fn alarms_go_by_the_dimensions_that_a_metric_has() {
    let mut world = World::new();
    let of_balancer = json!([{ "Name": "LoadBalancer", "Value": "app/front/0123" }]);
    let hosts = json!({ "MetricName": "HealthyHostCount", "Statistic": "Maximum", "Dimensions": of_balancer });
    world.put("hosts", &hosts);
    world.minute(Some(0));
    assert_eq!(
        world.state("hosts"),
        "INSUFFICIENT_DATA",
        "hosts are counted by target group"
    );
}
