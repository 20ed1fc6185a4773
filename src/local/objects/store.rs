//! Buckets and objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use s3s::{S3Result, s3_error};

use super::blob::Folder;
use super::condition::{Condition, refuse_other_version};
use super::digest::{Algorithm, Checksum, Kind};
use super::errors;
use super::object::{Description, Object};
use super::receive::{Claims, Received, receive};
use super::remember::{Place, Unsaved};
use super::uploads::Upload;
use crate::local::ids::{Ids, MIXED};
use crate::local::storage::{ObjectRevision, Storage, StoredObject};
use crate::model::{Clock, Timestamp};

/// S3 makes a checksum by this algorithm when the client sends none.
pub(super) const OWN_ALGORITHM: Algorithm = Algorithm::Crc64Nvme;

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} for the objects of the local cloud: {source}; choose a folder that can be written", path.display())]
pub struct OpenError {
    path: PathBuf,
    source: std::io::Error,
}

/// The buckets of one account and region. Shared as an `Arc`.
///
/// All changes happen at one moment, under one lock: a conditional write is decided against what is there when it takes
/// effect, so of many that may only succeed once, one does. Bodies are received before that moment.
pub struct ObjectStore {
    region: String,
    account: String,
    clock: Arc<dyn Clock>,
    folder: Folder,
    state: Mutex<State>,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads_made: u64,
    /// What is to be written down; `None` for a store that is not remembered.
    pub(super) unsaved: Option<Unsaved>,
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) created: Timestamp,
    pub(super) objects: BTreeMap<String, Arc<Object>>,
    /// Multipart uploads in progress, by key and id.
    pub(super) uploads: BTreeMap<(String, String), Upload>,
    /// `Enabled` or `Suspended`, once somebody has said so. Each object then has a version, of which the newest is kept.
    pub(super) versioning: Option<String>,
    /// Counts versions.
    pub(super) versions: u64,
}

impl State {
    /// A bucket that must be there.
    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(errors::no_such_bucket)
    }

    /// Puts an object in its place if the condition holds; returns it, and the one that was there.
    pub(super) fn replace(
        &mut self,
        bucket: &str,
        key: &str,
        condition: &Condition,
        object: Object,
    ) -> S3Result<(Arc<Object>, Option<Arc<Object>>)> {
        let (object, replaced) = self.bucket(bucket)?.replace(key, condition, object)?;
        self.wants(&object.blob);
        self.changed(|| Place::Object(bucket.to_owned(), key.to_owned()));
        if object.version.is_some() {
            // It counts them.
            self.changed(|| Place::Bucket(bucket.to_owned()));
        }
        Ok((object, replaced))
    }

    /// A number for a new multipart upload.
    pub(super) fn next_upload(&mut self) -> u64 {
        self.uploads_made += 1;
        self.uploads_made
    }
}

impl ObjectStore {
    /// An empty store of the given region and account (its twelve digits), with its bodies in a folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or read.
    pub fn new(folder: &Path, region: &str, account: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Ok(Self {
            region: region.to_owned(),
            account: account.to_owned(),
            clock,
            folder: Folder::open(folder).map_err(|source| OpenError {
                path: folder.to_owned(),
                source,
            })?,
            state: Mutex::default(),
        })
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state is whole after every statement, so a panic elsewhere does not spoil it.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a bucket.
    pub(super) fn create_bucket(&self, name: &str) -> S3Result<()> {
        let created = self.now();
        let mut state = self.state();
        if state.buckets.contains_key(name) {
            // In the oldest region alone, making one's own bucket again is no error (API reference, CreateBucket).
            if self.region == "us-east-1" {
                return Ok(());
            }
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        state.buckets.insert(
            name.to_owned(),
            Bucket {
                created,
                objects: BTreeMap::new(),
                uploads: BTreeMap::new(),
                versioning: None,
                versions: 0,
            },
        );
        state.changed(|| Place::Bucket(name.to_owned()));
        Ok(())
    }

    /// Removes an empty bucket.
    pub(super) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut state = self.state();
        if !state.bucket(name)?.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        if let Some(removed) = state.buckets.remove(name) {
            state.changed(|| Place::Bucket(name.to_owned()));
            for (key, id) in removed.uploads.keys() {
                state.changed(|| Place::Upload(name.to_owned(), key.clone(), id.clone()));
            }
            let removed = state.set_aside(removed);
            drop(state);
            drop(removed);
        }
        Ok(())
    }

    /// Names of all buckets and when they were made.
    pub(super) fn buckets(&self) -> Vec<(String, Timestamp)> {
        let state = self.state();
        state
            .buckets
            .iter()
            .map(|(name, bucket)| (name.clone(), bucket.created))
            .collect()
    }

    /// Checks that a bucket is there.
    pub(super) fn require_bucket(&self, name: &str) -> S3Result<()> {
        self.state().bucket(name).map(|_| ())
    }

    /// Whether a bucket gives versions to its objects, in the words of S3.
    pub(super) fn versioning(&self, bucket: &str) -> S3Result<Option<String>> {
        Ok(self.state().bucket(bucket)?.versioning.clone())
    }

    /// Lets a bucket give versions to its objects from now on, or no more.
    pub(super) fn set_versioning(&self, bucket: &str, status: &str) -> S3Result<()> {
        let mut state = self.state();
        state.bucket(bucket)?.versioning = Some(status.to_owned());
        state.changed(|| Place::Bucket(bucket.to_owned()));
        Ok(())
    }

    /// An object that must be there.
    pub(super) fn get(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        let mut state = self.state();
        let object = state.bucket(bucket)?.objects.get(key);
        object.cloned().ok_or_else(errors::no_such_key)
    }

    /// Receives a body and stores it if the condition holds then.
    pub(super) async fn write<S>(
        &self,
        bucket: &str,
        key: &str,
        condition: &Condition,
        description: Description,
        claims: &Claims,
        body: S,
    ) -> S3Result<Arc<Object>>
    where
        S: Stream<Item = Result<Bytes, s3s::StdError>>,
    {
        self.require_bucket(bucket)?;
        let received = receive(&self.folder, claims, OWN_ALGORITHM, body).await?;
        self.commit(bucket, key, condition, self.whole(received, description))
    }

    /// An object that was uploaded whole.
    pub(super) fn whole(&self, received: Received, description: Description) -> Object {
        Object {
            blob: received.blob,
            entity_tag: received.md5,
            checksum: Checksum {
                algorithm: received.algorithm,
                kind: Kind::FullObject,
                value: received.checksum,
            },
            modified: self.now(),
            description,
            in_parts: false,
            upload: None,
            version: None,
        }
    }

    /// Stores an object if the condition holds.
    pub(super) fn commit(
        &self,
        bucket: &str,
        key: &str,
        condition: &Condition,
        object: Object,
    ) -> S3Result<Arc<Object>> {
        let mut state = self.state();
        let (object, replaced) = state.replace(bucket, key, condition, object)?;
        let replaced = state.set_aside(replaced);
        drop(state);
        // Its file goes only now, after the lock.
        drop(replaced);
        Ok(object)
    }

    /// Removes an object if it has the wanted version and the condition holds. One that is not there counts as removed.
    pub(super) fn remove(&self, bucket: &str, key: &str, version: Option<&str>, condition: &Condition) -> S3Result<()> {
        let mut state = self.state();
        let objects = &mut state.bucket(bucket)?.objects;
        let present = objects.get(key);
        refuse_other_version(version, present.and_then(|object| object.version.as_deref()))?;
        condition.allows_delete(present.map(|object| object.entity_tag.as_str()))?;
        let removed = objects.remove(key);
        state.changed(|| Place::Object(bucket.to_owned(), key.to_owned()));
        let removed = state.set_aside(removed);
        drop(state);
        drop(removed);
        Ok(())
    }
}

impl Bucket {
    /// The same in this bucket.
    fn replace(
        &mut self,
        key: &str,
        condition: &Condition,
        mut object: Object,
    ) -> S3Result<(Arc<Object>, Option<Arc<Object>>)> {
        let present = self.objects.get(key);
        condition.allows_write(present.map(|object| object.entity_tag.as_str()))?;
        if self.versioning.as_deref() == Some("Enabled") {
            self.versions += 1;
            // Ids look like those of S3, and are the same in every run that writes the same in the same order.
            let mut ids = Ids::new(self.versions);
            object.version = Some(ids.text(&format!("{key} {}", object.entity_tag), MIXED, 32));
        }
        let object = Arc::new(object);
        let replaced = self.objects.insert(key.to_owned(), Arc::clone(&object));
        Ok((object, replaced))
    }
}

impl std::fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectStore")
            .field("region", &self.region)
            .field("account", &self.account)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Storage for ObjectStore {
    fn ensure_bucket(&self, bucket: &str) {
        // The only way to fail is that it is there.
        let _ = self.create_bucket(bucket);
    }

    fn has_bucket(&self, bucket: &str) -> bool {
        self.require_bucket(bucket).is_ok()
    }

    fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        let object = self.get(bucket, key).ok()?;
        let size = object.blob.size();
        match object.blob.give_out() {
            Ok(file) => {
                if let Some(unsaved) = &mut self.state().unsaved {
                    unsaved.give_out(&file);
                }
                Some(StoredObject { size, file })
            }
            Err(error) => {
                tracing::error!(bucket, key, %error, "an object could not be written to a file for the account");
                None
            }
        }
    }

    fn content(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        match self.get(bucket, key).ok()?.blob.content() {
            Ok(content) => Some(content),
            Err(error) => {
                tracing::error!(bucket, key, %error, "an object could not be read for the account");
                None
            }
        }
    }

    fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut state = self.state();
        let Ok(bucket) = state.bucket(bucket) else {
            return Vec::new();
        };
        let from = bucket.objects.range(prefix.to_owned()..);
        let found = from.take_while(|(key, _)| key.starts_with(prefix));
        found.map(|(key, _)| key.clone()).collect()
    }

    fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let written = self
            .folder
            .writer()
            .write_whole(content)
            .map_err(|error| errors::storage_failed("write the body of an object", error))
            .and_then(|blob| {
                let received = Received {
                    blob,
                    md5: super::digest::entity_tag(content),
                    algorithm: OWN_ALGORITHM,
                    checksum: OWN_ALGORITHM.of(content),
                };
                let object = self.whole(received, Description::default());
                self.commit(bucket, key, &Condition::default(), object)
            });
        if let Err(error) = written {
            tracing::error!(
                bucket,
                key,
                code = error.code().as_str(),
                "the account could not store an object"
            );
        }
    }

    fn revision(&self, bucket: &str, key: &str) -> Option<ObjectRevision> {
        let object = self.get(bucket, key).ok()?;
        Some(ObjectRevision {
            entity_tag: object.entity_tag.clone(),
            modified: object.modified,
            version: object.version.clone(),
        })
    }

    fn copy(&self, from: (&str, &str), to: (&str, &str)) -> bool {
        let Ok(object) = self.get(from.0, from.1) else {
            return false;
        };
        let copy = Object {
            blob: Arc::clone(&object.blob),
            entity_tag: object.entity_tag.clone(),
            checksum: object.checksum.clone(),
            modified: self.now(),
            description: object.description.clone(),
            in_parts: object.in_parts,
            upload: None,
            version: None,
        };
        self.commit(to.0, to.1, &Condition::default(), copy).is_ok()
    }

    fn delete(&self, bucket: &str, key: &str) {
        if let Err(error) = self.remove(bucket, key, None, &Condition::default()) {
            tracing::error!(
                bucket,
                key,
                code = error.code().as_str(),
                "the account could not delete an object"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;

    #[test]
    fn the_account_sees_what_it_stored_and_keeps_the_file_it_was_given() {
        let home = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(home.path(), "eu-central-1", "000000000000", Arc::new(SystemClock)).unwrap();
        assert!(!store.has_bucket("logs"));
        store.put("logs", "a", b"lost");
        assert_eq!(store.object("logs", "a"), None);

        store.ensure_bucket("logs");
        store.ensure_bucket("logs");
        assert!(store.has_bucket("logs"));
        store.put("logs", "a", b"first");
        let first = store.object("logs", "a").unwrap();
        assert_eq!(first.size, 5);
        store.put("logs", "a", b"second one");
        let second = store.object("logs", "a").unwrap();
        let revision = store.revision("logs", "a").unwrap();
        assert!(store.copy(("logs", "a"), ("logs", "b")) && !store.copy(("logs", "z"), ("logs", "b")));
        assert_eq!(store.content("logs", "a").unwrap(), b"second one");
        store.delete("logs", "a");
        assert_eq!(store.object("logs", "a"), None);
        assert_eq!(store.revision("logs", "a"), None);
        assert_eq!(store.revision("logs", "b").unwrap().entity_tag, revision.entity_tag);
        assert_eq!(store.revision("logs", "b").unwrap().version, None);
        store.set_versioning("logs", "Enabled").unwrap();
        let written = |content: &[u8]| {
            store.put("logs", "c", content);
            store.revision("logs", "c").unwrap().version.unwrap()
        };
        assert_ne!(written(b"same"), written(b"same"));
        assert_eq!(store.object("logs", "b").unwrap().size, 10);
        assert_eq!(std::fs::read(first.file).unwrap(), b"first");
        assert_eq!(std::fs::read(second.file).unwrap(), b"second one");
    }

    #[test]
    fn what_was_overwritten_meanwhile_is_not_removed_in_its_place() {
        let home = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(home.path(), "eu-central-1", "000000000000", Arc::new(SystemClock)).unwrap();
        store.ensure_bucket("b");
        store.set_versioning("b", "Enabled").unwrap();
        let write = |content: &[u8]| {
            store.put("b", "k", content);
            store.revision("b", "k").unwrap().version.unwrap()
        };
        let (seen, newest) = (write(b"1"), write(b"2"));
        let any = Condition::default();
        let refused = store.remove("b", "k", Some(&seen), &any).unwrap_err();
        assert_eq!(refused.code().as_str(), "NotImplemented");
        assert_eq!(store.content("b", "k").unwrap(), b"2");
        store.remove("b", "k", Some(&newest), &any).unwrap();
        assert!(store.revision("b", "k").is_none());
    }

    #[test]
    fn buckets_are_made_once_and_removed_when_empty() {
        let home = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(home.path(), "eu-central-1", "000000000000", Arc::new(SystemClock)).unwrap();
        store.create_bucket("one").unwrap();
        let again = store.create_bucket("one").unwrap_err();
        assert_eq!(again.code().as_str(), "BucketAlreadyOwnedByYou");
        store.put("one", "key", b"");
        assert_eq!(
            store.delete_bucket("one").unwrap_err().code().as_str(),
            "BucketNotEmpty"
        );
        store.delete("one", "key");
        store.delete_bucket("one").unwrap();
        assert_eq!(store.delete_bucket("one").unwrap_err().code().as_str(), "NoSuchBucket");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
