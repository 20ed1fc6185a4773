//! Tags.

use super::super::state::Tags;
use super::super::{Balancers, Call, Reply, errors, read, result};
use crate::local::query::AwsError;

/// Resources in one call (source: `ResourceArns`).
const MOST: usize = 20;

impl Balancers {
    pub(super) fn add_tags(&mut self, call: &Call<'_>) -> Reply {
        let arns = arns(call)?;
        let new = read::tags(call.parameters)?;
        if new.is_empty() {
            return Err(errors::validation("At least one tag must be specified"));
        }
        for arn in &arns {
            let mut all = self.tags_of(arn)?.clone();
            all.extend(new.clone());
            read::check_amount(&all)?;
        }
        for arn in &arns {
            self.tags_of_mut(arn)?.extend(new.clone());
        }
        result(|_| {})
    }

    pub(super) fn remove_tags(&mut self, call: &Call<'_>) -> Reply {
        let arns = arns(call)?;
        for arn in &arns {
            self.tags_of(arn)?;
        }
        let keys = call.parameters.texts("TagKeys");
        for arn in &arns {
            self.tags_of_mut(arn)?.retain(|key, _| !keys.contains(&key.as_str()));
        }
        result(|_| {})
    }

    pub(super) fn describe_tags(&self, call: &Call<'_>) -> Reply {
        let arns = arns(call)?;
        let found = arns
            .iter()
            .map(|arn| Ok((*arn, self.tags_of(arn)?)))
            .collect::<Result<Vec<_>, AwsError>>()?;
        result(|xml| {
            xml.list("TagDescriptions", found, |xml, (arn, tags)| {
                xml.text("ResourceArn", arn);
                xml.list("Tags", tags, |xml, (key, value)| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            });
        })
    }

    fn tags_of(&self, arn: &str) -> Result<&Tags, AwsError> {
        Ok(match kind(arn)? {
            "loadbalancer" => &self.load_balancer(arn)?.tags,
            "targetgroup" => &self.target_group(arn)?.tags,
            "listener" => &self.listener(arn)?.1.tags,
            _ => &self.rule(arn)?.tags,
        })
    }

    fn tags_of_mut(&mut self, arn: &str) -> Result<&mut Tags, AwsError> {
        Ok(match kind(arn)? {
            "loadbalancer" => &mut self.load_balancer_mut(arn)?.tags,
            "targetgroup" => &mut self.target_group_mut(arn)?.tags,
            "listener" => &mut self.listener_mut(arn)?.tags,
            _ => {
                let listener = self.listener_of(arn)?;
                let rules = &mut self.listener_mut(&listener)?.rules;
                let rule = rules.iter_mut().find(|rule| rule.arn == arn);
                &mut rule.ok_or_else(errors::no_rule)?.tags
            }
        })
    }
}

/// `loadbalancer`, `targetgroup`, `listener` or `listener-rule`.
fn kind(arn: &str) -> Result<&str, AwsError> {
    let kind = arn.split(':').nth(5).and_then(|path| path.split('/').next());
    let kind = kind.filter(|kind| matches!(*kind, "loadbalancer" | "targetgroup" | "listener" | "listener-rule"));
    kind.ok_or_else(|| errors::validation(format!("'{arn}' is not a valid ARN")))
}

fn arns<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, AwsError> {
    let arns = call.parameters.texts("ResourceArns");
    if arns.is_empty() {
        return Err(errors::validation("At least one resource ARN must be specified"));
    }
    if arns.len() > MOST {
        return Err(errors::validation(format!(
            "You can specify up to {MOST} resource ARNs in one call"
        )));
    }
    Ok(arns)
}
