//! Names of environments and balancers in DNS.

use std::time::Duration;

use super::Account;
use super::state::{BalancerKind, Environment};
use crate::local::balancers::LoadBalancerArn;
use crate::model::{EnvironmentId, Timestamp};

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Another name: that of a balancer.
    Cname {
        /// That name, in lower case, without a dot at the end.
        target: String,
        /// How long the answer may be kept.
        ttl: Duration,
    },
    /// An environment's balancer, whose address the data plane knows.
    Balancer {
        /// The environment.
        environment: EnvironmentId,
        /// How long the answer may be kept.
        ttl: Duration,
    },
    /// A load balancer of its own, which environments may share.
    LoadBalancer {
        /// Its ARN.
        arn: LoadBalancerArn,
        /// How long the answer may be kept.
        ttl: Duration,
    },
}

/// What a balancer's name begins with when it stands for both families of addresses.
const DUALSTACK: &str = "dualstack.";

impl Account {
    /// Looks a name up. Letters may be in either case, and a dot may stand at the end. `None` when there is no such name.
    ///
    /// Names hold from the moment the balancer is made until the environment is terminated. A swap shows at its end, also
    /// when nobody called [`Account::tick`] since: `now` is when the question is asked.
    #[must_use]
    pub fn resolve(&self, name: &str, now: Timestamp) -> Option<Resolution> {
        let name = name.strip_suffix('.').unwrap_or(name);
        // The name under which a balancer answers IPv6 as well; consoles write it into aliases.
        let name = match name.get(..DUALSTACK.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(DUALSTACK) => &name[DUALSTACK.len()..],
            _ => name,
        };
        let ttl = self.settings.timing.dns_ttl;
        let mut reachable = self
            .environments
            .values()
            .filter(|environment| environment.is_live() && environment.balancer.made);
        let found = reachable.find_map(|environment| {
            let kind = environment.balancer.kind;
            let balancer = Resolution::Balancer {
                environment: environment.id.clone(),
                ttl,
            };
            if self.cname_at(environment, now).eq_ignore_ascii_case(name) {
                // A single instance has an address and no name: the environment's own name leads there directly.
                return Some(if kind == BalancerKind::SingleInstance {
                    balancer
                } else {
                    let target = environment.balancer.address.to_ascii_lowercase();
                    Resolution::Cname { target, ttl }
                });
            }
            let is_balancer = kind != BalancerKind::SingleInstance
                && environment.balancer.shared.is_none()
                && environment.balancer.address.eq_ignore_ascii_case(name);
            is_balancer.then_some(balancer)
        });
        found.or_else(|| {
            let arn = self.balancers.named(name)?.clone();
            Some(Resolution::LoadBalancer { arn, ttl })
        })
    }

    /// An environment's CNAME as it is at a moment at or after the last tick.
    fn cname_at<'a>(&'a self, environment: &'a Environment, now: Timestamp) -> &'a str {
        let due = now.since(environment.work_since) >= self.settings.timing.swap;
        environment
            .swaps_with()
            .filter(|other| due && self.is_swap_on(&environment.id, other))
            .and_then(|other| self.environments.get(other))
            .map_or(environment.cname.as_str(), |other| other.cname.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    #[test]
    fn a_name_leads_over_the_balancer_to_the_environment() {
        let mut world = World::new();
        world.version("v1");
        world.create("blue", "v1", &[("CNAMEPrefix", "shop")]);
        let name = "shop.eu-central-1.elasticbeanstalk.com";
        assert_eq!(
            world.account.resolve(name, world.now()),
            None,
            "there is no balancer yet"
        );
        world.wait(180);
        let ttl = Duration::from_secs(60);
        let Some(Resolution::Cname { target, ttl: told }) = world.account.resolve(name, world.now()) else {
            panic!("no CNAME");
        };
        assert_eq!(told, ttl);
        let environment = EnvironmentId::new(world.id("blue"));
        let balancer = Resolution::Balancer { environment, ttl };
        assert_eq!(world.account.resolve(&target, world.now()), Some(balancer.clone()));
        let both = format!("dualstack.{target}");
        assert_eq!(world.account.resolve(&both, world.now()), Some(balancer));
    }

    #[test]
    fn a_single_instance_has_no_balancer_in_between() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[
                ("CNAMEPrefix", "shop"),
                ("OptionSettings.member.1.Namespace", "aws:elasticbeanstalk:environment"),
                ("OptionSettings.member.1.OptionName", "EnvironmentType"),
                ("OptionSettings.member.1.Value", "SingleInstance"),
            ],
        );
        let found = world
            .account
            .resolve("shop.eu-central-1.elasticbeanstalk.com.", world.now());
        assert!(matches!(found, Some(Resolution::Balancer { .. })), "{found:?}");
        let endpoint = World::all(&world.ok("DescribeEnvironments", &[]), "EndpointURL").remove(0);
        assert!(endpoint.starts_with("203.0.113."), "{endpoint}");
        let body = world.ok("DescribeEnvironmentResources", &[("EnvironmentName", "blue")]);
        assert!(body.contains("<LoadBalancers></LoadBalancers>"), "{body}");
    }
}
