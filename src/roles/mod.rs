//! The permissions that cutover needs on AWS, as IAM policies: of one configuration, by duty, and no wider than that needs.
//!
//! [`GRANTS`] is the one table of them. `cutover iam-policy` prints it for a configuration; the rehearsal and the simulator
//! enforce what is printed, so a call that is not allowed is found before a user meets it.

mod document;
mod duty;
mod grants;
mod scope;

pub use document::{Policy, policy};
pub use duty::Duty;
pub use grants::{GRANTS, Grant};
pub use scope::{Form, Home, Scope};

#[cfg(test)]
mod tests;
