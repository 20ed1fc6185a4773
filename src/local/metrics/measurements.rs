//! What was seen of target groups, and the points that it makes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::series::{Metric, Series, Statistic, Window, reckon};
use crate::local::balancers::{LoadBalancerArn, TargetGroupArn};
use crate::local::plane::{EnvironmentSample, InstanceState};
use crate::model::{RequestCounts, Timestamp};

/// Measurements of one account.
#[derive(Clone, Debug)]
pub(super) struct Measurements {
    /// Length of a minute, at the cloud's pace. Load balancers tell of whole minutes.
    minute: Duration,
    pub(super) series: BTreeMap<Place, Series>,
}

/// What a series is about: a target group behind a load balancer, as dimensions name them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) load_balancer: String,
    pub(super) target_group: String,
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
        let place = Place {
            load_balancer: dimension(load_balancer.as_str(), ":loadbalancer/"),
            target_group: format!("targetgroup/{}", dimension(target_group.as_str(), ":targetgroup/")),
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
        self.series.entry(place).or_default().add(Window {
            at: now,
            targets,
            balancer: sample.balancer_errors,
            broken: sample.broken,
            latency: sample.latency,
            healthy,
            unhealthy,
        });
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
                && target_group.is_none_or(|name| name == place.target_group)
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
