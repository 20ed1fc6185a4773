//! How a version behaves.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::time::{Curve, Stretch, length};
use crate::model::Latency;

/// How a version behaves. The default behaves well.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionModel {
    /// How its instances start.
    pub start: Start,
    /// Share of requests answered with 5xx, from 0 to 1.
    pub error_rate: f64,
    /// Share of the other requests answered with 4xx, from 0 to 1.
    pub client_error_rate: f64,
    /// How long its answers take.
    pub latency: Latency,
    /// How it turns bad after a while.
    pub breaks: Option<Break>,
    /// Whether its instances start and never pass a health check.
    pub health_check_fails: bool,
    /// Mean time from an instance's start to its death, if they die. The balancer notices as late as its health checks do;
    /// then the instance is replaced.
    pub crash_loops: Option<Duration>,
    /// Share of requests answered with 5xx by the first instance of each environment, on top of what all do.
    pub bad_instance: Option<f64>,
}

/// How instances start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// They serve after so many seconds, each after its own.
    AfterSeconds(RangeInclusive<u64>),
    /// They never come up and never say why.
    Never,
    /// Their deployment fails after half a minute; the text is for a person.
    Fails(String),
}

/// How a version turns bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Break {
    /// What the time is counted from.
    pub since: Since,
    /// How long all is well.
    pub after: Duration,
    /// How it goes on then.
    pub shape: Shape,
    /// Share of requests answered with 5xx when it is at its worst, on top of [`VersionModel::error_rate`].
    pub error_rate: f64,
    /// How many times longer answers take at its worst; 1 for no change.
    pub latency_factor: f64,
}

/// What the time until a break is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The moment when the deployment first had users: what only production's traffic brings to light.
    Users,
    /// The beginning of the deployment.
    Deployment,
}

/// How a break goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// At once, and for good.
    Sudden,
    /// In a straight line over this time, and then for good: a slow burn.
    Grows(Duration),
    /// Bad for a while and good for a while, again and again.
    Flaps {
        /// How long it is bad each time.
        bad: Duration,
        /// How long it is good each time.
        good: Duration,
    },
}

impl Default for VersionModel {
    fn default() -> Self {
        Self {
            start: Start::AfterSeconds(20..=60),
            error_rate: 0.0,
            client_error_rate: 0.0,
            latency: latency_of(0.02, 0.045, 0.12),
            breaks: None,
            health_check_fails: false,
            crash_loops: None,
            bad_instance: None,
        }
    }
}

impl Break {
    /// Sudden, so long after the first users came.
    #[must_use]
    pub fn sudden(after: Duration, error_rate: f64) -> Self {
        Self {
            since: Since::Users,
            after,
            shape: Shape::Sudden,
            error_rate,
            latency_factor: 1.0,
        }
    }

    /// How far it has come, from 0 to 1, when all went well until `onset`.
    pub(super) fn level(&self, stretch: &Stretch, onset: i64) -> Curve {
        if stretch.from < onset {
            return [0.0; 3];
        }
        let points = stretch.since(onset);
        match self.shape {
            Shape::Grows(over) if !over.is_zero() => {
                let over = over.as_secs_f64() * 1000.0;
                points.map(|point| (point / over).clamp(0.0, 1.0))
            }
            Shape::Flaps { bad, good } => {
                let (bad, good) = flap(bad, good);
                let place = (stretch.from - onset) % (bad + good);
                [if place < bad { 1.0 } else { 0.0 }; 3]
            }
            Shape::Sudden | Shape::Grows(_) => [1.0; 3],
        }
    }

    /// The first moment after `now` at which it changes course.
    pub(super) fn next_edge(&self, onset: i64, now: i64) -> Option<i64> {
        if now < onset {
            return Some(onset);
        }
        match self.shape {
            Shape::Sudden => None,
            Shape::Grows(over) => Some(onset.saturating_add(length(over))).filter(|end| *end > now),
            Shape::Flaps { bad, good } => {
                let (bad, good) = flap(bad, good);
                let begun = now - (now - onset) % (bad + good);
                Some(if now < begun + bad {
                    begun + bad
                } else {
                    begun + bad + good
                })
            }
        }
    }
}

/// Lengths of a flap. Neither is zero: time must go on from edge to edge.
fn flap(bad: Duration, good: Duration) -> (i64, i64) {
    const LONGEST: i64 = i64::MAX / 4;
    (length(bad).clamp(1, LONGEST), length(good).clamp(1, LONGEST))
}

/// A plausible spread of latencies with these percentiles, in seconds.
#[must_use]
pub fn latency_of(p50: f64, p90: f64, p99: f64) -> Latency {
    let between = |low: f64, high: f64, share: f64| low + (high - low) * share;
    Latency {
        p10: p50 * 0.6,
        p50,
        p75: between(p50, p90, 0.5),
        p85: between(p50, p90, 0.8),
        p90,
        p95: between(p90, p99, 0.3),
        p99,
        p999: p99 * 2.0,
    }
}
