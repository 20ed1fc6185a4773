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
        let rules: &[RuleSeen] = facts.rules.known().map_or(&[], Vec::as_slice);
        self.public_host(plan, rules);
        for rule in rules {
            let RuleSeen {
                place,
                sticky,
                made_for,
                ..
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

    /// Whether the checks through the public name can come by one of the rules. Where it stands for something that asks by another name, such
    /// as a distribution, nobody can tell from here.
    fn public_host(&mut self, plan: &Plan, rules: &[RuleSeen]) {
        let url = plan
            .public_url
            .split_once("://")
            .map_or(plan.public_url.as_str(), |(_, rest)| rest);
        let host = url.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
        let reached = |rule: &RuleSeen| rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| fits(pattern, &host));
        if rules.is_empty() || rules.iter().any(reached) {
            return;
        }
        let mut hosts: Vec<&str> = rules.iter().flat_map(|rule| &rule.hosts).map(String::as_str).collect();
        hosts.dedup();
        self.notes.push(format!(
            "none of the rules is for {host}, the name in {}, by which green with traffic is checked: they are for {}. Unless something in \
             between asks by one of these, the checks are answered by somebody else",
            plan.public_url,
            hosts.join(", ")
        ));
    }
}

/// Whether a host is one of those that a pattern stands for: `*` for any characters, `?` for one (source: host conditions of
/// Application Load Balancers).
fn fits(pattern: &str, host: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return host.is_empty();
    };
    let (rest, mut letters) = (&pattern[first.len_utf8()..], host.chars());
    match first {
        '*' => (0..=host.len()).any(|place| host.is_char_boundary(place) && fits(rest, &host[place..])),
        '?' => letters.next().is_some() && fits(rest, letters.as_str()),
        _ => letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&first)) && fits(rest, letters.as_str()),
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
