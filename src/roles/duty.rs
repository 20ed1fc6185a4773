//! Duties: parts of a release that different people may be trusted with.

use std::fmt;

/// A part of a release that a role can be trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Look: all that `cutover status` and preflight read.
    Read,
    /// Make green: bundle, version, configuration, environment.
    Stage,
    /// Move traffic, forward and back.
    Switch,
    /// Remove what is not used any more.
    Terminate,
}

impl Duty {
    /// All of them, in the order of a release.
    pub const ALL: [Self; 4] = [Self::Read, Self::Stage, Self::Switch, Self::Terminate];

    /// As it is written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Stage => "stage",
            Self::Switch => "switch",
            Self::Terminate => "terminate",
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
