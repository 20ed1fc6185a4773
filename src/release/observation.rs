//! What was seen of the world in one look. Every part can be *unknown*; nothing here is a guess.

use std::collections::BTreeSet;

use super::preflight::Facts;
use super::seen::{EnvironmentSeen, HealthSeen, PublicSeen, VersionSeen};
use crate::model::{EnvironmentId, Known, ProbeResult, Timestamp};

/// Which parts of the world the core wants to see: reads cost calls that the whole account shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Everything that preflight asks.
    pub facts: bool,
    /// Whether the bundle lies under its key.
    pub artifact: bool,
    /// The application version.
    pub version: bool,
    /// The application's templates.
    pub templates: bool,
    /// The environments of the application.
    pub environments: bool,
    /// Health of this environment, as green.
    pub green_health: Option<EnvironmentId>,
    /// Health of this environment, as blue.
    pub blue_health: Option<EnvironmentId>,
    /// Error events of this environment since this moment.
    pub errors: Option<(EnvironmentId, Timestamp)>,
    /// Run the smoke checks against this host.
    pub smoke: Option<String>,
    /// Run the bake's checks through the public name, and compare its addresses with those of this host.
    pub public: Option<String>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When the look was complete.
    pub at: Timestamp,
    /// See [`Looks::facts`].
    pub facts: Option<Facts>,
    /// See [`Looks::artifact`].
    pub artifact: Known<bool>,
    /// See [`Looks::version`].
    pub version: Known<Option<VersionSeen>>,
    /// See [`Looks::templates`].
    pub templates: Known<BTreeSet<String>>,
    /// See [`Looks::environments`]. Terminated ones are left out.
    pub environments: Known<Vec<EnvironmentSeen>>,
    /// See [`Looks::green_health`].
    pub green_health: Known<HealthSeen>,
    /// See [`Looks::blue_health`].
    pub blue_health: Known<HealthSeen>,
    /// See [`Looks::errors`].
    pub errors: Known<Vec<String>>,
    /// See [`Looks::smoke`].
    pub smoke: Option<Vec<ProbeResult>>,
    /// See [`Looks::public`].
    pub public: Option<PublicSeen>,
}

impl Observation {
    /// A look that saw nothing.
    #[must_use]
    pub fn blank(at: Timestamp) -> Self {
        let unasked = || "was not asked for".to_owned();
        Self {
            at,
            facts: None,
            artifact: Known::Unknown(unasked()),
            version: Known::Unknown(unasked()),
            templates: Known::Unknown(unasked()),
            environments: Known::Unknown(unasked()),
            green_health: Known::Unknown(unasked()),
            blue_health: Known::Unknown(unasked()),
            errors: Known::Unknown(unasked()),
            smoke: None,
            public: None,
        }
    }
}
