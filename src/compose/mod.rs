//! Reads settings once and wires everything together.

mod adoption;
mod artifact;
#[cfg(feature = "local")]
mod in_process;
mod plan;
mod project;
mod start;
mod turn;
mod verdict;

pub use adoption::{Adopted, AdoptionError, Direction, Wanted, adoption};
pub use artifact::{Artifact, prepare};
#[cfg(feature = "local")]
pub use in_process::InProcessCloud;
pub use plan::{Planner, way_back};
pub use project::{Project, Reach};
pub use start::{Refusal, Start, check};
pub use turn::{NotBegun, Patience, WAIT, begin};
pub use verdict::policy;
