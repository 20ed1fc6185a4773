//! What somebody wants of an execution: stop, retry, roll back, approve, and open or close the way into a stage.

use serde::Deserialize;
use serde_json::json;

use super::advance;
use super::back::{retry, roll_back};
use super::declaration::{Mode, RetryMode, Type};
use super::state::{ActionStatus, Pipeline, Position, Status, Stop, Task, Transition, Trigger};
use super::{Context, Pipelines};
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome, fault, not_implemented};
use crate::local::automation::seconds;
use crate::local::fault::Fault;
use crate::local::identities::USER;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopInput {
    pub(super) pipeline_name: String,
    pipeline_execution_id: String,
    #[serde(default)]
    abandon: bool,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryInput {
    pub(super) pipeline_name: String,
    stage_name: String,
    pipeline_execution_id: String,
    retry_mode: RetryMode,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RollbackInput {
    pub(super) pipeline_name: String,
    stage_name: String,
    target_pipeline_execution_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApprovalInput {
    pub(super) pipeline_name: String,
    stage_name: String,
    action_name: String,
    result: ApprovalResult,
    token: String,
}

#[derive(Debug, Deserialize)]
struct ApprovalResult {
    summary: String,
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransitionInput {
    pub(super) pipeline_name: String,
    stage_name: String,
    transition_type: String,
    reason: Option<String>,
}

impl Pipelines {
    pub(super) fn stop(pipeline: &mut Pipeline, input: StopInput, context: &mut Context<'_>) -> Outcome {
        let id = input.pipeline_execution_id;
        let now = context.now;
        let not_stoppable = |why: &str| {
            let message = format!("The pipeline execution {id} cannot be stopped: {why}");
            fault(400, "PipelineExecutionNotStoppableException", message)
        };
        let execution = pipeline
            .execution_mut(&id)
            .ok_or_else(|| not_stoppable("there is no such execution"))?;
        if execution.is_over() {
            return Err(not_stoppable(&format!("it is {}", execution.status.word())));
        }
        if execution.stop.is_some() && !input.abandon {
            return Err(fault(
                400,
                "DuplicatedStopRequestException",
                format!("The pipeline execution {id} is being stopped already"),
            ));
        }
        execution.stop = Some(Stop { reason: input.reason });
        execution.status = Status::Stopping;
        execution.updated = now;
        if input.abandon {
            let runs = execution.stages.values_mut().flat_map(|stage| &mut stage.actions);
            for run in runs.filter(|run| run.is_in_progress()) {
                if let Task::Job { id, .. } = &run.task {
                    context.jobs.close(id);
                }
                run.end(ActionStatus::Abandoned, now);
            }
        } else if let Position::In(place) = execution.position
            && let Some(stage) = execution.stages.get_mut(&place)
        {
            stage.status = Status::Stopping;
        }
        advance::advance(pipeline, context);
        Ok(execution_id(&id))
    }

    pub(super) fn retry_stage(pipeline: &mut Pipeline, input: &RetryInput, context: &mut Context<'_>) -> Outcome {
        let not_retryable = |why: &str| {
            let message = format!("The stage {} cannot be retried: {why}", input.stage_name);
            fault(400, "StageNotRetryableException", message)
        };
        let place = stage_of(pipeline, &input.stage_name)?;
        let id = &input.pipeline_execution_id;
        let (newest, run) = match pipeline.runs_of(&input.stage_name).first() {
            Some((execution, run)) => (execution.id.clone(), run.status),
            None => return Err(not_retryable("it has not run yet")),
        };
        if newest != *id && pipeline.declaration.execution_mode != Mode::Parallel {
            return Err(fault(
                400,
                "NotLatestPipelineExecutionException",
                format!("The execution {id} is not the latest in the stage {}", input.stage_name),
            ));
        }
        let version = pipeline.declaration.version;
        let execution = pipeline
            .execution_mut(id)
            .ok_or_else(|| not_retryable("there is no such execution"))?;
        let status = execution.stages.get(&place).map_or(run, |run| run.status);
        let has_failed = status == Status::Failed && execution.is_over();
        // Failed actions can be tried again beside those of the same group that still run (source: `RetryStageExecution`).
        let is_failing = input.retry_mode == RetryMode::FailedActions && execution.is_failing_in(place);
        if !has_failed && !is_failing {
            return Err(not_retryable(&format!("it has not failed, it is {}", status.word())));
        }
        if execution.declaration.version != version {
            return Err(not_retryable("the pipeline was changed since it failed"));
        }
        retry(execution, place, input.retry_mode, context.now);
        if let Some(stage) = execution.stages.get_mut(&place) {
            stage.manual_retries += 1;
        }
        advance::advance(pipeline, context);
        Ok(execution_id(id))
    }

    pub(super) fn rollback_stage(pipeline: &mut Pipeline, input: &RollbackInput, context: &mut Context<'_>) -> Outcome {
        let unable = |why: &str| {
            let message = format!("The stage {} cannot be rolled back: {why}", input.stage_name);
            fault(400, "UnableToRollbackStageException", message)
        };
        let place = stage_of(pipeline, &input.stage_name)?;
        let id = &input.target_pipeline_execution_id;
        let target = pipeline.execution(id).ok_or_else(|| not_found(id))?;
        if pipeline.declaration.pipeline_type == Type::V1 {
            return Err(unable("only pipelines of the type V2 can be"));
        }
        if place == 0 {
            return Err(unable("it is the source stage"));
        }
        if target.rollback_to.is_some() {
            return Err(unable("the target execution is a rollback itself"));
        }
        if target.declaration.version != pipeline.declaration.version {
            return Err(fault(
                400,
                "PipelineExecutionOutdatedException",
                format!("The execution {id} is of an earlier version of the pipeline"),
            ));
        }
        if target
            .stages
            .get(&place)
            .is_none_or(|run| run.status != Status::Succeeded)
        {
            return Err(unable("the target execution did not succeed in it"));
        }
        // Source: "Configuring stage rollback", User Guide.
        if pipeline
            .executions
            .iter()
            .any(|execution| execution.is_in(&input.stage_name))
        {
            return Err(unable("an execution is in progress in it"));
        }
        let trigger = Trigger {
            kind: "ManualRollback".into(),
            detail: caller(context),
        };
        let started = roll_back(pipeline, place, id, trigger, context).ok_or_else(|| not_found(id))?;
        advance::advance(pipeline, context);
        Ok(execution_id(&started))
    }

    pub(super) fn approve(pipeline: &mut Pipeline, input: &ApprovalInput, context: &mut Context<'_>) -> Outcome {
        let now = context.now;
        let by = caller(context);
        let place = stage_of(pipeline, &input.stage_name)?;
        if super::state::action_of(&pipeline.declaration.stages[place], &input.action_name).is_none() {
            return Err(fault(
                400,
                "ActionNotFoundException",
                format!("The stage {} has no action {}", input.stage_name, input.action_name),
            ));
        }
        let status = match input.result.status.as_str() {
            "Approved" => ActionStatus::Succeeded,
            "Rejected" => ActionStatus::Failed,
            other => {
                return Err(invalid(format!(
                    "The status of an approval is Approved or Rejected, and not {other}"
                )));
            }
        };
        let runs = pipeline
            .executions
            .iter_mut()
            .flat_map(|execution| execution.stages.values_mut());
        let mut runs = runs
            .flat_map(|stage| &mut stage.actions)
            .filter(|run| run.action == input.action_name);
        let run = runs.find(|run| run.external_id.as_deref() == Some(&input.token));
        let run = run.ok_or_else(|| {
            fault(
                400,
                "InvalidApprovalTokenException",
                format!("There is no approval with the token {}", input.token),
            )
        })?;
        if !run.is_in_progress() {
            return Err(fault(
                400,
                "ApprovalAlreadyCompletedException",
                format!("The approval action {} is {} already", run.action, run.status.word()),
            ));
        }
        run.summary = Some(input.result.summary.clone()).filter(|summary| !summary.is_empty());
        run.updated_by = Some(by);
        run.end(status, now);
        advance::advance(pipeline, context);
        Ok(JsonAnswer::document(200, &json!({ "approvedAt": seconds(now) })))
    }

    pub(super) fn transition(
        pipeline: &mut Pipeline,
        input: TransitionInput,
        disables: bool,
        context: &mut Context<'_>,
    ) -> Outcome {
        stage_of(pipeline, &input.stage_name)?;
        if input.transition_type != "Inbound" {
            return Err(not_implemented("transitions of a type other than Inbound"));
        }
        if disables && input.reason.as_deref().is_none_or(str::is_empty) {
            return Err(invalid("A reason must be given for disabling a transition"));
        }
        let way = Transition {
            disabled: input.reason.filter(|_| disables),
            changed: context.now,
        };
        pipeline.transitions.insert(input.stage_name, way);
        advance::advance(pipeline, context);
        Ok(JsonAnswer::document(200, &json!({})))
    }
}

/// Everybody is the same in this account.
pub(super) fn caller(context: &Context<'_>) -> String {
    format!("arn:aws:iam::{}:user/{USER}", context.account.id)
}

fn stage_of(pipeline: &Pipeline, name: &str) -> Result<usize, Fault> {
    let place = pipeline.declaration.stage(name);
    place.ok_or_else(|| {
        let message = format!(
            "Pipeline {} does not have a stage named {name}",
            pipeline.declaration.name
        );
        fault(400, "StageNotFoundException", message)
    })
}

/// A refusal of an execution that is not there.
pub(super) fn not_found(id: &str) -> Fault {
    fault(
        400,
        "PipelineExecutionNotFoundException",
        format!("The execution with id {id} was not found"),
    )
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "ValidationException", message)
}

pub(super) fn execution_id(id: &str) -> JsonAnswer {
    JsonAnswer::document(200, &json!({ "pipelineExecutionId": id }))
}

/// Reads the input of an operation.
pub(super) fn read<T: serde::de::DeserializeOwned>(request: &JsonRequest) -> Result<T, Fault> {
    request.input("ValidationException")
}
