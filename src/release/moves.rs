//! What intents that move traffic, and their effects, do to the state: swaps and changes of weights.

use super::action::{Action, CallResult};
use super::holds;
use super::state::{Phase, Release};
use crate::model::{EnvironmentId, Timestamp};
use crate::spec::ForeignAnswer;
use crate::traffic::Weighting;

/// A swap towards green, one back to blue, or one that puts a name back that somebody else has moved.
pub(super) fn swap_intended(
    release: &mut Release,
    sequence: u64,
    at: Timestamp,
    from: &EnvironmentId,
    to: &EnvironmentId,
) -> Option<()> {
    let (blue, green) = (
        &release.blue.as_ref()?.id,
        release.green.as_ref().map(|green| &green.id),
    );
    let (to_blue, to_green) = (to == blue, green == Some(to));
    release.shift_intended = true;
    if release.phase == Phase::RollBack {
        return to_blue.then_some(());
    }
    if release.phase == Phase::Shift && release.shifted_at.is_none() && to_green && from == blue {
        release.shift_called_at = Some(at);
        release.shift_began = Some(at);
        return Some(());
    }
    let wanted = match release.shifted_at {
        Some(_) => to_green,
        None => to_blue,
    };
    (wanted && release.plan.foreign.answer == ForeignAnswer::Restore).then_some(())?;
    release.restores += 1;
    release.restoring = Some(sequence);
    holds::put_back(release, at);
    Some(())
}

/// Weights of a step, those of the way back, or those that were in place before somebody else has changed them.
pub(super) fn weigh_intended(release: &mut Release, sequence: u64, at: Timestamp, weighting: Weighting) -> Option<()> {
    release.blue.as_ref()?;
    release.shift_intended |= matches!(weighting, Weighting::Split { .. } | Weighting::Whole);
    if release.phase == Phase::RollBack {
        return (weighting == Weighting::Original).then_some(());
    }
    if weighting == release.weighting {
        (release.plan.foreign.answer == ForeignAnswer::Restore).then_some(())?;
        release.restores += 1;
        release.restoring = Some(sequence);
        holds::put_back(release, at);
        return Some(());
    }
    let step = release.plan.weighting(release.step);
    match (release.phase, weighting) {
        (Phase::Shift, Weighting::Attached) if release.shifted_at.is_none() => {}
        (Phase::Shift, wanted) if Some(wanted) == step && !release.in_place => {
            release.shift_called_at.get_or_insert(at);
            release.shift_began.get_or_insert(at);
        }
        (Phase::Drain | Phase::Retire, Weighting::GreenAlone) => {}
        // Somebody else is removing blue.
        (Phase::Shift | Phase::Bake, Weighting::GreenAlone) if release.shifted_at.is_some() => {}
        _ => return None,
    }
    Some(())
}

/// Whether this moves traffic on the way forward, in a release that has turned back since.
pub(super) fn goes_forward(release: &Release, action: &Action) -> bool {
    let to_blue = |to: &EnvironmentId| release.blue.as_ref().is_some_and(|blue| blue.id == *to);
    let forward = match action {
        Action::Swap { to, .. } => !to_blue(to),
        Action::Weigh { weighting, .. } => *weighting != Weighting::Original,
        _ => false,
    };
    release.phase == Phase::RollBack && forward
}

/// Weights are in place; whether all servers know them is another question.
pub(super) fn weighed(release: &mut Release, weighting: Weighting, result: Option<CallResult>) {
    release.weighting = weighting;
    release.in_sync_at = None;
    release.change = match result {
        Some(CallResult::Accepted { detail }) => detail,
        _ => None,
    };
}

/// What was tried to move traffic one way says nothing about another way.
pub(super) fn forget(release: &mut Release) {
    release
        .attempts
        .retain(|key, _| key != "swap" && !key.starts_with("weigh "));
}
