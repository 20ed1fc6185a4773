//! `cutover.toml`: what a user writes, checked, with messages that point into the file.
//!
//! A file is read in three passes, so that one look shows a user everything that is wrong with it: the syntax; keys and
//! types, where each faulty value is reported, taken out and the rest read on; and the rules that need meaning.

mod check;
mod derived;
mod document;
mod drill;
mod error;
mod file;
mod journal;
mod keys;
mod levers;
mod people;
mod read;
mod redact;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod verdict;

pub use check::{CHECKS_AT_ONCE, Check, Expectation, StatusRange};
pub use drill::DrillSpec;
pub use error::{Problem, SpecError};
pub use file::{
    ArtifactSpec, AtDrainDeadline, BakeSpec, DrainSpec, GreenSpec, OptionSetting, ProvisionSpec, RetireSpec,
    RollbackSpec, SmokeSpec, Spec,
};
pub use journal::JournalPlace;
pub use levers::{Lever, Preset, StepSpec, Steps, WeightedDnsSpec, WeightedTargetGroupsSpec};
pub use people::{AtGateDeadline, ForeignAnswer, ForeignSpec, GatePlace, GateSpec};
pub use rules::version_label_fault;
pub use schema::schema;
pub use verdict::{
    AtVerdictDeadline, EndpointSpec, MetricsSource, PromoteSpec, SloSpec, ToleranceSpec, VerdictPreset, VerdictSpec,
};
