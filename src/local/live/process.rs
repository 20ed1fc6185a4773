//! Keeping one process of an instance running: start it, and start it again when it dies.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::install::Variables;
use super::keeper::{Errand, Stop, run};
use super::ports::Ports;
use super::procfile::Process;
use super::protocol::KeeperArguments;
use super::{Tools, log};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A process that ran so long did not die of starting.
const STEADY: Duration = Duration::from_secs(10);
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What happens to a process.
#[derive(Debug)]
pub(super) enum ProcessEvent {
    /// It is being started with that address as its own.
    Starting { name: String, address: SocketAddr },
    /// It ended without being asked to; the text says how, for a person.
    Died { name: String, how: String },
}

/// Where and how an instance's processes run.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) keeper: Arc<[OsString]>,
    pub(super) ports: Arc<Ports>,
    /// The unpacked bundle.
    pub(super) folder: PathBuf,
    pub(super) logs: PathBuf,
    pub(super) temporary: PathBuf,
    pub(super) grace: Duration,
    /// Variables by which processes find what was built for them.
    pub(super) variables: Variables,
}

impl Site {
    /// For the deployment with that number in an instance's folder.
    pub(super) fn new(tools: &Tools, instance: &Path, number: u64) -> Self {
        Self {
            keeper: Arc::clone(&tools.keeper),
            ports: Arc::clone(&tools.ports),
            folder: instance.join(format!("application-{number}")),
            logs: logs_of(instance),
            temporary: instance.join("tmp"),
            grace: tools.stop_grace,
            variables: Variables::new(),
        }
    }

    pub(super) fn log_of(&self, process: &str) -> PathBuf {
        log_of(&self.logs, process)
    }
}

/// The folder of an instance's logs.
pub(super) fn logs_of(instance: &Path) -> PathBuf {
    instance.join("log")
}

pub(super) fn log_of(logs: &Path, process: &str) -> PathBuf {
    logs.join(format!("{process}.log"))
}

/// Keeps the process running until `stop`; returns when nothing of it is left.
pub(super) async fn supervise(
    process: Process,
    site: Arc<Site>,
    properties: BTreeMap<String, String>,
    mut stop: watch::Receiver<Stop>,
    events: mpsc::UnboundedSender<ProcessEvent>,
) {
    // A listener that is gone is about to stop this too.
    let tell = |event| drop(events.send(event));
    let mut pause = FIRST_PAUSE;
    while *stop.borrow() == Stop::No {
        let begun = Instant::now();
        let died = |how: &str| {
            let how = log::with_reason(how, &site.log_of(&process.name));
            tell(ProcessEvent::Died {
                name: process.name.clone(),
                how,
            });
        };
        match site.ports.take() {
            Err(error) => died(&format!("no port is free for it: {error}")),
            // Held until the process is gone.
            Ok(lease) => {
                let port = lease.port();
                tell(ProcessEvent::Starting {
                    name: process.name.clone(),
                    address: (Ipv4Addr::LOCALHOST, port).into(),
                });
                let errand = Errand {
                    keeper: &site.keeper,
                    arguments: KeeperArguments {
                        log: site.log_of(&process.name),
                        grace: site.grace,
                        command: vec!["/bin/sh".into(), "-c".into(), process.command.clone().into()],
                    },
                    folder: &site.folder,
                };
                let asked = stop.clone();
                let exited = |how: &str| {
                    if *asked.borrow() == Stop::No {
                        died(how);
                    }
                };
                let environment = environment(&site, port, &properties, &process.command);
                run(&errand, environment, &mut stop, exited).await;
            }
        }
        if begun.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop > Stop::No) => return,
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// What every process here is given: nothing of the cloud's own environment but what finds programs and languages.
pub(super) fn base_environment(home: &Path, temporary: &Path) -> BTreeMap<OsString, OsString> {
    let inherited = |name: &str, default: &str| std::env::var_os(name).unwrap_or_else(|| default.into());
    BTreeMap::from([
        ("PATH".into(), inherited("PATH", PATH)),
        ("LANG".into(), inherited("LANG", "C.UTF-8")),
        ("HOME".into(), home.into()),
        ("TMPDIR".into(), temporary.into()),
    ])
}

/// All that the process is given.
fn environment(
    site: &Site,
    port: u16,
    properties: &BTreeMap<String, String>,
    command: &str,
) -> BTreeMap<OsString, OsString> {
    let mut environment = base_environment(&site.folder, &site.temporary);
    environment.extend(site.variables.iter().cloned());
    for (name, value) in properties {
        environment.insert(name.into(), value.into());
    }
    // Last: many instances share this machine, so the port is not the application's to choose.
    environment.insert("PORT".into(), port.to_string().into());
    // What these go by where the command names no address. Gunicorn's goes before a configuration file of its own.
    if command.contains("uvicorn") {
        environment.insert("UVICORN_PORT".into(), port.to_string().into());
    }
    if command.contains("gunicorn") {
        let arguments = environment.entry("GUNICORN_CMD_ARGS".into()).or_default();
        arguments.push(format!(" --bind=127.0.0.1:{port}"));
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_holds_properties_and_nothing_of_the_clouds() {
        let site = Site {
            keeper: Arc::from([]),
            ports: Arc::new(Ports::new(0)),
            folder: "/data/app".into(),
            logs: "/data/log".into(),
            temporary: "/data/tmp".into(),
            grace: Duration::ZERO,
            variables: vec![("PATH".into(), "/venv/bin:/bin".into())],
        };
        let properties = BTreeMap::from([("COLOR".to_owned(), "blue".to_owned()), ("PORT".into(), "1".into())]);
        let given = |command: &str| environment(&site, 4711, &properties, command);
        let environment = given("./app");
        let names: Vec<_> = environment.keys().filter_map(|name| name.to_str()).collect();
        assert_eq!(names, ["COLOR", "HOME", "LANG", "PATH", "PORT", "TMPDIR"]);
        let own = |command: &str, name: &str| given(command)[&OsString::from(name)].clone();
        assert_eq!(
            own("gunicorn -c conf.py app", "GUNICORN_CMD_ARGS"),
            " --bind=127.0.0.1:4711"
        );
        assert_eq!(own("uvicorn app:app", "UVICORN_PORT"), "4711");
        assert_eq!(environment[&OsString::from("PORT")], "4711");
        assert_eq!(environment[&OsString::from("HOME")], "/data/app");
        assert_eq!(environment[&OsString::from("PATH")], "/venv/bin:/bin");
    }
}
