//! The cloud's end of a keeper: starts one, gives it orders, hears from it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

use super::protocol::{KILL, KeeperArguments, KeeperEvent, STOP};

/// How much longer than the grace a keeper may take before it is taken for stuck.
const STUCK_AFTER: Duration = Duration::from_secs(12);

/// Whether a process should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    No,
    /// Ask it, and force it after the grace.
    Gently,
    /// Force it.
    Now,
}

/// What a keeper is started for.
#[derive(Debug)]
pub(super) struct Errand<'a> {
    /// Program and first arguments of the keeper.
    pub(super) keeper: &'a [OsString],
    pub(super) arguments: KeeperArguments,
    /// Where the process runs.
    pub(super) folder: &'a Path,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// For a person.
    pub(super) how: String,
    /// Whether it ended by itself with exit status 0.
    pub(super) succeeded: bool,
}

/// Runs one process under a keeper until it has ended by itself or as `stop` wants, and nothing of it is left. `exited` is called as soon as the process itself is gone.
///
/// Dropping the future lets go of the keeper, which then ends the process by itself.
pub(super) async fn run(
    errand: &Errand<'_>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    stop: &mut watch::Receiver<Stop>,
    exited: impl FnOnce(&str),
) -> Ended {
    let mut keeper = match Keeper::start(errand, environment) {
        Ok(keeper) => keeper,
        Err(error) => {
            let told = format!("its keeper could not be started: {error}");
            exited(&told);
            return Ended {
                how: told,
                succeeded: false,
            };
        }
    };
    let mut exited = Some(exited);
    let mut told = String::from("its keeper was killed");
    let mut succeeded = false;
    let mut obeyed = Stop::No;
    let mut limit = None;
    loop {
        let wanted = *stop.borrow_and_update();
        if wanted > obeyed {
            obeyed = wanted;
            keeper.order(wanted).await;
            limit = Some(tokio::time::Instant::now() + errand.arguments.grace + STUCK_AFTER);
        }
        let event = tokio::select! {
            event = keeper.next() => event,
            changed = stop.changed(), if obeyed < Stop::Now => {
                if changed.is_err() {
                    // Nobody is left to say so.
                    keeper.order(Stop::Now).await;
                    obeyed = Stop::Now;
                }
                continue;
            }
            () = sleep_until(limit) => None,
        };
        match event {
            Some(KeeperEvent::Started { pid }) => keeper.process = Pid::from_raw(pid),
            Some(KeeperEvent::Exited { code, signal }) => {
                keeper.process = None;
                succeeded = code == Some(0);
                told = match (code, signal) {
                    (Some(code), _) => format!("it ended with exit status {code}"),
                    (None, Some(signal)) => format!("it was ended by signal {signal}"),
                    (None, None) => "it ended".to_owned(),
                };
                if let Some(exited) = exited.take() {
                    exited(&told);
                }
            }
            Some(KeeperEvent::Failed { message }) => told = message,
            None => break,
        }
    }
    keeper.end().await;
    if let Some(exited) = exited.take() {
        exited(&told);
    }
    Ended { how: told, succeeded }
}

async fn sleep_until(limit: Option<tokio::time::Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

struct Keeper {
    child: Child,
    /// While it is open, the keeper knows that the cloud lives.
    lifeline: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// The process and its group, while it is not known to have ended.
    process: Option<Pid>,
}

impl Keeper {
    fn start(errand: &Errand<'_>, environment: impl IntoIterator<Item = (OsString, OsString)>) -> io::Result<Self> {
        let (program, first) = errand
            .keeper
            .split_first()
            .ok_or_else(|| io::Error::other("no program is set for it"))?;
        let mut child = Command::new(program)
            .args(first)
            .args(errand.arguments.to_words())
            .current_dir(errand.folder)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Not in the terminal's foreground group: Ctrl-C is for the cloud, which then takes its time to stop.
            .process_group(0)
            .spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        Ok(Self {
            lifeline: child.stdin.take().ok_or_else(missing)?,
            lines: BufReader::new(child.stdout.take().ok_or_else(missing)?).lines(),
            child,
            process: None,
        })
    }

    async fn order(&mut self, stop: Stop) {
        let word = match stop {
            Stop::No => return,
            Stop::Gently => STOP,
            Stop::Now => KILL,
        };
        // A keeper that is gone has nothing left to stop.
        let _gone = self.lifeline.write_all(format!("{word}\n").as_bytes()).await;
    }

    /// The next thing it tells; `None` when it has ended.
    async fn next(&mut self) -> Option<KeeperEvent> {
        while let Ok(Some(line)) = self.lines.next_line().await {
            if let Ok(event) = serde_json::from_str(&line) {
                return Some(event);
            }
        }
        None
    }

    async fn end(mut self) {
        // Told nothing of its end: the keeper was killed (or is stuck), so the process is killed from here.
        if let Some(process) = self.process {
            let _gone = kill_process_group(process, Signal::KILL);
        }
        // It may have ended already.
        let _gone = self.child.start_kill();
        if let Err(error) = self.child.wait().await {
            tracing::debug!(%error, "a keeper was not waited for");
        }
    }
}
