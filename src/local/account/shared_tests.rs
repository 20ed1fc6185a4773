//! Environments that share a load balancer.

use super::Resolution;
use super::fixture::World;
use crate::local::balancers::TargetGroupArn;
use crate::local::balancers::routing::{Action, Asked, route};
use crate::local::plane::{DataPlane as _, Holder, InstanceState};
use std::time::Duration;

const ELB: (&str, &str) = ("Version", "2015-12-01");

/// Option settings as parameters.
fn options(settings: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (number, (namespace, name, value)) in settings.iter().enumerate() {
        let member = format!("OptionSettings.member.{}", number + 1);
        parameters.push((format!("{member}.Namespace"), (*namespace).to_owned()));
        parameters.push((format!("{member}.OptionName"), (*name).to_owned()));
        parameters.push((format!("{member}.Value"), (*value).to_owned()));
    }
    parameters
}

fn shared(arn: &str) -> Vec<(String, String)> {
    options(&[
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true"),
        ("aws:elbv2:loadbalancer", "SharedLoadBalancer", arn),
        ("aws:autoscaling:asg", "MinSize", "2"),
    ])
}

/// A world with a load balancer; gives the ARNs of it and of its listener on port 80.
fn world() -> (World, String, String) {
    let mut world = World::new();
    let body = world.ok(
        "CreateLoadBalancer",
        &[
            ELB,
            ("Name", "front"),
            ("Subnets.member.1", "a"),
            ("Subnets.member.2", "b"),
        ],
    );
    let arn = World::all(&body, "LoadBalancerArn").remove(0);
    let body = world.ok(
        "CreateListener",
        &[
            ELB,
            ("LoadBalancerArn", &arn),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
        ],
    );
    let listener = World::all(&body, "ListenerArn").remove(0);
    (world, arn, listener)
}

fn launch(world: &mut World, arn: &str, name: &str, prefix: &str) {
    let mut parameters = shared(arn);
    parameters.push(("CNAMEPrefix".to_owned(), prefix.to_owned()));
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.launch_with(name, "v1", &parameters);
}

fn group(world: &mut World, name: &str) -> String {
    let body = world.ok("DescribeAutoScalingGroups", &[("Version", "2011-01-01")]);
    let mut groups = body.split("<AutoScalingGroupName>").skip(1);
    let own = groups
        .find(|group| group.contains(&format!("<Value>{name}</Value>")))
        .unwrap();
    let (_, rest) = own.split_once("<TargetGroupARNs><member>").unwrap();
    rest.split_once("</member>").unwrap().0.to_owned()
}

/// The groups that a host's requests go to.
fn routed(world: &World, host: &str) -> Vec<TargetGroupArn> {
    let desired = world.account.desired_balancers();
    match route(desired[0].rules().unwrap(), &Asked::plainly(host, "/")) {
        Some(Action::Forward(forward)) => forward.groups.iter().map(|group| group.arn.clone()).collect(),
        _ => Vec::new(),
    }
}

/// A rule of the user's own for `shop.example.com`; gives its ARN.
fn rule(world: &mut World, listener: &str, groups: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ELB.0.to_owned(),
        "ListenerArn".to_owned(),
        "Priority".to_owned(),
        "Conditions.member.1.Field".to_owned(),
        "Conditions.member.1.Values.member.1".to_owned(),
        "Actions.member.1.Type".to_owned(),
    ];
    let mut values = vec![ELB.1, listener, "100", "host-header", "shop.example.com", "forward"];
    for (number, (arn, weight)) in groups.iter().enumerate() {
        let group = format!("Actions.member.1.ForwardConfig.TargetGroups.member.{}", number + 1);
        parameters.push(format!("{group}.TargetGroupArn"));
        parameters.push(format!("{group}.Weight"));
        values.extend([*arn, *weight]);
    }
    let all: Vec<(&str, &str)> = parameters.iter().map(String::as_str).zip(values).collect();
    World::all(&world.ok("CreateRule", &all), "RuleArn").remove(0)
}

#[test]
fn an_environment_gets_a_target_group_and_a_rule_for_its_cname() {
    let (mut world, arn, listener) = world();
    launch(&mut world, &arn, "blue", "shop");
    let cname = "shop.eu-central-1.elasticbeanstalk.com";
    let (id, blue) = (world.id("blue"), group(&mut world, "blue"));
    assert_eq!(routed(&world, cname), [TargetGroupArn::new(&blue)]);
    assert!(routed(&world, "shop.example.com").is_empty());
    let desired = world.desired("blue");
    assert_eq!(desired.target_group, Some(TargetGroupArn::new(&blue)));

    let body = world.ok("DescribeLoadBalancers", &[ELB]);
    let dns_name = World::all(&body, "DNSName").remove(0);
    let body = world.ok("DescribeEnvironments", &[]);
    assert_eq!(World::all(&body, "EndpointURL"), std::slice::from_ref(&dns_name));
    let body = world.ok("DescribeEnvironmentResources", &[("EnvironmentName", "blue")]);
    assert!(
        body.contains(&format!("<LoadBalancers><member><Name>{arn}</Name>")),
        "{body}"
    );
    let body = world.ok("DescribeRules", &[ELB, ("ListenerArn", &listener)]);
    let own = World::all(&body, "RuleArn").remove(0);
    let body = world.ok(
        "DescribeTags",
        &[
            ELB,
            ("ResourceArns.member.1", &blue),
            ("ResourceArns.member.2", &arn),
            ("ResourceArns.member.3", &own),
        ],
    );
    let tag = format!("<Key>elasticbeanstalk:environment-id</Key><Value>{id}</Value>");
    assert_eq!(body.matches(&tag).count(), 2, "its group has it, and its rule: {body}");
    for (key, value) in [
        ("elasticbeanstalk:environment-name", "blue"),
        ("elasticbeanstalk:environment-id", id.as_str()),
        ("elasticbeanstalk:shared-elb-environment-count", "1"),
    ] {
        assert!(
            body.contains(&format!("<Key>{key}</Key><Value>{value}</Value>")),
            "{body}"
        );
    }
    let body = world.ok("DescribeTargetHealth", &[ELB, ("TargetGroupArn", &blue)]);
    assert_eq!(World::all(&body, "State"), ["healthy", "healthy"]);

    let Some(Resolution::Cname { target, .. }) = world.account.resolve(cname, world.now()) else {
        panic!("the CNAME is not known");
    };
    assert_eq!(target, dns_name.to_ascii_lowercase());
    let found = world.account.resolve(&target, world.now());
    let Some(Resolution::LoadBalancer { arn: found, .. }) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found.as_str(), arn);
    let names = world.account.names();
    assert!(
        names.contains(&(cname.to_owned(), Holder::LoadBalancer(found.clone()))),
        "{names:?}"
    );
    assert!(world.account.balancer_serves(&found));
}

#[test]
fn a_swap_moves_the_names_and_not_the_rules() {
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    launch(&mut world, &arn, "green", "shop-next");
    let blue = group(&mut world, "blue");
    world.ok(
        "SwapEnvironmentCNAMEs",
        &[
            ("SourceEnvironmentName", "blue"),
            ("DestinationEnvironmentName", "green"),
        ],
    );
    world.wait(30);
    assert_eq!(world.cname("green"), "shop.eu-central-1.elasticbeanstalk.com");
    assert_eq!(
        routed(&world, "shop.eu-central-1.elasticbeanstalk.com"),
        [TargetGroupArn::new(blue)]
    );
}

#[test]
fn a_terminated_environment_leaves_nothing_behind() {
    let (mut world, arn, listener) = world();
    launch(&mut world, &arn, "blue", "shop");
    let of = ("LoadBalancerArn", arn.as_str());
    assert_eq!(world.refused("DeleteLoadBalancer", &[ELB, of]).0, "ResourceInUse");
    world.terminate("blue");
    let body = world.ok("DescribeRules", &[ELB, ("ListenerArn", &listener)]);
    assert_eq!(World::all(&body, "Priority"), ["default"]);
    assert!(World::all(&world.ok("DescribeTargetGroups", &[ELB]), "TargetGroupName").is_empty());
    world.ok("DeleteLoadBalancer", &[ELB, of]);
}

#[test]
fn a_rule_of_somebody_else_s_keeps_the_environment_until_it_is_gone() {
    let (mut world, arn, listener) = world();
    launch(&mut world, &arn, "blue", "shop");
    launch(&mut world, &arn, "green", "shop-next");
    let (blue, green) = (group(&mut world, "blue"), group(&mut world, "green"));
    let rule = rule(&mut world, &listener, &[(&blue, "0"), (&green, "1")]);
    let id = world.id("blue");
    world.ok("TerminateEnvironment", &[("EnvironmentName", "blue")]);
    assert_eq!(world.account.desired().len(), 1, "its instances go at once");
    world.wait(150);
    assert_eq!(world.status("blue"), "Ready", "it is left");
    let messages = world.messages(&[("EnvironmentId", &id), ("Severity", "ERROR")]);
    assert_eq!(messages[0], "Failed to terminate environment.");
    assert!(
        messages.iter().any(|message| message.contains(&format!(
            "Target group '{blue}' is currently in use by a listener or a rule"
        ))),
        "{messages:?}"
    );
    assert_eq!(world.account.desired().len(), 1);
    let body = world.ok("DescribeTargetHealth", &[ELB, ("TargetGroupArn", &blue)]);
    assert!(World::all(&body, "State").is_empty(), "{body}");
    world.ok("TerminateEnvironment", &[("EnvironmentName", "blue")]);
    world.wait(150);
    assert_eq!(world.status("blue"), "Ready", "still in use");
    let weight = [
        ELB,
        ("RuleArn", rule.as_str()),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", green.as_str()),
    ];
    world.ok("ModifyRule", &weight);
    world.terminate("blue");
    let body = world.ok("DescribeTargetGroups", &[ELB]);
    assert_eq!(World::all(&body, "TargetGroupArn"), [green]);
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let (mut world, arn, _) = world();
    world.version("v1");
    let base = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", "blue"),
        ("SolutionStackName", World::STACK),
        ("VersionLabel", "v1"),
    ];
    let mut refused = |settings: &[(&str, &str, &str)]| {
        let given = options(settings);
        let mut all = base.to_vec();
        all.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let (code, message) = world.refused("CreateEnvironment", &all);
        assert_eq!(code, "ConfigurationValidationException");
        message
    };
    let is_shared = ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true");
    let message = refused(&[is_shared, ("aws:elbv2:loadbalancer", "SharedLoadBalancer", &arn)]);
    assert!(
        message.contains("Only a load balancer of the type application"),
        "{message}"
    );
    let application = ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application");
    for settings in [
        vec![is_shared, application],
        vec![
            is_shared,
            application,
            ("aws:elbv2:loadbalancer", "SharedLoadBalancer", "arn:none"),
        ],
    ] {
        let message = refused(&settings);
        assert!(
            message.contains("There is no Application Load Balancer with this ARN"),
            "{message}"
        );
    }
}

#[test]
fn what_an_environment_has_for_itself_is_shared_with_no_other() {
    let mut world = World::new();
    let own = [("aws:elasticbeanstalk:environment", "LoadBalancerType", "application")];
    let own = options(&own);
    let own: Vec<_> = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.launch_with("blue", "v1", &own);
    let arn = World::all(&world.ok("DescribeLoadBalancers", &[ELB]), "LoadBalancerArn").remove(0);
    let given = shared(&arn);
    let mut green = vec![
        ("ApplicationName", "shop"),
        ("EnvironmentName", "green"),
        ("SolutionStackName", World::STACK),
        ("VersionLabel", "v1"),
    ];
    green.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (code, message) = world.refused("CreateEnvironment", &green);
    assert_eq!(code, "ConfigurationValidationException");
    assert!(message.contains("dedicated to another environment"), "{message}");
}

#[test]
fn a_load_balancer_that_goes_during_a_launch_ends_it() {
    let (mut world, arn, _) = world();
    world.version("v1");
    let given = shared(&arn);
    let given: Vec<(&str, &str)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.create("blue", "v1", &given);
    world.ok("DeleteLoadBalancer", &[ELB, ("LoadBalancerArn", &arn)]);
    let id = world.id("blue");
    world.wait(400);
    assert_eq!(world.status("blue"), "Terminated");
    let messages = world.messages(&[("EnvironmentId", &id), ("Severity", "ERROR")]);
    assert_eq!(messages[0], "Failed to launch environment.");
}

#[test]
fn a_template_of_a_shared_environment_shares_too_and_nobody_moves_out() {
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    let id = world.id("blue");
    world.ok(
        "CreateConfigurationTemplate",
        &[
            ("ApplicationName", "shop"),
            ("TemplateName", "saved"),
            ("EnvironmentId", &id),
        ],
    );
    world.ok(
        "CreateEnvironment",
        &[
            ("ApplicationName", "shop"),
            ("EnvironmentName", "green"),
            ("TemplateName", "saved"),
            ("VersionLabel", "v1"),
        ],
    );
    world.wait(330);
    assert_eq!(world.status("green"), "Ready");
    let (cname, green) = (world.cname("green"), group(&mut world, "green"));
    assert_eq!(routed(&world, &cname), [TargetGroupArn::new(green)]);
    let given = options(&[("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "false")]);
    let mut move_out = vec![("EnvironmentName", "green")];
    move_out.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (code, message) = world.refused("UpdateEnvironment", &move_out);
    assert_eq!(code, "ConfigurationValidationException");
    assert!(message.contains("cannot be changed"), "{message}");
}

#[test]
fn settings_of_the_environment_and_of_its_group_are_the_same_thing() {
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    let blue = group(&mut world, "blue");
    let delay = |world: &World| world.desired("blue").balancer.deregistration_delay;
    assert_eq!(
        delay(&world),
        Duration::from_secs(20),
        "Elastic Beanstalk's own default"
    );
    world.ok(
        "ModifyTargetGroupAttributes",
        &[
            ELB,
            ("TargetGroupArn", &blue),
            ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
            ("Attributes.member.1.Value", "7"),
        ],
    );
    assert_eq!(delay(&world), Duration::from_secs(7));
    world.ok(
        "ModifyTargetGroup",
        &[ELB, ("TargetGroupArn", &blue), ("HealthCheckPath", "/up")],
    );
    assert_eq!(world.desired("blue").balancer.health_check_path, "/up");
    let process = "aws:elasticbeanstalk:environment:process:default";
    let given = options(&[
        (process, "HealthCheckPath", "/health"),
        (process, "StickinessEnabled", "true"),
        (process, "StickinessLBCookieDuration", "60"),
    ]);
    let mut update = vec![("EnvironmentName", "blue")];
    update.extend(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    world.ok("UpdateEnvironment", &update);
    world.wait(120);
    assert_eq!(world.desired("blue").balancer.health_check_path, "/health");
    let body = world.ok("DescribeTargetGroups", &[ELB]);
    assert_eq!(World::all(&body, "HealthCheckPath"), ["/health"]);
    let attributes = world.ok("DescribeTargetGroupAttributes", &[ELB, ("TargetGroupArn", &blue)]);
    for set in [
        "<Key>stickiness.enabled</Key><Value>true</Value>",
        "<Key>stickiness.lb_cookie.duration_seconds</Key><Value>60</Value>",
    ] {
        assert!(attributes.contains(set), "{set}: {attributes}");
    }
}

#[test]
fn groups_of_instances_come_in_pages_and_by_name() {
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    world.launch("green", "v1");
    let scaling = ("Version", "2011-01-01");
    let body = world.ok("DescribeAutoScalingGroups", &[scaling, ("MaxRecords", "1")]);
    assert_eq!(World::all(&body, "MinSize"), ["2"]);
    assert_eq!(World::all(&body, "LifecycleState"), ["InService", "InService"]);
    let token = World::all(&body, "NextToken").remove(0);
    let body = world.ok("DescribeAutoScalingGroups", &[scaling, ("NextToken", &token)]);
    assert!(
        body.contains("<TargetGroupARNs></TargetGroupARNs>"),
        "a classic balancer has none: {body}"
    );
    let name = World::all(&body, "AutoScalingGroupName").remove(0);
    let named = [scaling, ("AutoScalingGroupNames.member.1", name.as_str())];
    let body = world.ok("DescribeAutoScalingGroups", &named);
    assert_eq!(World::all(&body, "DesiredCapacity"), ["1"]);
    assert!(World::all(&body, "NextToken").is_empty());
    let (code, _) = world.refused("SetDesiredCapacity", &[scaling]);
    assert_eq!(code, "NotImplemented");
}

#[test]
fn an_instance_that_is_terminated_makes_room_for_another_one() {
    const ACTION: &str = "TerminateInstanceInAutoScalingGroup";
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    let scaling = ("Version", "2011-01-01");
    let body = world.ok("DescribeAutoScalingGroups", &[scaling]);
    let first = World::all(&body, "InstanceId").remove(0);
    let group = World::all(&body, "AutoScalingGroupName").remove(0);
    let named = ("InstanceId", first.as_str());
    let keeps = ("ShouldDecrementDesiredCapacity", "false");
    let body = world.ok(ACTION, &[scaling, named, keeps]);
    assert_eq!(World::all(&body, "AutoScalingGroupName"), [group.as_str()]);
    let desired = world.desired("blue");
    assert_eq!(desired.instances, 2);
    assert!(desired.dismissed.contains(&first.as_str().into()), "{desired:?}");
    let (code, said) = world.refused(ACTION, &[scaling, named, keeps]);
    assert_eq!(code, "ValidationError", "it is going already");
    assert!(said.contains("Instance Id not found"), "{said}");
    let body = world.ok("DescribeAutoScalingGroups", &[scaling]);
    let second = World::all(&body, "InstanceId").into_iter().find(|id| *id != first);
    let second = second.expect("there is another one");
    let shrinks = [
        scaling,
        ("InstanceId", second.as_str()),
        ("ShouldDecrementDesiredCapacity", "true"),
    ];
    let (_, said) = world.refused(ACTION, &shrinks);
    assert!(said.contains("desiredSize equals minSize (2)"), "{said}");
    let named = ("InstanceId", second.as_str());
    let flag = "ShouldDecrementDesiredCapacity";
    let (_, said) = world.refused(ACTION, &[scaling, named, (flag, "True")]);
    assert!(said.contains("desiredSize equals minSize (2)"), "{said}");
    assert_eq!(
        world.refused(ACTION, &[scaling, named, (flag, "perhaps")]).0,
        "MalformedInput"
    );
    let (_, said) = world.refused(ACTION, &[scaling, named]);
    assert!(said.contains("'shouldDecrementDesiredCapacity'"), "{said}");
}

#[test]
fn an_instance_that_goes_is_not_terminated_again_and_forgotten_when_it_is_gone() {
    const ACTION: &str = "TerminateInstanceInAutoScalingGroup";
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    let desired = world.desired("blue");
    let seen = world.plane.sample(&desired.id, world.now()).unwrap();
    let first = seen.instances[0].id.clone();
    let mut going = seen.clone();
    going.instances[0].state = InstanceState::Draining;
    world.account.observe(&desired.id, Some(going), world.now());
    let scaling = ("Version", "2011-01-01");
    let named = ("InstanceId", first.as_str());
    for flag in ["true", "false"] {
        let (_, said) = world.refused(ACTION, &[scaling, named, ("ShouldDecrementDesiredCapacity", flag)]);
        assert!(said.contains("Instance Id not found"), "{said}");
    }
    assert!(
        world.account.group_of(first.as_str()).is_some(),
        "it belongs to its group until it is gone"
    );
    world.account.observe(&desired.id, Some(seen.clone()), world.now());
    world.ok(ACTION, &[scaling, named, ("ShouldDecrementDesiredCapacity", "false")]);
    let revision = world.account.revision();
    world.account.observe(&desired.id, Some(seen.clone()), world.now());
    world.account.observe(&desired.id, None, world.now());
    assert!(world.desired("blue").dismissed.contains(&first), "it is there still");
    assert_eq!(world.account.revision(), revision);
    let mut gone = seen;
    gone.instances.remove(0);
    world.account.observe(&desired.id, Some(gone), world.now());
    assert!(world.desired("blue").dismissed.is_empty());
    assert!(world.account.revision() > revision, "the plane is to be told");
}

#[test]
fn instances_that_were_to_go_are_forgotten_when_their_cloud_ends() {
    let (mut world, arn, _) = world();
    launch(&mut world, &arn, "blue", "shop");
    let body = world.ok("DescribeAutoScalingGroups", &[("Version", "2011-01-01")]);
    let first = World::all(&body, "InstanceId").remove(0);
    let given = [
        ("Version", "2011-01-01"),
        ("InstanceId", first.as_str()),
        ("ShouldDecrementDesiredCapacity", "false"),
    ];
    world.ok("TerminateInstanceInAutoScalingGroup", &given);
    assert_eq!(world.desired("blue").dismissed.len(), 1);
    world.restart();
    assert!(world.desired("blue").dismissed.is_empty());
}

#[test]
fn who_asks_which_load_balancers_can_be_shared_is_told() {
    let asked = |world: &mut World| {
        let mut body = world.ok(
            "DescribeConfigurationOptions",
            &[
                // As the eb CLI does.
                ("PlatformArn", World::STACK),
                ("Options.member.1.Namespace", "aws:elbv2:loadbalancer"),
                ("Options.member.1.OptionName", "SharedLoadBalancer"),
            ],
        );
        let (_, rest) = body.split_once("<ValueOptions>").expect("the eb CLI needs the list");
        body = rest.split_once("</ValueOptions>").unwrap().0.to_owned();
        body
    };
    let mut world = World::new();
    world.launch("blue", "v1");
    assert_eq!(asked(&mut world), "", "its own balancer is not to be shared");
    let (mut world, arn, _) = self::world();
    assert_eq!(asked(&mut world), format!("<member>{arn}</member>"));
}

#[test]
fn a_balancer_of_one_environment_is_described_and_left_alone() {
    let mut world = World::new();
    let given = options(&[("aws:elasticbeanstalk:environment", "LoadBalancerType", "application")]);
    let given: Vec<(&str, &str)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world.launch_with("blue", "v1", &given);
    let body = world.ok("DescribeEnvironmentResources", &[("EnvironmentName", "blue")]);
    let (_, rest) = body.split_once("<LoadBalancers><member><Name>").unwrap();
    let arn = rest.split_once("</Name>").unwrap().0.to_owned();
    let of = ("LoadBalancerArn", arn.as_str());
    let body = world.ok("DescribeLoadBalancers", &[ELB, ("LoadBalancerArns.member.1", &arn)]);
    let endpoint = World::all(&world.ok("DescribeEnvironments", &[]), "EndpointURL");
    assert_eq!(World::all(&body, "DNSName"), endpoint);
    let body = world.ok("DescribeTargetGroups", &[ELB, of]);
    let blue = World::all(&body, "TargetGroupArn").remove(0);
    assert_eq!(blue, group(&mut world, "blue"));
    let body = world.ok("DescribeTargetHealth", &[ELB, ("TargetGroupArn", &blue)]);
    assert_eq!(World::all(&body, "State"), ["healthy"]);
    let body = world.ok("DescribeListeners", &[ELB, of]);
    let listener = World::all(&body, "ListenerArn").remove(0);
    for (action, name, arn) in [
        ("DeleteLoadBalancer", "LoadBalancerArn", &arn),
        ("ModifyListener", "ListenerArn", &listener),
        ("ModifyTargetGroupAttributes", "TargetGroupArn", &blue),
    ] {
        let mut given = vec![ELB, (name, arn.as_str())];
        if action.ends_with("Attributes") {
            given.push(("Attributes.member.1.Key", "stickiness.enabled"));
        }
        assert_eq!(world.refused(action, &given).0, "NotImplemented", "{action}");
    }
    assert!(
        world.account.desired_balancers().is_empty(),
        "the plane has it with the environment"
    );
    assert!(world.desired("blue").target_group.is_none());
    world.terminate("blue");
    for (action, element) in [
        ("DescribeLoadBalancers", "LoadBalancerArn"),
        ("DescribeTargetGroups", "TargetGroupArn"),
    ] {
        assert!(World::all(&world.ok(action, &[ELB]), element).is_empty());
    }
}
