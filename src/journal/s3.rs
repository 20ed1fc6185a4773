//! A journal on S3, for everybody who can reach the bucket.
//!
//! ```text
//! <prefix>/<application>/<slot>/<release number>/<sequence>.json      entries
//! <prefix>/<application>/<slot>/<release number>/evidence/<name>      evidence
//! <prefix>/<application>/<slot>/index/<4294967295 - release number>   the index
//! ```
//!
//! Entries are written by *create if absent* (`If-None-Match: *`) alone, so S3 decides who is first. An answer to such a
//! write decides nothing by itself: after 412 and after every doubt the entry is read back, and its nonce says whose it is.
//!
//! # How the newest release is found
//!
//! Keys are listed in the order of their bytes. An object of the index is named after what is left to the largest number, with
//! ten digits, so the newest release is listed first: one request, however long the history is. The index is made by *create
//! if absent* as well, and it is only a hint; what counts is whether a release has its first entry.
//!
//! - Whoever begins release n creates the index object of n **before** entry 1 of n. So at every moment the index names at
//!   least every release that has begun: **it is never behind.** If the writer dies in between, or finds entry 1 taken, the
//!   index names n, which has not begun or was begun by somebody else.
//! - Nobody begins n without having seen that n-1 has begun and is over. So **it is at most one ahead,** however many writers
//!   there are: all that try at the same time try the same n, or one that has begun already.
//! - A list shows everything that was written before it was asked for (S3 is strongly consistent). So the newest release is
//!   the first of the list that has begun: the first or the second.
//!
//! Should somebody remove objects, or copy a journal from a directory (which has no index), this still holds: the release
//! after the first of the list is looked at too, and where the index is of no help the releases themselves are listed, a
//! request for each thousand. The next release to begin makes the index right.
//!
//! A wrong answer would do no harm but confusion. A number that is too low makes the caller try a release that has begun,
//! and its entry 1 is taken; and a release that has not begun is not read as one.
//!
//! # Permissions
//!
//! `s3:GetObject` and `s3:PutObject` on `<prefix>/*`, and `s3:ListBucket` on the bucket. `s3:DeleteObject` is not used. A bucket
//! that keeps versions, or whose policy allows conditional writes only, will do; a lifecycle rule that removes objects
//! forgets releases.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::entry::{decode, encode};
use super::error::APPEND;
use super::names::{self, component};
use super::{Append, Journal, JournalError};
use crate::aws::{Aws, CallError, Created, Effect};
use crate::model::ReleaseNumber;
use crate::release::{Entry, ReleaseId, Slot};

/// How long a call may take as a whole. A write, a look whether it has arrived, and a little more; an append that took longer
/// would be of an intent that nobody may act upon any more (`limits::INTENT_DEADLINE`).
const BOUND: Duration = Duration::from_secs(14);

/// How much of the index is looked at before it counts as broken. If it is sound, two are enough.
const INDEX: usize = 3;

/// How many names evidence may have that was written before and cannot be replaced.
const COPIES: u32 = 9;

/// A journal below a prefix of a bucket.
#[derive(Clone, Debug)]
pub struct S3Journal {
    aws: Aws,
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

impl S3Journal {
    /// A journal below this prefix, which may be empty.
    #[must_use]
    pub fn new(aws: Aws, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            aws,
            bucket: bucket.into(),
            prefix: folder(&prefix.into()),
        }
    }

    fn slot_prefix(&self, slot: &Slot) -> String {
        slot_prefix(&self.prefix, slot)
    }

    fn release_prefix(&self, release: &ReleaseId) -> String {
        format!("{}{}/", self.slot_prefix(&release.slot), release.number)
    }

    fn entry_key(&self, release: &ReleaseId, sequence: u64) -> String {
        format!("{}{}", self.release_prefix(release), names::entry(sequence))
    }

    fn index_prefix(&self, slot: &Slot) -> String {
        format!("{}index/", self.slot_prefix(slot))
    }

    fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    fn failed(&self, doing: &'static str, key: &str) -> impl FnOnce(CallError) -> JournalError {
        let location = self.address(key);
        move |source| JournalError::S3 {
            doing,
            location,
            source,
        }
    }

    /// Work that ends in time, whatever happens.
    async fn bounded<T: Send>(
        &self,
        doing: &'static str,
        key: &str,
        work: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        match tokio::time::timeout(BOUND, Box::pin(work)).await {
            Ok(result) => result,
            Err(_) => Err(self.failed(doing, key)(CallError {
                operation: "S3",
                code: None,
                message: format!("no answer within {} seconds", BOUND.as_secs()),
                effect: Effect::Unknown,
            })),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>, JournalError> {
        let found = self
            .aws
            .object(&self.bucket, key)
            .await
            .map_err(self.failed("read", key))?;
        found.map(|text| decode(&text, &self.address(key))).transpose()
    }

    async fn has_begun(&self, slot: &Slot, number: ReleaseNumber) -> Result<bool, JournalError> {
        let release = ReleaseId {
            slot: slot.clone(),
            number,
        };
        let key = self.entry_key(&release, 1);
        let found = self.aws.object(&self.bucket, &key).await;
        Ok(found.map_err(self.failed("read", &key))?.is_some())
    }

    async fn newest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        let prefix = self.index_prefix(slot);
        let listed = self
            .aws
            .object_keys(&self.bucket, &prefix, INDEX)
            .await
            .map_err(self.failed("list", &prefix))?;
        let indexed: Vec<ReleaseNumber> = listed
            .iter()
            .filter_map(|key| key.strip_prefix(&prefix)?.parse::<u32>().ok())
            .filter(|left| *left > 0)
            .map(|left| ReleaseNumber(u32::MAX - left))
            .collect();
        let Some(first) = indexed.first() else {
            return self.newest_without_index(slot).await;
        };
        let (after, begun) = tokio::join!(self.has_begun(slot, first.next()), self.has_begun(slot, *first));
        if after? {
            // It began after the list was made, and more may have.
            let mut newest = first.next();
            while self.has_begun(slot, newest.next()).await? {
                newest = newest.next();
            }
            return Ok(Some(newest));
        }
        if begun? {
            return Ok(Some(*first));
        }
        for number in indexed.iter().skip(1) {
            if self.has_begun(slot, *number).await? {
                return Ok(Some(*number));
            }
        }
        self.newest_without_index(slot).await
    }

    /// Looks through all releases there are: where the index is missing or broken.
    async fn newest_without_index(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        let prefix = self.slot_prefix(slot);
        let folders = self
            .aws
            .object_folders(&self.bucket, &prefix)
            .await
            .map_err(self.failed("list", &prefix))?;
        let mut numbers: Vec<ReleaseNumber> = folders
            .iter()
            .filter_map(|folder| folder.strip_prefix(&prefix)?.strip_suffix('/')?.parse().ok())
            .map(ReleaseNumber)
            .collect();
        numbers.sort_unstable();
        for number in numbers.into_iter().rev() {
            if self.has_begun(slot, number).await? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Puts a release into the index. Who did so first does not matter.
    async fn index(&self, release: &ReleaseId) -> Result<(), JournalError> {
        let left = u32::MAX - release.number.0;
        let key = format!("{}{left:010}", self.index_prefix(&release.slot));
        let content = Bytes::from(format!("{}\n", release.number));
        match self.aws.create_object(&self.bucket, &key, content).await {
            Ok(Created::Written | Created::Exists(_)) => Ok(()),
            Err(error) => Err(self.failed("write the index of", &key)(error)),
        }
    }

    async fn create(&self, key: &str, entry: &Entry) -> Result<Append, JournalError> {
        let text = encode(entry, &self.address(key))?;
        if entry.sequence == 1 {
            self.index(&entry.release).await?;
        }
        match self.aws.create_object(&self.bucket, key, text.into()).await {
            Ok(Created::Written) => Ok(Append::Written),
            Ok(Created::Exists(there)) => {
                let there = decode(&there, &self.address(key))?;
                Ok(if there.nonce == entry.nonce {
                    Append::Written
                } else {
                    Append::Taken
                })
            }
            Err(error) => Err(self.failed(APPEND, key)(error)),
        }
    }

    /// Puts evidence where it belongs, or beside what is there if that cannot be replaced: in a bucket whose policy allows
    /// conditional writes only.
    async fn put_evidence(&self, key: &str, content: Bytes) -> Result<String, JournalError> {
        let failed = || self.failed("keep evidence in", key);
        let created = self.aws.create_object(&self.bucket, key, content.clone()).await;
        if created.map_err(failed())? == Created::Written {
            return Ok(self.address(key));
        }
        let denied = match self.aws.replace_object(&self.bucket, key, content.clone()).await {
            Ok(()) => return Ok(self.address(key)),
            Err(error) if error.effect == Effect::Refused => error,
            Err(error) => return Err(failed()(error)),
        };
        for copy in 2..=COPIES {
            let beside = format!("{key}.{copy}");
            let created = self.aws.create_object(&self.bucket, &beside, content.clone()).await;
            if created.map_err(failed())? == Created::Written {
                return Ok(self.address(&beside));
            }
        }
        Err(failed()(denied))
    }
}

/// What all keys of a slot begin with, in a journal below a prefix, which may be empty.
#[must_use]
pub fn slot_prefix(prefix: &str, slot: &Slot) -> String {
    let application = component(slot.application.as_str());
    let name = component(slot.name.as_str());
    format!("{}{application}/{name}/", folder(prefix))
}

/// A prefix with one slash at its end, unless it is empty.
fn folder(prefix: &str) -> String {
    match prefix.trim_end_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}

#[async_trait]
impl Journal for S3Journal {
    fn location(&self) -> String {
        self.address(self.prefix.trim_end_matches('/'))
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        let prefix = self.slot_prefix(slot);
        self.bounded("list", &prefix, self.newest(slot)).await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let key = self.entry_key(release, sequence);
        self.bounded("read", &key, self.read(&key)).await
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        let key = self.entry_key(&entry.release, entry.sequence);
        self.bounded(APPEND, &key, self.create(&key, entry)).await
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        let key = format!("{}evidence/{}", self.release_prefix(release), component(name));
        let content = Bytes::copy_from_slice(content);
        self.bounded("keep evidence in", &key, self.put_evidence(&key, content))
            .await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        let key = format!("{}probe", self.slot_prefix(slot));
        let look = async {
            // Of a slot without a release nothing has been read yet, and reading is a permission of its own.
            self.aws
                .object(&self.bucket, &key)
                .await
                .map_err(self.failed("read", &key))?;
            let written = self.aws.may_create(&self.bucket, &key).await;
            written.map_err(self.failed("write to", &key))
        };
        self.bounded("write to", &key, look).await
    }
}
