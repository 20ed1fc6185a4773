//! Rules of a shared load balancer: which target group is whose, how many of its targets are healthy, and other weights for all
//! rules together.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::World;
use super::not_made::{not_now, refused, unread};
use super::read::bounded;
use super::weights::expected;
use crate::aws::{CallError, InTime};
use crate::model::Known;
use crate::release::CallResult;
use crate::traffic::{
    GreenGroup, Group, Hosts, NotReweighed, Originals, Split, Weighting, forwarded, meant, names, place, reweighed,
};

/// Whether it matters how many targets are healthy: to a step forward alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    Counted,
    Uncounted,
}

/// How long that may take for each environment: the weights, which are known already, must not wait for it.
const TARGETS: Duration = Duration::from_secs(5);

impl World {
    /// How rules share out the traffic among these environments, and, where that is wanted, how many of their targets are healthy.
    /// Reads.
    pub(super) async fn forwards(
        &self,
        arns: &[String],
        environments: &[Hosts],
        targets: Targets,
    ) -> Result<Split, CallError> {
        let rules = self.aws.rules(arns);
        let found = async {
            let mut found = BTreeMap::new();
            for hosts in environments {
                found.insert(hosts.environment.clone(), self.groups_of(hosts).await?);
            }
            Ok(found)
        };
        let (rules, found) = tokio::join!(rules, found);
        let (rules, found) = (rules?, found?);
        let mut groups: Vec<Group> = found
            .iter()
            .filter_map(|(environment, groups)| {
                Some(Group {
                    environment: environment.clone(),
                    arn: meant(groups, &rules)?.to_owned(),
                    healthy: None,
                })
            })
            .collect();
        let mut unread = Vec::new();
        for group in &mut groups {
            if targets == Targets::Counted && names(&rules, &group.arn) {
                let healthy = bounded(TARGETS, self.aws.healthy_targets(&group.arn)).await;
                if let Known::Unknown(why) = &healthy {
                    let environment = &group.environment;
                    unread.push(format!(
                        "how many targets of {environment} are healthy could not be read: {why}"
                    ));
                }
                // Where nobody can say so, none counts as healthy: a step waits for that.
                group.healthy = Some(healthy.known().copied().unwrap_or(0));
            }
        }
        let mut split = forwarded(&rules, &groups);
        split.notes.extend(unread);
        split.groups = found;
        Ok(split)
    }

    /// The ARNs of an environment's target groups: the one on record, which needs no service to answer, or what there is. One that
    /// is gone has none.
    pub(super) async fn groups_of(&self, hosts: &Hosts) -> Result<Vec<String>, CallError> {
        if let Some(recorded) = &hosts.group {
            return Ok(vec![recorded.clone()]);
        }
        let known = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&hosts.environment) {
            return Ok(vec![known.clone()]);
        }
        let found = match self.aws.target_groups(&hosts.environment).await {
            Err(error) if error.message.contains("No Environment found") => Vec::new(),
            found => found?,
        };
        // It does not change while the environment lives.
        if let [only] = found.as_slice() {
            known().insert(hosts.environment.clone(), only.clone());
        }
        Ok(found)
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
        let blue_groups = world.groups_of(self.blue).await.map_err(unread)?;
        let green_groups = match self.green {
            Some(green) if weighting != Weighting::Original => vec![on_record(green)?],
            Some(green) => world.groups_of(green).await.map_err(unread)?,
            None => Vec::new(),
        };
        let rules = world.aws.rules(self.arns).await.map_err(unread)?;
        expected(before, &forwarded(&rules, &[]))?;
        let blue = meant(&blue_groups, &rules).ok_or_else(|| unnamed(self.blue, blue_groups.len()))?;
        let green = match (self.green, meant(&green_groups, &rules)) {
            (None, _) => GreenGroup::None,
            (Some(_), None) => GreenGroup::Unknown,
            (Some(_), Some(group)) => GreenGroup::Is(group),
        };
        let (mut written, mut kept) = (0, None);
        for rule in &rules {
            let wanted = match reweighed(rule, weighting, self.originals, blue, green) {
                Ok(wanted) => wanted,
                // What somebody has removed or made into something else keeps no other rule from going back.
                Err(NotReweighed::Unfit) if weighting == Weighting::Original => continue,
                Err(NotReweighed::Unfit) => {
                    return Err(refused(format!("not made: {} cannot be weighed", place(&rule.arn))));
                }
                Err(NotReweighed::MayBeGreen(group)) => {
                    kept = Some(format!(
                        "not made: {group} has a weight in {} and may be green's target group, which nobody can name any more; with \
                         blue's first weight its share would grow: take it out of the rule by hand",
                        place(&rule.arn)
                    ));
                    continue;
                }
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
        match kept {
            Some(why) => Err(partly(written, not_now(why))),
            None => Ok(None),
        }
    }
}

/// What gets traffic can be named on the way back, whoever answers then.
fn on_record(green: &Hosts) -> Result<String, CallResult> {
    green.group.clone().ok_or_else(|| {
        not_now(format!(
            "not made: the journal does not say which target group is that of {}: it has none that can be told, or several",
            green.environment
        ))
    })
}

fn unnamed(hosts: &Hosts, amount: usize) -> CallResult {
    refused(format!(
        "not made: {} has {amount} target groups, and the rules do not name exactly one of them, so nobody can tell which is to get \
         the traffic",
        hosts.environment
    ))
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
