//! The documents of errors: the library writes code and message, and S3 says more in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
};
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::errors;
use super::place::Place;
use crate::local::percent::decoded;
use crate::local::xml::Xml;

/// The longest error: a message may show what a client has sent.
const LONGEST_ERROR: usize = 1 << 20;
/// Where the answer to a request says who has answered.
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
/// What a copy is made from.
const COPY_SOURCE: &str = "x-amz-copy-source";
/// Conditions, as errors name them.
const CONDITIONS: [(HeaderName, &str); 6] = [
    (IF_MATCH, "If-Match"),
    (IF_NONE_MATCH, "If-None-Match"),
    (IF_MODIFIED_SINCE, "If-Modified-Since"),
    (IF_UNMODIFIED_SINCE, "If-Unmodified-Since"),
    (
        HeaderName::from_static("x-amz-copy-source-if-match"),
        "x-amz-copy-source-If-Match",
    ),
    (
        HeaderName::from_static("x-amz-copy-source-if-none-match"),
        "x-amz-copy-source-If-None-Match",
    ),
];

/// The id of a request, as an extension of it.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// That id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// What a request was about, if it comes to an error.
pub(super) struct About {
    place: Place,
    source: Option<Place>,
    upload: Option<String>,
    /// The one condition that it has; of several nobody can say which one did not hold.
    condition: Option<&'static str>,
    id: Option<RequestId>,
}

impl About {
    pub(super) fn of(request: &Parts) -> Self {
        let source = request.headers.get(COPY_SOURCE).and_then(|source| source.to_str().ok());
        let source = source.map(|source| source.split('?').next().unwrap_or_default().trim_start_matches('/'));
        let query = request.uri.query().unwrap_or_default();
        let upload = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="));
        let mut conditions = CONDITIONS
            .into_iter()
            .filter(|(name, _)| request.headers.contains_key(name));
        let condition = conditions
            .next()
            .map(|(_, name)| name)
            .filter(|_| conditions.next().is_none());
        Self {
            place: Place::of(request),
            source: source.map(|source| Place::at(&decoded(source))),
            upload: upload.map(decoded),
            condition,
            id: request.extensions.get::<RequestId>().cloned(),
        }
    }

    /// An error with the words of S3 where the library has a code alone, and with what it is about.
    pub(super) async fn complete(&self, answer: http::Response<s3s::Body>) -> http::Response<s3s::Body> {
        let (mut parts, mut body) = answer.into_parts();
        let text = match body.store_all_limited(LONGEST_ERROR).await {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(?error, "an error of S3 could not be read");
                return http::Response::from_parts(parts, body);
            }
        };
        let host = self.id.as_ref().map(|id| STANDARD.encode(Sha256::digest(&id.0)));
        if let Some(host) = host.as_deref().and_then(|host| HeaderValue::from_str(host).ok()) {
            parts.headers.insert(HOST_ID, host);
        }
        let completed = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| self.said(text, host.as_deref()));
        let body = completed.map_or(text, Bytes::from);
        if parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        http::Response::from_parts(parts, s3s::Body::from(body))
    }

    /// The document with all that is known; `None` for one that is no error's.
    fn said(&self, text: &str, host: Option<&str>) -> Option<String> {
        let (front, rest) = text.split_once("</Code>")?;
        let (_, code) = front.rsplit_once("<Code>")?;
        let (rest, end) = rest.split_at(rest.rfind("</Error>")?);
        let mut xml = Xml::default();
        if let Some(words) = errors::words_for(code).filter(|_| !rest.contains("<Message>")) {
            xml.text("Message", words);
        }
        let message = std::mem::take(&mut xml);
        self.add(&mut xml, code);
        xml.optional("RequestId", self.id.as_ref().map(|id| &id.0));
        xml.optional("HostId", host);
        Some(format!("{front}</Code>{}{rest}{}{end}", message.as_str(), xml.as_str()))
    }

    /// What the error of a code is about (seen on the wire).
    fn add(&self, xml: &mut Xml, code: &str) {
        match code {
            // Of a copy it is the source that is missing; its bucket may be either.
            "NoSuchKey" => xml.text("Key", &self.source.as_ref().unwrap_or(&self.place).key),
            "BucketAlreadyExists"
            | "BucketAlreadyOwnedByYou"
            | "BucketNotEmpty"
            | "InvalidBucketName"
            | "NoSuchBucket" => {
                if self.source.is_none() {
                    xml.text("BucketName", &self.place.bucket);
                }
            }
            "NoSuchUpload" => xml.optional("UploadId", self.upload.as_ref()),
            "PreconditionFailed" => xml.optional("Condition", self.condition),
            "AccessDenied" => {}
            _ => {
                let Place { bucket, key } = &self.place;
                let of_object = if key.is_empty() { "" } else { "/" };
                xml.text("Resource", format_args!("/{bucket}{of_object}{key}"));
            }
        }
    }
}
