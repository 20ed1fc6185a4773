//! Reads settings once and wires everything together.

mod artifact;
mod plan;
mod project;
mod start;

pub use artifact::{Artifact, prepare};
pub use plan::{Planner, way_back};
pub use project::{Project, Reach};
pub use start::{Refusal, Start, check, drive};
