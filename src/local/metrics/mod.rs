//! CloudWatch, as far as it tells of load balancers: `GetMetricData` and `ListMetrics` in the namespace
//! `AWS/ApplicationELB`.
//!
//! No I/O and no clock: the account notes what was seen in each health window, and what is asked is reckoned from that.

mod document;
mod operations;
mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use super::balancers::{LoadBalancerArn, TargetGroupArn};
use super::plane::{EnvironmentSample, InstanceState};
use crate::model::{RequestCounts, Timestamp};
use series::{Series, Window};

pub use document::Document;

/// Measurements of one account.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// Length of a minute, at the cloud's pace. Load balancers tell of whole minutes.
    minute: Duration,
    series: BTreeMap<Place, Series>,
}

/// What a series is about: a target group behind a load balancer, as dimensions name them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    load_balancer: String,
    target_group: String,
}

impl Metrics {
    /// Nothing measured yet. `minute` is as long as one is at the cloud's pace.
    pub(crate) fn new(minute: Duration) -> Self {
        Self {
            minute: minute.max(Duration::from_millis(1)),
            series: BTreeMap::new(),
        }
    }

    /// Notes what was seen of a target group in a window that has just been closed.
    pub(crate) fn note(
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
            latency: sample.latency,
            healthy,
            unhealthy,
        });
    }
}

/// The part of an ARN by which dimensions name a resource.
fn dimension(arn: &str, before: &str) -> String {
    arn.split_once(before).map_or(arn, |(_, rest)| rest).to_owned()
}
