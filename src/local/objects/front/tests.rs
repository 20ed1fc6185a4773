//! Requests as they come over HTTP, and what is said of those that are not as they should be.

use std::sync::Arc;

use crate::local::objects::{ObjectStore, RequestId, S3Front};
use crate::local::storage::Storage as _;
use crate::model::SystemClock;

/// A front on a store with the bucket `bundles`, and the folder that it lies in.
struct World {
    front: S3Front,
    store: Arc<ObjectStore>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = ObjectStore::new(folder.path(), "eu-central-1", "123456789012", Arc::new(SystemClock)).unwrap();
        store.ensure_bucket("bundles");
        let store = Arc::new(store);
        Self {
            front: S3Front::new(Arc::clone(&store)),
            store,
            _folder: folder,
        }
    }

    /// Asks, and gives the status and the body of the answer.
    async fn ask(&self, request: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let (method, path) = request.split_once(' ').unwrap();
        let mut builder = http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1{path}"));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(s3s::Body::from(body.to_owned())).unwrap();
        let mut answer = self.front.handle(request).await;
        let text = answer.body_mut().store_all_limited(1 << 20).await.unwrap();
        (answer.status().as_u16(), String::from_utf8(text.to_vec()).unwrap())
    }

    /// Begins an upload and gives its id.
    async fn upload(&self, key: &str) -> String {
        let (status, body) = self.ask(&format!("POST /bundles/{key}?uploads"), &[], "").await;
        assert_eq!(status, 200, "{body}");
        inside(&body, "UploadId").unwrap().to_owned()
    }
}

fn inside<'a>(body: &'a str, element: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{element}>"))?;
    rest.split_once(&format!("</{element}>")).map(|(text, _)| text)
}

fn all<'a>(body: &'a str, element: &str) -> Vec<&'a str> {
    let begin = format!("<{element}>");
    let parts = body.split(&begin).skip(1);
    parts.filter_map(|part| part.split('<').next()).collect()
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_in_the_words_of_s3() {
    let world = World::new();
    world.store.put("bundles", "k", b"1");
    let upload = world.upload("up").await;
    let parts = format!("/bundles/up?uploadId={upload}");
    let part = "<CompleteMultipartUpload><Part><ETag>a</ETag></Part></CompleteMultipartUpload>";
    let argument = |name: &str| Some(format!("Argument {name} must be an integer between 0 and 2147483647"));
    let words = |text: &str| Some(text.to_owned());
    let encoding = "Invalid Encoding Method specified in Request";
    let malformed = "The XML you provided was not well-formed or did not validate against our published schema";
    for (request, headers, body, code, message) in [
        (
            "GET /bundles?max-keys=-1",
            None,
            "",
            "InvalidArgument",
            argument("max-keys"),
        ),
        (
            "GET /bundles?uploads&max-uploads=-1",
            None,
            "",
            "InvalidArgument",
            argument("max-uploads"),
        ),
        (
            &format!("GET {parts}&max-parts=-1"),
            None,
            "",
            "InvalidArgument",
            argument("max-parts"),
        ),
        (
            &format!("GET {parts}&part-number-marker=-1"),
            None,
            "",
            "InvalidArgument",
            argument("part-number-marker"),
        ),
        ("GET /?max-buckets=0", None, "", "InvalidArgument", None),
        ("GET /?max-buckets=10001", None, "", "InvalidArgument", None),
        ("GET /?continuation-token=%21", None, "", "InvalidArgument", None),
        (
            "GET /bundles?encoding-type=foo",
            None,
            "",
            "InvalidArgument",
            words(encoding),
        ),
        (
            "GET /bundles?list-type=2&encoding-type=",
            None,
            "",
            "InvalidArgument",
            words(encoding),
        ),
        (
            "GET /bundles?uploads&encoding-type=foo",
            None,
            "",
            "InvalidArgument",
            words(encoding),
        ),
        (
            "GET /bundles/k?versionId=bad",
            None,
            "",
            "InvalidArgument",
            words("Invalid version id specified"),
        ),
        ("GET /bundles/none?versionId=", None, "", "InvalidArgument", None),
        ("DELETE /bundles/k?versionId=bad", None, "", "InvalidArgument", None),
        (
            "PUT /bundles/copy",
            Some(("x-amz-copy-source", "bundles/k?versionId=bad")),
            "",
            "InvalidArgument",
            None,
        ),
        ("PUT /bundles/k", Some(("if-match", "*")), "new", "NotImplemented", None),
        (
            "PUT /bundles/k",
            Some(("x-amz-storage-class", "FAST")),
            "new",
            "InvalidStorageClass",
            words("The storage class you specified is not valid"),
        ),
        (
            "POST /bundles/mp?uploads",
            Some(("x-amz-checksum-type", "FULL_OBJECT")),
            "",
            "InvalidRequest",
            words("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."),
        ),
        (
            "POST /bundles/mp?uploads",
            Some(("x-amz-checksum-algorithm", "FOO")),
            "",
            "InvalidRequest",
            None,
        ),
        (
            "POST /bundles/mp?uploads",
            Some(("x-amz-checksum-algorithm", "MD5")),
            "",
            "NotImplemented",
            None,
        ),
        (&format!("POST {parts}"), None, part, "MalformedXML", words(malformed)),
        (
            &format!("POST {parts}"),
            None,
            "<Other",
            "MalformedXML",
            words(malformed),
        ),
        (
            "POST /bundles?delete",
            Some(("content-md5", "D4u8Yz2FKBjaKmHO7IlgxQ==")),
            "<Delete><Object><Key></Key></Object></Delete>",
            "MalformedXML",
            words(malformed),
        ),
        (
            "GET /none",
            None,
            "",
            "NoSuchBucket",
            words("The specified bucket does not exist"),
        ),
        (
            "GET /UPPER",
            None,
            "",
            "InvalidBucketName",
            words("The specified bucket is not valid."),
        ),
    ] {
        let headers: Vec<_> = headers.into_iter().collect();
        let (status, text) = world.ask(request, &headers, body).await;
        assert_eq!(inside(&text, "Code"), Some(code), "{request}: {status} {text}");
        let told = inside(&text, "Message");
        assert!(told.is_some(), "{request}: {text}");
        if let Some(message) = message {
            assert_eq!(told, Some(message.as_str()), "{request}");
        }
    }
    assert_eq!(world.store.content("bundles", "k").unwrap(), b"1");
    let (_, text) = world.ask(&format!("GET /bundles/{}", "k".repeat(1025)), &[], "").await;
    assert_eq!(inside(&text, "Message"), Some("Your key is too long"));
}

#[tokio::test]
async fn versioning_is_enabled_or_suspended_and_nothing_else() {
    let world = World::new();
    for (status, md5, code) in [
        (
            "<Status>enabled</Status>",
            "ceHl2Z55uBr+ySbxNR0umA==",
            Some("MalformedXML"),
        ),
        (
            "",
            "RorN5v32fczav3D/sbvRmw==",
            Some("IllegalVersioningConfigurationException"),
        ),
        ("<Status>Enabled</Status>", "8qj8HSeDu3APPMQZVG06WQ==", None),
    ] {
        let body = format!("<VersioningConfiguration>{status}</VersioningConfiguration>");
        let (_, text) = world
            .ask("PUT /bundles?versioning", &[("content-md5", md5)], &body)
            .await;
        assert_eq!(inside(&text, "Code"), code, "{status}: {text}");
    }
}

#[tokio::test]
async fn names_that_are_kept_for_others_make_no_buckets() {
    let world = World::new();
    let place =
        "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
    for (name, status) in [
        ("abc", 200),
        ("xn--abc", 400),
        ("sthree-abc", 400),
        ("amzn-s3-demo-abc", 400),
        ("abc-s3alias", 400),
        ("abc--ol-s3", 400),
        ("abc.mrap", 400),
        ("abc--x-s3", 400),
        ("abc--table-s3", 400),
        ("a.-b", 400),
        ("a-.b", 400),
        ("a.b-c", 200),
    ] {
        let (got, text) = world.ask(&format!("PUT /{name}"), &[], place).await;
        assert_eq!(got, status, "{name}: {text}");
        if status == 400 {
            assert_eq!(inside(&text, "Code"), Some("InvalidBucketName"), "{name}");
        }
    }
}

#[tokio::test]
async fn buckets_are_listed_page_by_page() {
    let world = World::new();
    for name in ["one", "two", "three"] {
        world.store.ensure_bucket(name);
    }
    let mut names = Vec::new();
    let mut query = "max-buckets=3".to_owned();
    loop {
        let (status, text) = world.ask(&format!("GET /?{query}"), &[], "").await;
        assert_eq!(status, 200, "{text}");
        names.extend(all(&text, "Name").into_iter().map(str::to_owned));
        let Some(token) = inside(&text, "ContinuationToken") else {
            break;
        };
        query = format!("max-buckets=3&continuation-token={token}");
    }
    assert_eq!(names, ["bundles", "one", "three", "two"]);
    for (query, amount) in [
        ("", 4),
        ("bucket-region=us-west-2", 0),
        ("bucket-region=eu-central-1", 4),
        ("prefix=t", 2),
    ] {
        let (_, text) = world.ask(&format!("GET /?{query}"), &[], "").await;
        assert_eq!(all(&text, "Name").len(), amount, "{query}");
    }
}

#[tokio::test]
async fn uploads_are_listed_page_by_page_and_written_as_is_asked_for() {
    let world = World::new();
    for key in ["a%20b", "a%20b", "c%01"] {
        world.upload(key).await;
    }
    let mut seen = Vec::new();
    let mut query = String::new();
    loop {
        let request = format!("GET /bundles?uploads&encoding-type=url&max-uploads=1{query}");
        let (status, text) = world.ask(&request, &[], "").await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(inside(&text, "EncodingType"), Some("url"));
        seen.extend(all(&text, "Key").into_iter().map(str::to_owned));
        if inside(&text, "IsTruncated") == Some("false") {
            break;
        }
        let (key, id) = (inside(&text, "NextKeyMarker"), inside(&text, "NextUploadIdMarker"));
        query = format!("&key-marker={}&upload-id-marker={}", key.unwrap(), id.unwrap());
    }
    assert_eq!(seen, ["a%20b", "a%20b", "c%01"]);
    let (_, text) = world.ask("GET /bundles?uploads&key-marker=a%20b", &[], "").await;
    assert_eq!(all(&text, "UploadId").len(), 1, "{text}");
}

#[tokio::test]
async fn an_object_in_parts_of_which_nobody_says_what_it_is_is_one_of_bytes() {
    let world = World::new();
    let id = world.upload("large").await;
    let (status, _) = world
        .ask(&format!("PUT /bundles/large?partNumber=1&uploadId={id}"), &[], "1")
        .await;
    assert_eq!(status, 200);
    let (_, body) = world.ask(&format!("GET /bundles/large?uploadId={id}"), &[], "").await;
    let tag = inside(&body, "ETag").unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let (status, body) = world
        .ask(&format!("POST /bundles/large?uploadId={id}"), &[], &body)
        .await;
    assert_eq!(status, 200, "{body}");
    let request = http::Request::get("http://127.0.0.1/bundles/large").body(s3s::Body::empty());
    let answer = world.front.handle(request.unwrap()).await;
    assert_eq!(answer.headers()["content-type"], "binary/octet-stream");
}

#[tokio::test]
async fn moments_are_told_in_whole_seconds() {
    let world = World::new();
    for key in ["a", "b", "c"] {
        world.store.put("bundles", key, b"1");
        tokio::time::sleep(std::time::Duration::from_millis(7)).await;
    }
    let (_, body) = world.ask("GET /bundles?list-type=2", &[], "").await;
    let moments = all(&body, "LastModified");
    assert_eq!(moments.len(), 3);
    assert!(moments.iter().all(|moment| moment.ends_with(".000Z")), "{moments:?}");
}

#[tokio::test]
async fn parts_may_be_copied_from_other_objects() {
    let world = World::new();
    world.store.put("bundles", "source", b"0123456789");
    let id = world.upload("copy").await;
    let part = format!("PUT /bundles/copy?partNumber=1&uploadId={id}");
    let source = ("x-amz-copy-source", "/bundles/source");
    for (range, why) in [
        ("bytes=2-", "must be of the form bytes=first-last"),
        ("bytes=5-4", "must be of the form bytes=first-last"),
        ("bytes=2-10", "not valid for source object of size: 10"),
    ] {
        let headers = [source, ("x-amz-copy-source-range", range)];
        let (status, body) = world.ask(&part, &headers, "").await;
        assert_eq!(
            (status, inside(&body, "Code")),
            (400, Some("InvalidArgument")),
            "{range}"
        );
        assert!(body.contains(why), "{body}");
    }
    let (status, body) = world.ask(&part, &[("x-amz-copy-source", "/bundles/none")], "").await;
    assert_eq!((status, inside(&body, "Key")), (404, Some("none")), "{body}");
    let (status, body) = world
        .ask(&part, &[source, ("x-amz-copy-source-range", "bytes=2-5")], "")
        .await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("<CopyPartResult"), "{body}");
    let tag = inside(&body, "ETag").unwrap();
    let whole = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let (status, body) = world
        .ask(&format!("POST /bundles/copy?uploadId={id}"), &[], &whole)
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(world.ask("GET /bundles/copy", &[], "").await.1, "2345");
}

#[tokio::test]
async fn errors_say_what_they_are_about() {
    let world = World::new();
    world.store.put("bundles", "k", b"1");
    for (request, headers, element, value) in [
        ("GET /bundles/no%20key", None, "Key", "no key"),
        ("GET /no-such-bucket/k", None, "BucketName", "no-such-bucket"),
        (
            "PUT /bundles/k",
            Some(("if-none-match", "*")),
            "Condition",
            "If-None-Match",
        ),
        ("GET /bundles/k", Some(("if-match", "\"x\"")), "Condition", "If-Match"),
        ("GET /bundles?max-keys=-1", None, "Resource", "/bundles"),
        ("GET /bundles/k?uploadId=u", None, "UploadId", "u"),
    ] {
        let headers: Vec<_> = headers.into_iter().collect();
        let (status, body) = world.ask(request, &headers, "").await;
        assert!((400..500).contains(&status), "{request}: {body}");
        assert_eq!(inside(&body, element), Some(value), "{request}: {body}");
        assert!(
            !body.contains("RequestId"),
            "nobody has said which request it is: {body}"
        );
    }
    let request = http::Request::get("http://127.0.0.1/bundles/none").extension(RequestId::new("r-1"));
    let mut answer = world.front.handle(request.body(s3s::Body::empty()).unwrap()).await;
    let host = answer.headers()["x-amz-id-2"].to_str().unwrap().to_owned();
    let body = answer.body_mut().store_all_limited(1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(
        body.ends_with(&format!(
            "<Key>none</Key><RequestId>r-1</RequestId><HostId>{host}</HostId></Error>"
        )),
        "{body}"
    );
}

#[tokio::test]
async fn who_completes_an_upload_twice_gets_the_same_answer_while_its_object_is_there() {
    let world = World::new();
    let id = world.upload("a").await;
    let put = format!("PUT /bundles/a?partNumber=1&uploadId={id}");
    assert_eq!(world.ask(&put, &[], "content").await.0, 200);
    let part = "<Part><PartNumber>1</PartNumber><ETag>9a0364b9e99bb480dd25e1f0284c8555</ETag></Part>";
    let document = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
    let complete = format!("POST /bundles/a?uploadId={id}");
    let first = world.ask(&complete, &[], &document).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(world.ask(&complete, &[], &document).await, first);
    assert_eq!(world.ask("PUT /bundles/a", &[], "another").await.0, 200);
    let (status, body) = world.ask(&complete, &[], &document).await;
    assert_eq!((status, inside(&body, "Code")), (404, Some("NoSuchUpload")));
}

#[tokio::test]
async fn metadata_of_a_users_own_has_two_thousand_bytes_at_most() {
    let world = World::new();
    for (length, status) in [(2047, 200), (2048, 400)] {
        let value = "x".repeat(length);
        let (got, body) = world.ask("PUT /bundles/a", &[("x-amz-meta-a", &value)], "").await;
        assert_eq!(got, status, "{body}");
    }
}
