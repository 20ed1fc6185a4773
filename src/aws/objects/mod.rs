//! S3: bundles, and the small objects of a journal.

mod bundle;
mod download;
mod small;

pub use bundle::{BucketFound, Progress};
pub use download::Session;
pub use small::Created;
