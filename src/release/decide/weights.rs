//! Levers with weights: green gets the traffic step by step, each step is read in place, spread, and confirmed; and in one call
//! everything is blue's again.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::{Blue, Green};
use super::super::seen::EnvironmentSeen;
use super::super::state::{Phase, Release};
use super::super::why::Why;
use super::shift::{self, Sides};
use super::{
    Decision, Then, act, act_patiently, capacity, limits, next_look, pause, record, roll_back, soon, wait, world,
};
use crate::model::{EnvironmentId, Known, Span, Timestamp};
use crate::spec::Lever;
use crate::traffic::{Split, Weighting};

/// Brings the weights of this step about, when green is fit for them.
pub(super) fn step(release: &Release, blue: &Blue, green: &Green, wanted: Weighting, seen: &Observation) -> Decision {
    let slot = &release.plan.slot_cname;
    let deadline = release.deadline(limits::SHIFT);
    let in_time = seen.at < deadline;
    let too_late = |missing: String| {
        roll_back(
            format!("the weights of {slot} could not be set in time ({wanted}): {missing}"),
            Outcome::RolledBack,
        )
    };
    let split = match &seen.split {
        Known::Known(split) => split,
        Known::Unknown(why) if !in_time => return too_late(format!("they could not be read: {why}")),
        Known::Unknown(why) => {
            return world::cannot_see(release, seen, "the weights", why, deadline, "green is given up");
        }
    };
    let is = |weighting| split.is(weighting, &blue.weights, &blue.id, Some(&green.id));
    if is(wanted) {
        let seen = split.describe(&blue.id, Some(&green.id));
        return record(format!("the weights of {slot} are in place: {seen}"), Event::Shifted);
    }
    let Sides { from, to, mut missing } = match shift::sides(release, blue, green, seen, deadline) {
        Ok(sides) => sides,
        Err(decision) => return *decision,
    };
    if let Some(decision) = capacity::outgrown(release, blue, to, seen).filter(|_| in_time) {
        return decision;
    }
    for (role, side) in [("blue", from), ("green", to)] {
        if !side.ready() {
            missing.bad.push(format!("{role} ({}) is {:?}", side.id, side.status));
        }
    }
    let attach = release.plan.lever == Lever::WeightedTargetGroups && is(Weighting::Original);
    if !attach && let Some(healthy) = split.healthy(&green.id) {
        let least = capacity::wanted_instances(release, blue);
        if healthy < least {
            missing
                .bad
                .push(format!("{healthy} of {least} targets of green are healthy"));
        }
    }
    if !missing.is_empty() {
        // A driver that was away past the deadline does not give up a green that is up.
        if !in_time {
            return too_late(missing.all().join("; "));
        }
        let why = Why::NotUp {
            version: release.plan.version_label.clone(),
            missing: missing.all(),
        };
        return wait(seen.at, why, next_look(release, seen.at), deadline, "green is given up");
    }
    if let Some(decision) = capacity::hold(release, blue, seen) {
        return decision;
    }
    let action = Action::Weigh {
        // What no rule names gets no health checks: green is a member first, and then one with traffic.
        weighting: if attach { Weighting::Attached } else { wanted },
        before: split.token.clone(),
        green_group: split.group_of(&green.id),
    };
    act(release, seen.at, action, |why| roll_back(why, Outcome::RolledBack))
}

/// The weights of the step are in place: what is left is that everybody knows them.
pub(super) fn spread(release: &Release, since: Timestamp, seen: &Observation) -> Option<Decision> {
    if release.plan.lever != Lever::WeightedDns {
        return None;
    }
    let Some(in_sync) = release.in_sync_at else {
        return Some(in_sync(release, since, seen));
    };
    let expired = in_sync + release.dns_ttl();
    (seen.at < expired).then(|| {
        let why = Why::DnsDraining { until: expired };
        wait(
            seen.at,
            why,
            expired.min(next_look(release, seen.at)),
            expired,
            "the share counts as reached",
        )
    })
}

fn in_sync(release: &Release, since: Timestamp, seen: &Observation) -> Decision {
    let heard = |how: String| record(how.clone(), Event::InSync { how });
    let slot = &release.plan.slot_cname;
    let until = since + limits::IN_SYNC_BLIND + release.extended;
    let blind = match (&release.change, &seen.in_sync) {
        (None, _) => Some("the answer that named the change was lost"),
        (Some(_), Known::Unknown(why)) => Some(why.as_str()),
        (Some(_), Known::Known(_)) => None,
    };
    if let Some(why) = blind
        && seen.at >= until
    {
        return heard(format!(
            "nobody can tell whether all servers know the weights of {slot} ({why}), but Route 53 has had {} s for it",
            limits::IN_SYNC_BLIND.as_secs()
        ));
    }
    let why = Why::Working {
        what: format!("all servers of Route 53 to know the weights of {slot}"),
    };
    let Some(change) = &release.change else {
        let look = until.min(next_look(release, seen.at));
        return wait(seen.at, why, look, until, "they are taken to know them");
    };
    if seen.in_sync == Known::Known(true) {
        return heard(format!(
            "all servers of Route 53 know the weights of {slot} (change {change})"
        ));
    }
    let deadline = since + limits::IN_SYNC + release.extended;
    if seen.at >= deadline {
        return roll_back(
            format!("Route 53 did not spread the weights of {slot} in time (change {change})"),
            Outcome::RolledBack,
        );
    }
    wait(
        seen.at,
        why,
        next_look(release, seen.at),
        deadline,
        "green is taken back",
    )
}

/// Traffic is blue's again by the records: what is left, before green is removed, is that all servers know it. `None` when they do, or have
/// had the time for it.
pub(super) fn spread_back(release: &Release, restored: Timestamp, seen: &Observation) -> Option<Decision> {
    if release.plan.lever != Lever::WeightedDns || !release.shift_intended || release.in_sync_at.is_some() {
        return None;
    }
    let slot = &release.plan.slot_cname;
    if let (Some(change), Known::Known(true)) = (&release.change, &seen.in_sync) {
        let how = format!("all servers of Route 53 know that {slot} is blue's again (change {change})");
        return Some(record(how.clone(), Event::InSync { how }));
    }
    let length = if release.change.is_some() {
        limits::IN_SYNC
    } else {
        limits::IN_SYNC_BLIND
    };
    let until = restored + length;
    (seen.at < until).then(|| {
        let why = Why::Working {
            what: format!("all servers of Route 53 to know that {slot} is blue's again"),
        };
        wait(
            seen.at,
            why,
            next_look(release, seen.at).min(until),
            until,
            "they are taken to know it",
        )
    })
}

/// Somebody else has raised the records' time to live since it was compared with the plan's. It is no reason to turn back: what waits for
/// old answers waits longer. Once blue has lost its traffic nobody is told of it any more, so what is raised then matters only to the
/// way back; and that waits for nothing before the traffic is back.
pub(super) fn kept_longer(release: &Release, seen: &Observation) -> Option<Decision> {
    let matters = match release.phase {
        Phase::Preflight | Phase::Drain | Phase::Retire | Phase::Done => false,
        Phase::Publish | Phase::Provision | Phase::Smoke | Phase::Shift | Phase::Bake => true,
        Phase::RollBack => release.is_back(),
    };
    let ttl = seen.split.known().filter(|_| matters)?.ttl?;
    let ttl = Span::from_secs(u64::from(ttl));
    (ttl.get() > release.dns_ttl()).then(|| {
        let what = format!("the answers of {} last for {ttl}", release.plan.slot_cname);
        record(what, Event::KeptLonger { ttl })
    })
}

/// A part of the traffic leads to green, as far as anybody can see.
pub(super) fn shared(release: &Release, since: Timestamp, seen: &Observation) -> Decision {
    let known = release.in_sync_at.unwrap_or(since).max(since);
    let deadline = known + limits::CONFIRM + release.dns_ttl() * release.plan.drain.factor + release.extended;
    let share = release.plan.share(release.step);
    let checks = seen.public.iter().flat_map(|public| &public.direct);
    let failed = checks.clone().find(|check| !check.passed);
    let missing = match (seen.public.is_some(), failed) {
        (true, None) => {
            let how = format!("green has {share} of the traffic, and its checks pass");
            return record(how.clone(), Event::ShiftConfirmed { how });
        }
        (false, _) => "green was not asked yet".to_owned(),
        (true, Some(check)) => check.fault(),
    };
    if seen.at >= deadline {
        return roll_back(
            format!("green did not answer well in time: {missing}"),
            Outcome::RolledBack,
        );
    }
    let why = Why::Confirming { missing };
    wait(seen.at, why, soon(release, seen.at), deadline, "green is taken back")
}

/// What the weights say about other people's changes.
pub(super) enum Weights {
    AsTheyShouldBe,
    /// Nobody knows.
    Unseen,
    /// Somebody else has changed them; the text says what is seen and what should be.
    Changed {
        what: String,
        shown: String,
        restore: Option<Action>,
    },
}

/// Compares the weights with those that this release has set, or is about to.
pub(super) fn compare(release: &Release, seen: &Observation) -> Weights {
    let Some(blue) = &release.blue else {
        return Weights::AsTheyShouldBe;
    };
    let Some(split) = seen.split.known() else {
        return Weights::Unseen;
    };
    let green = release.green.as_ref().map(|green| &green.id);
    let mut ours = vec![release.weighting];
    // What was called a moment ago may have happened, whatever was said of it, and not everywhere at once.
    match release.phase {
        Phase::Shift => {
            // Somebody else who sets just these weights has not gone through our gates.
            let called = |weighting: &Weighting| release.attempts.contains_key(&key(*weighting));
            ours.extend(release.plan.weighting(release.step).filter(called));
            if release.shifted_at.is_none() {
                ours.push(Weighting::Attached);
            }
        }
        // An environment that is used again may still be a member, without weight.
        Phase::Provision | Phase::Smoke if release.green.as_ref().is_some_and(|green| green.reused) => {
            ours.push(Weighting::Attached);
        }
        Phase::Drain | Phase::Retire => ours.push(Weighting::GreenAlone),
        _ => {}
    }
    // Blue was told to end: there is no way back, and all that counts is that green has everything.
    let ended = release.attempts_of("terminate").done;
    if ended && green.is_some() && split.live() == green {
        return Weights::AsTheyShouldBe;
    }
    let strangers = split.strangers(&blue.id, green);
    let as_ours = split.is_among(&ours, &blue.weights, &blue.id, green);
    if as_ours && strangers.is_empty() && split.faults.is_empty() {
        return Weights::AsTheyShouldBe;
    }
    let slot = &release.plan.slot_cname;
    let shown = split.describe(&blue.id, green);
    let what = format!(
        "somebody else has changed the weights of {slot}, which should be {}",
        release.weighting
    );
    // Who changes them again and again is one finding.
    let mut shown = format!(": it is {shown}");
    for fault in &split.faults {
        shown.push_str("; ");
        shown.push_str(fault);
    }
    // Members that others have added are theirs to remove; and what is not known to be well gets no traffic, least of all against
    // somebody's will.
    let doubtful = release.shifted_at.is_some() && release.watch.doubt.is_some();
    let restore = (strangers.is_empty() && split.faults.is_empty() && !doubtful).then(|| Action::Weigh {
        weighting: release.weighting,
        before: split.token.clone(),
        green_group: green.and_then(|green| split.group_of(green)),
    });
    Weights::Changed { what, shown, restore }
}

/// Somebody has swapped blue's name by hand, and records lead to it; the text says what is seen. The weights then say nothing any more
/// of who has the traffic, and bringing blue's back would send everybody to a stranger.
pub(super) fn blue_renamed(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Option<String> {
    let blue = release.blue.as_ref()?;
    renamed(release, environments, seen, ("blue", &blue.id, blue.cname.as_deref()?))
}

/// The same of green: its share goes to a stranger.
pub(super) fn green_renamed(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Option<String> {
    let green = release.green.as_ref()?;
    renamed(
        release,
        environments,
        seen,
        ("green", &green.id, green.cname.as_deref()?),
    )
}

fn renamed(
    release: &Release,
    environments: &[EnvironmentSeen],
    seen: &Observation,
    (role, id, recorded): (&str, &EnvironmentId, &str),
) -> Option<String> {
    seen.split.known()?.leads_by_cname(id).then_some(())?;
    let found = world::find(environments, id)?;
    let now = found.cname.as_ref().filter(|now| !now.eq_ignore_ascii_case(recorded))?;
    Some(format!(
        "somebody else has swapped names: {role} ({id}) has {now}, and had {recorded}, to which a record of {} leads",
        release.plan.slot_cname
    ))
}

/// What attempts to bring a weighting about are counted under.
fn key(weighting: Weighting) -> String {
    let (before, green_group) = (String::new(), None);
    Action::Weigh {
        weighting,
        before,
        green_group,
    }
    .key()
}

/// Whether all traffic is blue's, exactly as it was, and green no member.
fn is_original(release: &Release, blue: &Blue, split: &Split) -> bool {
    let green = release.green.as_ref().map(|green| &green.id);
    split.is_back(&blue.weights, &blue.id, green)
}

/// What there is to do until the weights are blue's again.
pub(super) enum Back {
    /// They are.
    There,
    /// They are not, and this is done about it.
    Not(Box<Decision>),
}

impl Back {
    fn not(decision: Decision) -> Self {
        Self::Not(Box::new(decision))
    }
}

/// Gives everything back to blue.
pub(super) fn back(
    release: &Release,
    blue: &Blue,
    seen: &Observation,
    returning: impl Fn(String, Timestamp) -> Decision,
) -> Back {
    let split = match &seen.split {
        Known::Known(split) => split,
        Known::Unknown(why) => {
            let missing = format!("the weights could not be read: {why}");
            return Back::not(returning(missing, soon(release, seen.at)));
        }
    };
    let green = release.green.as_ref().map(|green| &green.id);
    // Weights that others have changed before this release had moved any are theirs: perhaps blue is out on purpose.
    if !release.shift_intended && !green.is_some_and(|green| split.names(green)) {
        return Back::There;
    }
    if is_original(release, blue, split) {
        let strangers = split.strangers(&blue.id, green);
        // What others have added before anything was moved is not this release's to answer.
        if strangers.is_empty() || !release.shift_intended {
            return Back::There;
        }
        let missing = format!(
            "others have a part of the traffic, which a person has to take from them (weight 0, or remove them): {}",
            split.describe(&blue.id, green)
        );
        return Back::not(returning(missing, next_look(release, seen.at)));
    }
    let action = Action::Weigh {
        weighting: Weighting::Original,
        before: split.token.clone(),
        green_group: None,
    };
    let attempts = release.attempts_of(&action.key());
    // There is no other way back, so it is tried until the deadline, however often it was refused.
    if attempts.failed > 0 {
        let waited = returning(format!("the weights were not taken: {}", attempts.said), seen.at);
        if matches!(waited.then, Then::Finish { .. }) {
            return Back::not(waited);
        }
    }
    if !attempts.done {
        return Back::not(act_patiently(release, seen.at, action));
    }
    // They were read in place, and are not any more: somebody has undone that, or a call of the way forward came late. These
    // lists are not behind, so it is done again, at once the first time.
    let not_before = attempts.last + pause(release, attempts.failed);
    if attempts.failed > 0 && seen.at < not_before {
        return Back::not(returning("the weights have changed again".to_owned(), not_before));
    }
    let what = action.describe();
    Back::not(Decision {
        why: Why::Missing { what },
        then: Then::Act(action),
    })
}

/// Traffic that was back on blue has left it again; the text says how.
pub(super) fn left(release: &Release, blue: &Blue, seen: &Observation) -> Option<String> {
    let split = seen.split.known()?;
    let green = release.green.as_ref().map(|green| &green.id);
    let on_green = green.is_some_and(|green| split.names(green));
    (on_green || release.shift_intended && split.live() != Some(&blue.id)).then(|| {
        format!(
            "traffic of {} has left blue again ({})",
            release.plan.slot_cname,
            split.describe(&blue.id, green)
        )
    })
}

/// Blue is no member any more before it is removed. `None` when it is none.
pub(super) fn detach(
    release: &Release,
    blue: &Blue,
    seen: &Observation,
    deadline: Timestamp,
    give_up: impl FnOnce(String) -> Decision,
) -> Option<Decision> {
    if !release.plan.lever.is_gradual() {
        return None;
    }
    let split = match &seen.split {
        Known::Known(split) => split,
        Known::Unknown(why) if seen.at >= deadline => {
            return Some(give_up(format!("the weights could not be read: {why}")));
        }
        Known::Unknown(why) => {
            let at_deadline = "blue is kept, and the release ends";
            return Some(world::cannot_see(
                release,
                seen,
                "the weights",
                why,
                deadline,
                at_deadline,
            ));
        }
    };
    if !split.names(&blue.id) {
        return None;
    }
    let action = Action::Weigh {
        weighting: Weighting::GreenAlone,
        before: split.token.clone(),
        green_group: release.green.as_ref().and_then(|green| split.group_of(&green.id)),
    };
    Some(act(release, seen.at, action, give_up))
}
