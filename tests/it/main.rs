//! All integration tests, in one binary because linking is slow.

mod local_live;
#[cfg(feature = "local")]
mod local_s3;
