//! A cloud with a folder of its own, ended in every way and started again: what somebody was told is there is there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_elasticbeanstalk::Client;
use bytes::Bytes;
use cutover::aws::{Aws, BucketFound, InTime};
use cutover::model::{ApplicationName, EnvironmentId, VersionLabel};
use cutover::release::EnvironmentStatus;
use cutover::traffic::{Change, Content, Record, Routing};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::child::{Child, Ended};
use crate::support::cloud::{BINARY, clients, deploy, up};
use crate::support::random::Random;
use crate::support::{MOMENT, bundles, turn, until};

/// The bucket of Elastic Beanstalk.
const BUCKET: &str = "elasticbeanstalk-eu-central-1-123456789012";
/// More than stays in memory.
const LARGE: usize = 50_000;

/// `cutover cloud` as a child.
struct Cloud {
    child: Child,
    endpoint: String,
    edge: String,
    aws: Aws,
    client: Client,
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("TMPDIR", home).arg("cloud");
    command
}

fn begin(home: &Path, data: &Path, more: &[&str]) -> Child {
    with_data(command(home), data, more)
}

fn with_data(mut command: Command, data: &Path, more: &[&str]) -> Child {
    command.args(["--pace", "100", "--data"]).arg(data);
    command.args(["--port", "0", "--dns-port", "0", "--http-port", "0", "--edge-port", "0"]);
    Child::start(command.args(more), "cutover cloud")
}

impl Cloud {
    async fn start(home: &Path, data: &Path) -> Self {
        Self::of(begin(home, data, &[])).await
    }

    async fn of(child: Child) -> Self {
        let (endpoint, edge) = until("the cloud's entrances", MOMENT, async || {
            let said = child.said();
            let after = |text: &str| {
                let (_, rest) = said.split_once(text)?;
                Some(rest.split_whitespace().next()?.to_owned())
            };
            Some((after("export AWS_ENDPOINT_URL=")?, after("or at ")?))
        })
        .await;
        let (aws, client) = clients(&endpoint).await;
        Self {
            child,
            endpoint,
            edge,
            aws,
            client,
        }
    }

    /// The version that users of a name get, once they get one.
    async fn served(&self, cname: &str) -> String {
        let client: HttpClient<_, Empty<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
        until("the environment to serve", MOMENT, async || {
            let request = Request::builder().uri(&self.edge).header("host", cname);
            let answer = client.request(request.body(Empty::new()).unwrap()).await.ok()?;
            let version = answer.headers().get("x-app-version")?;
            Some(version.to_str().unwrap().to_owned())
        })
        .await
    }

    /// The answer to a request without a signature.
    async fn ask(&self, path: &str) -> String {
        let client: HttpClient<_, Empty<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
        let request = Request::builder().uri(format!("{}{path}", self.endpoint));
        let answer = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn status(&self, id: &EnvironmentId) -> Option<EnvironmentStatus> {
        Some(self.aws.environment(id).await.unwrap()?.status)
    }
}

async fn run(home: &Path, arguments: &[&str]) -> Ended {
    Child::start(command(home).args(arguments), "cutover cloud")
        .end(MOMENT)
        .await
}

fn home() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cutover-test-").tempdir().unwrap()
}

/// What writers were told is done.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Keys of objects that hold their own name.
    objects: Vec<String>,
    /// The highest number that was written over the one before, for each of these objects.
    numbers: [u64; 2],
    labels: Vec<String>,
}

impl Told {
    fn note(&self, note: impl FnOnce(&mut State)) {
        note(&mut self.0.lock().unwrap());
    }
}

/// What an object holds: its text, over and over up to a length.
fn filled(text: &str, length: usize) -> Bytes {
    text.bytes()
        .cycle()
        .take(length.max(text.len()))
        .collect::<Vec<u8>>()
        .into()
}

fn number_key(which: usize) -> String {
    format!("number-{which}")
}

/// The length of objects of one kind.
fn length(which: usize) -> usize {
    which * LARGE
}

/// Writers of all kinds. Each goes on until nobody answers.
fn writers(aws: &Aws, round: u32, told: &Told) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for which in 0..2 {
        let (aws, told) = (aws.clone(), told.clone());
        writers.spawn(async move {
            for count in 0.. {
                let key = format!("{round}/{which}/{count}");
                if aws
                    .replace_object(BUCKET, &key, filled(&key, length(which)))
                    .await
                    .is_err()
                {
                    return;
                }
                told.note(|told| told.objects.push(key));
            }
        });
    }
    for which in 0..2 {
        let (aws, told) = (aws.clone(), told.clone());
        writers.spawn(async move {
            let first = told.0.lock().unwrap().numbers[which];
            // The one that nobody was told of may have been written.
            for number in first + 2.. {
                let content = filled(&format!("{number} "), length(which));
                if aws.replace_object(BUCKET, &number_key(which), content).await.is_err() {
                    return;
                }
                told.note(|told| told.numbers[which] = number);
            }
        });
    }
    let (aws, told) = (aws.clone(), told.clone());
    writers.spawn(async move {
        let application = ApplicationName::from("shop");
        for count in 0.. {
            let label = VersionLabel::from(format!("v-{round}-{count}").as_str());
            let bundle = (BUCKET, "shop/1.zip");
            let made = aws
                .create_version(&application, &label, bundle, "one of many", &InTime::whenever())
                .await;
            if made.is_err() {
                return;
            }
            told.note(|told| told.labels.push(label.to_string()));
        }
    });
    writers
}

/// Fails unless everything is there that somebody was told of.
async fn check(cloud: &Cloud, told: &Told) {
    let (objects, numbers, labels) = {
        let told = told.0.lock().unwrap();
        (told.objects.clone(), told.numbers, told.labels.clone())
    };
    for key in &objects {
        let which: usize = key.split('/').nth(1).unwrap().parse().unwrap();
        let found = cloud.aws.object(BUCKET, key).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("{key} of {} objects is gone", objects.len()));
        assert!(found == filled(key, length(which)), "{key} is another one");
    }
    for (which, number) in numbers.into_iter().enumerate() {
        let found = cloud.aws.object(BUCKET, &number_key(which)).await.unwrap().unwrap();
        let text = String::from_utf8(found.to_vec()).unwrap();
        let kept: u64 = text.split(' ').next().unwrap().parse().unwrap();
        assert!(kept >= number, "{kept} is older than {number}");
        assert!(
            found == filled(&format!("{kept} "), length(which)),
            "{kept} is not whole"
        );
    }
    let application = ApplicationName::from("shop");
    let versions = cloud.aws.versions(Some(&application)).await.unwrap();
    let there: Vec<String> = versions.into_iter().map(|(label, ..)| label.to_string()).collect();
    for label in &labels {
        assert!(there.contains(label), "{label} of {} versions is gone", labels.len());
    }
}

fn record(target: &str) -> Record {
    Record {
        name: "www.example.com.".to_owned(),
        kind: "CNAME".to_owned(),
        routing: Routing::Simple,
        content: Content::Values {
            ttl: 60,
            values: vec![target.to_owned()],
        },
        health_check: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_any_number_of_kills() {
    let _turn = turn().await;
    let home = home();
    let data = home.path().join("cloud");
    let mut random = Random::new(11);
    let mut cloud = Cloud::start(home.path(), &data).await;
    let secret = [("aws:elasticbeanstalk:application:environment", "PASSWORD", "secret")];
    let id = deploy(&cloud.aws, "shop", &bundles::good("1"), &secret, home.path()).await;
    up(&cloud.aws, "shop").await;
    let cname = cloud.aws.environment(&id).await.unwrap().unwrap().cname.unwrap();
    let zone = cloud.aws.create_hosted_zone("example.com").await.unwrap();
    let changes = [Change::Create(record(&cname))];
    cloud.aws.change_records(&zone, &changes, "www").await.unwrap();
    let balancer = cloud.aws.create_balancer("front").await.unwrap();
    let told = Told::default();
    for round in 0..4 {
        let mut writers = writers(&cloud.aws, round, &told);
        sleep(Duration::from_millis(200 + random.next() % 600)).await;
        cloud.child.kill().await;
        while writers.join_next().await.is_some() {}
        cloud = Cloud::start(home.path(), &data).await;
        check(&cloud, &told).await;
        assert_eq!(cloud.served(&cname).await, "1", "round {round}");
        let found = cloud.aws.environment(&id).await.unwrap().unwrap();
        assert_eq!(found.cname.as_deref(), Some(cname.as_str()));
        assert_eq!(found.status, EnvironmentStatus::Ready);
    }
    let counts = {
        let told = told.0.lock().unwrap();
        [told.objects.len(), told.labels.len()]
    };
    assert!(
        counts.iter().all(|count| *count > 20),
        "too little to say anything: {counts:?}"
    );
    let records = cloud.aws.records(&zone, "www.example.com.").await.unwrap();
    assert_eq!(records, [record(&cname)]);
    let settings = cloud.client.describe_configuration_settings().application_name("shop");
    let settings = settings.environment_name("shop-first").send().await.unwrap();
    let password = settings.configuration_settings()[0]
        .option_settings()
        .iter()
        .find(|option| option.option_name() == Some("PASSWORD"));
    assert_eq!(password.and_then(|option| option.value()), Some("secret"));
    let listeners = format!(
        "/?Action=DescribeListeners&Version=2015-12-01&LoadBalancerArn={}",
        balancer.arn
    );
    let listeners = cloud.ask(&listeners).await;
    assert!(listeners.contains(&balancer.listener), "{listeners}");
    let events = cloud
        .client
        .describe_events()
        .environment_id(id.as_str())
        .send()
        .await
        .unwrap();
    let launched = events
        .events()
        .iter()
        .filter(|event| event.message() == Some("Successfully launched environment: shop-first"));
    assert_eq!(launched.count(), 1);
    for file in ["memory.log", ".cutover-cloud", "objects"] {
        private(&data, file);
    }
}

/// Others on this machine read nothing of it.
fn private(data: &Path, file: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(data.to_owned()), 0);
    if file != ".cutover-cloud" {
        assert_eq!(mode(data.join(file)), 0, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_under_way_goes_on() {
    let _turn = turn().await;
    let home = home();
    let data = home.path().join("cloud");
    let mut cloud = Cloud::start(home.path(), &data).await;
    let id = deploy(&cloud.aws, "shop", &bundles::good("1"), &[], home.path()).await;
    assert_eq!(cloud.status(&id).await, Some(EnvironmentStatus::Launching));
    cloud.child.kill().await;
    let mut cloud = Cloud::start(home.path(), &data).await;
    assert_eq!(cloud.status(&id).await, Some(EnvironmentStatus::Launching));
    up(&cloud.aws, "shop").await;
    let cname = cloud.aws.environment(&id).await.unwrap().unwrap().cname.unwrap();
    assert_eq!(cloud.served(&cname).await, "1");
    let terminated = cloud.client.terminate_environment().environment_id(id.as_str());
    terminated.send().await.unwrap();
    cloud.child.kill().await;
    let cloud = Cloud::start(home.path(), &data).await;
    until("the environment to be gone", MOMENT, async || {
        let status = cloud.status(&id).await;
        (status.is_none() || status == Some(EnvironmentStatus::Terminated)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_told_apart_and_given_up_by_a_reset() {
    let home = home();
    let [one, other] = ["one", "other"].map(|name| home.path().join(name));
    let first = Cloud::start(home.path(), &one).await;
    let second = Cloud::start(home.path(), &other).await;
    for cloud in [&first, &second] {
        assert_eq!(cloud.aws.create_storage_location().await.unwrap(), BUCKET);
    }
    for length in [3, LARGE] {
        let key = length.to_string();
        first
            .aws
            .replace_object(BUCKET, &key, filled("1", length))
            .await
            .unwrap();
    }
    let taken = begin(home.path(), &one, &[]).end(MOMENT).await;
    taken.with(1).saying(&["uses the folder"]);
    let stopped = run(home.path(), &["stop", "--all"]).await;
    stopped.with(0);
    for cloud in [first, second] {
        let ended = cloud.child.end(MOMENT).await;
        ended.with(0).saying(&["ending"]);
    }
    let elsewhere = begin(home.path(), &one, &["--region", "us-east-1"]).end(MOMENT).await;
    elsewhere.with(1).saying(&["memory.log", "eu-central-1", "--region"]);

    let first = Cloud::start(home.path(), &one).await;
    let second = Cloud::start(home.path(), &other).await;
    for length in [3, LARGE] {
        let found = first.aws.object(BUCKET, &length.to_string()).await.unwrap();
        assert_eq!(found, Some(filled("1", length)));
        assert_eq!(second.aws.object(BUCKET, &length.to_string()).await.unwrap(), None);
    }
    let status = run(home.path(), &["status"]).await;
    let names = [one.to_str().unwrap(), other.to_str().unwrap()];
    status.with(0).saying(&names);
    let listed = run(home.path(), &["status", "--json"]).await.with(0);
    let listed: Vec<serde_json::Value> = listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut folders: Vec<_> = listed.iter().map(|cloud| cloud["data"].as_str().unwrap()).collect();
    folders.sort_unstable();
    assert_eq!(folders, names, "{listed:?}");
    assert!(
        listed
            .iter()
            .all(|cloud| cloud["pid"].is_i64() && cloud["endpoint"].is_string())
    );
    let reset = run(home.path(), &["reset", "--data", names[0]]).await;
    reset.with(0);
    assert_eq!(std::fs::read_dir(&one).map_or(0, Iterator::count), 0);
    let first = Cloud::start(home.path(), &one).await;
    assert_eq!(first.aws.find_bucket(BUCKET).await, Ok(BucketFound::Nowhere));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_another_version_is_refused_and_stays() {
    let home = home();
    let data = home.path().join("cloud");
    let cloud = Cloud::start(home.path(), &data).await;
    drop(cloud);
    let log = data.join("memory.log");
    let later = "cutover cloud memory, format 99\nwhatever comes then";
    std::fs::write(&log, later).unwrap();
    let refused = until("the folder to be free", MOMENT, async || {
        let ended = begin(home.path(), &data, &[]).end(MOMENT).await;
        (!ended.stderr.contains("another cloud")).then_some(ended)
    })
    .await;
    refused.with(1).saying(&[
        "memory.log",
        "format 99",
        "use the version of cutover that wrote it",
        "reset",
    ]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), later);
}

/// A disk that is full. What stands for it is the limit on the size of files, which lets a write through in part.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_that_the_disk_has_no_room_for() {
    let home = home();
    let data = home.path().join("cloud");
    let mut shell = Command::new("sh");
    let told_of_limits = "trap '' XFSZ; exec \"$0\" \"$@\"";
    shell
        .env_clear()
        .env("TMPDIR", home.path())
        .args(["-c", told_of_limits, BINARY, "cloud"]);
    let mut cloud = Cloud::of(with_data(shell, &data, &[])).await;
    cloud.aws.create_storage_location().await.unwrap();
    let before = std::fs::metadata(data.join("memory.log")).unwrap().len();
    cloud.child.limit_files(Some(before + 100));
    let refused = cloud.aws.create_object(BUCKET, "a", filled("a", 3000)).await;
    assert!(refused.is_err(), "{refused:?}");
    cloud.child.limit_files(None);
    // The disk has room again: what was done and not acknowledged is kept now, as whoever asks again finds it.
    cloud.aws.replace_object(BUCKET, "b", filled("b", 3000)).await.unwrap();
    cloud.aws.replace_object(BUCKET, "c", filled("c", 10)).await.unwrap();
    cloud.child.kill().await;
    let cloud = Cloud::start(home.path(), &data).await;
    for (key, length) in [("b", 3000), ("c", 10)] {
        assert_eq!(cloud.aws.object(BUCKET, key).await.unwrap(), Some(filled(key, length)));
    }
}
