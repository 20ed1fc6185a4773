//! What parts of a cloud write down, and what they find again.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a part of a cloud writes down.
#[derive(Debug, Default)]
pub(in crate::local) struct Notes {
    pub(super) entries: Vec<(String, Vec<u8>)>,
    pub(super) added: Vec<(String, Vec<u8>)>,
    pub(super) wrong: Option<NotesError>,
}

/// Something cannot be written down, or was written by a program that knew it otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key:?}: {why}")]
pub(in crate::local) struct NotesError {
    key: String,
    why: String,
}

impl Notes {
    /// Something that changes. All that there is must be put each time: what is missing is gone.
    pub(in crate::local) fn put(&mut self, key: impl Into<String>, value: &impl Serialize) {
        let key = key.into();
        match encoded(&key, value) {
            Ok(value) => self.entries.push((key, value)),
            Err(error) => self.wrong = Some(error),
        }
    }

    /// Something that never changes and is put once.
    pub(in crate::local) fn add(&mut self, key: impl Into<String>, value: &impl Serialize) {
        let key = key.into();
        match encoded(&key, value) {
            Ok(value) => self.added.push((key, value)),
            Err(error) => self.wrong = Some(error),
        }
    }
}

#[cfg(test)]
impl Notes {
    /// What is found again.
    pub(in crate::local) fn kept(self) -> Kept {
        assert_eq!(self.wrong, None);
        Kept(self.entries.into_iter().chain(self.added).collect())
    }

    /// Entries by key, but for those whose keys are left out.
    pub(in crate::local) fn but(self, left_out: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let mut all = self.kept().0;
        all.retain(|key, _| !left_out.contains(&key.as_str()));
        all
    }
}

/// A value as it is written down.
pub(in crate::local) fn encoded(key: &str, value: &impl Serialize) -> Result<Vec<u8>, NotesError> {
    let mut content = Vec::new();
    ciborium::into_writer(value, &mut content).map_err(|error| NotesError {
        key: key.to_owned(),
        why: format!("it cannot be written: {error}"),
    })?;
    Ok(content)
}

/// What was written down, by key.
#[derive(Debug, Default)]
pub(in crate::local) struct Kept(pub(super) BTreeMap<String, Vec<u8>>);

impl Kept {
    /// One value, if it is there.
    pub(in crate::local) fn one<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, NotesError> {
        let value = self.0.get(key);
        value.map(|value| decoded(key, value)).transpose()
    }

    /// All values whose keys begin so, with the rest of each key, in the order of their keys.
    pub(in crate::local) fn all<T: DeserializeOwned>(&self, beginning: &str) -> Result<Vec<(String, T)>, NotesError> {
        self.0
            .range(beginning.to_owned()..)
            .map_while(|(key, value)| Some((key, key.strip_prefix(beginning)?, value)))
            .map(|(key, rest, value)| Ok((rest.to_owned(), decoded(key, value)?)))
            .collect()
    }
}

fn decoded<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, NotesError> {
    ciborium::from_reader(value).map_err(|error| NotesError {
        key: key.to_owned(),
        why: format!("it cannot be read: {error}"),
    })
}

/// Bytes, which are written as such and not as so many numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::local) struct Plain(pub(in crate::local) Vec<u8>);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Plain, E> {
                Ok(Plain(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Plain, E> {
                Ok(Plain(bytes))
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_by_the_beginning_of_its_key() {
        let mut notes = Notes::default();
        notes.put("a/1", &("one", Plain(vec![0, 255])));
        notes.put("a/2", &("two", Plain(Vec::new())));
        notes.add("b", &7);
        assert_eq!(notes.wrong, None);
        let kept = Kept(notes.entries.into_iter().chain(notes.added).collect());
        let all: Vec<(String, (String, Plain))> = kept.all("a/").unwrap();
        assert_eq!(all[0], ("1".to_owned(), ("one".to_owned(), Plain(vec![0, 255]))));
        assert_eq!(all.len(), 2);
        assert_eq!(kept.one::<u64>("b").unwrap(), Some(7));
        assert_eq!(kept.one::<u64>("c").unwrap(), None);
        let told = kept.one::<String>("b").unwrap_err().to_string();
        assert!(told.starts_with("\"b\": it cannot be read"), "{told}");
    }
}
