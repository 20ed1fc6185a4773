//! Drills: where they turn back. Everything else they do as every release does.

use super::super::drill::UNWELL;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::state::{Phase, Release};
use super::{Decision, roll_back};
use crate::model::HealthStatus;

/// Goes back now if production is unwell: a drill must not add to that.
pub(super) fn gives_up(release: &Release, seen: &Observation) -> Option<Decision> {
    release.plan.drill?;
    let forward = [
        Phase::Publish,
        Phase::Provision,
        Phase::Smoke,
        Phase::Shift,
        Phase::Bake,
    ];
    if !forward.contains(&release.phase) {
        return None;
    }
    let status = seen.blue_health.known()?.status?;
    if !matches!(status, HealthStatus::Degraded | HealthStatus::Severe) {
        return None;
    }
    let name = release.blue.as_ref().map_or("blue", |blue| blue.name.as_str());
    let outcome = if release.shift_intended {
        Outcome::RolledBack
    } else {
        Outcome::Aborted
    };
    Some(roll_back(format!("{name} is {status}, and {UNWELL}"), outcome))
}
