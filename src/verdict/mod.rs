//! The health verdict: whether green is worse than blue, decided one window at a time.
//!
//! Evidence is kept as *e-values*: bets against "green is no worse than the tolerance allows" whose expected winnings are at
//! most 1 as long as that is true. What was staked and won so far can be looked at after every window, and "the stake has grown
//! a hundredfold" happens to a good release with a probability of 1 % at most, however often one looks (Ville's inequality).
//! All detectors share one stake, so the budget for false rollbacks is that of the whole release.
//!
//! [`Judge`] is the engine: one value for a release, fed by [`Judge::window`]. It reads no clock, keeps no history, and its
//! state can be serialised after any window; going on from there gives the same answers as never having stopped.
//!
//! `docs/verdict.md` explains the method and shows what it does; sources of formulas stand beside the code:
//!
//! - Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference" (Statistical Science 2023):
//!   e-processes, mixtures and Ville's inequality
//! - Lindon and Malek, "Anytime-valid inference for multinomial count data" (NeurIPS 2022): conditional comparison of counts
//! - Wasserman, Ramdas and Balakrishnan, "Universal inference" (PNAS 2020): the test for low traffic

mod counts;
mod dispersion;
mod evalue;
mod evidence;
mod gathered;
mod history;
mod instances;
mod judge;
mod latency;
mod math;
mod mixture;
mod policy;
mod probes;
mod promotion;
mod ranks;
mod rare;
mod reason;
mod replay;
mod slower;
mod stalls;
#[cfg(test)]
mod tests;
pub mod trace;
mod window;

pub use evidence::{Advice, Decision, Evidence, Metric, Side, Verdict, Why};
pub use history::{Learned, Lesson, MOST_LESSONS, learned};
pub use judge::Judge;
pub use policy::{AtDeadline, Policy, Preset, Promotion, Slo, Tolerance};
pub use replay::{Decided, Harm, Replay, replay};
pub use window::{Arm, Instance, Latency, Own, Probes, Window};
