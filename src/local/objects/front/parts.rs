//! Multipart uploads.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::condition::Condition;
use super::super::digest::{Algorithm, Kind};
use super::super::errors;
use super::super::receive::Claims;
use super::super::uploads::{Completion, WantedPart};
use super::fields::{description, with_checksum};
use super::writes::Wanted;
use super::{Front, convert, lists};

fn kind(wanted: Option<&ChecksumType>) -> S3Result<Option<Kind>> {
    match wanted.map(ChecksumType::as_str) {
        None => Ok(None),
        Some(ChecksumType::COMPOSITE) => Ok(Some(Kind::Composite)),
        Some(ChecksumType::FULL_OBJECT) => Ok(Some(Kind::FullObject)),
        Some(_) => Err(s3_error!(
            InvalidRequest,
            "Value for x-amz-checksum-type header is invalid."
        )),
    }
}

/// The checksum that a client gives for a part.
fn part_checksum(part: &CompletedPart) -> Option<(Algorithm, String)> {
    [
        (Algorithm::Crc32, &part.checksum_crc32),
        (Algorithm::Crc32c, &part.checksum_crc32c),
        (Algorithm::Crc64Nvme, &part.checksum_crc64nvme),
        (Algorithm::Sha1, &part.checksum_sha1),
        (Algorithm::Sha256, &part.checksum_sha256),
    ]
    .into_iter()
    .find_map(|(algorithm, value)| Some((algorithm, value.clone()?)))
}

/// Which bytes of a source become a part.
fn copied_range(wanted: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(wanted) = wanted else { return Ok(0..size) };
    let ends = wanted.strip_prefix("bytes=").and_then(|ends| ends.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    match ends {
        Some((first, last)) if first <= last && last < size => Ok(first..last + 1),
        Some((first, last)) if first <= last => Err(s3_error!(
            InvalidArgument,
            "Range specified is not valid for source object of size: {size}"
        )),
        _ => Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based \
             offsets of the first and last bytes to copy"
        )),
    }
}

impl Front {
    pub(super) fn do_create_multipart_upload(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let algorithm = convert::algorithm(input.checksum_algorithm.as_ref())?;
        let kind = kind(input.checksum_type.as_ref())?;
        if kind.is_some() && algorithm.is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            ));
        }
        let description = description!(input);
        let id = self
            .store
            .begin_upload(&input.bucket, &input.key, algorithm, kind, description)?;
        let upload = self.store.upload(&input.bucket, &input.key, &id)?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_type: algorithm.map(|_| ChecksumType::from_static(upload.kind.name())),
            checksum_algorithm: algorithm.map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
            ..CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn do_upload_part(&self, input: UploadPartInput, claims: &Claims) -> S3Result<UploadPartOutput> {
        let body = input.body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let part = self
            .store
            .write_part(
                &input.bucket,
                &input.key,
                &input.upload_id,
                input.part_number,
                Some(claims),
                body,
            )
            .await?;
        let checksum = convert::checksum_fields(part.algorithm, &part.checksum);
        Ok(with_checksum!(
            checksum,
            UploadPartOutput {
                e_tag: Some(convert::entity_tag(&part.entity_tag)),
                ..UploadPartOutput::default()
            }
        ))
    }

    pub(super) async fn do_upload_part_copy(&self, input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
        let wanted = Wanted {
            source: &input.copy_source,
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            on_a_date: input.copy_source_if_modified_since.is_some() || input.copy_source_if_unmodified_since.is_some(),
        };
        let source = self.copy_source(&wanted)?.object;
        let range = copied_range(input.copy_source_range.as_deref(), source.blob.size())?;
        let content = source.blob.read(range).await;
        let content = content.map_err(|error| errors::storage_failed("read the body of an object", error))?;
        let (bucket, key, id) = (&input.bucket, &input.key, &input.upload_id);
        let part = self
            .store
            .write_part(bucket, key, id, input.part_number, None, content)
            .await?;
        let checksum = convert::checksum_fields(part.algorithm, &part.checksum);
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(with_checksum!(
                checksum,
                CopyPartResult {
                    e_tag: Some(convert::entity_tag(&part.entity_tag)),
                    last_modified: Some(convert::moment(part.modified)),
                }
            )),
            copy_source_version_id: source.version.clone(),
            ..UploadPartCopyOutput::default()
        })
    }

    pub(super) fn do_list_parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let limit = lists::limit("max-parts", input.max_parts)?;
        let after = input.part_number_marker.unwrap_or(0);
        lists::limit("part-number-marker", Some(after))?;
        let upload = self.store.upload(&input.bucket, &input.key, &input.upload_id)?;
        let mut rest = upload.parts.range(after.saturating_add(1)..);
        let parts: Vec<Part> = rest
            .by_ref()
            .take(usize::try_from(limit).unwrap_or(0))
            .map(|(number, part)| {
                let checksum = convert::checksum_fields(part.algorithm, &part.checksum);
                with_checksum!(
                    checksum,
                    Part {
                        part_number: Some(*number),
                        size: i64::try_from(part.blob.size()).ok(),
                        e_tag: Some(convert::entity_tag(&part.entity_tag)),
                        last_modified: Some(convert::moment(part.modified)),
                    }
                )
            })
            .collect();
        let more = rest.next().is_some();
        let algorithm = upload.algorithm;
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: Some(limit),
            part_number_marker: Some(after),
            is_truncated: Some(more),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            checksum_algorithm: algorithm.map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: algorithm.map(|_| ChecksumType::from_static(upload.kind.name())),
            parts: Some(parts),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            ..ListPartsOutput::default()
        })
    }

    pub(super) fn do_list_multipart_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        if input.delimiter.as_ref().is_some_and(|delimiter| !delimiter.is_empty()) {
            return Err(errors::not_implemented("listing multipart uploads by delimiter"));
        }
        let limit = lists::limit("max-uploads", input.max_uploads)?;
        let encoding = input.encoding_type;
        lists::check_encoding(encoding.as_ref())?;
        let written = |key: &str| lists::written(key, encoding.as_ref());
        let prefix = input.prefix.unwrap_or_default();
        let marker = input.key_marker.unwrap_or_default();
        // Without a key it is of no meaning (API reference, ListMultipartUploads).
        let id_marker = input.upload_id_marker.filter(|id| !id.is_empty() && !marker.is_empty());
        let comes_after = |key: &str, id: &str| match id_marker.as_deref() {
            Some(marked) => (key, id) > (marker.as_str(), marked),
            None => key > marker.as_str(),
        };
        let mut state = self.store.state();
        let all = &state.bucket(&input.bucket)?.uploads;
        let mut all = all
            .iter()
            .filter(|((key, id), _)| key.starts_with(&prefix) && comes_after(key, id))
            .peekable();
        let page: Vec<_> = all.by_ref().take(usize::try_from(limit).unwrap_or(0)).collect();
        // As with objects, an empty page is followed by none.
        let last = page.last().filter(|_| all.peek().is_some()).map(|(place, _)| *place);
        let uploads = page.iter().map(|((key, id), upload)| MultipartUpload {
            key: Some(written(key)),
            upload_id: Some(id.clone()),
            initiated: Some(convert::moment(upload.initiated)),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            ..MultipartUpload::default()
        });
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: Some(written(&prefix)),
            uploads: Some(uploads.collect()),
            max_uploads: Some(limit),
            key_marker: Some(written(&marker)),
            upload_id_marker: Some(id_marker.clone().unwrap_or_default()),
            is_truncated: Some(last.is_some()),
            next_key_marker: last.map(|(key, _)| written(key)),
            next_upload_id_marker: last.map(|(_, id)| id.clone()),
            encoding_type: encoding.clone(),
            ..ListMultipartUploadsOutput::default()
        })
    }

    pub(super) async fn do_complete_multipart_upload(
        &self,
        input: CompleteMultipartUploadInput,
        checksum: Option<(Algorithm, String)>,
        size: Option<u64>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let parts = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let parts = parts.into_iter().map(|part| {
            Ok(WantedPart {
                number: part.part_number.ok_or_else(errors::malformed_document)?,
                checksum: part_checksum(&part),
                entity_tag: part.e_tag.map(ETag::into_value),
            })
        });
        let parts = parts.collect::<S3Result<_>>()?;
        let completion = Completion {
            parts,
            condition: Condition::of_write(input.if_match, input.if_none_match.as_ref())?,
            checksum,
            size,
        };
        let object = self
            .store
            .complete_upload(&input.bucket, &input.key, &input.upload_id, &completion)
            .await?;
        let checksum = convert::checksum(&object.checksum);
        Ok(with_checksum!(
            checksum,
            CompleteMultipartUploadOutput {
                location: Some(format!("/{}/{}", input.bucket, input.key)),
                bucket: Some(input.bucket),
                key: Some(input.key),
                e_tag: Some(convert::entity_tag(&object.entity_tag)),
                checksum_type: checksum.checksum_type,
                version_id: object.version.clone(),
                ..CompleteMultipartUploadOutput::default()
            }
        ))
    }
}
