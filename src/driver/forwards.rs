//! Rules of a shared load balancer: which target group is whose, how many of its targets are healthy, and other weights for all
//! rules together.

use std::sync::PoisonError;

use super::World;
use super::perform::{not_now, refused, unread};
use super::weights::expected;
use crate::aws::{CallError, InTime};
use crate::model::EnvironmentId;
use crate::release::CallResult;
use crate::traffic::{Group, Hosts, Originals, Split, Weighting, forwarded, place, reweighed};

impl World {
    /// How rules share out the traffic among these environments. Reads.
    pub(super) async fn forwards(&self, arns: &[String], environments: &[Hosts]) -> Result<Split, CallError> {
        let rules = self.aws.rules(arns);
        let groups = async {
            let mut groups = Vec::new();
            for hosts in environments {
                // One that is gone has none.
                match self.group(&hosts.environment).await {
                    Ok(Some(arn)) => groups.push(Group {
                        environment: hosts.environment.clone(),
                        arn,
                        healthy: None,
                    }),
                    Ok(None) => {}
                    Err(error) if error.message.contains("No Environment found") => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(groups)
        };
        let (rules, groups) = tokio::join!(rules, groups);
        let (rules, mut groups) = (rules?, groups?);
        let mut unread = Vec::new();
        for group in &mut groups {
            let named = rules
                .iter()
                .filter_map(|rule| rule.forward.as_ref().ok())
                .any(|forward| forward.groups.iter().any(|(arn, _)| *arn == group.arn));
            if named {
                let healthy = self.aws.healthy_targets(&group.arn).await;
                if let Err(error) = &healthy {
                    let environment = &group.environment;
                    unread.push(format!(
                        "how many targets of {environment} are healthy could not be read: {error}"
                    ));
                }
                // Where nobody can say so, none counts as healthy: a step waits for that, and the way back does not ask.
                group.healthy = Some(healthy.unwrap_or(0));
            }
        }
        let mut split = forwarded(&rules, &groups);
        split.notes.extend(unread);
        Ok(split)
    }

    /// The ARN of an environment's target group; `None` if it has not exactly one. It does not change while the environment lives.
    pub(super) async fn group(&self, environment: &EnvironmentId) -> Result<Option<String>, CallError> {
        let known = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(environment) {
            return Ok(Some(known.clone()));
        }
        let found = self.aws.target_groups(environment).await?;
        let [only] = found.as_slice() else { return Ok(None) };
        known().insert(environment.clone(), only.clone());
        Ok(Some(only.clone()))
    }
}

/// Rules that change together.
pub(super) struct Forwards<'a> {
    pub(super) world: &'a World,
    pub(super) arns: &'a [String],
    /// Blue's weights at first.
    pub(super) originals: &'a Originals,
    pub(super) blue: &'a Hosts,
    pub(super) green: Option<&'a Hosts>,
}

impl Forwards<'_> {
    /// Writes the weights into every rule that has others, if all are as they were seen before.
    pub(super) async fn weigh(
        &self,
        weighting: Weighting,
        before: &str,
        (in_time, sent_by): (&impl Fn() -> Result<(), CallResult>, &InTime),
    ) -> Result<Option<String>, CallResult> {
        let world = self.world;
        let blue = self.target(self.blue).await?;
        let green = match self.green {
            Some(green) if weighting.weights(1).1.is_some() => Some(self.target(green).await?),
            // On the way back one that has none any more is no hindrance.
            Some(green) => world.group(&green.environment).await.unwrap_or_default(),
            None => None,
        };
        let rules = world.aws.rules(self.arns).await.map_err(unread)?;
        expected(before, &forwarded(&rules, &[]))?;
        let mut written = 0;
        for rule in &rules {
            let Some(wanted) = reweighed(rule, weighting, self.originals, &blue, green.as_deref()) else {
                // What somebody has removed or made into something else keeps no other rule from going back.
                if weighting == Weighting::Original {
                    continue;
                }
                return Err(refused(format!("not made: {} cannot be weighed", place(&rule.arn))));
            };
            if rule.forward.as_ref() == Ok(&wanted) {
                continue;
            }
            if written > 0 {
                // The look at all of them is a while ago by now.
                let again = world.aws.rules(std::slice::from_ref(&rule.arn)).await;
                let again = again.map_err(|error| partly(written, unread(error)))?;
                if again.first() != Some(rule) {
                    let changed = format!("{} has changed in this moment", place(&rule.arn));
                    return Err(partly(written, not_now(changed)));
                }
            }
            in_time().map_err(|late| partly(written, late))?;
            let done = world.aws.set_forward(&rule.arn, &wanted, sent_by).await;
            done.map_err(|error| partly(written, CallResult::from(error)))?;
            written += 1;
        }
        Ok(None)
    }

    async fn target(&self, hosts: &Hosts) -> Result<String, CallResult> {
        let id = &hosts.environment;
        let found = self.world.group(id).await.map_err(unread)?;
        found.ok_or_else(|| {
            refused(format!(
                "not made: {id} does not have exactly one target group, so nobody can tell which is to get the traffic"
            ))
        })
    }
}

/// When some rules are written and others are not, a read must say what is.
fn partly(written: usize, result: CallResult) -> CallResult {
    match result {
        CallResult::Refused { message, .. } if written > 0 => CallResult::Unknown {
            message: format!("after {written} of the rules: {message}"),
        },
        result => result,
    }
}
