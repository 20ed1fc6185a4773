//! Elastic Load Balancing and Auto Scaling, by what a release asks of them: rules that forward to weighted target groups, and which
//! target group is an environment's.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, HostHeaderConditionConfig,
    PathPatternConditionConfig, ProtocolEnum, RuleCondition, TargetGroupStickinessConfig, TargetGroupTuple,
    TargetHealthStateEnum,
};

use super::error::read;
use super::{Aws, CallError, InTime};
use crate::model::EnvironmentId;
use crate::release::{GroupSeen, Limits};
use crate::traffic::{Forward, Rule, Stickiness};

/// What the service says when one of the rules that are asked for is not there.
const NO_RULE: &str = "RuleNotFound";

/// The tag of all that belongs to an environment of Elastic Beanstalk's.
const ENVIRONMENT_TAG: &str = "elasticbeanstalk:environment-id";

fn gone(arn: &str) -> Rule {
    Rule {
        arn: arn.to_owned(),
        forward: Err("it is not there".to_owned()),
        hosts: Vec::new(),
    }
}

/// The hosts that a rule is for.
fn hosts(rule: &aws_sdk_elasticloadbalancingv2::types::Rule) -> Vec<String> {
    let configs = rule
        .conditions()
        .iter()
        .filter_map(|condition| condition.host_header_config());
    configs.flat_map(|config| config.values().to_vec()).collect()
}

impl Aws {
    /// Rules by their ARNs, in that order. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said. One that is not there is told among them.
    pub async fn rules(&self, arns: &[String]) -> Result<Vec<Rule>, CallError> {
        match self.described(arns).await {
            // One that is gone hides all others.
            Err(error) if error.has_code(NO_RULE) => {
                let mut all = Vec::new();
                for arn in arns {
                    all.extend(match self.described(std::slice::from_ref(arn)).await {
                        Err(error) if error.has_code(NO_RULE) => vec![gone(arn)],
                        other => other?,
                    });
                }
                Ok(all)
            }
            other => other,
        }
    }

    async fn described(&self, arns: &[String]) -> Result<Vec<Rule>, CallError> {
        let answer = self
            .balancing
            .describe_rules()
            .set_rule_arns(Some(arns.to_vec()))
            .send()
            .await
            .map_err(|error| read("DescribeRules", error))?;
        let seen = |arn: &String| {
            let found = answer.rules().iter().find(|rule| rule.rule_arn() == Some(arn));
            found.map_or_else(
                || gone(arn),
                |rule| Rule {
                    arn: arn.clone(),
                    forward: weighable(rule),
                    hosts: hosts(rule),
                },
            )
        };
        Ok(arns.iter().map(seen).collect())
    }

    /// The environments for which Elastic Beanstalk has made some of these rules, by the rules' ARNs: it tags what it makes. A
    /// read of at most 20 (source: `ResourceArns` of `DescribeTags`).
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn made_for(&self, rules: &[String]) -> Result<BTreeMap<String, EnvironmentId>, CallError> {
        if rules.is_empty() {
            return Ok(BTreeMap::new());
        }
        let answer = self
            .balancing
            .describe_tags()
            .set_resource_arns(Some(rules.to_vec()))
            .send()
            .await
            .map_err(|error| read("DescribeTags", error))?;
        let found = answer.tag_descriptions().iter().filter_map(|described| {
            let tag = described.tags().iter().find(|tag| tag.key() == Some(ENVIRONMENT_TAG))?;
            Some((described.resource_arn()?.to_owned(), EnvironmentId::new(tag.value()?)))
        });
        Ok(found.collect())
    }

    /// Lets a rule forward like that. A blind write: sent once, and the last writer wins; look right before it.
    ///
    /// # Errors
    ///
    /// When it was refused, or nobody knows.
    pub async fn set_forward(&self, rule: &str, forward: &Forward, in_time: &InTime) -> Result<(), CallError> {
        self.balancing_once
            .modify_rule()
            .rule_arn(rule)
            .actions(written(forward))
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("ModifyRule", error))
    }

    /// The ARNs of an environment's target groups, by its Auto Scaling group: on a shared load balancer there are those of other
    /// environments as well. Two reads.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn target_groups(&self, environment: &EnvironmentId) -> Result<Vec<String>, CallError> {
        let groups = self.scaling_groups(environment).await?;
        let mut arns: Vec<String> = groups
            .iter()
            .flat_map(|group| group.target_group_arns().iter().cloned())
            .collect();
        arns.sort();
        arns.dedup();
        Ok(arns)
    }

    /// An environment's Auto Scaling group: its limits, which may differ from those of the configuration, and what it runs. Two reads.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn scaling_group(&self, environment: &EnvironmentId) -> Result<GroupSeen, CallError> {
        let groups = self.scaling_groups(environment).await?;
        let group = groups.first().ok_or_else(|| {
            CallError::refused(
                "DescribeAutoScalingGroups",
                format!("environment {environment} has no Auto Scaling group"),
            )
        })?;
        let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        Ok(GroupSeen {
            limits: Limits {
                min_instances: number(group.min_size()),
                max_instances: number(group.max_size()),
            },
            running: number(group.desired_capacity()),
        })
    }

    /// The Auto Scaling groups of an environment. Two reads.
    async fn scaling_groups(&self, environment: &EnvironmentId) -> Result<Vec<AutoScalingGroup>, CallError> {
        let resources = self
            .beanstalk
            .describe_environment_resources()
            .environment_id(environment.as_str())
            .send()
            .await
            .map_err(|error| read("DescribeEnvironmentResources", error))?;
        let names: Vec<String> = resources
            .environment_resources()
            .map(aws_sdk_elasticbeanstalk::types::EnvironmentResourceDescription::auto_scaling_groups)
            .unwrap_or_default()
            .iter()
            .filter_map(|group| group.name().map(str::to_owned))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let groups = self
            .scaling
            .describe_auto_scaling_groups()
            .set_auto_scaling_group_names(Some(names))
            .send()
            .await
            .map_err(|error| read("DescribeAutoScalingGroups", error))?;
        Ok(groups.auto_scaling_groups.unwrap_or_default())
    }

    /// How many targets of a target group are healthy. One that no rule names has none. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn healthy_targets(&self, group: &str) -> Result<u32, CallError> {
        let answer = self
            .balancing
            .describe_target_health()
            .target_group_arn(group)
            .send()
            .await
            .map_err(|error| read("DescribeTargetHealth", error))?;
        let healthy = answer
            .target_health_descriptions()
            .iter()
            .filter_map(|target| target.target_health()?.state())
            .filter(|state| **state == TargetHealthStateEnum::Healthy)
            .count();
        Ok(u32::try_from(healthy).unwrap_or(u32::MAX))
    }
}

impl Aws {
    /// Makes a load balancer with a listener on port 80 that finds nothing. Gives their ARNs and its name in DNS. A release never
    /// does this; rehearsals do.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_balancer(&self, name: &str) -> Result<Balancer, CallError> {
        let made = self
            .balancing_once
            .create_load_balancer()
            .name(name)
            .subnets("subnet-1")
            .subnets("subnet-2")
            .send()
            .await
            .map_err(|error| read("CreateLoadBalancer", error))?;
        let made = made.load_balancers().first();
        let arn = made
            .and_then(|made| made.load_balancer_arn())
            .unwrap_or_default()
            .to_owned();
        let dns_name = made.and_then(|made| made.dns_name()).unwrap_or_default().to_owned();
        let nothing = Action::builder()
            .r#type(ActionTypeEnum::FixedResponse)
            .fixed_response_config(FixedResponseActionConfig::builder().status_code("404").build());
        let listener = self
            .balancing_once
            .create_listener()
            .load_balancer_arn(&arn)
            .protocol(ProtocolEnum::Http)
            .port(80)
            .default_actions(nothing.build())
            .send()
            .await
            .map_err(|error| read("CreateListener", error))?;
        let listener = listener.listeners().first().and_then(|made| made.listener_arn());
        Ok(Balancer {
            listener: listener.unwrap_or_default().to_owned(),
            arn,
            dns_name,
        })
    }

    /// Makes a rule that forwards the requests for a host and a path to a target group, and gives its ARN. A release never does this;
    /// rehearsals do.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_rule(
        &self,
        listener: &str,
        (host, path): (&str, &str),
        priority: i32,
        group: &str,
        sticky: Option<u32>,
    ) -> Result<String, CallError> {
        let host = HostHeaderConditionConfig::builder().values(host);
        let condition = RuleCondition::builder()
            .field("host-header")
            .host_header_config(host.build());
        let path = PathPatternConditionConfig::builder().values(path);
        let below = RuleCondition::builder()
            .field("path-pattern")
            .path_pattern_config(path.build());
        let forward = Forward {
            groups: vec![(group.to_owned(), 1)],
            sticky: sticky.map(Stickiness::lasting).unwrap_or_default(),
        };
        let made = self
            .balancing_once
            .create_rule()
            .listener_arn(listener)
            .conditions(condition.build())
            .conditions(below.build())
            .priority(priority)
            .actions(written(&forward))
            .send()
            .await
            .map_err(|error| read("CreateRule", error))?;
        let arn = made.rules().first().and_then(|made| made.rule_arn());
        Ok(arn.unwrap_or_default().to_owned())
    }
}

/// A load balancer that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Its ARN.
    pub arn: String,
    /// Its name in DNS.
    pub dns_name: String,
    /// The ARN of its listener.
    pub listener: String,
}

/// An action as it is sent.
fn written(forward: &Forward) -> Action {
    let mut config = ForwardActionConfig::builder();
    for (arn, weight) in &forward.groups {
        let weight = i32::try_from(*weight).unwrap_or(i32::MAX);
        config = config.target_groups(TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build());
    }
    let seconds = forward.sticky.seconds;
    let seconds = seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
    let sticky = TargetGroupStickinessConfig::builder()
        .enabled(forward.sticky.enabled)
        .set_duration_seconds(seconds);
    let config = config.target_group_stickiness_config(sticky.build()).build();
    Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .forward_config(config)
        .build()
}

/// What a rule does, or why that cannot be changed.
fn weighable(rule: &aws_sdk_elasticloadbalancingv2::types::Rule) -> Result<Forward, String> {
    // It can be read like any other, and only the call that changes it fails (source: `ModifyRule` of the API).
    if rule.is_default() == Some(true) {
        return Err(
            "it is a listener's default rule, which ModifyRule does not change; make a rule of its own with a condition that matches \
             everything, such as the path *"
                .to_owned(),
        );
    }
    forward(rule.actions())
}

/// What a rule's actions amount to.
fn forward(actions: &[Action]) -> Result<Forward, String> {
    let [action] = actions else {
        return Err("it does more than forward, and what that is cannot be written back whole".to_owned());
    };
    if action.r#type() != Some(&ActionTypeEnum::Forward) {
        return Err("it does not forward".to_owned());
    }
    let weight = |weight: Option<i32>| u32::try_from(weight.unwrap_or(1)).unwrap_or(0);
    let Some(config) = action.forward_config() else {
        let group = action.target_group_arn().ok_or("it forwards to nothing")?;
        return Ok(Forward {
            groups: vec![(group.to_owned(), 1)],
            sticky: Stickiness::default(),
        });
    };
    let groups = config
        .target_groups()
        .iter()
        .filter_map(|tuple| Some((tuple.target_group_arn()?.to_owned(), weight(tuple.weight()))));
    let sticky = config.target_group_stickiness_config();
    let sticky = sticky.map_or(Stickiness::default(), |sticky| Stickiness {
        enabled: sticky.enabled() == Some(true),
        seconds: sticky
            .duration_seconds()
            .and_then(|seconds| u32::try_from(seconds).ok()),
    });
    Ok(Forward {
        groups: groups.collect(),
        sticky,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_a_rule_is_all_that_was_read_of_it() {
        for (enabled, seconds) in [(true, Some(60)), (false, Some(3600)), (false, None)] {
            let rule = Forward {
                groups: vec![("blue".to_owned(), 1), ("green".to_owned(), 0)],
                sticky: Stickiness { enabled, seconds },
            };
            assert_eq!(forward(&[written(&rule)]), Ok(rule));
        }
    }

    #[test]
    fn the_default_rule_of_a_listener_cannot_be_weighed() {
        let wanted = Forward {
            groups: vec![("blue".to_owned(), 1)],
            sticky: Stickiness::default(),
        };
        let seen = |is_default: bool| {
            let rule = aws_sdk_elasticloadbalancingv2::types::Rule::builder();
            weighable(&rule.is_default(is_default).actions(written(&wanted)).build())
        };
        assert_eq!(seen(false), Ok(wanted.clone()));
        let said = seen(true).unwrap_err();
        assert!(
            said.contains("default rule") && said.contains("make a rule of its own"),
            "{said}"
        );
    }
}
