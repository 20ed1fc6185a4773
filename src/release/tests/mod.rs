//! The core against a model world: no I/O, virtual time, every fault on purpose.

mod faults;
mod observe;
mod plan;
mod random;
mod rules;
mod run;
mod scene;
mod service;
mod world;

pub(crate) use drilling::played;
pub(crate) use plan::{blue, first_entry, plan, release};

mod again;
mod answering;
mod answers;
mod assessing;
mod calls;
mod clocks;
mod coming_up;
mod crashes;
mod doubt;
mod draining;
mod drilling;
mod exhaust;
mod explore;
mod foreign;
mod gates;
mod green;
mod holding;
mod holds;
mod judging;
mod looking;
mod others;
mod possible;
mod preflight;
mod recorded;
mod retiring;
mod returning;
mod shares;
mod shifting;
mod silence;
mod smoking;
mod sources;
mod steps;
mod wishes;
mod words;
