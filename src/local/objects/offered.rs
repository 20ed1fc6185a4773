//! The requests that are answered. The library takes a request with a query that it does not know for the plain operation: it
//! would delete the bucket whose access list is to be deleted.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method};
use s3s::S3Result;

use super::errors;
use super::place::Place;

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Service,
    Bucket,
    Object,
}

/// A kind of requests.
#[derive(Debug)]
pub(super) struct Offered {
    method: Method,
    about: About,
    /// Names that its query must have.
    needs: &'static [&'static str],
    /// Names that its query may have as well.
    takes: &'static [&'static str],
    /// The document that it brings, if it does.
    pub(super) document: Option<Document>,
}

/// What is asked of the digests of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// Nothing: one may come.
    Free,
    /// One must come, for what the document says cannot be undone (source: the model's `requestChecksumRequired`).
    WithDigest,
    /// The checksums are those of the object that is completed.
    WithChecksumOfObject,
}

const fn reads(about: About, needs: &'static [&'static str], takes: &'static [&'static str]) -> Offered {
    Offered {
        method: Method::GET,
        about,
        needs,
        takes,
        document: None,
    }
}

const fn writes(
    method: Method,
    about: About,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
    document: Option<Document>,
) -> Offered {
    Offered {
        method,
        about,
        needs,
        takes,
        document,
    }
}

/// Whatever else a query of a GET holds with a value is passed over, as S3 does.
static OFFERED: [Offered; 18] = [
    reads(About::Service, &[], &["bucket-region", "continuation-token", "prefix"]),
    reads(About::Bucket, &["location"], &[]),
    reads(About::Bucket, &["versioning"], &[]),
    reads(
        About::Bucket,
        &["uploads"],
        &[
            "delimiter",
            "encoding-type",
            "key-marker",
            "max-uploads",
            "prefix",
            "upload-id-marker",
        ],
    ),
    reads(
        About::Bucket,
        &[],
        &[
            "continuation-token",
            "delimiter",
            "encoding-type",
            "marker",
            "prefix",
            "start-after",
        ],
    ),
    reads(About::Object, &["uploadId"], &[]),
    // No version at all is refused as one that cannot be.
    reads(About::Object, &[], &["versionId"]),
    writes(
        Method::PUT,
        About::Bucket,
        &["versioning"],
        &[],
        Some(Document::WithDigest),
    ),
    writes(Method::PUT, About::Bucket, &[], &[], Some(Document::Free)),
    writes(Method::PUT, About::Object, &["partNumber", "uploadId"], &[], None),
    writes(Method::PUT, About::Object, &[], &[], None),
    writes(
        Method::POST,
        About::Bucket,
        &["delete"],
        &[],
        Some(Document::WithDigest),
    ),
    writes(Method::POST, About::Object, &["uploads"], &[], None),
    writes(
        Method::POST,
        About::Object,
        &["uploadId"],
        &[],
        Some(Document::WithChecksumOfObject),
    ),
    writes(Method::DELETE, About::Bucket, &[], &[], None),
    writes(Method::DELETE, About::Object, &["uploadId"], &[], None),
    writes(Method::DELETE, About::Object, &["versionId"], &[], None),
    writes(Method::DELETE, About::Object, &[], &[], None),
];

impl Offered {
    /// The kind of a request.
    ///
    /// # Errors
    ///
    /// `NotImplemented` for one of another kind.
    pub(super) fn of(request: &Parts) -> S3Result<&'static Self> {
        let place = Place::of(request);
        let about = match (place.bucket.is_empty(), place.key.is_empty()) {
            (true, _) => About::Service,
            (false, true) => About::Bucket,
            (false, false) => About::Object,
        };
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        let query = request.uri.query().unwrap_or_default();
        let names: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            // What a signed link has, and what says which operation is meant, belongs to all of them.
            .filter(|(name, _)| *name != "x-id" && !name.to_ascii_lowercase().starts_with("x-amz-"))
            .filter(|(name, value)| !is_read || value.is_empty() || is_needed(name))
            .map(|(name, _)| name)
            .collect();
        let fits = |offered: &&Self| {
            offered.about == about
                && (offered.method == request.method || offered.method == Method::GET && is_read)
                && offered.needs.iter().all(|need| names.contains(need))
                && names
                    .iter()
                    .all(|name| offered.needs.contains(name) || offered.takes.contains(name))
        };
        let is_form = |kind: &HeaderValue| kind.as_bytes().starts_with(b"multipart/form-data");
        let is_form = request.method == Method::POST && request.headers.get(CONTENT_TYPE).is_some_and(is_form);
        OFFERED.iter().find(fits).filter(|_| !is_form).ok_or_else(|| {
            let of = match about {
                About::Service => "the service",
                About::Bucket => "a bucket",
                About::Object => "an object",
            };
            let method = &request.method;
            errors::not_implemented(&if is_form {
                format!("forms: {method} of {of} with a body of multipart/form-data")
            } else if names.is_empty() {
                format!("{method} of {of}")
            } else {
                format!("{method} of {of} with ?{}", names.join("&"))
            })
        })
    }
}

/// Whether a name makes another operation of a request that reads.
fn is_needed(name: &str) -> bool {
    OFFERED
        .iter()
        .any(|offered| offered.method == Method::GET && offered.needs.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(request: &str, kind: &str) -> Result<Option<Document>, String> {
        let (method, uri) = request.split_once(' ').unwrap();
        let builder = http::Request::builder().method(method).uri(uri);
        let parts = builder.header("content-type", kind).body(()).unwrap().into_parts().0;
        let found = Offered::of(&parts).map(|offered| offered.document);
        found.map_err(|error| {
            assert_eq!(error.code().as_str(), "NotImplemented");
            error.message().unwrap_or_default().to_owned()
        })
    }

    #[test]
    fn what_clients_ask_is_offered() {
        for (request, document) in [
            ("GET /", None),
            ("GET /?max-buckets=5&x-id=ListBuckets", None),
            (
                "GET /b?list-type=2&prefix=a%2F&start-after=&max-keys=7&fetch-owner=true",
                None,
            ),
            ("GET /b?prefix=&delimiter=%2F&encoding-type=url", None),
            ("GET /b?uploads&prefix=&max-uploads=1", None),
            ("GET /b?uploads=", None),
            ("HEAD /b", None),
            ("GET /b/k?versionId=v&response-content-type=text%2Fplain", None),
            ("GET /b/k?uploadId=u&max-parts=5", None),
            ("GET /b/k?cache-buster=17", None),
            ("PUT /b", Some(Document::Free)),
            ("PUT /b?versioning", Some(Document::WithDigest)),
            ("PUT http://b.s3.localhost/k?x-id=PutObject", None),
            ("PUT /b/k?partNumber=1&uploadId=u&X-Amz-Expires=5", None),
            ("POST /b?delete=", Some(Document::WithDigest)),
            ("POST /b/k?uploadId=u", Some(Document::WithChecksumOfObject)),
            ("DELETE /b/k?versionId=v", None),
        ] {
            assert_eq!(offered(request, "application/xml"), Ok(document), "{request}");
        }
    }

    #[test]
    fn nothing_is_done_that_was_not_asked_for() {
        for request in [
            "DELETE /b?acl",
            "DELETE /b?versioning",
            "DELETE /b?foo=1",
            "DELETE /b/k?annotation&annotationName=x",
            "PUT /b/k?encryption",
            "PUT /b/k?uploadId=u",
            "PUT /b?tagging",
            "POST /b",
            "POST /b/k?restore",
            "GET /b?policy",
            "GET /b/k?acl",
            "GET /b/k?tagging=",
            "PATCH /b/k",
        ] {
            let why = offered(request, "application/xml").unwrap_err();
            assert!(why.contains("does not implement"), "{request}: {why}");
        }
        let why = offered("POST /b?delete", "multipart/form-data; boundary=b").unwrap_err();
        assert!(why.contains("forms"), "{why}");
    }
}
