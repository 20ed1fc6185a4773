//! What was seen of target groups, and the points that it makes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::series::{Metric, Series, Statistic, Window, reckon};
use crate::local::balancers::{LoadBalancerArn, TargetGroupArn};
use crate::local::plane::{Broken, EnvironmentSample, InstanceState};
use crate::model::{RequestCounts, Timestamp};

/// Minutes of a day: what is older is of no use to anybody.
const KEPT: u32 = 24 * 60;

/// Measurements of one account.
#[derive(Clone, Debug)]
pub(super) struct Measurements {
    /// Length of a minute, at the cloud's pace. Load balancers tell of whole minutes.
    minute: Duration,
    pub(super) series: BTreeMap<Place, Series>,
}

/// What a series is about: a target group behind a load balancer, as dimensions name them, or without one what the load balancer does
/// for none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) load_balancer: String,
    pub(super) target_group: Option<String>,
}

impl Measurements {
    /// Nothing measured yet.
    pub(super) fn new(minute: Duration) -> Self {
        Self {
            minute: minute.max(Duration::from_millis(1)),
            series: BTreeMap::new(),
        }
    }

    /// Notes what was seen of a target group in a window that has just been closed.
    pub(super) fn note(
        &mut self,
        load_balancer: &LoadBalancerArn,
        target_group: &TargetGroupArn,
        sample: &EnvironmentSample,
        now: Timestamp,
    ) {
        let group = dimension(target_group.as_str(), ":targetgroup/");
        let place = Place {
            load_balancer: dimension(load_balancer.as_str(), ":loadbalancer/"),
            target_group: Some(format!("targetgroup/{group}")),
        };
        let mut targets = RequestCounts::default();
        let (mut healthy, mut unhealthy) = (0, 0);
        for instance in &sample.instances {
            targets.add(&instance.requests);
            match instance.state {
                InstanceState::InService => healthy += 1,
                InstanceState::Unhealthy(_) | InstanceState::Failed(_) => unhealthy += 1,
                InstanceState::Starting | InstanceState::Draining => {}
            }
        }
        let window = Window {
            at: now,
            targets,
            balancer: sample.balancer_errors,
            broken: sample.broken,
            latency: sample.latency,
            healthy,
            unhealthy,
        };
        self.add(place, window);
    }

    /// Notes what a load balancer answered itself in such a window, for none of its groups.
    pub(super) fn note_own(&mut self, load_balancer: &LoadBalancerArn, own: &RequestCounts, now: Timestamp) {
        // It is told where there was something only. No series is begun for less.
        if own.total() == 0 {
            return;
        }
        let place = Place {
            load_balancer: dimension(load_balancer.as_str(), ":loadbalancer/"),
            target_group: None,
        };
        let window = Window {
            at: now,
            targets: RequestCounts::default(),
            balancer: *own,
            broken: Broken::default(),
            latency: None,
            healthy: 0,
            unhealthy: 0,
        };
        self.add(place, window);
    }

    /// Adds a window, and forgets what nobody has told of for a day: groups that are gone.
    fn add(&mut self, place: Place, window: Window) {
        let oldest = window.at - self.minute.saturating_mul(KEPT);
        self.series.entry(place).or_default().add(window);
        self.series
            .retain(|_, series| series.newest().is_some_and(|newest| newest >= oldest));
    }

    /// Length of a minute in milliseconds, at the cloud's pace.
    pub(super) fn minute(&self) -> i64 {
        i64::try_from(self.minute.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// The end of the last minute that is over: load balancers tell of whole minutes.
    pub(super) fn told(&self, now: Timestamp) -> Timestamp {
        let minute = self.minute();
        Timestamp::from_millis(now.as_millis().div_euclid(minute) * minute)
    }

    /// What a metric's dimensions name: one target group, or all behind a load balancer. Combinations that the metric is not told by name
    /// nothing.
    pub(super) fn places<'a>(
        &self,
        metric: Metric,
        dimensions: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Vec<&Place> {
        let mut load_balancer = None;
        let mut target_group = None;
        for (name, value) in dimensions {
            match name {
                Some("LoadBalancer") => load_balancer = value,
                Some("TargetGroup") => target_group = value,
                _ => return Vec::new(),
            }
        }
        if !metric.is_told(target_group.is_some()) {
            return Vec::new();
        }
        let fits = |place: &&Place| {
            load_balancer.is_some_and(|name| name == place.load_balancer)
                && target_group.is_none_or(|name| place.target_group.as_deref() == Some(name))
        };
        self.series.keys().filter(fits).collect()
    }

    /// The value of a metric between two moments; `None` where a load balancer reports nothing.
    pub(super) fn point(
        &self,
        places: &[&Place],
        metric: Metric,
        statistic: Statistic,
        (start, end): (Timestamp, Timestamp),
    ) -> Option<f64> {
        let windows = places.iter().flat_map(|place| {
            let series = self.series.get(*place);
            series.into_iter().flat_map(move |series| series.between(start, end))
        });
        reckon(metric, statistic, windows)
    }
}

/// The part of an ARN by which dimensions name a resource.
fn dimension(arn: &str, before: &str) -> String {
    arn.split_once(before).map_or(arn, |(_, rest)| rest).to_owned()
}
