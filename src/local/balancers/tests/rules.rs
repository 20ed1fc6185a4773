//! Rules and their priorities.

use super::*;

#[test]
fn rules_come_in_the_order_of_their_priorities_and_the_default_last() {
    let mut world = World::new();
    world.make_rule("20", "b.example.com", 1);
    world.make_rule("10", "a.example.com", 0);
    let listener = world.listener.clone();
    let body = world.ok("DescribeRules", &[("ListenerArn", &listener)]);
    assert_eq!(World::all(&body, "Priority"), ["10", "20", "default"]);
    assert_eq!(World::all(&body, "IsDefault"), ["false", "false", "true"]);
    assert!(
        body.contains(
            "<Field>host-header</Field><Values><member>a.example.com</member></Values><HostHeaderConfig><Values>\
             <member>a.example.com</member></Values></HostHeaderConfig>"
        ),
        "{body}"
    );
    let rules = world.balancers.desired()[0].listeners[0].rules.len();
    assert_eq!(rules, 3);
}

#[test]
fn priorities_are_unique_and_change_places_in_one_step() {
    let mut world = World::new();
    let one = world.make_rule("10", "a.example.com", 0);
    let two = world.make_rule("20", "b.example.com", 1);
    let (listener, group) = (world.listener.clone(), world.groups[0].clone());
    let taken = [
        ("ListenerArn", listener.as_str()),
        ("Priority", "10"),
        ("Conditions.member.1.Field", "path-pattern"),
        ("Conditions.member.1.PathPatternConfig.Values.member.1", "/x"),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", group.as_str()),
    ];
    let (code, message) = world.refused("CreateRule", &taken);
    assert_eq!(
        (code, message.as_str()),
        ("PriorityInUse", "Priority '10' is currently in use")
    );
    let half = [
        ("RulePriorities.member.1.RuleArn", one.as_str()),
        ("RulePriorities.member.1.Priority", "20"),
    ];
    assert_eq!(world.refused("SetRulePriorities", &half).0, "PriorityInUse");
    let both = [
        half[0],
        half[1],
        ("RulePriorities.member.2.RuleArn", two.as_str()),
        ("RulePriorities.member.2.Priority", "10"),
    ];
    world.ok("SetRulePriorities", &both);
    let body = world.ok("DescribeRules", &[("ListenerArn", &listener)]);
    assert_eq!(World::all(&body, "RuleArn")[..2], [two, one]);
    let default = World::all(&body, "RuleArn").remove(2);
    for (action, parameters) in [
        (
            "SetRulePriorities",
            vec![
                ("RulePriorities.member.1.RuleArn", default.as_str()),
                ("RulePriorities.member.1.Priority", "5"),
            ],
        ),
        ("DeleteRule", vec![("RuleArn", default.as_str())]),
        ("ModifyRule", vec![("RuleArn", default.as_str())]),
    ] {
        assert_eq!(
            world.refused(action, &parameters).0,
            "OperationNotPermitted",
            "{action}"
        );
    }
    for priority in ["0", "50001", "x"] {
        let mut parameters = taken;
        parameters[1].1 = priority;
        assert_eq!(
            world.refused("CreateRule", &parameters).0,
            "ValidationError",
            "{priority}"
        );
    }
}

#[test]
fn a_change_replaces_the_lists_it_gives_and_nothing_else() {
    let mut world = World::new();
    let rule = world.make_rule("10", "a.example.com", 0);
    let of = ("RuleArn", rule.as_str());
    let weights = world.weights("Actions", &["90", "10"]);
    let body = world.ok_with("ModifyRule", of, &weights);
    assert!(
        body.contains("<member>a.example.com</member>"),
        "conditions stay: {body}"
    );
    assert_eq!(World::all(&body, "Weight"), ["90", "10"]);
    let conditions = [
        of,
        ("Conditions.member.1.Field", "path-pattern"),
        ("Conditions.member.1.Values.member.1", "/api/*"),
    ];
    let body = world.ok("ModifyRule", &conditions);
    assert!(!body.contains("a.example.com"), "{body}");
    assert_eq!(World::all(&body, "Weight"), ["90", "10"]);
    world.ok("DeleteRule", &[of]);
    let (code, message) = world.refused("ModifyRule", &[of]);
    assert_eq!(
        (code, message.as_str()),
        ("RuleNotFound", "One or more rules not found")
    );
}

#[test]
fn conditions_are_told_as_they_were_given() {
    let mut world = World::new();
    let (listener, group) = (world.listener.clone(), world.groups[0].clone());
    let base = [
        ("ListenerArn", listener.as_str()),
        ("Priority", "5"),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", group.as_str()),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let mut all: Vec<(&str, &str)> = base.to_vec();
        all.extend_from_slice(more);
        all
    };
    let given = with(&[
        ("Conditions.member.1.Field", "http-header"),
        ("Conditions.member.1.HttpHeaderConfig.HttpHeaderName", "X-Test"),
        ("Conditions.member.1.HttpHeaderConfig.Values.member.1", "green*"),
        ("Conditions.member.2.Field", "query-string"),
        ("Conditions.member.2.QueryStringConfig.Values.member.1.Key", "v"),
        ("Conditions.member.2.QueryStringConfig.Values.member.1.Value", "2"),
    ]);
    let body = world.ok("CreateRule", &given);
    assert_eq!(World::all(&body, "HttpHeaderName"), ["X-Test"]);
    assert_eq!(
        (World::all(&body, "Key"), World::all(&body, "Value")),
        (vec!["v".to_owned()], vec!["2".to_owned()])
    );
    for (field, code) in [("source-ip", "NotImplemented"), ("weather", "ValidationError")] {
        let given = with(&[("Conditions.member.1.Field", field), ("Priority", "6")]);
        assert_eq!(world.refused("CreateRule", &given).0, code);
    }
    let many = with(&[
        ("Priority", "7"),
        ("Conditions.member.1.Field", "host-header"),
        ("Conditions.member.1.Values.member.1", "a"),
        ("Conditions.member.1.Values.member.2", "b"),
        ("Conditions.member.1.Values.member.3", "c"),
        ("Conditions.member.1.Values.member.4", "d"),
        ("Conditions.member.1.Values.member.5", "e"),
        ("Conditions.member.1.Values.member.6", "f"),
    ]);
    assert_eq!(world.refused("CreateRule", &many).0, "ValidationError");
}

#[test]
fn a_rule_has_one_condition_of_each_kind_but_of_headers_and_queries() {
    let mut world = World::new();
    let (listener, group) = (world.listener.clone(), world.groups[0].clone());
    let of = [
        ("ListenerArn", listener.as_str()),
        ("Priority", "10"),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", group.as_str()),
    ];
    let mut twice = of.to_vec();
    twice.extend([
        ("Conditions.member.1.Field", "path-pattern"),
        ("Conditions.member.1.PathPatternConfig.Values.member.1", "/x"),
        ("Conditions.member.2.Field", "path-pattern"),
        ("Conditions.member.2.Values.member.1", "/y"),
    ]);
    let (code, message) = world.refused("CreateRule", &twice);
    assert_eq!(code, "ValidationError");
    assert!(message.contains("'path-pattern'"), "{message}");
    let mut headers = of.to_vec();
    headers.extend([
        ("Conditions.member.1.Field", "http-header"),
        ("Conditions.member.1.HttpHeaderConfig.HttpHeaderName", "a"),
        ("Conditions.member.1.HttpHeaderConfig.Values.member.1", "1"),
        ("Conditions.member.2.Field", "http-header"),
        ("Conditions.member.2.HttpHeaderConfig.HttpHeaderName", "b"),
        ("Conditions.member.2.HttpHeaderConfig.Values.member.1", "2"),
    ]);
    world.ok("CreateRule", &headers);
}
