//! All integration tests, in one binary because linking is slow.

#[cfg(feature = "local")]
mod doors;
mod local_live;
#[cfg(feature = "local")]
mod local_s3;
