//! Rules of listeners.

use super::super::state::{Listener, ListenerRule, LoadBalancer};
use super::super::{Balancers, Call, Reply, errors, read, result, write};
use super::page::{page, write_next};
use crate::local::query::{AwsError, Parameters};

/// Rules of a load balancer, default rules not counted (source: quotas).
const MOST: usize = 100;
/// The highest number that a priority may be.
const LAST_PRIORITY: u32 = 50_000;

impl Balancers {
    pub(super) fn create_rule(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let of = parameters.required("ListenerArn")?;
        let (load_balancer, listener) = self.listener(of)?;
        let load_balancer = load_balancer.clone();
        let priority = priority(parameters)?.ok_or_else(|| errors::validation("A priority must be specified"))?;
        let conditions = read::conditions(parameters)?;
        let conditions = conditions.ok_or_else(|| errors::validation("A condition must be specified"))?;
        let action = read::action(parameters, "Actions")?;
        let action = action.ok_or_else(|| errors::validation("An action must be specified"))?;
        let tags = read::tags(parameters)?;
        if listener.rules.iter().any(|rule| rule.priority == Some(priority)) {
            return Err(errors::priority_in_use(priority));
        }
        check_room(self.load_balancer(load_balancer.as_str())?)?;
        self.check_action(&action, &load_balancer)?;
        let hash = self.hash("rule");
        let rule = ListenerRule {
            arn: format!("{}/{hash}", of.replacen(":listener/", ":listener-rule/", 1)),
            priority: Some(priority),
            conditions,
            action,
            tags,
        };
        let reply = result(|xml| xml.list("Rules", [&rule], write::rule));
        let listener = self.listener_mut(of)?;
        listener.rules.push(rule);
        listener.sort();
        reply
    }

    pub(super) fn describe_rules(&self, call: &Call<'_>) -> Reply {
        let of = call.parameters.text("ListenerArn");
        let arns = call.parameters.texts("RuleArns");
        let rules: Vec<&ListenerRule> = match (of, arns.is_empty()) {
            (Some(of), true) => self.listener(of)?.1.rules.iter().collect(),
            (None, false) => arns.iter().map(|arn| self.rule(arn)).collect::<Result<_, _>>()?,
            _ => {
                return Err(errors::validation("You must specify either listener ARNs or rule ARNs"));
            }
        };
        let (found, next) = page(call, (1..).zip(rules))?;
        result(|xml| {
            xml.list("Rules", found, write::rule);
            write_next(xml, next);
        })
    }

    /// `ModifyRule`: what is not given stays; conditions and actions are replaced as whole lists.
    pub(super) fn modify_rule(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("RuleArn")?;
        let listener = self.listener_of(arn)?;
        let (load_balancer, _) = self.listener(&listener)?;
        let load_balancer = load_balancer.clone();
        if self.rule(arn)?.priority.is_none() {
            return Err(errors::not_permitted(
                "Default rules cannot be modified; use ModifyListener instead",
            ));
        }
        let conditions = read::conditions(call.parameters)?;
        let action = read::action(call.parameters, "Actions")?;
        if let Some(action) = &action {
            self.check_action(action, &load_balancer)?;
        }
        let rules = &mut self.listener_mut(&listener)?.rules;
        let rule = rules
            .iter_mut()
            .find(|rule| rule.arn == arn)
            .ok_or_else(errors::no_rule)?;
        if let Some(conditions) = conditions {
            rule.conditions = conditions;
        }
        if let Some(action) = action {
            rule.action = action;
        }
        let rule = &*rule;
        result(|xml| xml.list("Rules", [rule], write::rule))
    }

    pub(super) fn delete_rule(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("RuleArn")?;
        let listener = self.listener_of(arn)?;
        if self.rule(arn)?.priority.is_none() {
            return Err(errors::not_permitted(format!("Default rule '{arn}' cannot be deleted")));
        }
        self.listener_mut(&listener)?.rules.retain(|rule| rule.arn != arn);
        result(|_| {})
    }

    /// `SetRulePriorities`: all of them in one step, so that rules can change places.
    pub(super) fn set_rule_priorities(&mut self, call: &Call<'_>) -> Reply {
        let mut wanted: Vec<(String, u32)> = Vec::new();
        for pair in call.parameters.list("RulePriorities") {
            let arn = pair.required("RuleArn")?;
            let priority = priority(pair)?.ok_or_else(|| errors::validation("A priority must be specified"))?;
            if self.rule(arn)?.priority.is_none() {
                return Err(errors::not_permitted(
                    "Default rules cannot have their priority changed",
                ));
            }
            if wanted.iter().any(|(known, _)| known == arn) {
                return Err(errors::validation(format!(
                    "The rule '{arn}' is specified more than once"
                )));
            }
            wanted.push((arn.to_owned(), priority));
        }
        let Some((first, _)) = wanted.first() else {
            return Err(errors::validation("At least one rule priority must be specified"));
        };
        let listener = self.listener_of(first)?;
        for (arn, _) in &wanted {
            if self.listener_of(arn)? != listener {
                return Err(errors::validation("The rules must belong to the same listener"));
            }
        }
        let mut changed = self.listener(&listener)?.1.clone();
        for (arn, priority) in &wanted {
            if let Some(rule) = changed.rules.iter_mut().find(|rule| rule.arn == *arn) {
                rule.priority = Some(*priority);
            }
        }
        changed.sort();
        let taken = changed
            .rules
            .windows(2)
            .find(|pair| pair[0].priority == pair[1].priority);
        if let Some(priority) = taken.and_then(|pair| pair[0].priority) {
            return Err(errors::priority_in_use(priority));
        }
        *self.listener_mut(&listener)? = changed;
        let rules = wanted
            .iter()
            .map(|(arn, _)| self.rule(arn))
            .collect::<Result<Vec<_>, _>>()?;
        result(|xml| xml.list("Rules", rules, write::rule))
    }

    pub(super) fn rule(&self, arn: &str) -> Result<&ListenerRule, AwsError> {
        let listeners = self.load_balancers.iter().flat_map(|known| &known.listeners);
        let mut rules = listeners.flat_map(|listener| &listener.rules);
        rules
            .find(|rule| rule.arn == arn)
            .ok_or_else(|| errors::absent(arn, &self.settings.region, errors::RULE, errors::no_rule()))
    }
}

/// A load balancer has so many rules and no more.
pub(in super::super) fn check_room(load_balancer: &LoadBalancer) -> Result<(), AwsError> {
    let rules = load_balancer.listeners.iter().flat_map(|listener| &listener.rules);
    if rules.filter(|rule| rule.priority.is_some()).count() >= MOST {
        return Err(errors::quota("TooManyRules", "rules per load balancer", MOST));
    }
    Ok(())
}

/// The priority behind all others, or, where the last one is taken, the last that is free.
pub(in super::super) fn free_priority(listener: &Listener) -> Result<u32, AwsError> {
    let taken = |priority: u32| listener.rules.iter().any(|rule| rule.priority == Some(priority));
    let highest = listener.rules.iter().filter_map(|rule| rule.priority).max();
    let next = highest.unwrap_or(0) + 1;
    if next <= LAST_PRIORITY {
        return Ok(next);
    }
    (1..=LAST_PRIORITY)
        .rev()
        .find(|priority| !taken(*priority))
        .ok_or_else(|| errors::quota("TooManyRules", "rules per load balancer", MOST))
}

fn priority(parameters: &Parameters) -> Result<Option<u32>, AwsError> {
    let Some(text) = parameters.text("Priority") else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number| (1..=LAST_PRIORITY).contains(number));
    let wrong = || errors::validation(format!("Rule priority must be between 1 and {LAST_PRIORITY}"));
    number.ok_or_else(wrong).map(Some)
}
