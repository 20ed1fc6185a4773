//! What S3 keeps when its cloud ends: buckets, objects and uploads in progress. Tiny bodies are kept with their objects, others in
//! their files.
//!
//! There may be many objects, so each change is noted when it is made.

use std::any::Any;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blob::{Blob, Found, KeptBody};
use super::digest::{Algorithm, Checksum, Kind};
use super::object::{Description, Object};
use super::store::{Bucket, ObjectStore, State};
use super::uploads::{Part as UploadPart, Upload};
use crate::local::memory::{Changes, Kept, News, NotesError, Part, encoded};
use crate::model::Timestamp;

/// How many uploads were begun.
const COUNTER: &str = "uploads";
const BUCKETS: &str = "bucket/";
const OBJECTS: &str = "object/";
const UPLOADS: &str = "upload/";

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A bucket without what is in it.
    Bucket(String),
    /// An object: bucket and key.
    Object(String, String),
    /// An upload: bucket, key and id.
    Upload(String, String, String),
}

/// What has changed and is not on the disk.
#[derive(Default)]
pub(super) struct Unsaved {
    places: BTreeSet<Place>,
    files: Vec<PathBuf>,
    replaced: Vec<Box<dyn Any + Send>>,
}

impl Unsaved {
    /// Somebody will come back for this file.
    pub(super) fn give_out(&mut self, file: &Path) {
        self.files.push(file.to_owned());
    }
}

impl std::fmt::Debug for Unsaved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsaved")
            .field("places", &self.places)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Notes that something has changed.
    pub(super) fn changed(&mut self, place: impl FnOnce() -> Place) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.places.insert(place());
        }
    }

    /// Notes that a body is wanted from now on.
    pub(super) fn wants(&mut self, blob: &Blob) {
        if let (Some(unsaved), Some(file)) = (&mut self.unsaved, blob.file()) {
            unsaved.files.push(file.to_owned());
        }
    }

    /// Takes what was replaced or removed, if it must not go yet: until that is on the disk, it is still there after a crash.
    pub(super) fn set_aside<T: Any + Send>(&mut self, replaced: T) -> Option<T> {
        match &mut self.unsaved {
            None => Some(replaced),
            Some(unsaved) => {
                unsaved.replaced.push(Box::new(replaced));
                None
            }
        }
    }

    fn value(&self, place: &Place) -> Result<(String, Option<Vec<u8>>), NotesError> {
        let (key, value) = match place {
            Place::Bucket(name) => {
                let key = format!("{BUCKETS}{name}");
                let value = self.buckets.get(name).map(|bucket| encoded(&key, &bucket.kept()));
                (key, value)
            }
            Place::Object(bucket, name) => {
                let key = format!("{OBJECTS}{bucket}/{name}");
                let object = self.buckets.get(bucket).and_then(|bucket| bucket.objects.get(name));
                let value = object.map(|object| encoded(&key, &(bucket, name, kept_object(object))));
                (key, value)
            }
            Place::Upload(bucket, name, id) => {
                let key = format!("{UPLOADS}{bucket}/{id}/{name}");
                let uploads = self.buckets.get(bucket).map(|bucket| &bucket.uploads);
                let upload = uploads.and_then(|uploads| uploads.get(&(name.clone(), id.clone())));
                let value = upload.map(|upload| encoded(&key, &(bucket, name, id, upload.kept())));
                (key, value)
            }
        };
        Ok((key, value.transpose()?))
    }

    /// All places where something is.
    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (name, bucket) in &self.buckets {
            places.push(Place::Bucket(name.clone()));
            let objects = bucket.objects.keys();
            places.extend(objects.map(|key| Place::Object(name.clone(), key.clone())));
            let uploads = bucket.uploads.keys();
            places.extend(uploads.map(|(key, id)| Place::Upload(name.clone(), key.clone(), id.clone())));
        }
        places
    }
}

impl Part for ObjectStore {
    fn has_news(&self) -> bool {
        let state = self.state();
        let unsaved = state.unsaved.as_ref();
        unsaved.is_some_and(|unsaved| !unsaved.places.is_empty() || !unsaved.files.is_empty())
    }

    fn news(&self, whole: bool) -> Result<News, NotesError> {
        let mut state = self.state();
        let Some(unsaved) = state.unsaved.replace(Unsaved::default()) else {
            return Ok(News::default());
        };
        let places = if whole {
            state.places()
        } else {
            unsaved.places.into_iter().collect()
        };
        let changes: Result<Changes, _> = places.iter().map(|place| state.value(place)).collect();
        let mut changes = changes?;
        if whole || places.iter().any(|place| matches!(place, Place::Upload(..))) {
            changes.push((COUNTER.to_owned(), Some(encoded(COUNTER, &state.uploads_made)?)));
        }
        Ok(News {
            changes,
            files: unsaved.files,
            until_saved: unsaved.replaced,
        })
    }
}

impl Drop for ObjectStore {
    /// What is kept of a store that is remembered is not thrown away with it.
    fn drop(&mut self) {
        if self.state().unsaved.is_some() {
            self.folder().close();
        }
    }
}

impl ObjectStore {
    /// Goes on with what was kept, and notes changes from now on.
    pub(in crate::local) fn recall(&self, kept: &Kept) -> Result<(), NotesError> {
        let mut state = self.state();
        state.unsaved = Some(Unsaved::default());
        state.uploads_made = kept.one(COUNTER)?.unwrap_or_default();
        for (name, bucket) in kept.all::<KeptBucket>(BUCKETS)? {
            state.buckets.insert(name, bucket.into());
        }
        let mut found = Found::new();
        for (_, (bucket, key, object)) in kept.all::<(String, String, KeptObject)>(OBJECTS)? {
            let Some(bucket) = state.buckets.get_mut(&bucket) else {
                continue;
            };
            let object = self.object_of(object, &mut found);
            if !object.blob.is_whole() {
                tracing::error!(key, file = %object.blob.path().display(), "the file of an object is gone or cut off");
            }
            bucket.objects.insert(key, Arc::new(object));
        }
        for (_, (bucket, key, id, upload)) in kept.all::<(String, String, String, KeptUpload)>(UPLOADS)? {
            if let Some(bucket) = state.buckets.get_mut(&bucket) {
                bucket.uploads.insert((key, id), self.upload_of(upload, &mut found));
            }
        }
        Ok(())
    }

    /// The folder of the bodies' files.
    pub(in crate::local) fn files(&self) -> &Path {
        self.folder().path()
    }

    /// Removes files that belong to no object and are not wanted elsewhere either: a cloud that was killed leaves some.
    pub(in crate::local) fn keep_only<'a>(&self, wanted: impl Iterator<Item = &'a Path>) -> std::io::Result<()> {
        let wanted: BTreeSet<OsString> = wanted.filter_map(Path::file_name).map(OsString::from).collect();
        let mut used = wanted.clone();
        for bucket in self.state().buckets.values() {
            let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
            let blobs = bucket.objects.values().map(|object| &object.blob);
            for blob in blobs.chain(parts.map(|part| &part.blob)) {
                let Some(name) = blob.path().file_name() else { continue };
                if wanted.contains(name) {
                    blob.stays();
                }
                if blob.file().is_some() {
                    used.insert(name.to_owned());
                }
            }
        }
        for entry in fs::read_dir(self.files())? {
            let entry = entry?;
            if !used.contains(&entry.file_name()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn object_of(&self, kept: KeptObject, found: &mut Found) -> Object {
        Object {
            blob: self.folder().kept(kept.body, found),
            entity_tag: kept.entity_tag,
            checksum: kept.checksum,
            modified: kept.modified,
            description: kept.description,
            in_parts: kept.in_parts,
            upload: kept.upload,
            version: kept.version,
        }
    }

    fn upload_of(&self, kept: KeptUpload, found: &mut Found) -> Upload {
        let mut part = |part: KeptPart| UploadPart {
            blob: self.folder().kept(part.body, found),
            entity_tag: part.entity_tag,
            algorithm: part.algorithm,
            checksum: part.checksum,
            modified: part.modified,
        };
        let parts = kept.parts.into_iter();
        Upload {
            initiated: kept.initiated,
            algorithm: kept.algorithm,
            kind: kept.kind,
            parts: parts.map(|(number, kept)| (number, Arc::new(part(kept)))).collect(),
            description: kept.description,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptBucket {
    created: Timestamp,
    versioning: Option<String>,
    versions: u64,
}

impl Bucket {
    fn kept(&self) -> KeptBucket {
        KeptBucket {
            created: self.created,
            versioning: self.versioning.clone(),
            versions: self.versions,
        }
    }
}

impl From<KeptBucket> for Bucket {
    fn from(kept: KeptBucket) -> Self {
        Self {
            created: kept.created,
            objects: std::collections::BTreeMap::new(),
            uploads: std::collections::BTreeMap::new(),
            versioning: kept.versioning,
            versions: kept.versions,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptObject {
    body: KeptBody,
    entity_tag: String,
    checksum: Checksum,
    modified: Timestamp,
    description: Description,
    in_parts: bool,
    #[serde(default)]
    upload: Option<String>,
    version: Option<String>,
}

fn kept_object(object: &Object) -> KeptObject {
    KeptObject {
        body: object.blob.kept(),
        entity_tag: object.entity_tag.clone(),
        checksum: object.checksum.clone(),
        modified: object.modified,
        description: object.description.clone(),
        in_parts: object.in_parts,
        upload: object.upload.clone(),
        version: object.version.clone(),
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptUpload {
    initiated: Timestamp,
    algorithm: Option<Algorithm>,
    kind: Kind,
    parts: Vec<(i32, KeptPart)>,
    description: Description,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptPart {
    body: KeptBody,
    entity_tag: String,
    algorithm: Algorithm,
    checksum: String,
    modified: Timestamp,
}

impl Upload {
    fn kept(&self) -> KeptUpload {
        let part = |part: &UploadPart| KeptPart {
            body: part.blob.kept(),
            entity_tag: part.entity_tag.clone(),
            algorithm: part.algorithm,
            checksum: part.checksum.clone(),
            modified: part.modified,
        };
        let parts = self.parts.iter();
        KeptUpload {
            initiated: self.initiated,
            algorithm: self.algorithm,
            kind: self.kind,
            parts: parts.map(|(number, known)| (*number, part(known))).collect(),
            description: self.description.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
