//! One deployment that runs on one instance: its processes, its health checks, and its place in the balancer's rotation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::health::{self, Verdict};
use super::install::Installed;
use super::instance::{Instance, Leave, Order, Wish, remove};
use super::keeper::Stop;
use super::process::{self, ProcessEvent, Site};
use super::procfile;
use super::rotation::{Rotation, Target};
use crate::local::balancers::FailedCheck;
use crate::local::plane::{InstanceState, Sickness};

/// Deaths of one process, before the instance ever answered a health check, that make its version a failed one.
const DEATHS: u32 = 4;

/// How often each process has died, by its name.
#[derive(Default)]
struct Deaths(BTreeMap<String, u32>);

impl Deaths {
    /// Counts one, and tells how many that process has died by now.
    fn count(&mut self, process: &str) -> u32 {
        let deaths = self.0.entry(process.to_owned()).or_default();
        *deaths += 1;
        *deaths
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

/// A deployment that runs. Somebody must [`Running::tend`] it, and [`Running::end`] it.
pub(super) struct Running {
    instance: Arc<Instance>,
    rotation: Arc<Rotation>,
    order: Arc<Order>,
    site: Arc<Site>,
    wish: watch::Receiver<Wish>,
    stop: watch::Sender<Stop>,
    supervisors: JoinSet<()>,
    happened: mpsc::UnboundedReceiver<ProcessEvent>,
    reports: mpsc::UnboundedSender<(u64, Verdict)>,
    reported: mpsc::UnboundedReceiver<(u64, Verdict)>,
    web: Option<Web>,
    /// Runs of the web process so far.
    runs: u64,
    /// Whether it ever passed a health check.
    served: bool,
    deaths: Deaths,
    failed: bool,
}

impl Running {
    /// Starts its processes.
    pub(super) fn start(
        instance: &Arc<Instance>,
        rotation: &Arc<Rotation>,
        order: Arc<Order>,
        installed: Installed,
        wish: &watch::Receiver<Wish>,
    ) -> Self {
        let (stop, stopping) = watch::channel(Stop::No);
        let (events, happened) = mpsc::unbounded_channel();
        let (reports, reported) = mpsc::unbounded_channel();
        let site = Arc::new(installed.site);
        let mut supervisors = JoinSet::new();
        for process in installed.processes {
            let properties = order.desired.properties.clone();
            let (stopping, events) = (stopping.clone(), events.clone());
            supervisors.spawn(process::supervise(
                process,
                Arc::clone(&site),
                properties,
                stopping,
                events,
            ));
        }
        Self {
            instance: Arc::clone(instance),
            rotation: Arc::clone(rotation),
            order,
            site,
            wish: wish.clone(),
            stop,
            supervisors,
            happened,
            reports,
            reported,
            web: None,
            runs: 0,
            served: false,
            deaths: Deaths::default(),
            failed: false,
        }
    }

    /// Looks after it for as long as it is awaited; may be dropped and awaited again at any time.
    pub(super) async fn tend(&mut self) {
        loop {
            let event = tokio::select! {
                Some(event) = self.happened.recv() => Event::Process(event),
                Some((run, verdict)) = self.reported.recv() => Event::Health(run, verdict),
                // Processes that failed are not started again.
                else => std::future::pending().await,
            };
            if !self.failed {
                self.follow(event);
            }
        }
    }

    fn follow(&mut self, event: Event) {
        match event {
            Event::Process(ProcessEvent::Starting { name, address }) if name == procfile::WEB => {
                self.runs += 1;
                let target = Arc::new(Target::new(address, Arc::clone(&self.instance.meter)));
                let checks = self.begin_checks(address);
                self.web = Some(Web { target, checks });
            }
            Event::Process(ProcessEvent::Starting { .. }) => {}
            Event::Process(ProcessEvent::Died { name, how }) => self.mourn(&name, &how),
            Event::Health(run, _) if run != self.runs => {}
            Event::Health(_, verdict) => {
                let Some(web) = &self.web else { return };
                match verdict {
                    Verdict::Healthy => {
                        self.served = true;
                        self.rotation.add(&web.target);
                        self.note(InstanceState::InService);
                    }
                    Verdict::Unhealthy(why) => {
                        self.rotation.remove(&web.target);
                        self.note(InstanceState::Unhealthy(why));
                    }
                }
            }
        }
    }

    fn mourn(&mut self, name: &str, how: &str) {
        if name == procfile::WEB {
            self.leave_rotation();
        }
        let deaths = self.deaths.count(name);
        if self.served {
            tracing::info!(instance = %self.instance.id, process = name, "a process died and is started again");
            if name == procfile::WEB {
                let text = format!("the process \"{name}\" is being started again: {how}");
                self.note(InstanceState::Unhealthy(Sickness::new(FailedCheck::Broken, text)));
            }
        } else if deaths >= DEATHS {
            self.failed = true;
            self.leave_rotation();
            self.stop.send_replace(Stop::Gently);
            let text = format!("the process \"{name}\" does not stay up ({deaths} attempts): {how}");
            self.note(InstanceState::Failed(text));
        }
    }

    fn note(&self, state: InstanceState) {
        self.instance.note_state(self.order.desired.deployment.id, state);
    }

    fn begin_checks(&self, address: SocketAddr) -> JoinHandle<()> {
        let (wish, reports, run) = (self.wish.clone(), self.reports.clone(), self.runs);
        let settings = move || {
            let alive = wish.has_changed().is_ok();
            alive.then(|| wish.borrow().order.desired.balancer.clone())
        };
        // A receiver that is gone is about to abort the checks.
        let report = move |verdict| drop(reports.send((run, verdict)));
        tokio::spawn(health::watch(address, settings, report))
    }

    fn leave_rotation(&mut self) {
        if let Some(web) = self.web.take() {
            self.rotation.remove(&web.target);
        }
    }

    /// Drains as far as wished, stops all processes, and removes what they ran from.
    pub(super) async fn end(mut self, leave: Leave, wish: &mut watch::Receiver<Wish>) {
        if let Some(web) = &self.web {
            self.rotation.remove(&web.target);
            if leave == Leave::Drain {
                let delay = drain_time(wish);
                tokio::select! {
                    _ = tokio::time::timeout(delay, web.target.quiet()) => {}
                    () = until_kill(wish) => {}
                }
            }
        }
        let killed = wish.borrow().leave == Leave::Kill || leave == Leave::Kill;
        self.stop.send_replace(if killed { Stop::Now } else { Stop::Gently });
        let stop = self.stop.clone();
        let supervisors = &mut self.supervisors;
        let all_ended = async {
            while let Some(ended) = supervisors.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "the supervisor of a process failed");
                }
            }
        };
        let mut all_ended = std::pin::pin!(all_ended);
        let in_time = !killed
            && tokio::select! {
                () = &mut all_ended => true,
                () = until_kill(wish) => false,
            };
        if !in_time {
            stop.send_replace(Stop::Now);
            all_ended.await;
        }
        remove(self.site.folder.clone()).await;
    }
}

fn drain_time(wish: &watch::Receiver<Wish>) -> Duration {
    wish.borrow().order.desired.balancer.deregistration_delay
}

async fn until_kill(wish: &mut watch::Receiver<Wish>) {
    // An error means that nobody is left who could wish, which is the same.
    let _gone = wish.wait_for(|wish| wish.leave == Leave::Kill).await.map(drop);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_its_own_attempts() {
        let mut deaths = Deaths::default();
        for attempt in 1..DEATHS {
            assert_eq!(deaths.count("web"), attempt);
            assert_eq!(deaths.count("worker"), attempt);
        }
        assert_eq!(deaths.count("worker"), DEATHS);
    }
}
