//! cutover: blue/green releases on AWS Elastic Beanstalk that lose no request and roll back by themselves.
//!
//! The modules stand in the order in which data flows: each imports only modules listed below it.
//! `tests/it/house.rs` keeps it so; `docs/architecture.md` says why.

pub mod aws;
pub mod bundle;
pub mod cli;
pub mod compose;
pub mod driver;
pub mod journal;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
pub mod probe;
#[cfg(feature = "local")]
pub mod rehearse;
pub mod release;
pub mod report;
pub mod spec;
