//! The companion of a weighted name: a text beside it that says who wrote its members last.
//!
//! Route 53 compares what is to be deleted with what is there. That it compares values is documented; that it compares weights
//! is not. So every change of members replaces this text in the same batch, and a writer who does not know the newest one
//! changes nothing.

use std::fmt;

use super::record::{Content, Record, Routing};

/// The first label of the companion's name.
const LABEL: &str = "_cutover";

/// How long resolvers may keep it. Nobody asks for it but people.
const TTL: u32 = 60;

/// Who wrote the members of a name last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The slot, as `application/slot`.
    pub slot: String,
    /// The number of the release; 0 before the first one.
    pub release: u32,
    /// The entry of its journal.
    pub entry: u64,
}

/// The companion's name.
#[must_use]
pub fn fence_name(name: &str) -> String {
    format!("{LABEL}.{name}")
}

impl Fence {
    /// The record beside a name.
    #[must_use]
    pub fn record(&self, name: &str) -> Record {
        Record {
            name: fence_name(name),
            kind: "TXT".to_owned(),
            routing: Routing::Simple,
            content: Content::Values {
                ttl: TTL,
                values: vec![format!("\"{self}\"")],
            },
            health_check: None,
        }
    }

    /// Reads a record's text; `None` if it is not one of these.
    #[must_use]
    pub fn read(record: &Record) -> Option<Self> {
        let Content::Values { values, .. } = &record.content else {
            return None;
        };
        let [value] = values.as_slice() else { return None };
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        let mut fields = text.strip_prefix("cutover ")?.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        Some(Self {
            slot: field("slot")?.to_owned(),
            release: field("release")?.parse().ok()?,
            entry: field("entry")?.parse().ok()?,
        })
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, release, entry } = self;
        write!(f, "cutover slot={slot} release={release} entry={entry}")
    }
}
