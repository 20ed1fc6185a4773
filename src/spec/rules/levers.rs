//! Rules for levers and their steps.

use super::{Findings, checks, times};
use crate::model::Share;
use crate::model::region::without_domain;
use crate::spec::document::Place;
use crate::spec::{Lever, Preset, Spec, Steps};

/// More steps than that would take days.
const MOST_STEPS: usize = 50;

/// The longest list of rules that still changes within seconds.
const MOST_RULES: usize = 20;

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    if !findings.intact(&[&Place::of(&["lever"])]) {
        return;
    }
    settings_of_other_levers(spec, findings);
    match spec.lever {
        Lever::CnameSwap => {}
        Lever::WeightedDns => weighted_dns(spec, findings),
        Lever::WeightedTargetGroups => weighted_target_groups(spec, findings),
    }
    steps(spec, findings);
    drill(spec, findings);
}

/// A drill whose green gets no traffic proves nothing.
fn drill(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["drill", "max_share"]);
    if let Some(why) = spec.drill.max_share.and_then(|share| spec.lever.cannot_give(share)) {
        findings.add(&place, format!("`{place}` {why}"), "make it larger");
    }
}

/// What another lever would use is a mistake, not a reserve.
fn settings_of_other_levers(spec: &Spec, findings: &mut Findings<'_>) {
    for (table, lever) in [
        ("weighted_dns", Lever::WeightedDns),
        ("weighted_target_groups", Lever::WeightedTargetGroups),
    ] {
        let place = Place::of(&[table]);
        if spec.lever != lever && findings.document.get(&place).is_some() {
            findings.add(
                &place,
                format!(
                    "`{table}` is for the lever `{lever}`, and this slot's is `{}`",
                    spec.lever
                ),
                format!("set `lever = \"{lever}\"`, or leave it out"),
            );
        }
    }
}

fn weighted_dns(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["weighted_dns", "name"]);
    if spec.weighted_dns.name.is_none() && spec.public_url.is_none() {
        findings.add(
            &Place::of(&["lever"]),
            "the lever `weighted-dns` needs the name that users ask for",
            "set `public_url`, or `weighted_dns.name`",
        );
        return;
    }
    let name = spec.traffic_name(None);
    let label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    let place = if spec.weighted_dns.name.is_some() {
        place
    } else {
        Place::of(&["public_url"])
    };
    if name.len() > 240 || !name.contains('.') || !name.split('.').all(label) {
        findings.add(
            &place,
            format!("{name:?} is no name that can have records of its own"),
            "write it as in \"www.example.com\"",
        );
    } else if without_domain(&name).is_some() {
        findings.add(
            &place,
            format!("{name} is a name of Elastic Beanstalk's, whose records are not yours"),
            "name the one in your own hosted zone: set `weighted_dns.name`",
        );
    }
    let zone = spec.weighted_dns.zone.as_deref();
    if zone.is_some_and(|zone| zone.is_empty() || !zone.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        findings.add(
            &Place::of(&["weighted_dns", "zone"]),
            "`weighted_dns.zone` is not the id of a hosted zone",
            "it looks like \"Z1FRNW7UH4DEZJ\"; left out, the zone is looked up",
        );
    }
}

fn weighted_target_groups(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["weighted_target_groups", "rules"]);
    let rules = &spec.weighted_target_groups.rules;
    if spec.public_url.is_none() {
        findings.add(
            &Place::of(&["lever"]),
            "the lever `weighted-target-groups` needs `public_url`: the name whose requests the rules forward",
            "set it, as in \"https://www.example.com\"",
        );
    }
    if rules.is_empty() && !findings.lost_element(&place) {
        findings.add(
            &place,
            "the lever `weighted-target-groups` needs the rules that carry the traffic",
            "set `weighted_target_groups.rules` to their ARNs: `aws elbv2 describe-rules --listener-arn …` lists them. \
             They are rules of your own: those that Elastic Beanstalk has made go with their environment",
        );
    } else if rules.len() > MOST_RULES {
        findings.add(
            &place,
            format!("{} rules cannot change together", rules.len()),
            format!("name at most {MOST_RULES}"),
        );
    }
    for (index, rule) in rules.iter().enumerate() {
        let place = place.index(index);
        let is_rule = rule.starts_with("arn:") && rule.contains(":listener-rule/app/");
        if !is_rule {
            findings.add(
                &place,
                format!("`{place}` is not the ARN of a rule of an Application Load Balancer"),
                "it looks like \"arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shared/…\"",
            );
        } else if rules[..index].contains(rule) {
            findings.add(&place, format!("`{place}` is named twice"), "leave one of them out");
        }
    }
}

fn steps(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["steps"]);
    let Some(steps) = &spec.steps else { return };
    if !spec.lever.is_gradual() {
        if *steps != Steps::Preset(Preset::AllAtOnce) {
            findings.add(
                &place,
                "a CNAME swap moves all traffic at once: it has no steps",
                "leave `steps` out, or use the lever `weighted-dns` or `weighted-target-groups`",
            );
        }
        return;
    }
    let Steps::List(list) = steps else { return };
    if list.is_empty() && !findings.lost_element(&place) {
        findings.add(&place, "`steps` is empty", "leave it out, or write \"all-at-once\"");
    } else if list.len() > MOST_STEPS {
        findings.add(
            &place,
            format!("{} steps are too many", list.len()),
            format!("{MOST_STEPS} will do"),
        );
    }
    let mut before: Option<Share> = None;
    for (index, step) in list.iter().enumerate() {
        let place = place.index(index);
        let share = place.key("share");
        if before.is_some_and(|before| step.share <= before) {
            findings.add(
                &share,
                format!("`{share}` ({}) is not more than the step before", step.share),
                "each step gives green more",
            );
        }
        before = Some(step.share);
        if let Some(why) = spec.lever.cannot_give(step.share) {
            findings.add(&share, format!("`{share}` {why}"), "make it larger");
        }
        if let Some(bake) = step.bake {
            let place = place.key("bake");
            times::length(&place, bake, false, findings);
            if spec.bake.interval > bake && findings.intact(&[&place]) {
                findings.add(
                    &place,
                    format!(
                        "`bake.interval` ({}) must not be longer than `{place}` ({bake})",
                        spec.bake.interval
                    ),
                    "set both; what the file does not say has a default",
                );
            }
        }
        for (number, check) in step.checks.iter().enumerate() {
            checks::one(check, &place.key("checks").index(number), findings);
        }
    }
}
