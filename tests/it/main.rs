//! All integration tests, in one binary because linking is slow.

#[cfg(feature = "local")]
mod local_live;
