//! The pure core of a release: what is known, what happened, what to do next. No I/O, no clock, no `async`, no randomness.
//!
//! [`decide()`] looks at the state and at what was seen of the world, and says what is missing. [`apply()`] is the only way the
//! state changes. Every phase names a state that the world should have, so restarting at any point changes nothing.

mod action;
mod again;
mod apply;
mod assessment;
mod causes;
mod counted;
pub mod decide;
mod drill;
mod event;
mod holds;
mod looks;
mod moves;
mod next;
mod notice;
mod observation;
mod origin;
mod outcome;
mod pair;
mod people;
mod plan;
pub mod preflight;
mod seen;
mod size;
mod state;
mod takeover;
#[cfg(test)]
pub(crate) mod tests;
mod versions;
mod why;
mod witness;

pub use action::{Action, CallResult, Role, Safety};
pub use apply::{IllegalEvent, apply};
pub use assessment::{Assessment, Measured};
pub use counted::{AlarmSeen, Counted, CountedBy};
pub use decide::{Decision, Then, decide, limits};
pub use drill::DrillKind;
pub use event::{Entry, Event, FORMAT, Look};
pub use looks::looks;
pub use next::Next;
pub use notice::{Listener, Notice, Silent};
pub use observation::{Looks, Observation, Sampled};
pub use origin::{Execution, Origin};
pub use outcome::Outcome;
pub use pair::{Blue, Green};
pub use people::{Wish, Writer};
pub use plan::{Extensions, Overridden, Plan, RELEASE_TAG, ReleaseId, Route, Slot, Source};
pub use seen::{
    EnvironmentSeen, EnvironmentStatus, HealthSeen, InstanceSeen, Processing, PublicSeen, UrlSeen, VersionSeen,
};
pub use size::{CapacitySeen, GroupSeen, Limits};
pub use state::{
    Attempts, Drained, OpenGate, PassedGate, Pause, PauseAsked, Pending, Phase, Question, Release, RollbackState,
    TakenOver, Up, Watch, Wishes,
};
pub use why::{Finding, Why};
