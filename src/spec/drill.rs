//! What `cutover.toml` says about drills.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Share, Span};

/// Releases whose purpose is to prove that going back works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DrillSpec {
    /// The most traffic that a drill's green gets, such as `5%`, which is the default. A swap of CNAMEs can only move all of it, and
    /// drills with that lever need `100%` here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub max_share: Option<Share>,
    /// How long green is watched with it before everything goes back, or before a fault must have been found.
    pub bake: Span,
    /// How old the last good drill may be.
    pub objective: Span,
}

impl Default for DrillSpec {
    fn default() -> Self {
        Self {
            max_share: None,
            bake: Span::from_secs(5 * 60),
            objective: Span::from_secs(8 * 24 * 60 * 60),
        }
    }
}
