//! (being written)

#[cfg(feature = "local")]
pub mod keep;
