//! Rules of a load balancer that forward to weighted target groups: who has which weight, and what gives them others.

use super::split::{Member, Originals, Split, Weighting};
use crate::model::EnvironmentId;

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The target groups that it forwards to, each with its weight.
    pub groups: Vec<(String, u32)>,
    /// Whether a client stays with its target group.
    pub sticky: Stickiness,
}

/// Whether a client stays with the target group that it met first. What is written of a rule replaces all that it has, so a length that
/// does not count is kept as well: whoever else describes the rule would miss it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stickiness {
    /// Whether it does.
    pub enabled: bool,
    /// For how many seconds it does, or would.
    pub seconds: Option<u32>,
}

impl Stickiness {
    /// Clients stay for so many seconds.
    #[must_use]
    pub fn lasting(seconds: u32) -> Self {
        Self {
            enabled: true,
            seconds: Some(seconds),
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// What it does, or why that cannot be weighed.
    pub forward: Result<Forward, String>,
    /// The hosts that it is for, with `*` and `?` in them; empty for all.
    pub hosts: Vec<String>,
}

/// An environment's target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The environment.
    pub environment: EnvironmentId,
    /// The ARN of its target group.
    pub arn: String,
    /// How many of its targets are healthy, as far as that was asked.
    pub healthy: Option<u32>,
}

/// The name of a rule's place: its ARN is too long for a person.
#[must_use]
pub fn place(arn: &str) -> String {
    format!("rule {}", arn.rsplit('/').next().unwrap_or(arn))
}

/// What rules show.
#[must_use]
pub fn forwarded(rules: &[Rule], groups: &[Group]) -> Split {
    let mut lines: Vec<String> = rules.iter().map(|rule| format!("{rule:?}")).collect();
    lines.sort();
    let mut split = Split {
        token: super::short_digest(&lines.join("\n")),
        ..Split::default()
    };
    for rule in rules {
        let place = place(&rule.arn);
        match &rule.forward {
            Err(fault) => split.faults.push(format!("{place}: {fault}")),
            Ok(forward) => {
                let members = forward.groups.iter().map(|(arn, weight)| {
                    let group = groups.iter().find(|group| group.arn == *arn);
                    Member {
                        id: arn.clone(),
                        environment: group.map(|group| group.environment.clone()),
                        by_cname: false,
                        weight: *weight,
                        healthy: group.and_then(|group| group.healthy),
                    }
                });
                split.places.insert(place, members.collect());
            }
        }
    }
    split
}

/// The one of an environment's target groups that is meant: its only one, or else the only one that these rules name.
#[must_use]
pub fn meant<'a>(groups: &'a [String], rules: &[Rule]) -> Option<&'a str> {
    if let [only] = groups {
        return Some(only);
    }
    let mut all = groups.iter().filter(|group| names(rules, group));
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// Whether one of these rules forwards to a target group, with whatever weight.
#[must_use]
pub fn names(rules: &[Rule], group: &str) -> bool {
    rules
        .iter()
        .filter_map(|rule| rule.forward.as_ref().ok())
        .any(|forward| forward.groups.iter().any(|(arn, _)| arn == group))
}

/// Green's target group, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GreenGroup<'a> {
    /// There is no green.
    None,
    /// There is or was one, and nobody can say which its group is.
    Unknown,
    /// This one.
    Is(&'a str),
}

/// Why a rule is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReweighed {
    /// It cannot be weighed.
    Unfit,
    /// A group with weight may be green's, and would get a larger share. Its ARN.
    MayBeGreen(String),
}

/// The same rule with other weights of blue's and green's target groups. Those of others stay as they are, and so does the
/// stickiness.
///
/// # Errors
///
/// When it cannot be weighed, or would give more to a group that may be green's.
pub fn reweighed(
    rule: &Rule,
    weighting: Weighting,
    originals: &Originals,
    blue: &str,
    green: GreenGroup<'_>,
) -> Result<Forward, NotReweighed> {
    let forward = rule.forward.as_ref().map_err(|_| NotReweighed::Unfit)?;
    let original = originals.get(&place(&rule.arn)).ok_or(NotReweighed::Unfit)?;
    let (blue_weight, green_weight) = weighting.weights(*original);
    match green {
        GreenGroup::Is(_) => {}
        _ if green_weight.is_some() => return Err(NotReweighed::Unfit),
        GreenGroup::None => {}
        GreenGroup::Unknown => {
            let mut others = forward.groups.iter().filter(|(arn, weight)| arn != blue && *weight > 0);
            let now = forward.groups.iter().find(|(arn, _)| arn == blue);
            if let (Some((other, _)), Some((_, now))) = (others.next(), now)
                && blue_weight.is_none_or(|wanted| wanted < *now)
            {
                return Err(NotReweighed::MayBeGreen(other.clone()));
            }
        }
    }
    let mut groups = forward.groups.clone();
    let mut set = |arn: &str, weight: Option<u32>| match (groups.iter_mut().find(|(own, _)| own == arn), weight) {
        (Some((_, own)), Some(weight)) => *own = weight,
        (None, Some(weight)) => groups.push((arn.to_owned(), weight)),
        (_, None) => groups.retain(|(own, _)| own != arn),
    };
    set(blue, blue_weight);
    if let GreenGroup::Is(green) = green {
        set(green, green_weight);
    }
    Ok(Forward {
        groups,
        sticky: forward.sticky,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/abc";

    fn rule(groups: &[(&str, u32)], sticky: Option<u32>) -> Rule {
        Rule {
            arn: RULE.to_owned(),
            forward: Ok(Forward {
                groups: groups
                    .iter()
                    .map(|(arn, weight)| ((*arn).to_owned(), *weight))
                    .collect(),
                sticky: sticky.map(Stickiness::lasting).unwrap_or_default(),
            }),
            hosts: Vec::new(),
        }
    }

    fn weighed(rule: &Rule, weighting: Weighting) -> Vec<(String, u32)> {
        let originals = Originals::from([("rule abc".to_owned(), 1)]);
        let forward = reweighed(rule, weighting, &originals, "blue", GreenGroup::Is("green")).unwrap();
        assert_eq!(forward.sticky, rule.forward.as_ref().unwrap().sticky);
        forward.groups
    }

    #[test]
    fn a_release_goes_through_its_weights_and_others_keep_theirs() {
        let at_first = rule(&[("blue", 1), ("maintenance", 0)], Some(60));
        let sticky = at_first.forward.as_ref().unwrap().sticky;
        assert_eq!((sticky.enabled, sticky.seconds), (true, Some(60)));
        let list = |groups: &[(&str, u32)]| -> Vec<(String, u32)> {
            groups
                .iter()
                .map(|(arn, weight)| ((*arn).to_owned(), *weight))
                .collect()
        };
        let attached = weighed(&at_first, Weighting::Attached);
        assert_eq!(attached, list(&[("blue", 1), ("maintenance", 0), ("green", 0)]));
        let attached = rule(&[("blue", 1), ("maintenance", 0), ("green", 0)], Some(60));
        let split = weighed(&attached, Weighting::Split { blue: 19, green: 1 });
        assert_eq!(split, list(&[("blue", 19), ("maintenance", 0), ("green", 1)]));
        assert_eq!(
            weighed(&attached, Weighting::Original),
            list(&[("blue", 1), ("maintenance", 0)])
        );
        assert_eq!(
            weighed(&attached, Weighting::Whole),
            list(&[("blue", 0), ("maintenance", 0), ("green", 1)])
        );
        assert_eq!(
            weighed(&attached, Weighting::GreenAlone),
            list(&[("maintenance", 0), ("green", 1)])
        );
    }

    #[test]
    fn the_way_back_raises_no_share_that_may_be_green_s() {
        let originals = Originals::from([("rule abc".to_owned(), 1)]);
        let shared = rule(&[("blue", 19), ("stray", 1)], None);
        let back = |rule: &Rule, originals: &Originals, green| {
            reweighed(rule, Weighting::Original, originals, "blue", green).map(|forward| forward.groups)
        };
        let stray = NotReweighed::MayBeGreen("stray".to_owned());
        assert_eq!(back(&shared, &originals, GreenGroup::Unknown), Err(stray));
        // More for blue is less for whoever it is.
        let more = Originals::from([("rule abc".to_owned(), 200)]);
        let groups = back(&shared, &more, GreenGroup::Unknown).unwrap();
        assert_eq!(groups[0], ("blue".to_owned(), 200));
        let same = Originals::from([("rule abc".to_owned(), 19)]);
        assert_eq!(back(&shared, &same, GreenGroup::Unknown).unwrap()[0].1, 19);
        // What has no weight gets none, and what a release without green finds is somebody else's.
        let silent = rule(&[("blue", 19), ("stray", 0)], None);
        assert_eq!(back(&silent, &originals, GreenGroup::Unknown).unwrap()[0].1, 1);
        assert_eq!(back(&shared, &originals, GreenGroup::None).unwrap()[0].1, 1);
        let forward = reweighed(&shared, Weighting::Attached, &originals, "blue", GreenGroup::Unknown);
        assert_eq!(forward, Err(NotReweighed::Unfit));
    }

    #[test]
    fn of_several_groups_the_one_is_meant_that_the_rules_name() {
        let groups = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>();
        let rules = [rule(&[("web", 1), ("other", 0)], None), rule(&[("web", 1)], None)];
        assert_eq!(meant(&groups(&["unnamed"]), &rules), Some("unnamed"));
        assert_eq!(meant(&groups(&["api", "web"]), &rules), Some("web"));
        assert_eq!(meant(&groups(&["api", "admin"]), &rules), None);
        assert_eq!(meant(&groups(&["other", "web"]), &rules), None);
        assert_eq!(meant(&[], &rules), None);
    }

    #[test]
    fn what_rules_show_names_environments_and_faults() {
        let groups = [Group {
            environment: "e-blue".into(),
            arn: "blue".to_owned(),
            healthy: Some(2),
        }];
        let one = rule(&[("blue", 1), ("other", 3)], None);
        let bad = Rule {
            arn: "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/def".to_owned(),
            forward: Err("it redirects".to_owned()),
            hosts: Vec::new(),
        };
        let split = forwarded(&[one.clone(), bad], &groups);
        assert_eq!(split.faults, ["rule def: it redirects"]);
        assert_eq!(split.describe(&"e-blue".into(), None), "rule abc: blue 1, \"other\" 3");
        assert_eq!(split.healthy(&"e-blue".into()), Some(2));
        let mut other = one.clone();
        other.forward = Ok(Forward {
            groups: vec![("blue".to_owned(), 2)],
            sticky: Stickiness::default(),
        });
        assert_ne!(forwarded(&[one], &groups).token, forwarded(&[other], &groups).token);
    }
}
