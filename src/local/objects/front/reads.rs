//! Operations that read objects.

use std::ops::Range as Span;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::condition;
use super::super::errors;
use super::super::object::Object;
use super::{Front, convert};

/// What a read depends on.
struct Wish<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

impl Wish<'_> {
    /// Decides as RFC 9110 section 13.2.2 says: entity tags win over dates.
    fn allows(&self, object: &Object) -> S3Result<()> {
        // Dates in headers are whole seconds.
        let modified = object.modified.as_millis().div_euclid(1000) * 1000;
        let modified = convert::moment(crate::model::Timestamp::from_millis(modified));
        match (self.if_match, self.if_unmodified_since) {
            (Some(wanted), _) if !condition::matches(wanted, &object.entity_tag) => {
                return Err(errors::precondition_failed());
            }
            (None, Some(date)) if modified > *date => return Err(errors::precondition_failed()),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(known), _) if condition::matches(known, &object.entity_tag) => Err(errors::not_modified()),
            (None, Some(date)) if modified <= *date => Err(errors::not_modified()),
            _ => Ok(()),
        }
    }
}

/// The bytes to send, and the `Content-Range` that says so if it is not all of them.
fn range(wanted: Option<Range>, size: u64) -> S3Result<(Span<u64>, Option<String>)> {
    let Some(wanted) = wanted else {
        return Ok((0..size, None));
    };
    let span = wanted
        .check(size)
        .map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    let shown = format!("bytes {}-{}/{size}", span.start, span.end.saturating_sub(1));
    Ok((span, Some(shown)))
}

/// The checksum, if the client asked for it and gets the whole object.
fn checksum(object: &Object, mode: Option<&ChecksumMode>, partial: bool) -> Checksum {
    if mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) && !partial {
        convert::checksum(&object.checksum)
    } else {
        Checksum::default()
    }
}

fn metadata(object: &Object) -> Option<Metadata> {
    let entries = &object.description.metadata;
    (!entries.is_empty()).then(|| entries.clone().into_iter().collect())
}

impl Front {
    fn readable(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        part: Option<PartNumber>,
        wish: &Wish<'_>,
    ) -> S3Result<Arc<Object>> {
        if part.is_some() {
            return Err(errors::not_implemented("reading an object by the number of a part"));
        }
        let object = self.store.get(bucket, key)?;
        condition::refuse_other_version(version, object.version.as_deref())?;
        wish.allows(&object)?;
        Ok(object)
    }

    pub(super) async fn do_get_object(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let wish = Wish {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let object = self.readable(
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
            input.part_number,
            &wish,
        )?;
        let (span, content_range) = range(input.range, object.blob.size())?;
        let length = span.end.saturating_sub(span.start);
        let content = object
            .blob
            .read(span)
            .await
            .map_err(|error| errors::storage_failed("read the body of an object", error))?;
        let checksum = checksum(&object, input.checksum_mode.as_ref(), content_range.is_some());
        let description = object.description.clone();
        Ok(GetObjectOutput {
            body: Some(StreamingBlob::new(content)),
            content_length: i64::try_from(length).ok(),
            accept_ranges: Some("bytes".to_owned()),
            content_range,
            e_tag: Some(convert::entity_tag(&object.entity_tag)),
            last_modified: Some(convert::moment(object.modified)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            content_type: description.content_type,
            cache_control: description.cache_control,
            content_disposition: description.content_disposition,
            content_encoding: description.content_encoding,
            content_language: description.content_language,
            expires: description.expires,
            metadata: metadata(&object),
            version_id: object.version.clone(),
            ..GetObjectOutput::default()
        })
    }

    pub(super) fn do_head_object(&self, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let wish = Wish {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let object = self.readable(
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
            input.part_number,
            &wish,
        )?;
        let (span, content_range) = range(input.range, object.blob.size())?;
        let checksum = checksum(&object, input.checksum_mode.as_ref(), content_range.is_some());
        let description = object.description.clone();
        Ok(HeadObjectOutput {
            content_length: i64::try_from(span.end.saturating_sub(span.start)).ok(),
            accept_ranges: Some("bytes".to_owned()),
            content_range,
            e_tag: Some(convert::entity_tag(&object.entity_tag)),
            last_modified: Some(convert::moment(object.modified)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: checksum.checksum_type,
            content_type: description.content_type,
            cache_control: description.cache_control,
            content_disposition: description.content_disposition,
            content_encoding: description.content_encoding,
            content_language: description.content_language,
            expires: description.expires,
            metadata: metadata(&object),
            version_id: object.version.clone(),
            ..HeadObjectOutput::default()
        })
    }
}
