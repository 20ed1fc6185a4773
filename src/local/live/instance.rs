//! One instance: what it is told to run, what is seen of it, and its life from one deployment to the next.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::install::{self, Refused};
use super::meter::Meter;
use super::process::{self, Site};
use super::rotation::Rotation;
use super::running::Running;
use super::{Tools, log};
use crate::local::plane::{DesiredEnvironment, InstanceLogs, InstanceState};
use crate::model::{InstanceId, Timestamp, VersionLabel};

/// What an environment's instances should run.
pub(super) struct Order {
    pub(super) desired: DesiredEnvironment,
    /// When this deployment began.
    pub(super) deployed_at: Timestamp,
}

impl Order {
    /// Whether the processes may go on as they are.
    pub(super) fn same_deployment(&self, desired: &DesiredEnvironment) -> bool {
        self.desired.deployment == desired.deployment
            && self.desired.properties == desired.properties
            && self.desired.runtime == desired.runtime
    }

    /// What comes after it.
    pub(super) fn followed_by(&self, desired: DesiredEnvironment, now: Timestamp) -> Arc<Self> {
        let deployed_at = if self.same_deployment(&desired) {
            self.deployed_at
        } else {
            now
        };
        Arc::new(Self { desired, deployed_at })
    }

    /// What comes after it for an instance that was told it: one that was launched with another version than the rest keeps that.
    pub(super) fn next_of(&self, all: &Arc<Self>, launched: Option<&Arc<Self>>) -> Arc<Self> {
        let its_own = launched.filter(|launched| launched.desired.deployment == self.desired.deployment);
        Arc::clone(its_own.unwrap_or(all))
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
    /// What the platform itself tells of that deployment's failure.
    pub(super) complaints: Vec<String>,
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
                complaints: Vec::new(),
                processes: Vec::new(),
            }),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last lines of its logs, by the names that they have on AWS's instances.
    pub(super) fn logs(&self) -> InstanceLogs {
        let (seen, folder) = (self.seen(), process::logs_of(&self.folder));
        let engine = log::tail(&folder.join(install::LOG));
        let engine = (!engine.is_empty()).then(|| (format!("/var/log/{}", install::LOG), engine));
        let processes = seen.processes.iter().map(|name| {
            let tail = log::tail(&process::log_of(&folder, name));
            (format!("/var/log/{name}.stdout.log"), tail)
        });
        engine.into_iter().chain(processes).collect()
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes how a deployment is doing, unless another one is shown by now.
    pub(super) fn note_state(&self, deployment: u64, state: InstanceState) {
        self.note(|seen| {
            if seen.deployment_id == deployment {
                seen.state = state;
            }
        });
    }

    /// From now on that deployment is shown.
    fn show(&self, order: &Order, state: InstanceState) {
        self.note(|seen| {
            seen.state = state;
            seen.deployment_id = order.desired.deployment.id;
            seen.version_label = order.desired.deployment.version_label.clone();
            seen.deployed_at = order.deployed_at;
            seen.complaints.clear();
        });
    }
}

/// Lives an instance's life: installs and runs what the wish says until the wish is to leave.
///
/// A new deployment is installed beside the one that runs, as on AWS; only then does one take the other's place, and
/// nothing serves in between. One that cannot be installed leaves the other running.
pub(super) async fn live(
    instance: Arc<Instance>,
    tools: Arc<Tools>,
    rotation: Arc<Rotation>,
    mut wish: watch::Receiver<Wish>,
) {
    let mut running: Option<Running> = None;
    let leave = loop {
        let Wish { order, leave } = wish.borrow_and_update().clone();
        if leave > Leave::Stay {
            break leave;
        }
        if wish.has_changed().is_err() {
            // Nobody is left who could wish.
            break Leave::Kill;
        }
        let number = instance.installs.fetch_add(1, Ordering::Relaxed) + 1;
        let site = Site::new(&tools, &instance.folder, number);
        let folder = site.folder.clone();
        let (writers, writing) = install::Writers::new();
        let installed = tokio::select! {
            installed = install::install(&order, site, &tools, writing) => installed,
            _ = until_changed(&wish, &order) => {
                writers.give_up().await;
                remove(folder).await;
                continue;
            }
            () = tend(running.as_mut()) => continue,
        };
        match installed {
            Ok(installed) => {
                instance.show(&order, InstanceState::Starting);
                if let Some(before) = running.take() {
                    before.end(Leave::Stay, &mut wish).await;
                }
                let names = installed.processes.iter().map(|process| process.name.clone());
                instance.note(|seen| seen.processes = names.collect());
                running = Some(Running::start(
                    &instance,
                    &rotation,
                    Arc::clone(&order),
                    installed,
                    &wish,
                ));
            }
            Err(Refused { why, event }) => {
                instance.show(&order, InstanceState::Failed(why));
                instance.note(|seen| seen.complaints.extend(event));
                remove(folder).await;
            }
        }
        tokio::select! {
            _ = until_changed(&wish, &order) => {}
            () = tend(running.as_mut()) => {}
        }
    };
    let deployment = instance.seen().deployment_id;
    instance.note_state(deployment, InstanceState::Draining);
    if let Some(running) = running {
        running.end(leave, &mut wish).await;
    }
    instance.ended.store(true, Ordering::Release);
    remove(instance.folder.clone()).await;
}

/// Looks after what runs, for as long as it is awaited.
async fn tend(running: Option<&mut Running>) {
    match running {
        Some(running) => running.tend().await,
        None => std::future::pending().await,
    }
}

/// Waits until the wish is something else than to run this deployment.
async fn until_changed(wish: &watch::Receiver<Wish>, order: &Order) {
    let mut wish = wish.clone();
    // An error means that nobody is left who could wish, which the loop sees as well.
    let _gone = wish
        .wait_for(|wish| wish.leave > Leave::Stay || !order.same_deployment(&wish.order.desired))
        .await
        .map(drop);
}

/// Removes a folder with everything in it.
pub(super) async fn remove(folder: PathBuf) {
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %folder.display(), "cannot remove an instance's folder");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::local::plane::{BalancerSettings, Deployment, Runtime};

    fn order(number: u64) -> Arc<Order> {
        Arc::new(Order {
            desired: DesiredEnvironment {
                id: "e-abcdefghij".into(),
                name: "shop-blue".into(),
                instances: 1,
                dismissed: std::collections::BTreeSet::new(),
                deployment: Deployment {
                    id: number,
                    version_label: format!("v{number}").as_str().into(),
                    bundle: None,
                },
                launched: None,
                runtime: Runtime::Other,
                properties: std::collections::BTreeMap::new(),
                balancer: BalancerSettings {
                    health_check_path: "/".into(),
                    matcher: "200".into(),
                    health_check_interval: Duration::from_secs(1),
                    health_check_timeout: Duration::from_secs(1),
                    healthy_threshold: 2,
                    unhealthy_threshold: 2,
                    deregistration_delay: Duration::from_secs(1),
                    idle_timeout: Duration::from_secs(1),
                },
                target_group: None,
            },
            deployed_at: Timestamp::default(),
        })
    }

    #[test]
    fn an_instance_that_was_launched_after_a_failure_keeps_its_version_until_the_next_deployment() {
        let label = |order: &Arc<Order>| order.desired.deployment.version_label.to_string();
        let (good, failed, next) = (order(1), order(2), order(3));
        assert_eq!(label(&failed.next_of(&failed, Some(&good))), "v2", "it runs it already");
        assert_eq!(label(&good.next_of(&failed, Some(&good))), "v1");
        assert_eq!(label(&good.next_of(&next, None)), "v3");
        assert_eq!(label(&good.next_of(&failed, None)), "v2", "a deployment reaches all");
    }
}
