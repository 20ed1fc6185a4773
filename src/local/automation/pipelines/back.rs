//! Once more, and back: stages that run again, and executions that take an earlier one's artifacts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Context;
use super::declaration::RetryMode;
use super::state::{ActionStatus, Execution, Pipeline, Position, Status, Trigger};
use crate::model::Timestamp;

/// Lets a failed stage run again. Actions that are in progress go on.
pub(super) fn retry(execution: &mut Execution, place: usize, mode: RetryMode, now: Timestamp) {
    let Some(stage) = execution.stages.get_mut(&place) else {
        return;
    };
    for run in &mut stage.actions {
        let stays = matches!(run.status, ActionStatus::Succeeded | ActionStatus::InProgress);
        run.is_past |= mode == RetryMode::AllActions || !stays;
    }
    stage.status = Status::InProgress;
    execution.status = Status::InProgress;
    execution.position = Position::In(place);
    execution.stop = None;
    execution.updated = now;
}

/// The newest execution that went well through the stage, of the same version of the pipeline.
pub(super) fn last_good(pipeline: &Pipeline, number: usize, place: usize) -> Option<String> {
    let failed = &pipeline.executions[number];
    let name = &failed.declaration.stages.get(place)?.name;
    let mut runs = pipeline.runs_of(name).into_iter();
    let found = runs.find(|(execution, run)| {
        run.status == Status::Succeeded
            && execution.rollback_to.is_none()
            && execution.declaration.version == failed.declaration.version
    });
    found.map(|(execution, _)| execution.id.clone())
}

/// Starts an execution of one stage with artifacts and variables of an earlier one. Gives its id.
pub(super) fn roll_back(
    pipeline: &mut Pipeline,
    place: usize,
    target: &str,
    trigger: Trigger,
    context: &mut Context<'_>,
) -> Option<String> {
    let target = pipeline.execution(target)?;
    let now = context.now;
    let execution = Execution {
        id: context.account.ids.uuid("execution"),
        declaration: Arc::clone(&target.declaration),
        trigger,
        rollback_to: Some(target.id.clone()),
        status: Status::InProgress,
        summary: None,
        started: now,
        updated: now,
        position: Position::Before(place),
        stop: None,
        overrides: BTreeMap::new(),
        artifacts: target.artifacts.clone(),
        variables: target.variables.clone(),
        stages: BTreeMap::new(),
    };
    let id = execution.id.clone();
    pipeline.executions.push(execution);
    Some(id)
}
