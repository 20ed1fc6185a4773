//! Target groups: whose is whose stands in the journal, and what about rules and groups is in the way of a release.

use super::plan::gradual;
use super::run::{GREEN, Run};
use super::world::BLUE;
use crate::model::Known;
use crate::release::preflight::{Facts, Problem, RuleSeen, judge};
use crate::release::{Action, Event, looks};
use crate::spec::Lever;

fn run() -> Run {
    Run::of(gradual(Lever::WeightedTargetGroups), 1)
}

#[test]
fn green_s_target_group_is_on_record_before_the_first_rule_names_it() {
    let run = run().finish();
    let mut groups = run.entries.iter().filter_map(|entry| match &entry.event {
        Event::Intended {
            action: Action::Weigh { green_group, .. },
        } => Some(green_group.as_deref()),
        _ => None,
    });
    assert_eq!(groups.next(), Some(Some(GREEN)));
    let group = run.release.green.as_ref().and_then(|green| green.group.as_deref());
    assert_eq!(group, Some(GREEN));
    let group = run.release.blue.as_ref().and_then(|blue| blue.group.as_deref());
    assert_eq!(group, Some(BLUE), "preflight knows blue's");
}

#[test]
fn a_journal_without_target_groups_is_read() {
    let old = r#"{"action":"weigh","weighting":"attached","before":"1"}"#;
    let action: Action = serde_json::from_str(old).unwrap();
    assert!(matches!(&action, Action::Weigh { green_group: None, .. }));
    assert_eq!(
        serde_json::to_value(&action).unwrap(),
        serde_json::from_str::<serde_json::Value>(old).unwrap()
    );
}

/// The problems that preflight finds after a change of what it has looked at.
fn problems(change: impl Fn(&mut Facts)) -> Vec<Problem> {
    problems_of(run(), change)
}

/// The same for whoever leaves a bad version.
fn problems_of_a_way_back(change: impl Fn(&mut Facts)) -> Vec<Problem> {
    let mut run = run();
    run.release.plan.even_if_unhealthy = true;
    problems_of(run, change)
}

fn problems_of(mut run: Run, change: impl Fn(&mut Facts)) -> Vec<Problem> {
    let wanted = looks(&run.release, run.world.now);
    let seen = run.world.observe(&run.release, &wanted);
    let mut facts = seen.facts.expect("preflight asks for facts");
    change(&mut facts);
    judge(&run.release.plan, &facts, seen.at).problems
}

fn rule(sticky: bool, made_for: Option<&str>) -> Known<Vec<RuleSeen>> {
    Known::Known(vec![RuleSeen {
        place: "rule 1".to_owned(),
        sticky,
        made_for: made_for.map(Into::into),
        hosts: Vec::new(),
    }])
}

fn sticky(facts: &mut Facts) {
    if let Known::Known(settings) = &mut facts.blue_settings {
        settings.sticky_targets = true;
    }
}

/// Blue has a group beside the one that is called as it is.
fn several(facts: &mut Facts, groups: [&str; 2]) {
    if let Known::Known(split) = &mut facts.split {
        split.groups.insert(BLUE.into(), groups.map(str::to_owned).to_vec());
    }
}

#[test]
fn what_would_stop_a_release_at_its_first_rule_is_found_before_it_begins() {
    assert_eq!(problems(|facts| facts.rules = rule(false, None)), Vec::new());
    let [made] = problems(|facts| facts.rules = rule(false, Some(BLUE)))
        .try_into()
        .unwrap();
    assert_eq!(made.code, "rule");
    assert!(made.message.contains("has made rule 1 for e-blue"), "{made}");
    assert!(made.advice.contains("a rule of your own"), "{made}");
    let kept = |sticky_rule: bool| {
        problems(|facts| {
            sticky(facts);
            facts.rules = rule(sticky_rule, None);
        })
    };
    assert_eq!(kept(true), Vec::new());
    let [refused] = kept(false).try_into().unwrap();
    assert_eq!(refused.code, "stickiness");
    assert!(refused.message.contains("rule 1 does not keep them"), "{refused}");
    let [unread] = problems(|facts| facts.rules = Known::Unknown("no".to_owned()))
        .try_into()
        .unwrap();
    assert!(unread.is_unknown(), "{unread}");
}

#[test]
fn rules_that_are_not_weighed_are_told() {
    let found = problems(|facts| {
        facts.other_rules = Known::Known(vec!["the default rule of the listener on port 443".to_owned()]);
    });
    let [other] = found.try_into().unwrap();
    assert_eq!(other.code, "rule");
    assert!(
        other.message.contains("port 443") && other.message.contains("meets nobody"),
        "{other}"
    );
    let [unread] = problems(|facts| facts.other_rules = Known::Unknown("no".to_owned()))
        .try_into()
        .unwrap();
    assert!(unread.is_unknown(), "{unread}");
}

#[test]
fn what_leads_to_a_bad_version_keeps_nobody_from_leaving_it() {
    let found = problems_of_a_way_back(|facts| {
        facts.other_rules = Known::Known(vec!["the default rule of the listener on port 443".to_owned()]);
        if let Known::Known(settings) = &mut facts.blue_settings {
            settings.own_hosts = vec!["www.example.com".to_owned()];
        }
    });
    assert_eq!(found, Vec::new());
}

#[test]
fn names_of_which_green_would_have_a_part_before_it_is_up_are_told() {
    let found = problems(|facts| {
        if let Known::Known(settings) = &mut facts.blue_settings {
            settings.own_hosts = vec!["www.example.com".to_owned()];
        }
    });
    let [hosts] = found.try_into().unwrap();
    assert_eq!(hosts.code, "rule");
    assert!(
        hosts.message.contains("for www.example.com") && hosts.advice.contains("HostHeaders"),
        "{hosts}"
    );
}

#[test]
fn an_environment_with_several_target_groups_is_named_with_what_the_rules_name() {
    let [one] = problems(|facts| several(facts, [BLUE, "api"])).try_into().unwrap();
    assert_eq!(one.code, "target-groups");
    assert!(
        one.message.contains("has 2 target groups, of which the rules name one"),
        "{one}"
    );
    let none = problems(|facts| {
        several(facts, ["web", "api"]);
        if let Known::Known(split) = &mut facts.split {
            for member in split.places.values_mut().flatten() {
                member.environment = None;
            }
        }
    });
    let [none] = none.try_into().unwrap();
    assert_eq!(none.code, "live");
    assert!(
        none.message
            .contains("e-blue has 2 target groups, and the rules name 0 of them"),
        "{none}"
    );
}

#[test]
fn a_public_name_that_no_rule_is_for_is_noted() {
    let notes = |hosts: &[&str]| {
        let mut run = run();
        let wanted = looks(&run.release, run.world.now);
        let mut facts = run
            .world
            .observe(&run.release, &wanted)
            .facts
            .expect("preflight asks for facts");
        let Known::Known(mut rules) = rule(false, None) else {
            unreachable!()
        };
        rules[0].hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        facts.rules = Known::Known(rules);
        let notes = judge(&run.release.plan, &facts, run.world.now).notes;
        notes
            .into_iter()
            .filter(|note| note.contains("is for www.example.com"))
            .count()
    };
    for hosts in [
        &[][..],
        &["www.example.com"],
        &["other.example.com", "WWW.example.com"],
        &["*.example.com"],
        &["w?w.ex*e.com"],
        &["*"],
    ] {
        assert_eq!(notes(hosts), 0, "{hosts:?}");
    }
    for hosts in [
        &["other.example.com"][..],
        &["example.com"],
        &["www?.example.com"],
        &["*.example.org"],
    ] {
        assert_eq!(notes(hosts), 1, "{hosts:?}");
    }
}
