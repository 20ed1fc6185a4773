//! cutover: blue/green releases on AWS Elastic Beanstalk that lose no request and roll back by themselves.
//!
//! Data flows one way through the modules. Each imports only modules that stand below it in this list:
//!
//! - `cli`: the command line; arguments in, exit code out, no decisions
//! - `sim`: deterministic simulation of releases in virtual time
//! - `lambda`: jobs of CodePipeline and schedules, as a function of AWS Lambda
//! - `rehearse`: whole releases of real processes on the local cloud
//! - `drill`: releases that prove that going back works
//! - `compose`: reads settings once and wires everything together
//! - `report`: events to text, bars and JSON lines
//! - `driver`: the only loop: observe, decide, append, perform, append
//! - `roles`: the permissions that a configuration needs on AWS, as IAM policies
//! - `journal`: the append-only log of releases
//! - `aws`: the only module that names the AWS SDK
//! - `probe`: checks over HTTP, and name lookups without a cache
//! - `bundle`: zips, made and inspected
//! - `release`: the pure core: state, events, decisions
//! - `verdict`: the pure health engine
//! - `traffic`: who has which part of the traffic, and what gives them another: records of a name, rules of a load balancer
//! - `spec`: `cutover.toml`
//! - `local`: an AWS-compatible account that runs applications as processes
//! - `model`: the vocabulary
//!
//! `tests/it/house.rs` reads this list and keeps it so; `docs/architecture.md` says why.

pub mod aws;
pub mod bundle;
pub mod cli;
pub mod compose;
pub mod drill;
pub mod driver;
pub mod journal;
pub mod lambda;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
pub mod probe;
#[cfg(feature = "local")]
pub mod rehearse;
pub mod release;
pub mod report;
pub mod roles;
#[cfg(feature = "local")]
pub mod sim;
pub mod spec;
pub mod traffic;
pub mod verdict;
