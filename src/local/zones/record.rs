//! Record sets.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::name::DomainName;

/// The types that Route 53 knows (source: shape `RRType`).
pub(super) const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB",
    "HTTPS",
];

/// One of the types that Route 53 knows.
pub type RecordType = &'static str;

/// One record set: the values of a name and type, or of one member where several share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Its name.
    pub name: DomainName,
    /// Its type, such as `A`.
    #[serde(deserialize_with = "known_type")]
    pub kind: RecordType,
    /// How it is chosen among those with its name and type.
    pub routing: Routing,
    /// What it answers.
    pub content: Content,
    /// The health check that it depends on.
    pub health_check: Option<String>,
}

/// How a record set is chosen among those that have the same name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// It is the only one.
    Simple,
    /// By chance, in proportion to its weight.
    Weighted {
        /// Tells it from the others.
        id: String,
        /// From 0, never, to 255.
        weight: u8,
    },
    /// By another policy. The local cloud keeps and lists it, and answers with the first one, or the primary.
    Other {
        /// Tells it from the others.
        id: String,
        /// The policy.
        policy: Policy,
    },
}

/// The policies that the local cloud knows without following them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// `PRIMARY` or `SECONDARY`.
    Failover(String),
    /// By the region with the least latency.
    Latency(String),
    /// By where the client is: continent, country, subdivision.
    Geolocation(Option<String>, Option<String>, Option<String>),
    /// Up to eight healthy ones at once.
    MultiValue,
}

impl Policy {
    /// What Route 53 calls a set of such members in its messages.
    fn word(&self) -> &'static str {
        match self {
            Self::Failover(_) => "failover",
            Self::Latency(_) => "latency",
            Self::Geolocation(..) => "geolocation",
            Self::MultiValue => "multivalue answer",
        }
    }
}

impl Routing {
    /// The set identifier.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Simple => None,
            Self::Weighted { id, .. } | Self::Other { id, .. } => Some(id),
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Weighted { .. } => "weighted",
            Self::Other { policy, .. } => policy.word(),
        }
    }
}

/// What a record set answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Values of its own.
    Values {
        /// For how many seconds resolvers may keep them.
        ttl: u32,
        /// In the form of a zone file.
        values: Vec<String>,
    },
    /// What another name answers.
    Alias {
        /// The hosted zone of that name; AWS has one for the names of each service and region.
        zone: String,
        /// That name.
        target: DomainName,
        /// Whether it is passed over when what it leads to is not healthy.
        evaluate: bool,
    },
}

fn known_type<'de, D: Deserializer<'de>>(from: D) -> Result<RecordType, D::Error> {
    let text = String::deserialize(from)?;
    let known = TYPES.into_iter().find(|known| **known == text);
    known.ok_or_else(|| D::Error::custom(format_args!("there is no record type {text:?}")))
}

impl RecordSet {
    /// What is its own: there is one record set for each.
    pub(super) fn key(&self) -> (&DomainName, &'static str, Option<&str>) {
        (&self.name, self.kind, self.routing.id())
    }

    /// Whether it says the same as another one. The order of values is of no importance.
    pub(super) fn same(&self, other: &Self) -> bool {
        let sorted = |record: &Self| {
            let mut record = record.clone();
            if let Content::Values { values, .. } = &mut record.content {
                values.sort_unstable();
            }
            record
        };
        sorted(self) == sorted(other)
    }

    /// In the words of Route 53's messages: with its set identifier if it has one.
    pub(super) fn named(&self) -> String {
        let Self { name, kind, .. } = self;
        match self.routing.id() {
            Some(id) => format!("[name='{name}', type='{kind}', set-identifier='{id}']"),
            None => format!("[name='{name}', type='{kind}']"),
        }
    }
}
