//! One event as one line.

use crate::model::Span;
use crate::release::{CallResult, Entry, Event, Look, Phase, Release};
use crate::spec::Lever;

/// Who has the traffic of a release that was taken back, as far as that is known.
#[must_use]
pub fn given_back(release: &Release) -> String {
    if !release.shift_intended {
        return "this release has moved no traffic".to_owned();
    }
    // The records say so; who asks gets their answer a moment later, and who has asked before keeps his.
    if release.plan.lever == Lever::WeightedDns && release.in_sync_at.is_none() {
        let ttl = Span::from(release.dns_ttl());
        return format!(
            "{} leads to blue alone by its records (Route 53 spreads that, and answers that are out already run out within {ttl} after it)",
            release.plan.slot_cname
        );
    }
    "all traffic is on blue".to_owned()
}

/// What happened, for a person; `None` for what only the journal needs.
#[must_use]
pub fn line(entry: &Entry, release: &Release) -> Option<String> {
    let text = match &entry.event {
        Event::Started { plan } => format!("release {} of version {} begins", plan.id, plan.version_label),
        Event::TookOver { from, forced: true, .. } => format!("{} took it over from {from} by order", entry.writer),
        Event::TookOver { from, why, .. } if *from == entry.writer => format!("{from} goes on with it: {why}"),
        Event::TookOver { from, why, .. } => format!("{} took it over from {from}: {why}", entry.writer),
        Event::Asked { wish } => format!("{} asked to {wish}", entry.writer),
        Event::Paused { until, by } => format!(
            "paused by {by}: no step forward, green is watched; goes on by itself at {}",
            until.time_of_day()
        ),
        Event::PauseEnded { how } => format!("the pause is over: {how}"),
        Event::GateOpened { before, until } => {
            let gate = release.gate.as_ref().map_or("", |gate| gate.id.as_str());
            format!(
                "a gate before {before}: `cutover promote {gate}`, until {}",
                until.time_of_day()
            )
        }
        Event::Asking { what, until } => format!(
            "{what}; `cutover resume`, `cutover abort` or `cutover rollback`, until {}",
            until.time_of_day()
        ),
        Event::Answered { what, how, .. } => format!("{how}: {what}"),
        Event::GatePassed { gate, how } => format!("through gate {gate}: {how}"),
        Event::Refused { problems } => {
            let list: Vec<_> = problems.iter().map(|problem| format!("\n    {problem}")).collect();
            format!("refused:{}", list.concat())
        }
        Event::PreflightPassed { blue, notes, .. } => {
            let notes: Vec<_> = notes.iter().map(|note| format!("\n    note: {note}")).collect();
            let version = blue.version.as_ref().map_or("no version", |version| version.as_str());
            format!(
                "{} ({}) is live with {version} on {}{}",
                blue.name,
                blue.id,
                crate::model::text::plural(blue.running.into(), "instance"),
                notes.concat()
            )
        }
        Event::Published => format!("version {} can be deployed", release.plan.version_label),
        Event::Intended { action } => action.describe(),
        Event::Called { result, .. } => match result {
            CallResult::Accepted { .. } => return None,
            CallResult::Refused { message, .. } => format!("refused: {message}"),
            CallResult::Unknown { message } => format!("unsure whether it happened: {message}"),
        },
        Event::Resolved { applied: true, how, .. } => format!("it has happened: {how}"),
        Event::Resolved {
            applied: false, how, ..
        } => format!("it has not happened: {how}"),
        Event::GreenFound { green } => format!("green is {} ({})", green.name, green.id),
        Event::GreenUp { up: true, .. } => "green is up".to_owned(),
        Event::GreenUp { up: false, missing } => format!("green is not up any more: {}", missing.join("; ")),
        Event::GreenReady { .. } => "green stays up".to_owned(),
        Event::SmokeRound { failures } if failures.is_empty() => return None,
        Event::SmokeRound { failures } => {
            let failed = failures.iter().map(|failed| {
                let why = failed.failure.as_deref().unwrap_or("no reason");
                format!("{} failed: {why}", failed.check)
            });
            failed.collect::<Vec<_>>().join("; ")
        }
        Event::SmokePassed => "smoke checks passed".to_owned(),
        Event::Shifted if release.plan.lever.is_gradual() => format!(
            "the weights of {} give green {}",
            release.plan.slot_cname,
            release.plan.share(release.step)
        ),
        Event::Shifted => format!("{} was read on green", release.plan.slot_cname),
        Event::InSync { how } => how.clone(),
        Event::KeptLonger { ttl } => format!(
            "resolvers may keep the answers of {} for {ttl} now, longer than `drain.dns_ttl`: what waits for them waits as long",
            release.plan.slot_cname
        ),
        Event::ShiftConfirmed { how } if !release.whole_step() => how.clone(),
        Event::ShiftConfirmed { how } => format!("the public name leads to green: {how}"),
        Event::Looked {
            look: Look::Bad { why },
            ..
        } => format!("green looks bad: {why}"),
        Event::Looked {
            look: Look::Failing { why, .. },
            ..
        } => format!("a check of green has failed: {why}"),
        Event::Looked {
            look: Look::Unknown { why },
            ..
        } => format!("cannot tell how green is: {why}"),
        Event::BakePassed { how } if release.phase == Phase::Shift => {
            let before = release.step.saturating_sub(1);
            let (share, next) = (release.plan.share(before), release.plan.share(release.step));
            match how {
                Some(how) => format!("green passes early with {share}: {how}: on to {next}"),
                None => format!(
                    "green did well with {share} for {}: on to {next}",
                    release.plan.bake_length(before)
                ),
            }
        }
        Event::BakePassed { how: Some(how) } => format!("green passes early: {how}: promoted"),
        Event::BakePassed { how: None } => format!(
            "green did well for {}: promoted",
            release.plan.bake_length(release.step)
        ),
        Event::Quiet { quiet: true, .. } => "no requests any more".to_owned(),
        Event::Quiet { quiet: false, .. } => "requests again".to_owned(),
        Event::Drained { how, remove_blue: true } => format!("drained: {how}"),
        Event::Drained {
            how,
            remove_blue: false,
        } => format!("blue is kept: {how}"),
        Event::RollbackBegan { why, .. } => format!("rolling back: {why}"),
        Event::TrafficRestored { how } => format!("{}: {how}", given_back(release)),
        Event::Noted { note } => note.clone(),
        Event::Finished { outcome, why, .. } => format!("{outcome}: {why}"),
        Event::HandedOver if release.pause.is_some() => format!(
            "{} stops here; `cutover resume --keep-pause` goes on with it and keeps the pause, `cutover resume` ends that",
            entry.writer
        ),
        Event::HandedOver => format!("{} stops here; `cutover resume` goes on with it at once", entry.writer),
        Event::Renewed | Event::Waiting { .. } | Event::Measured { .. } | Event::Looked { look: Look::Good, .. } => {
            return None;
        }
    };
    Some(text)
}
