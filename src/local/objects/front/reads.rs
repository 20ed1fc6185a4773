//! Operations that read objects.

use std::ops::Range as Span;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::condition;
use super::super::errors;
use super::super::object::{Description, Object};
use super::fields::{asked, told, with_checksum};
use super::{Front, convert};

/// What a read asks for.
pub(super) struct Asked<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) part: Option<PartNumber>,
    pub(super) if_match: Option<&'a ETagCondition>,
    pub(super) if_none_match: Option<&'a ETagCondition>,
    pub(super) if_modified_since: Option<&'a Timestamp>,
    pub(super) if_unmodified_since: Option<&'a Timestamp>,
    pub(super) range: Option<Range>,
    pub(super) checksum_mode: Option<&'a ChecksumMode>,
    pub(super) instead: Instead,
}

impl Asked<'_> {
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
        let unmodified = || errors::not_modified(&object.entity_tag, &modified);
        match (self.if_none_match, self.if_modified_since) {
            (Some(known), _) if condition::matches(known, &object.entity_tag) => Err(unmodified()),
            (None, Some(date)) if modified <= *date => Err(unmodified()),
            _ => Ok(()),
        }
    }

    /// The checksum, if the client asked for it and gets the whole object.
    fn checksum(&self, object: &Object, partial: bool) -> Checksum {
        let wanted = self
            .checksum_mode
            .is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
        if wanted && !partial {
            convert::checksum(&object.checksum)
        } else {
            Checksum::default()
        }
    }
}

/// Headers that a client wants to see instead of those that were stored: `response-content-type` and so on (API reference,
/// GetObject, "Overriding response header values through the request").
pub(super) struct Instead {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) expires: Option<Timestamp>,
}

impl Instead {
    /// What is told of an object.
    fn of(self, stored: &Description) -> Description {
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

/// What a read is told: all but the content.
pub(super) struct Told {
    pub(super) object: Arc<Object>,
    pub(super) span: Span<u64>,
    pub(super) content_range: Option<String>,
    pub(super) checksum: Checksum,
    pub(super) description: Description,
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

pub(super) fn metadata(object: &Object) -> Option<Metadata> {
    let entries = &object.description.metadata;
    (!entries.is_empty()).then(|| entries.clone().into_iter().collect())
}

impl Front {
    fn read(&self, asked: Asked<'_>) -> S3Result<Told> {
        if asked.part.is_some() {
            return Err(errors::not_implemented("reading an object by the number of a part"));
        }
        condition::check_version(asked.version)?;
        let object = self.store.get(asked.bucket, asked.key)?;
        condition::refuse_other_version(asked.version, object.version.as_deref())?;
        asked.allows(&object)?;
        let (span, content_range) = range(asked.range, object.blob.size())?;
        let checksum = asked.checksum(&object, content_range.is_some());
        Ok(Told {
            span,
            content_range,
            checksum,
            description: asked.instead.of(&object.description),
            object,
        })
    }

    pub(super) async fn do_get_object(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let told = self.read(asked!(input))?;
        let content = told.object.blob.read(told.span.clone()).await;
        let content = content.map_err(|error| errors::storage_failed("read the body of an object", error))?;
        let body = Some(StreamingBlob::new(content));
        Ok(told!(told, GetObjectOutput { body: body }))
    }

    pub(super) fn do_head_object(&self, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let told = self.read(asked!(input))?;
        Ok(told!(told, HeadObjectOutput {}))
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
