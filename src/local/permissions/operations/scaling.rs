//! Auto Scaling.

use super::super::asked::{Asked, Context, Query, Target};

/// The API version, by which its calls are told from others of the query protocol.
pub(super) const VERSION: &str = "2011-01-01";

pub(super) fn asked(query: &Query<'_>) -> Vec<Asked> {
    let action = format!("autoscaling:{}", query.action);
    match query.action {
        "TerminateInstanceInAutoScalingGroup" => {
            let group = query.text("InstanceId").and_then(|id| query.inventory.group(id));
            vec![Asked {
                action,
                target: group.map_or(Target::Nothing, Target::Resource),
                context: Context::default(),
            }]
        }
        // What describes knows no resource.
        _ => vec![Asked::of(action, "*")],
    }
}
