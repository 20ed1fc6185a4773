//! What the account needs of the object store behind S3: bundles are looked up, logs are left there.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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

    /// Keys of a bucket that begin with a prefix, in their order.
    fn keys(&self, bucket: &str, prefix: &str) -> Vec<String>;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRevision {
    /// Its entity tag, without quotes.
    pub entity_tag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// Its version, in a bucket with versioning.
    pub version: Option<String>,
}

/// How files of the object store are kept: by their names, as the folder may be another one then.
pub(super) mod kept_file {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::local) fn serialize<S: Serializer>(file: &Path, to: S) -> Result<S::Ok, S::Error> {
        Path::new(file.file_name().unwrap_or_default()).serialize(to)
    }

    pub(in crate::local) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        PathBuf::deserialize(from)
    }

    /// The same for one that may be missing.
    pub(in crate::local) mod maybe {
        use super::{Deserialize, Deserializer, Path, PathBuf, Serialize, Serializer};

        #[expect(clippy::ref_option, reason = "it is what serde gives")]
        pub(in crate::local) fn serialize<S: Serializer>(file: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
            let name = file.as_deref().and_then(Path::file_name);
            name.map(Path::new).serialize(to)
        }

        pub(in crate::local) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
            Option::deserialize(from)
        }
    }
}
