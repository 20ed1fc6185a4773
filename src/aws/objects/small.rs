//! Small objects, such as the entries of a journal.
//!
//! Every call here is bounded: its attempts, and all of them together (see `connect.rs`). Bodies are held in memory.
//!
//! Facts: "Conditional writes" of the Amazon S3 User Guide for 412 and 409; S3 is strongly consistent for reads and lists
//! after writes ("Amazon S3 data consistency model", same guide).

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::super::error::read;
use super::super::{Aws, CallError, Effect};

/// What became of an object that was to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// It is there, with the content that was sent.
    Written,
    /// Another one has its key, with this content.
    Exists(Bytes),
}

/// Pauses before a write is sent again that met another one for the same key (409 `ConditionalRequestConflict`), or one that was
/// gone when it was looked at. Such a conflict lasts as long as the other request.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(400),
];

/// How often a body that was cut short is read again.
const READS: u32 = 3;

/// The most keys of one page (API reference, `ListObjectsV2`).
const PAGE: usize = 1000;

/// The CRC-32 of nothing, which no content that is sent has.
const WRONG_CHECKSUM: &str = "AAAAAA==";

/// A page of a list.
#[derive(Default)]
struct Listed {
    keys: Vec<String>,
    folders: Vec<String>,
}

impl Aws {
    /// Creates an object if nothing has its key. Whatever the answer to the write was, what is there in the end is what
    /// counts: it is read back, so that a write whose answer was lost, or that was sent twice by the SDK, is recognised by
    /// its content. So contents must differ where writers must be told apart.
    ///
    /// # Errors
    ///
    /// When the object was not there after all attempts. If that is [`Effect::Unknown`], it may still appear.
    pub async fn create_object(&self, bucket: &str, key: &str, content: Bytes) -> Result<Created, CallError> {
        let mut pauses = PAUSES.iter();
        loop {
            let Err(mut error) = self.put_if_absent(bucket, key, content.clone(), None).await else {
                return Ok(Created::Written);
            };
            match self.object(bucket, key).await {
                Ok(Some(found)) if found == content => return Ok(Created::Written),
                Ok(Some(found)) => return Ok(Created::Exists(found)),
                Ok(None) => {}
                // The write was answered well enough; what is wrong is that nobody can look.
                Err(unread) if passing(&error) => return Err(unread),
                Err(_) => return Err(error),
            }
            match pauses.next() {
                Some(pause) if passing(&error) => tokio::time::sleep(*pause).await,
                None if passing(&error) => {
                    error.effect = Effect::NotNow;
                    return Err(error);
                }
                _ => return Err(error),
            }
        }
    }

    /// Puts an object, whatever was under its key before.
    ///
    /// # Errors
    ///
    /// When S3 does not take it.
    pub async fn replace_object(&self, bucket: &str, key: &str, content: Bytes) -> Result<(), CallError> {
        self.s3_small
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(ByteStream::from(content))
            .send()
            .await
            .map(drop)
            .map_err(|error| read("PutObject", error))
    }

    /// Removes an object. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// When S3 does not do it.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), CallError> {
        self.s3_small
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .map(drop)
            .map_err(|error| read("DeleteObject", error))
    }

    /// An object's content; `None` if there is none. A read. A content that was cut short is never returned.
    ///
    /// # Errors
    ///
    /// When it cannot be read. Without `s3:ListBucket`, S3 says that access is denied where nothing is.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, CallError> {
        const OPERATION: &str = "GetObject";
        let mut attempt = 1;
        loop {
            let answer = match self.s3_small.get_object().bucket(bucket).key(key).send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let error = read(OPERATION, error);
                    return if error.has_code("NoSuchKey") {
                        Ok(None)
                    } else {
                        Err(error)
                    };
                }
            };
            let length = answer.content_length();
            // The SDK compares what it has read with the object's checksum, if S3 knows one.
            let cut_short = match answer.body.collect().await.map(|body| body.into_bytes()) {
                Ok(content) if length.is_none_or(|length| i64::try_from(content.len()) == Ok(length)) => {
                    return Ok(Some(content));
                }
                Ok(content) => format!("the answer was cut short at {} bytes", content.len()),
                Err(error) => format!("the answer was cut short or damaged: {error}"),
            };
            if attempt == READS {
                return Err(CallError {
                    operation: OPERATION,
                    code: None,
                    message: cut_short,
                    effect: Effect::Unknown,
                });
            }
            attempt += 1;
        }
    }

    /// The first keys below a prefix, in the order of their bytes. A read.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub async fn object_keys(&self, bucket: &str, prefix: &str, most: usize) -> Result<Vec<String>, CallError> {
        Ok(self.list(bucket, prefix, None, most).await?.keys)
    }

    /// All that stands for folders right below a prefix: their whole keys, each with the slash at its end. A read.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub async fn object_folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, CallError> {
        Ok(self.list(bucket, prefix, Some("/"), usize::MAX).await?.folders)
    }

    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        most: usize,
    ) -> Result<Listed, CallError> {
        const OPERATION: &str = "ListObjectsV2";
        let mut listed = Listed::default();
        let mut token = None;
        loop {
            let missing = most.saturating_sub(listed.keys.len() + listed.folders.len());
            let page = self
                .s3_small
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix)
                .set_delimiter(delimiter.map(str::to_owned))
                .max_keys(i32::try_from(missing.min(PAGE)).unwrap_or(i32::MAX))
                .set_continuation_token(token.take())
                .send()
                .await
                .map_err(|error| read(OPERATION, error))?;
            let keys = page.contents.unwrap_or_default();
            listed.keys.extend(keys.into_iter().filter_map(|object| object.key));
            let folders = page.common_prefixes.unwrap_or_default();
            listed
                .folders
                .extend(folders.into_iter().filter_map(|folder| folder.prefix));
            token = page.next_continuation_token;
            let enough = listed.keys.len() + listed.folders.len() >= most;
            if enough || token.is_none() || page.is_truncated == Some(false) {
                return Ok(listed);
            }
        }
    }

    /// Finds out whether objects may be created below a prefix, and leaves nothing behind: it sends one under a key that
    /// nobody uses, with a checksum that is wrong on purpose. Who may not write is told so; from who may, S3 refuses the
    /// content (`BadDigest`). So it needs no permission to delete, it leaves no version in a bucket that keeps them, and it
    /// is conditional like every other write, for buckets whose policy demands that.
    ///
    /// # Errors
    ///
    /// When objects may not be created, or that cannot be said.
    pub async fn may_create(&self, bucket: &str, key: &str) -> Result<(), CallError> {
        let probe = Bytes::from_static(b"cutover asks whether it may write here");
        match self.put_if_absent(bucket, key, probe, Some(WRONG_CHECKSUM)).await {
            // A store that does not compare checksums has kept it.
            Ok(()) => {
                let _ = self.delete_object(bucket, key).await;
                Ok(())
            }
            Err(error)
                if [
                    "BadDigest",
                    "XAmzContentChecksumMismatch",
                    "InvalidDigest",
                    "PreconditionFailed",
                ]
                .iter()
                .any(|code| error.has_code(code)) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn put_if_absent(
        &self,
        bucket: &str,
        key: &str,
        content: Bytes,
        checksum: Option<&str>,
    ) -> Result<(), CallError> {
        self.s3_small
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*")
            .set_checksum_crc32(checksum.map(str::to_owned))
            .body(ByteStream::from(content))
            .send()
            .await
            .map(drop)
            .map_err(|error| read("PutObject", error))
    }
}

/// Whether another write of the same key was in the way, and is gone.
fn passing(error: &CallError) -> bool {
    ["PreconditionFailed", "ConditionalRequestConflict", "OperationAborted"]
        .iter()
        .any(|code| error.has_code(code))
}
