//! Environments that share a load balancer, in virtual time.

use super::super::*;
use super::cloud::Cloud;
use crate::local::balancers::LoadBalancerArn;

const ELB: (&str, &str) = ("Version", "2015-12-01");
const SITE: &str = "shop.example.com";

struct Shared {
    cloud: Cloud,
    arn: String,
    rule: String,
    groups: [String; 2],
    blue: EnvironmentId,
    green: EnvironmentId,
}

impl Shared {
    /// Blue and green behind one load balancer, with a rule that sends `shop.example.com` to blue.
    fn new() -> Self {
        let cloud = Cloud::new(1);
        let balancer = [
            ELB,
            ("Name", "front"),
            ("Subnets.member.1", "a"),
            ("Subnets.member.2", "b"),
        ];
        let arn = Cloud::all(&cloud.ok("CreateLoadBalancer", &balancer), "LoadBalancerArn").remove(0);
        let listener = [
            ELB,
            ("LoadBalancerArn", arn.as_str()),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
        ];
        let listener = Cloud::all(&cloud.ok("CreateListener", &listener), "ListenerArn").remove(0);
        for (name, prefix, version) in [("blue", "shop-blue", "v1"), ("green", "shop-green", "v2")] {
            launch(&cloud, &arn, name, prefix, version);
        }
        cloud.pass(600);
        let (blue, green) = (cloud.id("blue"), cloud.id("green"));
        let desired = cloud.backstage.account().desired();
        let group = |id: &EnvironmentId| {
            let environment = desired.iter().find(|environment| environment.id == *id).unwrap();
            environment.target_group.as_ref().unwrap().to_string()
        };
        let groups = [group(&blue), group(&green)];
        let rule = [
            ELB,
            ("ListenerArn", listener.as_str()),
            ("Priority", "100"),
            ("Conditions.member.1.Field", "host-header"),
            ("Conditions.member.1.Values.member.1", SITE),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.TargetGroupArn", groups[0].as_str()),
        ];
        let rule = Cloud::all(&cloud.ok("CreateRule", &rule), "RuleArn").remove(0);
        Self {
            cloud,
            arn,
            rule,
            groups,
            blue,
            green,
        }
    }

    /// Gives the groups these weights; `None` takes one out of the action.
    fn weigh(&self, weights: [Option<&str>; 2], sticky: Option<&str>) {
        let mut parameters = vec![
            (ELB.0.to_owned(), ELB.1),
            ("RuleArn".to_owned(), self.rule.as_str()),
            ("Actions.member.1.Type".to_owned(), "forward"),
        ];
        let config = "Actions.member.1.ForwardConfig";
        let given = self
            .groups
            .iter()
            .zip(weights)
            .filter_map(|(group, weight)| Some((group, weight?)));
        for (number, (group, weight)) in (1..).zip(given) {
            let tuple = format!("{config}.TargetGroups.member.{number}");
            parameters.push((format!("{tuple}.TargetGroupArn"), group));
            parameters.push((format!("{tuple}.Weight"), weight));
        }
        if let Some(seconds) = sticky {
            let config = format!("{config}.TargetGroupStickinessConfig");
            parameters.push((format!("{config}.Enabled"), "true"));
            parameters.push((format!("{config}.DurationSeconds"), seconds));
        }
        let all: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.cloud.ok("ModifyRule", &all);
    }

    #[track_caller]
    fn users(&self, blue: f64, green: f64) {
        let seen = (self.cloud.users_on(&self.blue), self.cloud.users_on(&self.green));
        assert!((seen.0 - blue).abs() < 0.2 && (seen.1 - green).abs() < 0.2, "{seen:?}");
    }
}

fn launch(cloud: &Cloud, arn: &str, name: &str, prefix: &str, version: &str) {
    cloud.version(version);
    let settings = [
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true"),
        ("aws:elbv2:loadbalancer", "SharedLoadBalancer", arn),
        ("aws:autoscaling:asg", "MinSize", "2"),
    ];
    let mut parameters = vec![
        ("ApplicationName".to_owned(), "shop"),
        ("EnvironmentName".to_owned(), name),
        ("CNAMEPrefix".to_owned(), prefix),
        (
            "SolutionStackName".to_owned(),
            "64bit Amazon Linux 2023 v4.7.2 running Python 3.13",
        ),
        ("VersionLabel".to_owned(), version),
    ];
    for (number, (namespace, option, value)) in (1..).zip(settings) {
        parameters.push((format!("OptionSettings.member.{number}.Namespace"), namespace));
        parameters.push((format!("OptionSettings.member.{number}.OptionName"), option));
        parameters.push((format!("OptionSettings.member.{number}.Value"), value));
    }
    let all: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    cloud.ok("CreateEnvironment", &all);
}

#[test]
fn users_are_split_by_weights_at_once_and_nobody_is_lost() {
    let shared = Shared::new();
    let cloud = &shared.cloud;
    cloud.plane.set_users(SITE, 100.0, cloud.now());
    shared.users(100.0, 0.0);
    cloud.pass(60);
    for (weights, blue) in [(["95", "5"], 95.0), (["1", "1"], 50.0), (["0", "1"], 0.0)] {
        shared.weigh(weights.map(Some), None);
        shared.users(blue, 100.0 - blue);
        cloud.pass(60);
    }
    let rows = cloud.ledger();
    assert_eq!(rows.iter().map(|row| row.failed.total()).sum::<f64>(), 0.0, "{rows:?}");
    let green = rows
        .iter()
        .find(|row| row.environment.as_ref() == Some(&shared.green))
        .unwrap();
    assert!((green.requests - 60.0 * (5.0 + 50.0 + 100.0)).abs() < 1.0, "{green:?}");
    let body = cloud.ok(
        "DescribeEnvironmentHealth",
        &[
            ("EnvironmentId", shared.green.as_str()),
            ("AttributeNames.member.1", "All"),
        ],
    );
    assert!(body.contains("<RequestCount>1000</RequestCount>"), "{body}");
}

#[test]
fn sticky_users_follow_slowly_unless_their_group_is_taken_out() {
    let shared = Shared::new();
    let cloud = &shared.cloud;
    shared.weigh([Some("1"), Some("0")], Some("100"));
    cloud.plane.set_users(SITE, 100.0, cloud.now());
    cloud.pass(60);
    shared.weigh([Some("0"), Some("1")], Some("100"));
    shared.users(100.0, 0.0);
    cloud.pass(50);
    shared.users(50.5, 49.5);
    shared.weigh([None, Some("1")], Some("100"));
    shared.users(0.0, 100.0);
}

#[test]
fn an_empty_group_and_weights_of_zero_lose_requests() {
    let shared = Shared::new();
    let cloud = &shared.cloud;
    cloud.plane.set_users(SITE, 100.0, cloud.now());
    cloud.pass(10);
    shared.weigh([Some("0"), Some("0")], None);
    cloud.pass(10);
    let lost: f64 = cloud.ledger().iter().map(|row| row.failed.lost_by_moving()).sum();
    assert!((lost - 1000.0).abs() < 1.0, "{lost}");
    shared.weigh([Some("9"), Some("1")], None);
    cloud.ok("TerminateEnvironment", &[("EnvironmentName", "green")]);
    cloud.pass(10);
    let lost: f64 = cloud.ledger().iter().map(|row| row.failed.lost_by_moving()).sum();
    assert!(
        (lost - 1100.0).abs() < 1.0,
        "there is no going to another group: {lost}"
    );
}

#[test]
fn cnames_lead_to_their_environments_before_and_after_a_swap() {
    let shared = Shared::new();
    let cloud = &shared.cloud;
    let name = "shop-blue.eu-central-1.elasticbeanstalk.com";
    cloud.plane.set_users(name, 100.0, cloud.now());
    shared.users(100.0, 0.0);
    cloud.swap();
    cloud.pass(200);
    shared.users(100.0, 0.0);
}

#[test]
fn a_probe_is_sent_where_the_rules_say() {
    let shared = Shared::new();
    let cloud = &shared.cloud;
    let arn = LoadBalancerArn::new(&shared.arn);
    let address = cloud.backstage.plane().balancer_address(&arn).unwrap();
    let found = cloud
        .backstage
        .look_up("shop-green.eu-central-1.elasticbeanstalk.com")
        .unwrap();
    assert_eq!(found.address, Some(address));
    assert_eq!(
        cloud.plane.address(&shared.green),
        None,
        "it has no balancer of its own"
    );
    let ask = |host: &str| cloud.plane.ask_at(address, host, "/", cloud.now());
    let answer = ask("shop-green.eu-central-1.elasticbeanstalk.com");
    assert_eq!(answer.version.unwrap().as_str(), "v2");
    assert_eq!(ask("elsewhere.example").status, Some(404), "the default action");
    shared.weigh([Some("3"), Some("1")], None);
    let green = (0..1000).filter(|_| ask(SITE).version.is_some_and(|version| version.as_str() == "v2"));
    let green = green.count();
    assert!((200..300).contains(&green), "{green}");
}
