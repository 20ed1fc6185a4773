//! What a record set must be like beside the others of its zone.
//!
//! The messages are those of the service as users have quoted them; where no quotation was found they keep its style.

use super::name::DomainName;
use super::record::{Content, RecordSet, Routing};

/// Members of one name and type (source: quotas of Route 53).
const MOST_MEMBERS: usize = 100;

/// Why a record set may not be in a zone beside the others that are there, if it may not. `others` does not hold the one that
/// it replaces.
pub(super) fn beside<'a>(
    record: &RecordSet,
    others: impl Iterator<Item = &'a RecordSet> + Clone,
    zone: &DomainName,
) -> Option<String> {
    let RecordSet { name, kind, .. } = record;
    if !name.lies_in(zone) {
        return Some(format!("RRSet with DNS name {name} is not permitted in zone {zone}"));
    }
    if *kind == "CNAME" && name == zone {
        return Some(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
        ));
    }
    let mut here = others.filter(|other| other.name == *name);
    if let Some(other) = here.clone().find(|other| (other.kind == "CNAME") != (*kind == "CNAME")) {
        // Two spaces, as the service has them.
        return Some(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type  {} with the same DNS \
             name already exists in zone {zone}",
            other.kind
        ));
    }
    let members: Vec<&RecordSet> = here.by_ref().filter(|other| other.kind == *kind).collect();
    let first = members.first()?;
    if record.routing == Routing::Simple {
        return Some(format!(
            "RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type."
        ));
    }
    let word = record.routing.word();
    let cannot = |why: String| {
        let id = record.routing.id().unwrap_or_default();
        Some(format!(
            "RRSet with DNS name {name}, type {kind}, SetIdentifier {id} cannot be created as {why}"
        ))
    };
    if first.routing.word() != word {
        return cannot(format!("a non-{word} set exists with the same name and type."));
    }
    let ttl = |record: &RecordSet| match record.content {
        Content::Values { ttl, .. } => Some(ttl),
        Content::Alias { .. } => None,
    };
    let differs = |other: &&&RecordSet| matches!((ttl(record), ttl(other)), (Some(mine), Some(its)) if mine != its);
    if members.iter().any(|other| differs(&other)) {
        return cannot(format!("{word} sets must contain the same TTL."));
    }
    if members.len() >= MOST_MEMBERS {
        return cannot(format!(
            "there may be {MOST_MEMBERS} {word} sets with the same name and type."
        ));
    }
    None
}
