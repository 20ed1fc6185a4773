//! Rehearsals: real releases of real processes on the local cloud, under real load.
//!
//! Everything is what it is in production, but for the account: the driver, the AWS clients, HTTP, DNS, processes.

mod careless;
mod drills;
mod error;
mod in_place;
mod incidents;
pub mod load;
mod play;
mod route;
pub mod sample;
mod settings;
mod stage;
mod tally;

pub use error::RehearseError;
pub use play::{Rehearsal, rehearse};
pub use settings::RehearseSettings;
pub use tally::{Played, Report};
