//! Operations that read objects.

use std::ops::Range as Span;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::condition;
use super::super::errors;
use super::super::object::{Description, Object};
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
        let modified = convert::moment(object.modified);
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

/// Headers that a client wants to see instead of those that were stored: `response-content-type` and so on (API reference,
/// GetObject, "Overriding response header values through the request").
struct Asked {
    content_type: Option<String>,
    cache_control: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    expires: Option<Timestamp>,
}

impl Asked {
    /// What is told of an object.
    fn over(self, stored: &Description) -> Description {
        let stored = stored.clone();
        Description {
            content_type: self.content_type.or(stored.content_type),
            cache_control: self.cache_control.or(stored.cache_control),
            content_disposition: self.content_disposition.or(stored.content_disposition),
            content_encoding: self.content_encoding.or(stored.content_encoding),
            content_language: self.content_language.or(stored.content_language),
            expires: self.expires.or(stored.expires),
            metadata: stored.metadata,
        }
    }
}

/// The bytes to send, and the `Content-Range` that says so if it is not all of them.
fn range(wanted: Option<Range>, size: u64) -> S3Result<(Span<u64>, Option<String>)> {
    let Some(wanted) = wanted else {
        return Ok((0..size, None));
    };
    // The last bytes of an object that has none are no range either (RFC 9110, section 14.1.2).
    let span = wanted.check(size).ok().filter(|span| !span.is_empty());
    let span = span.ok_or_else(|| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
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
        condition::check_version(version)?;
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
        let asked = Asked {
            content_type: input.response_content_type,
            cache_control: input.response_cache_control,
            content_disposition: input.response_content_disposition,
            content_encoding: input.response_content_encoding,
            content_language: input.response_content_language,
            expires: input.response_expires,
        };
        let description = asked.over(&object.description);
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
        let asked = Asked {
            content_type: input.response_content_type.clone(),
            cache_control: input.response_cache_control.clone(),
            content_disposition: input.response_content_disposition.clone(),
            content_encoding: input.response_content_encoding.clone(),
            content_language: input.response_content_language.clone(),
            expires: input.response_expires.clone(),
        };
        let description = asked.over(&object.description);
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

#[cfg(test)]
mod tests {
    use http::header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, EXPIRES, RANGE,
    };

    use super::*;
    use crate::local::objects::{ObjectStore, S3Front};
    use crate::local::storage::Storage as _;
    use crate::model::SystemClock;

    /// A front on a store with an object of ten bytes and an empty one, and the folder that they lie in.
    fn front() -> (S3Front, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        store.ensure_bucket("bundles");
        store.put("bundles", "k", b"0123456789");
        store.put("bundles", "empty", b"");
        (S3Front::new(Arc::new(store)), folder)
    }

    #[tokio::test]
    async fn what_is_no_single_range_of_bytes_is_answered_with_everything() {
        let (front, _folder) = front();
        for (key, range, status, content_range) in [
            ("k", "bytes=2-3", 206, Some("bytes 2-3/10")),
            ("k", "bytes=-3", 206, Some("bytes 7-9/10")),
            ("k", "bytes=8-", 206, Some("bytes 8-9/10")),
            ("k", "bytes=0-1,4-5", 200, None),
            ("k", "bytes=5-2", 200, None),
            ("k", "bytes=", 200, None),
            ("k", "bytes=a-b", 200, None),
            ("k", "lines=1-2", 200, None),
            ("k", "bytes=10-", 416, None),
            ("k", "bytes=-0", 416, None),
            ("empty", "bytes=0-", 416, None),
            ("empty", "bytes=-1", 416, None),
            ("empty", "lines=1-2", 200, None),
        ] {
            for method in ["GET", "HEAD"] {
                let request = http::Request::builder()
                    .method(method)
                    .uri(format!("http://127.0.0.1/bundles/{key}"))
                    .header(RANGE, range);
                let answer = front.handle(request.body(s3s::Body::empty()).unwrap()).await;
                assert_eq!(answer.status(), status, "{method} {key} {range}");
                let told = answer.headers().get(CONTENT_RANGE).map(|value| value.to_str().unwrap());
                assert_eq!(told, content_range, "{method} {key} {range}");
            }
        }
    }

    #[tokio::test]
    async fn a_reader_s_own_headers_take_the_place_of_those_that_were_stored() {
        let (front, _folder) = front();
        let put = http::Request::put("http://127.0.0.1/bundles/k")
            .header(CONTENT_TYPE, "text/html")
            .header(CACHE_CONTROL, "max-age=60")
            .header(CONTENT_LENGTH, "0")
            .body(s3s::Body::empty());
        assert_eq!(front.handle(put.unwrap()).await.status(), 200);
        let wanted = [
            (CONTENT_TYPE, "text/plain"),
            (CONTENT_DISPOSITION, "attachment; filename=a.txt"),
            (CONTENT_ENCODING, "identity"),
            (CONTENT_LANGUAGE, "de"),
            (CACHE_CONTROL, "no-cache"),
            (EXPIRES, "Fri, 27 Nov 2026 08:00:00 GMT"),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &wanted {
            query.append_pair(&format!("response-{name}"), value);
        }
        let query = query.finish();
        for method in ["GET", "HEAD"] {
            let ask = async |query: &str| {
                let request = http::Request::builder().method(method);
                let request = request.uri(format!("http://127.0.0.1/bundles/k{query}"));
                let answer = front.handle(request.body(s3s::Body::empty()).unwrap()).await;
                assert_eq!(answer.status(), 200);
                answer
            };
            let answer = ask(&format!("?{query}")).await;
            for (name, value) in &wanted {
                assert_eq!(answer.headers()[name], value, "{method}");
            }
            let answer = ask("").await;
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/html");
            assert_eq!(answer.headers()[CACHE_CONTROL], "max-age=60");
            assert!(!answer.headers().contains_key(EXPIRES));
        }
    }
}
