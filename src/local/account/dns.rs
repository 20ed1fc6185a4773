//! Names of environments and balancers in DNS.

use std::time::Duration;

use super::Account;
use super::state::{BalancerKind, Environment};
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
}

impl Account {
    /// Looks a name up. Letters may be in either case, and a dot may stand at the end. `None` when there is no such name.
    ///
    /// Names hold from the moment the balancer is made until the environment is terminated. A swap shows at its end, also
    /// when nobody called [`Account::tick`] since: `now` is when the question is asked.
    #[must_use]
    pub fn resolve(&self, name: &str, now: Timestamp) -> Option<Resolution> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let ttl = self.settings.timing.dns_ttl;
        let mut reachable = self
            .environments
            .values()
            .filter(|environment| environment.is_live() && environment.balancer.made);
        reachable.find_map(|environment| {
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
            let is_balancer =
                kind != BalancerKind::SingleInstance && environment.balancer.address.eq_ignore_ascii_case(name);
            is_balancer.then_some(balancer)
        })
    }

    /// An environment's CNAME as it is at a moment at or after the last tick.
    fn cname_at<'a>(&'a self, environment: &'a Environment, now: Timestamp) -> &'a str {
        let due = now.since(environment.work_since) >= self.settings.timing.swap;
        environment
            .swaps_with()
            .filter(|_| due)
            .and_then(|other| self.environments.get(other))
            .map_or(environment.cname.as_str(), |other| other.cname.as_str())
    }
}
