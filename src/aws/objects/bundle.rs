//! S3: the bundle under its content's key.

use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures_util::StreamExt;

use super::super::error::read;
use super::super::{Aws, CallError, Effect};

/// Told how many bytes of how many are through.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Size of a part. S3 wants at least 5 MiB for each but the last, and at most 10,000 of them.
const PART: u64 = 8 * 1024 * 1024;
/// Parts under way at once: enough to fill a usual uplink, few enough that a slow one does not time them all out.
const PARALLEL: usize = 4;

impl Aws {
    /// Whether a bucket is there and can be read. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn bucket_exists(&self, bucket: &str) -> Result<bool, CallError> {
        match self.s3_heads.head_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404) => Ok(false),
            Err(error) => Err(read("HeadBucket", error).needing(&format!("s3:ListBucket on arn:aws:s3:::{bucket}"))),
        }
    }

    /// Whether an object is there. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn object_exists(&self, bucket: &str, key: &str) -> Result<bool, CallError> {
        match self.s3_heads.head_object().bucket(bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404) => Ok(false),
            Err(error) => {
                let needed = format!("s3:GetObject on arn:aws:s3:::{bucket}/{key}, and s3:ListBucket on the bucket");
                Err(read("HeadObject", error).needing(&needed))
            }
        }
    }

    /// Puts a file under a key that nothing is under yet. Idempotent: the key is made from the content, so an object that is
    /// there already is the same one. Each part carries a CRC-32, which S3 checks.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or S3 refuses it. A part of an upload is taken back.
    pub async fn upload(&self, file: &Path, bucket: &str, key: &str, progress: Progress<'_>) -> Result<(), CallError> {
        let size = std::fs::metadata(file).map_err(|error| unreadable(file, &error))?.len();
        progress(0, size);
        let result = if size <= PART {
            self.put(file, bucket, key).await
        } else {
            self.put_parts(file, size, bucket, key, progress).await
        };
        match result {
            Ok(()) => {
                progress(size, size);
                Ok(())
            }
            Err(error) if error.has_code("PreconditionFailed") => {
                progress(size, size);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn put(&self, file: &Path, bucket: &str, key: &str) -> Result<(), CallError> {
        const OPERATION: &str = "PutObject";
        // Small enough to be read at once: no thread is needed for it.
        let body = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*")
            .content_type("application/zip")
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body))
            .send()
            .await
            .map(drop)
            .map_err(|error| read(OPERATION, error))
    }

    async fn put_parts(
        &self,
        file: &Path,
        size: u64,
        bucket: &str,
        key: &str,
        progress: Progress<'_>,
    ) -> Result<(), CallError> {
        const OPERATION: &str = "CreateMultipartUpload";
        let begun = self
            .s3
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .content_type("application/zip")
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        let upload = begun
            .upload_id
            .ok_or_else(|| CallError::refused(OPERATION, "the answer names no upload"))?;
        let done = async {
            let parts = self.parts(file, size, bucket, key, &upload, progress).await?;
            self.complete(bucket, key, &upload, parts).await
        }
        .await;
        let Err(mut failed) = done else { return Ok(()) };
        // Parts that are left cost money every month. If this fails too, the bucket's lifecycle rules are the last resort.
        let taken_back = self
            .s3
            .abort_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(&upload)
            .send()
            .await
            .map_err(|error| read("AbortMultipartUpload", error));
        // Without an upload nothing is left: its end may have been reached without an answer.
        if let Err(left) = taken_back
            && !left.has_code("NoSuchUpload")
        {
            failed.message = format!(
                "{}; and what was sent of it could not be taken back: {left}",
                failed.message
            );
        }
        Err(failed)
    }

    async fn parts(
        &self,
        file: &Path,
        size: u64,
        bucket: &str,
        key: &str,
        upload: &str,
        progress: Progress<'_>,
    ) -> Result<Vec<CompletedPart>, CallError> {
        let sent = std::sync::atomic::AtomicU64::new(0);
        let sent = &sent;
        let uploads = (0..size.div_ceil(PART)).map(|index| async move {
            let offset = index * PART;
            let length = PART.min(size - offset);
            let body = ByteStream::read_from()
                .path(file)
                .offset(offset)
                .length(Length::Exact(length))
                .build()
                .await
                .map_err(|error| unreadable(file, &error))?;
            let number = i32::try_from(index + 1)
                .map_err(|_| CallError::refused("UploadPart", "the file has too many parts"))?;
            let part = self
                .s3
                .upload_part()
                .bucket(bucket)
                .key(key)
                .upload_id(upload)
                .part_number(number)
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .body(body)
                .send()
                .await
                .map_err(|error| read("UploadPart", error))?;
            let so_far = sent.fetch_add(length, std::sync::atomic::Ordering::Relaxed) + length;
            progress(so_far.min(size), size);
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .build())
        });
        let results: Vec<Result<CompletedPart, CallError>> =
            futures_util::stream::iter(uploads).buffered(PARALLEL).collect().await;
        results.into_iter().collect()
    }

    async fn complete(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<(), CallError> {
        self.s3
            .complete_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(upload)
            .if_none_match("*")
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("CompleteMultipartUpload", error))
    }
}

fn unreadable(file: &Path, error: &dyn std::error::Error) -> CallError {
    CallError {
        operation: "reading the bundle",
        code: None,
        message: format!("{}: {error}", file.display()),
        effect: Effect::Refused,
    }
}
