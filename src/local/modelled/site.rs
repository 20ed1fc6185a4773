//! One environment: its instances behind its balancer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::instance::{Instance, Phase, Sums};
use super::ledger::LedgerRow;
use super::random::{Draw, Random};
use super::time::{Curve, Stretch, length};
use super::version::{Since, VersionModel};
use crate::local::plane::{BalancerSettings, DesiredEnvironment};
use crate::model::{EnvironmentId, InstanceId, RequestCounts, Timestamp, VersionLabel};

/// An environment.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) id: EnvironmentId,
    pub(super) address: SocketAddr,
    pub(super) random: Random,
    pub(super) wanted: u32,
    /// Those that are not to be among them.
    pub(super) dismissed: BTreeSet<InstanceId>,
    pub(super) balancer: BalancerSettings,
    pub(super) deployment: Deployed,
    /// Whether it has no balancer of its own.
    pub(super) is_behind_another: bool,
    pub(super) instances: Vec<Instance>,
    launched: u64,
    faults: Vec<Fault>,
    pub(super) leaves: Option<Leaving>,
    /// Expected requests of the users in this window that no instance answered, and those of them that went to one that had died.
    pub(super) unanswered: f64,
    pub(super) refused: f64,
    /// The same of probes, which are whole requests.
    pub(super) unanswered_probes: u64,
    pub(super) refused_probes: u64,
    /// Counts probes.
    pub(super) asked: u64,
}

/// What an environment runs.
#[derive(Clone, Debug)]
pub(super) struct Deployed {
    pub(super) id: u64,
    pub(super) label: VersionLabel,
    pub(super) model: Arc<VersionModel>,
    at: i64,
    pub(super) first_users: Option<i64>,
    /// Whether an instance of it has died.
    crashed: bool,
    /// Its row in the ledger.
    pub(super) row: usize,
}

/// A fault that no version is to blame for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) error_rate: f64,
}

/// How far an environment's removal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Until(i64),
    Gone,
}

/// What goes wrong at a stretch: shares of requests.
pub(super) struct Wrong {
    pub(super) by_environment: f64,
    pub(super) by_version: Curve,
    pub(super) by_bad_instance: Curve,
    pub(super) latency_factor: Curve,
}

impl Deployed {
    pub(super) fn new(desired: &DesiredEnvironment, model: Arc<VersionModel>, row: usize, now: i64) -> Self {
        Self {
            id: desired.deployment.id,
            label: desired.deployment.version_label.clone(),
            model,
            at: now,
            first_users: None,
            crashed: false,
            row,
        }
    }

    /// When all that was well until then turns bad.
    fn onset(&self) -> Option<i64> {
        let broken = self.model.breaks.as_ref()?;
        let origin = match broken.since {
            Since::Users => self.first_users?,
            Since::Deployment => self.at,
        };
        Some(origin.saturating_add(length(broken.after)))
    }
}

impl Site {
    pub(super) fn new(
        desired: &DesiredEnvironment,
        deployment: Deployed,
        faults: Vec<Fault>,
        address: SocketAddr,
        random: Random,
    ) -> Self {
        Self {
            id: desired.id.clone(),
            address,
            random,
            wanted: desired.instances,
            dismissed: desired.dismissed.clone(),
            balancer: desired.balancer.clone(),
            deployment,
            is_behind_another: desired.target_group.is_some(),
            instances: Vec::new(),
            launched: 0,
            faults,
            leaves: None,
            unanswered: 0.0,
            refused: 0.0,
            unanswered_probes: 0,
            refused_probes: 0,
            asked: 0,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.leaves == Some(Leaving::Gone)
    }

    /// Whether it is as it should be already.
    pub(super) fn is_as(&self, desired: &DesiredEnvironment) -> bool {
        self.leaves.is_none()
            && self.wanted == desired.instances
            && self.dismissed == desired.dismissed
            && self.runs(desired)
            && self.balancer == desired.balancer
    }

    /// Whether it has been told to run that deployment already.
    pub(super) fn runs(&self, desired: &DesiredEnvironment) -> bool {
        self.deployment.id == desired.deployment.id && self.deployment.label == desired.deployment.version_label
    }

    /// Begins a deployment on all instances at once.
    pub(super) fn deploy(&mut self, deployment: Deployed, now: i64) {
        self.deployment = deployment;
        let (random, detection) = (self.random.at(self.deployment.id), self.detection());
        for instance in self.instances.iter_mut().filter(|instance| instance.phase.stays()) {
            instance.deployed_at = now;
            instance.phase = Phase::start(&self.deployment.model, random.at(instance.number), now, detection);
        }
    }

    /// Launches and dismisses instances until there are as many as wanted. The newest go first.
    pub(super) fn fill(&mut self, now: i64) {
        let wanted = usize::try_from(self.wanted).unwrap_or(usize::MAX);
        let mut present = self.instances.iter().filter(|instance| instance.phase.stays()).count();
        let until = now.saturating_add(length(self.balancer.deregistration_delay));
        for instance in &mut self.instances {
            if instance.phase.stays() && self.dismissed.contains(&instance.id) {
                instance.phase = Phase::Draining { until };
                present -= 1;
            }
        }
        for instance in self.instances.iter_mut().rev() {
            if present <= wanted {
                break;
            }
            if instance.phase.stays() {
                instance.phase = Phase::Draining { until };
                present -= 1;
            }
        }
        for _ in present..wanted {
            self.launch(now);
        }
    }

    fn launch(&mut self, now: i64) {
        let number = self.launched;
        self.launched += 1;
        let id = self.random.of(Draw::Instance).at(number).bits();
        let random = self.random.at(self.deployment.id).at(number);
        self.instances.push(Instance {
            id: InstanceId::new(format!("i-0{id:016x}")),
            number,
            launched_at: now,
            deployed_at: now,
            phase: Phase::start(&self.deployment.model, random, now, self.detection()),
            sums: Sums::default(),
            probes: RequestCounts::default(),
        });
    }

    /// Begins to go. The balancer is closed at once: nobody gets an answer any more.
    pub(super) fn remove(&mut self, now: i64) {
        let until = now.saturating_add(length(self.balancer.deregistration_delay));
        self.wanted = 0;
        self.fill(now);
        self.leaves = Some(Leaving::Until(until));
    }

    /// Does what is due at a moment.
    pub(super) fn fire(&mut self, now: i64) {
        let random = self.random.at(self.deployment.id);
        let detection = self.detection();
        let mut ended = false;
        for instance in &mut self.instances {
            if instance.phase.next().is_none_or(|next| next > now) {
                continue;
            }
            instance.phase = match instance.phase {
                Phase::Starting { .. } => Phase::started(&self.deployment.model, random.at(instance.number), now),
                Phase::Serving { .. } => {
                    self.deployment.crashed = true;
                    Phase::Dead {
                        noticed: now.saturating_add(detection.max(1)),
                    }
                }
                Phase::Dead { .. } | Phase::Draining { .. } => {
                    ended = true;
                    Phase::Ended
                }
                phase @ (Phase::Unhealthy | Phase::Failed | Phase::Ended) => phase,
            };
        }
        match self.leaves {
            Some(Leaving::Until(until)) if until <= now => {
                self.leaves = Some(Leaving::Gone);
                self.instances = Vec::new();
            }
            None if ended => self.fill(now),
            _ => {}
        }
    }

    /// The first moment after `now` at which it changes course.
    pub(super) fn next_edge(&self, now: i64) -> Option<i64> {
        let instances = self.instances.iter().filter_map(|instance| instance.phase.next());
        let faults = self.faults.iter().flat_map(|fault| [fault.from, fault.until]);
        let leaves = match self.leaves {
            Some(Leaving::Until(until)) => Some(until),
            _ => None,
        };
        let breaks = self.deployment.model.breaks.as_ref();
        let breaks = breaks.and_then(|broken| broken.next_edge(self.deployment.onset()?, now));
        let edges = instances.chain(faults).chain(leaves).chain(breaks);
        edges.filter(|edge| *edge > now).min()
    }

    pub(super) fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// What goes wrong in a stretch.
    pub(super) fn wrong(&self, stretch: &Stretch) -> Wrong {
        let model = &self.deployment.model;
        let mut fine = 1.0;
        for fault in &self.faults {
            if stretch.is_within(fault.from, fault.until) {
                fine *= 1.0 - fault.error_rate;
            }
        }
        let base = model.error_rate.clamp(0.0, 1.0);
        let mut by_version = [base; 3];
        let mut latency_factor = [1.0; 3];
        if let Some((broken, onset)) = model.breaks.as_ref().zip(self.deployment.onset()) {
            let level = broken.level(stretch, onset);
            by_version = level.map(|level| either(base, level * broken.error_rate.clamp(0.0, 1.0)));
            latency_factor = level.map(|level| 1.0 + (broken.latency_factor.max(0.0) - 1.0) * level);
        }
        let bad = model.bad_instance.unwrap_or(0.0).clamp(0.0, 1.0);
        Wrong {
            by_environment: 1.0 - fine,
            by_version,
            by_bad_instance: by_version.map(|share| either(share, bad)),
            latency_factor,
        }
    }

    /// The number of the instance that is bad, as long as it is there.
    pub(super) fn bad_instance(&self) -> Option<u64> {
        const FIRST: u64 = 0;
        self.deployment.model.bad_instance?;
        self.targets().any(|instance| instance.number == FIRST).then_some(FIRST)
    }

    /// Instances that the balancer sends requests to.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| instance.phase.is_target())
    }

    /// Lets users in for a stretch, with so many requests per second.
    #[expect(clippy::cast_precision_loss, reason = "instances are few")]
    pub(super) fn serve(&mut self, rate: &Curve, stretch: &Stretch, row: &mut LedgerRow) {
        let requests = stretch.integral(rate);
        row.meet(requests, stretch);
        if self.leaves.is_some() {
            row.failed.environment_gone.add(requests, stretch);
            return;
        }
        let targets = self.targets().count() as f64;
        if targets == 0.0 {
            self.unanswered += requests;
            let failed = &mut row.failed;
            let reason = if self.deployment.crashed {
                &mut failed.by_version
            } else {
                &mut failed.nothing_in_service
            };
            reason.add(requests, stretch);
            return;
        }
        let wrong = self.wrong(stretch);
        let bad = self.bad_instance();
        let fine = 1.0 - wrong.by_environment;
        let of_version = |share: &Curve| {
            let failing: Curve = std::array::from_fn(|point| rate[point] * share[point]);
            fine * stretch.integral(&failing) / targets
        };
        let (normal, worse) = (of_version(&wrong.by_version), of_version(&wrong.by_bad_instance));
        let (each, by_environment) = (requests / targets, requests * wrong.by_environment / targets);
        let client_error_rate = self.deployment.model.client_error_rate.clamp(0.0, 1.0);
        for instance in &mut self.instances {
            match instance.phase {
                Phase::Serving { .. } => {
                    let by_version = if Some(instance.number) == bad { worse } else { normal };
                    let failed = by_version + by_environment;
                    instance.sums.requests += each;
                    instance.sums.failed += failed;
                    instance.sums.client += (each - failed) * client_error_rate;
                    row.failed.by_version.add(by_version, stretch);
                    row.failed.by_environment.add(by_environment, stretch);
                }
                Phase::Dead { .. } => {
                    self.unanswered += each;
                    self.refused += each;
                    row.failed.by_version.add(each, stretch);
                }
                _ => {}
            }
        }
    }

    /// How long the balancer takes to give an instance up.
    fn detection(&self) -> i64 {
        length(self.balancer.health_check_interval).saturating_mul(i64::from(self.balancer.unhealthy_threshold.max(1)))
    }

    /// Opens a row of the ledger for what it is to run.
    pub(super) fn row(desired: &DesiredEnvironment, now: Timestamp) -> LedgerRow {
        LedgerRow {
            environment: Some(desired.id.clone()),
            version: Some(desired.deployment.version_label.clone()),
            deployment: desired.deployment.id,
            deployed_at: now,
            ..LedgerRow::default()
        }
    }
}

/// The chance that at least one of two independent things happens.
pub(super) fn either(one: f64, other: f64) -> f64 {
    1.0 - (1.0 - one) * (1.0 - other)
}
