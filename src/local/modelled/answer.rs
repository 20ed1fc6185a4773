//! A single request, as a probe makes it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::instance::Phase;
use super::random::{Draw, Random};
use super::site::{Site, either};
use super::state::State;
use super::time::{Stretch, millis};
use crate::local::balancers::LoadBalancerArn;
use crate::local::balancers::routing::{Action, Asked, route};
use crate::model::{EnvironmentId, Latency, Timestamp, VersionLabel};

/// How long a balancer takes for an answer of its own, and a machine to refuse a connection.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status; `None` when nothing is there to connect to.
    pub status: Option<u16>,
    /// Time to the answer, or to the failure.
    pub latency: Duration,
    /// The version that answered; `None` when it was the balancer, or nobody.
    pub version: Option<VersionLabel>,
}

impl Answer {
    fn of_nobody() -> Self {
        Self {
            status: None,
            latency: AT_ONCE,
            version: None,
        }
    }

    fn of_balancer(status: u16) -> Self {
        Self {
            status: Some(status),
            latency: AT_ONCE,
            version: None,
        }
    }
}

impl State {
    pub(super) fn ask(&mut self, id: &EnvironmentId, path: &str, now: Timestamp) -> Answer {
        let at = millis(now);
        self.advance(at);
        match self.site_mut(id) {
            Some(site) if site.leaves.is_none() => site.ask(path, at),
            _ => Answer::of_nobody(),
        }
    }

    pub(super) fn ask_at(&mut self, address: SocketAddr, host: &str, path: &str, now: Timestamp) -> Answer {
        if let Some(id) = self.environment_at(address) {
            return self.ask(&id, path, now);
        }
        let at = millis(now);
        self.advance(at);
        let arn = self
            .entrances
            .iter()
            .zip(0..)
            .find(|(_, place)| entrance(*place) == address);
        let balancer = arn.and_then(|(arn, _)| self.balancers.iter().find(|balancer| balancer.arn == *arn));
        let Some(rules) = balancer.and_then(|balancer| balancer.rules()) else {
            return Answer::of_nobody();
        };
        self.asked += 1;
        let drawn = self.random.of(Draw::Balancer).at(self.asked).bits();
        let group = match route(rules, &Asked::plainly(host, path)) {
            Some(Action::Forward(forward)) => forward.choose(drawn),
            Some(Action::FixedResponse(fixed)) => return Answer::of_balancer(fixed.status),
            Some(Action::Redirect(redirect)) => return Answer::of_balancer(redirect.status),
            None => None,
        };
        let place = group.and_then(|group| self.groups.get(group)).copied();
        match place.and_then(|place| self.sites.get_mut(place)) {
            Some(site) if site.leaves.is_none() => site.ask(path, at),
            _ => Answer::of_balancer(503),
        }
    }

    pub(super) fn balancer_address(&self, arn: &LoadBalancerArn) -> Option<SocketAddr> {
        let place = self.entrances.iter().position(|known| known == arn)?;
        let balancer = self.balancers.iter().find(|balancer| balancer.arn == *arn)?;
        balancer.rules().map(|_| entrance(place))
    }
}

impl Site {
    fn ask(&mut self, path: &str, now: i64) -> Answer {
        self.asked += 1;
        let random = self.random.of(Draw::Fate).at(self.asked);
        let targets: usize = self.targets().count();
        if targets == 0 {
            self.unanswered_probes += 1;
            return Answer::of_balancer(503);
        }
        let chosen = usize::try_from(random.of(Draw::Choice).bits() % targets as u64).unwrap_or(0);
        let Some((number, phase)) = self
            .targets()
            .nth(chosen)
            .map(|instance| (instance.number, instance.phase))
        else {
            return Answer::of_balancer(503);
        };
        if matches!(phase, Phase::Dead { .. }) {
            self.unanswered_probes += 1;
            self.refused_probes += 1;
            return Answer::of_balancer(502);
        }
        let wrong = self.wrong(&Stretch { from: now, until: now });
        let by_version = if self.bad_instance() == Some(number) {
            wrong.by_bad_instance[0]
        } else {
            wrong.by_version[0]
        };
        let model = &self.deployment.model;
        let failing = either(wrong.by_environment, by_version);
        let fails = random.unit() < failing || (model.health_check_fails && path == self.balancer.health_check_path);
        let status = if fails {
            500
        } else if random.of(Draw::Client).unit() < model.client_error_rate {
            404
        } else {
            200
        };
        let latency = draw(&model.latency, random.of(Draw::Latency)) * wrong.latency_factor[0];
        let answer = Answer {
            status: Some(status),
            latency: Duration::try_from_secs_f64(latency).unwrap_or(AT_ONCE),
            version: Some(self.deployment.label.clone()),
        };
        if let Some(instance) = self.instances.iter_mut().find(|instance| instance.number == number) {
            instance.probes.count(status);
        }
        answer
    }
}

/// The address of the load balancer that was made at that place in the order of all.
fn entrance(place: usize) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(place + 1).unwrap_or(u32::MAX).to_be_bytes();
    (Ipv4Addr::new(172, 16 + a % 16, b, c), 80).into()
}

/// A latency in seconds, spread as the percentiles say.
fn draw(latency: &Latency, random: Random) -> f64 {
    let points = latency.points();
    let drawn = random.unit();
    let above = points.iter().position(|(share, _)| *share > drawn);
    let (low, from) = match above {
        Some(0) => (0.0, latency.p10 * 0.8),
        above => points[above.unwrap_or(points.len()) - 1],
    };
    let (high, to) = above.map_or((1.0, latency.p999), |above| points[above]);
    from + (to - from) * (drawn - low) / (high - low)
}
