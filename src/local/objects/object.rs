//! What the store knows of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::digest::Checksum;
use crate::model::Timestamp;

/// An object as it is stored.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) blob: Arc<Blob>,
    /// Without quotes.
    pub(super) entity_tag: String,
    pub(super) checksum: Checksum,
    pub(super) modified: Timestamp,
    pub(super) description: Description,
    /// Whether it was uploaded in parts, so that its entity tag is not the MD5 of its content.
    pub(super) in_parts: bool,
    /// The upload in parts that it was made of.
    pub(super) upload: Option<String>,
    /// Its version, in a bucket with versioning. Set when it takes its place.
    pub(super) version: Option<String>,
}

/// What a client said of an object's content, given back word for word.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    #[serde(with = "expires")]
    pub(super) expires: Option<s3s::dto::Timestamp>,
    /// `x-amz-meta-…`, without that prefix.
    pub(super) metadata: BTreeMap<String, String>,
}

/// A moment of S3's library, as a text.
mod expires {
    use s3s::dto::{Timestamp, TimestampFormat};
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "it is what serde gives")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        let text = at.as_ref().map(|at| {
            let mut text = Vec::new();
            at.format(TimestampFormat::DateTime, &mut text)
                .map_err(S::Error::custom)?;
            String::from_utf8(text).map_err(S::Error::custom)
        });
        text.transpose()?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let at = text.map(|text| Timestamp::parse(TimestampFormat::DateTime, &text));
        at.transpose().map_err(D::Error::custom)
    }
}
