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
use super::scenario::{Service, Trouble};
use super::scene::{Scene, SimClock};
use super::stage::{self, ACCOUNT, REGION};
use crate::aws::{Aws, Fault};
use crate::compose::Project;
use crate::driver::Seat;
use crate::journal::Journal;
use crate::lambda::{Failure, Function, SettingsPlace, Slice, Surroundings, Wanted};
use crate::local::account::Timing;
use crate::local::automation::{
    Automation, AutomationService, AutomationSettings, Deployed, FunctionPlane, JsonRequest, JsonServices, Run, RunEnd,
    Service as Api,
};
use crate::local::objects::ObjectStore;
use crate::model::{Clock, ReleaseNumber};
use crate::release::{Outcome, Release};

/// The pipeline's name.
pub(super) const NAME: &str = "shop";
/// How often somebody looks at the pipeline.
const LOOKS: Duration = Duration::from_secs(10);
/// How long a person waits who retries a stage: longer than Lambda goes on trying by itself.
const PATIENCE: Duration = Duration::from_secs(900);
/// A stage that was refused so often will be refused again.
const TRIES: u32 = 8;
const ROLE: &str = "arn:aws:iam::123456789012:role/pipeline";

/// Lambda, CodePipeline and the Scheduler of the account.
pub(super) struct Line {
    pub(super) services: Arc<AutomationService>,
    orders: Mutex<mpsc::UnboundedReceiver<Order>>,
    /// How often somebody has retried its stage.
    tries: AtomicU32,
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
        let automation = Automation::new(settings, store);
        Self {
            services: AutomationService::new(automation, Arc::new(Orders(orders)), Arc::new(clock)),
            orders: Mutex::new(taken),
            tries: AtomicU32::new(0),
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

    /// Makes the pipeline, which starts by that, and the schedule of the watch.
    async fn start(&self) {
        let parameters = json!({
            "config": "s3://releases/cutover.toml",
            "pipeline": NAME,
            "execution": "#{codepipeline.PipelineExecutionId}",
        });
        let action = |category: &str, provider: &str, configuration: Value| {
            json!({
                "name": category,
                "actionTypeId": { "category": category, "owner": "AWS", "provider": provider, "version": "1" },
                "configuration": configuration,
            })
        };
        let place = json!({ "S3Bucket": "source", "S3ObjectKey": "shop.zip", "PollForSourceChanges": "false" });
        let mut source = action("Source", "S3", place);
        source["outputArtifacts"] = json!([{ "name": "Shop" }]);
        let called = json!({ "FunctionName": "release", "UserParameters": parameters.to_string() });
        let mut release = action("Invoke", "Lambda", called);
        release["inputArtifacts"] = json!([{ "name": "Shop" }]);
        let pipeline = json!({
            "name": NAME,
            "roleArn": ROLE,
            "artifactStore": { "type": "S3", "location": "artifacts" },
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [{ "name": "Source", "actions": [source] }, { "name": "Release", "actions": [release] }],
        });
        self.pipeline("CreatePipeline", &json!({ "pipeline": pipeline })).await;
        let watch = json!({ "cutover": { "watch": { "config": "s3://releases/cutover.toml" } } });
        let schedule = json!({
            "ScheduleExpression": "rate(15 minutes)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:release"),
                "RoleArn": ROLE,
                "Input": watch.to_string(),
            },
        });
        self.must(Api::Schedules, "/schedules/watch", "", &schedule).await;
    }

    /// Stops the newest execution, as somebody does who waits for its actions.
    pub(super) async fn stop(&self) {
        if let Some((id, _)) = self.newest().await {
            let target = "CodePipeline_20150709.StopPipelineExecution";
            let which = json!({ "pipelineName": NAME, "pipelineExecutionId": id });
            // It may just have ended.
            let _late = self.call(Api::Pipelines, "/", target, &which).await;
        }
    }

    /// Id and status of the newest execution. There is none before somebody has made the pipeline.
    async fn newest(&self) -> Option<(String, String)> {
        let target = "CodePipeline_20150709.ListPipelineExecutions";
        let which = json!({ "pipelineName": NAME });
        let (_, listed) = self.call(Api::Pipelines, "/", target, &which).await;
        let first = listed["pipelineExecutionSummaries"].get(0)?;
        let text = |name: &str| first[name].as_str().map(str::to_owned);
        Some((text("pipelineExecutionId")?, text("status")?))
    }

    /// What the release's action says of its last failure.
    async fn failure(&self) -> String {
        let state = self.pipeline("GetPipelineState", &json!({ "name": NAME })).await;
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

impl Crew {
    /// Lets the pipeline release until its execution and its release are over. `false` if no release came about, and rightly.
    pub(super) async fn by_pipeline(self: Arc<Self>, line: Arc<Line>, length: Duration) -> bool {
        line.start().await;
        let mut sandboxes = tokio::task::JoinSet::new();
        let mut invocations = 0;
        let mut person = Person::default();
        loop {
            line.services.do_what_is_due();
            while let Some(Order { run, end }) = line.next_order() {
                invocations += 1;
                let id = run.request_id.clone();
                let event: Value = serde_json::from_slice(&run.payload).unwrap_or(Value::Null);
                if let Some(after) = self.twice(invocations) {
                    let again = Arc::clone(&self).sandbox(id.clone(), event.clone(), length);
                    sandboxes.spawn(async move {
                        tokio::time::sleep(after).await;
                        again.await;
                    });
                }
                let once = Arc::clone(&self).sandbox(id, event, length);
                sandboxes.spawn(async move { end(once.await) });
            }
            if let Some(over) = person.look(&self, &line).await {
                return over;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
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
    async fn sandbox(self: Arc<Self>, id: String, mut event: Value, length: Duration) -> RunEnd {
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
        let Some((_, status)) = line.newest().await else {
            return scene.violated("pipeline", "its execution is gone");
        };
        let Some((outcome, why)) = &release.outcome else {
            return;
        };
        let promoted = *outcome == Outcome::Promoted;
        let calm = scene.scenario.troubles.is_empty();
        let is_right = match status.as_str() {
            "Succeeded" => promoted,
            "Failed" => !promoted || !calm,
            "Stopped" => !calm,
            _ => false,
        };
        if !is_right {
            scene.violated(
                "pipeline",
                format!("its execution is {status}, and the release is {outcome}"),
            );
        }
        if calm && !promoted {
            let said = line.failure().await;
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
        let attempts = 1 + line.tries.load(Ordering::Relaxed);
        if number.0 > attempts {
            let what = format!("attempt {attempts} has led to release {number}");
            scene.violated("once", what);
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
        let (id, status) = line.newest().await?;
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
        let tries = 1 + line.tries.fetch_add(1, Ordering::Relaxed);
        if tries > TRIES {
            let refused = crew.scene.scenario.right().contains(Outcome::Refused.code());
            let said = line.failure().await;
            if !refused {
                let what = format!("no release has begun after {TRIES} tries: {said}");
                crew.scene.violated("in time", what);
            }
            return Some(false);
        }
        crew.scene.tell(&"person", || "retries the stage".to_owned());
        let which = json!({
            "pipelineName": NAME,
            "pipelineExecutionId": id,
            "stageName": "Release",
            "retryMode": "FAILED_ACTIONS",
        });
        line.pipeline("RetryStageExecution", &which).await;
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

    async fn fetch(&self, _: &Wanted) -> Result<PathBuf, Failure> {
        if self.scene.is_out(Service::Storage) {
            let why = "GetObject: the artifact cannot be had just now";
            return Err(Failure::new(Fault::System, why));
        }
        Ok(stage::bundle().0.clone())
    }

    async fn project(&self, _: &SettingsPlace, _: Option<&Path>) -> Result<Project, Failure> {
        let mut spec = self.scene.stage.spec(&self.scene.scenario);
        spec.artifact.version_label = Some(stage::NEW.to_owned());
        Ok(Project::new(spec, PathBuf::new(), None))
    }

    async fn journal(&self, _: &Project) -> Arc<dyn Journal> {
        Arc::clone(&self.seat.journal)
    }

    async fn seat(&self, _: &Project, _: Arc<dyn Journal>, _: Option<PathBuf>) -> Result<Seat, Failure> {
        Ok(self.seat.clone())
    }
}
