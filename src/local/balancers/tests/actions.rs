//! Forward actions and others.

use super::routing::{Action, Asked, route};
use super::*;

#[test]
fn one_group_is_told_twice_and_several_once() {
    let mut world = World::new();
    let rule = world.make_rule("10", "a.example.com", 0);
    let body = world.ok("DescribeRules", &[("RuleArns.member.1", &rule)]);
    let blue = world.groups[0].clone();
    assert_eq!(World::all(&body, "TargetGroupArn"), [blue.clone(), blue]);
    assert_eq!(World::all(&body, "Weight"), ["1"]);
    let weights = world.weights("Actions", &["1", "0"]);
    let body = world.ok_with("ModifyRule", ("RuleArn", &rule), &weights);
    assert_eq!(World::all(&body, "TargetGroupArn"), world.groups[..2]);
    assert!(body.contains("<TargetGroupStickinessConfig><Enabled>false</Enabled></TargetGroupStickinessConfig>"));
}

#[test]
fn weights_are_within_their_limits_and_may_all_be_zero() {
    let mut world = World::new();
    let listener = world.listener.clone();
    let of = ("ListenerArn", listener.as_str());
    for wrong in ["1000", "-1", "ten"] {
        let weights = world.weights("DefaultActions", &["1", wrong]);
        let (code, message) = world.refused_with("ModifyListener", of, &weights);
        assert_eq!(code, "ValidationError");
        assert_eq!(
            message,
            "The weight for each target group must be between 0 and 999, inclusive"
        );
    }
    let weights = world.weights("DefaultActions", &["0", "0"]);
    world.ok_with("ModifyListener", of, &weights);
    let desired = world.balancers.desired();
    let Some(Action::Forward(forward)) = route(desired[0].rules().unwrap(), &Asked::plainly("any", "/")) else {
        panic!("{desired:?}");
    };
    assert_eq!(forward.choose(5), None, "nobody gets the requests");
    let weights = world.weights("DefaultActions", &["999", "0"]);
    world.ok_with("ModifyListener", of, &weights);
    let (code, message) = world.refused(
        "ModifyListener",
        &[
            of,
            ("DefaultActions.member.1.Type", "forward"),
            (
                "DefaultActions.member.1.TargetGroupArn",
                "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/x/1",
            ),
        ],
    );
    assert_eq!(
        (code, message.as_str()),
        ("TargetGroupNotFound", "One or more target groups not found")
    );
}

#[test]
fn an_action_has_five_groups_at_most_and_a_rule_one_action() {
    let mut world = World::new();
    for number in 0..3 {
        let arn = world.make_group(&format!("more-{number}"));
        world.groups.push(arn);
    }
    let listener = world.listener.clone();
    let of = ("ListenerArn", listener.as_str());
    let weights = world.weights("DefaultActions", &["1"; 6]);
    assert_eq!(
        world.refused_with("ModifyListener", of, &weights).0,
        "TooManyTargetGroups"
    );
    let weights = world.weights("DefaultActions", &["1"; 5]);
    world.ok_with("ModifyListener", of, &weights);
    let group = world.groups[0].clone();
    let two = [
        of,
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
        ("DefaultActions.member.2.Type", "forward"),
        ("DefaultActions.member.2.TargetGroupArn", group.as_str()),
    ];
    assert_eq!(world.refused("ModifyListener", &two).0, "TooManyActions");
    let login = [of, ("DefaultActions.member.1.Type", "authenticate-oidc")];
    assert_eq!(world.refused("ModifyListener", &login).0, "NotImplemented");
}

#[test]
fn a_group_belongs_to_one_load_balancer() {
    let mut world = World::new();
    world.make_rule("10", "a.example.com", 0);
    let other = world.make_load_balancer("other");
    let listener = world.make_listener(&other, "80");
    let group = world.groups[0].clone();
    let action = [
        ("ListenerArn", listener.as_str()),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    assert_eq!(
        world.refused("ModifyListener", &action).0,
        "TargetGroupAssociationLimit"
    );
    let body = world.ok("DescribeTargetGroups", &[("TargetGroupArns.member.1", &group)]);
    assert!(body.contains(&format!(
        "<LoadBalancerArns><member>{}</member></LoadBalancerArns>",
        world.load_balancer
    )));
    let (code, message) = world.refused("DeleteTargetGroup", &[("TargetGroupArn", &group)]);
    assert_eq!(code, "ResourceInUse");
    assert_eq!(
        message,
        format!("Target group '{group}' is currently in use by a listener or a rule")
    );
}

#[test]
fn stickiness_has_a_length_and_comes_before_that_of_targets() {
    let mut world = World::new();
    let (listener, blue) = (world.listener.clone(), world.groups[0].clone());
    let of = ("ListenerArn", listener.as_str());
    let sticky = |weights: &[(String, String)], seconds: Option<&str>| {
        let mut all = weights.to_vec();
        let config = "DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig";
        all.push((format!("{config}.Enabled"), "true".to_owned()));
        if let Some(seconds) = seconds {
            all.push((format!("{config}.DurationSeconds"), seconds.to_owned()));
        }
        all
    };
    let weights = world.weights("DefaultActions", &["1", "1"]);
    for wrong in [None, Some("0"), Some("604801")] {
        let (code, message) = world.refused_with("ModifyListener", of, &sticky(&weights, wrong));
        assert_eq!(code, "ValidationError");
        assert_eq!(
            message,
            "Target group stickiness duration must be between 1 and 604800 seconds"
        );
    }
    world.ok_with("ModifyListener", of, &weights);
    let enable = [
        ("TargetGroupArn", blue.as_str()),
        ("Attributes.member.1.Key", "stickiness.enabled"),
        ("Attributes.member.1.Value", "true"),
    ];
    let (code, message) = world.refused("ModifyTargetGroupAttributes", &enable);
    assert_eq!(code, "InvalidConfigurationRequest");
    assert!(
        message.contains("behind a rule with group stickiness disabled"),
        "{message}"
    );
    let body = world.ok_with("ModifyListener", of, &sticky(&weights, Some("60")));
    assert_eq!(World::all(&body, "DurationSeconds"), ["60"]);
    world.ok("ModifyTargetGroupAttributes", &enable);
    assert_eq!(
        world.refused_with("ModifyListener", of, &weights).0,
        "InvalidConfigurationRequest"
    );
}

#[test]
fn a_redirect_must_lead_elsewhere() {
    let mut world = World::new();
    let listener = world.listener.clone();
    let base = [
        ("ListenerArn", listener.as_str()),
        ("DefaultActions.member.1.Type", "redirect"),
        ("DefaultActions.member.1.RedirectConfig.StatusCode", "HTTP_301"),
    ];
    assert_eq!(world.refused("ModifyListener", &base).0, "InvalidLoadBalancerAction");
    let mut given = base.to_vec();
    given.push(("DefaultActions.member.1.RedirectConfig.Protocol", "HTTPS"));
    given.push(("DefaultActions.member.1.RedirectConfig.Port", "443"));
    let body = world.ok("ModifyListener", &given);
    assert_eq!(World::all(&body, "Path"), ["/#{path}"]);
}
