//! Until when whoever has asked for a release waits.

use clap::ValueEnum;
use serde::Deserialize;

use crate::release::Release;

/// When a command or an action is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// When the release is over and blue is removed.
    #[default]
    Over,
    /// When green has got through its bake. `cutover resume` does the rest.
    Promoted,
}

impl Until {
    /// Whether a release is as far as that, and not over.
    #[must_use]
    pub fn reached(self, release: &Release) -> bool {
        self == Self::Promoted && release.promoted()
    }
}
