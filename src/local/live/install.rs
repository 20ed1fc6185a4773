//! Installing a version on an instance: the bundle is unpacked, what its platform needs is built, and what to run is found.

use std::ffi::OsString;
use std::path::Path;

use tokio::sync::watch;

use super::Tools;
use super::build::{self, Built};
use super::instance::Order;
use super::log::RotatingLog;
use super::process::Site;
use super::procfile::{self, Process};
use super::unpack::unpack_unless;
use crate::local::plane::Runtime;

/// The log of what is done here, by its name on AWS's instances.
pub(super) const LOG: &str = "eb-engine.log";

/// A version that is ready to be started.
pub(super) struct Installed {
    pub(super) site: Site,
    pub(super) processes: Vec<Process>,
}

/// Why a version cannot be installed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// For a person.
    pub(super) why: String,
    /// What the platform of AWS tells in an event of its own, if it does.
    pub(super) event: Option<String>,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self { why, event: None }
    }
}

/// Held by whoever writes into the folder of a deployment.
pub(super) struct Writing(watch::Receiver<bool>);

impl Writing {
    fn is_given_up(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

/// Whoever waits for those who write into the folder of a deployment. They are given up when it is dropped, too.
pub(super) struct Writers(watch::Sender<bool>);

impl Writers {
    pub(super) fn new() -> (Self, Writing) {
        let (given_up, writing) = watch::channel(false);
        (Self(given_up), Writing(writing))
    }

    /// Waits until nobody writes any more.
    pub(super) async fn give_up(self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

/// Installs what is ordered. Dropping the future ends what is being built; [`Writers::give_up`] waits for what is being unpacked.
pub(super) async fn install(order: &Order, site: Site, tools: &Tools, writing: Writing) -> Result<Installed, Refused> {
    let logs = site.logs.clone();
    let installed = prepare(order, site, tools, writing).await;
    installed.map_err(|refused| {
        note(&logs, "ERROR", &refused.why);
        let label = &order.desired.deployment.version_label;
        Refused {
            why: format!("version {label} could not be installed: {}", refused.why),
            ..refused
        }
    })
}

async fn prepare(order: &Order, mut site: Site, tools: &Tools, writing: Writing) -> Result<Installed, Refused> {
    let folders = [site.folder.clone(), site.logs.clone(), site.temporary.clone()];
    let bundle = order.desired.deployment.bundle.clone();
    // What blocks cannot be dropped, so that it looks for itself whether it is still wanted.
    let unpacked = tokio::task::spawn_blocking(move || {
        for folder in &folders {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
        }
        let [folder, ..] = folders;
        let bundle = bundle.ok_or_else(|| "it has no bundle; create the version with one".to_owned())?;
        unpack_unless(&bundle, &folder, &|| writing.is_given_up()).map_err(|error| error.to_string())
    });
    unpacked.await.unwrap_or_else(|error| Err(error.to_string()))?;
    let processes = find_processes(&site.folder, &order.desired.runtime)?;
    let Built { variables } = build::build(&order.desired, &site, &processes, tools).await?;
    site.variables = variables;
    Ok(Installed { site, processes })
}

/// Writes a line into the log of the deployment.
pub(super) fn note(logs: &Path, level: &str, line: &str) {
    use std::io::Write as _;
    let written = RotatingLog::open(&logs.join(LOG)).and_then(|mut log| writeln!(log, "[{level}] {line}"));
    if let Err(error) = written {
        tracing::debug!(%error, "the log of a deployment cannot be written");
    }
}

/// The processes to run, with what the platform would have chosen where the bundle does not say.
fn find_processes(folder: &Path, runtime: &Runtime) -> Result<Vec<Process>, Refused> {
    procfile::processes(folder, runtime).map_err(|why| {
        let event = match runtime {
            Runtime::Python(_) => Some("Python"),
            Runtime::Node(_) => Some("Node.js"),
            Runtime::Other => None,
        };
        Refused {
            why,
            event: event.map(|platform| {
                format!("Instance deployment failed to generate a 'Procfile' for {platform}. Provide one in your source bundle.")
            }),
        }
    })
}

/// Variables of a process.
pub(super) type Variables = Vec<(OsString, OsString)>;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn giving_up_waits_for_whoever_still_writes() {
        let (writers, writing) = Writers::new();
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let writer = std::thread::spawn(move || {
            while !writing.is_given_up() {
                std::thread::yield_now();
            }
            // It still has a piece to write.
            std::thread::sleep(Duration::from_millis(50));
            ended.store(true, Ordering::SeqCst);
            drop(writing);
        });
        writers.give_up().await;
        assert!(has_ended.load(Ordering::SeqCst));
        writer.join().unwrap();
    }
}
