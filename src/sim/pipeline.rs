//! Releases by a pipeline: CodePipeline of the account invokes the real function, which works on each job for as long as it may
//! run. A schedule lets it look after a release that nobody drives any more, and a person retries what failed before a release
//! had begun.
//!
//! What must never happen besides what must not in any world: an attempt never leads to two releases, an execution never
//! succeeds whose release was not promoted nor fails without its release's reason, and every execution ends.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::life::{Crew, Driving};
use super::mistakes::Mistake;
use super::process::{End, Process};
use super::scenario::{Fate, Service, Trouble};
use super::scene::{Scene, SimClock};
use super::stage::{self, ACCOUNT, REGION};
use crate::aws::{Aws, Fault};
use crate::compose::{Project, Whereabouts};
use crate::driver::{Overrides, Seat};
use crate::journal::Journal;
use crate::lambda::{Failure, Function, SettingsPlace, Slice, Surroundings, Wanted};
use crate::local::account::Timing;
use crate::local::automation::{
    Automation, AutomationService, AutomationSettings, Deployed, FunctionPlane, JsonRequest, JsonServices, Run, RunEnd,
    Service as Api,
};
use crate::local::objects::ObjectStore;
use crate::local::storage::Storage as _;
use crate::model::{Clock, ReleaseNumber, SlotName};
use crate::release::{Outcome, Release};
use crate::spec::JournalPlace;

/// The pipeline's name.
pub(super) const NAME: &str = "shop";
/// How often somebody looks at the pipeline.
const LOOKS: Duration = Duration::from_secs(10);
/// How long a person waits who retries a stage: longer than Lambda goes on trying by itself.
const PATIENCE: Duration = Duration::from_secs(900);
/// A stage that was refused so often will be refused again.
const TRIES: u32 = 8;
/// Why an action may have failed whose release was promoted.
const GIVEN_UP: [&str; 2] = ["failed to return a result", "nothing has begun in 15 minutes"];
const ROLE: &str = "arn:aws:iam::123456789012:role/pipeline";

/// Where all releases are, as the settings say, and somebody beside them.
fn whereabouts() -> Whereabouts {
    let slot = stage::slot();
    Whereabouts {
        application: slot.application,
        slot: slot.name,
        journal: JournalPlace::S3 {
            bucket: "releases".to_owned(),
            prefix: "journal".to_owned(),
        },
        region: None,
    }
}

/// Lambda, CodePipeline and the Scheduler of the account.
pub(super) struct Line {
    pub(super) services: Arc<AutomationService>,
    pub(super) store: Arc<ObjectStore>,
    orders: Mutex<mpsc::UnboundedReceiver<Order>>,
    /// How often somebody has started a pipeline or retried its stage: so many releases there may be.
    attempts: AtomicU32,
}

/// An invocation on its way to a sandbox.
struct Order {
    run: Run,
    end: Box<dyn FnOnce(RunEnd) + Send>,
}

/// Takes invocations for whoever plays them.
struct Orders(mpsc::UnboundedSender<Order>);

impl FunctionPlane for Orders {
    fn begin(&self, run: Run, end: Box<dyn FnOnce(RunEnd) + Send>) {
        // Nobody takes any when the world has ended.
        let _ended = self.0.send(Order { run, end });
    }

    fn keep(&self, _: &[Arc<Deployed>]) {}
}

impl Line {
    pub(super) fn new(store: Arc<ObjectStore>, clock: SimClock, timing: Timing, seed: u64) -> Self {
        let (orders, taken) = mpsc::unbounded_channel();
        let settings = AutomationSettings {
            region: REGION.to_owned(),
            account_id: ACCOUNT.to_owned(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            timing,
            seed,
        };
        let automation = Automation::new(settings, store.clone());
        Self {
            services: AutomationService::new(automation, Arc::new(Orders(orders)), Arc::new(clock)),
            store,
            orders: Mutex::new(taken),
            attempts: AtomicU32::new(0),
        }
    }

    /// Makes the function, which may run for so long. Nobody starts the program in its package.
    pub(super) async fn prepare(&self, length: Duration) {
        let function = json!({
            "FunctionName": "release",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": ROLE,
            "Timeout": length.as_secs(),
            "Code": { "ZipFile": STANDARD.encode(stage::zipped("bootstrap", b"#!/bin/sh\n")) },
        });
        self.must(Api::Functions, "/2015-03-31/functions", "", &function).await;
    }

    /// Takes note of one attempt more, which may lead to a release.
    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a pipeline, which starts by that: it releases an object of the bucket `source` by the settings under a key.
    pub(super) async fn start(&self, name: &str, settings: &str, source: &str) {
        self.attempt();
        let parameters = json!({
            "config": format!("s3://releases/{settings}"),
            "pipeline": name,
            "execution": "#{codepipeline.PipelineExecutionId}",
            "at": whereabouts(),
        });
        let action = |category: &str, provider: &str, configuration: Value| {
            json!({
                "name": category,
                "actionTypeId": { "category": category, "owner": "AWS", "provider": provider, "version": "1" },
                "configuration": configuration,
            })
        };
        let place = json!({ "S3Bucket": "source", "S3ObjectKey": source, "PollForSourceChanges": "false" });
        let mut source = action("Source", "S3", place);
        source["outputArtifacts"] = json!([{ "name": "Shop" }]);
        let called = json!({ "FunctionName": "release", "UserParameters": parameters.to_string() });
        let mut release = action("Invoke", "Lambda", called);
        release["inputArtifacts"] = json!([{ "name": "Shop" }]);
        let pipeline = json!({
            "name": name,
            "roleArn": ROLE,
            "artifactStore": { "type": "S3", "location": "artifacts" },
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [{ "name": "Source", "actions": [source] }, { "name": "Release", "actions": [release] }],
        });
        self.pipeline("CreatePipeline", &json!({ "pipeline": pipeline })).await;
    }

    /// Makes the schedule of the watch.
    pub(super) async fn keep_watch(&self) {
        let watch = json!({ "config": "s3://releases/cutover.toml", "at": whereabouts() });
        let watch = json!({ "cutover": { "watch": watch } });
        let schedule = json!({
            "ScheduleExpression": "rate(2 minutes)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:release"),
                "RoleArn": ROLE,
                "Input": watch.to_string(),
            },
        });
        self.must(Api::Schedules, "/schedules/watch", "", &schedule).await;
    }

    /// Stops a pipeline's newest execution, as somebody does who waits for its actions.
    pub(super) async fn stop(&self, name: &str) {
        if let Some((id, _)) = self.newest(name).await {
            let target = "CodePipeline_20150709.StopPipelineExecution";
            let which = json!({ "pipelineName": name, "pipelineExecutionId": id });
            // It may just have ended.
            let _late = self.call(Api::Pipelines, "/", target, &which).await;
        }
    }

    /// Runs a pipeline's failed or succeeded stage once more: as a new execution, or as the same one.
    pub(super) async fn again(&self, name: &str) {
        self.attempt();
        let Some((id, status)) = self.newest(name).await else {
            return;
        };
        if status == "Succeeded" {
            self.pipeline("StartPipelineExecution", &json!({ "name": name })).await;
            return;
        }
        let which = json!({
            "pipelineName": name,
            "pipelineExecutionId": id,
            "stageName": "Release",
            "retryMode": "FAILED_ACTIONS",
        });
        self.pipeline("RetryStageExecution", &which).await;
    }

    /// Id and status of a pipeline's newest execution. There is none before somebody has made the pipeline.
    pub(super) async fn newest(&self, name: &str) -> Option<(String, String)> {
        let target = "CodePipeline_20150709.ListPipelineExecutions";
        let which = json!({ "pipelineName": name });
        let (_, listed) = self.call(Api::Pipelines, "/", target, &which).await;
        let first = listed["pipelineExecutionSummaries"].get(0)?;
        let text = |name: &str| first[name].as_str().map(str::to_owned);
        Some((text("pipelineExecutionId")?, text("status")?))
    }

    /// What the release's action in a pipeline says of its last failure.
    pub(super) async fn failure(&self, name: &str) -> String {
        let state = self.pipeline("GetPipelineState", &json!({ "name": name })).await;
        let action = &state["stageStates"][1]["actionStates"][0]["latestExecution"];
        action["errorDetails"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    async fn pipeline(&self, operation: &str, input: &Value) -> Value {
        let target = format!("CodePipeline_20150709.{operation}");
        self.must(Api::Pipelines, "/", &target, input).await
    }

    async fn must(&self, service: Api, path: &str, target: &str, input: &Value) -> Value {
        let (status, answer) = self.call(service, path, target, input).await;
        assert!(status < 300, "{target} {path}: {status} {answer}");
        answer
    }

    /// A call of somebody who is there: never lost.
    async fn call(&self, service: Api, path: &str, target: &str, input: &Value) -> (u16, Value) {
        let answer = self.services.call(JsonRequest {
            service,
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: [("x-amz-target".to_owned(), target.to_owned())].into(),
            body: input.to_string().into(),
            id: "simulated".to_owned(),
        });
        let answer = answer.await;
        (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        )
    }

    fn next_order(&self) -> Option<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.try_recv().ok()
    }
}

/// Where the sandboxes of all invocations are.
#[derive(Default)]
pub(super) struct Hall {
    sandboxes: tokio::task::JoinSet<()>,
    invocations: u32,
}

impl Crew {
    /// Lets the pipeline release until its execution and its release are over. `false` if no release came about, and rightly.
    pub(super) async fn by_pipeline(self: Arc<Self>, line: Arc<Line>, length: Duration) -> bool {
        line.start(NAME, "cutover.toml", "shop.zip").await;
        line.keep_watch().await;
        let mut hall = Hall::default();
        let mut person = Person::default();
        loop {
            self.admit(&line, length, &mut hall);
            if let Some(over) = person.look(&self, &line).await {
                return over;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Gives each invocation that is due a sandbox.
    pub(super) fn admit(self: &Arc<Self>, line: &Line, length: Duration, hall: &mut Hall) {
        line.services.do_what_is_due();
        while let Some(Order { run, end }) = line.next_order() {
            hall.invocations += 1;
            let id = run.request_id.clone();
            let event: Value = serde_json::from_slice(&run.payload).unwrap_or(Value::Null);
            if let Some(after) = self.twice(hall.invocations) {
                let again = Arc::clone(self).sandbox(id.clone(), event.clone(), length);
                hall.sandboxes.spawn(async move {
                    tokio::time::sleep(after).await;
                    again.await;
                });
            }
            let once = Arc::clone(self).sandbox(id, event, length);
            hall.sandboxes.spawn(async move { end(once.await) });
        }
    }

    /// Whether an invocation is delivered twice, and how much later.
    fn twice(&self, invocation: u32) -> Option<Duration> {
        let calm = self.scene.calm();
        self.scene.scenario.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Twice { nth, after } if *nth == invocation && !calm => Some(*after),
            _ => None,
        })
    }

    /// One invocation, in a sandbox of its own that ends with it.
    pub(super) async fn sandbox(self: Arc<Self>, id: String, mut event: Value, length: Duration) -> RunEnd {
        let scene = Arc::clone(&self.scene);
        let (process, control) = scene.enrol();
        let who = Driving::new(process, process);
        scene.tell(&who, || format!("is invoked as {id}: {}", kind(&event)));
        if scene.mistake == Some(Mistake::JobIsForgotten) {
            forget(&mut event, process);
        }
        let crew = Arc::clone(&self);
        let work = async move {
            let seat = crew.seat(process, process).await;
            let slice = Slice::of(Arc::clone(&seat.clock), length);
            let function = Function::new(Inside {
                scene: Arc::clone(&crew.scene),
                who,
                seat,
            });
            function.answer(&id, event, &slice).await
        };
        let failed = |message: &str| RunEnd::Failed(json!({ "errorMessage": message }).to_string().into_bytes());
        let end = tokio::select! {
            biased;
            end = Process::new(control, work) => end,
            () = tokio::time::sleep(length) => End::Killed,
        };
        self.ended(process);
        match end {
            End::Returned(Ok(answer)) => {
                scene.tell(&who, || format!("answers {answer}"));
                RunEnd::Answered(answer.to_string().into_bytes())
            }
            End::Returned(Err(error)) => {
                scene.tell(&who, || format!("fails: {error}"));
                failed(&error.to_string())
            }
            End::Killed => {
                scene.state().crashes += 1;
                scene.tell(&who, || "dies".to_owned());
                failed("the process has ended")
            }
        }
    }

    /// Judges what the pipeline says of a release.
    pub(super) async fn judge_pipeline(&self, line: &Line, release: &Release) {
        let scene = &self.scene;
        let Some((_, status)) = line.newest(NAME).await else {
            return scene.violated("pipeline", "its execution is gone");
        };
        let Some((outcome, why)) = &release.outcome else {
            return;
        };
        let promoted = *outcome == Outcome::Promoted;
        let said = line.failure(NAME).await;
        let calm = scene.scenario.troubles.is_empty();
        let is_right = match status.as_str() {
            "Succeeded" => promoted,
            // An action is over before its release only if nobody was heard of, or nothing seen, for very long.
            "Failed" if promoted => !calm && GIVEN_UP.iter().any(|why| said.contains(why)),
            "Failed" => true,
            "Stopped" => !calm,
            _ => false,
        };
        if !is_right {
            scene.violated(
                "pipeline",
                format!("its execution is {status} ({said:?}), and the release is {outcome}"),
            );
        }
        if calm && !promoted {
            let start: String = why.chars().take(200).collect();
            if !said.contains(&start) {
                scene.violated("pipeline", format!("the action says {said:?}, and the release: {why}"));
            }
        }
    }
}

/// Judges the beginning of a release.
pub(super) fn begun(scene: &Scene, number: ReleaseNumber) {
    if let Some(line) = &scene.stage.line {
        let attempts = line.attempts.load(Ordering::Relaxed);
        if number.0 > attempts {
            let what = format!("attempt {attempts} has led to release {number}");
            scene.violated("once", what);
        }
        if number.0 > 1 {
            scene.stage.turn_blue();
        }
    }
}

/// Names an event, without what is secret in it.
fn kind(event: &Value) -> String {
    let job = &event["CodePipeline.job"];
    match job["id"].as_str() {
        Some(id) => format!("job {id}, token {}", job["data"]["continuationToken"]),
        None => event.to_string(),
    }
}

/// Makes another request of every delivery of a job.
fn forget(event: &mut Value, process: usize) {
    let Some(job) = event.get_mut("CodePipeline.job") else {
        return;
    };
    if let (Some(id), true) = (job["id"].as_str(), job["data"]["continuationToken"].is_null()) {
        let token = json!({ "job": format!("{id}-{process}") });
        job["data"]["continuationToken"] = token.to_string().into();
    }
}

/// Somebody who looks at the pipeline now and then.
#[derive(Default)]
struct Person {
    next: Option<Instant>,
    failed_at: Option<Instant>,
}

impl Person {
    /// Retries a stage that failed before a release began. Whether all is over, and whether there is a release then.
    async fn look(&mut self, crew: &Crew, line: &Line) -> Option<bool> {
        let now = Instant::now();
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        self.next = Some(now + LOOKS);
        let (_, status) = line.newest(NAME).await?;
        if matches!(status.as_str(), "InProgress" | "Stopping") {
            self.failed_at = None;
            return None;
        }
        let over = crew
            .scene
            .state()
            .release
            .as_ref()
            .map(|release| release.outcome.is_some());
        match over {
            Some(true) => return Some(true),
            // The watch goes on with it.
            Some(false) => return None,
            None if status == "Stopped" => return Some(false),
            None => {}
        }
        let since = *self.failed_at.get_or_insert(now);
        if now.duration_since(since) < PATIENCE {
            return None;
        }
        self.failed_at = None;
        let tries = line.attempts.load(Ordering::Relaxed);
        if tries > TRIES {
            let refused = crew.scene.scenario.right().contains(Outcome::Refused.code());
            let said = line.failure(NAME).await;
            if !refused {
                let what = format!("no release has begun after {TRIES} tries: {said}");
                crew.scene.violated("in time", what);
            }
            return Some(false);
        }
        crew.scene.tell(&"person", || "retries the stage".to_owned());
        line.again(NAME).await;
        None
    }
}

/// What stands around the function in a simulated sandbox.
struct Inside {
    scene: Arc<Scene>,
    who: Driving,
    seat: Seat,
}

#[async_trait]
impl Surroundings for Inside {
    fn aws(&self) -> &Aws {
        &self.seat.world.aws
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.seat.clock)
    }

    fn log(&self, message: &dyn Display) {
        self.scene.tell(&self.who, || message.to_string());
    }

    async fn fetch(&self, wanted: &Wanted) -> Result<PathBuf, Failure> {
        if self.scene.is_out(Service::Storage) {
            let why = "GetObject: the artifact cannot be had just now";
            return Err(Failure::new(Fault::System, why));
        }
        let (bucket, key) = wanted.place();
        let line = self.scene.stage.line.as_ref();
        let content = line.and_then(|line| line.store.object(bucket, key));
        let content = content.ok_or_else(|| Failure::new(Fault::Artifact, "GetObject: the artifact is not there"))?;
        // What most worlds release is the same file in each, and so are their stories.
        let (shared, bytes) = stage::bundle();
        let same = std::fs::read(&content.file).is_ok_and(|content| content == *bytes);
        Ok(if same { shared.clone() } else { content.file })
    }

    async fn project(&self, place: &SettingsPlace, _: Option<&Path>) -> Result<Project, Failure> {
        let mut spec = self.scene.stage.spec(&self.scene.scenario);
        match self.scene.outage(Service::Settings) {
            None => {}
            // Somebody edits them.
            Some(Fate::Denied) => {
                return Err(Failure::new(
                    Fault::Configuration,
                    "cutover.toml: line 3: expected a value",
                ));
            }
            // They are those of another slot.
            Some(Fate::Stale(_)) => spec.slot = SlotName::new("other"),
            Some(_) => {
                return Err(Failure::new(
                    Fault::System,
                    "GetObject: the settings cannot be had just now",
                ));
            }
        }
        // Settings of other requests are named by the version that they release.
        let label = match place {
            SettingsPlace::Object { key, .. } => key.strip_suffix(".toml").filter(|stem| *stem != "cutover"),
            SettingsPlace::File(_) => None,
        };
        spec.artifact.version_label = Some(label.unwrap_or(stage::NEW).to_owned());
        Ok(Project::new(spec, PathBuf::new(), Some(&whereabouts().journal)))
    }

    async fn journal(&self, _: &Whereabouts) -> Arc<dyn Journal> {
        Arc::clone(&self.seat.journal)
    }

    async fn seat(
        &self,
        _: &Whereabouts,
        _: Overrides,
        _: Arc<dyn Journal>,
        _: Option<PathBuf>,
    ) -> Result<Seat, Failure> {
        Ok(self.seat.clone())
    }
}
