//! The operations of S3 in the terms of the library that reads and writes their HTTP form.

mod buckets;
mod convert;
mod fields;
mod lists;
mod parts;
mod reads;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

use super::chunked::Trailers;
use super::errors;
use super::receive::Claims;
use super::store::ObjectStore;

/// Headers that change what a request means, and that the local cloud does not know. To pass them over would be a guess.
const UNKNOWN_HEADERS: [&str; 10] = [
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-tagging",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-retain-until-date",
    "x-amz-write-offset-bytes",
    "x-amz-website-redirect-location",
    "x-amz-mfa",
    "x-amz-rename-source",
];

/// Why an object must not be deleted, by bucket and key, if so: what comes with a request whose sender may not do everything.
#[derive(Clone)]
pub(in crate::local) struct Kept(Arc<Why>);

type Why = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

impl Kept {
    pub(in crate::local) fn new(why: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(why))
    }

    fn why(&self, bucket: &str, key: &str) -> Option<String> {
        (self.0)(bucket, key)
    }
}

/// The S3 operations of a store.
#[derive(Clone, Debug)]
pub(super) struct Front {
    store: Arc<ObjectStore>,
}

impl Front {
    pub(super) fn new(store: Arc<ObjectStore>) -> Self {
        Self { store }
    }

    /// Refuses what no operation here can do, and requests meant for another account.
    fn admit<T>(&self, request: &S3Request<T>) -> S3Result<()> {
        for name in UNKNOWN_HEADERS {
            if request.headers.contains_key(name) {
                return Err(errors::not_implemented(&format!("the header {name}")));
            }
        }
        for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
            if request
                .headers
                .get(name)
                .is_some_and(|owner| owner.as_bytes() != self.store.account().as_bytes())
            {
                return Err(s3_error!(AccessDenied, "Access Denied"));
            }
        }
        Ok(())
    }

    /// What the request claims of its body.
    fn claims<T>(request: &S3Request<T>) -> S3Result<Claims> {
        Claims::read(&request.headers, request.extensions.get::<Trailers>().cloned())
    }
}

/// A header's value, if it is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Front {
    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        self.admit(&request)?;
        self.do_list_buckets(&request.input).map(S3Response::new)
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        self.admit(&request)?;
        self.do_create_bucket(&request.input).map(S3Response::new)
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.admit(&request)?;
        self.do_head_bucket(&request.input).map(S3Response::new)
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        self.admit(&request)?;
        self.do_get_bucket_location(&request.input).map(S3Response::new)
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        self.admit(&request)?;
        self.do_get_bucket_versioning(&request.input).map(S3Response::new)
    }

    async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> Answer<PutBucketVersioningOutput> {
        self.admit(&request)?;
        self.do_put_bucket_versioning(&request.input).map(S3Response::new)
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        self.admit(&request)?;
        self.store.delete_bucket(&request.input.bucket)?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        self.admit(&request)?;
        self.do_list_objects_v2(request.input).map(S3Response::new)
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        self.admit(&request)?;
        self.do_list_objects(request.input).map(S3Response::new)
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        self.admit(&request)?;
        let claims = Self::claims(&request)?;
        self.do_put_object(request.input, &claims).await.map(S3Response::new)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        self.admit(&request)?;
        let condition = convert::write_condition(&request.headers)?;
        self.do_copy_object(request.input, &condition)
            .await
            .map(S3Response::new)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        self.admit(&request)?;
        self.do_get_object(request.input).await.map(S3Response::new)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        self.admit(&request)?;
        self.do_head_object(&request.input).map(S3Response::new)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.admit(&request)?;
        self.do_delete_object(request.input).map(S3Response::new)
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        self.admit(&request)?;
        let kept = request.extensions.get::<Kept>().cloned();
        self.do_delete_objects(request.input, kept.as_ref())
            .map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        self.admit(&request)?;
        self.do_create_multipart_upload(request.input).map(S3Response::new)
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.admit(&request)?;
        let claims = Self::claims(&request)?;
        self.do_upload_part(request.input, &claims).await.map(S3Response::new)
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        self.admit(&request)?;
        self.do_upload_part_copy(request.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        self.admit(&request)?;
        self.do_list_parts(request.input).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        self.admit(&request)?;
        self.do_list_multipart_uploads(request.input).map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        self.admit(&request)?;
        let checksum = convert::claimed_checksum(&request.headers)?;
        let size = header(&request.headers, "x-amz-mp-object-size").and_then(|size| size.parse().ok());
        self.do_complete_multipart_upload(request.input, checksum, size)
            .await
            .map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.admit(&request)?;
        let input = request.input;
        self.store.abort_upload(&input.bucket, &input.key, &input.upload_id)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
