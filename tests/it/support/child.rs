//! The real binary as a child.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{MOMENT, until};

/// A child under way. It is killed when it is dropped.
pub(crate) struct Child {
    what: String,
    process: tokio::process::Child,
    stdout: Reading,
    stderr: Reading,
}

/// What a child has said so far.
struct Reading {
    text: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

/// A child that has ended.
pub(crate) struct Ended {
    what: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Child {
    /// Starts it, with nothing of the tests' own environment.
    pub(crate) fn start(command: &mut Command, what: &str) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            what: what.to_owned(),
            stdout: Reading::start(process.stdout.take().unwrap()),
            stderr: Reading::start(process.stderr.take().unwrap()),
            process,
        }
    }

    /// What it has written to its standard output.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything that it has said, for messages.
    pub(crate) fn said(&self) -> String {
        said(&self.what, &self.stdout.text(), &self.stderr.text())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Stops it where it stands, as closing a laptop does, until [`Child::thaw`]. It is stopped when this returns.
    pub(crate) async fn freeze(&self) {
        use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process, waitid};
        let id = self.pid();
        kill_process(id, Signal::STOP).unwrap();
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        until("it to be stopped", MOMENT, async || {
            waitid(WaitId::Pid(id), look).unwrap().map(drop)
        })
        .await;
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        rustix::process::kill_process(self.pid(), rustix::process::Signal::CONT).unwrap();
    }

    /// How large its files may become, in bytes. It must ignore the signal that tells of it.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, current: Option<u64>) {
        use rustix::process::{Resource, Rlimit, prlimit};
        let limit = Rlimit { current, maximum: None };
        prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.id().try_into().unwrap()).unwrap()
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self, deadline: Duration) -> Ended {
        let Ok(status) = timeout(deadline, self.process.wait()).await else {
            panic!("it did not end within {deadline:?}: {}", self.said());
        };
        Ended {
            code: status.unwrap().code(),
            stdout: self.stdout.rest().await,
            stderr: self.stderr.rest().await,
            what: self.what,
        }
    }
}

impl Reading {
    fn start(from: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let task = tokio::spawn(async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = into.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self { text, task }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    async fn rest(self) -> String {
        let _late = timeout(Duration::from_secs(5), self.task).await;
        self.text.lock().unwrap().clone()
    }
}

fn said(what: &str, stdout: &str, stderr: &str) -> String {
    format!("{what}\n--- standard output\n{stdout}--- standard error\n{stderr}---")
}

impl Ended {
    /// Everything that it has said, for messages.
    pub(crate) fn said(&self) -> String {
        format!(
            "exit code {:?} of {}",
            self.code,
            said(&self.what, &self.stdout, &self.stderr)
        )
    }

    /// It ended with this code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.said());
        self
    }

    /// It said all of this, on either output.
    #[track_caller]
    pub(crate) fn saying(self, words: &[&str]) -> Self {
        for word in words {
            let there = self.stdout.contains(word) || self.stderr.contains(word);
            assert!(there, "it does not say {word:?}: {}", self.said());
        }
        self
    }

    /// Its standard output as JSON lines.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// How the release ended, from the last line of JSON.
    #[track_caller]
    pub(crate) fn outcome(&self) -> String {
        let lines = self.lines();
        let last = lines.last().unwrap_or_else(|| panic!("{}", self.said()));
        last["outcome"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", self.said()))
            .to_owned()
    }
}
