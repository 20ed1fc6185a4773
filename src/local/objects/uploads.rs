//! Multipart uploads: parts come in any order, and become one object when the client says which belong to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use s3s::{S3Result, s3_error};

use super::blob::Blob;
use super::condition::Condition;
use super::digest::{Algorithm, Checksum, Kind, composite_entity_tag};
use super::errors;
use super::object::{Description, Object};
use super::receive::{Claims, Received, bad_checksum, receive};
use super::remember::Place;
use super::store::{OWN_ALGORITHM, ObjectStore};
use crate::model::Timestamp;

/// Every part but the last has at least this size (S3 user guide, "Multipart upload limits").
const SMALLEST_PART: u64 = 5 << 20;
/// The highest number of a part (same page).
const HIGHEST_PART: i32 = 10_000;

/// An upload in progress.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) initiated: Timestamp,
    /// As the client asked; `None` when it did not.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) kind: Kind,
    pub(super) parts: BTreeMap<i32, Arc<Part>>,
    pub(super) description: Description,
}

/// A part that has arrived.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) blob: Arc<Blob>,
    /// MD5 in hexadecimal.
    pub(super) entity_tag: String,
    pub(super) algorithm: Algorithm,
    pub(super) checksum: String,
    pub(super) modified: Timestamp,
}

/// A part that a client wants in the object.
#[derive(Clone, Debug, Default)]
pub(super) struct WantedPart {
    pub(super) number: i32,
    /// Without quotes.
    pub(super) entity_tag: Option<String>,
    pub(super) checksum: Option<(Algorithm, String)>,
}

/// How a client completes an upload.
#[derive(Clone, Debug, Default)]
pub(super) struct Completion {
    pub(super) parts: Vec<WantedPart>,
    pub(super) condition: Condition,
    /// The checksum it expects the object to have.
    pub(super) checksum: Option<(Algorithm, String)>,
    /// The size it expects the object to have.
    pub(super) size: Option<u64>,
}

impl ObjectStore {
    /// Begins an upload and returns its id.
    pub(super) fn begin_upload(
        &self,
        bucket: &str,
        key: &str,
        algorithm: Option<Algorithm>,
        kind: Option<Kind>,
        description: Description,
    ) -> S3Result<String> {
        let kind = kind.unwrap_or(algorithm.unwrap_or(OWN_ALGORITHM).usual_kind());
        if !algorithm.unwrap_or(OWN_ALGORITHM).allows(kind) {
            return Err(s3_error!(
                InvalidRequest,
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                kind.name(),
                algorithm.unwrap_or(OWN_ALGORITHM).name().to_lowercase()
            ));
        }
        let initiated = self.now();
        let mut state = self.state();
        state.bucket(bucket)?;
        let id = format!("upload-{:08}", state.next_upload());
        let upload = Upload {
            initiated,
            algorithm,
            kind,
            parts: BTreeMap::new(),
            description,
        };
        state
            .bucket(bucket)?
            .uploads
            .insert((key.to_owned(), id.clone()), upload);
        state.changed(|| place(bucket, key, &id));
        Ok(id)
    }

    /// An upload as it is now.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
        let mut state = self.state();
        let uploads = &state.bucket(bucket)?.uploads;
        uploads
            .get(&(key.to_owned(), id.to_owned()))
            .cloned()
            .ok_or_else(errors::no_such_upload)
    }

    /// Receives a part. One with the same number is replaced. Of bytes that lie here already nobody claims anything.
    pub(super) async fn write_part<S>(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
        claims: Option<&Claims>,
        body: S,
    ) -> S3Result<Arc<Part>>
    where
        S: Stream<Item = Result<Bytes, s3s::StdError>>,
    {
        if !(1..=HIGHEST_PART).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            ));
        }
        let upload = self.upload(bucket, key, id)?;
        if let Some(claims) = claims {
            upload.check_algorithm(claims.algorithm)?;
        }
        let algorithm = upload.algorithm.unwrap_or(OWN_ALGORITHM);
        let none = Claims::default();
        let received = receive(self.folder(), claims.unwrap_or(&none), algorithm, body).await?;
        let part = Arc::new(Part {
            blob: received.blob,
            entity_tag: received.md5,
            algorithm: received.algorithm,
            checksum: received.checksum,
            modified: self.now(),
        });
        let mut state = self.state();
        let upload = state
            .bucket(bucket)?
            .uploads
            .get_mut(&(key.to_owned(), id.to_owned()))
            .ok_or_else(errors::no_such_upload)?;
        let replaced = upload.parts.insert(number, Arc::clone(&part));
        state.wants(&part.blob);
        state.changed(|| place(bucket, key, id));
        let replaced = state.set_aside(replaced);
        drop(state);
        drop(replaced);
        Ok(part)
    }

    /// Gives an upload up.
    pub(super) fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<()> {
        let mut state = self.state();
        let uploads = &mut state.bucket(bucket)?.uploads;
        let removed = uploads
            .remove(&(key.to_owned(), id.to_owned()))
            .ok_or_else(errors::no_such_upload)?;
        state.changed(|| place(bucket, key, id));
        let removed = state.set_aside(removed);
        drop(state);
        drop(removed);
        Ok(())
    }

    /// Makes an object of an upload's parts. When this is refused the upload stays as it is.
    pub(super) async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        completion: &Completion,
    ) -> S3Result<Arc<Object>> {
        let upload = match self.upload(bucket, key, id) {
            Ok(upload) => upload,
            // Who has not heard the answer asks again, and gets the same one.
            Err(gone) => return self.made_of(bucket, key, id).ok_or(gone),
        };
        let parts = upload.choose(&completion.parts)?;
        let joined = self.join(&upload, &parts).await?;
        let object = Object {
            upload: Some(id.to_owned()),
            ..upload.object(&parts, joined, completion, self.now())?
        };

        let mut state = self.state();
        let named = (key.to_owned(), id.to_owned());
        // Somebody may have completed or aborted it while the parts were joined.
        if !state.bucket(bucket)?.uploads.contains_key(&named) {
            drop(state);
            return self.made_of(bucket, key, id).ok_or_else(errors::no_such_upload);
        }
        let (object, replaced) = state.replace(bucket, key, &completion.condition, object)?;
        let finished = state.bucket(bucket)?.uploads.remove(&named);
        state.changed(|| place(bucket, key, id));
        let gone = state.set_aside((replaced, finished));
        drop(state);
        drop(gone);
        Ok(object)
    }

    /// The object that was made of an upload, while it is there.
    fn made_of(&self, bucket: &str, key: &str, id: &str) -> Option<Arc<Object>> {
        let object = self.get(bucket, key).ok()?;
        (object.upload.as_deref() == Some(id)).then_some(object)
    }

    async fn join(&self, upload: &Upload, parts: &[Arc<Part>]) -> S3Result<Received> {
        let failed = |error| errors::storage_failed("join the parts of an upload", error);
        let mut streams = Vec::with_capacity(parts.len());
        for part in parts {
            streams.push(part.blob.read(0..part.blob.size()).await.map_err(failed)?);
        }
        let content = futures_util::StreamExt::flatten(futures_util::stream::iter(streams));
        let algorithm = upload.algorithm.unwrap_or(OWN_ALGORITHM);
        receive(self.folder(), &Claims::default(), algorithm, content).await
    }
}

fn place(bucket: &str, key: &str, id: &str) -> Place {
    Place::Upload(bucket.to_owned(), key.to_owned(), id.to_owned())
}

impl Upload {
    /// Checks that the checksum of a part fits the upload. An upload that was begun without an algorithm takes any: clients
    /// add checksums to parts of their own accord.
    fn check_algorithm(&self, actual: Option<Algorithm>) -> S3Result<()> {
        let Some(expected) = self.algorithm else { return Ok(()) };
        if actual == Some(expected) || (actual.is_none() && self.kind == Kind::FullObject) {
            return Ok(());
        }
        Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            expected.name().to_lowercase(),
            actual.map_or("null".to_owned(), |algorithm| algorithm.name().to_lowercase())
        ))
    }

    /// The parts that the client wants, if it has sent them and they may follow each other.
    fn choose(&self, wanted: &[WantedPart]) -> S3Result<Vec<Arc<Part>>> {
        if wanted.is_empty() {
            return Err(errors::malformed_document());
        }
        if !wanted.is_sorted_by(|left, right| left.number < right.number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let mut parts = Vec::with_capacity(wanted.len());
        for (index, one) in wanted.iter().enumerate() {
            let part = self.parts.get(&one.number).ok_or_else(errors::invalid_part)?;
            if one.entity_tag.as_ref() != Some(&part.entity_tag) {
                return Err(errors::invalid_part());
            }
            match (&one.checksum, self.algorithm) {
                (Some((algorithm, value)), _) if *algorithm != part.algorithm || *value != part.checksum => {
                    return Err(errors::invalid_part());
                }
                (None, Some(algorithm)) if self.kind == Kind::Composite => {
                    return Err(s3_error!(
                        InvalidRequest,
                        "The upload was created using a {} checksum. The complete request must include the checksum for \
                         each part. It was missing for part {} in the request.",
                        algorithm.name().to_lowercase(),
                        one.number
                    ));
                }
                _ => {}
            }
            if index + 1 < wanted.len() && part.blob.size() < SMALLEST_PART {
                return Err(s3_error!(
                    EntityTooSmall,
                    "Your proposed upload is smaller than the minimum allowed size"
                ));
            }
            parts.push(Arc::clone(part));
        }
        Ok(parts)
    }

    /// The object that the chosen parts make.
    fn object(
        &self,
        parts: &[Arc<Part>],
        joined: Received,
        completion: &Completion,
        now: Timestamp,
    ) -> S3Result<Object> {
        let tags: Vec<String> = parts.iter().map(|part| part.entity_tag.clone()).collect();
        let value = match self.kind {
            Kind::FullObject => joined.checksum,
            Kind::Composite => {
                let values: Vec<String> = parts.iter().map(|part| part.checksum.clone()).collect();
                joined.algorithm.composite(&values)
            }
        };
        if let Some((algorithm, expected)) = &completion.checksum
            // The number of parts after a composite checksum may be left out.
            && (*algorithm != joined.algorithm || (*expected != value && !value.starts_with(&format!("{expected}-"))))
        {
            return Err(bad_checksum(*algorithm));
        }
        if completion.size.is_some_and(|size| size != joined.blob.size()) {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header value does not match what was computed."
            ));
        }
        Ok(Object {
            blob: joined.blob,
            entity_tag: composite_entity_tag(&tags),
            checksum: Checksum {
                algorithm: joined.algorithm,
                kind: self.kind,
                value,
            },
            modified: now,
            description: self.description.clone(),
            in_parts: true,
            upload: None,
            version: None,
        })
    }
}
