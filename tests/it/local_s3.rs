//! The local cloud's S3 as the real client sees it, over a socket.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};
use bytes::Bytes;
use cutover::local::door::{Door, Listener, QueryAnswer, QueryService, serve};
use cutover::local::exposure::Exposure;
use cutover::local::objects::{ObjectStore, S3Front};
use cutover::local::storage::Storage;
use cutover::model::SystemClock;

const BUCKET: &str = "bundles";

struct NoQueries;

impl QueryService for NoQueries {
    fn call(&self, _: Vec<(String, String)>) -> QueryAnswer {
        unreachable!("no query is sent to S3")
    }
}

struct Cloud {
    client: Client,
    address: SocketAddr,
    store: Arc<ObjectStore>,
    _home: tempfile::TempDir,
}

impl Cloud {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let store = ObjectStore::new(home.path(), "eu-central-1", "123456789012", clock.clone()).unwrap();
        let store = Arc::new(store);
        store.ensure_bucket(BUCKET);
        let door = Arc::new(Door::new(Arc::new(NoQueries), S3Front::new(store.clone()), clock));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Exposure::ThisMachine)
            .await
            .unwrap();
        let address = listener.address();
        tokio::spawn(serve(listener, door, std::future::pending()));
        let settings = settings(&format!("http://{address}")).force_path_style(true).build();
        Self {
            client: Client::from_conf(settings),
            address,
            store,
            _home: home,
        }
    }

    async fn put(&self, key: &str, content: &'static str) -> String {
        let body = ByteStream::from_static(content.as_bytes());
        let answer = self.client.put_object().bucket(BUCKET).key(key).body(body).send().await;
        answer.unwrap().e_tag.unwrap()
    }

    async fn text(&self, key: &str) -> String {
        let answer = self.client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        String::from_utf8(answer.body.collect().await.unwrap().to_vec()).unwrap()
    }
}

fn settings(endpoint: &str) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKID", "SECRET", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
}

/// Code and status of a refusal.
fn refusal<T: std::fmt::Debug, E>(result: Result<T, SdkError<E>>) -> (String, u16)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = result.expect_err("the request should be refused");
    let code = error.code().unwrap_or_default().to_owned();
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (code, status)
}

/// Content that differs from part to part and is not all the same byte.
fn content(length: usize) -> Bytes {
    (0..length)
        .map(|index| u8::try_from(index * 7 % 251).unwrap())
        .collect::<Vec<u8>>()
        .into()
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let cloud = Cloud::start().await;
    let put = cloud
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a b/ü+.txt")
        .content_type("text/plain")
        .cache_control("no-store")
        .metadata("release", "r-0042")
        .body(ByteStream::from_static(b"hello world"))
        .send()
        .await
        .unwrap();
    assert_eq!(put.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(put.checksum_crc32(), Some("DUoRhQ=="));

    let get = || cloud.client.get_object().bucket(BUCKET).key("a b/ü+.txt");
    let whole = get().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(whole.content_type(), Some("text/plain"));
    assert_eq!(whole.cache_control(), Some("no-store"));
    assert_eq!(whole.metadata().unwrap()["release"], "r-0042");
    assert_eq!(whole.checksum_crc32(), Some("DUoRhQ=="));
    assert_eq!(whole.body.collect().await.unwrap().to_vec(), b"hello world");

    let part = get().range("bytes=6-").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 6-10/11"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"world");
    assert_eq!(
        refusal(get().range("bytes=11-").send().await),
        ("InvalidRange".into(), 416)
    );
    assert_eq!(refusal(get().if_none_match(put.e_tag().unwrap()).send().await).1, 304);

    let head = |key: &str| cloud.client.head_object().bucket(BUCKET).key(key).send();
    let known = head("a b/ü+.txt").await.unwrap();
    assert_eq!((known.content_length(), known.e_tag()), (Some(11), put.e_tag()));
    assert_eq!(known.checksum_crc32(), None);
    assert!(head("other").await.unwrap_err().into_service_error().is_not_found());
    let missing = cloud.client.get_object().bucket("no-such-bucket").key("k").send().await;
    assert_eq!(refusal(missing), ("NoSuchBucket".into(), 404));
}

#[tokio::test]
async fn of_many_writers_that_want_to_be_first_one_is() {
    let cloud = Arc::new(Cloud::start().await);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let cloud = Arc::clone(&cloud);
        writers.spawn(async move {
            let put = cloud.client.put_object().bucket(BUCKET).key("journal/1.json");
            let body = format!("writer {writer}").into_bytes();
            let result = put.if_none_match("*").body(body.into()).send().await;
            match result {
                Ok(_) => Some(writer),
                Err(error) => {
                    assert_eq!(refusal(Err::<(), _>(error)), ("PreconditionFailed".into(), 412));
                    None
                }
            }
        });
    }
    let winners: Vec<i32> = writers.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(cloud.text("journal/1.json").await, format!("writer {}", winners[0]));
}

#[tokio::test]
async fn writes_and_deletes_can_depend_on_what_is_there() {
    let cloud = Cloud::start().await;
    let put = |tag: &str| {
        let put = cloud.client.put_object().bucket(BUCKET).key("state").if_match(tag);
        put.body(ByteStream::from_static(b"new")).send()
    };
    let delete = |tag: &str| {
        let delete = cloud.client.delete_object().bucket(BUCKET).key("state");
        delete.if_match(tag).send()
    };
    assert_eq!(refusal(put("\"0\"").await), ("NoSuchKey".into(), 404));
    let first = cloud.put("state", "old").await;
    assert_eq!(refusal(put("\"0\"").await), ("PreconditionFailed".into(), 412));
    let second = put(&first).await.unwrap().e_tag.unwrap();
    assert_eq!(refusal(delete(&first).await), ("PreconditionFailed".into(), 412));
    delete(&second).await.unwrap();
    assert!(!cloud.store.has_bucket("other"));
    assert_eq!(cloud.store.object(BUCKET, "state"), None);
    // Without a condition, what is gone may be deleted again.
    let again = cloud.client.delete_object().bucket(BUCKET).key("state").send().await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn wrong_checksums_are_refused_and_nothing_is_stored() {
    let cloud = Cloud::start().await;
    let put = || {
        let put = cloud.client.put_object().bucket(BUCKET).key("bundle.zip");
        put.body(ByteStream::from_static(b"hello world"))
    };
    // The checksums of the empty text.
    for request in [
        put().checksum_crc32("AAAAAA=="),
        put().checksum_crc32_c("AAAAAA=="),
        put().checksum_crc64_nvme("AAAAAAAAAAA="),
        put().checksum_sha1("2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
        put().checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg=="),
    ] {
        assert_eq!(refusal(request.send().await), ("BadDigest".into(), 400));
    }
    assert_eq!(cloud.store.object(BUCKET, "bundle.zip"), None);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        // A body whose length alone is known goes out in chunks, with its checksum after it.
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("bundle.zip");
        std::fs::write(&path, content(300_000)).unwrap();
        let body = ByteStream::from_path(&path).await.unwrap();
        let put = cloud.client.put_object().bucket(BUCKET).key("bundle.zip");
        let put = put.checksum_algorithm(algorithm.clone()).content_encoding("gzip");
        put.body(body).send().await.unwrap();
        let get = cloud.client.get_object().bucket(BUCKET).key("bundle.zip");
        // The client compares the checksum.
        let get = get.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(get.content_encoding(), Some("gzip"));
        assert!(
            get.body.collect().await.unwrap().into_bytes() == content(300_000),
            "{algorithm:?}"
        );
    }
}

/// Uploads 12 MiB in three parts and says how they are to be completed.
async fn upload(cloud: &Cloud, algorithm: ChecksumAlgorithm, kind: ChecksumType) -> (String, Vec<CompletedPart>) {
    let create = cloud.client.create_multipart_upload().bucket(BUCKET).key("big");
    let create = create.checksum_algorithm(algorithm.clone()).checksum_type(kind);
    let id = create.send().await.unwrap().upload_id.unwrap();
    let mut parts = Vec::new();
    let all = content(12 << 20);
    // In any order.
    for number in [3, 1, 2] {
        let start = usize::try_from(number - 1).unwrap() * (5 << 20);
        let body = all.slice(start..all.len().min(start + (5 << 20)));
        let part = cloud.client.upload_part().bucket(BUCKET).key("big").upload_id(&id);
        let part = part.part_number(number).checksum_algorithm(algorithm.clone());
        let part = part.body(body.into()).send().await.unwrap();
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .set_checksum_crc64_nvme(part.checksum_crc64_nvme)
                .set_checksum_sha256(part.checksum_sha256)
                .build(),
        );
    }
    parts.sort_by_key(CompletedPart::part_number);
    (id, parts)
}

#[tokio::test]
async fn parts_become_one_object() {
    let cloud = Cloud::start().await;
    for (algorithm, kind) in [
        (ChecksumAlgorithm::Crc32, ChecksumType::Composite),
        (ChecksumAlgorithm::Crc32, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject),
        (ChecksumAlgorithm::Sha256, ChecksumType::Composite),
    ] {
        let (id, parts) = upload(&cloud, algorithm, kind.clone()).await;
        let list = cloud.client.list_parts().bucket(BUCKET).key("big").upload_id(&id);
        let list = list.max_parts(2).send().await.unwrap();
        assert_eq!((list.parts().len(), list.is_truncated()), (2, Some(true)));
        let other = cloud.client.upload_part().bucket(BUCKET).key("big").upload_id(&id);
        let other = other.part_number(4).checksum_algorithm(ChecksumAlgorithm::Crc32C);
        let other = other.body(ByteStream::from_static(b"x")).send().await;
        assert_eq!(refusal(other), ("InvalidRequest".into(), 400));
        assert_eq!(list.next_part_number_marker(), Some("2"));

        let complete = |parts: Vec<CompletedPart>| {
            let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
            let complete = cloud.client.complete_multipart_upload().bucket(BUCKET).key("big");
            complete.upload_id(&id).multipart_upload(parts)
        };
        let mut reversed = parts.clone();
        reversed.reverse();
        assert_eq!(refusal(complete(reversed).send().await).0, "InvalidPartOrder");
        let mut wrong = parts.clone();
        wrong[1].e_tag = wrong[0].e_tag.clone();
        assert_eq!(refusal(complete(wrong).send().await).0, "InvalidPart");

        let done = complete(parts.clone()).send().await.unwrap();
        assert!(done.e_tag().unwrap().ends_with("-3\""));
        assert_eq!(done.checksum_type(), Some(&kind));
        let composite = [done.checksum_crc32(), done.checksum_sha256()].into_iter().flatten();
        for checksum in composite {
            assert_eq!(checksum.ends_with("-3"), kind == ChecksumType::Composite);
        }
        let get = cloud.client.get_object().bucket(BUCKET).key("big");
        let get = get.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert!(get.body.collect().await.unwrap().into_bytes() == content(12 << 20));
        // Who has not heard the answer asks again.
        let again = complete(parts).send().await.unwrap();
        assert_eq!(again.e_tag(), done.e_tag());
    }

    // An upload that loses against an object that is there can be given up; its parts leave no file.
    let (id, parts) = upload(&cloud, ChecksumAlgorithm::Crc32, ChecksumType::Composite).await;
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = cloud.client.complete_multipart_upload().bucket(BUCKET).key("big");
    let complete = complete.upload_id(&id).multipart_upload(parts).if_none_match("*");
    assert_eq!(refusal(complete.send().await), ("PreconditionFailed".into(), 412));
    let abort = cloud.client.abort_multipart_upload().bucket(BUCKET).key("big");
    abort.upload_id(&id).send().await.unwrap();
    assert_eq!(std::fs::read_dir(cloud._home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn small_parts_are_for_the_end() {
    let cloud = Cloud::start().await;
    let create = cloud.client.create_multipart_upload().bucket(BUCKET).key("small");
    let id = create.send().await.unwrap().upload_id.unwrap();
    let mut parts = Vec::new();
    for number in [1, 2] {
        let part = cloud.client.upload_part().bucket(BUCKET).key("small").upload_id(&id);
        let part = part.part_number(number).body(ByteStream::from_static(b"small"));
        let part = part.send().await.unwrap();
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .build(),
        );
    }
    let complete = |parts: &[CompletedPart]| {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.to_vec()))
            .build();
        let complete = cloud.client.complete_multipart_upload().bucket(BUCKET).key("small");
        complete.upload_id(&id).multipart_upload(parts).send()
    };
    assert_eq!(refusal(complete(&parts).await).0, "EntityTooSmall");
    complete(&parts[1..]).await.unwrap();
    assert_eq!(cloud.text("small").await, "small");
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let cloud = Cloud::start().await;
    for key in ["a", "b/1", "b/2", "c", "d/1", "e"] {
        cloud.put(key, "x").await;
    }
    let list = cloud.client.list_objects_v2().bucket(BUCKET).delimiter("/").max_keys(2);
    let mut pages = list.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let keys = page.contents().iter().filter_map(|object| object.key());
        let prefixes = page.common_prefixes().iter().filter_map(|prefix| prefix.prefix());
        let mut lines: Vec<String> = keys.chain(prefixes).map(str::to_owned).collect();
        assert_eq!(page.key_count(), i32::try_from(lines.len()).ok());
        lines.sort();
        found.extend(lines);
    }
    assert_eq!(found, ["a", "b/", "c", "d/", "e"]);

    let after = cloud
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("b/")
        .start_after("b/1");
    let after = after.send().await.unwrap();
    assert_eq!(after.contents()[0].key(), Some("b/2"));
    let old = cloud
        .client
        .list_objects()
        .bucket(BUCKET)
        .marker("c")
        .send()
        .await
        .unwrap();
    assert_eq!(old.contents().len(), 2);
    let list = cloud.client.list_objects_v2().bucket("no-such-bucket").send().await;
    assert_eq!(refusal(list), ("NoSuchBucket".into(), 404));

    let one = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder()
        .objects(one("a"))
        .objects(one("gone"))
        .build()
        .unwrap();
    let deleted = cloud
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!((deleted.deleted().len(), deleted.errors().len()), (2, 0));
    assert_eq!(cloud.store.object(BUCKET, "a"), None);
}

#[tokio::test]
async fn buckets_have_a_region_and_an_owner() {
    let cloud = Cloud::start().await;
    let head = |name: &str| cloud.client.head_bucket().bucket(name);
    let known = head(BUCKET).send().await.unwrap();
    assert_eq!(known.bucket_region(), Some("eu-central-1"));
    assert!(
        head("other")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    head(BUCKET).expected_bucket_owner("123456789012").send().await.unwrap();
    assert_eq!(
        refusal(head(BUCKET).expected_bucket_owner("210987654321").send().await).1,
        403
    );
    let location = cloud.client.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint().unwrap().as_str(), "eu-central-1");
    let create = cloud.client.create_bucket().bucket("another").send().await;
    assert_eq!(refusal(create).0, "IllegalLocationConstraintException");
    let buckets = cloud.client.list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets().len(), 1);
}

#[tokio::test]
async fn copies_are_objects_of_their_own() {
    let cloud = Cloud::start().await;
    let tag = cloud.put("one", "content").await;
    let copy = cloud.client.copy_object().bucket(BUCKET).key("two");
    let copy = copy.copy_source(format!("{BUCKET}/one")).send().await.unwrap();
    assert_eq!(copy.copy_object_result().unwrap().e_tag(), Some(tag.as_str()));
    cloud.put("one", "changed").await;
    assert_eq!(cloud.text("two").await, "content");
}

#[tokio::test]
async fn buckets_can_stand_in_the_host_name() {
    let cloud = Cloud::start().await;
    cloud.put("key", "content").await;
    let port = cloud.address.port();
    for host in [
        "bundles.localhost",
        "bundles.s3.localhost",
        "bundles.s3.eu-central-1.localhost",
    ] {
        // The name is written by hand, as not every machine resolves names below localhost.
        let request = format!("GET /key HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
        let mut stream = tokio::net::TcpStream::connect(cloud.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("content"), "{answer}");
    }
}
