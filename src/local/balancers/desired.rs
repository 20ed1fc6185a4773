//! Load balancers as a data plane is to have them.

use std::time::Duration;

use super::arn::LoadBalancerArn;
use super::routing::Rule;
use super::state::{IDLE_TIMEOUT, Listener, LoadBalancer};
use super::{Balancers, groups_of};

/// A load balancer as the account wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredBalancer {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its name, for logs.
    pub name: String,
    /// After which idle connections are closed, at the cloud's pace.
    pub idle_timeout: Duration,
    /// How much shorter than it says stickiness lasts: the cloud's pace.
    pub pace: Pace,
    /// Its listeners, in the order of their ports.
    pub listeners: Vec<DesiredListener>,
}

/// How many times faster than AWS, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace(u64);

/// A listener for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredListener {
    /// Its port.
    pub port: u16,
    /// Its rules in the order in which they are looked at, the default rule last.
    pub rules: Vec<Rule>,
}

impl Pace {
    /// From a factor.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a pace is a small positive number, and a cast saturates"
    )]
    pub fn new(factor: f64) -> Self {
        Self(((factor * 1000.0) as u64).max(1))
    }

    /// So many seconds of AWS's in real time.
    #[must_use]
    pub fn seconds(self, seconds: u32) -> Duration {
        Duration::from_millis(u64::from(seconds).saturating_mul(1_000_000) / self.0)
    }
}

impl DesiredBalancer {
    /// The rules of the listener on port 80, which the local cloud serves at the port of all its balancers.
    #[must_use]
    pub fn rules(&self) -> Option<&[Rule]> {
        let mut listeners = self.listeners.iter();
        listeners
            .find(|listener| listener.port == 80)
            .map(|listener| listener.rules.as_slice())
    }
}

impl Balancers {
    /// Load balancers as they should be, without those of one environment each.
    pub(crate) fn desired(&self) -> Vec<DesiredBalancer> {
        let pace = Pace::new(self.settings.pace);
        let shared = self.load_balancers.iter().filter(|known| known.owner.is_none());
        shared.map(|known| desired(known, pace)).collect()
    }

    /// The same by its name in DNS.
    pub(crate) fn named(&self, dns_name: &str) -> Option<&LoadBalancerArn> {
        let mut all = self.load_balancers.iter();
        all.find(|known| known.owner.is_none() && known.dns_name.eq_ignore_ascii_case(dns_name))
            .map(|load_balancer| &load_balancer.arn)
    }

    /// Their names in DNS, in small letters.
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, &LoadBalancerArn)> {
        let all = self.load_balancers.iter().filter(|known| known.owner.is_none());
        all.map(|load_balancer| (load_balancer.dns_name.to_ascii_lowercase(), &load_balancer.arn))
    }

    /// Target groups that the rules of a load balancer refer to.
    pub(crate) fn groups_behind(&self, arn: &LoadBalancerArn) -> Vec<super::TargetGroupArn> {
        let Ok(load_balancer) = self.load_balancer(arn.as_str()) else {
            return Vec::new();
        };
        let mut groups: Vec<_> = groups_of(load_balancer).cloned().collect();
        groups.sort();
        groups.dedup();
        groups
    }
}

fn desired(load_balancer: &LoadBalancer, pace: Pace) -> DesiredBalancer {
    let idle: u32 = load_balancer.attribute(IDLE_TIMEOUT).parse().unwrap_or(60);
    let mut listeners: Vec<_> = load_balancer.listeners.iter().map(listener).collect();
    listeners.sort_by_key(|listener| listener.port);
    DesiredBalancer {
        arn: load_balancer.arn.clone(),
        name: load_balancer.name.clone(),
        // Not below what the balancers of environments have: clients think in real time.
        idle_timeout: pace.seconds(idle).max(Duration::from_secs(10)),
        pace,
        listeners,
    }
}

fn listener(listener: &Listener) -> DesiredListener {
    let rules = listener.rules.iter().map(|rule| Rule {
        conditions: rule.conditions.clone(),
        action: rule.action.clone(),
    });
    DesiredListener {
        port: listener.port,
        rules: rules.collect(),
    }
}
