//! Pipelines and executions as they are shown.

use serde_json::{Value, json};

use super::declaration::Kind;
use super::state::{ActionRun, Artifact, Execution, Pipeline, StageRun, Status, Task, action_of};
use crate::local::automation::call::without_nulls;
use crate::local::automation::{Account, seconds};

/// What `GetPipelineState` shows.
pub(super) fn state(pipeline: &Pipeline, account: &Account) -> Value {
    let declaration = &pipeline.declaration;
    let stages = declaration.stages.iter().enumerate().map(|(place, stage)| {
        let runs = pipeline.runs_of(&stage.name);
        let actions = stage.actions.iter().map(|action| {
            let mut attempts = runs.iter().filter_map(|(_, run)| run.current(&action.name));
            let mut shown = json!({ "actionName": action.name });
            if let Some(run) = attempts.next() {
                shown["latestExecution"] = latest(run);
                let revision = run.outputs.iter().find_map(|(_, artifact)| artifact.revision.as_ref());
                if let Some(revision) = revision {
                    shown["currentRevision"] = json!({
                        "revisionId": revision.id,
                        "revisionChangeId": revision.id,
                        "created": seconds(revision.created),
                    });
                }
            }
            let value = |name: &str| action.configuration.get(name);
            match action.action_type_id.kind() {
                Some(Kind::Source) => {
                    let bucket = value("S3Bucket").map_or("", String::as_str);
                    shown["entityUrl"] = format!(
                        "https://console.aws.amazon.com/s3/home?region={}#{bucket}",
                        account.region
                    )
                    .into();
                }
                Some(Kind::Invoke) => {
                    let name = value("FunctionName").map_or("", String::as_str);
                    shown["entityUrl"] = format!(
                        "https://console.aws.amazon.com/lambda/home?region={}#/functions/{name}",
                        account.region
                    )
                    .into();
                }
                Some(Kind::Approval) => {
                    if let Some(link) = value("ExternalEntityLink") {
                        shown["entityUrl"] = link.clone().into();
                    }
                }
                None => {}
            }
            shown
        });
        let mut shown = json!({ "stageName": stage.name, "actionStates": actions.collect::<Vec<_>>() });
        if place > 0 {
            shown["inboundTransitionState"] = transition(pipeline, &stage.name);
        }
        let inbound: Vec<Value> = pipeline
            .executions
            .iter()
            .filter(|execution| execution.waits_for(&stage.name))
            .map(|execution| brief(execution, execution.status))
            .collect();
        if let Some(first) = inbound.first() {
            shown["inboundExecution"] = first.clone();
        }
        shown["inboundExecutions"] = inbound.into();
        if let Some((execution, run)) = runs.first() {
            shown["latestExecution"] = brief(execution, run.status);
            if let Some(retries) = retries(run) {
                shown["retryStageMetadata"] = retries;
            }
        }
        shown
    });
    json!({
        "pipelineName": declaration.name,
        "pipelineVersion": declaration.version,
        "stageStates": stages.collect::<Vec<_>>(),
        "created": seconds(pipeline.created),
        "updated": seconds(pipeline.updated),
    })
}

fn transition(pipeline: &Pipeline, stage: &str) -> Value {
    let Some(way) = pipeline.transitions.get(stage) else {
        return json!({ "enabled": true });
    };
    without_nulls(json!({
        "enabled": way.disabled.is_none(),
        "disabledReason": way.disabled,
        "lastChangedAt": seconds(way.changed),
    }))
}

fn brief(execution: &Execution, status: Status) -> Value {
    json!({ "pipelineExecutionId": execution.id, "status": status.word(), "type": kind(execution) })
}

fn retries(run: &StageRun) -> Option<Value> {
    let (automatic, manual) = (run.automatic_retries, run.manual_retries);
    if automatic == 0 && manual == 0 {
        return None;
    }
    let some = |number: u32| (number > 0).then_some(number);
    Some(without_nulls(json!({
        "autoStageRetryAttempt": some(automatic),
        "manualStageRetryAttempt": some(manual),
        "latestRetryTrigger": if manual > 0 { "ManualStageRetry" } else { "AutomatedStageRetry" },
    })))
}

fn kind(execution: &Execution) -> &'static str {
    if execution.rollback_to.is_some() {
        "ROLLBACK"
    } else {
        "STANDARD"
    }
}

fn latest(run: &ActionRun) -> Value {
    let token = match &run.task {
        Task::Approval { token, .. } => Some(token),
        _ => None,
    };
    without_nulls(json!({
        "actionExecutionId": run.id,
        "status": run.status.word(),
        "summary": run.summary,
        "lastStatusChange": seconds(run.updated),
        "lastUpdatedBy": run.updated_by,
        "token": token,
        "externalExecutionId": run.external_id,
        "percentComplete": run.percent,
        "errorDetails": error(run),
    }))
}

fn error(run: &ActionRun) -> Value {
    match &run.error {
        Some(error) => json!({ "code": error.code, "message": error.message }),
        None => Value::Null,
    }
}

/// What `GetPipelineExecution` shows.
pub(super) fn execution(execution: &Execution) -> Value {
    let revisions = execution.artifacts.iter().filter_map(|(name, artifact)| {
        let revision = artifact.revision.as_ref()?;
        Some(json!({
            "name": name,
            "revisionId": revision.id,
            "revisionSummary": revision.summary,
            "created": seconds(revision.created),
        }))
    });
    let variables = execution.declaration.variables.iter().filter_map(|variable| {
        let value = execution.variables.get("variables")?.get(&variable.name)?;
        Some(json!({ "name": variable.name, "resolvedValue": value }))
    });
    let mut shown = common(execution);
    shown["pipelineName"] = execution.declaration.name.clone().into();
    shown["pipelineVersion"] = execution.declaration.version.into();
    shown["artifactRevisions"] = revisions.collect();
    shown["variables"] = variables.collect();
    shown
}

/// What `ListPipelineExecutions` shows.
pub(super) fn summary(execution: &Execution) -> Value {
    let artifacts = execution.artifacts.values();
    let revisions = artifacts.filter_map(|artifact| {
        let revision = artifact.revision.as_ref()?;
        Some(json!({
            "actionName": revision.action,
            "revisionId": revision.id,
            "revisionSummary": revision.summary,
        }))
    });
    let mut shown = common(execution);
    shown["startTime"] = seconds(execution.started).into();
    shown["lastUpdateTime"] = seconds(execution.updated).into();
    shown["sourceRevisions"] = revisions.collect();
    if let Some(reason) = execution.stop.as_ref().and_then(|stop| stop.reason.clone()) {
        shown["stopTrigger"] = json!({ "reason": reason });
    }
    shown
}

fn common(execution: &Execution) -> Value {
    let target = &execution.rollback_to;
    without_nulls(json!({
        "pipelineExecutionId": execution.id,
        "status": execution.status.word(),
        "statusSummary": execution.summary,
        "trigger": { "triggerType": execution.trigger.kind, "triggerDetail": execution.trigger.detail },
        "executionMode": execution.mode(),
        "executionType": kind(execution),
        "rollbackMetadata": target.as_ref().map(|target| json!({ "rollbackTargetPipelineExecutionId": target })),
    }))
}

/// What `ListActionExecutions` shows of an attempt.
pub(super) fn action(execution: &Execution, place: usize, run: &ActionRun, account: &Account) -> Option<Value> {
    let stage = execution.declaration.stages.get(place)?;
    let action = action_of(stage, &run.action)?;
    let artifact = |(name, artifact): &(String, Artifact)| json!({ "name": name, "s3location": { "bucket": artifact.bucket, "key": artifact.key } });
    let result = without_nulls(json!({
        "externalExecutionId": run.external_id,
        "externalExecutionSummary": run.summary,
        "errorDetails": error(run),
    }));
    let is_done = run.status == super::state::ActionStatus::Succeeded;
    let outputs: Vec<Value> = run.outputs.iter().filter(|_| is_done).map(artifact).collect();
    Some(without_nulls(json!({
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.declaration.version,
        "stageName": stage.name,
        "actionName": run.action,
        "startTime": seconds(run.started),
        "lastUpdateTime": seconds(run.updated),
        "updatedBy": run.updated_by,
        "status": run.status.word(),
        "input": without_nulls(json!({
            "actionTypeId": action.action_type_id,
            "configuration": action.configuration,
            "resolvedConfiguration": run.configuration,
            "roleArn": action.role_arn,
            "region": account.region,
            "inputArtifacts": run.inputs.iter().map(artifact).collect::<Vec<_>>(),
            "namespace": action.namespace,
        })),
        "output": {
            "outputArtifacts": outputs,
            "executionResult": result,
            "outputVariables": run.variables,
        },
    })))
}
