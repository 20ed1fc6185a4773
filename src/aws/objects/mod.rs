//! S3: bundles, and the small objects of a journal.

mod bundle;
mod small;

pub use bundle::Progress;
pub use small::Created;
