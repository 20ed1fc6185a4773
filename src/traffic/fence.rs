//! The companion of a weighted name: a text beside it that says who wrote its members last.
//!
//! Route 53 compares what is to be deleted with what is there. That it compares values is documented; that it compares weights
//! is not. So every change of members replaces this text in the same batch, and a writer who does not know the newest one
//! changes nothing.

use std::fmt;

use super::record::{Content, Record, Routing};

/// The first label of the companion's name.
const LABEL: &str = "_cutover";

/// A string of DNS has 255 characters (RFC 1035); the other fields take less than 70.
const LONGEST_SLOT: usize = 180;

/// How long resolvers may keep it. Nobody asks for it but people.
const TTL: u32 = 60;

/// Who wrote the members of a name last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The slot, `application/slot` in the letters that such a text may hold.
    pub(super) slot: String,
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
    /// Of a slot, `application/slot`, before any release has written its members.
    #[must_use]
    pub fn first(slot: &str) -> Self {
        Self {
            slot: slot_text(slot),
            release: 0,
            entry: 0,
        }
    }

    /// What an entry of a release's journal writes.
    #[must_use]
    pub fn of(slot: &str, release: u32, entry: u64) -> Self {
        Self {
            slot: slot_text(slot),
            release,
            entry,
        }
    }

    /// The slot, as the text has it.
    #[must_use]
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Whether it is of that slot.
    #[must_use]
    pub fn is_of(&self, slot: &str) -> bool {
        self.slot == slot_text(slot)
    }

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

/// A slot as the text has it. Names of applications may hold spaces, quotation marks and letters of any language: such bytes
/// are written as `%` and two digits, so that the text needs no escapes of DNS. What would not fit into one string of DNS ends
/// with a checksum.
fn slot_text(slot: &str) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(slot.len());
    for byte in slot.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
    }
    if text.len() > LONGEST_SLOT {
        text.truncate(LONGEST_SLOT - 17);
        text.push('-');
        text.push_str(&super::short_digest(slot));
    }
    text
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, release, entry } = self;
        write!(f, "cutover slot={slot} release={release} entry={entry}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_slot_is_as_long_as_fits_and_told_from_others() {
        let slot = |length: usize| Fence::first(&"x".repeat(length)).slot().to_owned();
        assert_eq!(slot(LONGEST_SLOT), "x".repeat(LONGEST_SLOT));
        let (one, other) = (slot(LONGEST_SLOT + 1), slot(LONGEST_SLOT + 2));
        for text in [&one, &other] {
            assert_eq!(text.len(), LONGEST_SLOT, "{text}");
            assert!(text.starts_with(&"x".repeat(LONGEST_SLOT - 17)), "{text}");
        }
        assert_ne!(one, other);
    }
}
