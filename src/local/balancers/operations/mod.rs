//! The operations, one file for each group.

mod attributes;
mod health;
mod listeners;
mod load_balancers;
mod page;
mod rules;
mod tags;
mod target_groups;

use super::{Balancers, Call, Reply, errors};
use crate::local::query::AwsError;

pub(super) use rules::{check_room, free_priority};

impl Balancers {
    pub(super) fn dispatch(&mut self, action: &str, call: &Call<'_>) -> Reply {
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
