//! CodePipeline as a state machine: pipelines, their executions, and the jobs of functions.
//!
//! Shapes follow the service's API model (2015-07-09), and the texts of errors those that users have quoted. Three types of
//! actions can be run: an S3 source, a manual approval, and a function of Lambda.
//!
//! - `declaration`, `check`: what a pipeline is, and whether it can run here
//! - `state`: what is known of pipelines and executions
//! - `advance`, `back`: what happens by itself; `source`, `job`: what actions do; `variables`: what they are configured by
//! - `begin`, `control`: what somebody wants of an execution; `operations`: which operation a request is meant for; `view`: what is shown

mod advance;
mod back;
mod begin;
mod check;
mod control;
mod declaration;
mod job;
mod operations;
mod remember;
mod source;
mod state;
#[cfg(test)]
pub(super) mod tests;
mod variables;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Account;
use super::functions::Functions;
use crate::model::Timestamp;
use job::Jobs;
use state::{Execution, Pipeline, Position, Status, Trigger};

/// From the beginning of a source action until its object is copied (observed on AWS: a second or two).
const FETCHES_AFTER: Duration = Duration::from_secs(2);
/// How often S3 is looked at for a source that is polled.
const POLLS_EVERY: Duration = Duration::from_secs(60);
/// From a continuation token until the next job that carries it. AWS documents no length; tens of seconds were seen.
const CONTINUES_AFTER: Duration = Duration::from_secs(30);
/// How long a job may go without a result (source: "Quotas in AWS CodePipeline", as the next two).
const JOB_LIMIT: Duration = Duration::from_secs(20 * 60);
/// How long an action that invokes a function may take, all its jobs together.
const TOTAL_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// How long an approval is waited for.
const APPROVAL_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);
/// No limit on what people do is shorter than that, whatever the pace; on what a function does, it comes on top of the function's own
/// time limit.
const LEAST_LIMIT: Duration = Duration::from_secs(20);

/// Pipelines of one account.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    pipelines: BTreeMap<String, Pipeline>,
    jobs: Jobs,
}

/// What pipelines work with.
struct Context<'a> {
    jobs: &'a mut Jobs,
    functions: &'a mut Functions,
    account: &'a mut Account,
    now: Timestamp,
}

impl Pipelines {
    /// Goes on after a time in which nobody turned the clock: one look at each source finds what came meanwhile.
    pub(super) fn wake(&mut self, now: Timestamp) {
        for pipeline in self.pipelines.values_mut() {
            pipeline.next_poll = pipeline.next_poll.max(now);
        }
    }

    /// Does what is due by `now`.
    pub(super) fn tick(&mut self, functions: &mut Functions, account: &mut Account, now: Timestamp) {
        let mut context = Context {
            jobs: &mut self.jobs,
            functions,
            account,
            now,
        };
        for pipeline in self.pipelines.values_mut() {
            source::poll(pipeline, &mut context);
            advance::advance(pipeline, &mut context);
        }
    }

    /// The next moment when something is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let pipelines = self.pipelines.values();
        let tasks = pipelines.clone().flat_map(|pipeline| {
            let executions = pipeline.executions.iter().filter(|execution| !execution.is_over());
            let runs = executions
                .flat_map(|execution| execution.stages.values())
                .flat_map(|stage| &stage.actions);
            runs.filter_map(|run| run.task.due())
        });
        let polls = pipelines
            .filter(|pipeline| source::polls(pipeline))
            .map(|pipeline| pipeline.next_poll);
        tasks.chain(polls).min()
    }
}

/// Starts an execution. Gives its id.
fn start(pipeline: &mut Pipeline, trigger: Trigger, context: &mut Context<'_>) -> String {
    let declaration = Arc::clone(&pipeline.declaration);
    let defaults = declaration.variables.iter().filter_map(|variable| {
        let value = variable.default_value.clone()?;
        Some((variable.name.clone(), value))
    });
    let execution = Execution {
        id: context.account.ids.uuid("execution"),
        variables: BTreeMap::from([("variables".to_owned(), defaults.collect())]),
        declaration,
        trigger,
        rollback_to: None,
        status: Status::InProgress,
        summary: None,
        started: context.now,
        updated: context.now,
        position: Position::Before(0),
        stop: None,
        overrides: BTreeMap::new(),
        artifacts: BTreeMap::new(),
        stages: BTreeMap::new(),
    };
    let id = execution.id.clone();
    pipeline.executions.push(execution);
    id
}
