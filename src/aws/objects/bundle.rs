//! S3: the bundle under its content's key.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures_util::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::super::error::read;
use super::super::{Aws, CallError, Effect};
use crate::model::region::partition;
use crate::model::text::hex;

/// Told how many bytes of how many are through.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Size of a part. S3 wants at least 5 MiB for each but the last, and at most 10,000 of them.
const PART: u64 = 8 * 1024 * 1024;
/// Parts under way at once: enough to fill a usual uplink, few enough that a slow one does not time them all out.
const PARALLEL: usize = 4;

/// Where a bucket was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketFound {
    /// In the region in use.
    Here,
    /// In this other region.
    In(String),
    /// There is none.
    Nowhere,
}

impl Aws {
    /// Whether a bucket is there and can be read. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn find_bucket(&self, bucket: &str) -> Result<BucketFound, CallError> {
        let Err(error) = self.s3_heads.head_bucket().bucket(bucket).send().await else {
            return Ok(BucketFound::Here);
        };
        let raw = error.raw_response();
        if raw.is_some_and(|raw| raw.status().as_u16() == 404) {
            return Ok(BucketFound::Nowhere);
        }
        // A redirect to another region, or no access there, comes with the region's name (source: "HeadBucket" of the S3 API).
        let region = raw.and_then(|raw| raw.headers().get("x-amz-bucket-region"));
        match region.filter(|region| self.region().is_some_and(|own| own != *region)) {
            Some(region) => Ok(BucketFound::In(region.to_owned())),
            None => Err(read("HeadBucket", error).needing(&format!("s3:ListBucket on {}", self.arn_of(bucket)))),
        }
    }

    /// The ARN of a bucket, or of an object with its bucket before it.
    fn arn_of(&self, what: &str) -> String {
        let region = self.region().unwrap_or_default();
        format!("arn:{}:s3:::{what}", partition(region))
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
                let object = self.arn_of(&format!("{bucket}/{key}"));
                let needed = format!("s3:GetObject on {object}, and s3:ListBucket on the bucket");
                Err(read("HeadObject", error).needing(&needed))
            }
        }
    }

    /// Puts a file under a key that nothing is under yet, whatever it holds by then. Idempotent: an object that is there already is
    /// taken for the same one. Each part carries a CRC-32, which S3 checks.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or S3 refuses it. A part of an upload is taken back.
    pub async fn upload(&self, file: &Path, bucket: &str, key: &str, progress: Progress<'_>) -> Result<(), CallError> {
        let content = Content { file, promised: None };
        self.send(content, bucket, key, progress).await
    }

    /// The same, under a key that promises what the file holds: its SHA-256, in lower-case hexadecimal. A file that is changed
    /// meanwhile does not get there.
    ///
    /// # Errors
    ///
    /// As [`Aws::upload`], and when the file is not what was promised.
    pub async fn upload_as_promised(
        &self,
        file: &Path,
        sha256: &str,
        bucket: &str,
        key: &str,
        progress: Progress<'_>,
    ) -> Result<(), CallError> {
        let promised = Some(sha256);
        self.send(Content { file, promised }, bucket, key, progress).await
    }

    async fn send(
        &self,
        content: Content<'_>,
        bucket: &str,
        key: &str,
        progress: Progress<'_>,
    ) -> Result<(), CallError> {
        let facts = std::fs::metadata(content.file);
        let size = facts.map_err(|error| unreadable(content.file, &error))?.len();
        progress(0, size);
        let result = if size <= PART {
            self.put(content, bucket, key).await
        } else {
            self.put_parts(content, size, bucket, key, progress).await
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

    async fn put(&self, content: Content<'_>, bucket: &str, key: &str) -> Result<(), CallError> {
        const OPERATION: &str = "PutObject";
        let body = content.whole().await?;
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
        content: Content<'_>,
        size: u64,
        bucket: &str,
        key: &str,
        progress: Progress<'_>,
    ) -> Result<(), CallError> {
        let begun = self.begin(bucket, key).await?;
        let mut let_go = LetGo(Some(begun.clone()));
        let done = async {
            let parts = begun.parts(content.file, size, progress).await?;
            // Each part was read by the file's name, and the last one minutes after the first.
            content.unchanged().await?;
            begun.complete(parts).await
        }
        .await;
        let Err(mut failed) = done else {
            let_go.0 = None;
            return Ok(());
        };
        let taken_back = begun.take_back().await;
        let_go.0 = None;
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

    async fn begin(&self, bucket: &str, key: &str) -> Result<Begun, CallError> {
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
        let id = begun
            .upload_id
            .ok_or_else(|| CallError::refused(OPERATION, "the answer names no upload"))?;
        Ok(Begun {
            s3: self.s3.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id,
        })
    }
}

/// An upload of parts that has begun.
#[derive(Clone)]
struct Begun {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    id: String,
}

impl Begun {
    /// Sends all parts. The first that fails is the end: those under way then are let go.
    async fn parts(&self, file: &Path, size: u64, progress: Progress<'_>) -> Result<Vec<CompletedPart>, CallError> {
        let sent = AtomicU64::new(0);
        let sent = &sent;
        let uploads = (0..size.div_ceil(PART)).map(|index| async move {
            let offset = index * PART;
            let length = PART.min(size - offset);
            let part = self.part(file, index, (offset, length)).await?;
            let so_far = sent.fetch_add(length, Ordering::Relaxed) + length;
            progress(so_far.min(size), size);
            Ok::<CompletedPart, CallError>(part)
        });
        let uploads = futures_util::stream::iter(uploads).buffer_unordered(PARALLEL);
        let mut parts: Vec<CompletedPart> = uploads.try_collect().await?;
        // S3 wants them in order, and they end in any.
        parts.sort_by_key(|part| part.part_number);
        Ok(parts)
    }

    async fn part(&self, file: &Path, index: u64, (offset, length): (u64, u64)) -> Result<CompletedPart, CallError> {
        const OPERATION: &str = "UploadPart";
        let body = ByteStream::read_from()
            .path(file)
            .offset(offset)
            .length(Length::Exact(length))
            .build()
            .await
            .map_err(|error| unreadable(file, &error))?;
        let number =
            i32::try_from(index + 1).map_err(|_| CallError::refused(OPERATION, "the file has too many parts"))?;
        let part = self
            .s3
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(body)
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<(), CallError> {
        let answer = self
            .s3
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .if_none_match("*")
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await;
        answer.map(drop).map_err(|error| {
            let mut error = read("CompleteMultipartUpload", error);
            // An attempt before this one, whose answer was lost, may have been the end of it.
            if error.has_code("NoSuchUpload") {
                error.effect = Effect::Unknown;
            }
            error
        })
    }

    /// Parts that are left cost money every month. If this fails too, the bucket's lifecycle rules are the last resort.
    async fn take_back(self) -> Result<(), CallError> {
        self.s3
            .abort_multipart_upload()
            .bucket(self.bucket)
            .key(self.key)
            .upload_id(self.id)
            .send()
            .await
            .map(drop)
            .map_err(|error| read("AbortMultipartUpload", error))
    }
}

/// An upload that is taken back when nobody waits for it any more.
struct LetGo(Option<Begun>);

impl Drop for LetGo {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(begun.take_back());
        }
    }
}

/// A file, and the SHA-256 of what it has to hold, if that was promised.
#[derive(Clone, Copy)]
struct Content<'a> {
    file: &'a Path,
    promised: Option<&'a str>,
}

impl Content<'_> {
    /// All of it, read once: what was looked at is what is sent.
    async fn whole(self) -> Result<Vec<u8>, CallError> {
        let path = self.file.to_owned();
        let read = off_thread(move || std::fs::read(path).map(|bytes| (hex(&Sha256::digest(&bytes)), bytes))).await?;
        let (found, bytes) = read.map_err(|error| unreadable(self.file, &error))?;
        self.agrees(&found)?;
        Ok(bytes)
    }

    /// Whether the file is still what was promised.
    async fn unchanged(self) -> Result<(), CallError> {
        if self.promised.is_none() {
            return Ok(());
        }
        let path = self.file.to_owned();
        let found = off_thread(move || crate::bundle::digest(&path)).await?;
        self.agrees(&found.map_err(|error| unreadable(self.file, &error))?)
    }

    fn agrees(self, found: &str) -> Result<(), CallError> {
        if self.promised.is_none_or(|promised| promised == found) {
            return Ok(());
        }
        let message = format!(
            "the bundle {} was changed while it was uploaded, so nothing was put under its key; release it anew",
            self.file.display()
        );
        Err(CallError::refused(READING, message))
    }
}

/// What went wrong, where no call did.
const READING: &str = "reading the bundle";

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CallError> {
    crate::bundle::off_thread(work).await.map_err(|error| CallError {
        operation: READING,
        code: None,
        message: error.to_string(),
        effect: Effect::NotNow,
    })
}

fn unreadable(file: &Path, error: &dyn std::error::Error) -> CallError {
    CallError::refused(READING, format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Method, Request, Response, StatusCode};
    use tokio::sync::Notify;

    use super::*;
    use crate::aws::{AwsSettings, InProcess};

    const BEGIN: &str = "CreateMultipartUpload";
    const SEND: &str = "UploadPart";
    const END: &str = "CompleteMultipartUpload";
    const ABORT: &str = "AbortMultipartUpload";

    /// What happens when a part arrives.
    enum Part {
        Taken,
        Refused,
        Unanswered,
        /// It is taken, and somebody changes the file.
        Old(PathBuf),
    }

    /// A store that keeps nothing, and remembers what it was asked for.
    struct Store {
        part: Part,
        asked: Mutex<Vec<&'static str>>,
        arrived: Notify,
    }

    impl Store {
        fn asked(&self) -> Vec<&'static str> {
            self.asked.lock().unwrap().clone()
        }
    }

    fn answer(status: StatusCode, body: &'static str) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = status;
        answer
    }

    #[async_trait::async_trait]
    impl InProcess for Store {
        async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
            let query = request.uri().query().unwrap_or_default();
            let operation = match *request.method() {
                Method::POST if query.contains("uploads") => BEGIN,
                Method::POST => END,
                Method::DELETE => ABORT,
                _ if query.contains("partNumber") => SEND,
                _ => "PutObject",
            };
            self.asked.lock().unwrap().push(operation);
            if operation != SEND {
                return Ok(match operation {
                    BEGIN => answer(
                        StatusCode::OK,
                        "<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>",
                    ),
                    END => answer(
                        StatusCode::OK,
                        "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>",
                    ),
                    ABORT => answer(StatusCode::NO_CONTENT, ""),
                    _ => answer(StatusCode::OK, ""),
                });
            }
            self.arrived.notify_one();
            match &self.part {
                Part::Taken => {}
                Part::Refused => {
                    let no = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
                    return Ok(answer(StatusCode::FORBIDDEN, no));
                }
                Part::Unanswered => std::future::pending().await,
                Part::Old(file) => {
                    let mut file = std::fs::File::options().write(true).open(file).unwrap();
                    file.write_all(b"changed").unwrap();
                }
            }
            Ok(answer(StatusCode::OK, ""))
        }
    }

    async fn store(part: Part) -> (Aws, Arc<Store>) {
        let store = Arc::new(Store {
            part,
            asked: Mutex::default(),
            arrived: Notify::new(),
        });
        let aws = Aws::connect(&AwsSettings {
            region: Some("eu-central-1".to_owned()),
            in_process: Some(Arc::clone(&store) as Arc<dyn InProcess>),
            keys: Some(("key".to_owned(), "secret".to_owned())),
            ..AwsSettings::default()
        })
        .await;
        (aws, store)
    }

    /// A file of so many bytes, which are all zero.
    fn file(size: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.zip");
        std::fs::File::create(&file).unwrap().set_len(size).unwrap();
        (folder, file)
    }

    fn says_that_it_was_changed(refused: &CallError) {
        assert_eq!(refused.effect, Effect::Refused, "{refused}");
        let said = refused.to_string();
        assert!(said.contains("bundle.zip was changed while it was uploaded"), "{said}");
        assert!(said.contains("release it anew"), "{said}");
    }

    /// A store whose buckets are all in one region.
    struct Abroad(&'static str);

    #[async_trait::async_trait]
    impl InProcess for Abroad {
        async fn answer(&self, _: Request<Bytes>) -> Result<Response<Bytes>, String> {
            let mut answer = answer(StatusCode::MOVED_PERMANENTLY, "");
            let region = self.0.parse().unwrap();
            answer.headers_mut().insert("x-amz-bucket-region", region);
            Ok(answer)
        }
    }

    #[tokio::test]
    async fn a_bucket_of_another_region_is_found_there() {
        let find = async |region| {
            let settings = AwsSettings {
                region: Some("eu-central-1".to_owned()),
                in_process: Some(Arc::new(Abroad(region))),
                keys: Some(("key".to_owned(), "secret".to_owned())),
                ..AwsSettings::default()
            };
            Aws::connect(&settings).await.find_bucket("bundles").await
        };
        assert_eq!(find("us-west-2").await, Ok(BucketFound::In("us-west-2".to_owned())));
        let odd = find("eu-central-1").await.unwrap_err();
        assert!(odd.message.contains("status 301"), "{odd}");
    }

    #[tokio::test]
    async fn what_is_not_what_the_key_promises_is_not_sent() {
        let (aws, store) = store(Part::Taken).await;
        let (_folder, file) = file(3);
        let promised = crate::bundle::digest(&file).unwrap();
        let change = |_: u64, _: u64| std::fs::write(&file, "another").unwrap();
        let sent = aws.upload_as_promised(&file, &promised, "bucket", "key", &change).await;
        says_that_it_was_changed(&sent.unwrap_err());
        assert_eq!(store.asked(), [""; 0]);
        let promised = crate::bundle::digest(&file).unwrap();
        let sent = aws.upload_as_promised(&file, &promised, "bucket", "key", &|_, _| {});
        sent.await.unwrap();
        assert_eq!(store.asked(), ["PutObject"]);
    }

    #[tokio::test]
    async fn a_bundle_that_changes_between_its_parts_is_taken_back() {
        let (_folder, file) = file(PART + 1);
        let promised = crate::bundle::digest(&file).unwrap();
        let (aws, whole) = store(Part::Taken).await;
        let sent = aws.upload_as_promised(&file, &promised, "bucket", "key", &|_, _| {});
        sent.await.unwrap();
        assert_eq!(whole.asked(), [BEGIN, SEND, SEND, END]);
        let (aws, mixed) = store(Part::Old(file.clone())).await;
        let sent = aws.upload_as_promised(&file, &promised, "bucket", "key", &|_, _| {});
        says_that_it_was_changed(&sent.await.unwrap_err());
        assert_eq!(mixed.asked(), [BEGIN, SEND, SEND, ABORT]);
    }

    #[tokio::test]
    async fn a_part_that_is_refused_is_the_end_of_an_upload() {
        let (aws, store) = store(Part::Refused).await;
        let (_folder, file) = file(6 * PART);
        let refused = aws.upload(&file, "bucket", "key", &|_, _| {}).await.unwrap_err();
        assert!(refused.is_denied(), "{refused}");
        let asked = store.asked();
        let parts = asked.iter().filter(|operation| **operation == SEND).count();
        assert!(parts <= PARALLEL, "{asked:?}");
        assert_eq!(asked.last(), Some(&ABORT));
    }

    #[tokio::test]
    async fn an_upload_that_nobody_waits_for_is_taken_back() {
        let (aws, store) = store(Part::Unanswered).await;
        let (_folder, file) = file(PART + 1);
        let upload = aws.upload(&file, "bucket", "key", &|_, _| {});
        tokio::select! {
            ended = upload => panic!("{ended:?}"),
            () = store.arrived.notified() => {}
        }
        let taken_back = async {
            while store.asked().last() != Some(&ABORT) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), taken_back).await.unwrap();
    }
}
