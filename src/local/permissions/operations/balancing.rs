//! Elastic Load Balancing.

use super::super::asked::{Asked, Query};

pub(super) fn asked(query: &Query<'_>) -> Vec<Asked> {
    let action = format!("elasticloadbalancing:{}", query.action);
    let arn = |name: &str| vec![query.text(name).unwrap_or("*").to_owned()];
    let new = |kind: &str| {
        let name = query.text("Name").unwrap_or("*");
        vec![query.place.arn("elasticloadbalancing", &format!("{kind}/{name}/*"))]
    };
    let resources = match query.action {
        "CreateLoadBalancer" => new("loadbalancer/app"),
        "CreateTargetGroup" => new("targetgroup"),
        "CreateListener" | "DeleteLoadBalancer" | "ModifyLoadBalancerAttributes" => arn("LoadBalancerArn"),
        "CreateRule" | "DeleteListener" | "ModifyListener" => arn("ListenerArn"),
        "DeleteRule" | "ModifyRule" => arn("RuleArn"),
        "DeleteTargetGroup" | "ModifyTargetGroup" | "ModifyTargetGroupAttributes" => arn("TargetGroupArn"),
        "SetRulePriorities" => {
            let rules = query.parameters.list("RulePriorities").into_iter();
            rules
                .filter_map(|rule| rule.text("RuleArn").map(str::to_owned))
                .collect()
        }
        "AddTags" | "RemoveTags" => query.texts("ResourceArns").into_iter().map(str::to_owned).collect(),
        // What describes knows no resource.
        _ => vec!["*".to_owned()],
    };
    resources
        .into_iter()
        .map(|resource| Asked::of(action.clone(), resource))
        .collect()
}
