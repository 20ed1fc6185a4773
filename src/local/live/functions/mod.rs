//! Functions of Lambda as child processes behind the Runtime API.
//!
//! Each deployment of a function has a pool of workers. A worker is one process with a Runtime API of its own; it takes one
//! invocation after the other, and ends when it was idle for long, when its deployment is served no more, and when its
//! process dies or takes too long.
//!
//! - `worker`: one process, from its first invocation to its end
//! - `runtime_api`: what the process talks to
//! - `errors`: the documents by which failures are told
//! - `bootstrap.py`: what runs handlers in Python

mod errors;
mod runtime_api;
mod site;
mod worker;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::absolute_program;
use crate::local::automation::{Deployed, FunctionPlane, Run, RunEnd};
use crate::local::folder::FUNCTIONS;
use crate::model::Clock;
use site::Site;

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
}

/// An invocation on its way to a worker.
struct Job {
    run: Run,
    end: Box<dyn FnOnce(RunEnd) + Send>,
}

impl Job {
    fn finish(self, end: RunEnd) {
        (self.end)(end);
    }
}

/// Runs functions as processes on this machine. Dropping it kills them.
pub struct LiveFunctions {
    tools: Arc<Tools>,
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// By the revision of the deployment.
    pools: BTreeMap<u64, Arc<Pool>>,
    workers: JoinSet<()>,
}

/// The workers of one deployment.
struct Pool {
    site: Site,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    retired: bool,
    started: u64,
    /// Workers that wait for an invocation, the one used last at the end.
    idle: Vec<(u64, mpsc::Sender<Job>)>,
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
            }),
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::default(),
        })
    }

    /// Kills all processes and waits until they are gone. Nothing is started any more afterwards.
    pub async fn shutdown(&self) {
        let mut workers = {
            let mut state = self.lock();
            state.closed = true;
            state.pools.clear();
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

impl FunctionPlane for LiveFunctions {
    fn begin(&self, run: Run, end: Box<dyn FnOnce(RunEnd) + Send>) {
        let mut job = Job { run, end };
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return job.finish(errors::closed());
        }
        // Those that ended would pile up.
        while state.workers.try_join_next().is_some() {}
        let revision = job.run.function.revision;
        let pool = state
            .pools
            .entry(revision)
            .or_insert_with(|| Arc::new(Pool::new(&job.run.function, &self.tools)));
        let pool = Arc::clone(pool);
        while let Some(jobs) = pool.take_idle() {
            match jobs.try_send(job) {
                Ok(()) => return,
                // It is about to end.
                Err(refused) => job = refused.into_inner(),
            }
        }
        let number = pool.next_number();
        let worker = worker::live(pool, Arc::clone(&self.tools), number, job);
        state.workers.spawn_on(worker, &self.runtime);
    }

    fn keep(&self, deployed: &[Arc<Deployed>]) {
        let mut state = self.lock();
        state.pools.retain(|revision, pool| {
            let stays = deployed.iter().any(|deployed| deployed.revision == *revision);
            if !stays {
                pool.retire();
            }
            stays
        });
    }
}

impl Pool {
    fn new(deployed: &Arc<Deployed>, tools: &Tools) -> Self {
        Self {
            site: Site::new(Arc::clone(deployed), &tools.folder),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_number(&self) -> u64 {
        let mut state = self.lock();
        state.started += 1;
        state.started
    }

    fn take_idle(&self) -> Option<mpsc::Sender<Job>> {
        self.lock().idle.pop().map(|(_, jobs)| jobs)
    }

    /// A worker waits for its next invocation; `false` when there will be none.
    fn wait(&self, number: u64, jobs: mpsc::Sender<Job>) -> bool {
        let mut state = self.lock();
        if !state.retired {
            state.idle.push((number, jobs));
        }
        !state.retired
    }

    /// A worker that waited for long wants to end; `false` when an invocation is on its way to it.
    fn leave(&self, number: u64) -> bool {
        let mut state = self.lock();
        let before = state.idle.len();
        state.idle.retain(|(other, _)| *other != number);
        state.retired || state.idle.len() < before
    }

    /// Idle workers hear of it by the end of their jobs, others when they are done.
    fn retire(&self) {
        let mut state = self.lock();
        state.retired = true;
        state.idle.clear();
    }
}

impl std::fmt::Debug for LiveFunctions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveFunctions").finish_non_exhaustive()
    }
}
