//! A store that ends goes on with what was saved, and with nothing else.

use futures_util::TryStreamExt as _;

use super::super::condition::Condition;
use super::super::receive::Claims;
use super::*;
use crate::local::memory::{self, Memory};
use crate::local::storage::Storage as _;
use crate::model::SystemClock;

const LARGE: usize = 100_000;

/// A store in a folder, and its memory.
fn open(home: &Path) -> (Arc<ObjectStore>, Memory) {
    let store = ObjectStore::new(
        &home.join("objects"),
        "eu-central-1",
        "000000000000",
        Arc::new(SystemClock),
    )
    .unwrap();
    store.recall(&memory::recall(home).unwrap()).unwrap();
    store.keep_only(std::iter::empty()).unwrap();
    let store = Arc::new(store);
    let memory = Memory::new(home, vec![Arc::<ObjectStore>::clone(&store)]);
    (store, memory)
}

async fn part(store: &ObjectStore, id: &str, number: i32, content: Vec<u8>) -> String {
    let body = futures_util::stream::iter([Ok(content.into())]);
    let claims = Claims::default();
    let written = store.write_part("b", "joined", id, number, Some(&claims), body).await;
    written.unwrap().entity_tag.clone()
}

async fn content(object: &Object) -> Vec<u8> {
    let pieces = object.blob.read(0..object.blob.size()).await.unwrap();
    let pieces: Vec<bytes::Bytes> = pieces.try_collect().await.unwrap();
    pieces.concat()
}

fn files(store: &ObjectStore) -> usize {
    fs::read_dir(store.files()).unwrap().count()
}

#[tokio::test]
async fn buckets_objects_and_uploads_are_there_again() {
    let home = tempfile::tempdir().unwrap();
    let (store, memory) = open(home.path());
    store.create_bucket("b").unwrap();
    store.create_bucket("gone").unwrap();
    store.set_versioning("b", "Enabled").unwrap();
    store.put("b", "tiny", b"tiny");
    store.put("b", "large", &[1; LARGE]);
    store.put("b", "removed", &[2; LARGE]);
    let described = Description {
        content_type: Some("text/plain".to_owned()),
        expires: Some(
            s3s::dto::Timestamp::parse(s3s::dto::TimestampFormat::DateTime, "2026-11-26T12:00:00.5Z").unwrap(),
        ),
        metadata: [("a".to_owned(), "b".to_owned())].into(),
        ..Description::default()
    };
    let body = futures_util::stream::iter([Ok("described".into())]);
    let (condition, claims) = (Condition::default(), Claims::default());
    let written = store
        .write("b", "described", &condition, described, &claims, body)
        .await;
    let written = written.unwrap();
    memory.settle().await.unwrap();
    store.delete("b", "removed");
    store.delete_bucket("gone").unwrap();
    store.put("b", "tiny", b"other");
    let id = store
        .begin_upload("b", "joined", None, None, Description::default())
        .unwrap();
    let first = part(&store, &id, 1, vec![3; 5 << 20]).await;
    memory.settle().await.unwrap();
    // Nobody was told of this.
    store.put("b", "late", b"late");
    let revision = |store: &ObjectStore, key: &str| store.revision("b", key).unwrap();
    let before = [revision(&store, "tiny"), revision(&store, "large")];
    drop((store, memory));

    let (store, memory) = open(home.path());
    assert_eq!([revision(&store, "tiny"), revision(&store, "large")], before);
    assert_eq!(store.content("b", "tiny").unwrap(), b"other");
    assert_eq!(store.content("b", "large").unwrap(), [1; LARGE]);
    assert_eq!(store.revision("b", "removed"), None);
    assert_eq!(store.revision("b", "late"), None);
    assert!(!store.has_bucket("gone"));
    assert_eq!(store.versioning("b").unwrap().as_deref(), Some("Enabled"));
    let described = store.get("b", "described").unwrap();
    assert_eq!(
        format!("{:?}", described.description),
        format!("{:?}", written.description)
    );
    assert_eq!(described.checksum, written.checksum);
    assert_eq!(content(&described).await, b"described");
    store.put("b", "tiny", b"other");
    assert_ne!(
        revision(&store, "tiny").version,
        before[0].version,
        "versions are counted on"
    );
    let second = part(&store, &id, 2, b"end".to_vec()).await;
    let wanted = [(1, first), (2, second)].map(|(number, tag)| super::super::uploads::WantedPart {
        number,
        entity_tag: Some(tag),
        checksum: None,
    });
    let completion = super::super::uploads::Completion {
        parts: wanted.to_vec(),
        ..Default::default()
    };
    store.complete_upload("b", "joined", &id, &completion).await.unwrap();
    assert_ne!(
        store
            .begin_upload("b", "x", None, None, Description::default())
            .unwrap(),
        id
    );
    memory.settle().await.unwrap();
    drop((store, memory));
    let (store, _memory) = open(home.path());
    assert_eq!(store.content("b", "joined").unwrap().len(), (5 << 20) + 3);
    store.upload("b", "joined", &id).unwrap_err();
    assert_eq!(files(&store), 2, "large and joined");
}

#[tokio::test]
async fn a_file_goes_only_when_nobody_would_find_it_missing() {
    let home = tempfile::tempdir().unwrap();
    let (store, memory) = open(home.path());
    store.create_bucket("b").unwrap();
    store.put("b", "a", &[1; LARGE]);
    memory.settle().await.unwrap();
    store.put("b", "a", &[2; LARGE]);
    assert_eq!(files(&store), 2, "after a crash now, the first one is the object");
    let killed = memory::recall(home.path()).unwrap();
    let seen = ObjectStore::new(store.files(), "r", "0", Arc::new(SystemClock)).unwrap();
    seen.recall(&killed).unwrap();
    assert_eq!(seen.content("b", "a").unwrap(), [1; LARGE]);
    memory.settle().await.unwrap();
    assert_eq!(files(&store), 1);
}

#[tokio::test]
async fn a_bundle_outlives_its_object() {
    let home = tempfile::tempdir().unwrap();
    let (store, memory) = open(home.path());
    store.create_bucket("b").unwrap();
    for (key, content) in [("tiny", vec![1; 9]), ("large", vec![2; LARGE])] {
        store.put("b", key, &content);
        let given = store.object("b", key).unwrap().file;
        assert!(store.has_news(), "the file must come to the disk, too");
        memory.settle().await.unwrap();
        let again = ObjectStore::new(store.files(), "r", "0", Arc::new(SystemClock)).unwrap();
        again.recall(&memory::recall(home.path()).unwrap()).unwrap();
        again.keep_only([given.as_path()].into_iter()).unwrap();
        again.delete("b", key);
        drop(again.news(false).unwrap());
        assert_eq!(fs::read(&given).unwrap(), content, "a version is made from it");
    }
}

#[tokio::test]
async fn objects_that_shared_a_file_share_it_again() {
    let home = tempfile::tempdir().unwrap();
    let (store, memory) = open(home.path());
    store.create_bucket("b").unwrap();
    store.put("b", "one", &[1; LARGE]);
    assert!(store.copy(("b", "one"), ("b", "two")));
    memory.settle().await.unwrap();
    drop((store, memory));

    let (store, memory) = open(home.path());
    assert_eq!(files(&store), 1);
    store.delete("b", "one");
    memory.settle().await.unwrap();
    assert_eq!(store.content("b", "two").unwrap(), [1; LARGE]);
    store.delete("b", "two");
    memory.settle().await.unwrap();
    assert_eq!(files(&store), 0, "it goes with the last of them");
}

#[test]
fn a_store_without_a_memory_notes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = ObjectStore::new(home.path(), "r", "0", Arc::new(SystemClock)).unwrap();
    store.create_bucket("b").unwrap();
    store.put("b", "a", &[1; LARGE]);
    store.put("b", "a", &[2; LARGE]);
    assert!(!store.has_news() && store.state().unsaved.is_none());
    assert_eq!(files(&store), 1);
}
