//! A small world for tests: an account with a storage and a plane that behave as told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Account, AccountSettings, QueryRequest, Quotas, Timing};
use crate::local::balancers::FailedCheck;
use crate::local::memory::Notes;
use crate::local::plane::{
    DataPlane, DesiredEnvironment, EnvironmentSample, InstanceLogs, InstanceSample, InstanceState, Sickness,
};
use crate::local::storage::{ObjectRevision, Storage, StoredObject};
use crate::model::{EnvironmentId, InstanceId, Latency, RequestCounts, Timestamp};

/// Size, which may be pretended, and bytes.
type Content = (u64, Vec<u8>);

/// Buckets and objects in memory; objects that somebody looks into are files.
#[derive(Default)]
pub(crate) struct FakeStorage {
    objects: Mutex<BTreeMap<(String, String), Content>>,
    folder: Mutex<Option<tempfile::TempDir>>,
}

impl FakeStorage {
    pub(crate) fn put_sized(&self, bucket: &str, key: &str, size: u64) {
        self.objects
            .lock()
            .unwrap()
            .insert((bucket.into(), key.into()), (size, Vec::new()));
    }

    pub(crate) fn put_text(&self, bucket: &str, key: &str, text: &str) {
        self.put(bucket, key, text.as_bytes());
    }

    pub(crate) fn put_zip(&self, bucket: &str, key: &str) {
        let mut archive = zip::write::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive
            .start_file("Procfile", zip::write::SimpleFileOptions::default())
            .unwrap();
        self.put(bucket, key, &archive.finish().unwrap().into_inner());
    }

    pub(crate) fn has(&self, bucket: &str, key: &str) -> bool {
        self.objects.lock().unwrap().contains_key(&(bucket.into(), key.into()))
    }

    pub(crate) fn bytes(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.objects.lock().unwrap()[&(bucket.into(), key.into())].1.clone()
    }

    /// Where its files are.
    pub(crate) fn files(&self) -> std::path::PathBuf {
        let mut folder = self.folder.lock().unwrap();
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().unwrap());
        folder.path().to_owned()
    }

    pub(crate) fn text(&self, bucket: &str, key: &str) -> String {
        String::from_utf8(self.bytes(bucket, key)).unwrap()
    }
}

impl Storage for FakeStorage {
    fn ensure_bucket(&self, _: &str) {}

    fn has_bucket(&self, _: &str) -> bool {
        true
    }

    fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        let (size, content) = self.objects.lock().unwrap().get(&(bucket.into(), key.into()))?.clone();
        let mut folder = self.folder.lock().unwrap();
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().unwrap());
        let file = folder.path().join(format!("{bucket}-{key}").replace('/', "-"));
        std::fs::write(&file, content).unwrap();
        Some(StoredObject { size, file })
    }

    fn content(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let objects = self.objects.lock().unwrap();
        objects
            .get(&(bucket.into(), key.into()))
            .map(|(_, content)| content.clone())
    }

    fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let objects = self.objects.lock().unwrap();
        let there = objects.keys().filter(|(other, _)| other == bucket);
        let keys = there.map(|(_, key)| key.clone());
        keys.filter(|key| key.starts_with(prefix)).collect()
    }

    fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        let value = (content.len() as u64, content.to_vec());
        self.objects.lock().unwrap().insert((bucket.into(), key.into()), value);
    }

    fn revision(&self, bucket: &str, key: &str) -> Option<ObjectRevision> {
        let objects = self.objects.lock().unwrap();
        let (size, content) = objects.get(&(bucket.into(), key.into()))?;
        Some(ObjectRevision {
            entity_tag: format!("{size}-{}", String::from_utf8_lossy(content)),
            modified: Timestamp::default(),
            version: None,
        })
    }

    fn copy(&self, from: (&str, &str), to: (&str, &str)) -> bool {
        let mut objects = self.objects.lock().unwrap();
        let found = objects.get(&(from.0.into(), from.1.into())).cloned();
        found
            .map(|content| objects.insert((to.0.into(), to.1.into()), content))
            .is_some()
    }

    fn delete(&self, bucket: &str, key: &str) {
        self.objects.lock().unwrap().remove(&(bucket.into(), key.into()));
    }
}

/// How a version behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Serves,
    Fails,
    Hangs,
    IsUnhealthy,
}

#[derive(Default)]
struct PlaneState {
    desired: BTreeMap<EnvironmentId, DesiredEnvironment>,
    left: BTreeSet<EnvironmentId>,
    behaviours: BTreeMap<String, Behaviour>,
    requests: (u64, u64),
    silent: bool,
    holds: bool,
}

/// Runs everything at once and as told.
#[derive(Default)]
pub(crate) struct FakePlane {
    state: Mutex<PlaneState>,
}

impl FakePlane {
    /// From now on a version behaves so.
    pub(crate) fn behave(&self, version: &str, behaviour: Behaviour) {
        self.state
            .lock()
            .unwrap()
            .behaviours
            .insert(version.to_owned(), behaviour);
    }

    /// Requests of each window from now on: good ones and failing ones.
    pub(crate) fn requests(&self, good: u64, failing: u64) {
        self.state.lock().unwrap().requests = (good, failing);
    }

    /// Whether nothing is reported.
    pub(crate) fn silence(&self, silent: bool) {
        self.state.lock().unwrap().silent = silent;
    }

    /// Whether environments that are not wanted stay.
    pub(crate) fn hold(&self, holds: bool) {
        self.state.lock().unwrap().holds = holds;
    }
}

impl DataPlane for FakePlane {
    fn apply(&self, desired: &[DesiredEnvironment], _: Timestamp) {
        let mut state = self.state.lock().unwrap();
        let wanted = desired
            .iter()
            .map(|environment| (environment.id.clone(), environment.clone()))
            .collect();
        let before = std::mem::replace(&mut state.desired, wanted);
        if state.holds {
            state.left.extend(before.into_keys());
        } else {
            state.left.clear();
        }
    }

    fn sample(&self, id: &EnvironmentId, now: Timestamp) -> Option<EnvironmentSample> {
        let state = self.state.lock().unwrap();
        let Some(environment) = state.desired.get(id) else {
            return state.left.contains(id).then(EnvironmentSample::default);
        };
        if state.silent {
            return None;
        }
        let label = environment.deployment.version_label.clone();
        let behaviour = state
            .behaviours
            .get(label.as_str())
            .copied()
            .unwrap_or(Behaviour::Serves);
        let (good, failing) = state.requests;
        let instances = (0..environment.instances).map(|number| InstanceSample {
            id: InstanceId::new(format!("i-{}{number}", &id.as_str()[2..])),
            launched_at: now,
            deployment_id: environment.deployment.id,
            version_label: label.clone(),
            deployed_at: now,
            state: match behaviour {
                Behaviour::Serves => InstanceState::InService,
                Behaviour::Fails => InstanceState::Failed("exit status 3".to_owned()),
                Behaviour::Hangs => InstanceState::Starting,
                Behaviour::IsUnhealthy => {
                    InstanceState::Unhealthy(Sickness::new(FailedCheck::Answered(500), "GET / answered 500"))
                }
            },
            requests: RequestCounts {
                status_2xx: good,
                status_5xx: failing,
                ..RequestCounts::default()
            },
            complaints: match behaviour {
                Behaviour::Fails => vec!["Instance deployment failed to install something.".to_owned()],
                Behaviour::Serves | Behaviour::Hangs | Behaviour::IsUnhealthy => Vec::new(),
            },
            latency: None,
        });
        Some(EnvironmentSample {
            instances: instances.collect(),
            latency: (good > 0).then_some(Latency {
                p50: 0.0123,
                ..Latency::default()
            }),
            ..EnvironmentSample::default()
        })
    }

    fn address(&self, _: &EnvironmentId) -> Option<SocketAddr> {
        None
    }

    fn logs(&self, id: &EnvironmentId) -> Vec<(InstanceId, InstanceLogs)> {
        vec![(
            InstanceId::new(format!("i-{}0", &id.as_str()[2..])),
            vec![("/var/log/web.stdout.log".to_owned(), "a line of the log\n".to_owned())],
        )]
    }
}

/// An account at AWS's pace, in its own time.
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) storage: Arc<FakeStorage>,
    pub(crate) plane: FakePlane,
    now: Timestamp,
    next_window: Timestamp,
    eager: bool,
}

impl World {
    pub(crate) const STACK: &'static str = "64bit Amazon Linux 2023 v4.7.2 running Python 3.13";

    /// A world without anything.
    pub(crate) fn empty() -> Self {
        let storage = Arc::new(FakeStorage::default());
        let settings = AccountSettings {
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            timing: Timing::aws(),
            seed: 42,
            endpoint: "http://127.0.0.1:9000".to_owned(),
            quotas: Quotas::default(),
        };
        let now = Timestamp::from_millis(1_795_000_000_000);
        Self {
            account: Account::new(settings, storage.clone()),
            storage,
            plane: FakePlane::default(),
            now,
            next_window: now + Duration::from_secs(10),
            eager: false,
        }
    }

    /// A world with the application `shop`.
    pub(crate) fn new() -> Self {
        let mut world = Self::empty();
        world.ok("CreateApplication", &[("ApplicationName", "shop")]);
        world
    }

    /// Ends the account and what runs behind it, and goes on with what it has kept.
    pub(crate) fn restart(&mut self) {
        let mut notes = Notes::default();
        self.account.remember(0, &mut notes);
        let mut account = Account::new(self.account.settings.clone(), self.storage.clone());
        account.recall(&notes.kept(), &self.storage.files(), self.now).unwrap();
        self.account = account;
        self.plane.state.lock().unwrap().desired.clear();
    }

    /// From now on every tick does everything, as if the account did not know what is due when.
    pub(super) fn be_eager(&mut self) {
        self.eager = true;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn limit_environments(&mut self, limit: usize) {
        self.account.settings.quotas.environments = limit;
    }

    pub(crate) fn limit_instances_per_page(&mut self, limit: usize) {
        self.account.settings.quotas.instances_per_page = limit;
    }

    /// A call as an SDK makes it.
    pub(crate) fn raw(&mut self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let mut all = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), "2010-12-01".to_owned()),
        ];
        all.extend(
            parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let answer = self
            .account
            .handle(&QueryRequest { parameters: all }, self.now, &self.plane);
        check_well_formed(&answer.body);
        (answer.status, answer.body)
    }

    /// A call that is accepted; gives the body.
    pub(crate) fn ok(&mut self, action: &str, parameters: &[(&str, &str)]) -> String {
        let (status, body) = self.raw(action, parameters);
        assert_eq!(status, 200, "{action} {parameters:?}: {body}");
        assert!(body.contains("<ResponseMetadata><RequestId>"), "{body}");
        body
    }

    /// A call that is refused; gives code and message.
    pub(crate) fn refused(&mut self, action: &str, parameters: &[(&str, &str)]) -> (String, String) {
        let (status, body) = self.raw(action, parameters);
        assert!(status >= 400, "{action} {parameters:?} was accepted: {body}");
        (
            Self::all(&body, "Code").remove(0),
            Self::all(&body, "Message").remove(0),
        )
    }

    /// Texts of all elements of a name, except those that have elements in them.
    pub(crate) fn all(body: &str, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        body.split(open.as_str())
            .skip(1)
            .filter_map(|rest| rest.split_once(close.as_str()))
            .filter(|(text, _)| !text.contains('<'))
            .map(|(text, _)| text.replace("&quot;", "\"").replace("&amp;", "&"))
            .collect()
    }

    /// Messages of events, newest first.
    pub(crate) fn messages(&mut self, parameters: &[(&str, &str)]) -> Vec<String> {
        Self::all(&self.ok("DescribeEvents", parameters), "Message")
    }

    /// Makes a version of `shop` unless it is there.
    pub(crate) fn version(&mut self, label: &str) {
        let key = format!("{label}.zip");
        self.storage.put_zip("bundles", &key);
        let (status, body) = self.raw(
            "CreateApplicationVersion",
            &[
                ("ApplicationName", "shop"),
                ("VersionLabel", label),
                ("SourceBundle.S3Bucket", "bundles"),
                ("SourceBundle.S3Key", &key),
            ],
        );
        assert!(status == 200 || body.contains("already exists"), "{body}");
    }

    /// Begins to make an environment of `shop`.
    pub(crate) fn create(&mut self, name: &str, version: &str, more: &[(&str, &str)]) {
        let mut parameters = vec![
            ("ApplicationName", "shop"),
            ("EnvironmentName", name),
            ("SolutionStackName", Self::STACK),
            ("VersionLabel", version),
        ];
        parameters.extend_from_slice(more);
        self.ok("CreateEnvironment", &parameters);
    }

    /// Makes an environment and waits for it.
    pub(crate) fn launch(&mut self, name: &str, version: &str) {
        self.launch_with(name, version, &[]);
    }

    /// The same with more parameters.
    pub(crate) fn launch_with(&mut self, name: &str, version: &str, more: &[(&str, &str)]) {
        self.version(version);
        self.create(name, version, more);
        self.wait(330);
        assert_eq!(self.status(name), "Ready");
    }

    /// Removes an environment and waits for it.
    pub(crate) fn terminate(&mut self, name: &str) {
        self.ok("TerminateEnvironment", &[("EnvironmentName", name)]);
        self.wait(150);
        assert_eq!(self.status(name), "Terminated");
    }

    /// Lets time pass, with ticks and health windows as they come.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now = (self.now + Duration::from_secs(1)).min(end);
            if self.eager {
                self.account.course.changed();
            }
            self.account.tick(self.now);
            self.plane.apply(&self.account.desired(), self.now);
            if self.now >= self.next_window {
                self.next_window = self.now + Duration::from_secs(10);
                for id in self.account.environments_running() {
                    let sample = self.plane.sample(&id, self.now);
                    self.account.observe(&id, sample, self.now);
                }
                self.plane.apply(&self.account.desired(), self.now);
            }
        }
    }

    /// Lets time pass without anything else.
    pub(crate) fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    fn newest(&mut self, name: &str, element: &str) -> String {
        let body = self.ok("DescribeEnvironments", &[("EnvironmentNames.member.1", name)]);
        Self::all(&body, element).remove(0)
    }

    pub(crate) fn status(&mut self, name: &str) -> String {
        self.newest(name, "Status")
    }

    pub(crate) fn id(&mut self, name: &str) -> String {
        self.newest(name, "EnvironmentId")
    }

    pub(crate) fn cname(&mut self, name: &str) -> String {
        self.newest(name, "CNAME")
    }

    /// What the plane is told of an environment.
    pub(crate) fn desired(&self, name: &str) -> DesiredEnvironment {
        let desired = self.account.desired();
        desired
            .into_iter()
            .find(|environment| environment.name.as_str() == name)
            .unwrap()
    }
}

/// Fails unless the text is well-formed XML.
fn check_well_formed(body: &str) {
    let mut reader = quick_xml::Reader::from_str(body);
    let mut depth = 0_i32;
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Start(_)) => depth += 1,
            Ok(quick_xml::events::Event::End(_)) => depth -= 1,
            Ok(quick_xml::events::Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error}: {body}"),
        }
    }
    assert_eq!(depth, 0, "{body}");
}
