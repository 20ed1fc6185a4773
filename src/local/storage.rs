//! What the account needs of the object store behind S3: bundles are looked up, logs are left there.

use std::path::PathBuf;

use crate::model::Timestamp;

/// Names of the buckets that Elastic Beanstalk keeps begin with this; region and account follow.
pub(super) const OWN_BUCKETS: &str = "elasticbeanstalk-";
/// Keys of the logs that are left there begin with this.
pub(super) const LOGS: &str = "resources/environments/logs/";

/// Buckets and objects, as the account sees them.
pub trait Storage: Send + Sync {
    /// Makes a bucket unless it is there.
    fn ensure_bucket(&self, bucket: &str);

    /// Whether a bucket is there.
    fn has_bucket(&self, bucket: &str) -> bool;

    /// An object, if it is there.
    fn object(&self, bucket: &str, key: &str) -> Option<StoredObject>;

    /// The whole content of an object, if it is there.
    fn content(&self, bucket: &str, key: &str) -> Option<Vec<u8>>;

    /// Writes a small object whole.
    fn put(&self, bucket: &str, key: &str, content: &[u8]);

    /// What tells the content of an object from the one before and the one after it, if the object is there.
    fn revision(&self, bucket: &str, key: &str) -> Option<ObjectRevision>;

    /// Puts a copy of an object at another place; tells whether the object was there.
    fn copy(&self, from: (&str, &str), to: (&str, &str)) -> bool;

    /// Removes an object, if it is there.
    fn delete(&self, bucket: &str, key: &str);
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its size in bytes.
    pub size: u64,
    /// The file that holds its content. The file stays as it is for as long as anyone has its name, even when the object is
    /// replaced or deleted.
    pub file: PathBuf,
}

/// One content that an object had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRevision {
    /// Its entity tag, without quotes.
    pub entity_tag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// Its version, in a bucket with versioning.
    pub version: Option<String>,
}
