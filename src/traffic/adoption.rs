//! Turning a simple record into the weighted form, and back, in one batch: at no moment is the name without an answer.

use super::fence::{Fence, fence_name};
use super::members::{KINDS, carrying, companion};
use super::record::{Change, Record, Routing, same_host};

/// The set identifier of the member that leads to the live environment. It is no environment's name, because names of Elastic
/// Beanstalk move from one environment to another.
const LIVE: &str = "live";

/// The weight of a member that is alone: half percents of it are whole numbers.
const WHOLE: u8 = 200;

/// What is to become of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// They are in that form already.
    Already,
    /// These changes, all at once.
    Changes(Vec<Change>),
}

/// What a name must lead to, to be adopted for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The slot, as `application/slot`.
    pub slot: String,
    /// Name of the slot's live environment.
    pub environment: String,
    /// Host names of that environment: its CNAME and its balancer's.
    pub hosts: Vec<String>,
    /// Host names of the application's other environments: releases give them members.
    pub others: Vec<String>,
}

/// Why records are left as they are. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdopted {
    /// There is nothing.
    #[error(
        "{name} has no A, AAAA or CNAME record in its hosted zone; make one that leads to the live environment first"
    )]
    NoRecord {
        /// The name.
        name: String,
    },
    /// It leads elsewhere.
    #[error("{record} does not lead to {environment}, the live environment; let it lead to {host} first")]
    Elsewhere {
        /// The record.
        record: String,
        /// The live environment.
        environment: String,
        /// Where it should lead.
        host: String,
    },
    /// It has another routing policy.
    #[error(
        "{record}: a name with {policy} records cannot have weighted ones; remove that policy first, or keep the lever that you use"
    )]
    OtherPolicy {
        /// The record.
        record: String,
        /// The policy.
        policy: &'static str,
    },
    /// A member that others have made.
    #[error(
        "{name} has a weighted member that cutover did not make ({member}), with which it would share the traffic: remove it first; if it is \
         what carries the traffic now, put a simple record in its place, both in one change batch"
    )]
    Foreign {
        /// The name.
        name: String,
        /// The member.
        member: String,
    },
    /// Another slot has it.
    #[error("{name} belongs to the slot {other}, by its record {fence}; run `cutover unadopt` for that slot first")]
    OtherSlot {
        /// The name.
        name: String,
        /// That slot.
        other: String,
        /// The companion record.
        fence: String,
    },
    /// The companion is there, and is not cutover's, or is left over.
    #[error("{fence} is in the way ({record}); it is left over from something: remove it first")]
    Stray {
        /// The companion's name.
        fence: String,
        /// The record.
        record: String,
    },
    /// There is not one answer.
    #[error(
        "{name} has more than one member ({members}), of which a simple record can keep one only: remove the others first"
    )]
    Shared {
        /// The name.
        name: String,
        /// The members.
        members: String,
    },
    /// It is weighted, and nothing says that cutover made it so.
    #[error("{name} is not managed by cutover: there is no record {fence} beside it; nothing was changed")]
    NotOurs {
        /// The name.
        name: String,
        /// The companion's name.
        fence: String,
    },
}

/// The records of a name that carry traffic, and its companion.
struct Found<'a> {
    members: Vec<&'a Record>,
    companion: Option<&'a Record>,
    fence: Option<Fence>,
}

impl<'a> Found<'a> {
    /// # Errors
    ///
    /// When there is no record that carries traffic.
    fn among(name: &'a str, records: &'a [Record]) -> Result<Self, NotAdopted> {
        let companion = companion(name, records);
        let members: Vec<&Record> = carrying(name, records).collect();
        if members.is_empty() {
            return Err(NotAdopted::NoRecord { name: name.to_owned() });
        }
        Ok(Self {
            members,
            companion,
            fence: companion.and_then(Fence::read),
        })
    }

    /// All members go; in the same batch others take their place.
    fn deletions(&self) -> Vec<Change> {
        let delete = |record: &&Record| Change::Delete((*record).clone());
        self.members.iter().map(delete).collect()
    }

    /// Refuses records with a policy that cutover does not use: it could not even write them as they are.
    fn check_policies(&self) -> Result<(), NotAdopted> {
        let other = self.members.iter().find_map(|record| match record.routing {
            Routing::Other { policy, .. } => Some((record, policy)),
            _ => None,
        });
        match other {
            Some((record, policy)) => Err(NotAdopted::OtherPolicy {
                record: record.to_string(),
                policy,
            }),
            None => Ok(()),
        }
    }

    /// Refuses a companion that is of another slot, or that cannot be read.
    fn check_companion(&self, name: &str, slot: &str) -> Result<(), NotAdopted> {
        match (self.companion, &self.fence) {
            (Some(_), Some(fence)) if !fence.is_of(slot) => Err(NotAdopted::OtherSlot {
                name: name.to_owned(),
                other: fence.slot().to_owned(),
                fence: fence_name(name),
            }),
            (Some(record), None) => Err(stray(name, record)),
            _ => Ok(()),
        }
    }
}

/// What turns the records of a name into the weighted form. `name` is in small letters, with a dot at the end.
///
/// # Errors
///
/// When that would change where the name leads, or take something from others.
pub fn adopt(name: &str, records: &[Record], target: &Target) -> Result<Adoption, NotAdopted> {
    let found = Found::among(name, records)?;
    found.check_companion(name, &target.slot)?;
    found.check_policies()?;
    let ours = found.companion.is_some();
    for record in &found.members {
        let leads_to = |hosts: &[String]| {
            let leads = record.target();
            leads.is_some_and(|leads| hosts.iter().any(|host| same_host(leads, host)))
        };
        if leads_to(&target.hosts) {
            continue;
        }
        if record.routing != Routing::Simple {
            if ours && leads_to(&target.others) {
                continue;
            }
            return Err(foreign(name, record));
        }
        return Err(NotAdopted::Elsewhere {
            record: record.to_string(),
            environment: target.environment.clone(),
            host: target.hosts.first().cloned().unwrap_or_default(),
        });
    }
    let is_simple = |record: &&Record| record.routing == Routing::Simple;
    let (simple, weighted): (Vec<&Record>, Vec<&Record>) = found.members.iter().copied().partition(is_simple);
    match (weighted.first(), found.companion) {
        (None, None) => {}
        (None, Some(companion)) => return Err(stray(name, companion)),
        (Some(_), Some(_)) if simple.is_empty() => return Ok(Adoption::Already),
        // Records of another kind that somebody has added since are like the first ones.
        (Some(_), Some(_)) => {}
        (Some(member), None) => return Err(foreign(name, member)),
    }
    let member = Routing::Weighted {
        id: LIVE.to_owned(),
        weight: WHOLE,
    };
    let mut changes: Vec<Change> = simple.iter().map(|record| Change::Delete((*record).clone())).collect();
    for record in simple {
        changes.push(Change::Create(record.routed(member.clone())));
    }
    if !ours {
        changes.push(Change::Create(Fence::first(&target.slot).record(name)));
    }
    Ok(Adoption::Changes(changes))
}

/// What turns the weighted records of a name back into simple ones, with the same answer.
///
/// # Errors
///
/// When cutover did not make them, or when there is not one answer.
pub fn unadopt(name: &str, records: &[Record], slot: &str) -> Result<Adoption, NotAdopted> {
    let found = Found::among(name, records)?;
    found.check_companion(name, slot)?;
    let simple = found.members.iter().all(|record| record.routing == Routing::Simple);
    let companion = match (simple, found.companion) {
        (true, None) => return Ok(Adoption::Already),
        (true, Some(companion)) => return Err(stray(name, companion)),
        (false, None) => {
            return Err(NotAdopted::NotOurs {
                name: name.to_owned(),
                fence: fence_name(name),
            });
        }
        (false, Some(companion)) => companion,
    };
    found.check_policies()?;
    let mut changes = found.deletions();
    changes.push(Change::Delete(companion.clone()));
    for kind in KINDS {
        let members: Vec<&Record> = found
            .members
            .iter()
            .copied()
            .filter(|record| record.kind == kind)
            .collect();
        match members.as_slice() {
            [] => {}
            [one] => changes.push(Change::Create(one.routed(Routing::Simple))),
            // Whatever weight it has, a second one is somebody's, and would be lost.
            several => return Err(shared(name, several)),
        }
    }
    Ok(Adoption::Changes(changes))
}

fn foreign(name: &str, record: &Record) -> NotAdopted {
    NotAdopted::Foreign {
        name: name.to_owned(),
        member: record.to_string(),
    }
}

fn stray(name: &str, record: &Record) -> NotAdopted {
    NotAdopted::Stray {
        fence: fence_name(name),
        record: record.to_string(),
    }
}

fn shared(name: &str, members: &[&Record]) -> NotAdopted {
    NotAdopted::Shared {
        name: name.to_owned(),
        members: listed(members.iter().copied()),
    }
}

fn listed<'a>(members: impl Iterator<Item = &'a Record>) -> String {
    let all: Vec<String> = members
        .map(|record| match &record.routing {
            Routing::Simple => format!("{} without a weight", record.kind),
            Routing::Weighted { id, weight } => format!("{} {id:?} with weight {weight}", record.kind),
            Routing::Other { id, policy } => format!("{} {id:?} by {policy}", record.kind),
        })
        .collect();
    all.join(", ")
}
