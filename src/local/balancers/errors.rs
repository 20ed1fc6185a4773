//! What Elastic Load Balancing answers when it does not do what it is asked. Texts that users have quoted are theirs.

use crate::local::query::AwsError;

pub(super) fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// That something is not there, or, where the text is no ARN of such a thing in this region, that it is none: who takes the one for the
/// other believes that a thing is gone whose name is misspelt. `kind` is told, and `part` is what such ARNs have behind the account.
pub(super) fn absent(arn: &str, region: &str, (kind, part): (&str, &str), not_there: AwsError) -> AwsError {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "elasticloadbalancing", of, _, rest] if *of == region && rest.starts_with(part) => not_there,
        _ => validation(format!("'{arn}' is not a valid {kind} ARN")),
    }
}

pub(super) const LOAD_BALANCER: (&str, &str) = ("load balancer", "loadbalancer/");
pub(super) const TARGET_GROUP: (&str, &str) = ("target group", "targetgroup/");
pub(super) const LISTENER: (&str, &str) = ("listener", "listener/");
pub(super) const RULE: (&str, &str) = ("listener rule", "listener-rule/");

pub(super) fn no_load_balancer(named: &str) -> AwsError {
    AwsError::new("LoadBalancerNotFound", format!("Load balancers '[{named}]' not found"))
}

pub(super) fn no_listener() -> AwsError {
    AwsError::new("ListenerNotFound", "One or more listeners not found")
}

pub(super) fn no_rule() -> AwsError {
    AwsError::new("RuleNotFound", "One or more rules not found")
}

pub(super) fn no_target_group() -> AwsError {
    AwsError::new("TargetGroupNotFound", "One or more target groups not found")
}

pub(super) fn load_balancer_exists(name: &str) -> AwsError {
    AwsError::new(
        "DuplicateLoadBalancerName",
        format!("A load balancer with the same name '{name}' exists, but with different settings"),
    )
}

pub(super) fn target_group_exists(name: &str) -> AwsError {
    AwsError::new(
        "DuplicateTargetGroupName",
        format!("A target group with the same name '{name}' exists, but with different settings"),
    )
}

pub(super) fn listener_exists(arn: &str) -> AwsError {
    AwsError::new(
        "DuplicateListener",
        format!("A listener already exists on this port for this load balancer '{arn}'"),
    )
}

pub(super) fn priority_in_use(priority: u32) -> AwsError {
    AwsError::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

pub(super) fn target_group_in_use(arn: &str) -> AwsError {
    AwsError::new(
        "ResourceInUse",
        format!("Target group '{arn}' is currently in use by a listener or a rule"),
    )
}

pub(super) fn load_balancer_in_use(arn: &str) -> AwsError {
    AwsError::new(
        "ResourceInUse",
        format!("Load balancer '{arn}' is in use by environments of Elastic Beanstalk"),
    )
}

pub(super) fn association_limit(arn: &str) -> AwsError {
    AwsError::new(
        "TargetGroupAssociationLimit",
        format!("The following target groups cannot be associated with more than one load balancer: {arn}"),
    )
}

pub(super) fn weight() -> AwsError {
    validation("The weight for each target group must be between 0 and 999, inclusive")
}

pub(super) fn stickiness_duration() -> AwsError {
    validation("Target group stickiness duration must be between 1 and 604800 seconds")
}

pub(super) fn group_stickiness_first(arn: &str) -> AwsError {
    configuration(format!(
        "This target group appears behind a rule with group stickiness disabled ({arn}). You must enable group stickiness \
         before enabling target stickiness"
    ))
}

pub(super) fn configuration(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidConfigurationRequest", message)
}

pub(super) fn not_permitted(message: impl Into<String>) -> AwsError {
    AwsError::new("OperationNotPermitted", message)
}

pub(super) fn quota(code: &'static str, what: &str, limit: usize) -> AwsError {
    AwsError::new(code, format!("The maximum number of {what} ({limit}) has been reached"))
}

pub(super) fn throttled() -> AwsError {
    AwsError::new("ThrottlingException", "Rate exceeded")
}

pub(super) fn not_implemented(what: &str) -> AwsError {
    AwsError {
        status: 501,
        code: "NotImplemented",
        message: format!("cutover's local cloud does not implement {what}"),
    }
}
