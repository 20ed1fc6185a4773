//! S3.

use http::Method;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;

use super::super::asked::Asked;
use crate::local::objects::Place;
use crate::local::percent::decoded;

fn bucket(place: &Place) -> String {
    format!("arn:aws:s3:::{}", place.bucket)
}

fn object(place: &Place) -> String {
    format!("arn:aws:s3:::{}/{}", place.bucket, place.key)
}

/// What somebody needs to be told that an object is not there, and not that it is secret: for requests that read one.
pub(in super::super) fn lists_bucket(request: &Parts) -> Option<Asked> {
    let place = Place::of(request);
    let reads = matches!(request.method, Method::GET | Method::HEAD) && !place.key.is_empty();
    (reads && !place.bucket.is_empty()).then(|| Asked::of("s3:ListBucket", bucket(&place)))
}

/// What is needed for one object of a call that deletes several.
pub(in super::super) fn deletes(bucket: &str, key: &str) -> Asked {
    Asked::of("s3:DeleteObject", format!("arn:aws:s3:::{bucket}/{key}"))
}

pub(super) fn asked(request: &Parts) -> Vec<Asked> {
    let place = Place::of(request);
    let query: Vec<(String, String)> = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let value = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    if place.bucket.is_empty() {
        return vec![Asked::of("s3:ListAllMyBuckets", "*")];
    }
    if place.key.is_empty() {
        let action = match request.method {
            Method::PUT if has("versioning") => "s3:PutBucketVersioning",
            Method::PUT => "s3:CreateBucket",
            Method::DELETE => "s3:DeleteBucket",
            // Each of its keys is asked about when it is read: some may go and others stay.
            Method::POST if has("delete") => return Vec::new(),
            // No operation is offered.
            Method::POST => "s3:PutObject",
            _ if has("versioning") => "s3:GetBucketVersioning",
            _ if has("location") => "s3:GetBucketLocation",
            _ if has("uploads") => "s3:ListBucketMultipartUploads",
            _ => {
                return vec![
                    Asked::of("s3:ListBucket", bucket(&place))
                        .with_some("s3:prefix", value("prefix"))
                        .with_some("s3:delimiter", value("delimiter")),
                ];
            }
        };
        return vec![Asked::of(action, bucket(&place))];
    }
    let action = match request.method {
        Method::GET if has("uploadId") => "s3:ListMultipartUploadParts",
        Method::GET | Method::HEAD if has("versionId") => "s3:GetObjectVersion",
        Method::GET | Method::HEAD => "s3:GetObject",
        Method::DELETE if has("uploadId") => "s3:AbortMultipartUpload",
        Method::DELETE => "s3:DeleteObject",
        _ => "s3:PutObject",
    };
    let mut asked = Asked::of(action, object(&place));
    if action == "s3:PutObject" {
        let header = |name: &http::HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
        // Beginning an upload and sending a part of it create no object.
        let creates = !has("uploads") && !has("partNumber");
        asked = asked
            .with("s3:ObjectCreationOperation", creates.to_string())
            .with_some("s3:if-none-match", header(&IF_NONE_MATCH))
            .with_some("s3:if-match", header(&IF_MATCH));
    }
    let source = request
        .headers
        .get("x-amz-copy-source")
        .and_then(|source| source.to_str().ok());
    let source = source.map(|source| {
        let path = decoded(source.split('?').next().unwrap_or_default().trim_start_matches('/'));
        Asked::of("s3:GetObject", object(&Place::at(&path)))
    });
    std::iter::once(asked).chain(source).collect()
}
