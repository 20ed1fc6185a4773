//! The weights of a lever in the model world: places that change together or one by one, writers who compare or do not, and what a
//! look shows of them.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{BLUE, World, seconds};
use crate::model::{EnvironmentId, Known, Timestamp};
use crate::release::{Action, CallResult, Release};
use crate::spec::Lever;
use crate::traffic::{Member, Split, Weighting};

/// Weights by member: an environment's id, or another text for somebody else's.
pub(super) type Place = BTreeMap<String, u32>;

#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) places: BTreeMap<String, Place>,
    /// As they were at first.
    pub(super) original: BTreeMap<String, Place>,
    /// Counts changes.
    pub(super) version: u64,
    /// When all servers know a change.
    pub(super) known_at: BTreeMap<String, Timestamp>,
}

impl Shares {
    pub(super) fn new(places: &[&str]) -> Self {
        let place = Place::from([(BLUE.to_owned(), 200)]);
        let places: BTreeMap<String, Place> = places.iter().map(|name| ((*name).to_owned(), place.clone())).collect();
        Self {
            original: places.clone(),
            places,
            version: 1,
            known_at: BTreeMap::new(),
        }
    }

    /// Environments that get traffic.
    pub(super) fn served(&self) -> BTreeSet<EnvironmentId> {
        let members = self.places.values().flatten();
        members
            .filter(|(_, weight)| **weight > 0)
            .map(|(id, _)| EnvironmentId::new(id.clone()))
            .collect()
    }

    /// Whether it is a member, with or without traffic.
    pub(super) fn names(&self, id: &EnvironmentId) -> bool {
        self.places.values().any(|place| place.contains_key(id.as_str()))
    }

    /// Whom most of the traffic leads to.
    pub(super) fn most(&self) -> Option<EnvironmentId> {
        let place = self.places.values().next()?;
        let (id, weight) = place.iter().max_by_key(|(_, weight)| **weight)?;
        (*weight > 0).then(|| EnvironmentId::new(id.clone()))
    }

    /// The greatest share that an environment has in any place.
    pub(super) fn share(&self, id: &EnvironmentId) -> f64 {
        let share = |place: &Place| {
            let all: u32 = place.values().sum();
            f64::from(place.get(id.as_str()).copied().unwrap_or(0)) / f64::from(all.max(1))
        };
        self.places.values().map(share).fold(0.0, f64::max)
    }

    fn set(&mut self, place: &str, id: &str, weight: Option<u32>) {
        let Some(place) = self.places.get_mut(place) else {
            return;
        };
        match weight {
            Some(weight) => place.insert(id.to_owned(), weight),
            None => place.remove(id),
        };
    }
}

impl World {
    /// The same world with a lever that has weights.
    pub(super) fn gradual(mut self) -> Self {
        self.shares = Some(match self.plan.lever {
            Lever::WeightedTargetGroups => Shares::new(&["rule 1", "rule 2"]),
            _ => Shares::new(&["A", "AAAA"]),
        });
        self
    }

    pub(super) fn split(&self) -> Option<Split> {
        let shares = self.shares.as_ref()?;
        let rules = self.plan.lever == Lever::WeightedTargetGroups;
        let member = |(id, weight): (&String, &u32)| {
            let environment = EnvironmentId::new(id.clone());
            let found = self.get(&environment);
            Member {
                id: id.clone(),
                environment: found.map(|found| found.id.clone()),
                by_cname: !rules,
                weight: *weight,
                healthy: found
                    .filter(|_| rules)
                    .map(|found| if found.up_at.is_some() { found.running } else { 0 }),
            }
        };
        Some(Split {
            places: shares
                .places
                .iter()
                .map(|(name, place)| (name.clone(), place.iter().map(member).collect()))
                .collect(),
            token: format!("{}", shares.version),
            ttl: (!rules).then_some(20),
            groups: if rules { self.groups() } else { BTreeMap::new() },
            ..Split::default()
        })
    }

    /// Each environment's target group, which is called as it is.
    fn groups(&self) -> BTreeMap<EnvironmentId, Vec<String>> {
        let ids = self.environments.iter().map(|one| &one.id);
        ids.map(|id| (id.clone(), vec![id.to_string()])).collect()
    }

    pub(super) fn in_sync(&self, change: &str) -> Known<bool> {
        let at = self.shares.as_ref().and_then(|shares| shares.known_at.get(change));
        Known::Known(at.is_some_and(|at| *at <= self.now))
    }

    /// What the service makes of weights. Records are compared with what is there; rules are not, and do not change at once.
    pub(super) fn weigh(&mut self, release: &Release, action: &Action) -> CallResult {
        let Action::Weigh { weighting, before, .. } = action else {
            unreachable!("only weights are weighed")
        };
        let compares = self.plan.lever == Lever::WeightedDns;
        let (now, half) = (self.now, !compares && self.random.once_in(self.faults.calls));
        let Some(shares) = &mut self.shares else {
            return super::service::refused("there are no weights here");
        };
        if compares && format!("{}", shares.version) != *before {
            return super::service::not_now("the values provided do not match the current values");
        }
        let (Some(blue), green) = (&release.blue, release.green.as_ref()) else {
            return super::service::refused("there is no blue");
        };
        for (number, (place, original)) in blue.weights.iter().enumerate() {
            if half && number > 0 {
                shares.version += 1;
                return CallResult::Unknown {
                    message: "after 1 of the rules: no answer".to_owned(),
                };
            }
            let (of_blue, of_green) = weighting.weights(*original);
            shares.set(place, blue.id.as_str(), of_blue);
            if let Some(green) = green {
                shares.set(place, green.id.as_str(), of_green);
            }
        }
        shares.version += 1;
        let change = format!("C{}", shares.version);
        shares.known_at.insert(change.clone(), now + seconds(30));
        if matches!(weighting, Weighting::Split { .. } | Weighting::Whole) {
            self.swaps
                .push(release.pending.as_ref().map_or(0, |pending| pending.intent));
        }
        CallResult::Accepted {
            detail: compares.then_some(change),
        }
    }

    /// Somebody else changes weights.
    pub(super) fn weigh_by_hand(&mut self, member: &str, weight: u32) {
        if let Some(shares) = &mut self.shares {
            let places: Vec<String> = shares.places.keys().cloned().collect();
            for place in places {
                shares.set(&place, member, Some(weight));
            }
            shares.version += 1;
        }
    }
}
