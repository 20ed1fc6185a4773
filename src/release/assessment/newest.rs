//! What the source of a release has counted since the last window.

use std::time::Duration;

use super::super::counted::{Counted, CountedBy};
use super::super::observation::Observation;
use super::super::seen::{HealthSeen, InstanceSeen};
use super::super::state::Release;
use crate::model::{InstanceId, Known, Timestamp};
use crate::verdict::{Arm, Instance, Latency};

/// What is seen of no window at all is taken to be of so long.
const LENGTH: Duration = Duration::from_secs(10);

/// Windows of blue and green that ended further apart do not show the same time. The service ends one every ten seconds for
/// each environment.
const APART: Duration = Duration::from_secs(15);

/// What is new of both, and which windows these are by the clock of their source.
pub(super) struct Newest {
    pub(super) blue: Option<(Arm, Timestamp)>,
    pub(super) green: Option<(Arm, Timestamp)>,
    pub(super) length: Duration,
    /// Whether they began before green had the traffic of its step.
    pub(super) of_before: bool,
}

impl Newest {
    /// By the source of this release's plan.
    pub(super) fn of(release: &Release, seen: &Observation) -> Self {
        match release.plan.counted_by {
            CountedBy::EnhancedHealth => by_health(release, seen),
            CountedBy::TargetGroups | CountedBy::Endpoint(_) => by_another(release, seen),
        }
    }
}

/// What Elastic Beanstalk counted.
fn by_health(release: &Release, seen: &Observation) -> Newest {
    let known = &release.assessment;
    let mut blue = fresh(&seen.blue_health, known.blue_at);
    // Before it has traffic, green's numbers are those of our own checks while it comes up.
    let green = release
        .shifted_at
        .and_then(|_| fresh(&seen.green_health, known.green_at));
    // What happens to both at once must be seen at once, or it counts as a difference.
    if let (Some((_, of_blue)), Some((_, of_green))) = (blue, green)
        && of_blue.since(of_green).max(of_green.since(of_blue)) > APART
    {
        blue = None;
    }
    let length = blue.or(green).map(|(health, _)| health.window.get());
    let arm = |(health, at): (&HealthSeen, Timestamp)| (arm(health), at);
    Newest {
        blue: blue.map(arm),
        green: green.map(arm),
        length: length.unwrap_or(LENGTH),
        of_before: false,
    }
}

/// What another source counted. Its windows are of both, and none may hold a request that one before it held.
fn by_another(release: &Release, seen: &Observation) -> Newest {
    let known = &release.assessment;
    let last = known.blue_at.max(known.green_at);
    let new = |counted: &&Counted| last.is_none_or(|last| counted.told_at - counted.length.get() >= last);
    let counted = seen.counted.known().filter(new);
    let began = counted.map(|counted| counted.ended_at - counted.length.get());
    let before = |at: Timestamp| began.is_some_and(|began| began < at);
    // Which instances there are the service knows, and only if its word is of the same time.
    let longest = counted.map_or(LENGTH, |counted| counted.length.get()).max(APART);
    let health = seen.green_health.known();
    let health = health.filter(|health| health.refreshed_at.is_some_and(|at| seen.at.since(at) <= longest));
    let by_instance = |green: Arm| {
        let of_health = health.map(|health| instances(health, false)).unwrap_or_default();
        let told = &green.instances;
        let merged = of_health.into_iter().map(|known| {
            let counted = told.iter().find(|told| told.id == known.id);
            Instance {
                requests: counted.and_then(|told| told.requests),
                errors: counted.and_then(|told| told.errors),
                ..known
            }
        });
        Arm {
            instances: merged.collect(),
            ..green
        }
    };
    Newest {
        blue: counted.map(|counted| (counted.blue.clone(), counted.told_at)),
        green: counted
            .filter(|_| release.shifted_at.is_some())
            .map(|counted| (by_instance(counted.green.clone()), counted.told_at)),
        length: counted.map_or(LENGTH, |counted| counted.length.get()),
        of_before: release.shifted_at.is_some_and(before),
    }
}

/// Health that is newer than what was known, and its place in time by the service's clock.
fn fresh(health: &Known<HealthSeen>, before: Option<Timestamp>) -> Option<(&HealthSeen, Timestamp)> {
    let health = health.known()?;
    let at = health.reported_at?;
    before.is_none_or(|before| at > before).then_some((health, at))
}

fn arm(health: &HealthSeen) -> Arm {
    let Some(served) = &health.served else {
        return Arm::default();
    };
    let classes = served.classes;
    let latency = served.latency.map_or(Latency::Unknown, |latency| {
        let told = [latency.p50, latency.p75, latency.p90, latency.p95, latency.p99];
        Latency::Percentiles(told.map(|seconds| (seconds > 0.0).then_some(seconds * 1000.0)))
    });
    Arm {
        requests: Some(number(served.requests)),
        errors: classes.map(|classes| number(classes.status_5xx)),
        client_errors: classes.map(|classes| number(classes.status_4xx)),
        latency,
        instances: instances(health, true),
        ..Arm::default()
    }
}

/// Its instances: how they are, and what each served, unless somebody else counts that.
pub(in crate::release) fn instances(health: &HealthSeen, counted: bool) -> Vec<Instance> {
    let instance = |(id, seen): (&InstanceId, &InstanceSeen)| {
        let served = seen.served.filter(|_| counted);
        Instance {
            id: id.to_string(),
            requests: served.map(|served| number(served.requests)),
            errors: served.and_then(|served| Some(number(served.classes?.status_5xx))),
            healthy: seen.status.is_well(),
        }
    };
    health.instances.iter().map(instance).collect()
}

/// A count, as the engine wants it: exact as long as it is below 2^53.
#[expect(clippy::cast_precision_loss, reason = "no window has so many requests")]
pub(in crate::release) fn number(count: u64) -> f64 {
    count as f64
}
