//! Which parts of the world the next decision needs. Reads cost calls that the whole account shares, so nothing is asked for
//! that the phase does not use.

use super::action::Action;
use super::observation::Looks;
use super::state::{Phase, Release};
use crate::model::Timestamp;

/// What to look at before the next decision.
#[must_use]
pub fn looks(release: &Release, now: Timestamp) -> Looks {
    let mut looks = Looks {
        environments: release.phase != Phase::Preflight,
        ..Looks::default()
    };
    let green = release.green.as_ref();
    let blue = release.blue.as_ref();
    match release.phase {
        Phase::Preflight => looks.facts = true,
        Phase::Publish => {
            looks.artifact = true;
            looks.version = true;
            looks.templates = true;
        }
        Phase::Provision => {
            looks.green_health = green.map(|green| green.id.clone());
            looks.errors = green.map(|green| (green.id.clone(), release.phase_since));
        }
        Phase::Smoke => {
            if due(release.smoke.last, release.plan.smoke.interval.get(), now) {
                looks.smoke = green.and_then(|green| green.endpoint.clone());
            }
        }
        Phase::Shift | Phase::Bake | Phase::Drain | Phase::Retire => watch(release, now, &mut looks),
        Phase::RollBack => {
            looks.green_health = green.map(|green| green.id.clone());
            if release.shift_intended && release.rollback.as_ref().is_some_and(|back| back.restored_at.is_none()) {
                looks.public = blue.and_then(|blue| blue.endpoint.clone());
            }
        }
        Phase::Done => looks.environments = false,
    }
    // A call in doubt is settled by reading what it would have made.
    match release.pending.as_ref().map(|pending| &pending.action) {
        Some(Action::Upload { .. }) => looks.artifact = true,
        Some(Action::CreateVersion { .. }) => looks.version = true,
        Some(Action::SaveConfiguration { .. }) => looks.templates = true,
        _ => {}
    }
    looks
}

fn watch(release: &Release, now: Timestamp, looks: &mut Looks) {
    let green = release.green.as_ref();
    if release.shifted_at.is_none() {
        looks.green_health = green.map(|green| green.id.clone());
        return;
    }
    // Blue is on its way out: there is no way back that a look could open.
    if release.phase == Phase::Retire && release.attempts_of("terminate").done {
        return;
    }
    if due(release.watch.last, release.plan.bake.interval.get(), now) || release.phase == Phase::Shift {
        looks.green_health = green.map(|green| green.id.clone());
        looks.public = green.and_then(|green| green.endpoint.clone());
    }
    if matches!(release.phase, Phase::Drain | Phase::Retire) {
        looks.blue_health = release.blue.as_ref().map(|blue| blue.id.clone());
    }
}

/// Whether it is time for another look.
pub(super) fn due(last: Option<Timestamp>, interval: std::time::Duration, now: Timestamp) -> bool {
    last.is_none_or(|last| now >= last + interval)
}
