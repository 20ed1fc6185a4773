//! Elastic Load Balancing (version 2): Application Load Balancers, their listeners and rules, and target groups.
//!
//! No I/O, no clock, no randomness of its own, like the account, which owns it. What listeners do with requests is told by
//! [`Balancers::desired`] and carried out by a data plane, by the rules of [`routing`]. Shapes and codes follow the service's
//! API model (2015-12-01).

mod arn;
mod desired;
mod environments;
mod errors;
mod group;
mod operations;
mod pattern;
mod read;
mod remember;
pub mod routing;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

use super::ids::{self, Ids};
use super::query::{AwsError, Parameters, Xml};
use super::rate::Rate;
use crate::model::{InstanceId, Timestamp};
use group::TargetGroup;
use routing::Action;
use state::{Listener, LoadBalancer};

pub use arn::{LoadBalancerArn, TargetGroupArn};
pub use desired::{DesiredBalancer, DesiredListener, Pace};
pub(crate) use environments::{GroupSettings, Tenant};
pub use group::{FailedCheck, HealthCheck};

/// The namespace of all documents.
pub(crate) const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
/// The version of its API, by which its calls are told from others.
pub(crate) const VERSION: &str = "2015-12-01";

/// Reading calls that it takes at once, and each second (source: "Throttling for the Elastic Load Balancing API"). How many
/// others it takes is not documented.
const READS: (u32, u32) = (40, 10);

/// How Elastic Load Balancing behaves.
#[derive(Clone, Debug)]
pub(crate) struct BalancersSettings {
    pub(crate) region: String,
    pub(crate) account_id: String,
    /// How many times faster than AWS.
    pub(crate) pace: f64,
    /// How long a new load balancer is `provisioning`.
    pub(crate) provisioning: Duration,
    /// From which ids are drawn.
    pub(crate) seed: u64,
}

/// Load balancers and target groups of one account.
#[derive(Clone, Debug)]
pub(crate) struct Balancers {
    settings: BalancersSettings,
    ids: Ids,
    reads: Rate,
    made: u64,
    /// In the order in which they were made.
    load_balancers: Vec<LoadBalancer>,
    target_groups: Vec<TargetGroup>,
}

/// A target as somebody else sees it: the account knows the instances of its environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: InstanceId,
    pub(crate) state: TargetState,
}

/// How a target is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetState {
    /// Not checked yet.
    Initial,
    /// Answering its health checks.
    Healthy,
    /// Not answering them.
    Unhealthy(FailedCheck),
    /// Deregistered, and finishing its requests.
    Draining,
}

/// One call.
pub(crate) struct Call<'a> {
    pub(crate) parameters: &'a Parameters,
    pub(crate) now: Timestamp,
    /// The targets that are registered with a group.
    pub(crate) targets: &'a dyn Fn(&TargetGroupArn) -> Vec<Target>,
}

/// A result to write, nothing, or an error.
type Reply = Result<Option<Xml>, AwsError>;

/// Writes a result.
fn result(content: impl FnOnce(&mut Xml)) -> Reply {
    let mut xml = Xml::default();
    content(&mut xml);
    Ok(Some(xml))
}

impl Balancers {
    /// None at first.
    pub(crate) fn new(settings: BalancersSettings) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            reads: Rate::with_burst(READS.0, READS.1, settings.pace),
            settings,
            made: 0,
            load_balancers: Vec::new(),
            target_groups: Vec::new(),
        }
    }

    /// Carries out an operation.
    pub(crate) fn handle(&mut self, action: &str, call: &Call<'_>) -> Reply {
        if action.starts_with("Describe") && !self.reads.take(call.now) {
            return Err(errors::throttled());
        }
        let reply = self.dispatch(action, call).map_err(in_its_words);
        self.note_use(call.now);
        reply
    }

    /// Notes which groups rules have begun, or ceased, to refer to.
    fn note_use(&mut self, now: Timestamp) {
        let used: Vec<TargetGroupArn> = self.load_balancers.iter().flat_map(groups_of).cloned().collect();
        for group in &mut self.target_groups {
            group.in_use_since = if used.contains(&group.arn) {
                group.in_use_since.or(Some(now))
            } else {
                None
            };
        }
    }

    fn load_balancer(&self, arn: &str) -> Result<&LoadBalancer, AwsError> {
        let mut all = self.load_balancers.iter();
        all.find(|load_balancer| load_balancer.arn.as_str() == arn)
            .ok_or_else(|| {
                errors::absent(
                    arn,
                    &self.settings.region,
                    errors::LOAD_BALANCER,
                    errors::no_load_balancer(arn),
                )
            })
    }

    fn load_balancer_mut(&mut self, arn: &str) -> Result<&mut LoadBalancer, AwsError> {
        let mut all = self.load_balancers.iter_mut();
        all.find(|load_balancer| load_balancer.arn.as_str() == arn)
            .ok_or_else(|| {
                errors::absent(
                    arn,
                    &self.settings.region,
                    errors::LOAD_BALANCER,
                    errors::no_load_balancer(arn),
                )
            })
    }

    fn target_group(&self, arn: &str) -> Result<&TargetGroup, AwsError> {
        let mut all = self.target_groups.iter();
        all.find(|group| group.arn.as_str() == arn).ok_or_else(|| {
            errors::absent(
                arn,
                &self.settings.region,
                errors::TARGET_GROUP,
                errors::no_target_group(),
            )
        })
    }

    fn target_group_mut(&mut self, arn: &str) -> Result<&mut TargetGroup, AwsError> {
        let mut all = self.target_groups.iter_mut();
        all.find(|group| group.arn.as_str() == arn).ok_or_else(|| {
            errors::absent(
                arn,
                &self.settings.region,
                errors::TARGET_GROUP,
                errors::no_target_group(),
            )
        })
    }

    /// A listener with the ARN of its load balancer.
    fn listener(&self, arn: &str) -> Result<(&LoadBalancerArn, &Listener), AwsError> {
        let mut all = self.load_balancers.iter().flat_map(|load_balancer| {
            let of = &load_balancer.arn;
            load_balancer.listeners.iter().map(move |listener| (of, listener))
        });
        all.find(|(_, listener)| listener.arn == arn)
            .ok_or_else(|| errors::absent(arn, &self.settings.region, errors::LISTENER, errors::no_listener()))
    }

    fn listener_mut(&mut self, arn: &str) -> Result<&mut Listener, AwsError> {
        let mut all = self
            .load_balancers
            .iter_mut()
            .flat_map(|load_balancer| &mut load_balancer.listeners);
        all.find(|listener| listener.arn == arn)
            .ok_or_else(|| errors::absent(arn, &self.settings.region, errors::LISTENER, errors::no_listener()))
    }

    /// The ARN of the listener that has a rule.
    fn listener_of(&self, rule: &str) -> Result<String, AwsError> {
        let mut all = self
            .load_balancers
            .iter()
            .flat_map(|load_balancer| &load_balancer.listeners);
        all.find(|listener| listener.rules.iter().any(|known| known.arn == rule))
            .map(|listener| listener.arn.clone())
            .ok_or_else(|| errors::absent(rule, &self.settings.region, errors::RULE, errors::no_rule()))
    }

    /// The load balancer whose rules refer to a target group.
    fn user_of(&self, group: &TargetGroupArn) -> Option<&LoadBalancerArn> {
        let mut all = self.load_balancers.iter();
        all.find(|load_balancer| groups_of(load_balancer).any(|used| used == group))
            .map(|load_balancer| &load_balancer.arn)
    }

    /// The beginning of all ARNs.
    fn arn(&self, rest: &str) -> String {
        let BalancersSettings { region, account_id, .. } = &self.settings;
        format!("arn:aws:elasticloadbalancing:{region}:{account_id}:{rest}")
    }

    fn hash(&mut self, kind: &str) -> String {
        self.ids.text(kind, ids::HEX, 16)
    }

    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The account has one network, in which everything lies.
    fn vpc(&self) -> String {
        Ids::new(self.settings.seed).text("vpc", ids::HEX, 17)
    }
}

/// Target groups that the rules of a load balancer refer to. One may come more than once.
fn groups_of(load_balancer: &LoadBalancer) -> impl Iterator<Item = &TargetGroupArn> {
    load_balancer
        .actions()
        .filter_map(|action| match action {
            Action::Forward(forward) => Some(forward.groups.iter()),
            Action::FixedResponse(_) | Action::Redirect(_) => None,
        })
        .flatten()
        .map(|group| &group.arn)
}

/// The service has one code for parameters that break a rule on their form.
fn in_its_words(error: AwsError) -> AwsError {
    match error.code {
        "InvalidParameterValue" | "MalformedInput" => errors::validation(error.message),
        _ => error,
    }
}
