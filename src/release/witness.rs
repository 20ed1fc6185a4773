//! Whether what blue does says anything of green.

use super::observation::Observation;
use super::seen::EnvironmentSeen;
use super::state::Release;
use super::why::Why;
use crate::model::Known;
use crate::spec::Lever;

/// Whether blue says nothing of what both depend on: it is gone, on its way out, or has no instances. That its checks fail and its health
/// is bad is no wonder then.
pub(super) fn blue_is_no_witness(release: &Release, seen: &Observation) -> bool {
    blue_is_gone(release, seen) || emptied(release, seen).is_some()
}

/// Whether somebody has removed blue, or is removing it.
pub(super) fn blue_is_gone(release: &Release, seen: &Observation) -> bool {
    let Some(blue) = &release.blue else {
        return false;
    };
    let is_there = |found: &EnvironmentSeen| found.id == blue.id && found.stays();
    match &seen.environments {
        Known::Known(environments) => !environments.iter().any(is_there),
        // What was gone a moment ago does not come back because a read has failed.
        Known::Unknown(_) => release.assessment.blue_is_gone(),
    }
}

/// Blue has no instances. Where a rule refers to its target group, somebody may have removed all but its name: then it excuses
/// nothing, and taking green back would send everybody to where nobody answers.
pub(super) fn emptied(release: &Release, seen: &Observation) -> Option<String> {
    let by_rules = release.plan.lever == Lever::WeightedTargetGroups && release.shifted_at.is_some();
    let blue = release.blue.as_ref().filter(|_| by_rules)?;
    let what = format!("blue ({}) has no instances", blue.id);
    let empty = match &seen.blue_health {
        Known::Known(health) => health.emptied(),
        // Where it was so a moment ago, a read that failed does not fill it.
        Known::Unknown(_) => {
            let mut before = release.waiting.iter().flat_map(Why::findings);
            before.any(|(before, _)| before == what)
        }
    };
    empty.then_some(what)
}
