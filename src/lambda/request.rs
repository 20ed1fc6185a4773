//! A request for a release: what a job of a pipeline and a direct invocation have in common.

use super::artifact::Wanted;
use super::settings::SettingsPlace;
use crate::compose::{Until, Whereabouts};
use crate::release::Origin;

/// What is to be released, and how.
pub(super) struct Request {
    pub(super) origin: Origin,
    pub(super) settings: SettingsPlace,
    /// Where they lead to, if that is said beside them.
    pub(super) at: Option<Whereabouts>,
    pub(super) wanted: Wanted,
    pub(super) until: Until,
}
