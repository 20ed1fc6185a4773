//! What a record set must be like, by itself and beside the others of its zone.
//!
//! The messages are those of the service as users have quoted them; where no quotation was found they keep its style.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::DomainName;
use super::record::{Content, RecordSet, Routing};

/// Members of one name and type (source: quotas of Route 53).
const MOST_MEMBERS: usize = 100;

/// What is wrong with a record set's values, if anything.
pub(super) fn values(record: &RecordSet) -> Option<String> {
    let Content::Values { values, .. } = &record.content else {
        return None;
    };
    for value in values {
        let wrong = match record.kind {
            "A" => value
                .parse::<Ipv4Addr>()
                .is_err()
                .then_some("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
            "AAAA" => value
                .parse::<Ipv6Addr>()
                .is_err()
                .then_some("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"),
            "CNAME" | "NS" | "PTR" => DomainName::parse(value)
                .is_err()
                .then_some("DomainNameInvalid (Value is not a valid domain name)"),
            "TXT" | "SPF" => {
                (!is_quoted(value)).then_some("InvalidCharacterString (Value should be enclosed in quotation marks)")
            }
            _ => value
                .trim()
                .is_empty()
                .then_some("UnparseableValue (Value must not be empty)"),
        };
        if let Some(wrong) = wrong {
            return Some(format!(
                "Invalid Resource Record: 'FATAL problem: {wrong} encountered with '{value}''"
            ));
        }
    }
    let twice = values
        .iter()
        .enumerate()
        .find(|(index, value)| values[..*index].contains(value));
    if let Some((_, value)) = twice {
        return Some(format!("Duplicate Resource Record: '{value}'"));
    }
    if record.kind == "CNAME" && values.len() > 1 {
        return Some(format!(
            "Invalid Resource Record: 'FATAL problem: CNAMEMultipleRecords (A CNAME record set must have one value) encountered \
             with '{}''",
            record.name
        ));
    }
    None
}

/// One or more strings in quotation marks, each of up to 255 characters.
fn is_quoted(value: &str) -> bool {
    let mut rest = value.trim();
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let Some(inner) = rest.strip_prefix('"') else {
            return false;
        };
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, character)| {
            let ends = *character == '"' && !escaped;
            escaped = *character == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else { return false };
        if end > 255 {
            return false;
        }
        rest = inner[end + 1..].trim_start();
    }
    true
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_strings_in_quotation_marks() {
        for (value, quoted) in [
            ("\"a\"", true),
            ("\"a b\" \"c\"", true),
            ("\"say \\\"a\\\"\"", true),
            ("\"\"", true),
            ("a", false),
            ("\"a", false),
            ("a\"", false),
            ("", false),
            ("\"a\" b", false),
        ] {
            assert_eq!(is_quoted(value), quoted, "{value}");
        }
        assert!(!is_quoted(&format!("\"{}\"", "a".repeat(256))));
    }
}
