//! Two environments change CNAMEs.

use super::super::Account;
use super::super::state::{BalancerKind, Severity, Work};
use crate::model::{EnvironmentId, Timestamp};

impl Account {
    /// Lets the CNAMEs change places once it is time. Both move in the same step, and nothing else moves.
    pub(super) fn advance_swap(&mut self, id: &EnvironmentId, now: Timestamp) {
        let Some(source) = self.environments.get(id) else {
            return;
        };
        let Some(Work::Swap { other, leads }) = &source.work else {
            return;
        };
        if !self.is_swap_on(id, other) {
            // The other one is being removed with its application: this one keeps its name.
            if let Some(environment) = self.environments.get_mut(id) {
                environment.rest(now);
            }
            return;
        }
        if !leads {
            return;
        }
        if now.since(source.work_since) < self.settings.timing.swap {
            return;
        }
        let other = other.clone();
        let Some(destination) = self.environments.get(&other) else {
            return;
        };
        let (source_name, source_given) = (source.cname.clone(), source.cname_given);
        let (destination_name, destination_given) = (destination.cname.clone(), destination.cname_given);
        let points = |cname: &str, kind: BalancerKind, address: &str| match kind {
            BalancerKind::SingleInstance => format!("'{cname}' now points to '{address}'."),
            _ => format!("'{cname}' now points to '{}'.", address.to_ascii_lowercase()),
        };
        let messages = [
            points(&destination_name, source.balancer.kind, &source.balancer.address),
            points(&source_name, destination.balancer.kind, &destination.balancer.address),
            format!(
                "Completed swapping CNAMEs for environments '{}' and '{}'.",
                source.name, destination.name
            ),
        ];
        for (id, cname, given) in [
            (id, destination_name, destination_given),
            (&other, source_name, source_given),
        ] {
            let Some(environment) = self.environments.get_mut(id) else {
                continue;
            };
            environment.cname = cname;
            environment.cname_given = given;
            environment.rest(now);
        }
        self.say_to_both([id, &other], &messages, now);
        self.judge(id, now);
        self.judge(&other, now);
    }

    /// Whether both environments of a swap are still at it.
    pub(crate) fn is_swap_on(&self, id: &EnvironmentId, other: &EnvironmentId) -> bool {
        let partner = self.environments.get(other);
        partner.is_some_and(|partner| partner.swaps_with() == Some(id))
    }

    /// Tells both environments of a swap what happened.
    pub(crate) fn say_to_both(&mut self, ids: [&EnvironmentId; 2], messages: &[String], now: Timestamp) {
        for message in messages {
            for id in ids {
                if let Some(environment) = self.environments.get(id) {
                    environment.tell(&mut self.events, now, Severity::Info, message.clone());
                }
            }
        }
    }
}
