//! The only way a release's state changes: one event after another. What no rule below allows is an error that names both
//! the state and the event, for a journal that says the impossible must not be acted upon.

use super::action::{Action, CallResult};
use super::assessment::Assessment;
use super::event::{Entry, Event, FORMAT, Look};
use super::pair::Blue;
use super::plan::Route;
use super::state::{
    Attempts, Drained, Pending, Phase, Release, RollbackState, SmokeState, TakenOver, Up, Watch, Wishes,
};
use super::{holds, moves, takeover};
use crate::model::{Timestamp, faults};
use crate::traffic::Weighting;

/// Why an entry cannot follow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IllegalEvent {
    /// The entry is written in a format that this program does not know.
    #[error(
        "entry {sequence} of release {release} has format {format}, and this cutover knows formats up to {FORMAT}; use a newer cutover"
    )]
    Format {
        /// The release.
        release: String,
        /// The entry.
        sequence: u64,
        /// Its format.
        format: u32,
    },
    /// The entry is not the next one.
    #[error("entry {found} of release {release} follows entry {last}; the journal has a gap or was changed by hand")]
    Sequence {
        /// The release.
        release: String,
        /// Sequence of the last entry.
        last: u64,
        /// Sequence of this one.
        found: u64,
    },
    /// The event cannot happen in this state.
    #[error(
        "entry {sequence} of release {release} cannot be: {event} in phase {phase}; the journal was changed by hand, or by a cutover with other rules"
    )]
    Event {
        /// The release.
        release: String,
        /// The entry.
        sequence: u64,
        /// The phase.
        phase: Phase,
        /// The event, shortened.
        event: String,
    },
}

/// The state after one more entry. `None` stands for a release that has not begun.
///
/// # Errors
///
/// When the entry cannot follow this state.
pub fn apply(release: Option<Release>, entry: &Entry) -> Result<Release, IllegalEvent> {
    let last = release.as_ref().map_or(0, |release| release.sequence);
    if entry.format > FORMAT {
        return Err(IllegalEvent::Format {
            release: entry.release.to_string(),
            sequence: entry.sequence,
            format: entry.format,
        });
    }
    if entry.sequence != last + 1 {
        return Err(IllegalEvent::Sequence {
            release: entry.release.to_string(),
            last,
            found: entry.sequence,
        });
    }
    let mut next = match (release, &entry.event) {
        (None, Event::Started { plan }) if plan.id == entry.release => begun(plan.as_ref().clone(), entry),
        (None, _) => return Err(illegal(entry, Phase::Preflight)),
        (Some(release), _) => release,
    };
    if entry.sequence > 1 {
        let phase = next.phase;
        step(&mut next, entry).ok_or_else(|| illegal(entry, phase))?;
    }
    next.sequence = entry.sequence;
    // An operator's entry says nothing about who drives the release.
    if !matches!(entry.event, Event::Asked { .. }) {
        next.driver = entry.writer.clone();
        next.format = entry.format;
        next.owned_until = entry.owned_until;
        next.handed_over = matches!(entry.event, Event::HandedOver);
        next.heard = entry.sequence;
        next.heard_at = entry.at;
        holds::count(&mut next, entry.at);
    }
    Ok(next)
}

fn illegal(entry: &Entry, phase: Phase) -> IllegalEvent {
    let mut event = format!("{:?}", entry.event);
    if let Some((at, _)) = event.char_indices().nth(80) {
        event.truncate(at);
        event.push('…');
    }
    IllegalEvent::Event {
        release: entry.release.to_string(),
        sequence: entry.sequence,
        phase,
        event,
    }
}

fn begun(plan: super::plan::Plan, entry: &Entry) -> Release {
    let assessment = Box::new(Assessment::new(&plan, entry.at));
    Release {
        plan,
        assessment,
        started_at: entry.at,
        sequence: 0,
        driver: entry.writer.clone(),
        format: entry.format,
        owned_until: entry.owned_until,
        heard: entry.sequence,
        heard_at: entry.at,
        taken_over: None,
        handed_over: false,
        phase: Phase::Preflight,
        phase_since: entry.at,
        extended: std::time::Duration::ZERO,
        held_since: None,
        pause: None,
        gate: None,
        gates_passed: Vec::new(),
        question: None,
        accepted: Vec::new(),
        restores: 0,
        restoring: None,
        problems: Vec::new(),
        blue: None,
        green: None,
        pending: None,
        attempts: std::collections::BTreeMap::new(),
        limits_told: std::collections::BTreeSet::new(),
        up_since: None,
        smoke: SmokeState::default(),
        shift_intended: false,
        shift_called_at: None,
        shift_began: None,
        shifted_at: None,
        step: 0,
        in_place: false,
        weighting: Weighting::Original,
        change: None,
        in_sync_at: None,
        kept_for: None,
        confirmed_at: None,
        watch: Watch::default(),
        quiet_since: None,
        drained: None,
        rollback: None,
        saved: None,
        wishes: Wishes::default(),
        waiting: None,
        left: None,
        notes: Vec::new(),
        outcome: None,
    }
}

/// One event on a release that has begun; `None` if it cannot happen there.
fn step(release: &mut Release, entry: &Entry) -> Option<()> {
    use Phase::{Bake, Done, Drain, Preflight, Provision, Publish, Retire, RollBack, Shift, Smoke};
    let at = entry.at;
    match (release.phase, &entry.event) {
        (Done, _) | (_, Event::Started { .. }) => return None,
        (_, Event::TookOver { from, why, forced }) if *from == release.driver => {
            release.taken_over = Some(TakenOver {
                from: from.clone(),
                why: why.clone(),
                forced: *forced,
                heard_at: release.heard_at,
                at,
            });
            takeover::to_another_clock(release, at);
        }
        (_, Event::Renewed | Event::HandedOver) => {}
        (_, Event::Asked { wish }) => holds::wished(release, wish, &entry.writer),
        (phase, Event::Paused { until, by }) if phase != RollBack => holds::paused(release, at, *until, by),
        (_, Event::PauseEnded { .. }) => holds::pause_ended(release, at)?,
        (Shift | Bake, Event::GateOpened { before, until }) if release.gate.is_none() => {
            holds::opened(release, entry, *before, *until);
        }
        (phase, Event::Asking { what, until }) if phase != RollBack => holds::asking(release, at, what, *until),
        (_, Event::Answered { what, accepted, .. }) => holds::answered(release, what, *accepted)?,
        (_, Event::GatePassed { gate, how }) => holds::passed(release, gate, how)?,
        (_, Event::Noted { note }) => release.notes.push(note.clone()),
        (_, Event::Waiting { why }) => release.waiting = Some(why.clone()),
        (phase, Event::Intended { action }) if phase != Preflight && release.pending.is_none() => {
            intended(release, entry.sequence, at, action)?;
        }
        (_, Event::Called { intent, result }) => called(release, at, *intent, result)?,
        (_, Event::Resolved { intent, applied, how }) => resolved(release, at, *intent, *applied, how)?,
        (Preflight, Event::Refused { problems }) => release.problems.clone_from(problems),
        (
            Preflight,
            Event::PreflightPassed {
                blue,
                notes,
                absent_alarms,
            },
        ) => {
            found(release, blue);
            release.plan.alarms.retain(|alarm| !absent_alarms.contains(alarm));
            release.notes.extend(notes.iter().cloned());
            enter(release, Publish, at);
        }
        (Publish, Event::Published) if release.pending.is_none() => enter(release, Provision, at),
        (Provision, Event::GreenFound { green })
            if release.green.is_none() && release.blue.as_ref().is_none_or(|blue| blue.id != green.id) =>
        {
            release.green = Some(green.clone());
        }
        (Provision, Event::GreenUp { up, .. }) if release.green.is_some() => {
            release.up_since = up.then(|| upness(release, at));
        }
        (Provision, Event::GreenReady { green }) if release.up_since.is_some() && green.cname.is_some() => {
            release.green = Some(green.clone());
            enter(release, Smoke, at);
        }
        (Provision | Smoke | Shift | Bake | Drain | Retire, Event::Measured { measured })
            if release.green.is_some() =>
        {
            release.assessment.take(measured);
        }
        (Smoke, Event::SmokeRound { failures }) => smoked(release, at, failures),
        (Smoke, Event::SmokePassed) if release.smoke.passed >= release.plan.smoke.successes => {
            enter(release, Shift, at);
        }
        (Shift, Event::Shifted) if release.shift_intended && !release.in_place => {
            release.in_place = true;
            release.watch.last = match release.shifted_at {
                None => Some(at),
                Some(_) => release.watch.last,
            };
            release.shifted_at = Some(at);
            release.assessment.shifted(at);
            // What was held before the move gives no more time to see it.
            release.extended = std::time::Duration::ZERO;
            release.held_since = release.held_since.map(|_| at);
            let weighting = release.plan.weighting(release.step).unwrap_or_default();
            // A change that had been given up has come late: what is known of an earlier one says nothing of it.
            if release.weighting != weighting {
                moves::weighed(release, weighting, None);
            }
        }
        (Shift | Bake | Drain | Retire | RollBack, Event::InSync { .. }) if release.in_sync_at.is_none() => {
            release.in_sync_at = Some(at);
        }
        (Shift, Event::ShiftConfirmed { .. }) if release.in_place => {
            release.confirmed_at = Some(at);
            release.watch.lost = std::time::Duration::ZERO;
            release.watch.away = std::time::Duration::ZERO;
            release.watch.last = Some(at);
            enter(release, Bake, at);
        }
        (Shift | Bake | Drain | Retire, Event::Looked { look, measured }) if release.shifted_at.is_some() => {
            looked(release, at, look);
            if let Some(measured) = measured {
                release.assessment.take(measured);
            }
            release.watch.entry = entry.sequence;
        }
        (Bake, Event::BakePassed { .. }) if release.watch.bad == 0 => bake_passed(release, at),
        (Publish | Provision | Smoke | Shift | Bake | RollBack, Event::KeptLonger { ttl }) => {
            release.kept_for = release.kept_for.max(Some(*ttl));
        }
        (Drain | Retire | RollBack, Event::Quiet { quiet, .. }) => release.quiet_since = quiet.then_some(at),
        (Drain, Event::Drained { how, remove_blue }) => {
            drained(release, at, how, *remove_blue);
            enter(release, Retire, at);
        }
        (
            Retire,
            Event::Drained {
                how,
                remove_blue: false,
            },
        ) => drained(release, at, how, false),
        (Publish | Provision | Smoke | Shift | Bake | Drain | Retire, Event::RollbackBegan { why, outcome }) => {
            release.rollback = Some(RollbackState {
                since: at,
                again: 0,
                why: why.clone(),
                outcome: *outcome,
                from: release.phase,
                restored_at: None,
                watched_from: None,
            });
            release.quiet_since = None;
            holds::none_any_more(release);
            moves::forget(release);
            release.attempts.remove("terminate");
            enter(release, RollBack, at);
        }
        // Traffic was back, and has left blue once more.
        (RollBack, Event::RollbackBegan { why, outcome }) => {
            let rollback = release.rollback.as_mut()?;
            rollback.restored_at.take()?;
            rollback.since = at;
            rollback.again += 1;
            rollback.why.clone_from(why);
            rollback.outcome = *outcome;
            release.quiet_since = None;
            moves::forget(release);
            release.waiting = None;
        }
        (RollBack, Event::TrafficRestored { .. }) if release.pending.is_none() => {
            let rollback = release.rollback.as_mut()?;
            if rollback.restored_at.is_some() {
                return None;
            }
            rollback.restored_at = Some(at);
            rollback.watched_from = Some(at);
            release.weighting = Weighting::Original;
        }
        (_, Event::Finished { outcome, why, left }) => {
            release.outcome = Some((*outcome, why.clone()));
            release.left.clone_from(left);
            holds::none_any_more(release);
            enter(release, Done, at);
        }
        (_, _) => return None,
    }
    Some(())
}

/// To the next step, or to the drain after the last one.
fn bake_passed(release: &mut Release, at: Timestamp) {
    if release.step + 1 < release.plan.step_count() {
        release.step += 1;
        release.in_place = false;
        release.confirmed_at = None;
        enter(release, Phase::Shift, at);
    } else {
        enter(release, Phase::Drain, at);
    }
}

/// Preflight has found which environment is blue, and where its records are: from now on they are looked for nowhere else.
fn found(release: &mut Release, blue: &Blue) {
    if let Some(Route::Records { zone, .. }) = &mut release.plan.route
        && zone.is_none()
    {
        zone.clone_from(&blue.zone);
    }
    release.blue = Some(blue.clone());
}

fn enter(release: &mut Release, phase: Phase, at: Timestamp) {
    release.phase = phase;
    release.phase_since = at;
    release.extended = std::time::Duration::ZERO;
    release.waiting = None;
}

/// Green was seen up. After a time in which nobody saw it, that begins anew.
fn upness(release: &Release, at: Timestamp) -> Up {
    let max_age = release.plan.provision.max_age.get();
    let since = match release.up_since {
        Some(before) if at.since(before.seen) <= max_age => before.since,
        _ => at,
    };
    Up { since, seen: at }
}

fn drained(release: &mut Release, at: Timestamp, how: &str, remove_blue: bool) {
    release.drained = Some(Drained {
        at,
        how: how.to_owned(),
        remove_blue,
    });
}

fn intended(release: &mut Release, sequence: u64, at: Timestamp, action: &Action) -> Option<()> {
    if let Action::Swap { from, to, .. } = action {
        moves::swap_intended(release, sequence, at, from, to)?;
    }
    if let Action::Weigh {
        weighting, green_group, ..
    } = action
    {
        moves::weigh_intended(release, sequence, at, *weighting)?;
        if let (Some(green), Some(group)) = (&mut release.green, green_group) {
            green.group.get_or_insert_with(|| group.clone());
        }
    }
    if let Some(attempts) = release.attempts.get_mut(&action.key())
        && attempts.done
    {
        // Wanted again although it has happened: it had no effect.
        attempts.done = false;
        attempts.failed += 1;
        "it was accepted, but had no effect that shows".clone_into(&mut attempts.said);
    }
    release.pending = Some(Pending {
        intent: sequence,
        at,
        action: action.clone(),
        result: None,
        ended_at: None,
    });
    release.waiting = None;
    Some(())
}

fn called(release: &mut Release, at: Timestamp, intent: u64, result: &CallResult) -> Option<()> {
    let open = release.pending.as_ref();
    let forward = open.is_some_and(|pending| moves::goes_forward(release, &pending.action));
    let pending = release.pending.as_mut()?;
    if pending.intent != intent || pending.result.is_some() {
        return None;
    }
    pending.result = Some(result.clone());
    pending.ended_at = Some(at);
    let key = pending.action.key();
    if !matches!(result, CallResult::Refused { .. }) {
        release.limits_told.extend(pending.action.limits());
    }
    match result {
        CallResult::Refused { message, retryable } => {
            failed(release, key, at, message, !retryable);
            release.pending = None;
            let restored = release.restoring.take_if(|restoring| *restoring == intent).is_some();
            if forward || restored {
                moves::forget(release);
            }
        }
        // Whether traffic has moved is for a read to say, whatever the service answered.
        CallResult::Accepted { detail } if !matches!(pending.action, Action::Swap { .. } | Action::Weigh { .. }) => {
            if matches!(pending.action, Action::SaveEvidence { .. }) {
                release.saved.clone_from(detail);
            }
            done(release, key, at);
            release.pending = None;
        }
        CallResult::Accepted { .. } | CallResult::Unknown { .. } => {}
    }
    Some(())
}

fn resolved(release: &mut Release, at: Timestamp, intent: u64, applied: bool, how: &str) -> Option<()> {
    let pending = release.pending.take_if(|pending| pending.intent == intent)?;
    let key = pending.action.key();
    let forward = moves::goes_forward(release, &pending.action);
    // A call that was taken for not made may still have been: what it sets would be nobody else's.
    release.limits_told.extend(pending.action.limits());
    if applied {
        if let Action::Weigh { weighting, .. } = pending.action {
            moves::weighed(release, weighting, pending.result);
        }
        done(release, key, at);
    } else {
        failed(release, key, at, how, false);
    }
    if release.restoring.take_if(|restoring| *restoring == intent).is_some() {
        holds::put_back(release, at);
    }
    if forward {
        moves::forget(release);
    }
    Some(())
}

fn done(release: &mut Release, key: String, at: Timestamp) {
    let attempts: &mut Attempts = release.attempts.entry(key).or_default();
    attempts.last = at;
    attempts.fatal = false;
    attempts.done = true;
}

fn failed(release: &mut Release, key: String, at: Timestamp, said: &str, fatal: bool) {
    let attempts: &mut Attempts = release.attempts.entry(key).or_default();
    attempts.failed += 1;
    attempts.last = at;
    said.clone_into(&mut attempts.said);
    attempts.fatal = fatal;
}

fn smoked(release: &mut Release, at: Timestamp, failures: &[crate::model::ProbeResult]) {
    release.smoke.last = Some(at);
    match faults(failures) {
        None => release.smoke.passed += 1,
        failure => {
            release.smoke.passed = 0;
            release.smoke.failure = failure;
        }
    }
}

fn looked(release: &mut Release, at: Timestamp, look: &Look) {
    let interval = release.plan.bake.interval.get();
    let watch = &mut release.watch;
    let gap = watch.last.map_or(interval, |last| at.since(last));
    // A driver that was away has not watched: that time does not count, neither as well nor against the deadline.
    let away = gap.saturating_sub(interval * 3);
    watch.away += away;
    watch.last = Some(at);
    match look {
        Look::Failing { checks, .. } => watch.failed.clone_from(checks),
        Look::Good | Look::Unknown { .. } => watch.failed.clear(),
        // What failed before may be what is bad.
        Look::Bad { .. } => {}
    }
    match look {
        Look::Good => {
            watch.good_in_row += 1;
            watch.doubt = None;
            if watch.good_in_row >= release.plan.bake.recover {
                watch.bad = 0;
            }
            watch.lost += away;
        }
        Look::Bad { why } => {
            watch.good_in_row = 0;
            watch.bad += 1;
            watch.doubt = Some(why.clone());
            watch.lost += gap;
        }
        Look::Failing { why, .. } | Look::Unknown { why } => {
            watch.good_in_row = 0;
            watch.doubt = Some(why.clone());
            watch.lost += gap;
        }
    }
}
