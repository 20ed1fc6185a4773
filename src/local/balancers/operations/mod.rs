//! The operations, one file for each group.

mod attributes;
mod health;
mod listeners;
mod load_balancers;
mod page;
mod rules;
mod tags;
mod target_groups;

use super::state::LoadBalancer;
use super::{Balancers, Call, Reply, errors, groups_of};
use crate::local::query::AwsError;

pub(super) use rules::{check_room, free_priority};

impl Balancers {
    pub(super) fn dispatch(&mut self, action: &str, call: &Call<'_>) -> Reply {
        self.check_owner(action, call)?;
        match action {
            "AddTags" => self.add_tags(call),
            "CreateListener" => self.create_listener(call),
            "CreateLoadBalancer" => self.create_load_balancer(call),
            "CreateRule" => self.create_rule(call),
            "CreateTargetGroup" => self.create_target_group(call),
            "DeleteListener" => self.delete_listener(call),
            "DeleteLoadBalancer" => self.delete_load_balancer(call),
            "DeleteRule" => self.delete_rule(call),
            "DeleteTargetGroup" => self.delete_target_group(call),
            "DescribeListeners" => self.describe_listeners(call),
            "DescribeLoadBalancerAttributes" => self.describe_load_balancer_attributes(call),
            "DescribeLoadBalancers" => self.describe_load_balancers(call),
            "DescribeRules" => self.describe_rules(call),
            "DescribeTags" => self.describe_tags(call),
            "DescribeTargetGroupAttributes" => self.describe_target_group_attributes(call),
            "DescribeTargetGroups" => self.describe_target_groups(call),
            "DescribeTargetHealth" => self.describe_target_health(call),
            "ModifyListener" => self.modify_listener(call),
            "ModifyLoadBalancerAttributes" => self.modify_load_balancer_attributes(call),
            "ModifyRule" => self.modify_rule(call),
            "ModifyTargetGroup" => self.modify_target_group(call),
            "ModifyTargetGroupAttributes" => self.modify_target_group_attributes(call),
            "RemoveTags" => self.remove_tags(call),
            "SetRulePriorities" => self.set_rule_priorities(call),
            other => Err(errors::not_implemented(&format!("{other} of Elastic Load Balancing"))),
        }
    }
}

impl Balancers {
    /// The balancer of one environment is described, and changed by Elastic Beanstalk alone.
    fn check_owner(&self, action: &str, call: &Call<'_>) -> Result<(), AwsError> {
        if action.starts_with("Describe") || action.ends_with("Tags") {
            return Ok(());
        }
        let named = |name| call.parameters.text(name);
        let arns = [
            named("LoadBalancerArn"),
            named("ListenerArn"),
            named("RuleArn"),
            named("TargetGroupArn"),
        ];
        let priorities = call.parameters.list("RulePriorities");
        let rules = priorities.into_iter().filter_map(|pair| pair.text("RuleArn"));
        let mut given = arns.into_iter().flatten().chain(rules);
        let owned = || self.load_balancers.iter().filter(|known| known.owner.is_some());
        if given.any(|arn| owned().any(|known| is_of(known, arn))) {
            return Err(errors::not_implemented(
                "changes by Elastic Load Balancing to the balancer of one environment; let environments share one",
            ));
        }
        Ok(())
    }
}

/// Whether an ARN is that of a load balancer, or of something in it.
fn is_of(known: &LoadBalancer, arn: &str) -> bool {
    let groups = groups_of(known).any(|group| group.as_str() == arn);
    let mut listeners = known.listeners.iter();
    let within = listeners.any(|listener| listener.arn == arn || listener.rules.iter().any(|rule| rule.arn == arn));
    known.arn.as_str() == arn || groups || within
}

/// A name of a load balancer or a target group: 32 letters, digits and dashes at most, no dash at either end.
fn check_name(name: &str, of: &str) -> Result<(), AwsError> {
    let allowed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !allowed {
        return Err(errors::validation(format!(
            "The {of} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.is_empty() || name.chars().count() > 32 {
        return Err(errors::validation(format!(
            "The {of} name '{name}' cannot be longer than '32' characters"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(errors::validation(format!(
            "The {of} name '{name}' cannot begin or end with a hyphen(-)"
        )));
    }
    Ok(())
}
