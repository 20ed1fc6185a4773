//! One thing that is in the way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that keeps a release from beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A short word for machines.
    pub code: String,
    /// What is wrong, with names.
    pub message: String,
    /// What to do next.
    pub advice: String,
}

impl Problem {
    /// Puts one together.
    pub fn new(code: &str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            advice: advice.into(),
        }
    }

    /// That something is wrong with the bundle; a sentence says what.
    #[must_use]
    pub fn of_bundle(what: &String) -> Self {
        // What is wrong may be the folder that it is kept in: each sentence says what to do.
        Self::new("bundle", what, "set that right and try again")
    }

    /// Whether it only says that something could not be read, so that another look may clear it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.code == UNKNOWN
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.advice)
    }
}

/// Code of the problem that something could not be read.
pub(super) const UNKNOWN: &str = "unknown";
