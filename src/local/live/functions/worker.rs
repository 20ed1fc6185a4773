//! One process of a function, from its first invocation to its end.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::pool::{Job, Pool};
use super::runtime_api::{Event, MOST_ANSWER, RuntimeApi, Told};
use super::{IDLE_LIMIT, Tools, errors};
use crate::local::automation::{Run, RunEnd};
use crate::local::live::keeper::{Errand, Stop, run};
use crate::local::live::protocol::KeeperArguments;

/// How long a process may take until it asks for its first invocation (source: "Lambda execution environment lifecycle").
/// What it takes longer is taken from the time limit of the invocation.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// What happened to an invocation.
enum Fate {
    /// It has ended so, and the process goes on.
    Ended(RunEnd),
    /// It has ended so, and the process with it.
    Last(RunEnd),
    /// The process had ended before it was given the invocation.
    Missed,
}

/// What a worker does next.
enum Next {
    /// Its process carries out another invocation.
    Serve(Job),
    /// An invocation has come for a process that is gone.
    StartAnew(Job),
    End,
}

/// Starts a process for the invocation that comes, and gives it further ones until it ends.
pub(super) async fn live(pool: Arc<Pool>, tools: Arc<Tools>, first: oneshot::Receiver<Job>) {
    let number = tools.number();
    // Without one, the cloud is ending.
    let mut next = first.await.ok();
    while let Some(job) = next.take() {
        let mut process = match Process::start(&pool, &tools, number).await {
            Ok(process) => process,
            Err(why) => {
                let end = errors::no_entry_point(&job.run.request_id, &why);
                return job.finish(end);
            }
        };
        next = process.serve(job, &pool).await;
        process.end().await;
    }
}

/// A process under its keeper, with its Runtime API.
struct Process {
    api: RuntimeApi,
    events: mpsc::UnboundedReceiver<Event>,
    stop: watch::Sender<Stop>,
    /// How the process has ended, once it has.
    exited: watch::Receiver<Option<String>>,
    /// The task that runs the keeper; it ends when nothing of the process is left.
    kept: Option<tokio::task::JoinHandle<()>>,
    closing: watch::Receiver<bool>,
    tools: Arc<Tools>,
    log: std::path::PathBuf,
    temporary: std::path::PathBuf,
    number: u64,
    is_ready: bool,
    /// Whether it has been given an invocation.
    is_warm: bool,
}

impl Process {
    async fn start(pool: &Pool, tools: &Arc<Tools>, number: u64) -> Result<Self, String> {
        let site = &pool.site;
        let command = site.install().await?;
        let temporary = site.temporary(number);
        std::fs::create_dir_all(&temporary).map_err(|error| format!("cannot make {}: {error}", temporary.display()))?;
        let (api, events) = RuntimeApi::open()
            .await
            .map_err(|error| format!("its Runtime API cannot be opened: {error}"))?;
        let environment = site.environment(number, &api.authority());
        let (stop, mut stopping) = watch::channel(Stop::No);
        let (tell, exited) = watch::channel(None);
        let (keeper, log, task_root) = (Arc::clone(&tools.keeper), site.log(number), site.task_root());
        let arguments = KeeperArguments {
            log: log.clone(),
            grace: Duration::ZERO,
            command,
        };
        let kept = tokio::spawn(async move {
            let errand = Errand {
                keeper: &keeper,
                arguments,
                folder: &task_root,
            };
            // Whoever waited for the process may have given up.
            let told = |how: &str| drop(tell.send(Some(how.to_owned())));
            run(&errand, environment, &mut stopping, told).await;
        });
        Ok(Self {
            api,
            events,
            stop,
            exited,
            kept: Some(kept),
            closing: tools.closing.subscribe(),
            tools: Arc::clone(tools),
            log,
            temporary,
            number,
            is_ready: false,
            is_warm: false,
        })
    }

    /// Carries out one invocation after the other. What is returned came for this worker when its process was gone.
    async fn serve(&mut self, mut job: Job, pool: &Pool) -> Option<Job> {
        loop {
            let request_id = job.run.request_id.clone();
            self.note(&format!("START RequestId: {request_id} Version: $LATEST"));
            let begun = Instant::now();
            let fate = self.carry_out(&job.run).await;
            self.report(&request_id, begun.elapsed());
            match fate {
                Fate::Ended(end) => {
                    // Whoever asks again as soon as it is answered is served by the same process.
                    let waits = pool.wait(self.number);
                    job.finish(end);
                    match self.wait(pool, waits?).await {
                        Next::Serve(next) => job = next,
                        Next::StartAnew(job) => return Some(job),
                        Next::End => return None,
                    }
                }
                Fate::Last(end) => {
                    // Nothing of it runs any more when the next attempt begins.
                    self.end().await;
                    job.finish(end);
                    return None;
                }
                Fate::Missed => return Some(job),
            }
        }
    }

    /// Gives the process an invocation, once it asks for one, and waits for what becomes of it.
    async fn carry_out(&mut self, invocation: &Run) -> Fate {
        let request_id = &invocation.request_id;
        let limit = invocation.function.timeout;
        if self.is_warm && self.exited.borrow().is_some() {
            return Fate::Missed;
        }
        self.is_warm = true;
        let latest = Instant::now() + INIT_LIMIT;
        let mut deadline = latest + limit;
        let mut is_told = false;
        loop {
            if self.is_ready && !is_told {
                (self.is_ready, is_told) = (false, true);
                let now = Instant::now();
                deadline = now.min(latest) + limit;
                self.api.tell(Told {
                    request_id: request_id.clone(),
                    deadline_ms: (self.tools.clock.now() + (deadline - now)).as_millis(),
                    arn: invocation.function.arn.clone(),
                    client_context: invocation.client_context.clone(),
                    payload: invocation.payload.clone().into(),
                });
            }
            tokio::select! {
                // What the process has said counts, even when it has ended since.
                biased;
                Some(event) = self.events.recv() => match event {
                    Event::Ready => self.is_ready = true,
                    Event::Answered(_, answer) => return Fate::Ended(RunEnd::Answered(answer)),
                    Event::Failed(_, document) => return Fate::Ended(RunEnd::Failed(document)),
                    Event::TooLong(_, length) => return Fate::Ended(errors::too_large(length, MOST_ANSWER)),
                    Event::InitFailed(document) => return Fate::Last(RunEnd::Failed(document)),
                },
                how = has_ended(&mut self.exited) => return Fate::Last(errors::exited(request_id, &how)),
                () = sleep_until(deadline) => {
                    self.note(&format!("RequestId: {request_id} Task timed out after {:.2} seconds", limit.as_secs_f64()));
                    return Fate::Last(errors::timed_out(request_id, limit));
                }
                () = is_closing(&mut self.closing) => return Fate::Last(errors::closed()),
            }
        }
    }

    /// Waits for the next invocation, until there was none for long or the process has ended.
    async fn wait(&mut self, pool: &Pool, mut jobs: oneshot::Receiver<Job>) -> Next {
        let idle_until = Instant::now() + IDLE_LIMIT;
        loop {
            tokio::select! {
                job = &mut jobs => return job.map_or(Next::End, Next::Serve),
                Some(event) = self.events.recv() => self.is_ready |= event == Event::Ready,
                _ = has_ended(&mut self.exited) => break,
                () = sleep_until(idle_until) => break,
                () = is_closing(&mut self.closing) => break,
            }
        }
        pool.leave(self.number);
        // One may have come at the last moment.
        jobs.try_recv().map_or(Next::End, Next::StartAnew)
    }

    /// Ends the process and waits until nothing of it is left.
    async fn end(&mut self) {
        self.stop.send_replace(Stop::Now);
        let Some(kept) = self.kept.take() else { return };
        if let Err(error) = kept.await {
            tracing::error!(%error, "the keeper of a function's process failed");
        }
        if let Err(error) = tokio::fs::remove_dir_all(&self.temporary).await {
            tracing::debug!(%error, "the temporary folder of a function's process stays");
        }
    }

    /// A line of the service's own in the log, between those of the process.
    fn note(&self, line: &str) {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&self.log);
        if let Err(error) = file.and_then(|mut file| writeln!(file, "{line}")) {
            tracing::debug!(%error, "the log of a function cannot be written");
        }
    }

    fn report(&self, request_id: &str, took: Duration) {
        self.note(&format!(
            "END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {:.2} ms",
            took.as_secs_f64() * 1000.0
        ));
    }
}

/// Waits until the cloud ends.
async fn is_closing(closing: &mut watch::Receiver<bool>) {
    // An error means that the tools are gone, and the cloud with them.
    let _gone = closing.wait_for(|closing| *closing).await.map(drop);
}

/// Waits until the process has ended; tells how.
async fn has_ended(exited: &mut watch::Receiver<Option<String>>) -> String {
    let told = exited.wait_for(Option::is_some).await;
    let how = told.ok().and_then(|how| how.clone());
    how.unwrap_or_else(|| "its keeper is gone".to_owned())
}
