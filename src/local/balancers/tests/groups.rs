//! Target groups, their attributes, the health of their targets, and tags.

use super::*;

fn health(world: &mut World) -> (String, Option<String>) {
    let group = world.groups[0].clone();
    let body = world.ok("DescribeTargetHealth", &[("TargetGroupArn", &group)]);
    (World::all(&body, "State").remove(0), World::all(&body, "Reason").pop())
}

fn told(state: &str, reason: &str) -> (String, Option<String>) {
    (state.to_owned(), Some(reason.to_owned()))
}

#[test]
fn targets_are_checked_once_a_rule_refers_to_their_group() {
    let mut world = World::new();
    let target = |state| {
        vec![Target {
            id: InstanceId::new("i-1"),
            state,
        }]
    };
    world.targets = target(TargetState::Healthy);
    assert_eq!(health(&mut world), told("unused", "Target.NotInUse"));
    let rule = world.make_rule("10", "a.example.com", 0);
    assert_eq!(health(&mut world), told("initial", "Elb.InitialHealthChecking"));
    world.wait(30);
    assert_eq!(health(&mut world), ("healthy".to_owned(), None));
    for (failed, reason) in [
        (FailedCheck::Answered(500), "Target.ResponseCodeMismatch"),
        (FailedCheck::TimedOut, "Target.Timeout"),
        (FailedCheck::Broken, "Target.FailedHealthChecks"),
    ] {
        world.targets = target(TargetState::Unhealthy(failed));
        assert_eq!(health(&mut world), told("unhealthy", reason));
    }
    world.targets = target(TargetState::Draining);
    assert_eq!(health(&mut world), told("draining", "Target.DeregistrationInProgress"));
    world.targets = target(TargetState::Healthy);
    world.ok("DeleteRule", &[("RuleArn", &rule)]);
    assert_eq!(health(&mut world), told("unused", "Target.NotInUse"));
    let weights = world.weights("DefaultActions", &["0", "1"]);
    let listener = world.listener.clone();
    world.ok_with("ModifyListener", ("ListenerArn", &listener), &weights);
    assert_eq!(
        health(&mut world),
        told("initial", "Elb.InitialHealthChecking"),
        "a weight of zero is in use, and checked anew"
    );
    let group = world.groups[0].clone();
    let body = world.ok(
        "DescribeTargetHealth",
        &[("TargetGroupArn", &group), ("Targets.member.1.Id", "i-2")],
    );
    assert_eq!(World::all(&body, "Reason"), ["Target.NotRegistered"]);
}

#[test]
fn a_group_is_found_by_name_arn_and_load_balancer() {
    let mut world = World::new();
    world.make_rule("10", "a.example.com", 1);
    let (load_balancer, green) = (world.load_balancer.clone(), world.groups[1].clone());
    for parameters in [
        [("Names.member.1", "green")],
        [("TargetGroupArns.member.1", green.as_str())],
        [("LoadBalancerArn", load_balancer.as_str())],
    ] {
        let body = world.ok("DescribeTargetGroups", &parameters);
        assert_eq!(World::all(&body, "TargetGroupArn"), [green.as_str()]);
    }
    let (code, _) = world.refused("DescribeTargetGroups", &[("Names.member.1", "none")]);
    assert_eq!(code, "TargetGroupNotFound");
    assert_eq!(
        world.make_group("green"),
        green,
        "with the same settings it is the same"
    );
    let other = [
        ("Name", "green"),
        ("Protocol", "HTTP"),
        ("Port", "81"),
        ("VpcId", "vpc-1"),
    ];
    assert_eq!(world.refused("CreateTargetGroup", &other).0, "DuplicateTargetGroupName");
    let lambda = [("Name", "fn"), ("TargetType", "lambda")];
    assert_eq!(world.refused("CreateTargetGroup", &lambda).0, "NotImplemented");
}

#[test]
fn health_checks_and_attributes_change_within_their_limits() {
    let mut world = World::new();
    let blue = world.groups[0].clone();
    let of = ("TargetGroupArn", blue.as_str());
    let body = world.ok(
        "ModifyTargetGroup",
        &[
            of,
            ("HealthCheckPath", "/up"),
            ("HealthCheckIntervalSeconds", "10"),
            ("Matcher.HttpCode", "200-299"),
        ],
    );
    assert_eq!(World::all(&body, "HealthCheckPath"), ["/up"]);
    assert_eq!(World::all(&body, "HealthCheckTimeoutSeconds"), ["5"]);
    let short = [of, ("HealthCheckIntervalSeconds", "5")];
    assert_eq!(world.refused("ModifyTargetGroup", &short).0, "ValidationError");
    for (name, value, code) in [
        ("Matcher.HttpCode", "ok", "ValidationError"),
        ("Matcher.HttpCode", "199", "ValidationError"),
        ("Matcher.HttpCode", "200-500", "ValidationError"),
        ("Matcher.HttpCode", "299-200", "ValidationError"),
        ("Matcher.HttpCode", "200,,202", "ValidationError"),
        ("HealthCheckPort", "http", "ValidationError"),
        ("HealthCheckPort", "0", "ValidationError"),
        ("HealthCheckPort", "65536", "ValidationError"),
        ("HealthCheckPort", "8081", "NotImplemented"),
    ] {
        let given = [of, (name, value)];
        assert_eq!(world.refused("ModifyTargetGroup", &given).0, code, "{name}={value}");
    }
    for (name, value) in [
        ("Matcher.HttpCode", "200,202,301-399"),
        ("HealthCheckPort", "80"),
        ("HealthCheckPort", "traffic-port"),
    ] {
        world.ok("ModifyTargetGroup", &[of, (name, value)]);
    }
    let body = world.ok("DescribeTargetGroupAttributes", &[of]);
    assert!(
        body.contains("<Key>deregistration_delay.timeout_seconds</Key><Value>300</Value>"),
        "{body}"
    );
    let set = |key: &'static str, value: &'static str| {
        [
            of,
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ]
    };
    world.ok(
        "ModifyTargetGroupAttributes",
        &set("deregistration_delay.timeout_seconds", "0"),
    );
    world.ok("ModifyTargetGroupAttributes", &set("slow_start.duration_seconds", "30"));
    let settings = world.balancers.settings_of(&TargetGroupArn::new(&blue)).unwrap();
    assert_eq!(
        (settings.deregistration_delay, settings.check.path.as_str()),
        (0, "/up")
    );
    for (key, value) in [
        ("deregistration_delay.timeout_seconds", "3601"),
        ("slow_start.duration_seconds", "29"),
        ("stickiness.enabled", "maybe"),
    ] {
        let (code, _) = world.refused("ModifyTargetGroupAttributes", &set(key, value));
        assert_eq!(code, "InvalidConfigurationRequest");
    }
    assert_eq!(
        world.refused("ModifyTargetGroupAttributes", &set("colour", "blue")).0,
        "ValidationError"
    );
    world.ok("DeleteTargetGroup", &[of]);
    assert_eq!(world.refused("DescribeTargetHealth", &[of]).0, "TargetGroupNotFound");
}

#[test]
fn all_resources_have_tags() {
    let mut world = World::new();
    let rule = world.make_rule("10", "a.example.com", 0);
    let (load_balancer, listener, group) = (
        world.load_balancer.clone(),
        world.listener.clone(),
        world.groups[0].clone(),
    );
    let arns = [
        ("ResourceArns.member.1", load_balancer.as_str()),
        ("ResourceArns.member.2", listener.as_str()),
        ("ResourceArns.member.3", rule.as_str()),
        ("ResourceArns.member.4", group.as_str()),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let mut all = arns.to_vec();
        all.extend_from_slice(more);
        all
    };
    world.ok(
        "AddTags",
        &with(&[("Tags.member.1.Key", "owner"), ("Tags.member.1.Value", "me")]),
    );
    let body = world.ok("DescribeTags", &arns);
    assert_eq!(World::all(&body, "Value"), ["me"; 4]);
    world.ok("RemoveTags", &with(&[("TagKeys.member.1", "owner")]));
    assert!(World::all(&world.ok("DescribeTags", &arns), "Value").is_empty());
    let many: Vec<(String, &str)> = (1..=21)
        .map(|number| (format!("ResourceArns.member.{number}"), group.as_str()))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, arn)| (name.as_str(), *arn)).collect();
    assert_eq!(world.refused("DescribeTags", &many).0, "ValidationError");
    let twice = with(&[("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "a")]);
    assert_eq!(world.refused("AddTags", &twice).0, "DuplicateTagKeys");
}
