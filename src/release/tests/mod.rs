//! The core against a model world: no I/O, virtual time, every fault on purpose.

mod faults;
mod observe;
mod plan;
mod random;
mod rules;
mod run;
mod service;
mod world;

pub(crate) use plan::{blue, first_entry, plan, release};

mod calls;
mod clocks;
mod crashes;
mod exhaust;
mod explore;
mod foreign;
mod green;
mod holds;
mod recorded;
mod silence;
mod wishes;
