//! The pure core of a release: what is known, what happened, what to do next. No I/O, no clock, no `async`, no randomness.
//!
//! [`decide()`] looks at the state and at what was seen of the world, and says what is missing. [`apply()`] is the only way the
//! state changes. Every phase names a state that the world should have, so restarting at any point changes nothing.

mod action;
mod apply;
pub mod decide;
mod event;
mod looks;
mod notice;
mod observation;
mod plan;
pub mod preflight;
mod state;
#[cfg(test)]
mod tests;
mod why;

pub use action::{Action, CallResult, Role, Safety};
pub use apply::{IllegalEvent, apply};
pub use decide::{Decision, Then, decide, limits};
pub use event::{Entry, Event, FORMAT, Look, Outcome, Wish, Writer};
pub use looks::looks;
pub use notice::{Listener, Notice, Silent};
pub use observation::{
    EnvironmentSeen, EnvironmentStatus, HealthSeen, InstanceSeen, Looks, Observation, Processing, PublicSeen,
    VersionSeen,
};
pub use plan::{Plan, RELEASE_TAG, ReleaseId, Slot, Source};
pub use state::{Attempts, Blue, Drained, Green, Pending, Phase, Release, RollbackState, Up, Watch, Wishes};
pub use why::Why;
