//! One instance behind a balancer.

use super::random::{Draw, Random};
use super::time::length;
use super::version::{Start, VersionModel};
use crate::model::{InstanceId, RequestCounts};

/// After which a deployment that fails does so, in milliseconds.
const FAILS_AFTER: i64 = 30_000;

/// An instance.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) id: InstanceId,
    /// Counts the environment's instances.
    pub(super) number: u64,
    pub(super) launched_at: i64,
    pub(super) deployed_at: i64,
    pub(super) phase: Phase,
    pub(super) sums: Sums,
    /// Answers to probes in this window.
    pub(super) probes: RequestCounts,
}

/// How far an instance is. Moments are those at which it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Starting {
        until: Option<i64>,
    },
    Serving {
        dies: Option<i64>,
    },
    /// Its process is gone, and the balancer has not noticed.
    Dead {
        noticed: i64,
    },
    Unhealthy,
    Failed,
    Draining {
        until: i64,
    },
    /// Gone; it is told of once more, with the requests of its last window.
    Ended,
}

/// Expected requests of the users in the current window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) requests: f64,
    pub(super) failed: f64,
    pub(super) client: f64,
}

impl Phase {
    /// Getting ready to run a version, from now on. `detection` is how long a balancer takes to give an instance up.
    pub(super) fn start(model: &VersionModel, random: Random, now: i64, detection: i64) -> Self {
        let after = match &model.start {
            Start::Never => None,
            Start::Fails(_) => Some(FAILS_AFTER),
            Start::AfterSeconds(range) => {
                let (least, most) = (seconds(*range.start()), seconds(*range.end()));
                let width = most.saturating_sub(least).max(0).saturating_add(1);
                let drawn = i64::try_from(random.of(Draw::Start).bits() % width.unsigned_abs()).unwrap_or(0);
                let detection = if model.health_check_fails { detection } else { 0 };
                Some(least.saturating_add(drawn).saturating_add(detection))
            }
        };
        Self::Starting {
            until: after.map(|after| now.saturating_add(after)),
        }
    }

    /// What comes after starting.
    pub(super) fn started(model: &VersionModel, random: Random, now: i64) -> Self {
        if matches!(model.start, Start::Fails(_)) {
            return Self::Failed;
        }
        if model.health_check_fails {
            return Self::Unhealthy;
        }
        Self::Serving {
            dies: model
                .crash_loops
                .map(|mean| now.saturating_add(lifetime(length(mean), random))),
        }
    }

    /// When it goes on by itself.
    pub(super) fn next(self) -> Option<i64> {
        match self {
            Self::Starting { until } => until,
            Self::Serving { dies } => dies,
            Self::Dead { noticed } => Some(noticed),
            Self::Draining { until } => Some(until),
            Self::Unhealthy | Self::Failed | Self::Ended => None,
        }
    }

    /// Whether the balancer sends requests there.
    pub(super) fn is_target(self) -> bool {
        matches!(self, Self::Serving { .. } | Self::Dead { .. })
    }

    /// Whether it is one of those that should be there.
    pub(super) fn stays(self) -> bool {
        !matches!(self, Self::Draining { .. } | Self::Ended)
    }
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// Exponential, and never zero: time must go on from death to death.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a lifetime need not be exact"
)]
fn lifetime(mean: i64, random: Random) -> i64 {
    let drawn = -(1.0 - random.of(Draw::Death).unit()).ln() * mean as f64;
    (drawn as i64).max(1)
}
