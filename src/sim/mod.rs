//! Deterministic simulation of whole releases: the real driver, core, journal and AWS clients against the local cloud, in
//! virtual time, with faults, crashes, freezes, operators and strangers drawn from one seed.
//!
//! A [`Scenario`] is everything that a seed draws. [`simulate`] plays it on one thread whose clock jumps from timer to timer,
//! so that hours of a release take milliseconds and the same seed gives the same bytes. Whatever happens is checked against
//! the [rules](rules) at once; the end is checked against what the scenario allows.

mod expect;
mod life;
mod logbook;
mod many;
mod minimise;
mod mistakes;
mod others;
mod permits;
mod pipeline;
mod prober;
mod process;
mod rules;
mod scaling;
mod scenario;
mod scene;
mod sequel;
mod shares;
mod stage;
mod sweep;
mod teeth;
#[cfg(test)]
mod tests;
mod watched;
mod wire;
mod world;

pub use many::{Fingerprint, Many, Tally, many};
pub use minimise::minimise;
pub use mistakes::Mistake;
pub use scenario::Scenario;
pub use scene::Violation;
pub use sweep::{Sweep, sweep};
pub use teeth::{Caught, catch};
pub use world::{Played, simulate};
