//! What the account remembers.

mod application;
mod catalogue;
mod environment;
mod event;
pub(crate) mod options;
mod platform;
mod watch;

pub(crate) use application::{Application, ApplicationVersion, Tags, Template, VersionStatus};
pub(crate) use environment::{
    Balancer, BalancerKind, Completed, Draft, DraftState, Environment, InfoSample, Plan, Status, Update, Work,
};
pub(crate) use event::{Event, EventLog, Severity, Source};
pub(crate) use options::OptionSettings;
pub(crate) use platform::{FAMILIES, Family, Platform};
pub(crate) use watch::{Watch, requests_of};
