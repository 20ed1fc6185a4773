//! Operations that write and remove objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::dto::{Error as DeleteFailure, *};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::super::condition::{self, Condition};
use super::super::digest::{Algorithm, Kind};
use super::super::errors;
use super::super::object::{Description, Object};
use super::super::receive::{Claims, receive};
use super::fields::{description, with_checksum};
use super::{Front, Kept, convert};

/// Objects that one `DeleteObjects` takes (API reference, DeleteObjects).
const MOST_DELETED: usize = 1000;

/// What is to be copied, and on which condition.
pub(super) struct Wanted<'a> {
    pub(super) source: &'a CopySource,
    pub(super) if_match: Option<&'a ETagCondition>,
    pub(super) if_none_match: Option<&'a ETagCondition>,
    pub(super) on_a_date: bool,
}

/// What is copied.
pub(super) struct From<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    pub(super) object: Arc<Object>,
}

/// The longest metadata of a user's own, names and values together (source: "Working with object metadata", User Guide).
const MOST_METADATA: usize = 2048;

/// Metadata of a user's own.
pub(super) fn metadata(given: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
    let given: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    let size: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MOST_METADATA {
        return Err(errors::metadata_too_large());
    }
    Ok(given)
}

impl Front {
    pub(super) async fn do_put_object(&self, input: PutObjectInput, claims: &Claims) -> S3Result<PutObjectOutput> {
        let condition = Condition::of_write(input.if_match, input.if_none_match.as_ref())?;
        let description = description!(input);
        let body = input.body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let object = self
            .store
            .write(&input.bucket, &input.key, &condition, description, claims, body)
            .await?;
        let checksum = convert::checksum(&object.checksum);
        Ok(with_checksum!(
            checksum,
            PutObjectOutput {
                e_tag: Some(convert::entity_tag(&object.entity_tag)),
                checksum_type: checksum.checksum_type,
                version_id: object.version.clone(),
                ..PutObjectOutput::default()
            }
        ))
    }

    pub(super) async fn do_copy_object(
        &self,
        input: CopyObjectInput,
        condition: &Condition,
    ) -> S3Result<CopyObjectOutput> {
        let wanted = Wanted {
            source: &input.copy_source,
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            on_a_date: input.copy_source_if_modified_since.is_some() || input.copy_source_if_unmodified_since.is_some(),
        };
        let From {
            bucket,
            key,
            version_id,
            object: source,
        } = self.copy_source(&wanted)?;
        // An object that is named by its version is brought back by its copy.
        if bucket == input.bucket && key == input.key && version_id.is_none() && !changes(&input) {
            condition.allows_write(Some(&source.entity_tag))?;
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
                 metadata, storage class, website redirect location or encryption attributes."
            ));
        }
        let description = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
            Some(MetadataDirective::REPLACE) => description!(input),
            _ => source.description.clone(),
        };
        let algorithm = convert::algorithm(input.checksum_algorithm.as_ref())?;
        let copy = self.copied(&source, description, algorithm).await?;
        let object = self.store.commit(&input.bucket, &input.key, condition, copy)?;
        let checksum = convert::checksum(&object.checksum);
        Ok(CopyObjectOutput {
            copy_object_result: Some(with_checksum!(
                checksum,
                CopyObjectResult {
                    e_tag: Some(convert::entity_tag(&object.entity_tag)),
                    last_modified: Some(convert::moment(object.modified)),
                    checksum_type: checksum.checksum_type,
                }
            )),
            version_id: object.version.clone(),
            ..CopyObjectOutput::default()
        })
    }

    /// The object that is to be copied.
    pub(super) fn copy_source<'a>(&self, wanted: &Wanted<'a>) -> S3Result<From<'a>> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = wanted.source
        else {
            return Err(errors::not_implemented("copying from access points"));
        };
        if wanted.on_a_date {
            return Err(errors::not_implemented("copying on condition of a date"));
        }
        if key.is_empty() {
            return Err(s3_error!(InvalidArgument, "Invalid copy source object key"));
        }
        let version_id = version_id.as_deref();
        condition::check_version(version_id)?;
        let object = self.store.get(bucket, key)?;
        condition::refuse_other_version(version_id, object.version.as_deref())?;
        let differs = |wanted: &ETagCondition| !condition::matches(wanted, &object.entity_tag);
        if wanted.if_match.is_some_and(differs) || wanted.if_none_match.is_some_and(|known| !differs(known)) {
            return Err(errors::precondition_failed());
        }
        Ok(From {
            bucket,
            key,
            version_id,
            object,
        })
    }

    /// The source as a new object. The content is read again only when its digests are not known: after an upload in parts,
    /// or for another checksum.
    async fn copied(
        &self,
        source: &Object,
        description: Description,
        algorithm: Option<Algorithm>,
    ) -> S3Result<Object> {
        let algorithm = algorithm.unwrap_or(source.checksum.algorithm);
        let same = algorithm == source.checksum.algorithm && source.checksum.kind == Kind::FullObject;
        if same && !source.in_parts {
            return Ok(Object {
                blob: Arc::clone(&source.blob),
                entity_tag: source.entity_tag.clone(),
                checksum: source.checksum.clone(),
                modified: self.store.now(),
                description,
                in_parts: false,
                upload: None,
                version: None,
            });
        }
        let content = source
            .blob
            .read(0..source.blob.size())
            .await
            .map_err(|error| errors::storage_failed("read the body of an object", error))?;
        let received = receive(self.store.folder(), &Claims::default(), algorithm, content).await?;
        Ok(self.store.whole(received, description))
    }

    pub(super) fn do_delete_object(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
            return Err(conditions_not_implemented());
        }
        let condition = Condition::of_delete(input.if_match);
        let version = input.version_id.as_deref();
        condition::check_version(version)?;
        self.store.remove(&input.bucket, &input.key, version, &condition)?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) fn do_delete_objects(
        &self,
        input: DeleteObjectsInput,
        kept: Option<&Kept>,
    ) -> S3Result<DeleteObjectsOutput> {
        self.store.require_bucket(&input.bucket)?;
        let objects = &input.delete.objects;
        if objects.is_empty() || objects.len() > MOST_DELETED || objects.iter().any(|object| object.key.is_empty()) {
            return Err(errors::malformed_document());
        }
        let mut deleted = Vec::new();
        let mut failures = Vec::new();
        for object in input.delete.objects {
            let removed = match kept.and_then(|kept| kept.why(&input.bucket, &object.key)) {
                Some(why) => Err(S3Error::with_message(S3ErrorCode::AccessDenied, why)),
                None => self.delete_listed(&input.bucket, &object),
            };
            match removed {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    ..DeletedObject::default()
                }),
                Err(error) => failures.push(DeleteFailure {
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    key: Some(object.key),
                    ..DeleteFailure::default()
                }),
            }
        }
        Ok(DeleteObjectsOutput {
            deleted: (!input.delete.quiet.unwrap_or(false)).then_some(deleted),
            errors: (!failures.is_empty()).then_some(failures),
            ..DeleteObjectsOutput::default()
        })
    }

    /// Removes one of the objects in the list of `DeleteObjects`.
    fn delete_listed(&self, bucket: &str, object: &ObjectIdentifier) -> S3Result<()> {
        if object.last_modified_time.is_some() || object.size.is_some() {
            return Err(conditions_not_implemented());
        }
        let condition = Condition::of_delete(object.e_tag.clone().map(ETagCondition::ETag));
        let version = object.version_id.as_deref();
        condition::check_version(version)?;
        self.store.remove(bucket, &object.key, version, &condition)
    }
}

/// Whether a copy differs from its source in more than its place. Everything is of the storage class `STANDARD`.
fn changes(input: &CopyObjectInput) -> bool {
    let replaces = |directive: &MetadataDirective| directive.as_str() == MetadataDirective::REPLACE;
    let other = |class: &StorageClass| class.as_str() != StorageClass::STANDARD;
    input.metadata_directive.as_ref().is_some_and(replaces)
        || input.storage_class.as_ref().is_some_and(other)
        || input.server_side_encryption.is_some()
}

fn conditions_not_implemented() -> s3s::S3Error {
    errors::not_implemented("deleting on condition of a date or a size")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::local::objects::{ObjectStore, S3Front};
    use crate::local::storage::Storage as _;
    use crate::model::SystemClock;

    #[tokio::test]
    async fn the_newest_version_can_be_named_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        let store = Arc::new(store);
        store.ensure_bucket("b");
        store.set_versioning("b", "Enabled").unwrap();
        let write = |content: &[u8]| {
            store.put("b", "k", content);
            store.revision("b", "k").unwrap().version.unwrap()
        };
        let (old, new) = (write(b"1"), write(b"2"));
        let front = Front::new(Arc::clone(&store));
        let any = Condition::default();
        let copy = |version: &str| CopySource::Bucket {
            bucket: "b".into(),
            key: "k".into(),
            version_id: Some(version.into()),
        };
        let copy = |version: &str| {
            let input = CopyObjectInput::builder();
            let input = input
                .bucket("b".to_owned())
                .key("copy".to_owned())
                .copy_source(copy(version));
            front.do_copy_object(input.build().unwrap(), &any)
        };
        assert!(copy(&old).await.is_err() && store.revision("b", "copy").is_none());
        assert!(copy(&new).await.is_ok() && store.revision("b", "copy").is_some());
        let remove = |version: &str| {
            let input = DeleteObjectInput::builder().bucket("b".to_owned()).key("k".to_owned());
            front.do_delete_object(input.version_id(Some(version.to_owned())).build().unwrap())
        };
        assert!(remove(&old).is_err() && store.revision("b", "k").is_some());
        assert!(remove(&new).is_ok() && store.revision("b", "k").is_none());
    }

    #[test]
    fn a_list_of_deletions_has_its_limits_and_ignores_no_condition() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        let store = Arc::new(store);
        store.ensure_bucket("b");
        let front = Front::new(Arc::clone(&store));
        let object = |key: &str| ObjectIdentifier {
            key: key.to_owned(),
            ..ObjectIdentifier::default()
        };
        let delete = |objects: Vec<ObjectIdentifier>| {
            let input = DeleteObjectsInput::builder().bucket("b".to_owned());
            let input = input.delete(Delete { objects, quiet: None });
            front.do_delete_objects(input.build().unwrap(), None)
        };
        for amount in [0, 1001] {
            let refused = delete(vec![object("k"); amount]).unwrap_err();
            assert_eq!(refused.code().as_str(), "MalformedXML", "{amount}");
        }
        assert!(delete(vec![object("k"); 1000]).is_ok());
        for key in ["size", "date", "none"] {
            store.put("b", key, b"1");
        }
        let size = ObjectIdentifier {
            size: Some(1),
            ..object("size")
        };
        let date = ObjectIdentifier {
            last_modified_time: Some(std::time::SystemTime::UNIX_EPOCH.into()),
            ..object("date")
        };
        let told = delete(vec![size, date, object("none")]).unwrap();
        let errors = told.errors.unwrap_or_default();
        let codes: Vec<_> = errors
            .iter()
            .map(|error| (error.key.as_deref(), error.code.as_deref()))
            .collect();
        let not_implemented = Some("NotImplemented");
        assert_eq!(
            codes,
            [(Some("size"), not_implemented), (Some("date"), not_implemented)]
        );
        let left = ["size", "date", "none"].map(|key| store.revision("b", key).is_some());
        assert_eq!(left, [true, true, false]);
    }

    #[tokio::test]
    async fn a_copy_takes_no_place_that_it_should_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        let store = Arc::new(store);
        store.ensure_bucket("bundles");
        store.put("bundles", "new", b"new");
        store.put("bundles", "there", b"old");
        let old = store.revision("bundles", "there").unwrap().entity_tag;
        let front = S3Front::new(Arc::clone(&store));
        let copy = async |to: &str, name: &str, value: &str| {
            let request = http::Request::put(format!("http://127.0.0.1/bundles/{to}"))
                .header("x-amz-copy-source", "bundles/new")
                .header(name, value)
                .body(s3s::Body::empty());
            front.handle(request.unwrap()).await.status().as_u16()
        };
        let quoted = format!("\"{old}\"");
        for (to, name, value, status) in [
            ("there", "if-none-match", "*", 412),
            ("there", "if-match", "\"another\"", 412),
            ("none", "if-match", quoted.as_str(), 404),
            ("there", "if-none-match", quoted.as_str(), 501),
            ("there", "if-match", "no tag", 400),
            ("there", "if-match", "*", 501),
            ("there", "x-amz-metadata-directive", "MOVE", 400),
            ("there", "x-amz-tagging-directive", "MOVE", 400),
        ] {
            assert_eq!(copy(to, name, value).await, status, "{to} {name}: {value}");
            assert_eq!(store.content("bundles", "there").unwrap(), b"old");
            assert_eq!(store.revision("bundles", "none"), None);
        }
        assert_eq!(copy("none", "if-none-match", "*").await, 200);
        assert_eq!(copy("there", "if-match", &quoted).await, 200);
        assert_eq!(store.content("bundles", "there").unwrap(), b"new");
    }

    #[tokio::test]
    async fn a_copy_onto_itself_changes_something() {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        let store = Arc::new(store);
        store.ensure_bucket("bundles");
        store.put("bundles", "k", b"1");
        let front = S3Front::new(Arc::clone(&store));
        for (name, value, status) in [
            ("x-amz-meta-a", "1", 400),
            ("x-amz-metadata-directive", "COPY", 400),
            ("x-amz-storage-class", "STANDARD", 400),
            ("if-none-match", "*", 412),
            ("x-amz-metadata-directive", "REPLACE", 200),
            ("x-amz-storage-class", "STANDARD_IA", 200),
            ("x-amz-server-side-encryption", "AES256", 200),
        ] {
            let request = http::Request::put("http://127.0.0.1/bundles/k")
                .header("x-amz-copy-source", "/bundles/k")
                .header(name, value)
                .body(s3s::Body::empty());
            let answer = front.handle(request.unwrap()).await;
            assert_eq!(answer.status(), status, "{name}: {value}");
        }
    }
}
