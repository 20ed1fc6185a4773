//! The local cloud: an AWS-compatible account that runs applications as processes. Knows nothing of releases.

pub mod account;
pub mod automation;
pub mod backstage;
pub mod balancers;
pub mod cloud;
pub mod dns;
pub mod door;
pub mod fault;
pub mod folder;
mod identities;
mod ids;
pub mod live;
mod lookup;
mod memory;
pub mod metrics;
pub mod modelled;
pub mod objects;
mod percent;
pub mod permissions;
pub mod plane;
mod query;
mod rate;
mod shapes;
pub mod storage;
mod xml;
pub mod zones;
