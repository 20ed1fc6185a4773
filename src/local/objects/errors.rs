//! What S3 says when it refuses, in its own words, so that clients which look at codes or texts behave as they would in AWS.

use http::HeaderValue;
use http::header::{ETAG, LAST_MODIFIED};
use s3s::dto::{Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, s3_error};

pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

/// That a client has what is there. Its entity tag and date come with that, as with the object (source: RFC 9110, section 15.4.5).
pub(super) fn not_modified(entity_tag: &str, modified: &Timestamp) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut date = Vec::new();
    // Into a list of bytes it can always be written.
    let _written = modified.format(TimestampFormat::HttpDate, &mut date);
    let told = [(ETAG, format!("\"{entity_tag}\"").into_bytes()), (LAST_MODIFIED, date)];
    let headers = told
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(&value).ok()?)));
    error.set_headers(headers.collect());
    error
}

pub(super) fn metadata_too_large() -> S3Error {
    s3_error!(
        MetadataTooLarge,
        "Your metadata headers exceed the maximum allowed metadata size"
    )
}

pub(super) fn invalid_part() -> S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag."
    )
}

pub(super) fn malformed_document() -> S3Error {
    S3Error::new(S3ErrorCode::MalformedXML)
}

pub(super) fn incomplete_body() -> S3Error {
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    )
}

pub(super) fn content_hash_mismatch() -> S3Error {
    // Not among the codes that the library knows, so the status has to be said as well.
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

/// What S3 says of a request that is refused without a word, as the library does it.
pub(super) fn words_for(code: &str) -> Option<&'static str> {
    Some(match code {
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => "The XML you provided was not well-formed or did not validate against our published schema",
        "MissingRequestBodyError" => "Request Body is empty",
        _ => return None,
    })
}

/// A body could not be written or read on this machine.
pub(super) fn storage_failed(what: &str, error: std::io::Error) -> S3Error {
    tracing::error!(%error, "the object store could not {what}");
    let mut answer = s3_error!(InternalError, "The local object store could not {what}: {error}");
    answer.set_source(Box::new(error));
    answer
}

/// The request asks for something the local cloud does not have.
pub(super) fn not_implemented(what: &str) -> S3Error {
    s3_error!(NotImplemented, "The local cloud does not implement {what}.")
}
