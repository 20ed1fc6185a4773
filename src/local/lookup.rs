//! Where a name leads: through hosted zones first, then through the names of environments and balancers.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::account::{Account, Resolution};
use super::balancers::LoadBalancerArn;
use super::plane::Holder;
use super::zones::{ZoneAnswer, Zones};
use crate::model::{EnvironmentId, Timestamp};

/// Names on the way; more would be a loop.
const MOST: usize = 8;

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Names on the way that stand for others, first the asked one. What stands behind an alias of Route 53 does not show.
    pub(super) chain: Vec<(String, String)>,
    /// The end of it.
    pub(super) end: End,
    /// How long all that may be kept.
    pub(super) ttl: Duration,
}

/// The end of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// An environment's balancer.
    Balancer(EnvironmentId),
    /// A load balancer that environments may share.
    LoadBalancer(LoadBalancerArn),
    /// Addresses of a record.
    Addresses(Vec<Ipv4Addr>),
    /// The name exists and has no address.
    Nowhere,
}

/// Follows a name; `None` when there is none such. Letters may be in either case, and a dot may stand at the end.
pub(super) fn follow(account: &Account, zones: &mut Zones, name: &str, now: Timestamp) -> Option<Way> {
    let mut way = Way {
        chain: Vec::new(),
        end: End::Nowhere,
        ttl: Duration::MAX,
    };
    let mut at = name.strip_suffix('.').unwrap_or(name).to_owned();
    // From an alias on, answers are given in its own name.
    let mut hidden = false;
    for _ in 0..MOST {
        let healthy = |target: &str| is_healthy(account, target, now);
        // Nobody's hosted zone has authority over the names that AWS gives.
        let answer = if is_given(&at) {
            None
        } else {
            zones.answer(&at, "A", now, &healthy)
        };
        let (target, ttl) = match answer {
            Some(ZoneAnswer::Alias(target)) => {
                hidden = true;
                at = target;
                continue;
            }
            Some(ZoneAnswer::Values {
                kind: "CNAME",
                values,
                ttl,
            }) => {
                let target = values.first()?;
                (target.strip_suffix('.').unwrap_or(target).to_ascii_lowercase(), ttl)
            }
            Some(ZoneAnswer::Values { values, ttl, .. }) => {
                way.ttl = way.ttl.min(ttl);
                way.end = End::Addresses(values.iter().filter_map(|value| value.parse().ok()).collect());
                return Some(way);
            }
            Some(ZoneAnswer::NoData) => return Some(way.nowhere()),
            Some(ZoneAnswer::NoName) => return way.began(hidden),
            None => match account.resolve(&at, now) {
                Some(Resolution::Cname { target, ttl }) => (target, ttl),
                Some(Resolution::Balancer { environment, ttl }) => {
                    way.ttl = way.ttl.min(ttl);
                    way.end = End::Balancer(environment);
                    return Some(way);
                }
                Some(Resolution::LoadBalancer { arn, ttl }) => {
                    way.ttl = way.ttl.min(ttl);
                    way.end = End::LoadBalancer(arn);
                    return Some(way);
                }
                None => return way.began(hidden),
            },
        };
        way.ttl = way.ttl.min(ttl);
        if !hidden {
            way.chain.push((at, target.clone()));
        }
        at = target;
    }
    None
}

impl Way {
    /// A way that ends without an address. That may be kept only for a moment.
    fn nowhere(self) -> Self {
        Self {
            ttl: if self.ttl == Duration::MAX {
                Duration::ZERO
            } else {
                self.ttl
            },
            ..self
        }
    }

    /// What is known when the next name does not exist: the way to it, if there was one.
    fn began(self, hidden: bool) -> Option<Self> {
        (hidden || !self.chain.is_empty()).then(|| self.nowhere())
    }
}

/// A name of a hosted zone, and the names that it leads to by their weights.
pub(super) type Lead = (String, Vec<(String, u64)>);

/// Who holds which name: those of environments and balancers, and those of hosted zones that lead to them.
pub(super) fn names(account: &Account, leads: &[Lead], now: Timestamp) -> Vec<(String, Holder)> {
    let mut names = account.names();
    let holder = |target: &str| {
        let mut at = target.to_owned();
        for _ in 0..MOST {
            match account.resolve(&at, now) {
                Some(Resolution::Cname { target, .. }) => at = target,
                Some(Resolution::Balancer { environment, .. }) => return Holder::Environment(environment),
                Some(Resolution::LoadBalancer { arn, .. }) => return Holder::LoadBalancer(arn),
                None => break,
            }
        }
        Holder::Nobody
    };
    names.extend(leads.iter().map(|(name, members)| {
        let holders = match members.as_slice() {
            [(target, _)] => holder(target),
            several => Holder::Weighted(
                several
                    .iter()
                    .map(|(target, weight)| (holder(target), *weight))
                    .collect(),
            ),
        };
        (name.clone(), holders)
    }));
    names
}

/// Whether a name is one that AWS gives to environments and balancers.
fn is_given(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".elasticbeanstalk.com") || name.ends_with(".elb.amazonaws.com")
}

/// Whether something answers behind the target of an alias. Names that are not the account's own are believed to be well.
fn is_healthy(account: &Account, target: &str, now: Timestamp) -> bool {
    let mut name = target.to_owned();
    for _ in 0..MOST {
        match account.resolve(&name, now) {
            Some(Resolution::Cname { target, .. }) => name = target,
            Some(Resolution::Balancer { environment, .. }) => return account.serves(&environment),
            Some(Resolution::LoadBalancer { arn, .. }) => return account.balancer_serves(&arn),
            None => return !is_given(&name),
        }
    }
    false
}
