//! Listeners.

use super::super::routing::Action;
use super::super::state::{Listener, ListenerRule, Tags};
use super::super::{Balancers, Call, Reply, errors, read, result, write};
use super::page::{page, write_next};
use crate::local::query::{AwsError, Parameters};

/// Listeners of a load balancer (source: quotas).
const MOST: usize = 50;

impl Balancers {
    pub(super) fn create_listener(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let of = parameters.required("LoadBalancerArn")?;
        let known = self.load_balancer(of)?;
        check_protocol(parameters)?;
        let port = port(parameters)?.ok_or_else(|| errors::validation("A port must be specified"))?;
        let action = read::action(parameters, "DefaultActions")?;
        let action = action.ok_or_else(|| errors::validation("At least one default action must be specified"))?;
        let tags = read::tags(parameters)?;
        if let Some(there) = known.listeners.iter().find(|listener| listener.port == port) {
            // The same once more is no other one (source: `CreateListener`).
            if there.default_rule().is_some_and(|rule| rule.action == action) {
                return result(|xml| {
                    xml.list("Listeners", [there], |xml, listener| {
                        write::listener(xml, &known.arn, listener);
                    });
                });
            }
            return Err(errors::listener_exists(of));
        }
        if known.listeners.len() >= MOST {
            return Err(errors::quota("TooManyListeners", "listeners per load balancer", MOST));
        }
        let arn = known.arn.clone();
        self.check_action(&action, &arn)?;
        let (hash, rule_hash) = (self.hash("listener"), self.hash("rule"));
        let path = of.replacen(":loadbalancer/", ":listener/", 1);
        let listener = Listener {
            arn: format!("{path}/{hash}"),
            port,
            tags,
            rules: vec![ListenerRule {
                arn: format!(
                    "{}/{hash}/{rule_hash}",
                    path.replacen(":listener/", ":listener-rule/", 1)
                ),
                priority: None,
                conditions: Vec::new(),
                action,
                tags: Tags::new(),
            }],
        };
        let reply = result(|xml| {
            xml.list("Listeners", [&listener], |xml, listener| {
                write::listener(xml, &arn, listener);
            });
        });
        self.load_balancer_mut(of)?.listeners.push(listener);
        reply
    }

    pub(super) fn describe_listeners(&self, call: &Call<'_>) -> Reply {
        let of = call.parameters.text("LoadBalancerArn");
        let arns = call.parameters.texts("ListenerArns");
        let listeners: Vec<_> = match (of, arns.is_empty()) {
            (Some(of), true) => {
                let known = self.load_balancer(of)?;
                known.listeners.iter().map(|listener| (&known.arn, listener)).collect()
            }
            (None, false) => arns.iter().map(|arn| self.listener(arn)).collect::<Result<_, _>>()?,
            _ => {
                return Err(errors::validation(
                    "You must specify either listener ARNs or a load balancer ARN",
                ));
            }
        };
        let (found, next) = page(call, (1..).zip(&listeners))?;
        result(|xml| {
            xml.list("Listeners", found, |xml, (of, listener)| {
                write::listener(xml, of, listener);
            });
            write_next(xml, next);
        })
    }

    /// `ModifyListener`: what is not given stays; default actions are replaced as a whole.
    pub(super) fn modify_listener(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let arn = parameters.required("ListenerArn")?;
        let (of, known) = self.listener(arn)?;
        let of = of.clone();
        check_protocol(parameters)?;
        let port = port(parameters)?.unwrap_or(known.port);
        let siblings = &self.load_balancer(of.as_str())?.listeners;
        if siblings.iter().any(|other| other.port == port && other.arn != arn) {
            return Err(errors::listener_exists(of.as_str()));
        }
        let action = read::action(parameters, "DefaultActions")?;
        if let Some(action) = &action {
            self.check_action(action, &of)?;
        }
        let listener = self.listener_mut(arn)?;
        listener.port = port;
        if let Some((action, rule)) = action.zip(listener.rules.iter_mut().find(|rule| rule.priority.is_none())) {
            rule.action = action;
        }
        let listener = &*listener;
        result(|xml| {
            xml.list("Listeners", [listener], |xml, listener| {
                write::listener(xml, &of, listener);
            });
        })
    }

    /// `DeleteListener`: its rules go with it.
    pub(super) fn delete_listener(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("ListenerArn")?;
        self.listener(arn)?;
        for known in &mut self.load_balancers {
            known.listeners.retain(|listener| listener.arn != arn);
        }
        result(|_| {})
    }

    /// Checks an action against what there is. `of` is the load balancer that is to have it.
    pub(super) fn check_action(&self, action: &Action, of: &super::super::LoadBalancerArn) -> Result<(), AwsError> {
        let Action::Forward(forward) = action else {
            return Ok(());
        };
        for group in &forward.groups {
            let known = self.target_group(group.arn.as_str())?;
            if self.user_of(&known.arn).is_some_and(|user| user != of) {
                return Err(errors::association_limit(known.arn.as_str()));
            }
            let sticky = known.attribute(super::super::group::STICKINESS) == "true";
            if forward.groups.len() > 1 && sticky && !forward.stickiness.enabled {
                return Err(errors::configuration(format!(
                    "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups \
                     ({})",
                    known.arn
                )));
            }
        }
        let mut groups = self.groups_behind(of);
        groups.extend(forward.groups.iter().map(|group| group.arn.clone()));
        groups.sort();
        groups.dedup();
        if groups.len() > MOST_GROUPS {
            return Err(errors::quota(
                "TooManyUniqueTargetGroupsPerLoadBalancer",
                "target groups per load balancer",
                MOST_GROUPS,
            ));
        }
        Ok(())
    }
}

/// Target groups of a load balancer (source: quotas).
const MOST_GROUPS: usize = 100;

fn port(parameters: &Parameters) -> Result<Option<u16>, AwsError> {
    let port = parameters.number("Port", 1..=65_535)?;
    Ok(port.and_then(|port| u16::try_from(port).ok()))
}

fn check_protocol(parameters: &Parameters) -> Result<(), AwsError> {
    match parameters.text("Protocol") {
        None | Some("HTTP") => Ok(()),
        Some("HTTPS") => Err(errors::not_implemented("listeners for HTTPS")),
        Some(other) => Err(AwsError::new(
            "UnsupportedProtocol",
            format!("The protocol '{other}' is not supported by Application Load Balancers"),
        )),
    }
}
