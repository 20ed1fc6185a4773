//! What Elastic Beanstalk does here for environments that share a load balancer.

use super::arn::{LoadBalancerArn, TargetGroupArn};
use super::group::{DEREGISTRATION_DELAY, HealthCheck, TargetGroup, default_attributes};
use super::routing::{Action, Condition, Forward, Stickiness, WeightedGroup};
use super::state::{ListenerRule, Tags};
use super::{Balancers, errors, operations};
use crate::local::query::AwsError;
use crate::model::{EnvironmentId, Timestamp};

/// Tag of what belongs to an environment: its id.
pub(super) const ID_TAG: &str = "elasticbeanstalk:environment-id";
/// The same: its name.
const NAME_TAG: &str = "elasticbeanstalk:environment-name";
/// Tag of a load balancer: how many environments share it.
const COUNT_TAG: &str = "elasticbeanstalk:shared-elb-environment-count";
/// The port of the listener that gets a rule.
const PORT: u16 = 80;

/// An environment that moves in with a load balancer.
pub(crate) struct Tenant<'a> {
    pub(crate) id: &'a EnvironmentId,
    pub(crate) name: &'a str,
    /// Its name in DNS: the rule's host.
    pub(crate) cname: &'a str,
    pub(crate) load_balancer: &'a LoadBalancerArn,
    pub(crate) target_group: &'a TargetGroupArn,
    pub(crate) settings: GroupSettings,
}

/// How a target group treats its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    pub(crate) check: HealthCheck,
    /// In seconds.
    pub(crate) deregistration_delay: u32,
}

impl Balancers {
    /// The name of a load balancer in DNS, if there is that one.
    pub(crate) fn dns_name_of(&self, arn: &str) -> Option<String> {
        Some(self.load_balancer(arn).ok()?.dns_name.clone())
    }

    /// Makes an environment's target group and its rule: all requests for its CNAME go there. Without a listener on port 80
    /// there is no rule, and the group is not in use.
    pub(crate) fn admit(&mut self, tenant: Tenant<'_>, now: Timestamp) -> Result<(), AwsError> {
        let load_balancer = self.load_balancer(tenant.load_balancer.as_str())?;
        let place = load_balancer
            .listeners
            .iter()
            .position(|listener| listener.port == PORT);
        let tags = Tags::from([
            (ID_TAG.to_owned(), tenant.id.to_string()),
            (NAME_TAG.to_owned(), tenant.name.to_owned()),
            ("Name".to_owned(), tenant.name.to_owned()),
        ]);
        let rule = match place {
            Some(place) => {
                operations::check_room(load_balancer)?;
                let listener = &load_balancer.listeners[place];
                let priority = operations::free_priority(listener)?;
                let arn = listener.arn.replacen(":listener/", ":listener-rule/", 1);
                Some((place, priority, arn))
            }
            None => None,
        };
        let mut attributes = default_attributes();
        attributes.insert(
            DEREGISTRATION_DELAY.to_owned(),
            tenant.settings.deregistration_delay.to_string(),
        );
        let name = tenant.target_group.as_str().rsplit('/').nth(1).unwrap_or_default();
        let group = TargetGroup {
            arn: tenant.target_group.clone(),
            number: self.next_number(),
            name: name.to_owned(),
            port: 80,
            vpc: format!("vpc-{}", self.vpc()),
            check: tenant.settings.check,
            attributes,
            tags: tags.clone(),
            in_use_since: None,
        };
        self.target_groups.push(group);
        if let Some((place, priority, listener)) = rule {
            let hash = self.hash("rule");
            let rule = ListenerRule {
                arn: format!("{listener}/{hash}"),
                priority: Some(priority),
                conditions: vec![Condition::HostHeader(vec![tenant.cname.to_owned()])],
                action: Action::Forward(Forward {
                    groups: vec![WeightedGroup {
                        arn: tenant.target_group.clone(),
                        weight: 1,
                    }],
                    stickiness: Stickiness::default(),
                }),
                tags,
            };
            let load_balancer = self.load_balancer_mut(tenant.load_balancer.as_str())?;
            load_balancer.listeners[place].rules.push(rule);
            load_balancer.listeners[place].sort();
        }
        self.count(tenant.load_balancer, 1);
        self.note_use(now);
        Ok(())
    }

    /// Removes an environment's rules and then its target group.
    ///
    /// # Errors
    ///
    /// When a rule of somebody else's still refers to the group, which then stays. It can be tried again.
    pub(crate) fn evict(
        &mut self,
        id: &EnvironmentId,
        load_balancer: &LoadBalancerArn,
        group: &TargetGroupArn,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        for listener in self
            .load_balancers
            .iter_mut()
            .flat_map(|load_balancer| &mut load_balancer.listeners)
        {
            let own = |rule: &ListenerRule| rule.tags.get(ID_TAG).is_some_and(|tag| tag == id.as_str());
            listener.rules.retain(|rule| rule.priority.is_none() || !own(rule));
        }
        self.note_use(now);
        if self.user_of(group).is_some() {
            return Err(errors::target_group_in_use(group.as_str()));
        }
        let before = self.target_groups.len();
        self.target_groups.retain(|known| known.arn != *group);
        // Somebody may have deleted it before.
        if self.target_groups.len() < before {
            self.count(load_balancer, -1);
        }
        Ok(())
    }

    /// Brings a target group to the settings of its environment.
    pub(crate) fn configure(&mut self, group: &TargetGroupArn, settings: GroupSettings) {
        if let Ok(group) = self.target_group_mut(group.as_str()) {
            group.check = settings.check;
            let delay = settings.deregistration_delay.to_string();
            group.attributes.insert(DEREGISTRATION_DELAY.to_owned(), delay);
        }
    }

    /// How a target group treats its targets, as somebody may have changed it; `None` when it is gone.
    pub(crate) fn settings_of(&self, group: &TargetGroupArn) -> Option<GroupSettings> {
        let group = self.target_group(group.as_str()).ok()?;
        Some(GroupSettings {
            check: group.check.clone(),
            deregistration_delay: group.attribute(DEREGISTRATION_DELAY).parse().unwrap_or(300),
        })
    }

    /// Environments that share a load balancer.
    pub(super) fn tenants(&self, tags: &Tags) -> i64 {
        tags.get(COUNT_TAG).and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    fn count(&mut self, arn: &LoadBalancerArn, change: i64) {
        let Ok(load_balancer) = self.load_balancer(arn.as_str()) else {
            return;
        };
        let count = self.tenants(&load_balancer.tags).saturating_add(change).max(0);
        if let Ok(load_balancer) = self.load_balancer_mut(arn.as_str()) {
            load_balancer.tags.insert(COUNT_TAG.to_owned(), count.to_string());
        }
    }
}
