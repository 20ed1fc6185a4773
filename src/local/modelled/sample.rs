//! What is seen of an environment in one window, and what its instances log.

use super::instance::{Instance, Phase};
use super::random::{Draw, Random};
use super::site::Site;
use super::state::State;
use super::time::{Stretch, millis};
use super::version::Start;
use crate::local::balancers::FailedCheck;
use crate::local::plane::{Broken, EnvironmentSample, InstanceLogs, InstanceSample, InstanceState, Sickness};
use crate::model::{EnvironmentId, InstanceId, Latency, RequestCounts, Timestamp};

/// By how much the latency of two windows differs at most, as a share.
const JITTER: f64 = 0.06;

impl State {
    pub(super) fn sample(&mut self, id: &EnvironmentId, now: Timestamp) -> Option<EnvironmentSample> {
        self.settle(millis(now));
        let site = self.site_mut(id)?;
        (!site.is_gone()).then(|| site.sample(millis(now)))
    }

    /// How many instances get requests.
    pub(super) fn in_service(&mut self, id: &EnvironmentId, now: Timestamp) -> usize {
        self.advance(millis(now));
        self.site(id)
            .filter(|site| site.leaves.is_none())
            .map_or(0, |site| site.targets().count())
    }

    pub(super) fn logs(&self, id: &EnvironmentId) -> Vec<(InstanceId, InstanceLogs)> {
        let Some(site) = self.site(id) else { return Vec::new() };
        site.instances
            .iter()
            .map(|instance| {
                let log = ("/var/log/web.stdout.log".to_owned(), site.log(instance));
                (instance.id.clone(), vec![log])
            })
            .collect()
    }
}

impl Site {
    /// Closes the window.
    fn sample(&mut self, now: i64) -> EnvironmentSample {
        let random = self.random.at(now.unsigned_abs());
        let here = Stretch { from: now, until: now };
        let factor = self.wrong(&here).latency_factor[0];
        let mut sample = EnvironmentSample {
            instances: Vec::with_capacity(self.instances.len()),
            ..EnvironmentSample::default()
        };
        let mut total = 0;
        for place in 0..self.instances.len() {
            let instance = &mut self.instances[place];
            let requests = close(instance, random.at(instance.number));
            total += requests.total();
            let instance = &self.instances[place];
            if instance.phase == Phase::Ended && requests.total() == 0 {
                continue;
            }
            let latency = self.latency(factor, random.at(instance.number));
            sample.instances.push(InstanceSample {
                id: instance.id.clone(),
                launched_at: Timestamp::from_millis(instance.launched_at),
                deployment_id: self.deployment.id,
                version_label: self.deployment.label.clone(),
                deployed_at: Timestamp::from_millis(instance.deployed_at),
                state: self.state(instance),
                complaints: Vec::new(),
                requests,
                latency: (requests.total() > 0).then_some(latency),
            });
        }
        self.instances.retain(|instance| instance.phase != Phase::Ended);
        // One draw rounds both, so that the part is not greater than the whole.
        let draw = random.of(Draw::Balancer);
        let unanswered = draw.whole(std::mem::take(&mut self.unanswered));
        let refused = draw.whole(std::mem::take(&mut self.refused)) + std::mem::take(&mut self.refused_probes);
        sample.balancer_errors.status_5xx = unanswered + std::mem::take(&mut self.unanswered_probes);
        sample.broken = Broken {
            requests: refused,
            connections: refused,
        };
        sample.latency = (total > 0).then(|| self.latency(factor, random));
        // Keep-alive connections: about as many as there are requests in a second of the window.
        sample.open_connections = total.div_ceil(10);
        sample
    }

    fn latency(&self, factor: f64, random: Random) -> Latency {
        let factor = factor * (1.0 + JITTER * (random.of(Draw::Jitter).unit() - 0.5));
        let of = &self.deployment.model.latency;
        Latency {
            p10: of.p10 * factor,
            p50: of.p50 * factor,
            p75: of.p75 * factor,
            p85: of.p85 * factor,
            p90: of.p90 * factor,
            p95: of.p95 * factor,
            p99: of.p99 * factor,
            p999: of.p999 * factor,
        }
    }

    fn state(&self, instance: &Instance) -> InstanceState {
        match instance.phase {
            Phase::Starting { .. } => InstanceState::Starting,
            Phase::Serving { .. } | Phase::Dead { .. } => InstanceState::InService,
            Phase::Unhealthy if self.balancer.health_check_path.is_empty() => {
                let why = "the health check could not connect";
                InstanceState::Unhealthy(Sickness::new(FailedCheck::Broken, why))
            }
            Phase::Unhealthy => {
                let (path, matcher) = (&self.balancer.health_check_path, &self.balancer.matcher);
                let why = format!("the health check GET {path} was answered with 500, not with {matcher}");
                InstanceState::Unhealthy(Sickness::new(FailedCheck::Answered(500), why))
            }
            Phase::Failed => InstanceState::Failed(match &self.deployment.model.start {
                Start::Fails(why) => why.clone(),
                Start::AfterSeconds(_) | Start::Never => String::new(),
            }),
            Phase::Draining { .. } | Phase::Ended => InstanceState::Draining,
        }
    }

    fn log(&self, instance: &Instance) -> String {
        let label = &self.deployment.label;
        match self.state(instance) {
            InstanceState::Starting => format!("starting version {label}\n"),
            InstanceState::InService | InstanceState::Draining => format!("version {label} serves\n"),
            InstanceState::Unhealthy(why) => format!("version {label} serves\n{}\n", why.text),
            InstanceState::Failed(why) => format!("starting version {label}\n{why}\n"),
        }
    }
}

/// Closes an instance's window: whole numbers, and no part greater than the whole.
fn close(instance: &mut Instance, random: Random) -> RequestCounts {
    let sums = std::mem::take(&mut instance.sums);
    let mut counts = std::mem::take(&mut instance.probes);
    let all = random.of(Draw::Requests).whole(sums.requests);
    let failed = random.of(Draw::Failed).whole(sums.failed).min(all);
    let client = random.of(Draw::Client).whole(sums.client).min(all - failed);
    counts.add(&RequestCounts {
        status_2xx: all - failed - client,
        status_3xx: 0,
        status_4xx: client,
        status_5xx: failed,
    });
    counts
}
