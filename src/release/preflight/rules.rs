//! What about a load balancer's rules and an environment's target groups would stop a release once green was made.

use super::super::plan::Plan;
use super::super::seen::EnvironmentSeen;
use super::{Facts, Findings, RuleSeen, SettingsSeen};
use crate::model::Known;
use crate::model::text::label_and_region;

impl Findings {
    /// Rules that will not do for this live environment, and an environment that will not do for any.
    pub(super) fn rules(&mut self, plan: &Plan, facts: &Facts, live: &EnvironmentSeen, settings: &SettingsSeen) {
        let label = format!("the live environment {} ({})", live.name, live.id);
        let groups = facts.split.known().and_then(|split| split.groups.get(&live.id));
        if let Some(several) = groups.filter(|groups| groups.len() > 1) {
            self.add(
                "target-groups",
                format!(
                    "{label} has {} target groups, of which the rules name one: green will have as many, and nobody can tell which of \
                     them is to get the traffic",
                    several.len()
                ),
                "with this lever an environment has one process; let the others be environments of their own",
            );
        }
        // Green is a copy of it, and Elastic Beanstalk chooses the priorities of its rules: green would have users before it is up.
        if !settings.own_hosts.is_empty() {
            self.unless_urgent(
                plan,
                "rule",
                format!(
                    "{label} has Elastic Beanstalk make rules for {} (`HostHeaders`): green would get the same ones, and with them users \
                     whatever the weights are",
                    settings.own_hosts.join(", ")
                ),
                "make rules of your own for these names, name them in `weighted_target_groups.rules`, and remove `HostHeaders` from the \
                 environment's `aws:elbv2:listenerrule` options",
            );
        }
        if groups.is_none() || self.unreadable("read whose the rules are", &facts.rules) {
            return;
        }
        if let Some(others) = self.beside(
            plan,
            &format!("read which rules forward to {label}"),
            &facts.other_rules,
        ) {
            self.unless_urgent(
                plan,
                "rule",
                format!(
                    "other rules forward to {label} as well, and are not weighed: {others}; what comes by them stays with the old version, \
                     and meets nobody once that is removed"
                ),
                "name them in `weighted_target_groups.rules` too, or let them forward elsewhere",
            );
        }
        for rule in facts.rules.known().into_iter().flatten() {
            let RuleSeen {
                place,
                sticky,
                made_for,
            } = rule;
            if let Some(environment) = made_for {
                self.add(
                    "rule",
                    format!("Elastic Beanstalk has made {place} for {environment}, and removes it with that environment"),
                    "make a rule of your own for the same requests, before it in priority, and name that in `weighted_target_groups.rules`",
                );
            }
            if settings.sticky_targets && !sticky {
                self.add(
                    "stickiness",
                    format!(
                        "{label} keeps clients with one instance (`StickinessEnabled`), and {place} does not keep them with their \
                         target group: AWS refuses a second group in such a rule"
                    ),
                    "enable group stickiness on the rule (`TargetGroupStickinessConfig`), or disable that of the environment",
                );
            }
        }
    }
}

/// Environments of which nobody can tell which of their target groups the rules mean, in words that go on a sentence.
pub(super) fn unclear(facts: &Facts) -> String {
    let Known::Known(split) = &facts.split else {
        return String::new();
    };
    let several = split.groups.iter().filter(|(_, groups)| groups.len() > 1);
    let told = several.map(|(environment, groups)| {
        let named = groups.iter().filter(|group| split.has_member(group)).count();
        format!(
            "; {environment} has {} target groups, and the rules name {named} of them",
            groups.len()
        )
    });
    told.collect()
}

/// What to do where the name that the live environment should hold is one of another region.
pub(super) fn elsewhere(environments: &[EnvironmentSeen], wanted: &str) -> Option<String> {
    let (label, region) = label_and_region(wanted)?;
    let seen = environments.iter().find_map(|seen| {
        let cname = seen.cname.as_deref()?;
        let (own, other) = label_and_region(cname)?;
        (own.eq_ignore_ascii_case(label) && other != region)
            .then(|| (other.to_owned(), format!("{cname} ({})", seen.name)))
    });
    let (other, seen) = seen?;
    Some(format!(
        "the region is {region}, by `region` in cutover.toml or by the environment, and there is {seen} in {other}: set `region` to {other} \
         if that is the live environment"
    ))
}
