//! What Elastic Beanstalk does here for environments, those that share a load balancer and those that have one for themselves.

use super::arn::{LoadBalancerArn, TargetGroupArn};
use super::group::{
    DEREGISTRATION_DELAY, HealthCheck, STICKINESS, STICKINESS_DURATION, TargetGroup, default_attributes,
};
use super::routing::{Action, Condition, Forward, Stickiness, WeightedGroup};
use super::state::{self, EXTERNAL, Listener, ListenerRule, LoadBalancer, Tags};
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

impl Tenant<'_> {
    fn tags(&self) -> Tags {
        Tags::from([
            (ID_TAG.to_owned(), self.id.to_string()),
            (NAME_TAG.to_owned(), self.name.to_owned()),
            ("Name".to_owned(), self.name.to_owned()),
        ])
    }
}

/// Everything to one group.
fn forward_to(group: &TargetGroupArn) -> Action {
    Action::Forward(Forward {
        groups: vec![WeightedGroup {
            arn: group.clone(),
            weight: 1,
        }],
        stickiness: Stickiness::default(),
    })
}

/// How a target group treats its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    pub(crate) check: HealthCheck,
    /// In seconds.
    pub(crate) deregistration_delay: u32,
    /// Whether clients stay with one target.
    pub(crate) sticky: bool,
    /// How long they do, in seconds.
    pub(crate) sticky_duration: u32,
}

impl GroupSettings {
    /// What they say of a target group's attributes.
    fn attributes(&self) -> [(String, String); 3] {
        [
            (DEREGISTRATION_DELAY, self.deregistration_delay.to_string()),
            (STICKINESS, self.sticky.to_string()),
            (STICKINESS_DURATION, self.sticky_duration.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
    }
}

impl Balancers {
    /// The name in DNS of a load balancer that environments may share: one that Elastic Beanstalk made for an environment is
    /// dedicated to it (source: "Configuring an Application Load Balancer").
    ///
    /// # Errors
    ///
    /// Why they may not.
    pub(crate) fn shareable(&self, arn: &str) -> Result<String, &'static str> {
        let none = "There is no Application Load Balancer with this ARN";
        let load_balancer = self.load_balancer(arn).map_err(|_| none)?;
        if load_balancer.owner.is_some() {
            return Err("The load balancer is dedicated to another environment and cannot be shared");
        }
        Ok(load_balancer.dns_name.clone())
    }

    /// Makes an environment's target group and its rule: all requests for its CNAME go there. Without a listener on port 80
    /// there is no rule, and the group is not in use.
    pub(crate) fn admit(&mut self, tenant: Tenant<'_>, now: Timestamp) -> Result<(), AwsError> {
        let load_balancer = self.load_balancer(tenant.load_balancer.as_str())?;
        let place = load_balancer
            .listeners
            .iter()
            .position(|listener| listener.port == PORT);
        let tags = tenant.tags();
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
        let mut group = self.new_group(&tenant, tags.clone());
        group.tenant_of = Some(tenant.load_balancer.clone());
        self.target_groups.push(group);
        if let Some((place, priority, listener)) = rule {
            let hash = self.hash("rule");
            let rule = ListenerRule {
                arn: format!("{listener}/{hash}"),
                priority: Some(priority),
                conditions: vec![Condition::HostHeader(vec![tenant.cname.to_owned()])],
                action: forward_to(tenant.target_group),
                tags,
            };
            let load_balancer = self.load_balancer_mut(tenant.load_balancer.as_str())?;
            load_balancer.listeners[place].rules.push(rule);
            load_balancer.listeners[place].sort();
        }
        self.count(tenant.load_balancer);
        self.note_use(now);
        Ok(())
    }

    /// Notes the balancer that an environment has for itself, with a listener and a target group, so that it is described.
    pub(crate) fn add_own(&mut self, tenant: Tenant<'_>, dns_name: &str, now: Timestamp) {
        let tags = tenant.tags();
        let arn = tenant.load_balancer.clone();
        let group = self.new_group(&tenant, tags.clone());
        let path = arn.as_str().replacen(":loadbalancer/", ":listener/", 1);
        let (hash, rule) = (self.hash("listener"), self.hash("rule"));
        let listener = Listener {
            arn: format!("{path}/{hash}"),
            port: PORT,
            tags: tags.clone(),
            rules: vec![ListenerRule {
                arn: format!("{}/{hash}/{rule}", path.replacen(":listener/", ":listener-rule/", 1)),
                priority: None,
                conditions: Vec::new(),
                action: forward_to(tenant.target_group),
                tags: Tags::new(),
            }],
        };
        self.target_groups.push(group);
        let number = self.next_number();
        self.load_balancers.push(LoadBalancer {
            number,
            name: arn.as_str().rsplit('/').nth(1).unwrap_or_default().to_owned(),
            arn,
            dns_name: dns_name.to_owned(),
            scheme: EXTERNAL.to_owned(),
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            security_groups: Vec::new(),
            created: now,
            attributes: state::default_attributes(EXTERNAL),
            tags,
            listeners: vec![listener],
            owner: Some(tenant.id.clone()),
        });
        self.note_use(now);
    }

    /// Forgets the balancer that an environment had for itself, and its target group.
    pub(crate) fn remove_own(&mut self, id: &EnvironmentId, group: &TargetGroupArn) {
        self.load_balancers.retain(|known| known.owner.as_ref() != Some(id));
        self.target_groups.retain(|known| known.arn != *group);
    }

    fn new_group(&mut self, tenant: &Tenant<'_>, tags: Tags) -> TargetGroup {
        let mut attributes = default_attributes();
        attributes.extend(tenant.settings.attributes());
        let name = tenant.target_group.as_str().rsplit('/').nth(1).unwrap_or_default();
        TargetGroup {
            arn: tenant.target_group.clone(),
            number: self.next_number(),
            name: name.to_owned(),
            port: PORT,
            vpc: format!("vpc-{}", self.vpc()),
            check: tenant.settings.check.clone(),
            attributes,
            tags,
            tenant_of: None,
            in_use_since: None,
        }
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
        self.target_groups.retain(|known| known.arn != *group);
        self.count(load_balancer);
        Ok(())
    }

    /// Brings a target group to the settings of its environment.
    pub(crate) fn configure(&mut self, group: &TargetGroupArn, settings: GroupSettings) {
        if let Ok(group) = self.target_group_mut(group.as_str()) {
            group.attributes.extend(settings.attributes());
            group.check = settings.check;
        }
    }

    /// How a target group treats its targets, as somebody may have changed it; `None` when it is gone.
    pub(crate) fn settings_of(&self, group: &TargetGroupArn) -> Option<GroupSettings> {
        let group = self.target_group(group.as_str()).ok()?;
        Some(GroupSettings {
            check: group.check.clone(),
            deregistration_delay: group.attribute(DEREGISTRATION_DELAY).parse().unwrap_or(300),
            sticky: group.attribute(STICKINESS) == "true",
            sticky_duration: group.attribute(STICKINESS_DURATION).parse().unwrap_or(86_400),
        })
    }

    /// How many environments share a load balancer.
    pub(super) fn tenants(&self, arn: &LoadBalancerArn) -> usize {
        let groups = self.target_groups.iter();
        groups.filter(|group| group.tenant_of.as_ref() == Some(arn)).count()
    }

    /// Writes on a load balancer how many environments share it.
    fn count(&mut self, arn: &LoadBalancerArn) {
        let count = self.tenants(arn).to_string();
        if let Ok(load_balancer) = self.load_balancer_mut(arn.as_str()) {
            load_balancer.tags.insert(COUNT_TAG.to_owned(), count);
        }
    }
}
