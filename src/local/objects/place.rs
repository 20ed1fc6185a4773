//! What a request to S3 is about: the service, a bucket, or an object.

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use super::host::bucket_in_host;
use crate::local::percent::decoded;

/// A bucket, and the key of an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::local) struct Place {
    /// Empty for the service itself.
    pub(in crate::local) bucket: String,
    /// Empty for the bucket itself.
    pub(in crate::local) key: String,
}

impl Place {
    /// What a request is about, by its host and its path.
    pub(in crate::local) fn of(request: &Parts) -> Self {
        let path = decoded(request.uri.path().trim_start_matches('/'));
        let host = request.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri.authority().map(Authority::as_str));
        match host.and_then(bucket_in_host) {
            Some(bucket) => Self { bucket, key: path },
            None => Self::at(&path),
        }
    }

    /// What a path is about, as `x-amz-copy-source` has one.
    pub(in crate::local) fn at(path: &str) -> Self {
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        }
    }
}
