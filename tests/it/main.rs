//! All integration tests, in one binary because linking is slow.

#![cfg_attr(
    feature = "local",
    expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")
)]

#[cfg(feature = "local")]
mod adoption;
#[cfg(feature = "local")]
mod ambiguous;
#[cfg(feature = "local")]
mod balancers;
#[cfg(feature = "local")]
mod crash;
#[cfg(feature = "local")]
mod doors;
mod drills;
#[cfg(feature = "local")]
mod frozen;
#[cfg(feature = "local")]
mod functions;
mod house;
#[cfg(feature = "local")]
mod interop;
#[cfg(all(feature = "local", target_os = "linux"))]
mod journal_disk;
#[cfg(feature = "local")]
mod journal_s3;
#[cfg(feature = "local")]
mod kills;
#[cfg(feature = "local")]
mod levers;
mod local_live;
#[cfg(feature = "local")]
mod local_s3;
#[cfg(feature = "local")]
mod operators;
#[cfg(feature = "local")]
mod permissions;
#[cfg(feature = "local")]
mod proxies;
#[cfg(feature = "local")]
mod queue;
#[cfg(feature = "local")]
mod refusals;
#[cfg(feature = "local")]
mod release_cli;
#[cfg(feature = "local")]
mod remembers;
#[cfg(feature = "local")]
mod sim;
#[cfg(feature = "local")]
mod sources;
#[cfg(feature = "local")]
mod support;
#[cfg(feature = "local")]
mod two_drivers;
mod verdict;
