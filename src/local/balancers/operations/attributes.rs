//! Attributes of target groups and load balancers.

use std::collections::BTreeMap;

use super::super::group::{self, STICKINESS};
use super::super::routing::Action;
use super::super::{Balancers, Call, Reply, TargetGroupArn, errors, result, state};
use crate::local::query::AwsError;

impl Balancers {
    pub(super) fn describe_target_group_attributes(&self, call: &Call<'_>) -> Reply {
        let group = self.target_group(call.parameters.required("TargetGroupArn")?)?;
        write(&group.attributes)
    }

    pub(super) fn modify_target_group_attributes(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("TargetGroupArn")?;
        let mut attributes = self.target_group(arn)?.attributes.clone();
        for (key, value) in given(call)? {
            let known = group::ATTRIBUTES.iter().find(|(known, ..)| *known == key);
            let (_, _, takes) = known.ok_or_else(|| unknown(&key, "target group"))?;
            if !takes.accepts(&value) {
                return Err(invalid(&key, &value));
            }
            attributes.insert(key, value);
        }
        let sticky = attributes.get(STICKINESS).is_some_and(|enabled| enabled == "true");
        if sticky && self.shares_without_stickiness(&TargetGroupArn::new(arn)) {
            return Err(errors::group_stickiness_first(arn));
        }
        let group = self.target_group_mut(arn)?;
        group.attributes = attributes;
        write(&group.attributes)
    }

    /// Whether a group is one of several in a forward action without group stickiness.
    fn shares_without_stickiness(&self, arn: &TargetGroupArn) -> bool {
        let mut actions = self.load_balancers.iter().flat_map(|known| known.actions());
        actions.any(|action| match action {
            Action::Forward(forward) => forward.groups.len() > 1 && !forward.stickiness.enabled && forward.has(arn),
            Action::FixedResponse(_) | Action::Redirect(_) => false,
        })
    }

    pub(super) fn describe_load_balancer_attributes(&self, call: &Call<'_>) -> Reply {
        let known = self.load_balancer(call.parameters.required("LoadBalancerArn")?)?;
        write(&known.attributes)
    }

    pub(super) fn modify_load_balancer_attributes(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("LoadBalancerArn")?;
        let mut attributes = self.load_balancer(arn)?.attributes.clone();
        for (key, value) in given(call)? {
            let takes = state::takes(&key).ok_or_else(|| unknown(&key, "load balancer"))?;
            if !takes.accepts(&value) {
                return Err(invalid(&key, &value));
            }
            attributes.insert(key, value);
        }
        let known = self.load_balancer_mut(arn)?;
        known.attributes = attributes;
        write(&known.attributes)
    }
}

fn given(call: &Call<'_>) -> Result<Vec<(String, String)>, AwsError> {
    let attributes = call.parameters.list("Attributes");
    if attributes.is_empty() {
        return Err(errors::validation("At least one attribute must be specified"));
    }
    attributes
        .into_iter()
        .map(|attribute| {
            let key = attribute.required("Key")?.to_owned();
            Ok((key, attribute.raw("Value").unwrap_or_default().to_owned()))
        })
        .collect()
}

fn unknown(key: &str, of: &str) -> AwsError {
    errors::validation(format!("{of} attribute key '{key}' is not recognized"))
}

fn invalid(key: &str, value: &str) -> AwsError {
    errors::configuration(format!("'{value}' is not a valid value for the attribute '{key}'"))
}

fn write(attributes: &BTreeMap<String, String>) -> Reply {
    result(|xml| {
        xml.list("Attributes", attributes, |xml, (key, value)| {
            xml.text("Key", key);
            xml.text("Value", value);
        });
    })
}
