//! IAM, as far as the local cloud has it: policies for access keys, which their calls are then held to.
//!
//! A policy is read whole or refused: what it says and this module does not know would make a guess of every answer. Each
//! operation that the local cloud offers is turned into what it needs ([`Asked`]): actions, the ARNs of what they are about, and
//! the keys of conditions. Sources: "Resources and conditions for Elastic Beanstalk actions" of its Developer Guide, the Service
//! Authorization Reference, and "Policy evaluation logic" of the IAM User Guide.
//!
//! What it leaves out: principals, boundaries, policies of resources, sessions. Lists of Elastic Beanstalk are refused where
//! AWS would leave out silently what may not be seen.

mod asked;
mod condition;
mod keeper;
mod operations;
mod pattern;
mod policy;
#[cfg(test)]
mod tests;

pub use asked::{Asked, Call, Context, Inventory, Place, Target};
pub use keeper::{Denial, Permissions};
pub use policy::{Policy, PolicyError, Verdict};
