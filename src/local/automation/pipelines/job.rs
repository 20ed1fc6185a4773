//! Jobs: what a function is given, and what it says of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::declaration::Declaration;
use super::state::{ActionRun, Artifact, Execution, Task, action_of};
use super::{CONTINUES_AFTER, Context, JOB_LIMIT, LEAST_LIMIT, Pipelines, TOTAL_LIMIT};
use crate::local::automation::Account;
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome, fault, without_nulls};
use crate::local::automation::functions::Functions;
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Jobs that are remembered, to tell one that is done from one that never was.
const REMEMBERED: usize = 2000;
/// All output variables of an action together (source: `PutJobSuccessResult`).
const MOST_VARIABLES: usize = 122_880;
/// How long credentials for artifacts are good for, as the event tells.
const CREDENTIALS: Duration = Duration::from_secs(3600);

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) pipeline: String,
    pub(super) execution: String,
    /// Of the attempt that it is a part of.
    pub(super) action_execution: String,
    pub(super) continuation: Option<String>,
    pub(super) is_open: bool,
}

/// All jobs, by id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Jobs {
    jobs: BTreeMap<String, Job>,
    /// Ids in the order of their making.
    order: std::collections::VecDeque<String>,
}

impl Jobs {
    /// Closes a job: nothing can be said of it any more.
    pub(super) fn close(&mut self, id: &str) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.is_open = false;
        }
    }

    pub(super) fn add(&mut self, id: String, job: Job) {
        self.order.push_back(id.clone());
        self.jobs.insert(id, job);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
    }

    /// Closes those of a pipeline.
    pub(super) fn close_all(&mut self, pipeline: &str) {
        for job in self.jobs.values_mut().filter(|job| job.pipeline == pipeline) {
            job.is_open = false;
        }
    }

    fn open(&self, id: &str) -> Result<Job, Fault> {
        let job = self.jobs.get(id);
        let job = job.ok_or_else(|| fault(400, "JobNotFoundException", format!("Job with id {id} was not found")))?;
        if !job.is_open {
            return Err(fault(
                400,
                "InvalidJobStateException",
                format!("The job {id} is not in progress: a result was put already, or its time is up"),
            ));
        }
        Ok(job.clone())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Success {
    job_id: String,
    continuation_token: Option<String>,
    #[serde(default)]
    execution_details: Details,
    #[serde(default)]
    output_variables: BTreeMap<String, String>,
    current_revision: Option<CurrentRevision>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    summary: Option<String>,
    external_execution_id: Option<String>,
    percent_complete: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CurrentRevision {
    revision_summary: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    job_id: String,
    failure_details: FailureDetails,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailureDetails {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    external_execution_id: Option<String>,
}

impl Pipelines {
    pub(super) fn put_success(&mut self, request: &JsonRequest, account: &Account, now: Timestamp) -> Outcome {
        let input: Success = request.input(VALIDATION)?;
        let job = self.jobs.open(&input.job_id)?;
        if input.continuation_token.is_some() && !input.output_variables.is_empty() {
            return Err(fault(
                400,
                VALIDATION,
                "Output variables can be put when the job is done, not with a continuation token",
            ));
        }
        let size: usize = input
            .output_variables
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MOST_VARIABLES {
            return Err(fault(
                400,
                "OutputVariablesSizeExceededException",
                format!("The output variables have {size} bytes; the most is {MOST_VARIABLES}"),
            ));
        }
        self.jobs.close(&input.job_id);
        let Some(run) = self.run_of(&job) else {
            return Ok(nothing());
        };
        run.updated = now;
        let details = input.execution_details;
        let revision_summary = input.current_revision.and_then(|revision| revision.revision_summary);
        run.summary = details.summary.or(revision_summary).or(run.summary.take());
        run.external_id = details.external_execution_id.or(run.external_id.take());
        run.percent = details.percent_complete.or(run.percent);
        match (input.continuation_token, &run.task) {
            (Some(token), Task::Job { last, .. }) => {
                let at = now + account.timing.scale(CONTINUES_AFTER);
                run.task = Task::Continue { at, token, last: *last };
            }
            _ => {
                run.variables = input.output_variables;
                run.succeed(now);
            }
        }
        Ok(nothing())
    }

    pub(super) fn put_failure(&mut self, request: &JsonRequest, now: Timestamp) -> Outcome {
        let input: Failure = request.input(VALIDATION)?;
        let job = self.jobs.open(&input.job_id)?;
        let details = input.failure_details;
        self.jobs.close(&input.job_id);
        if let Some(run) = self.run_of(&job) {
            run.external_id = details.external_execution_id.or(run.external_id.take());
            run.fail(&details.kind, details.message, now);
        }
        Ok(nothing())
    }

    pub(super) fn job_details(&self, request: &JsonRequest, account: &Account, now: Timestamp) -> Outcome {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Input {
            job_id: String,
        }
        let input: Input = request.input(VALIDATION)?;
        let job = self.jobs.jobs.get(&input.job_id);
        let found = job.and_then(|job| {
            let pipeline = self.pipelines.get(&job.pipeline)?;
            let execution = pipeline.execution(&job.execution)?;
            let (place, run) = execution.stages.iter().find_map(|(place, stage)| {
                let run = stage.actions.iter().find(|run| run.id == job.action_execution)?;
                Some((*place, run))
            })?;
            let stage = execution.declaration.stages.get(place)?;
            let mut data = data(execution, run, job.continuation.as_deref(), account, now);
            // The event has two fields more than the model of this answer.
            if let Some(credentials) = data["artifactCredentials"].as_object_mut() {
                credentials.remove("expirationTime");
            }
            for side in ["inputArtifacts", "outputArtifacts"] {
                for artifact in data[side].as_array_mut().into_iter().flatten() {
                    *artifact = without_nulls(artifact.take());
                }
            }
            data["actionTypeId"] = json!(action_of(stage, &run.action)?.action_type_id);
            data["pipelineContext"] = json!({
                "pipelineName": job.pipeline,
                "stage": { "name": stage.name },
                "action": { "name": run.action, "actionExecutionId": run.id },
                "pipelineArn": account.arn("codepipeline", &job.pipeline),
                "pipelineExecutionId": execution.id,
            });
            Some(json!({ "id": input.job_id, "data": data, "accountId": account.id }))
        });
        match found {
            Some(details) => Ok(JsonAnswer::document(200, &json!({ "jobDetails": details }))),
            None => Err(fault(
                400,
                "JobNotFoundException",
                format!("Job with id {} was not found", input.job_id),
            )),
        }
    }

    fn run_of(&mut self, job: &Job) -> Option<&mut ActionRun> {
        let execution = self.pipelines.get_mut(&job.pipeline)?.execution_mut(&job.execution)?;
        let run = execution.run_mut(&job.action_execution)?;
        run.is_in_progress().then_some(run)
    }
}

/// Makes a job of an attempt and sends it to its function.
pub(super) fn dispatch(
    execution: &Execution,
    run: &mut ActionRun,
    continuation: Option<String>,
    last: Timestamp,
    context: &mut Context<'_>,
) {
    let id = context.account.ids.uuid("job");
    let data = data(execution, run, continuation.as_deref(), context.account, context.now);
    let event = json!({ "CodePipeline.job": { "id": id, "accountId": context.account.id, "data": data } });
    let name = run.function();
    let sent = context
        .functions
        .enqueue(name, event.to_string().into_bytes(), context.account, context.now);
    if sent.is_err() {
        let message = format!(
            "The AWS Lambda function {name} cannot be found; create it in the pipeline's region, or change the action."
        );
        run.fail("ConfigurationError", message, context.now);
        return;
    }
    let job = Job {
        pipeline: execution.declaration.name.clone(),
        execution: execution.id.clone(),
        action_execution: run.id.clone(),
        continuation,
        is_open: true,
    };
    context.jobs.add(id.clone(), job);
    let deadline = context.now + limit(run, JOB_LIMIT, context.functions, context.account);
    run.task = Task::Job { id, deadline, last };
}

/// A limit on what the function of an action does, at the cloud's pace. No pace shortens the function's own time limit, so that a job
/// lasts longer than that here too, as it always does on AWS.
pub(super) fn limit(run: &ActionRun, length: Duration, functions: &Functions, account: &Account) -> Duration {
    let own = functions.time_limit(run.function(), account);
    let least = own.unwrap_or_default() + LEAST_LIMIT;
    account.timing.limit(length, least)
}

/// How long all jobs of an action may take together, at AWS's pace.
pub(super) fn total_limit(minutes: Option<u64>) -> Duration {
    minutes.map_or(TOTAL_LIMIT, |minutes| Duration::from_secs(minutes * 60))
}

/// What a function is told of its job.
fn data(
    execution: &Execution,
    run: &ActionRun,
    continuation: Option<&str>,
    account: &Account,
    now: Timestamp,
) -> Value {
    let artifact = |(name, artifact): &(String, Artifact)| {
        json!({
            "name": name,
            "revision": Value::Null,
            "location": {
                "type": "S3",
                "s3Location": { "bucketName": artifact.bucket, "objectKey": artifact.key },
            },
        })
    };
    let mut data = json!({
        "actionConfiguration": { "configuration": run.configuration },
        "inputArtifacts": run.inputs.iter().map(artifact).collect::<Vec<_>>(),
        "outputArtifacts": run.outputs.iter().map(artifact).collect::<Vec<_>>(),
        "artifactCredentials": {
            "accessKeyId": "ASIALOCALARTIFACTS00",
            "secretAccessKey": "local",
            "sessionToken": "local",
            "expirationTime": (now + CREDENTIALS).as_millis(),
        },
    });
    if let Some(token) = continuation {
        data["continuationToken"] = token.into();
    }
    if let Some(key) = encryption_key(&execution.declaration, account) {
        data["encryptionKey"] = key;
    }
    data
}

fn encryption_key(declaration: &Declaration, account: &Account) -> Option<Value> {
    declaration.store(&account.region)?.encryption_key.clone()
}

const VALIDATION: &str = "ValidationException";

fn nothing() -> JsonAnswer {
    JsonAnswer::document(200, &json!({}))
}
