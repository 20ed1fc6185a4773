//! One instance: a bundle in a folder, its processes, and its place in the balancer's rotation.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::health::{self, Verdict};
use super::keeper::Stop;
use super::meter::Meter;
use super::process::{self, ProcessEvent, Site};
use super::procfile::{self, Process};
use super::rotation::{Rotation, Target};
use super::unpack::unpack;
use super::{Tools, log};
use crate::local::plane::{DesiredEnvironment, InstanceState};
use crate::model::{InstanceId, Timestamp, VersionLabel};

/// Deaths in a row, before the instance ever answered a health check, that make its version a failed one.
const DEATHS: u32 = 4;

/// What an environment's instances should run.
pub(super) struct Order {
    pub(super) desired: DesiredEnvironment,
    /// When this deployment began.
    pub(super) deployed_at: Timestamp,
}

impl Order {
    /// Whether the processes may go on as they are.
    pub(super) fn same_deployment(&self, desired: &DesiredEnvironment) -> bool {
        self.desired.deployment == desired.deployment && self.desired.properties == desired.properties
    }
}

/// Whether an instance should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leave {
    Stay,
    /// Out of rotation, wait for requests in flight, then stop.
    Drain,
    /// Stop; the requests have been waited for.
    Stop,
    /// Stop without any grace.
    Kill,
}

/// What an instance should do.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) order: Arc<Order>,
    pub(super) leave: Leave,
}

/// What is seen of an instance from outside.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    pub(super) launched_at: Timestamp,
    pub(super) meter: Arc<Meter>,
    /// Nothing of it is left.
    pub(super) ended: AtomicBool,
    folder: PathBuf,
    installs: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) state: InstanceState,
    pub(super) deployment_id: u64,
    pub(super) version_label: VersionLabel,
    pub(super) deployed_at: Timestamp,
    /// Names of its processes.
    processes: Vec<String>,
}

impl Instance {
    pub(super) fn new(id: InstanceId, folder: PathBuf, launched_at: Timestamp, order: &Order) -> Self {
        Self {
            id,
            launched_at,
            meter: Arc::default(),
            ended: AtomicBool::new(false),
            folder,
            installs: AtomicU64::new(0),
            seen: Mutex::new(Seen {
                state: InstanceState::Starting,
                deployment_id: order.desired.deployment.id,
                version_label: order.desired.deployment.version_label.clone(),
                deployed_at: order.deployed_at,
                processes: Vec::new(),
            }),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last lines of its processes' logs.
    pub(super) fn logs(&self) -> String {
        let (seen, logs) = (self.seen(), self.logs_folder());
        let parts = seen.processes.iter().map(|name| {
            let tail = log::tail(&process::log_of(&logs, name));
            if seen.processes.len() == 1 {
                tail
            } else {
                format!("==> {name} <==\n{tail}")
            }
        });
        parts.collect()
    }

    fn logs_folder(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn note_state(&self, state: InstanceState) {
        self.note(|seen| seen.state = state);
    }
}

/// Lives an instance's life: installs and runs what the wish says until the wish is to leave.
pub(super) async fn live(
    instance: Arc<Instance>,
    tools: Arc<Tools>,
    rotation: Arc<Rotation>,
    mut wish: watch::Receiver<Wish>,
) {
    loop {
        let Wish { order, leave } = wish.borrow_and_update().clone();
        if leave > Leave::Stay {
            break;
        }
        instance.note(|seen| {
            seen.state = InstanceState::Starting;
            seen.deployment_id = order.desired.deployment.id;
            seen.version_label = order.desired.deployment.version_label.clone();
            seen.deployed_at = order.deployed_at;
        });
        let number = instance.installs.fetch_add(1, Ordering::Relaxed) + 1;
        let site = Site {
            keeper: Arc::clone(&tools.keeper),
            ports: Arc::clone(&tools.ports),
            folder: instance.folder.join(format!("application-{number}")),
            logs: instance.logs_folder(),
            temporary: instance.folder.join("tmp"),
            grace: tools.stop_grace,
        };
        let folder = site.folder.clone();
        match install(&order, &site).await {
            Ok(processes) => {
                instance.note(|seen| seen.processes = processes.iter().map(|p| p.name.clone()).collect());
                let mut run = Run {
                    instance: &instance,
                    rotation: &rotation,
                    order: &order,
                    wish: &mut wish,
                };
                run.run(processes, Arc::new(site)).await;
            }
            Err(why) => {
                instance.note_state(InstanceState::Failed(why));
                until_changed(&mut wish, &order).await;
            }
        }
        remove(folder).await;
    }
    instance.ended.store(true, Ordering::Release);
    remove(instance.folder.clone()).await;
}

/// Waits until the wish is something else than to run this deployment; tells whether to leave.
async fn until_changed(wish: &mut watch::Receiver<Wish>, order: &Order) -> Leave {
    wish.wait_for(|wish| wish.leave > Leave::Stay || !order.same_deployment(&wish.order.desired))
        .await
        // Nobody is left who could wish.
        .map_or(Leave::Kill, |wish| wish.leave)
}

async fn until_kill(wish: &mut watch::Receiver<Wish>) {
    // An error means that nobody is left who could wish, which is the same.
    let _gone = wish.wait_for(|wish| wish.leave == Leave::Kill).await.map(drop);
}

async fn remove(folder: PathBuf) {
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %folder.display(), "cannot remove an instance's folder");
    }
}

async fn install(order: &Order, site: &Site) -> Result<Vec<Process>, String> {
    let deployment = &order.desired.deployment;
    let label = deployment.version_label.clone();
    let failed = |why: String| format!("version {label} could not be installed: {why}");
    let Some(bundle) = deployment.bundle.clone() else {
        return Err(failed("it has no bundle; create the version with one".to_owned()));
    };
    let folders = [site.folder.clone(), site.logs.clone(), site.temporary.clone()];
    let unpacked = tokio::task::spawn_blocking(move || {
        for folder in &folders {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
        }
        let [folder, ..] = folders;
        unpack(&bundle, &folder).map_err(|error| error.to_string())?;
        procfile::processes(&folder)
    });
    match unpacked.await {
        Ok(result) => result.map_err(failed),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The web process's current run.
struct Web {
    target: Arc<Target>,
    checks: JoinHandle<()>,
}

impl Drop for Web {
    fn drop(&mut self) {
        self.checks.abort();
    }
}

enum Event {
    Process(ProcessEvent),
    /// Of the web process's run with that number.
    Health(u64, Verdict),
}

/// One deployment on one instance.
struct Run<'a> {
    instance: &'a Arc<Instance>,
    rotation: &'a Rotation,
    order: &'a Order,
    wish: &'a mut watch::Receiver<Wish>,
}

impl Run<'_> {
    async fn run(&mut self, processes: Vec<Process>, site: Arc<Site>) {
        let (stop, stopping) = watch::channel(Stop::No);
        let (events, mut happened) = mpsc::unbounded_channel();
        let mut supervisors = JoinSet::new();
        for process in processes {
            let properties = self.order.desired.properties.clone();
            let supervisor =
                process::supervise(process, Arc::clone(&site), properties, stopping.clone(), events.clone());
            supervisors.spawn(supervisor);
        }
        drop((stopping, events));
        let (reports, mut reported) = mpsc::unbounded_channel();
        let mut web: Option<Web> = None;
        let (mut runs, mut served, mut deaths, mut failed) = (0, false, 0, false);
        let leave = loop {
            let event = tokio::select! {
                leave = until_changed(self.wish, self.order) => break leave,
                Some(event) = happened.recv() => Event::Process(event),
                Some((run, verdict)) = reported.recv() => Event::Health(run, verdict),
            };
            match event {
                _ if failed => {}
                Event::Process(ProcessEvent::Starting { name, address }) if name == procfile::WEB => {
                    runs += 1;
                    let target = Arc::new(Target::new(address, Arc::clone(&self.instance.meter)));
                    let checks = self.begin_checks(address, runs, reports.clone());
                    web = Some(Web { target, checks });
                }
                Event::Process(ProcessEvent::Starting { .. }) => {}
                Event::Process(ProcessEvent::Died { name, how }) => {
                    if name == procfile::WEB {
                        self.leave_rotation(&mut web);
                    }
                    deaths += 1;
                    if served {
                        tracing::info!(instance = %self.instance.id, process = name, "a process died and is started again");
                        if name == procfile::WEB {
                            let text = format!("the process \"{name}\" is being started again: {how}");
                            self.instance.note_state(InstanceState::Unhealthy(text));
                        }
                    } else if deaths >= DEATHS {
                        failed = true;
                        self.leave_rotation(&mut web);
                        stop.send_replace(Stop::Gently);
                        self.instance.note_state(InstanceState::Failed(format!(
                            "the process \"{name}\" does not stay up ({deaths} attempts): {how}"
                        )));
                    }
                }
                Event::Health(run, _) if run != runs => {}
                Event::Health(_, verdict) => {
                    let Some(web) = &web else { continue };
                    match verdict {
                        Verdict::Healthy => {
                            (served, deaths) = (true, 0);
                            self.rotation.add(&web.target);
                            self.instance.note_state(InstanceState::InService);
                        }
                        Verdict::Unhealthy(why) => {
                            self.rotation.remove(&web.target);
                            self.instance.note_state(InstanceState::Unhealthy(why));
                        }
                    }
                }
            }
        };
        self.end(leave, web, &stop, supervisors).await;
    }

    fn begin_checks(
        &self,
        address: std::net::SocketAddr,
        run: u64,
        reports: mpsc::UnboundedSender<(u64, Verdict)>,
    ) -> JoinHandle<()> {
        let wish = self.wish.clone();
        let settings = move || {
            let alive = wish.has_changed().is_ok();
            alive.then(|| wish.borrow().order.desired.balancer.clone())
        };
        // A receiver that is gone is about to abort the checks.
        let report = move |verdict| drop(reports.send((run, verdict)));
        tokio::spawn(health::watch(address, settings, report))
    }

    fn leave_rotation(&self, web: &mut Option<Web>) {
        if let Some(web) = web.take() {
            self.rotation.remove(&web.target);
        }
    }

    /// Drains as far as wished, then stops all processes.
    async fn end(&mut self, leave: Leave, web: Option<Web>, stop: &watch::Sender<Stop>, mut supervisors: JoinSet<()>) {
        if leave > Leave::Stay {
            self.instance.note_state(InstanceState::Draining);
        } else {
            self.instance.note_state(InstanceState::Starting);
        }
        if let Some(web) = &web {
            self.rotation.remove(&web.target);
            if leave == Leave::Drain {
                let delay = self.drain_time();
                tokio::select! {
                    _ = tokio::time::timeout(delay, web.target.quiet()) => {}
                    () = until_kill(self.wish) => {}
                }
            }
        }
        let killed = self.wish.borrow().leave == Leave::Kill || leave == Leave::Kill;
        stop.send_replace(if killed { Stop::Now } else { Stop::Gently });
        let all_ended = async {
            while let Some(ended) = supervisors.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "the supervisor of a process failed");
                }
            }
        };
        let mut all_ended = std::pin::pin!(all_ended);
        if !killed {
            tokio::select! {
                () = &mut all_ended => return,
                () = until_kill(self.wish) => { stop.send_replace(Stop::Now); }
            }
        }
        all_ended.await;
    }

    fn drain_time(&self) -> Duration {
        self.wish.borrow().order.desired.balancer.deregistration_delay
    }
}
