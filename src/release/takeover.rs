//! Taking over: the moments of a release are moved to the clock of the one who drives it from now on.
//!
//! Entries are written by machines whose clocks may disagree by minutes. Every moment in the state comes from an entry of the
//! driver (an operator's entry leaves none), so all of them are by one clock, and lengths between them are right. Whoever takes
//! the release over has another clock, and nothing says by how much it differs: between the last entry of the old driver and
//! the takeover lie both the time that nobody drove and the difference of the clocks, and only their sum is known.
//!
//! So at a takeover every moment is moved by that sum, as if the old driver's last entry had been written at the takeover. The
//! release's time stands still while nobody drives it. From that follows:
//!
//! - **No safety wait is cut short.** What must be waited out (a call that may be under way, a list that is behind, names in
//!   resolvers' memory, silence) began at or before the old driver's last entry, and is waited out from the takeover on, by
//!   the taker's own clock, less only what the old driver itself had waited by its own.
//! - **No deadline passes because a clock is ahead,** or because nobody was there: of every deadline as much is left as there
//!   was at the last entry.
//! - **Time does not run backwards.** No moment of the state lies after the takeover, whatever the clocks say.
//! - What must be seen for a while (green up, an environment silent, a finding that turns the release) is seen for that long in
//!   all: the time for which nobody looked does not count, and does not spoil what was seen before either. A driver that works
//!   in slices, as a function with a time limit does, would otherwise never see the end of it.
//!
//! When an absence is longer than clocks can reasonably differ ([`limits::SKEW`]), the rest of it has certainly passed. It
//! counts for what only has to pass and needs nobody to watch: old DNS answers, a warm blue, a green that is kept. So a release
//! that is resumed a day after its promotion does not keep blue for another half an hour.
//!
//! The log stays the fence: a driver that lost the release cannot append, and so cannot act, whatever its clock says. A call of
//! its that was under way is bounded by [`limits::INTENT_DEADLINE`] and [`limits::CALL_TIMEOUT`], both measured by clocks that
//! do not jump, and both waited out from the takeover.

use super::limits;
use super::state::{Phase, Release};
use super::why::Why;
use crate::model::Timestamp;

/// Moves all moments of the state to the clock of the one who takes over, which shows `at`.
pub(super) fn to_another_clock(release: &mut Release, at: Timestamp) {
    let heard = release.heard_at;
    let stands_still = |moment: &mut Timestamp| *moment = moment.moved(heard, at);
    // The least time that has certainly passed counts.
    let certain = at.min(heard + limits::SKEW);
    let has_passed = |moment: &mut Timestamp| *moment = moment.moved(heard, certain);

    stands_still(&mut release.phase_since);
    release.held_since.iter_mut().for_each(stands_still);
    if let Some(pause) = &mut release.pause {
        stands_still(&mut pause.since);
        has_passed(&mut pause.until);
    }
    if let Some(gate) = &mut release.gate {
        stands_still(&mut gate.since);
        stands_still(&mut gate.until);
    }
    if let Some(question) = &mut release.question {
        stands_still(&mut question.since);
        stands_still(&mut question.until);
    }
    for attempts in release.attempts.values_mut() {
        stands_still(&mut attempts.last);
    }
    if let Some(pending) = &mut release.pending {
        stands_still(&mut pending.at);
        pending.ended_at.iter_mut().for_each(stands_still);
    }
    if let Some(up) = &mut release.up_since {
        stands_still(&mut up.since);
        stands_still(&mut up.seen);
    }
    release.smoke.last.iter_mut().for_each(stands_still);
    release.shift_called_at.iter_mut().for_each(stands_still);
    release.confirmed_at.iter_mut().for_each(stands_still);
    release.watch.last.iter_mut().for_each(stands_still);
    release.assessment.moved(stands_still);
    if release.phase == Phase::Shift {
        // Here they are what the deadlines of the shift are counted from.
        release.shifted_at.iter_mut().for_each(stands_still);
        release.in_sync_at.iter_mut().for_each(stands_still);
    } else {
        release.shifted_at.iter_mut().for_each(has_passed);
        release.in_sync_at.iter_mut().for_each(has_passed);
    }
    if let Some(drained) = &mut release.drained {
        has_passed(&mut drained.at);
    }
    if let Some(back) = &mut release.rollback {
        stands_still(&mut back.since);
        back.restored_at.iter_mut().for_each(has_passed);
        back.watched_from.iter_mut().for_each(stands_still);
    }
    release.quiet_since.iter_mut().for_each(stands_still);
    release.waiting = match release.waiting.take() {
        Some(Why::Astray {
            what,
            mut since,
            mut beneath,
        }) => {
            stands_still(&mut since);
            beneath.iter_mut().for_each(|finding| stands_still(&mut finding.since));
            Some(Why::Astray { what, since, beneath })
        }
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn what_is_left_of_the_deadlines_of_a_shift_stays_and_what_only_has_to_pass_does() {
        let begun = release(plan());
        let heard = begun.heard_at;
        let hour = Duration::from_secs(3600);
        let moved = |phase: Phase| {
            let mut release = begun.clone();
            release.phase = phase;
            (release.shifted_at, release.in_sync_at) = (Some(heard), Some(heard));
            to_another_clock(&mut release, heard + hour);
            assert_eq!(release.shifted_at, release.in_sync_at);
            release.shifted_at
        };
        assert_eq!(moved(Phase::Shift), Some(heard + hour));
        assert_eq!(moved(Phase::Drain), Some(heard + limits::SKEW));
    }
}
