//! The keeper of one application process: sees to it that the process never outlives the cloud, however the cloud ends.
//!
//! Small and synchronous, because it must work when nothing else does: no runtime, no settings, no state. The cloud holds
//! the other end of its standard input; the operating system closes that when the cloud dies, even by `kill -9`.

use std::ffi::OsString;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group};

use crate::local::live::log::RotatingLog;
use crate::local::live::protocol::{KILL, KeeperArguments, KeeperEvent, STOP};

/// Grace for a process whose cloud is gone, and for what an ended process left behind.
const SHORT_GRACE: Duration = Duration::from_secs(2);
/// How long to go on killing what does not die: only a process stuck in the kernel takes so long.
const KILL_LIMIT: Duration = Duration::from_secs(10);
const KILL_PAUSE: Duration = Duration::from_millis(20);
/// How long to wait for the last lines of the log.
const LOG_LIMIT: Duration = Duration::from_millis(500);

/// Keeps one process; `arguments` are what follows the hidden subcommand (see [`KeeperArguments`]).
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let kept = KeeperArguments::from_words(arguments)
        .map_err(|error| error.to_string())
        .and_then(|arguments| keep(&arguments));
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&KeeperEvent::Failed { message });
            ExitCode::FAILURE
        }
    }
}

/// What the keeper hears of.
enum Notice {
    Stop,
    Kill,
    CloudGone,
    Ended(WaitStatus),
    NothingLeft,
}

fn keep(arguments: &KeeperArguments) -> Result<(), String> {
    let failed = |what: &str, error: io::Error| format!("cannot {what}: {error}");
    let log = RotatingLog::open(&arguments.log)
        .map_err(|error| failed(&format!("write the log {}", arguments.log.display()), error))?;
    adopt_orphans();
    let (output, input) = io::pipe().map_err(|error| failed("make a pipe", error))?;
    let pid = start(arguments, input).map_err(|error| {
        let program = arguments.command[0].display();
        failed(&format!("start {program}"), error)
    })?;
    say(&KeeperEvent::Started {
        pid: pid.as_raw_nonzero().get(),
    });
    let (notices, heard) = channel();
    let orders = notices.clone();
    thread::spawn(move || listen(&orders));
    thread::spawn(move || reap(pid, &notices));
    let (logged, log_done) = channel();
    thread::spawn(move || {
        copy(output, log);
        // Nobody may be listening any more.
        let _late = logged.send(());
    });
    watch(pid, arguments.grace, &heard);
    // A process that could not be killed may hold the pipe: its last words are not worth waiting for.
    let _late = log_done.recv_timeout(LOG_LIMIT);
    Ok(())
}

/// On Linux, a process that detaches itself from its parents becomes the keeper's child and is found at the end.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        // Without it the process group is still there to be killed.
        let _unsupported = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }
}

fn start(arguments: &KeeperArguments, output: io::PipeWriter) -> io::Result<Pid> {
    let child = Command::new(&arguments.command[0])
        .args(&arguments.command[1..])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()?;
    Ok(Pid::from_child(&child))
}

/// Waits for every process that is, or becomes, a child.
fn reap(main: Pid, notices: &Sender<Notice>) {
    loop {
        let notice = match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => Notice::Ended(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => continue,
            Err(_) => Notice::NothingLeft,
        };
        let last = matches!(notice, Notice::NothingLeft);
        if notices.send(notice).is_err() || last {
            return;
        }
    }
}

fn listen(notices: &Sender<Notice>) {
    for line in io::stdin().lock().lines() {
        let notice = match line.as_deref() {
            Ok(STOP) => Notice::Stop,
            Ok(KILL) => Notice::Kill,
            Ok(_) => continue,
            Err(_) => break,
        };
        if notices.send(notice).is_err() {
            return;
        }
    }
    // The keeper may have ended already.
    let _late = notices.send(Notice::CloudGone);
}

fn copy(mut from: io::PipeReader, mut log: RotatingLog) {
    let mut buffer = [0; 8192];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 {
            return;
        }
        // A full disk must not stop the application: go on reading.
        let _lost = log.write_all(&buffer[..length]);
    }
}

/// Returns when nothing is left.
fn watch(main: Pid, grace: Duration, heard: &Receiver<Notice>) {
    let mut kill_at: Option<Instant> = None;
    loop {
        let notice = match kill_at {
            None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => heard.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        let grace = match notice {
            Ok(Notice::NothingLeft) => return finish_group(main),
            Ok(Notice::Kill) | Err(_) => break,
            Ok(Notice::Stop) => grace,
            Ok(Notice::CloudGone) => grace.min(SHORT_GRACE),
            Ok(Notice::Ended(status)) => {
                say_exited(status);
                if kill_at.is_some() {
                    // As it was asked to; its children may go on using the grace.
                    continue;
                }
                grace.min(SHORT_GRACE)
            }
        };
        if kill_at.is_none() {
            // Only once: to some applications a second signal means to hurry.
            signal_all(main, Signal::TERM);
        }
        let deadline = Instant::now() + grace;
        kill_at = Some(kill_at.map_or(deadline, |earlier| earlier.min(deadline)));
    }
    kill(main, heard);
}

fn kill(main: Pid, heard: &Receiver<Notice>) {
    let limit = Instant::now() + KILL_LIMIT;
    while Instant::now() < limit {
        signal_all(main, Signal::KILL);
        match heard.recv_timeout(KILL_PAUSE) {
            Ok(Notice::NothingLeft) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Notice::Ended(status)) => say_exited(status),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    finish_group(main);
}

/// Where orphans are not adopted, the group can outlive its first process.
fn finish_group(main: Pid) {
    if cfg!(not(target_os = "linux")) {
        let _gone = kill_process_group(main, Signal::KILL);
    }
}

/// To the group, and to all descendants that left it, to each once. Who is gone already is no error.
fn signal_all(main: Pid, signal: Signal) {
    let _gone = kill_process_group(main, signal);
    let own = rustix::process::getpid().as_raw_nonzero().get();
    for pid in strays(own, main.as_raw_nonzero().get(), &processes()) {
        if let Some(pid) = Pid::from_raw(pid) {
            let _gone = kill_process(pid, signal);
        }
    }
}

/// A process as the operating system lists it.
struct Listed {
    pid: i32,
    parent: i32,
    group: i32,
}

/// All processes, found in `/proc`; none where there is no `/proc`.
fn processes() -> Vec<Listed> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    folders
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            listed(pid, &stat)
        })
        .collect()
}

/// Reads `pid (name) state parent group …`; the name may contain anything, even brackets.
fn listed(pid: i32, stat: &str) -> Option<Listed> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(1);
    Some(Listed {
        pid,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}

/// Processes below `top` that are not in the group. Those in it have the group's signal already, and to some applications a
/// second one means to hurry.
fn strays(top: i32, group: i32, processes: &[Listed]) -> Vec<i32> {
    let mut parents = vec![top];
    let mut strays = Vec::new();
    let mut next = 0;
    while let Some(parent) = parents.get(next).copied() {
        for child in processes.iter().filter(|child| child.parent == parent) {
            parents.push(child.pid);
            if child.group != group {
                strays.push(child.pid);
            }
        }
        next += 1;
    }
    strays
}

fn say_exited(status: WaitStatus) {
    say(&KeeperEvent::Exited {
        code: status.exit_status(),
        signal: status.terminating_signal(),
    });
}

fn say(event: &KeeperEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        // Nobody listens any more when the cloud is gone.
        let _gone = writeln!(io::stdout().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_left_the_group_is_signalled_by_itself() {
        let listed = |(pid, parent, group)| Listed { pid, parent, group };
        // 10 keeps 20, whose worker 21 stayed and whose daemon 22 left with its child 23; 24 came back under 22. 30 is a stranger.
        let processes = [
            (10, 1, 10),
            (20, 10, 20),
            (21, 20, 20),
            (22, 20, 22),
            (23, 22, 22),
            (24, 22, 20),
            (30, 1, 30),
        ]
        .map(listed);
        assert_eq!(strays(10, 20, &processes), [22, 23]);
        // An orphan is the keeper's own child.
        assert_eq!(strays(10, 20, &[(20, 10, 20), (22, 10, 22)].map(listed)), [22]);
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let found = listed(7, "7 (a) b (c)) S 3 5 5 0 -1 4194304").unwrap();
        assert_eq!((found.pid, found.parent, found.group), (7, 3, 5));
        assert!(listed(7, "7 (a").is_none());
    }
}
