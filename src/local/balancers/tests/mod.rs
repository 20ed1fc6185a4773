//! Elastic Load Balancing as a whole: calls in, answers and wishes out.

mod actions;
mod groups;
mod load_balancers;
mod rules;

use std::time::Duration;

use super::*;
use crate::local::account::fixture::World as Account;
use crate::local::memory::Notes;
use crate::model::Timestamp;

/// An account's load balancers with one called `shop`, a listener on port 80 that answers 404, and three target groups.
struct World {
    balancers: Balancers,
    now: Timestamp,
    targets: Vec<Target>,
    load_balancer: String,
    listener: String,
    groups: Vec<String>,
}

impl World {
    fn new() -> Self {
        let balancers = Balancers::new(BalancersSettings {
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            pace: 1.0,
            provisioning: Duration::from_secs(120),
            seed: 1,
        });
        let mut world = Self {
            balancers,
            now: Timestamp::from_millis(1_795_305_600_000),
            targets: Vec::new(),
            load_balancer: String::new(),
            listener: String::new(),
            groups: Vec::new(),
        };
        world.load_balancer = world.make_load_balancer("shop");
        world.groups = ["blue", "green", "teal"].map(|name| world.make_group(name)).to_vec();
        world.listener = world.make_listener(&world.load_balancer.clone(), "80");
        world
    }

    fn make_load_balancer(&mut self, name: &str) -> String {
        let body = self.ok(
            "CreateLoadBalancer",
            &[
                ("Name", name),
                ("Subnets.member.1", "subnet-a"),
                ("Subnets.member.2", "subnet-b"),
            ],
        );
        Account::all(&body, "LoadBalancerArn").remove(0)
    }

    fn make_group(&mut self, name: &str) -> String {
        let body = self.ok(
            "CreateTargetGroup",
            &[("Name", name), ("Protocol", "HTTP"), ("Port", "80"), ("VpcId", "vpc-1")],
        );
        Account::all(&body, "TargetGroupArn").remove(0)
    }

    fn make_listener(&mut self, of: &str, port: &str) -> String {
        let body = self.ok(
            "CreateListener",
            &[
                ("LoadBalancerArn", of),
                ("Protocol", "HTTP"),
                ("Port", port),
                ("DefaultActions.member.1.Type", "fixed-response"),
                ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
            ],
        );
        Account::all(&body, "ListenerArn").remove(0)
    }

    /// A rule for a host that forwards to one of the groups.
    fn make_rule(&mut self, priority: &str, host: &str, group: usize) -> String {
        let (listener, group) = (self.listener.clone(), self.groups[group].clone());
        let body = self.ok(
            "CreateRule",
            &[
                ("ListenerArn", &listener),
                ("Priority", priority),
                ("Conditions.member.1.Field", "host-header"),
                ("Conditions.member.1.Values.member.1", host),
                ("Actions.member.1.Type", "forward"),
                ("Actions.member.1.TargetGroupArn", &group),
            ],
        );
        Account::all(&body, "RuleArn").remove(0)
    }

    /// The parameters of a forward action with weights for the groups.
    fn weights(&self, list: &str, weights: &[&str]) -> Vec<(String, String)> {
        let action = format!("{list}.member.1");
        let mut parameters = vec![(format!("{action}.Type"), "forward".to_owned())];
        for (number, weight) in weights.iter().enumerate() {
            let group = format!("{action}.ForwardConfig.TargetGroups.member.{}", number + 1);
            parameters.push((format!("{group}.TargetGroupArn"), self.groups[number].clone()));
            parameters.push((format!("{group}.Weight"), (*weight).to_owned()));
        }
        parameters
    }

    fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Reply {
        let owned: Vec<_> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let parameters = Parameters::parse(&owned);
        let targets = self.targets.clone();
        let call = Call {
            parameters: &parameters,
            now: self.now,
            targets: &|_| targets.clone(),
        };
        let reply = self.balancers.handle(action, &call);
        self.check_memory();
        reply
    }

    /// Whatever a test is about: were the cloud to end now, nothing would be lost.
    fn check_memory(&self) {
        let kept = |balancers: &Balancers| {
            let mut notes = Notes::default();
            balancers.remember(&mut notes);
            notes
        };
        let mut again = Balancers::new(self.balancers.settings.clone());
        again.recall(&kept(&self.balancers).kept()).unwrap();
        // The counter of ids leaps.
        let leaps = ["balancing"];
        assert_eq!(kept(&again).but(&leaps), kept(&self.balancers).but(&leaps));
        assert_eq!(again.desired(), self.balancers.desired());
    }

    #[track_caller]
    fn ok(&mut self, action: &str, parameters: &[(&str, &str)]) -> String {
        match self.call(action, parameters) {
            Ok(result) => result.map(|xml| xml.as_str().to_owned()).unwrap_or_default(),
            Err(error) => panic!("{action} {parameters:?}: {error:?}"),
        }
    }

    /// The same with parameters from [`World::weights`].
    #[track_caller]
    fn ok_with(&mut self, action: &str, first: (&str, &str), more: &[(String, String)]) -> String {
        let mut parameters = vec![first];
        parameters.extend(more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.ok(action, &parameters)
    }

    #[track_caller]
    fn refused(&mut self, action: &str, parameters: &[(&str, &str)]) -> (&'static str, String) {
        match self.call(action, parameters) {
            Ok(_) => panic!("{action} {parameters:?} was accepted"),
            Err(error) => (error.code, error.message),
        }
    }

    #[track_caller]
    fn refused_with(&mut self, action: &str, first: (&str, &str), more: &[(String, String)]) -> (&'static str, String) {
        let mut parameters = vec![first];
        parameters.extend(more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.refused(action, &parameters)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn all(body: &str, element: &str) -> Vec<String> {
        Account::all(body, element)
    }
}
