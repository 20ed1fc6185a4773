//! The weighted members of a name: who has which weight, and the changes that give them others.

use super::fence::{Fence, fence_name};
use super::record::{Change, Content, Record, Routing, same_host};
use super::split::{Member, Originals, OwnRecord, OwnRecords, Split, Weighting};
use crate::model::EnvironmentId;

/// The kinds of records that carry traffic.
pub(super) const KINDS: [&str; 3] = ["A", "AAAA", "CNAME"];

/// An environment and the host names that lead to it: its CNAME and its balancer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The environment.
    pub environment: EnvironmentId,
    /// The name that it holds.
    pub cname: Option<String>,
    /// Its balancer's name.
    pub endpoint: Option<String>,
    /// The ARN of its target group, where that is on record.
    pub group: Option<String>,
}

impl Hosts {
    /// Whether a record leads to it.
    #[must_use]
    pub fn are_met_by(&self, record: &Record) -> bool {
        record.target().is_some_and(|target| self.lead_from(target))
    }

    fn lead_from(&self, target: &str) -> bool {
        let is = |host: &Option<String>| host.as_deref().is_some_and(|host| same_host(target, host));
        is(&self.cname) || is(&self.endpoint)
    }
}

/// A change that cannot be made, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotWeighed(String);

/// What the records of a name and its companion show. `name` is in small letters, with a dot at the end.
#[must_use]
pub fn members(name: &str, records: &[Record], slot: &str, environments: &[Hosts]) -> Split {
    let mut split = Split {
        token: token(records),
        ttl: Some(time_to_live(name, records)),
        ..Split::default()
    };
    let bare = name.trim_end_matches('.');
    for record in carrying(name, records) {
        let members = split.places.entry(record.kind.clone()).or_default();
        let Routing::Weighted { id, weight } = &record.routing else {
            split.faults.push(match &record.routing {
                Routing::Other { policy, .. } => {
                    format!("{bare} has {policy} records, which cannot share traffic with weighted ones")
                }
                _ => format!("{bare} has a simple record; run `cutover adopt` to give it weighted ones"),
            });
            continue;
        };
        let target = record.target();
        let found = environments
            .iter()
            .find(|hosts| target.is_some_and(|target| hosts.lead_from(target)));
        members.push(Member {
            id: id.clone(),
            environment: found.map(|hosts| hosts.environment.clone()),
            by_cname: found
                .zip(target)
                .is_some_and(|(hosts, target)| hosts.cname.as_deref().is_some_and(|cname| same_host(target, cname))),
            weight: u32::from(*weight),
            healthy: None,
        });
        if let Some(hosts) = found {
            let own = OwnRecord {
                id: id.clone(),
                health_check: record.health_check.clone(),
            };
            let of_it = split.own.entry(hosts.environment.clone()).or_default();
            of_it.insert(record.kind.clone(), own);
        }
        if let Content::Alias {
            evaluate_health: true, ..
        } = &record.content
        {
            split.notes.push(format!(
                "the {} record {id:?} of {bare} evaluates its target's health: where a balancer has no healthy target for a moment, \
                 Route 53 gives its share to the others, whatever the weights are",
                record.kind
            ));
        }
        if let Some(check) = &record.health_check {
            split.notes.push(format!(
                "the {} record {id:?} of {bare} depends on health check {check}: when that fails, Route 53 gives its share to \
                 the others; green's record gets none",
                record.kind
            ));
        }
    }
    for (kind, members) in &split.places {
        let mut known: Vec<&EnvironmentId> = members
            .iter()
            .filter_map(|member| member.environment.as_ref())
            .collect();
        known.sort();
        if let Some(twice) = known.windows(2).find(|pair| pair[0] == pair[1]) {
            split
                .faults
                .push(format!("{bare} has several {kind} records that lead to {}", twice[0]));
        }
    }
    if split.places.is_empty() {
        split.faults.push(format!("{bare} has no record that carries traffic"));
    }
    match companion(name, records).map(Fence::read) {
        Some(Some(fence)) if fence.is_of(slot) => {}
        Some(Some(fence)) => split
            .faults
            .push(format!("{bare} belongs to the slot {}", fence.slot())),
        _ => split.faults.push(format!(
            "there is no record {} beside it that says that {bare} is this slot's; `cutover adopt` makes it while no release is under way",
            fence_name(bare)
        )),
    }
    split.faults.dedup();
    split
}

/// The longest time that resolvers may keep an answer of these records, in seconds. That of an alias is its target's; the service
/// answers 60 (source: `ResourceRecordSet`, TTL, in the Route 53 API).
fn time_to_live(name: &str, records: &[Record]) -> u32 {
    let ttl = |record: &Record| match &record.content {
        Content::Values { ttl, .. } => *ttl,
        Content::Alias { .. } => 60,
    };
    carrying(name, records).map(ttl).max().unwrap_or(0)
}

/// Who changes weights, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Weigh<'a> {
    /// The name, in small letters, with a dot at the end.
    pub name: &'a str,
    /// What is wanted.
    pub weighting: Weighting,
    /// Blue's weights at first.
    pub originals: &'a Originals,
    /// What was kept of blue's records at first.
    pub own: &'a OwnRecords,
    /// Blue.
    pub blue: &'a Hosts,
    /// Green.
    pub green: Option<&'a Hosts>,
    /// What the companion is to say.
    pub fence: &'a Fence,
}

impl Weigh<'_> {
    /// What blue's record was at first, when it is to be given back and has been removed, unless somebody else's has its set identifier now.
    fn first(&self, side: &Hosts, kind: &str, there: &[&Record]) -> Option<OwnRecord> {
        let gives_back = self.weighting == Weighting::Original && *side == *self.blue;
        let own = self.own.get(kind).filter(|_| gives_back)?;
        let taken = |record: &&Record| matches!(&record.routing, Routing::Weighted { id, .. } | Routing::Other { id, .. } if *id == own.id);
        (!there.iter().any(taken)).then(|| own.clone())
    }
}

/// The changes, all in one batch, that turn these records into what is wanted. Members of others stay as they are.
///
/// # Errors
///
/// When a record is missing from which green's could be made, or one cannot be written.
pub fn weigh(wanted: &Weigh<'_>, records: &[Record]) -> Result<Vec<Change>, NotWeighed> {
    let refuse = |text: String| Err(NotWeighed(text));
    let bare = wanted.name.trim_end_matches('.');
    let mut changes = Vec::new();
    for (kind, original) in wanted.originals {
        let (blue_weight, green_weight) = wanted.weighting.weights(*original);
        let of_kind: Vec<&Record> = carrying(wanted.name, records)
            .filter(|record| record.kind == *kind)
            .collect();
        let sides = [
            (Some(wanted.blue), blue_weight, wanted.green),
            (wanted.green, green_weight, Some(wanted.blue)),
        ];
        for (side, weight, other) in sides {
            let Some(side) = side else {
                if weight.is_some() {
                    return refuse(format!("there is no green to give a share of {bare} to"));
                }
                continue;
            };
            let leads = |hosts: &Hosts, record: &&Record| record.target().is_some_and(|target| hosts.lead_from(target));
            let own: Vec<&Record> = of_kind.iter().copied().filter(|record| leads(side, record)).collect();
            let Some(weight) = weight else {
                changes.extend(own.iter().map(|record| Change::Delete((*record).clone())));
                continue;
            };
            let Ok(weight) = u8::try_from(weight) else {
                return refuse(format!("{weight} is more than a record's weight can be"));
            };
            match own.as_slice() {
                [own] => {
                    let Routing::Weighted { id, weight: before } = &own.routing else {
                        return refuse(format!("{own} has no weight"));
                    };
                    if *before != weight {
                        let routing = Routing::Weighted { id: id.clone(), weight };
                        changes.push(Change::Delete((*own).clone()));
                        changes.push(Change::Create(own.routed(routing)));
                    }
                }
                [] => {
                    let template = other.and_then(|other| {
                        let record = of_kind.iter().find(|record| leads(other, record))?;
                        redirected(record, other, side)
                    });
                    let Some(template) = template else {
                        // A kind of record that somebody has removed keeps no other from going back.
                        if wanted.weighting == Weighting::Original {
                            continue;
                        }
                        return refuse(format!(
                            "there is no {kind} record of {bare} from which one for {} could be made",
                            side.environment
                        ));
                    };
                    let new = || OwnRecord {
                        id: format!("{}-{}", side.environment, wanted.fence.release),
                        health_check: None,
                    };
                    let OwnRecord { id, health_check } = wanted.first(side, kind, &of_kind).unwrap_or_else(new);
                    changes.push(Change::Create(Record {
                        health_check,
                        ..template.routed(Routing::Weighted { id, weight })
                    }));
                }
                // The first one is as good as the others for what is given back.
                _ if wanted.weighting == Weighting::Original => {}
                several => {
                    let list: Vec<String> = several.iter().map(ToString::to_string).collect();
                    return refuse(format!(
                        "{} has several {kind} records: {}",
                        side.environment,
                        list.join("; ")
                    ));
                }
            }
        }
        // Whatever else is wrong: a name without records answers nobody.
        let goes = |record: &Record| changes.contains(&Change::Delete(record.clone()));
        let comes = changes
            .iter()
            .any(|change| matches!(change, Change::Create(record) if record.kind == *kind));
        if !of_kind.is_empty() && !comes && of_kind.into_iter().all(goes) {
            return refuse(format!("it would leave {bare} without any {kind} record"));
        }
    }
    // The companion belongs to records that are changed: it is written nowhere by itself.
    if changes.is_empty() {
        return refuse(format!("there is no record of {bare} that would have to be changed"));
    }
    // First what goes: the same member cannot be there twice, not even within a batch.
    changes.sort_by_key(|change| matches!(change, Change::Create(_)));
    if let Some(companion) = companion(wanted.name, records) {
        changes.push(Change::Delete(companion.clone()));
    }
    changes.push(Change::Create(wanted.fence.record(wanted.name)));
    Ok(changes)
}

/// The same record, with the other environment's host in place of this one's.
fn redirected(record: &Record, from: &Hosts, to: &Hosts) -> Option<Record> {
    let target = record.target()?;
    let matches = |host: &Option<String>| host.as_deref().is_some_and(|host| same_host(target, host));
    let host = if matches(&from.cname) {
        to.cname.as_deref()?
    } else {
        to.endpoint.as_deref()?
    };
    let mut other = record.clone();
    match &mut other.content {
        Content::Alias { target, .. } => {
            let dual = if target.to_ascii_lowercase().starts_with("dualstack.") {
                "dualstack."
            } else {
                ""
            };
            *target = format!("{dual}{host}.");
        }
        Content::Values { values, .. } => *values = vec![host.to_owned()],
    }
    Some(other)
}

/// The records of a name that carry traffic.
pub(super) fn carrying<'a>(name: &'a str, records: &'a [Record]) -> impl Iterator<Item = &'a Record> {
    records
        .iter()
        .filter(move |record| record.name == name && KINDS.contains(&record.kind.as_str()))
}

/// The text beside a name that says whose it is.
pub(super) fn companion<'a>(name: &str, records: &'a [Record]) -> Option<&'a Record> {
    let beside = fence_name(name);
    records
        .iter()
        .find(|record| record.name == beside && record.kind == "TXT")
}

/// Stands for the exact state of records, whatever order they are in.
fn token(records: &[Record]) -> String {
    let mut lines: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    lines.sort();
    super::short_digest(&lines.join("\n"))
}
