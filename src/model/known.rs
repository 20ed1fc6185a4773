//! Whether something was seen at all.

use serde::{Deserialize, Serialize};

/// What a read gave: a value, or the reason why nothing is known.
///
/// A throttled, failed or stale read is *unknown*: never fine, and never failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// The value that was read.
    Known(T),
    /// Nothing is known; the text says why, in words for a person.
    Unknown(String),
}

impl<T> Known<T> {
    /// The value, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same with the value turned into another.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(f(value)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    /// The reason why nothing is known, if so.
    pub fn why_unknown(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}
