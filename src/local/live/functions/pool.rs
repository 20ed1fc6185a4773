//! The workers of one deployment, and the invocations that they are handed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::site::Site;
use super::{Tools, errors};
use crate::local::automation::{Deployed, Run, RunEnd};

/// By which the end of an invocation is told.
pub(super) type End = Box<dyn FnOnce(RunEnd) + Send>;

/// An invocation on its way to a worker, or with it. Its end is told in any case: when nobody has told it, it is told as a failure.
pub(super) struct Job {
    pub(super) run: Run,
    end: Option<End>,
}

impl Job {
    pub(super) fn new(run: Run, end: End) -> Self {
        Self { run, end: Some(end) }
    }

    /// Tells how it has ended.
    pub(super) fn finish(mut self, how: RunEnd) {
        self.tell(how);
    }

    fn tell(&mut self, how: RunEnd) {
        if let Some(end) = self.end.take() {
            end(how);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.tell(errors::abandoned(&self.run.request_id));
    }
}

/// The workers of one deployment. It goes with the last of them, once the deployment is served no more.
pub(super) struct Pool {
    pub(super) site: Site,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    retired: bool,
    /// Workers that wait for an invocation, the one used last at the end.
    idle: Vec<(u64, oneshot::Sender<Job>)>,
}

impl Pool {
    pub(super) fn new(deployed: &Arc<Deployed>, tools: &Arc<Tools>) -> Self {
        Self {
            site: Site::new(Arc::clone(deployed), Arc::clone(tools)),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an invocation to a worker that waits; gives it back when there is none.
    pub(super) fn hand_over(&self, mut job: Job) -> Result<(), Job> {
        // The lock is held until a worker has it, so that one which leaves knows whether anything comes for it.
        let mut state = self.lock();
        while let Some((_, worker)) = state.idle.pop() {
            match worker.send(job) {
                Ok(()) => return Ok(()),
                // It is about to end.
                Err(refused) => job = refused,
            }
        }
        Err(job)
    }

    /// A worker waits for its next invocation; without one, there will be none.
    pub(super) fn wait(&self, number: u64) -> Option<oneshot::Receiver<Job>> {
        let mut state = self.lock();
        if state.retired {
            return None;
        }
        let (sender, jobs) = oneshot::channel();
        state.idle.push((number, sender));
        Some(jobs)
    }

    /// A worker waits no more: what it was handed by now is all that comes.
    pub(super) fn leave(&self, number: u64) {
        self.lock().idle.retain(|(other, _)| *other != number);
    }

    /// Idle workers hear of it by the end of their wait, others when they are done.
    pub(super) fn retire(&self) {
        let mut state = self.lock();
        state.retired = true;
        state.idle.clear();
    }
}
