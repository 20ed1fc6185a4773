//! Reads settings once and wires everything together.

mod adoption;
mod artifact;
mod drill;
mod home;
#[cfg(feature = "local")]
mod in_process;
mod plan;
mod project;
mod recorded;
mod start;
mod turn;
mod until;
mod variables;
mod verdict;
mod way_back;
mod whereabouts;

pub use adoption::{Adopted, AdoptionError, Direction, Wanted, adoption};
pub use artifact::{Artifact, prepare};
pub use drill::{drill_planner, for_drill};
#[cfg(feature = "local")]
pub use in_process::InProcessCloud;
pub use plan::Planner;
pub use project::{Project, Reach};
pub use recorded::recorded;
pub use start::{Refusal, Start, check, is_live, may_pass};
pub use turn::{ENDED_BADLY, NotBegun, Patience, SETTLE, WAIT, ask_to_turn_back, begin};
pub use until::Until;
pub use verdict::policy;
pub use way_back::{Meant, has_left, that_counts, to_take_back};
pub use whereabouts::Whereabouts;
