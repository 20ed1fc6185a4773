//! One hosted zone: what its records are, and what the DNS servers of Route 53 have heard of that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::DomainName;
use super::record::{Content, RecordSet, Routing};
use super::{rules, values};
use crate::model::Timestamp;

/// Records in the order of their listing.
pub(super) type Records = Arc<Vec<RecordSet>>;

/// A hosted zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Zone {
    pub(super) name: DomainName,
    /// What its maker said, by which a repeated call is known.
    pub(super) caller_reference: String,
    pub(super) comment: Option<String>,
    records: Records,
    /// Changes that the servers have not heard of yet: from when on they answer so.
    coming: VecDeque<(Timestamp, Records)>,
    served: Records,
}

/// What is to be done with a record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Delete,
    Upsert,
}

impl Action {
    pub(super) fn from_wire(text: &str) -> Option<Self> {
        match text {
            "CREATE" => Some(Self::Create),
            "DELETE" => Some(Self::Delete),
            "UPSERT" => Some(Self::Upsert),
            _ => None,
        }
    }
}

/// Name servers of every zone; nobody can ask them, the local cloud has one server for all.
pub(super) const SERVERS: [&str; 4] = [
    "ns-1.awsdns-00.com.",
    "ns-2.awsdns-00.net.",
    "ns-3.awsdns-00.org.",
    "ns-4.awsdns-00.co.uk.",
];

impl Zone {
    /// A new zone, with the records that each has: of its servers and its authority.
    pub(super) fn new(name: DomainName, caller_reference: String, comment: Option<String>) -> Self {
        let own = |kind, ttl, values| RecordSet {
            name: name.clone(),
            kind,
            routing: Routing::Simple,
            content: Content::Values { ttl, values },
            health_check: None,
        };
        let authority = format!("{} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", SERVERS[0]);
        let records = Arc::new(vec![
            own("NS", 172_800, SERVERS.map(str::to_owned).to_vec()),
            own("SOA", 900, vec![authority]),
        ]);
        Self {
            name,
            caller_reference,
            comment,
            served: Arc::clone(&records),
            records,
            coming: VecDeque::new(),
        }
    }

    /// The records as they were last written.
    pub(super) fn records(&self) -> &Records {
        &self.records
    }

    /// The records that its servers answer with.
    pub(super) fn served(&self, now: Timestamp) -> &Records {
        let heard = self.coming.iter().rev().find(|(from, _)| *from <= now);
        heard.map_or(&self.served, |(_, records)| records)
    }

    /// When its servers next hear of a change.
    pub(super) fn next_heard(&self, now: Timestamp) -> Option<Timestamp> {
        self.coming.iter().map(|(from, _)| *from).find(|from| *from > now)
    }

    /// Whether it has nothing but the records that each zone has.
    pub(super) fn is_bare(&self) -> bool {
        self.records.len() == 2
    }

    /// Carries out changes in their order, all or none of them; the servers hear of them at `heard`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(super) fn change(
        &mut self,
        changes: &[(Action, RecordSet)],
        now: Timestamp,
        heard: Timestamp,
    ) -> Result<(), Vec<String>> {
        let mut records = self.records.as_ref().clone();
        let mut wrong = written_twice(changes);
        for (action, record) in changes {
            if let Err(message) = self.apply(&mut records, *action, record) {
                wrong.push(message);
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        records.sort_by(|one, other| one.key().cmp(&other.key()));
        self.records = Arc::new(records);
        while self.coming.front().is_some_and(|(from, _)| *from <= now) {
            if let Some((_, records)) = self.coming.pop_front() {
                self.served = records;
            }
        }
        self.coming.push_back((heard, Arc::clone(&self.records)));
        Ok(())
    }

    fn apply(&self, records: &mut Vec<RecordSet>, action: Action, record: &RecordSet) -> Result<(), String> {
        let named = record.named();
        let place = records.iter().position(|other| other.key() == record.key());
        if action == Action::Delete {
            let Some(place) = place else {
                return Err(format!(
                    "Tried to delete resource record set {named} but it was not found"
                ));
            };
            if !records[place].same(record) {
                return Err(format!(
                    "Tried to delete resource record set {named} but the values provided do not match the current values"
                ));
            }
            if record.name == self.name && matches!(record.kind, "SOA" | "NS") {
                return Err(match record.kind {
                    "SOA" => "A HostedZone must contain exactly one SOA record.".to_owned(),
                    _ => "A HostedZone must contain at least one NS record for the zone itself.".to_owned(),
                });
            }
            records.remove(place);
            return Ok(());
        }
        if place.is_some() && action == Action::Create {
            return Err(format!(
                "Tried to create resource record set {named} but it already exists"
            ));
        }
        if let Some(wrong) = values::wrong(record) {
            return Err(wrong);
        }
        self.alias_target(records, record)?;
        let others = records
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != place)
            .map(|(_, other)| other);
        if let Some(wrong) = rules::beside(record, others, &self.name) {
            return Err(wrong);
        }
        match place {
            Some(place) => records[place] = record.clone(),
            None => records.push(record.clone()),
        }
        Ok(())
    }

    /// An alias within the zone leads to a name that has records of the same type.
    fn alias_target(&self, records: &[RecordSet], record: &RecordSet) -> Result<(), String> {
        let Content::Alias { zone, target, .. } = &record.content else {
            return Ok(());
        };
        let kind = record.kind;
        if !target.lies_in(&self.name) {
            return Ok(());
        }
        if records.iter().any(|other| other.name == *target && other.kind == kind) {
            return Ok(());
        }
        Err(format!(
            "Tried to create an alias that targets {target}, type {kind} in zone {zone}, but that target was not found"
        ))
    }
}

/// What is wrong with a batch that writes a record set, and writes it once more: which of them holds would be a matter of order.
/// To create one twice is refused on its own.
fn written_twice(changes: &[(Action, RecordSet)]) -> Vec<String> {
    let mut written = BTreeMap::new();
    let mut wrong = Vec::new();
    for (action, record) in changes.iter().filter(|(action, _)| *action != Action::Delete) {
        let before = written.insert(record.key(), *action);
        if before.is_some_and(|before| before == Action::Upsert || *action == Action::Upsert) {
            wrong.push(format!(
                "The request contains an invalid set of changes for a resource record set '{} {}'",
                record.kind, record.name
            ));
        }
    }
    wrong
}
