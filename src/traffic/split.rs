//! How a weighted lever splits the slot's traffic: what it shows, and what a release wants of it.
//!
//! A lever has one or more *places* that must always say the same: the record types of a name, or the rules of a load
//! balancer. In each of them every environment has at most one *member* with a weight.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::weights::weights;
use crate::model::{EnvironmentId, Share};

/// What a lever shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Its places, by name.
    pub places: BTreeMap<String, Vec<Member>>,
    /// Stands for the exact state: another one has another text.
    pub token: String,
    /// How long resolvers may keep what it answers, in seconds, where it answers by DNS.
    pub ttl: Option<u32>,
    /// The hosted zone that it was read from, where it answers by DNS.
    pub zone: Option<String>,
    /// Why nothing may be written here, in sentences.
    pub faults: Vec<String>,
    /// Worth knowing, and no reason to stop.
    pub notes: Vec<String>,
    /// What is to be kept of the records of each environment, by their kind, where it answers by DNS.
    pub own: BTreeMap<EnvironmentId, OwnRecords>,
    /// The ARNs of the target groups of each environment that was asked about, with a lever that has some.
    pub groups: BTreeMap<EnvironmentId, Vec<String>>,
}

/// What of a record is lost with it: no other one tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRecord {
    /// Its set identifier, by which whoever made it knows it.
    pub id: String,
    /// The health check that it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<String>,
}

/// That of an environment's records, by their kind.
pub type OwnRecords = BTreeMap<String, OwnRecord>;

/// One member of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What the service calls it: a set identifier, the ARN of a target group.
    pub id: String,
    /// The environment that it leads to, if it is one of this application's.
    pub environment: Option<EnvironmentId>,
    /// Whether it leads there by the environment's CNAME, which a swap gives to another one.
    pub by_cname: bool,
    /// Its weight.
    pub weight: u32,
    /// How many of its targets are healthy, where the service says so.
    pub healthy: Option<u32>,
}

/// What a release wants of every place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "weighting")]
pub enum Weighting {
    /// Blue as it was when the release began; green is no member.
    #[default]
    Original,
    /// Blue as it was; green is a member without traffic, so that it is seen whether it could have some.
    Attached,
    /// Some for each.
    Split {
        /// Blue's weight.
        blue: u32,
        /// Green's.
        green: u32,
    },
    /// Green has everything, and blue is a member without new traffic.
    Whole,
    /// Green has everything; blue is no member any more.
    GreenAlone,
}

impl Weighting {
    /// What a step of a release wants; `heaviest` is the greatest weight that the lever knows.
    #[must_use]
    pub fn of(share: Share, heaviest: u32) -> Self {
        if share.is_whole() {
            return Self::Whole;
        }
        let (blue, green) = weights(share, heaviest);
        Self::Split { blue, green }
    }

    /// The weights of blue and green in a place in which blue had that weight at first; `None` for one that is no member.
    #[must_use]
    pub fn weights(self, original: u32) -> (Option<u32>, Option<u32>) {
        match self {
            Self::Original => (Some(original), None),
            Self::Attached => (Some(original), Some(0)),
            Self::Split { blue, green } => (Some(blue), Some(green)),
            Self::Whole => (Some(0), Some(original)),
            Self::GreenAlone => (None, Some(original)),
        }
    }
}

impl fmt::Display for Weighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original => f.write_str("everything to blue"),
            Self::Attached => f.write_str("everything to blue, green without weight"),
            Self::Split { blue, green } => write!(f, "blue {blue}, green {green}"),
            Self::Whole => f.write_str("everything to green, blue without weight"),
            Self::GreenAlone => f.write_str("everything to green"),
        }
    }
}

/// Blue's first weight in each place.
pub type Originals = BTreeMap<String, u32>;

impl Split {
    /// Whether every place is as a weighting wants it, for a blue that had these weights at first. Members of others count only
    /// by [`Split::strangers`].
    #[must_use]
    pub fn is(
        &self,
        weighting: Weighting,
        originals: &Originals,
        blue: &EnvironmentId,
        green: Option<&EnvironmentId>,
    ) -> bool {
        self.is_among(&[weighting], originals, blue, green)
    }

    /// Whether blue has what it had at first wherever it still has something, and green is no member: all that a release can give
    /// back, whatever others have removed or added.
    #[must_use]
    pub fn is_back(&self, originals: &Originals, blue: &EnvironmentId, green: Option<&EnvironmentId>) -> bool {
        let mut found = false;
        let each = self.places.iter().all(|(place, members)| {
            let there = weight_of(members, blue);
            found |= there.is_some();
            let as_first = originals.get(place).is_none_or(|original| there == Some(*original));
            as_first && green.is_none_or(|green| weight_of(members, green).is_none())
        });
        each && found
    }

    /// Whether each place is as one of several weightings wants it: between two of them, some places can be ahead.
    #[must_use]
    pub fn is_among(
        &self,
        weightings: &[Weighting],
        originals: &Originals,
        blue: &EnvironmentId,
        green: Option<&EnvironmentId>,
    ) -> bool {
        self.places.len() == originals.len()
            && originals.iter().all(|(place, original)| {
                let Some(members) = self.places.get(place) else {
                    return false;
                };
                let weight = |id: &EnvironmentId| weight_of(members, id);
                let seen = (weight(blue), green.and_then(weight));
                weightings.iter().any(|weighting| weighting.weights(*original) == seen)
            })
    }

    /// Members that get traffic and are neither of these environments', with their places.
    #[must_use]
    pub fn strangers(&self, blue: &EnvironmentId, green: Option<&EnvironmentId>) -> Vec<(&str, &Member)> {
        let ours = |member: &Member| {
            let its = member.environment.as_ref();
            its == Some(blue) || green.is_some() && its == green
        };
        self.members()
            .filter(|(_, member)| member.weight > 0 && !ours(member))
            .collect()
    }

    /// Whether a member leads to an environment by its CNAME.
    #[must_use]
    pub fn leads_by_cname(&self, environment: &EnvironmentId) -> bool {
        let mut members = self.places.values().flatten();
        members.any(|member| member.by_cname && member.environment.as_ref() == Some(environment))
    }

    /// Whether an environment has traffic, in any place.
    #[must_use]
    pub fn serves(&self, environment: &EnvironmentId) -> bool {
        self.members()
            .any(|(_, member)| member.environment.as_ref() == Some(environment) && member.weight > 0)
    }

    /// Whether an environment is a member, in any place.
    #[must_use]
    pub fn names(&self, environment: &EnvironmentId) -> bool {
        self.members()
            .any(|(_, member)| member.environment.as_ref() == Some(environment))
    }

    /// The one environment that has all the traffic, if there is one.
    #[must_use]
    pub fn live(&self) -> Option<&EnvironmentId> {
        let mut all = self
            .members()
            .filter(|(_, member)| member.weight > 0)
            .map(|(_, member)| member.environment.as_ref());
        let first = all.next()??;
        let everywhere = || {
            let here = |members: &Vec<Member>| weight_of(members, first).is_some_and(|weight| weight > 0);
            self.places.values().all(here)
        };
        (all.all(|other| other == Some(first)) && everywhere()).then_some(first)
    }

    /// Whether something that the service calls so is a member, in any place.
    #[must_use]
    pub fn has_member(&self, id: &str) -> bool {
        self.members().any(|(_, member)| member.id == id)
    }

    /// An environment's weight in each place where it is a member.
    #[must_use]
    pub fn weights_of(&self, environment: &EnvironmentId) -> Originals {
        self.places
            .iter()
            .filter_map(|(place, members)| Some((place.clone(), weight_of(members, environment)?)))
            .collect()
    }

    /// The ARN of an environment's target group: the one that is a member, or else its only one.
    #[must_use]
    pub fn group_of(&self, environment: &EnvironmentId) -> Option<String> {
        let groups = self.groups.get(environment)?;
        let member = self
            .members()
            .find(|(_, member)| member.environment.as_ref() == Some(environment));
        match (member, groups.as_slice()) {
            (Some((_, member)), _) => Some(member.id.clone()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    /// The fewest healthy targets that an environment has in any place; `None` where the lever does not count them.
    #[must_use]
    pub fn healthy(&self, environment: &EnvironmentId) -> Option<u32> {
        self.members()
            .filter(|(_, member)| member.environment.as_ref() == Some(environment))
            .filter_map(|(_, member)| member.healthy)
            .min()
    }

    fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.places
            .iter()
            .flat_map(|(place, members)| members.iter().map(move |member| (place.as_str(), member)))
    }

    /// One line for a person: each place with its members.
    #[must_use]
    pub fn describe(&self, blue: &EnvironmentId, green: Option<&EnvironmentId>) -> String {
        let name = |member: &Member| match member.environment.as_ref() {
            Some(id) if id == blue => "blue".to_owned(),
            Some(id) if Some(id) == green => "green".to_owned(),
            Some(id) => format!("{id}"),
            None => format!("{:?}", member.id),
        };
        let places = self.places.iter().map(|(place, members)| {
            let members: Vec<String> = members
                .iter()
                .map(|member| format!("{} {}", name(member), member.weight))
                .collect();
            let members = if members.is_empty() {
                "nothing".to_owned()
            } else {
                members.join(", ")
            };
            format!("{place}: {members}")
        });
        places.collect::<Vec<_>>().join("; ")
    }
}

fn weight_of(members: &[Member], id: &EnvironmentId) -> Option<u32> {
    members
        .iter()
        .find(|member| member.environment.as_ref() == Some(id))
        .map(|member| member.weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(environment: Option<&str>, weight: u32) -> Member {
        Member {
            id: environment.unwrap_or("other").to_owned(),
            environment: environment.map(EnvironmentId::from),
            by_cname: false,
            weight,
            healthy: None,
        }
    }

    fn split(places: &[(&str, &[Member])]) -> Split {
        Split {
            places: places
                .iter()
                .map(|(name, members)| ((*name).to_owned(), members.to_vec()))
                .collect(),
            ..Split::default()
        }
    }

    fn ids() -> (EnvironmentId, EnvironmentId) {
        ("e-blue".into(), "e-green".into())
    }

    #[test]
    fn all_places_must_be_as_wanted() {
        let (blue, green) = ids();
        let seen = split(&[
            ("A", &[member(Some("e-blue"), 19), member(Some("e-green"), 1)]),
            ("AAAA", &[member(Some("e-blue"), 19), member(Some("e-green"), 1)]),
        ]);
        let originals = Originals::from([("A".to_owned(), 200), ("AAAA".to_owned(), 100)]);
        let wanted = Weighting::of("5%".parse().unwrap(), 255);
        assert!(seen.is(wanted, &originals, &blue, Some(&green)));
        assert!(!seen.is(Weighting::Original, &originals, &blue, Some(&green)));
        let mut half = seen.clone();
        half.places.get_mut("AAAA").unwrap()[1].weight = 2;
        assert!(!half.is(wanted, &originals, &blue, Some(&green)));
        half.places.remove("AAAA");
        assert!(!half.is(wanted, &originals, &blue, Some(&green)));
        assert_eq!(
            seen.weights_of(&green),
            Originals::from([("A".to_owned(), 1), ("AAAA".to_owned(), 1)])
        );
    }

    #[test]
    fn each_weighting_keeps_what_blue_had_at_first() {
        for (weighting, weights) in [
            (Weighting::Original, (Some(7), None)),
            (Weighting::Attached, (Some(7), Some(0))),
            (Weighting::Split { blue: 3, green: 1 }, (Some(3), Some(1))),
            (Weighting::Whole, (Some(0), Some(7))),
            (Weighting::GreenAlone, (None, Some(7))),
        ] {
            assert_eq!(weighting.weights(7), weights, "{weighting}");
        }
        assert_eq!(Weighting::of(Share::WHOLE, 255), Weighting::Whole);
    }

    #[test]
    fn what_others_have_removed_or_added_is_no_hindrance_on_the_way_back() {
        let (blue, green) = ids();
        let originals = Originals::from([("A".to_owned(), 200), ("AAAA".to_owned(), 100)]);
        let back = |places: &[(&str, &[Member])]| split(places).is_back(&originals, &blue, Some(&green));
        let (first, second) = ([member(Some("e-blue"), 200)], [member(Some("e-blue"), 100)]);
        assert!(back(&[("A", &first), ("AAAA", &second)]));
        assert!(back(&[("A", &first)]));
        assert!(back(&[("A", &first), ("CNAME", &[member(None, 1)])]));
        assert!(!back(&[("A", &first), ("AAAA", &first)]));
        assert!(!back(&[("A", &first), ("AAAA", &[member(Some("e-green"), 1)])]));
        assert!(!back(&[(
            "A",
            &[member(Some("e-blue"), 200), member(Some("e-green"), 0)]
        )]));
        assert!(!back(&[]));
    }

    #[test]
    fn one_environment_is_live_or_none() {
        let (blue, green) = ids();
        let with = |members: &[Member]| split(&[("A", members)]);
        assert_eq!(with(&[member(Some("e-blue"), 5)]).live(), Some(&blue));
        assert_eq!(
            with(&[member(Some("e-blue"), 0), member(Some("e-green"), 1)]).live(),
            Some(&green)
        );
        assert_eq!(
            with(&[member(Some("e-blue"), 1), member(Some("e-green"), 1)]).live(),
            None
        );
        assert_eq!(with(&[member(Some("e-blue"), 1), member(None, 1)]).live(), None);
        assert_eq!(with(&[member(None, 1)]).live(), None);
        assert_eq!(with(&[]).live(), None);
        for there in [&[][..], &[member(Some("e-blue"), 0)]] {
            let elsewhere = split(&[("A", &[member(Some("e-blue"), 1)]), ("AAAA", there)]);
            assert_eq!(elsewhere.live(), None);
        }
    }

    #[test]
    fn members_are_told_apart() {
        let (blue, green) = ids();
        let by_cname = |environment| Member {
            by_cname: true,
            ..member(Some(environment), 1)
        };
        let seen = split(&[("A", &[member(Some("e-blue"), 0), by_cname("e-green"), member(None, 1)])]);
        assert!(seen.leads_by_cname(&green) && !seen.leads_by_cname(&blue));
        assert!(
            seen.serves(&green) && !seen.serves(&blue),
            "it is a member without weight"
        );
        assert!(seen.has_member("other") && !seen.has_member("another"));
        assert_eq!(seen.describe(&blue, Some(&green)), "A: blue 0, green 1, \"other\" 1");
    }

    #[test]
    fn members_of_others_are_strangers_when_they_have_traffic() {
        let (blue, green) = ids();
        let seen = split(&[(
            "A",
            &[member(Some("e-blue"), 1), member(None, 0), member(Some("e-else"), 2)],
        )]);
        let strangers: Vec<_> = seen
            .strangers(&blue, Some(&green))
            .iter()
            .map(|(place, member)| (*place, member.weight))
            .collect();
        assert_eq!(strangers, [("A", 2)]);
        assert!(seen.serves(&blue) && !seen.serves(&green) && seen.names(&"e-else".into()));
        assert_eq!(seen.describe(&blue, None), "A: blue 1, \"other\" 0, e-else 2");
    }
}
