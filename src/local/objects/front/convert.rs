//! Between the library's types and the store's.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use s3s::dto;
use s3s::{S3Result, s3_error};

use super::super::condition::Condition;
use super::super::digest::{Algorithm, Checksum};
use super::super::errors;
use super::super::receive::sound_checksum;
use crate::model::Timestamp;

/// What S3 says an object is when the client does not say (API reference, GetObject).
const UNKNOWN_CONTENT: &str = "binary/octet-stream";

/// A moment as the library writes it. S3 tells whole seconds, in headers and in documents.
pub(super) fn moment(at: Timestamp) -> dto::Timestamp {
    let seconds = u64::try_from(at.as_millis()).unwrap_or(0) / 1000;
    (UNIX_EPOCH + Duration::from_secs(seconds)).into()
}

/// What an object is: what the client says, or that nobody knows.
pub(super) fn content_type(given: Option<dto::ContentType>) -> dto::ContentType {
    given.unwrap_or_else(|| UNKNOWN_CONTENT.to_owned())
}

/// An entity tag as the library writes it.
pub(super) fn entity_tag(tag: &str) -> dto::ETag {
    dto::ETag::Strong(tag.to_owned())
}

/// A checksum in the five fields that answers have for it.
pub(super) fn checksum_fields(algorithm: Algorithm, value: &str) -> dto::Checksum {
    let mut fields = dto::Checksum::default();
    let field = match algorithm {
        Algorithm::Crc32 => &mut fields.checksum_crc32,
        Algorithm::Crc32c => &mut fields.checksum_crc32c,
        Algorithm::Crc64Nvme => &mut fields.checksum_crc64nvme,
        Algorithm::Sha1 => &mut fields.checksum_sha1,
        Algorithm::Sha256 => &mut fields.checksum_sha256,
    };
    *field = Some(value.to_owned());
    fields
}

/// An object's checksum and its kind.
pub(super) fn checksum(checksum: &Checksum) -> dto::Checksum {
    dto::Checksum {
        checksum_type: Some(kind(checksum)),
        ..checksum_fields(checksum.algorithm, &checksum.value)
    }
}

/// The kind of an object's checksum.
pub(super) fn kind(checksum: &Checksum) -> dto::ChecksumType {
    dto::ChecksumType::from_static(checksum.kind.name())
}

/// An algorithm by the name that a client gives it.
pub(super) fn algorithm(name: Option<&dto::ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    /// Those that S3 knows as well.
    const OTHERS: [&str; 5] = ["MD5", "SHA512", "XXHASH128", "XXHASH3", "XXHASH64"];

    let Some(name) = name.map(dto::ChecksumAlgorithm::as_str) else {
        return Ok(None);
    };
    if let Some(known) = Algorithm::named(name) {
        return Ok(Some(known));
    }
    if OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name)) {
        return Err(errors::not_implemented(&format!("checksums by {name}")));
    }
    Err(s3_error!(
        InvalidRequest,
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, \
         SHA1, SHA256]"
    ))
}

/// The checksum that a header gives for a whole multipart object. That of a composite one may carry its number of parts.
pub(super) fn claimed_checksum(headers: &HeaderMap) -> S3Result<Option<(Algorithm, String)>> {
    for algorithm in Algorithm::ALL {
        if let Some(value) = super::header(headers, algorithm.header()) {
            sound_checksum(algorithm, value.split('-').next().unwrap_or_default())?;
            return Ok(Some((algorithm, value.to_owned())));
        }
    }
    Ok(None)
}

/// What the headers of a write demand of the object that it replaces, for an operation of which the library does not read them.
pub(super) fn write_condition(headers: &HeaderMap) -> S3Result<Condition> {
    let read = |name: &str| {
        let value = super::header(headers, name).filter(|value| !value.is_empty());
        let condition = value.map(|value| {
            let condition = value.parse::<dto::ETagCondition>();
            condition.map_err(|_| s3_error!(InvalidArgument, "invalid header: {name}: {value:?}"))
        });
        condition.transpose()
    };
    Condition::of_write(read("if-match")?, read("if-none-match")?.as_ref())
}
