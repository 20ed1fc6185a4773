//! Rules of a load balancer beside those that a release weighs.

use aws_sdk_elasticloadbalancingv2::types::{Action, Listener, Rule};
use futures_util::future::try_join_all;

use super::error::read;
use super::{Aws, CallError};

/// A rule that forwards to one of the groups that were asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrayRule {
    /// Its ARN.
    pub arn: String,
    /// Where it stands, in words.
    pub place: String,
}

impl Aws {
    /// The rules that forward to one of these target groups, on any listener of the load balancers of the rules `beside`, but for those
    /// themselves. Reads: one for each balancer, and one for each of its listeners.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn stray_rules(&self, beside: &[String], groups: &[String]) -> Result<Vec<StrayRule>, CallError> {
        let mut balancers: Vec<String> = beside.iter().filter_map(|rule| balancer_of(rule)).collect();
        balancers.sort();
        balancers.dedup();
        let mut found = Vec::new();
        for balancer in &balancers {
            let listeners = self.listeners(balancer).await?;
            // All at once: whoever is about to remove something has seconds for it.
            let rules = listeners.iter().filter_map(Listener::listener_arn);
            let rules = try_join_all(rules.map(|arn| self.rules_of(arn))).await?;
            let told = listeners.iter().filter(|listener| listener.listener_arn().is_some());
            for (listener, rules) in told.zip(rules) {
                let other = |rule: &&Rule| {
                    rule.rule_arn()
                        .is_some_and(|arn| !beside.iter().any(|known| known == arn))
                };
                let strays = rules
                    .iter()
                    .filter(other)
                    .filter(|rule| leads_to(rule.actions(), groups));
                found.extend(strays.map(|rule| StrayRule {
                    arn: rule.rule_arn().unwrap_or_default().to_owned(),
                    place: standing(listener, rule),
                }));
            }
        }
        Ok(found)
    }

    async fn listeners(&self, balancer: &str) -> Result<Vec<Listener>, CallError> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .balancing
                .describe_listeners()
                .load_balancer_arn(balancer)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| read("DescribeListeners", error))?;
            marker = answer.next_marker().map(str::to_owned);
            all.extend(answer.listeners.unwrap_or_default());
            if marker.is_none() {
                return Ok(all);
            }
        }
    }

    async fn rules_of(&self, listener: &str) -> Result<Vec<Rule>, CallError> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let answer = self
                .balancing
                .describe_rules()
                .listener_arn(listener)
                .set_marker(marker)
                .send()
                .await
                .map_err(|error| read("DescribeRules", error))?;
            marker = answer.next_marker().map(str::to_owned);
            all.extend(answer.rules.unwrap_or_default());
            if marker.is_none() {
                return Ok(all);
            }
        }
    }
}

/// The load balancer of a rule, by their ARNs (source: Service Authorization Reference, Elastic Load Balancing V2, resource types).
fn balancer_of(rule: &str) -> Option<String> {
    let (before, path) = rule.split_once(":listener-rule/")?;
    let mut parts = path.split('/');
    let (kind, name, id) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{before}:loadbalancer/{kind}/{name}/{id}"))
}

fn leads_to(actions: &[Action], groups: &[String]) -> bool {
    let known = |arn: Option<&str>| arn.is_some_and(|arn| groups.iter().any(|group| group == arn));
    actions.iter().any(|action| {
        let weighted = action
            .forward_config()
            .map(|config| config.target_groups())
            .unwrap_or_default();
        known(action.target_group_arn()) || weighted.iter().any(|tuple| known(tuple.target_group_arn()))
    })
}

fn standing(listener: &Listener, rule: &Rule) -> String {
    let port = listener.port().map_or_else(|| "?".to_owned(), |port| port.to_string());
    if rule.is_default() == Some(true) {
        format!("the default rule of the listener on port {port}")
    } else {
        format!(
            "the rule of priority {} of the listener on port {port}",
            rule.priority().unwrap_or("?")
        )
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};

    use super::*;

    #[test]
    fn a_rule_tells_its_balancer() {
        let rule = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d0";
        let balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
        assert_eq!(balancer_of(rule).as_deref(), Some(balancer));
        assert_eq!(balancer_of(balancer), None);
        assert_eq!(balancer_of("arn:aws:x:listener-rule/app"), None);
    }

    #[test]
    fn both_forms_of_a_forward_lead_somewhere() {
        let groups = ["group-1".to_owned()];
        let simple = |group: &str| {
            Action::builder()
                .r#type(ActionTypeEnum::Forward)
                .target_group_arn(group)
                .build()
        };
        let weighted = |group: &str| {
            let tuple = TargetGroupTuple::builder().target_group_arn(group).weight(0).build();
            let config = ForwardActionConfig::builder().target_groups(tuple).build();
            Action::builder()
                .r#type(ActionTypeEnum::Forward)
                .forward_config(config)
                .build()
        };
        assert!(leads_to(&[simple("group-1")], &groups) && leads_to(&[weighted("group-1")], &groups));
        assert!(!leads_to(&[simple("group-2"), weighted("group-3")], &groups) && !leads_to(&[], &groups));
    }
}
