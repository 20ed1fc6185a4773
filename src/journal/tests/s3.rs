//! What S3 does besides: the index, and what is said when S3 says no.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::promises::beginning;
use super::*;
use crate::aws::{Aws, AwsSettings, InProcess};
use crate::local::objects::{ObjectStore, S3Front};
use crate::model::SystemClock;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not arrive.
    LostBefore,
    /// It is done, and the answer does not arrive.
    LostAfter,
    /// It is not done: 500.
    FailBefore,
    /// It is done, and the answer is 500.
    FailAfter,
    /// It is not done: 409, another write is under way.
    Conflict,
    /// It is not done: 503, too many requests.
    SlowDown,
    /// It is done, and half of the answer's body arrives.
    CutShort,
    /// It is not done, and no answer comes.
    Hang,
    /// It is not done: 403.
    Deny,
    /// It is not done: 301, the bucket is elsewhere.
    Elsewhere,
}

type Fate = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

/// The local cloud's S3 behind a network that does as it is told.
pub(super) struct Wire {
    front: S3Front,
    fate: Mutex<Fate>,
    seen: Mutex<BTreeMap<String, usize>>,
}

impl Wire {
    /// What becomes of the requests from now on, by their method (`PUT`, `GET`, `DELETE`, or `LIST`).
    pub(super) fn fate(&self, fate: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        *self.fate.lock().unwrap() = Box::new(fate);
    }

    /// How many requests of each kind there were since the last time.
    pub(super) fn count(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    async fn forward(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = self.front.handle(request.map(s3s::Body::from)).await.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }
}

fn refused(status: StatusCode, code: &str) -> Response<Bytes> {
    let text = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = status;
    answer
}

#[async_trait]
impl InProcess for Wire {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let list = request.uri().query().is_some_and(|query| query.contains("list-type"));
        let kind = if list { "LIST" } else { request.method().as_str() }.to_owned();
        *self.seen.lock().unwrap().entry(kind.clone()).or_default() += 1;
        let fault = (self.fate.lock().unwrap())(&kind);
        match fault {
            None => Ok(self.forward(request).await),
            Some(Fault::LostBefore) => Err("connection reset".to_owned()),
            Some(Fault::LostAfter) => {
                self.forward(request).await;
                Err("connection reset".to_owned())
            }
            Some(Fault::FailBefore) => Ok(refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError")),
            Some(Fault::FailAfter) => {
                self.forward(request).await;
                Ok(refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"))
            }
            Some(Fault::Conflict) => Ok(refused(StatusCode::CONFLICT, "ConditionalRequestConflict")),
            Some(Fault::SlowDown) => Ok(refused(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
            Some(Fault::CutShort) => {
                let (mut head, body) = self.forward(request).await.into_parts();
                head.headers.insert("content-length", body.len().into());
                Ok(Response::from_parts(head, body.slice(..body.len() / 2)))
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Deny) => Ok(refused(StatusCode::FORBIDDEN, "AccessDenied")),
            Some(Fault::Elsewhere) => Ok(refused(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect")),
        }
    }
}

/// A journal in a bucket of its own, and a client that meets no faults.
pub(super) struct Bucket {
    _folder: tempfile::TempDir,
    pub(super) wire: Arc<Wire>,
    aws: Aws,
    sound: Aws,
}

const BUCKET: &str = "journals";
const PREFIX: &str = "team/cutover";

impl Bucket {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let store = ObjectStore::new(folder.path(), "us-east-1", "123456789012", clock).unwrap();
        let front = S3Front::new(Arc::new(store));
        let wire = |front: &S3Front| {
            Arc::new(Wire {
                front: front.clone(),
                fate: Mutex::new(Box::new(|_| None)),
                seen: Mutex::default(),
            })
        };
        let (faulty, sound) = (wire(&front), wire(&front));
        let make = Request::put(format!("http://s3.us-east-1.amazonaws.com/{BUCKET}"));
        let made = sound.forward(make.body(Bytes::new()).unwrap()).await;
        assert_eq!(made.status(), StatusCode::OK);
        Self {
            _folder: folder,
            aws: client(Arc::clone(&faulty)).await,
            sound: client(sound).await,
            wire: faulty,
        }
    }

    /// A journal that meets no faults.
    pub(super) fn sound(&self) -> S3Journal {
        S3Journal::new(self.sound.clone(), BUCKET, PREFIX)
    }

    async fn remove(&self, name: &str) {
        let key = format!("{PREFIX}/{name}");
        assert!(
            self.sound.object(BUCKET, &key).await.unwrap().is_some(),
            "{key} is not there"
        );
        self.sound.delete_object(BUCKET, &key).await.unwrap();
    }
}

async fn client(wire: Arc<Wire>) -> Aws {
    Aws::connect(&AwsSettings {
        region: Some("us-east-1".to_owned()),
        in_process: Some(wire),
        keys: Some(("key".to_owned(), "secret".to_owned())),
        ..AwsSettings::default()
    })
    .await
}

#[async_trait]
impl Place for Bucket {
    fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(S3Journal::new(self.aws.clone(), BUCKET, PREFIX))
    }

    async fn put(&self, name: &str, content: &[u8]) {
        let content = Bytes::copy_from_slice(content);
        let key = format!("{PREFIX}/{name}");
        self.sound.replace_object(BUCKET, &key, content).await.unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let keys = self.sound.object_keys(BUCKET, "", usize::MAX).await.unwrap();
        let below = format!("{PREFIX}/");
        keys.iter()
            .map(|key| key.strip_prefix(&below).unwrap_or(key).to_owned())
            .collect()
    }

    async fn content(&self, name: &str) -> Vec<u8> {
        let found = self.sound.object(BUCKET, &format!("{PREFIX}/{name}")).await.unwrap();
        found.unwrap().to_vec()
    }
}

fn index(number: u32) -> String {
    format!("shop/production/index/{:010}", u32::MAX - number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finding_the_newest_release_takes_as_many_requests_after_thousands_as_after_two() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let slot = beginning(1).release.slot;
    for number in [1, 2] {
        assert_eq!(journal.append(&beginning(number)).await.unwrap(), Append::Written);
    }
    bucket.wire.count();
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(2)));
    let few = bucket.wire.count();
    let puts = (3..=2100).map(|number| {
        let bucket = &bucket;
        async move {
            bucket.put(&index(number), b"").await;
            bucket
                .put(&format!("shop/production/{number}/000001.json"), b"{}")
                .await;
        }
    });
    futures_util::StreamExt::collect::<Vec<()>>(futures_util::StreamExt::buffered(
        futures_util::stream::iter(puts),
        32,
    ))
    .await;
    bucket.wire.count();
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(2100)));
    let many = bucket.wire.count();
    assert_eq!(many, few);
    assert_eq!(many, BTreeMap::from([("LIST".to_owned(), 1), ("GET".to_owned(), 2)]));
    // Without the index it takes a page for each thousand, and is right all the same.
    for number in 1..=2100 {
        bucket.remove(&index(number)).await;
    }
    assert_eq!(journal.latest(&slot).await.unwrap(), Some(ReleaseNumber(2100)));
}

#[tokio::test]
async fn an_index_that_is_ahead_behind_or_gone_misleads_nobody() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let slot = beginning(1).release.slot;
    let latest = async |wanted: u32, what: &str| {
        let found = journal.latest(&slot).await.unwrap();
        assert_eq!(found.map_or(0, |number| number.0), wanted, "{what}");
    };
    bucket.put(&index(1), b"1\n").await;
    latest(0, "the first writer of all died after the index").await;
    for number in 1..=5 {
        assert_eq!(journal.append(&beginning(number)).await.unwrap(), Append::Written);
    }
    latest(5, "all is well").await;
    bucket.put(&index(6), b"6\n").await;
    latest(5, "the writer of 6 died after the index").await;
    bucket.put(&index(9), b"9\n").await;
    bucket.put(&index(4_000_000_000), b"").await;
    bucket.put("shop/production/index/0000000000", b"").await;
    bucket.put("shop/production/index/README", b"").await;
    latest(5, "somebody has played with the index").await;
    for stray in [
        index(9),
        index(4_000_000_000),
        "shop/production/index/0000000000".to_owned(),
    ] {
        bucket.remove(&stray).await;
    }
    assert_eq!(journal.append(&beginning(6)).await.unwrap(), Append::Written);
    latest(6, "6 began after all").await;
    for number in [6, 5, 4] {
        bucket.remove(&index(number)).await;
        latest(6, "the newest are missing from the index").await;
    }
    for number in [3, 2, 1] {
        bucket.remove(&index(number)).await;
    }
    latest(6, "there is no index, as after copying a directory to S3").await;
    assert_eq!(journal.append(&beginning(7)).await.unwrap(), Append::Written);
    latest(7, "the next release has made it right").await;
    assert_eq!(bucket.content(&index(7)).await, b"7\n");
}

#[tokio::test]
async fn a_writer_that_dies_while_it_begins_a_release_leaves_the_index_ahead_and_not_behind() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let first = beginning(1);
    let mut puts = 0;
    bucket.wire.fate(move |kind| {
        puts += usize::from(kind == "PUT");
        (puts > 1).then_some(Fault::Deny)
    });
    assert!(journal.append(&first).await.is_err());
    assert_eq!(bucket.names().await, [index(1)]);
    bucket.wire.fate(|_| None);
    assert_eq!(journal.latest(&first.release.slot).await.unwrap(), None);
    assert_eq!(journal.append(&first).await.unwrap(), Append::Written);
    assert_eq!(
        journal.latest(&first.release.slot).await.unwrap(),
        Some(ReleaseNumber(1))
    );
}

#[tokio::test]
async fn what_s3_refuses_is_told_with_what_to_do() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let first = beginning(1);
    let slot = first.release.slot.clone();
    let told = async |fault: Option<Fault>, on: &'static str, journal: &dyn Journal, words: &[&str]| {
        bucket.wire.fate(move |kind| fault.filter(|_| on.contains(kind)));
        let mut errors = Vec::new();
        if on.contains("LIST") {
            errors.push(journal.latest(&slot).await.unwrap_err());
        }
        if on.contains("GET") {
            errors.push(journal.entry(&first.release, 1).await.unwrap_err());
        }
        errors.push(journal.check_writable(&slot).await.unwrap_err());
        errors.push(journal.append(&first).await.unwrap_err());
        for error in errors {
            assert!(!error.may_pass(), "{error}");
            let said = error.to_string();
            for word in words.iter().chain(&["s3://", "team/cutover/shop/production/"]) {
                assert!(said.contains(word), "{word}: {said}");
            }
        }
    };
    let journal = journal.as_ref();
    told(
        Some(Fault::Deny),
        "LIST GET PUT",
        journal,
        &["AccessDenied", "s3:PutObject", "s3:ListBucket"],
    )
    .await;
    told(
        Some(Fault::Deny),
        "PUT",
        journal,
        &["PutObject: AccessDenied", "s3:PutObject"],
    )
    .await;
    told(
        Some(Fault::Elsewhere),
        "LIST GET PUT",
        journal,
        &["another region", "AWS_REGION"],
    )
    .await;
    let nowhere = S3Journal::new(bucket.sound.clone(), "not-there", PREFIX);
    told(
        None,
        "LIST GET PUT",
        &nowhere,
        &["NoSuchBucket", "s3://not-there/", "make the bucket"],
    )
    .await;
    assert_eq!(bucket.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn evidence_that_may_not_be_replaced_is_kept_beside() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let first = beginning(1);
    let keep = async |text: &str| journal.keep(&first.release, "e-1.txt", text.as_bytes()).await;
    assert!(keep("one").await.unwrap().ends_with("evidence/e-1.txt"));
    // Every second write of a call is the one that replaces.
    let mut puts = 0;
    bucket.wire.fate(move |kind| {
        puts += usize::from(kind == "PUT");
        (kind == "PUT" && puts % 3 == 2).then_some(Fault::Deny)
    });
    let told = keep("two").await.unwrap();
    assert!(told.ends_with("evidence/e-1.txt.2"), "{told}");
    assert_eq!(bucket.content("shop/production/1/evidence/e-1.txt").await, b"one");
    assert_eq!(bucket.content("shop/production/1/evidence/e-1.txt.2").await, b"two");
}

#[tokio::test]
async fn a_call_ends_in_time_even_if_nothing_answers() {
    let bucket = Bucket::new().await;
    let journal = bucket.journal();
    let first = beginning(1);
    bucket.wire.fate(|_| Some(Fault::Hang));
    let begun = std::time::Instant::now();
    let (appended, read, latest, kept, checked) = tokio::join!(
        journal.append(&first),
        journal.entry(&first.release, 1),
        journal.latest(&first.release.slot),
        journal.keep(&first.release, "e-1.txt", b"text"),
        journal.check_writable(&first.release.slot),
    );
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    let errors = [
        appended.unwrap_err(),
        read.unwrap_err(),
        latest.unwrap_err(),
        kept.unwrap_err(),
        checked.unwrap_err(),
    ];
    for error in errors {
        assert!(error.may_pass(), "{error}");
    }
}
