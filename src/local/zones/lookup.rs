//! What the DNS servers of Route 53 answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Zones;
use super::checks::HealthCheck;
use super::name::DomainName;
use super::record::{Content, Policy, RecordSet, Routing};
use super::zone::Zone;
use crate::model::Timestamp;

/// What a hosted zone says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneAnswer {
    /// Records of its own, in the form of a zone file.
    Values {
        /// Their type: the one that was asked for, or `CNAME`.
        kind: &'static str,
        /// The values.
        values: Vec<String>,
        /// How long they may be kept.
        ttl: Duration,
    },
    /// What another name answers, under the asked one.
    Alias(String),
    /// The name has records, but none of that type.
    NoData,
    /// There is no such name in the zone.
    NoName,
}

impl Zones {
    /// The hosted zone that a name lies in, without a dot at the end: the one with the longest name.
    #[must_use]
    pub fn zone_of(&self, name: &str) -> Option<&str> {
        let name = DomainName::parse(name).ok()?;
        Some(self.around(&name)?.name.bare())
    }

    /// Names with records that lead to other names, by their weights, as far as the servers have heard. A simple record is one
    /// with all the weight; names of addresses are not among them.
    #[must_use]
    pub fn leads(&self, now: Timestamp) -> Vec<(String, Vec<(String, u64)>)> {
        let mut leads: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
        for zone in self.zones.values() {
            for record in zone.served(now).iter() {
                if let Some(member) = leading(record) {
                    leads.entry(record.name.bare().to_owned()).or_default().push(member);
                }
            }
        }
        for members in leads.values_mut() {
            // Where all weights are zero, all are as likely.
            if members.iter().all(|(_, weight)| *weight == 0) {
                members.iter_mut().for_each(|(_, weight)| *weight = 1);
            }
        }
        leads.into_iter().collect()
    }

    /// The names that a name leads to, with their weights, as they were last written.
    #[must_use]
    pub fn written(&self, name: &str) -> Vec<(String, u64)> {
        let Ok(name) = DomainName::parse(name) else {
            return Vec::new();
        };
        let zone = self.around(&name).map(Zone::records);
        let records = zone.into_iter().flat_map(|records| records.iter());
        records
            .filter(|record| record.name == name)
            .filter_map(leading)
            .collect()
    }

    /// When the servers next hear of a change.
    #[must_use]
    pub fn next_heard(&self, now: Timestamp) -> Option<Timestamp> {
        self.zones.values().filter_map(|zone| zone.next_heard(now)).min()
    }

    fn around(&self, name: &DomainName) -> Option<&Zone> {
        let around = self.zones.values().filter(|zone| name.lies_in(&zone.name));
        around.max_by_key(|zone| zone.name.as_str().len())
    }

    /// What is answered to a question for a name and a type, as far as the servers have heard; `None` for a name that lies in
    /// no hosted zone. `healthy` says of an alias's target that lies in none of them whether something there can answer.
    pub fn answer(
        &mut self,
        name: &str,
        kind: &str,
        now: Timestamp,
        healthy: &dyn Fn(&str) -> bool,
    ) -> Option<ZoneAnswer> {
        let name = DomainName::parse(name).ok()?;
        let zone = self.around(&name)?;
        let records = std::sync::Arc::clone(zone.served(now));
        let members = match members(&records, &zone.name, &name, kind) {
            Ok(members) => members,
            Err(none) => return Some(none),
        };
        let chosen = self.choose(&members, now, healthy);
        Some(match chosen.map(|record| (record.kind, &record.content)) {
            None => ZoneAnswer::NoData,
            Some((kind, Content::Values { ttl, values })) => ZoneAnswer::Values {
                kind,
                values: values.clone(),
                ttl: Duration::from_secs(u64::from(*ttl)),
            },
            Some((_, Content::Alias { target, .. })) => ZoneAnswer::Alias(target.bare().to_owned()),
        })
    }

    /// Chooses among members as Route 53 does (source: "How Amazon Route 53 chooses records when health checking is
    /// configured"): healthy ones with a weight, then healthy ones without, and all of them when none is healthy.
    fn choose<'a>(
        &mut self,
        members: &[&'a RecordSet],
        now: Timestamp,
        healthy: &dyn Fn(&str) -> bool,
    ) -> Option<&'a RecordSet> {
        let well = |record: &&&RecordSet| self.is_well(record, now, healthy);
        let weight = |record: &RecordSet| match &record.routing {
            Routing::Weighted { weight, .. } => u64::from(*weight),
            // The policies that are not followed: the first one, and the primary before others.
            Routing::Other {
                policy: Policy::Failover(place),
                ..
            } => u64::from(place == "PRIMARY"),
            Routing::Simple | Routing::Other { .. } => 1,
        };
        let weighted = |record: &&&RecordSet| weight(record) > 0;
        let mut among: Vec<&RecordSet> = members.iter().filter(weighted).filter(well).copied().collect();
        if among.is_empty() {
            among = members.iter().filter(well).copied().collect();
        }
        if among.is_empty() {
            among = members.iter().filter(weighted).copied().collect();
        }
        if among.is_empty() {
            among = members.to_vec();
        }
        if !matches!(among.first()?.routing, Routing::Weighted { .. }) {
            return among.first().copied();
        }
        let sum: u64 = among.iter().map(|record| weight(record)).sum();
        // Where all weights are zero, all are as likely.
        let each = u64::from(sum == 0);
        let sum = if sum == 0 { among.len() as u64 } else { sum };
        let mut left = self.chance(sum);
        for record in among {
            let share = weight(record) + each;
            if left < share {
                return Some(record);
            }
            left -= share;
        }
        None
    }

    /// Whether a record is well: its health check does not fail, and if it is an alias that evaluates its target's health,
    /// something behind it is well, through as many records of hosted zones as it takes (source: "How Amazon Route 53 chooses
    /// records in complex configurations").
    fn is_well(&self, record: &RecordSet, now: Timestamp, healthy: &dyn Fn(&str) -> bool) -> bool {
        // One that is well is enough, so that each name need be looked at only once, and aliases in a circle come to an end.
        let mut seen = BTreeSet::new();
        let mut left = vec![record];
        while let Some(record) = left.pop() {
            // A check that was deleted says nothing against its record.
            let check = record.health_check.as_ref().and_then(|check| self.checks.get(check));
            if !check.is_none_or(HealthCheck::is_healthy) {
                continue;
            }
            let Content::Alias {
                zone,
                target,
                evaluate: true,
            } = &record.content
            else {
                return true;
            };
            match self.zones.get(zone) {
                Some(zone) if seen.insert((target, record.kind)) => {
                    left.extend(members(zone.served(now), &zone.name, target, record.kind).unwrap_or_default());
                }
                None if healthy(target.bare()) => return true,
                Some(_) | None => {}
            }
        }
        false
    }

    /// A number below `below`, each as likely as the others.
    fn chance(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        // SplitMix64 (Steele, Lea and Flood, 2014): the same seed gives the same answers in the same order.
        let mut mixed = self.seed.wrapping_add(self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Sums of weights are far below 2^32, so that the remainder favours none by more than one in 2^24.
        mixed % below.max(1)
    }
}

/// The name that a record leads to, and its weight; `None` for one of addresses.
fn leading(record: &RecordSet) -> Option<(String, u64)> {
    let target = match &record.content {
        Content::Alias { target, .. } if record.kind == "A" => target.bare().to_owned(),
        Content::Values { values, .. } if record.kind == "CNAME" => {
            let value = values.first()?;
            value.strip_suffix('.').unwrap_or(value).to_ascii_lowercase()
        }
        _ => return None,
    };
    let weight = match &record.routing {
        Routing::Weighted { weight, .. } => u64::from(*weight),
        Routing::Simple | Routing::Other { .. } => 1,
    };
    Some((target, weight))
}

/// The records among which the answer to a question is chosen.
///
/// # Errors
///
/// What is answered when there are none.
fn members<'a>(
    records: &'a [RecordSet],
    apex: &DomainName,
    name: &DomainName,
    kind: &str,
) -> Result<Vec<&'a RecordSet>, ZoneAnswer> {
    let mut at = named(records, name);
    if at.is_empty() {
        if exists(records, name) {
            return Err(ZoneAnswer::NoData);
        }
        at = under_wildcard(records, name, apex);
    }
    if at.is_empty() {
        return Err(ZoneAnswer::NoName);
    }
    let of = |kind: &str| -> Vec<&RecordSet> { at.iter().copied().filter(|record| record.kind == kind).collect() };
    let wanted = of(kind);
    let members = if wanted.is_empty() { of("CNAME") } else { wanted };
    if members.is_empty() {
        return Err(ZoneAnswer::NoData);
    }
    Ok(members)
}

/// The records of a name.
fn named<'a>(records: &'a [RecordSet], name: &DomainName) -> Vec<&'a RecordSet> {
    records.iter().filter(|record| record.name == *name).collect()
}

/// Whether a name exists because there are names below it (RFC 4592 section 2.2.2).
fn exists(records: &[RecordSet], name: &DomainName) -> bool {
    records.iter().any(|record| record.name.lies_in(name))
}

/// The records of the wildcard that stands for a name: that of the closest name above it that exists (RFC 4592).
fn under_wildcard<'a>(records: &'a [RecordSet], name: &DomainName, apex: &DomainName) -> Vec<&'a RecordSet> {
    let mut below = name.clone();
    while below != *apex {
        let (Some(wildcard), Some(parent)) = (below.wildcard(), below.parent()) else {
            break;
        };
        let found = named(records, &wildcard);
        if !found.is_empty() || exists(records, &parent) {
            return found;
        }
        below = parent;
    }
    Vec::new()
}
