//! Load balancers and listeners.

use super::*;

#[test]
fn a_load_balancer_is_provisioned_and_then_active() {
    let mut world = World::new();
    let body = world.ok("DescribeLoadBalancers", &[("Names.member.1", "shop")]);
    assert_eq!(World::all(&body, "Code"), ["provisioning"]);
    assert_eq!(World::all(&body, "Scheme"), ["internet-facing"]);
    assert_eq!(World::all(&body, "CanonicalHostedZoneId"), ["Z215JYRZR1TBD5"]);
    let name = World::all(&body, "DNSName").remove(0);
    assert!(
        name.starts_with("shop-") && name.ends_with(".eu-central-1.elb.amazonaws.com"),
        "{name}"
    );
    assert_eq!(
        world.balancers.named(&name).map(LoadBalancerArn::as_str),
        Some(world.load_balancer.as_str())
    );
    world.wait(120);
    let arn = world.load_balancer.clone();
    let body = world.ok("DescribeLoadBalancers", &[("LoadBalancerArns.member.1", &arn)]);
    assert_eq!(World::all(&body, "Code"), ["active"]);
    assert_eq!(
        world.make_load_balancer("shop"),
        arn,
        "with the same settings it is the same"
    );
    let again = [
        ("Name", "shop"),
        ("Scheme", "internal"),
        ("Subnets.member.1", "subnet-a"),
        ("Subnets.member.2", "subnet-b"),
    ];
    assert_eq!(
        world.refused("CreateLoadBalancer", &again).0,
        "DuplicateLoadBalancerName"
    );
    let one_subnet = [("Name", "other"), ("Subnets.member.1", "subnet-a")];
    let (code, message) = world.refused("CreateLoadBalancer", &one_subnet);
    assert_eq!(code, "ValidationError");
    assert!(message.contains("At least two subnets"), "{message}");
    assert_eq!(
        world.refused("DescribeLoadBalancers", &[("Names.member.1", "none")]).0,
        "LoadBalancerNotFound"
    );
    let network = [("Name", "net"), ("Type", "network")];
    assert_eq!(world.refused("CreateLoadBalancer", &network).0, "NotImplemented");
}

#[test]
fn long_lists_come_in_pages() {
    let mut world = World::new();
    for number in 0..4 {
        world.make_load_balancer(&format!("more-{number}"));
    }
    let mut names = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("PageSize", "2")];
        if let Some(marker) = &marker {
            parameters.push(("Marker", marker));
        }
        let body = world.ok("DescribeLoadBalancers", &parameters);
        names.extend(World::all(&body, "LoadBalancerName"));
        marker = World::all(&body, "NextMarker").pop();
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["shop", "more-0", "more-1", "more-2", "more-3"]);
}

#[test]
fn a_load_balancer_goes_with_its_listeners_unless_it_is_protected() {
    let mut world = World::new();
    let arn = world.load_balancer.clone();
    let protect = |on: &'static str| {
        [
            ("Attributes.member.1.Key", "deletion_protection.enabled"),
            ("Attributes.member.1.Value", on),
        ]
    };
    let of = ("LoadBalancerArn", arn.as_str());
    let [key, value] = protect("true");
    world.ok("ModifyLoadBalancerAttributes", &[of, key, value]);
    assert_eq!(world.refused("DeleteLoadBalancer", &[of]).0, "OperationNotPermitted");
    let [key, value] = protect("false");
    world.ok("ModifyLoadBalancerAttributes", &[of, key, value]);
    world.ok("DeleteLoadBalancer", &[of]);
    world.ok("DeleteLoadBalancer", &[of]);
    let listener = world.listener.clone();
    let (code, message) = world.refused("DescribeListeners", &[("ListenerArns.member.1", &listener)]);
    assert_eq!(
        (code, message.as_str()),
        ("ListenerNotFound", "One or more listeners not found")
    );
    let elsewhere = listener.replace("eu-central-1", "eu-west-1");
    for none in ["foo", &elsewhere, &world.load_balancer.clone()] {
        let (code, message) = world.refused("DescribeListeners", &[("ListenerArns.member.1", none)]);
        assert_eq!(code, "ValidationError");
        assert_eq!(message, format!("'{none}' is not a valid listener ARN"));
    }
    assert!(world.balancers.desired().is_empty());
}

#[test]
fn one_port_has_one_listener() {
    let mut world = World::new();
    let (arn, first) = (world.load_balancer.clone(), world.listener.clone());
    let second = world.make_listener(&arn, "8080");
    let taken = [
        ("LoadBalancerArn", arn.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "fixed-response"),
        ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
    ];
    let same = world.ok("CreateListener", &taken);
    assert_eq!(
        World::all(&same, "ListenerArn"),
        [first.as_str()],
        "the same once more is no other one"
    );
    let mut taken = taken;
    taken[4].1 = "503";
    assert_eq!(world.refused("CreateListener", &taken).0, "DuplicateListener");
    let moved = [("ListenerArn", second.as_str()), ("Port", "80")];
    assert_eq!(world.refused("ModifyListener", &moved).0, "DuplicateListener");
    world.ok("ModifyListener", &[("ListenerArn", &second), ("Port", "81")]);
    let body = world.ok("DescribeListeners", &[("LoadBalancerArn", &arn)]);
    assert_eq!(World::all(&body, "Port"), ["80", "81"]);
    assert_eq!(
        World::all(&body, "StatusCode"),
        ["404", "404"],
        "what was not given stays"
    );
    world.ok("DeleteListener", &[("ListenerArn", &first)]);
    let desired = world.balancers.desired();
    assert_eq!(desired[0].listeners.len(), 1);
    assert!(desired[0].rules().is_none(), "only port 80 is served");
    let secure = [
        ("LoadBalancerArn", arn.as_str()),
        ("Protocol", "HTTPS"),
        ("Port", "443"),
    ];
    assert_eq!(world.refused("CreateListener", &secure).0, "NotImplemented");
}

#[test]
fn reading_calls_are_throttled_and_writing_ones_are_not() {
    let mut world = World::new();
    for _ in 0..40 {
        world.ok("DescribeLoadBalancers", &[]);
    }
    let (code, message) = world.refused("DescribeLoadBalancers", &[]);
    assert_eq!((code, message.as_str()), ("ThrottlingException", "Rate exceeded"));
    world.make_group("more");
    world.wait(1);
    for _ in 0..10 {
        world.ok("DescribeLoadBalancers", &[]);
    }
    world.refused("DescribeLoadBalancers", &[]);
}

#[test]
fn what_is_not_there_says_so() {
    let mut world = World::new();
    let (code, message) = world.refused("RegisterTargets", &[]);
    assert_eq!(code, "NotImplemented");
    assert!(
        message.contains("RegisterTargets of Elastic Load Balancing"),
        "{message}"
    );
}

#[test]
fn attributes_are_those_of_the_model_and_take_its_values() {
    let mut world = World::new();
    let arn = world.load_balancer.clone();
    let of = ("LoadBalancerArn", arn.as_str());
    let set = |key: &'static str, value: &'static str| {
        [
            of,
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ]
    };
    for (key, value) in [
        ("client_keep_alive.seconds", "60"),
        ("load_balancing.cross_zone.enabled", "true"),
        ("connection_logs.s3.bucket", "logs"),
        ("health_check_logs.s3.enabled", "false"),
        ("zonal_shift.config.enabled", "true"),
        ("ipv6.deny_all_igw_traffic", "true"),
        ("routing.http.x_amzn_tls_kx.enabled", "true"),
        ("routing.http.desync_mitigation_mode", "strictest"),
        ("routing.http.xff_header_processing.mode", "remove"),
    ] {
        let body = world.ok("ModifyLoadBalancerAttributes", &set(key, value));
        assert!(
            body.contains(&format!("<Key>{key}</Key><Value>{value}</Value>")),
            "{body}"
        );
    }
    for (key, value) in [
        ("routing.http2.enabled", "maybe"),
        ("client_keep_alive.seconds", "59"),
        ("load_balancing.cross_zone.enabled", "false"),
        ("routing.http.xff_header_processing.mode", "keep"),
        ("deletion_protection.enabled", "yes"),
    ] {
        let (code, message) = world.refused("ModifyLoadBalancerAttributes", &set(key, value));
        assert_eq!(code, "InvalidConfigurationRequest", "{key}={value}");
        assert!(message.contains(key), "{message}");
    }
    let unknown = set("dns_record.client_routing_policy", "any_availability_zone");
    assert_eq!(
        world.refused("ModifyLoadBalancerAttributes", &unknown).0,
        "ValidationError"
    );
}

#[test]
fn internal_load_balancers_say_so_in_their_names() {
    let mut world = World::new();
    let given = |name: &'static str| {
        [
            ("Name", name),
            ("Scheme", "internal"),
            ("Subnets.member.1", "subnet-a"),
            ("Subnets.member.2", "subnet-b"),
        ]
    };
    let body = world.ok("CreateLoadBalancer", &given("back"));
    let name = World::all(&body, "DNSName").remove(0);
    assert!(name.starts_with("internal-back-"), "{name}");
    let arn = World::all(&body, "LoadBalancerArn").remove(0);
    assert_eq!(
        world.balancers.named(&name).map(LoadBalancerArn::as_str),
        Some(arn.as_str())
    );
    let body = world.ok("DescribeLoadBalancerAttributes", &[("LoadBalancerArn", &arn)]);
    let closed = "<Key>ipv6.deny_all_igw_traffic</Key><Value>true</Value>";
    assert!(body.contains(closed), "{body}");
    let (code, message) = world.refused("CreateLoadBalancer", &given("internal-back"));
    assert_eq!(code, "ValidationError");
    assert!(message.contains("cannot begin with 'internal-'"), "{message}");
}
