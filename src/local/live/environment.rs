//! One environment: its instances and its balancer, brought to what is wanted and kept there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Tools;
use super::balancer::{Balancer, Group};
use super::door::Stage;
use super::instance::{self, Instance, Leave, Order, Wish};
use super::meter::Spread;
use crate::local::plane::{DesiredEnvironment, EnvironmentSample, InstanceLogs, InstanceSample, InstanceState};
use crate::model::{EnvironmentId, InstanceId, Timestamp};

/// Pause before another attempt to find an address for the balancer.
const BIND_PAUSE: Duration = Duration::from_secs(1);
/// An environment that nobody talked to for so long while it was leaving need not wait for its deregistration delay.
const QUIET: Duration = Duration::from_millis(250);
const QUIET_STEP: Duration = Duration::from_millis(10);
/// For connections that were accepted at the last moment.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// What should become of an environment.
#[derive(Clone)]
pub(super) enum Wanted {
    Exists(Box<DesiredEnvironment>, Timestamp),
    /// Drained and removed.
    Removed,
    /// Removed at once.
    Killed,
}

/// An environment as the plane holds it. Dropping it kills it.
pub(super) struct Environment {
    wanted: watch::Sender<Wanted>,
    seen: Arc<Seen>,
    gone: watch::Receiver<()>,
}

/// What is seen of an environment from outside.
#[derive(Default)]
struct Seen {
    instances: Mutex<Vec<Arc<Instance>>>,
    /// Its own; one behind a balancer that others share has none.
    balancer: OnceLock<Balancer>,
    group: Arc<Group>,
    leaving: AtomicBool,
}

impl Environment {
    /// Begins to make it. Must be called within a runtime.
    pub(super) fn create(desired: &DesiredEnvironment, now: Timestamp, tools: Arc<Tools>) -> Self {
        let (wanted, wants) = watch::channel(Wanted::Exists(Box::new(desired.clone()), now));
        let (alive, gone) = watch::channel(());
        let seen = Arc::new(Seen::default());
        let body = Body {
            folder: tools.data.join(folder_name(&desired.id)),
            id: desired.id.clone(),
            tools,
            seen: Arc::clone(&seen),
            order: Arc::new(Order {
                desired: desired.clone(),
                deployed_at: now,
            }),
            launched: None,
            crew: Vec::new(),
            tasks: JoinSet::new(),
        };
        if let Some(arn) = &desired.target_group {
            body.tools.groups.add(arn, &body.seen.group);
        }
        tokio::spawn(async move {
            body.live(wants).await;
            drop(alive);
        });
        Self { wanted, seen, gone }
    }

    /// Brings it to that state. One that is on its way out stays so.
    pub(super) fn want(&self, desired: &DesiredEnvironment, now: Timestamp) {
        self.wanted.send_if_modified(|wanted| match wanted {
            Wanted::Exists(before, _) if **before == *desired => false,
            Wanted::Exists(..) => {
                *wanted = Wanted::Exists(Box::new(desired.clone()), now);
                true
            }
            Wanted::Removed | Wanted::Killed => false,
        });
    }

    pub(super) fn remove(&self) {
        self.wanted.send_if_modified(|wanted| {
            let exists = matches!(wanted, Wanted::Exists(..));
            if exists {
                *wanted = Wanted::Removed;
            }
            exists
        });
    }

    pub(super) fn kill(&self) {
        self.wanted.send_replace(Wanted::Killed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.has_changed().is_err()
    }

    /// Ends when nothing of it is left.
    pub(super) fn gone(&self) -> impl Future<Output = ()> + use<> {
        let mut gone = self.gone.clone();
        async move { while gone.changed().await.is_ok() {} }
    }

    pub(super) fn address(&self) -> Option<std::net::SocketAddr> {
        self.seen.balancer.get().map(Balancer::address)
    }

    pub(super) fn logs(&self) -> Vec<(InstanceId, InstanceLogs)> {
        let instances = self.seen.instances();
        instances
            .iter()
            .map(|instance| (instance.id.clone(), instance.logs()))
            .collect()
    }

    /// Closes the window.
    pub(super) fn sample(&self) -> EnvironmentSample {
        let mut sample = EnvironmentSample::default();
        let mut all = Spread::default();
        let leaving = self.seen.leaving.load(Ordering::Acquire);
        for instance in self.seen.instances() {
            // Asked first: what an instance answered before its end is in the window that tells of its end.
            let ended = instance.ended.load(Ordering::Acquire);
            let (requests, spread) = instance.meter.take();
            all.add(&spread);
            if ended {
                self.seen.forget(&instance);
                if requests.total() == 0 {
                    continue;
                }
            }
            let seen = instance.seen();
            let state = match seen.state {
                InstanceState::InService if leaving => InstanceState::Draining,
                state => state,
            };
            sample.instances.push(InstanceSample {
                id: instance.id.clone(),
                launched_at: instance.launched_at,
                deployment_id: seen.deployment_id,
                version_label: seen.version_label,
                deployed_at: seen.deployed_at,
                state,
                complaints: seen.complaints,
                requests,
                latency: spread.latency(),
            });
        }
        sample.instances.sort_by(|one, other| one.id.cmp(&other.id));
        sample.latency = all.latency();
        sample.balancer_errors = self.seen.group.take_own_answers();
        sample.broken = self.seen.group.take_broken();
        if let Some(balancer) = self.seen.balancer.get() {
            sample.open_connections = balancer.open_connections();
        }
        sample
    }
}

impl Seen {
    fn instances(&self) -> Vec<Arc<Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self, instance: &Arc<Instance>) {
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.retain(|other| !Arc::ptr_eq(other, instance));
    }
}

/// The environment itself, as its task holds it.
struct Body {
    id: EnvironmentId,
    folder: PathBuf,
    tools: Arc<Tools>,
    seen: Arc<Seen>,
    order: Arc<Order>,
    /// What instances get that are launched from now on, if it is something else.
    launched: Option<Arc<Order>>,
    /// The instances that should stay, oldest first, and how to tell them what to do.
    crew: Vec<(Arc<Instance>, watch::Sender<Wish>)>,
    tasks: JoinSet<()>,
}

impl Body {
    async fn live(mut self, mut wants: watch::Receiver<Wanted>) {
        let mut leaving = Vec::new();
        loop {
            let wanted = wants.borrow_and_update().clone();
            match wanted {
                Wanted::Exists(desired, now) => self.reconcile(*desired, now, &mut leaving),
                Wanted::Removed | Wanted::Killed => break,
            }
            let unbound = !self.is_behind_another() && self.seen.balancer.get().is_none() && !self.bind();
            tokio::select! {
                changed = wants.changed() => if changed.is_err() { break },
                Some(ended) = self.tasks.join_next() => note_failure(ended),
                () = sleep(BIND_PAUSE), if unbound => {}
            }
        }
        self.seen.leaving.store(true, Ordering::Release);
        let killed = async {
            // An error means that the plane is gone, which is the same.
            let _gone = wants
                .wait_for(|wanted| matches!(wanted, Wanted::Killed))
                .await
                .map(drop);
        };
        let mut killed = Box::pin(killed);
        let in_peace = tokio::select! {
            () = self.drain() => true,
            () = &mut killed => false,
        };
        leaving.extend(self.crew.drain(..).map(|(_, wish)| wish));
        if in_peace {
            // Behind a balancer that stays, requests go on coming until the instances are out of its rotation.
            let how = if self.is_behind_another() {
                Leave::Drain
            } else {
                Leave::Stop
            };
            tokio::select! {
                () = killed => {}
                () = self.dismiss(&leaving, how) => {}
            }
        }
        // Those that have gone do not hear it.
        self.dismiss(&leaving, Leave::Kill).await;
        self.go_on(Stage::Cut);
        if let Some(arn) = &self.order.desired.target_group {
            self.tools.groups.remove(arn, &self.seen.group);
        }
        if let Err(error) = tokio::fs::remove_dir_all(&self.folder).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.folder.display(), "cannot remove an environment's folder");
        }
    }

    /// Whether a balancer that others share stands before it.
    fn is_behind_another(&self) -> bool {
        self.order.desired.target_group.is_some()
    }

    fn bind(&self) -> bool {
        let order = &self.order.desired;
        let opened =
            self.tools.addresses.bind().and_then(|listener| {
                Balancer::open(listener, Arc::clone(&self.seen.group), order.balancer.idle_timeout)
            });
        match opened {
            Ok(balancer) => self.seen.balancer.set(balancer).is_ok(),
            Err(error) => {
                tracing::warn!(%error, environment = %order.name, "cannot open the balancer; trying again");
                false
            }
        }
    }

    fn reconcile(&mut self, desired: DesiredEnvironment, now: Timestamp, leaving: &mut Vec<watch::Sender<Wish>>) {
        if let Some(balancer) = self.seen.balancer.get() {
            balancer.set_idle_timeout(desired.balancer.idle_timeout);
        }
        let wanted = usize::try_from(desired.instances).unwrap_or(usize::MAX);
        let launched = desired.launched.clone().map(|deployment| DesiredEnvironment {
            deployment,
            ..desired.clone()
        });
        self.order = self.order.followed_by(desired, now);
        self.launched = launched.map(|launched| match &self.launched {
            Some(before) => before.followed_by(launched, now),
            None => Arc::new(Order {
                desired: launched,
                deployed_at: now,
            }),
        });
        let dismissed = &self.order.desired.dismissed;
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut self.crew)
            .into_iter()
            .partition(|(instance, _)| !dismissed.contains(&instance.id));
        self.crew = stay;
        for (_, told) in go {
            told.send_modify(|wish| wish.leave = Leave::Drain);
            leaving.push(told);
        }
        while self.crew.len() > wanted {
            if let Some((_, newest)) = self.crew.pop() {
                newest.send_modify(|wish| wish.leave = Leave::Drain);
                leaving.push(newest);
            }
        }
        leaving.retain(|wish| !wish.is_closed());
        for (_, told) in &self.crew {
            told.send_modify(|wish| wish.order = wish.order.next_of(&self.order, self.launched.as_ref()));
        }
        while self.crew.len() < wanted {
            let wish = Wish {
                order: Arc::clone(self.launched.as_ref().unwrap_or(&self.order)),
                leave: Leave::Stay,
            };
            self.launch(wish, now);
        }
    }

    fn launch(&mut self, wish: Wish, now: Timestamp) {
        let id = new_id(&self.id, now);
        let folder = self.folder.join(id.as_str());
        let instance = Arc::new(Instance::new(id, folder, now, &wish.order));
        let (told, wishes) = watch::channel(wish);
        self.seen
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&instance));
        self.tasks.spawn(instance::live(
            Arc::clone(&instance),
            Arc::clone(&self.tools),
            Arc::clone(&self.seen.group.rotation),
            wishes,
        ));
        self.crew.push((instance, told));
    }

    /// Goes on serving while clients are asked to go elsewhere; then closes the door behind the last of them.
    async fn drain(&self) {
        self.go_on(Stage::Leaving);
        let Some(balancer) = self.seen.balancer.get() else {
            return;
        };
        let deadline = Instant::now() + self.order.desired.balancer.deregistration_delay;
        let mut busy = Instant::now();
        while Instant::now() < deadline && busy.elapsed() < QUIET {
            if balancer.open_connections() > 0 || self.seen.group.rotation.in_flight() > 0 {
                busy = Instant::now();
            }
            sleep(QUIET_STEP.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
        self.go_on(Stage::Finishing);
        let all_left = async {
            while balancer.open_connections() > 0 {
                sleep(QUIET_STEP).await;
            }
        };
        if timeout(FINISH_LIMIT, all_left).await.is_err() {
            tracing::info!(environment = %self.order.desired.name, "cutting connections that outlast the deregistration delay");
        }
    }

    async fn dismiss(&mut self, leaving: &[watch::Sender<Wish>], how: Leave) {
        for wish in leaving {
            wish.send_modify(|wish| wish.leave = wish.leave.max(how));
        }
        while let Some(ended) = self.tasks.join_next().await {
            note_failure(ended);
        }
    }

    fn go_on(&self, stage: Stage) {
        if let Some(balancer) = self.seen.balancer.get() {
            balancer.go_on(stage);
        }
    }
}

fn note_failure(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of an instance failed");
    }
}

/// `i-` and seventeen hexadecimal digits, as EC2 has them.
fn new_id(environment: &EnvironmentId, now: Timestamp) -> InstanceId {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let digest = Sha256::digest(format!("{environment} {} {count}", now.as_millis()));
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    InstanceId::new(format!("i-0{}", &digits[..16]))
}

/// Ids are the account's own, but a folder's name should not depend on that.
fn folder_name(id: &EnvironmentId) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.as_str().chars().map(safe).collect()
}
