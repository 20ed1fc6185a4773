//! What pipelines do by themselves: executions enter stages, actions begin and end, stages fail and are taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::back::{last_good, retry, roll_back};
use super::declaration::{Action, FailureResult, Kind, Mode, RetryMode};
use super::state::{ActionRun, ActionStatus, Artifact, Execution, Pipeline, Position, StageRun, Status, Task, Trigger};
use super::variables::resolve;
use super::{APPROVAL_LIMIT, Context, FETCHES_AFTER, LEAST_LIMIT, job, source};
use crate::local::automation::Account;
use crate::model::Timestamp;

/// Lets everything happen that can happen now.
pub(super) fn advance(pipeline: &mut Pipeline, context: &mut Context<'_>) {
    end_tasks(pipeline, context);
    // Each round does something, and there is a bounded amount to do: stages to enter and actions to begin.
    while step(pipeline, context) {}
    pipeline.forget();
}

/// Ends what waits for a moment that has come.
fn end_tasks(pipeline: &mut Pipeline, context: &mut Context<'_>) {
    for execution in &mut pipeline.executions {
        let due: Vec<String> = execution
            .stages
            .values()
            .flat_map(|stage| &stage.actions)
            .filter(|run| run.is_in_progress() && run.task.due().is_some_and(|due| due <= context.now))
            .map(|run| run.id.clone())
            .collect();
        for id in due {
            end_task(execution, &id, &mut pipeline.seen, context);
            execution.updated = context.now;
        }
    }
}

fn end_task(
    execution: &mut Execution,
    id: &str,
    seen: &mut BTreeMap<(String, String), Option<crate::local::storage::ObjectRevision>>,
    context: &mut Context<'_>,
) {
    let Some(mut run) = execution.run_mut(id).cloned() else {
        return;
    };
    match run.task.clone() {
        Task::Fetch(_) => source::fetch(execution, &mut run, seen, context),
        Task::Approval { .. } => run.fail("ApprovalTimedOut", "The approval action timed out.", context.now),
        Task::Job { id, .. } => {
            context.jobs.close(&id);
            no_result(&mut run, context.now);
        }
        Task::Continue { last, .. } if last <= context.now => no_result(&mut run, context.now),
        Task::Continue { token, last, .. } => job::dispatch(execution, &mut run, Some(token), last, context),
        Task::Nothing => {}
    }
    if let Some(place) = execution.run_mut(id) {
        *place = run;
    }
}

fn no_result(run: &mut ActionRun, now: Timestamp) {
    let name = run.function();
    let message = format!(
        "The AWS Lambda function {name} failed to return a result. Check the function to verify that it has permission to call the \
         PutJobSuccessResult action and that it made a call to PutJobSuccessResult."
    );
    run.fail("JobFailed", message, now);
}

/// Does one thing; `false` when there is nothing to do.
fn step(pipeline: &mut Pipeline, context: &mut Context<'_>) -> bool {
    for number in 0..pipeline.executions.len() {
        let moved = match pipeline.executions[number].position {
            Position::Before(place) => enter(pipeline, number, place, context),
            Position::In(place) => work(pipeline, number, place, context),
            Position::Over => false,
        };
        if moved {
            return true;
        }
    }
    false
}

/// Enters a stage, if that is possible.
fn enter(pipeline: &mut Pipeline, number: usize, place: usize, context: &mut Context<'_>) -> bool {
    let now = context.now;
    let execution = &pipeline.executions[number];
    if execution.stop.is_some() {
        pipeline.executions[number].finish(Status::Stopped, now);
        return true;
    }
    let Some(stage) = execution.declaration.stages.get(place) else {
        pipeline.executions[number].finish(Status::Succeeded, now);
        return true;
    };
    let name = stage.name.clone();
    let mode = execution.mode();
    if mode == Mode::Superseded
        && pipeline.executions[number + 1..]
            .iter()
            .any(|newer| newer.waits_for(&name))
    {
        pipeline.executions[number].finish(Status::Superseded, now);
        return true;
    }
    let is_disabled = pipeline
        .transitions
        .get(&name)
        .is_some_and(|way| way.disabled.is_some());
    let is_taken = pipeline.executions.iter().any(|other| other.is_in(&name));
    if is_disabled || mode != Mode::Parallel && is_taken {
        return false;
    }
    pipeline.entries += 1;
    let entry = pipeline.entries;
    let execution = &mut pipeline.executions[number];
    execution.position = Position::In(place);
    execution.updated = now;
    execution.stages.insert(
        place,
        StageRun {
            entry,
            status: Status::InProgress,
            actions: Vec::new(),
            automatic_retries: 0,
            manual_retries: 0,
        },
    );
    true
}

/// What a stage asks for.
enum Need {
    Begin(Vec<Action>),
    Wait,
    Failed,
    Stopped,
    Done,
}

fn need(execution: &Execution, place: usize) -> Need {
    let (Some(stage), Some(run)) = (execution.declaration.stages.get(place), execution.stages.get(&place)) else {
        return Need::Done;
    };
    let mut actions: Vec<&Action> = stage.actions.iter().collect();
    actions.sort_by_key(|action| action.run_order);
    for group in actions.chunk_by(|one, other| one.run_order == other.run_order) {
        let runs: Vec<_> = group.iter().map(|action| run.current(&action.name)).collect();
        let ended = |status| runs.iter().flatten().any(|run| run.status == status);
        let missing: Vec<Action> = group
            .iter()
            .zip(&runs)
            .filter(|(_, run)| run.is_none())
            .map(|(action, _)| (*action).clone())
            .collect();
        if ended(ActionStatus::InProgress) {
            // Some are to run again beside those that never ended.
            let again = !missing.is_empty() && execution.stop.is_none();
            return if again { Need::Begin(missing) } else { Need::Wait };
        }
        if ended(ActionStatus::Failed) {
            return Need::Failed;
        }
        if ended(ActionStatus::Abandoned) || execution.stop.is_some() {
            return Need::Stopped;
        }
        if !missing.is_empty() {
            return Need::Begin(missing);
        }
    }
    Need::Done
}

/// Does what the stage of an execution asks for.
fn work(pipeline: &mut Pipeline, number: usize, place: usize, context: &mut Context<'_>) -> bool {
    let now = context.now;
    let execution = &mut pipeline.executions[number];
    let need = need(execution, place);
    let status = match need {
        Need::Wait => return false,
        Need::Begin(actions) => {
            for action in actions {
                begin(execution, place, &action, context);
            }
            execution.updated = now;
            return true;
        }
        Need::Failed => Status::Failed,
        Need::Stopped => Status::Stopped,
        Need::Done => Status::Succeeded,
    };
    if let Some(stage) = execution.stages.get_mut(&place) {
        stage.status = status;
    }
    take_outputs(execution, place);
    match status {
        Status::Succeeded if execution.rollback_to.is_some() => execution.finish(Status::Succeeded, now),
        Status::Succeeded => {
            execution.position = Position::Before(place + 1);
            execution.updated = now;
        }
        Status::Failed => {
            // Whoever has stopped it wants nothing more of it, neither again nor back.
            let goes_on = execution.stop.is_none();
            let wanted = execution.declaration.stages[place].on_failure.clone();
            let wanted = wanted.filter(|_| goes_on);
            execution.finish(Status::Failed, now);
            match wanted.as_ref().and_then(|failure| failure.result) {
                Some(FailureResult::Retry) if execution.stages[&place].automatic_retries == 0 => {
                    let mode = wanted.and_then(|failure| failure.retry_configuration?.retry_mode);
                    retry(execution, place, mode.unwrap_or(RetryMode::FailedActions), now);
                    if let Some(stage) = execution.stages.get_mut(&place) {
                        stage.automatic_retries += 1;
                    }
                }
                Some(FailureResult::Rollback) if execution.rollback_to.is_none() => {
                    let id = execution.id.clone();
                    if let Some(target) = last_good(pipeline, number, place) {
                        let trigger = Trigger {
                            kind: "AutomatedRollback".into(),
                            detail: id,
                        };
                        roll_back(pipeline, place, &target, trigger, context);
                    }
                }
                _ => {}
            }
        }
        _ => execution.finish(status, now),
    }
    true
}

/// Artifacts and variables of actions that ended well are there for later ones.
fn take_outputs(execution: &mut Execution, place: usize) {
    let Some(run) = execution.stages.get(&place) else {
        return;
    };
    let stage = &execution.declaration.stages[place];
    for run in run
        .actions
        .iter()
        .filter(|run| !run.is_past && run.status == ActionStatus::Succeeded)
    {
        execution.artifacts.extend(run.outputs.iter().cloned());
        let namespace = super::state::action_of(stage, &run.action).and_then(|action| action.namespace.clone());
        if let Some(namespace) = namespace {
            execution.variables.insert(namespace, run.variables.clone());
        }
    }
}

/// Begins an attempt of an action.
fn begin(execution: &mut Execution, place: usize, action: &Action, context: &mut Context<'_>) {
    // What ended well in this stage before is there for it.
    take_outputs(execution, place);
    let now = context.now;
    let mut run = ActionRun {
        id: context.account.ids.uuid("action"),
        action: action.name.clone(),
        status: ActionStatus::InProgress,
        is_past: false,
        started: now,
        updated: now,
        configuration: BTreeMap::new(),
        inputs: Vec::new(),
        outputs: outputs(execution, action, context),
        variables: BTreeMap::new(),
        summary: None,
        external_id: None,
        percent: None,
        error: None,
        updated_by: None,
        task: Task::Nothing,
    };
    let inputs: Vec<_> = action
        .input_artifacts
        .iter()
        .filter_map(|name| Some((name.name.clone(), execution.artifacts.get(&name.name)?.clone())))
        .collect();
    let complete = inputs.len() == action.input_artifacts.len();
    run.inputs = inputs;
    match resolve(&action.configuration, execution) {
        Err(variable) => {
            let message = format!("The action configuration contains the variable {variable}, which has no value.");
            run.fail("ConfigurationError", message, now);
        }
        Ok(_) if !complete => run.fail(
            "ConfigurationError",
            "An input artifact of the action was not made.",
            now,
        ),
        Ok(configuration) => {
            run.configuration = configuration;
            match action.action_type_id.kind() {
                Some(Kind::Source) => run.task = Task::Fetch(now + context.account.timing.scale(FETCHES_AFTER)),
                Some(Kind::Approval) => {
                    let limit = approval_limit(action.timeout_in_minutes, context.account);
                    let token = context.account.ids.uuid("approval");
                    run.external_id = Some(token.clone());
                    run.task = Task::Approval {
                        token,
                        deadline: now + limit,
                    };
                }
                Some(Kind::Invoke) => {
                    let most = job::total_limit(action.timeout_in_minutes);
                    let last = now + job::limit(&run, most, context.functions, context.account);
                    job::dispatch(execution, &mut run, None, last, context);
                }
                None => run.fail("ConfigurationError", "There is no such type of action.", now),
            }
        }
    }
    if let Some(stage) = execution.stages.get_mut(&place) {
        stage.actions.push(run);
    }
}

/// How long an approval is waited for, at the cloud's pace.
pub(super) fn approval_limit(minutes: Option<u64>, account: &Account) -> Duration {
    let most = minutes.map_or(APPROVAL_LIMIT, |minutes| Duration::from_secs(minutes * 60));
    account.timing.limit(most, LEAST_LIMIT)
}

/// Where the action is to put its artifacts.
fn outputs(execution: &Execution, action: &Action, context: &mut Context<'_>) -> Vec<(String, Artifact)> {
    let Some(store) = execution.declaration.store(&context.account.region) else {
        return Vec::new();
    };
    // The names are cut as the service cuts them, so that the key stays short.
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let mut place = |name: &str| {
        let random = context.account.ids.text("artifact", crate::local::ids::MIXED, 7);
        let key = format!("{}/{}/{random}", cut(&execution.declaration.name, 20), cut(name, 10));
        let artifact = Artifact {
            bucket: store.location.clone(),
            key,
            revision: None,
        };
        (name.to_owned(), artifact)
    };
    action
        .output_artifacts
        .iter()
        .map(|artifact| place(&artifact.name))
        .collect()
}
