//! Functions of Lambda as child processes behind the Runtime API.
//!
//! Each deployment of a function has a pool of workers. A worker is one process with a Runtime API of its own; it takes one
//! invocation after the other, and ends when it was idle for long, when its deployment is served no more, and when its
//! process dies or takes too long.
//!
//! - `pool`: the workers of one deployment, and how they are handed invocations
//! - `worker`: one process, from its first invocation to its end
//! - `runtime_api`: what the process talks to
//! - `errors`: the documents by which failures are told
//! - `bootstrap.py`: what runs handlers in Python

mod errors;
mod pool;
mod runtime_api;
mod site;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::absolute_program;
use crate::local::automation::{Deployed, FunctionPlane, Run, RunEnd};
use crate::local::folder::FUNCTIONS;
use crate::model::Clock;
use pool::{Job, Pool};

/// How long [`LiveFunctions::shutdown`] waits for processes that do not die.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);
/// After which an idle process ends. AWS keeps them for minutes.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// What functions as processes need to know.
#[derive(Clone)]
pub struct FunctionSettings {
    /// Folder for their files. What an earlier cloud left in its subfolder `functions` is removed at start.
    pub data: PathBuf,
    /// Program and first arguments that run the keeper.
    pub keeper: Vec<OsString>,
    /// Where functions reach the services of this cloud.
    pub endpoint: String,
    /// Tells functions how long they have.
    pub clock: Arc<dyn Clock>,
}

/// What all workers share.
struct Tools {
    folder: PathBuf,
    keeper: Arc<[OsString]>,
    endpoint: String,
    clock: Arc<dyn Clock>,
    closing: watch::Sender<bool>,
    runtime: tokio::runtime::Handle,
    /// Counts pools and workers, so that no two have the same files.
    numbers: AtomicU64,
}

impl Tools {
    /// A number that nothing else has.
    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Runs functions as processes on this machine. Dropping it kills them.
pub struct LiveFunctions {
    tools: Arc<Tools>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Revisions of the deployments that are served.
    kept: BTreeSet<u64>,
    /// Their pools, by revision.
    pools: BTreeMap<u64, Arc<Pool>>,
    /// Pools of other deployments. They are their workers' alone.
    retired: BTreeMap<u64, Weak<Pool>>,
    workers: JoinSet<()>,
}

impl LiveFunctions {
    /// Prepares the folder. Must be called within a tokio runtime, which then runs everything.
    ///
    /// # Errors
    /// When the folder cannot be made or emptied.
    pub fn start(settings: FunctionSettings) -> io::Result<Self> {
        let folder = std::path::absolute(settings.data.join(FUNCTIONS))?;
        let failed = |error: io::Error| {
            let message = format!("cannot prepare the folder {} for functions: {error}", folder.display());
            io::Error::new(error.kind(), message)
        };
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        std::fs::write(folder.join(site::PYTHON_RUNTIME), include_str!("bootstrap.py")).map_err(failed)?;
        Ok(Self {
            tools: Arc::new(Tools {
                folder,
                keeper: absolute_program(settings.keeper)?.into(),
                endpoint: settings.endpoint,
                clock: settings.clock,
                closing: watch::channel(false).0,
                runtime: tokio::runtime::Handle::current(),
                numbers: AtomicU64::new(0),
            }),
            state: Mutex::default(),
        })
    }

    /// Kills all processes and waits until they are gone. Nothing is started any more afterwards.
    pub async fn shutdown(&self) {
        let mut workers = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.workers)
        };
        self.tools.closing.send_replace(true);
        let all = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_LIMIT, all).await.is_err() {
            tracing::error!("some processes of functions do not end; look for them and kill them");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The pool of a deployment. One that is not served any more, of which an invocation began a moment ago, has workers that end
    /// with what they do.
    fn pool(&mut self, deployed: &Arc<Deployed>, tools: &Arc<Tools>) -> Arc<Pool> {
        let known = self.pools.get(&deployed.revision).map(Arc::clone);
        let retired = || self.retired.get(&deployed.revision).and_then(Weak::upgrade);
        if let Some(pool) = known.or_else(retired) {
            return pool;
        }
        let pool = Arc::new(Pool::new(deployed, tools));
        if self.kept.contains(&deployed.revision) {
            self.pools.insert(deployed.revision, Arc::clone(&pool));
        } else {
            pool.retire();
            self.retired.insert(deployed.revision, Arc::downgrade(&pool));
        }
        pool
    }
}

impl FunctionPlane for LiveFunctions {
    fn begin(&self, run: Run, end: Box<dyn FnOnce(RunEnd) + Send>) {
        let mut job = Job::new(run, end);
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return job.finish(errors::closed());
        }
        // Those that ended would pile up.
        while state.workers.try_join_next().is_some() {}
        let pool = state.pool(&job.run.function, &self.tools);
        job = match pool.hand_over(job) {
            Ok(()) => return,
            Err(job) => job,
        };
        let (first, jobs) = oneshot::channel();
        let worker = worker::live(pool, Arc::clone(&self.tools), jobs);
        state.workers.spawn_on(worker, &self.tools.runtime);
        // Telling of its end takes this lock again, and a runtime that is ending drops what it is given at once.
        drop(state);
        if let Err(job) = first.send(job) {
            job.finish(errors::closed());
        }
    }

    fn keep(&self, deployed: &[Arc<Deployed>]) {
        let mut state = self.lock();
        let kept: BTreeSet<u64> = deployed.iter().map(|deployed| deployed.revision).collect();
        let State { pools, retired, .. } = &mut *state;
        retired.retain(|_, pool| pool.strong_count() > 0);
        for (revision, pool) in pools.extract_if(.., |revision, _| !kept.contains(revision)) {
            pool.retire();
            retired.insert(revision, Arc::downgrade(&pool));
        }
        state.kept = kept;
    }
}

impl std::fmt::Debug for LiveFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveFunctions").finish_non_exhaustive()
    }
}
