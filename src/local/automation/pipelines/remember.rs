//! What CodePipeline keeps when its cloud ends.

use super::advance::approval_limit;
use super::job::{self, Jobs};
use super::state::{Execution, Pipeline, Task, action_of};
use super::{JOB_LIMIT, Pipelines};
use crate::local::automation::Account;
use crate::local::automation::functions::Functions;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

const PIPELINES: &str = "pipeline/";
const JOBS: &str = "jobs";

impl Pipelines {
    /// Writes down all that is to be kept.
    pub(in super::super) fn remember(&self, notes: &mut Notes) {
        for (name, pipeline) in &self.pipelines {
            notes.put(format!("{PIPELINES}{name}"), pipeline);
        }
        notes.put(JOBS, &self.jobs);
    }

    /// Goes on with what was kept.
    pub(in super::super) fn recall(
        &mut self,
        kept: &Kept,
        functions: &Functions,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), NotesError> {
        for (name, mut pipeline) in kept.all::<Pipeline>(PIPELINES)? {
            pipeline.next_poll = now;
            for execution in &mut pipeline.executions {
                execution.wait_anew(functions, account, now);
            }
            self.pipelines.insert(name, pipeline);
        }
        self.jobs = kept.one::<Jobs>(JOBS)?.unwrap_or_default();
        Ok(())
    }
}

impl Execution {
    /// Whatever its actions wait for is given its time from now on: while there was no cloud, nobody could put a result.
    fn wait_anew(&mut self, functions: &Functions, account: &Account, now: Timestamp) {
        for (place, stage) in &mut self.stages {
            let declared = self.declaration.stages.get(*place);
            for run in stage.actions.iter_mut().filter(|run| run.is_in_progress()) {
                let minutes = declared.and_then(|stage| action_of(stage, &run.action)?.timeout_in_minutes);
                let job = now + job::limit(run, JOB_LIMIT, functions, account);
                let all = now + job::limit(run, job::total_limit(minutes), functions, account);
                match &mut run.task {
                    Task::Job { deadline, last, .. } => {
                        *deadline = (*deadline).max(job);
                        *last = (*last).max(all);
                    }
                    Task::Continue { at, last, .. } => {
                        // What is done late is done at the moment when it was due: the next job's time would run from then.
                        *at = (*at).max(now);
                        *last = (*last).max(all);
                    }
                    Task::Approval { deadline, .. } => {
                        *deadline = (*deadline).max(now + approval_limit(minutes, account));
                    }
                    Task::Fetch(at) => *at = (*at).max(now),
                    Task::Nothing => {}
                }
            }
        }
    }
}
