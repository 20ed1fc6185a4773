//! `cutover.toml`: what a user writes, checked, with messages that point into the file.

mod check;
mod file;

pub use check::{Check, Expectation, StatusRange};
pub use file::{
    ArtifactSpec, AtDrainDeadline, BakeSpec, DrainSpec, GreenSpec, Lever, OptionSetting, ProvisionSpec, RetireSpec,
    RollbackSpec, SmokeSpec, Spec,
};
