//! Bake: green is watched with traffic. Each look is judged by itself, which finds what is plainly wrong; bad looks add up until
//! enough good ones in a row have followed. What both environments serve meanwhile is judged by the health engine, which finds
//! what is worse ([`super::super::assessment`]). The same watch goes on through drain and retire, for as long as there is a blue to go
//! back to.

use super::super::assessment::measured;
use super::super::drill::OVER;
use super::super::event::{Event, Look};
use super::super::looks::due;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::state::Release;
use super::super::why::Why;
use super::super::witness::emptied;
use super::look::{judge, unmanned};
use super::windows::failing;
use super::{Decision, Then, limits, record, replace, roll_back, wait, world};
use crate::verdict::AtDeadline;

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    watching(release, seen, || go_on(release, seen))
}

fn go_on(release: &Release, seen: &Observation) -> Decision {
    let Some(until) = release.bake_until() else {
        return roll_back("the journal does not say when the bake began", Outcome::RolledBack);
    };
    let deadline = release.bake_deadline();
    // Whoever comes back after a while has to look first: the time for which nobody watched does not count.
    let watched = !due(release.watch.last, release.plan.bake.interval.get() * 3, seen.at);
    let assessment = &release.assessment;
    let suspicion = assessment.suspicion();
    // A bad window is no reason to take green back, and none to go on before the next one.
    let missing = assessment.bad_window().or_else(|| assessment.too_little(&release.plan));
    let drill = release.plan.drill.is_some();
    // The look with which the shift was confirmed is no look of the bake.
    let looked = release.watch.last.is_some_and(|last| last > release.phase_since);
    let well = watched
        && looked
        && release.watch.bad == 0
        && release.watch.good_in_row > 0
        && suspicion.is_none()
        && (missing.is_none() || drill);
    if well && seen.at >= until {
        if drill {
            return roll_back(OVER, Outcome::RolledBack);
        }
        let length = release.plan.bake_length(release.step);
        return record(format!("green did well for {length}"), Event::BakePassed { how: None });
    }
    // Once green has everything there is nothing to compare it with, so only time shows how it does.
    if well
        && !drill
        && !release.whole_step()
        && let Some(shown) = assessment.good(release.step)
    {
        let how = Some(shown.clone());
        return record(format!("green passes early: {shown}"), Event::BakePassed { how });
    }
    // Nobody has to be asked about a green that was under suspicion to the last, while there is a blue to go back to; and a drill is
    // never promoted, whatever could be seen of it.
    let back = drill || suspicion.is_some() || release.plan.verdict.at_deadline == AtDeadline::RollBack;
    let doubt = release.watch.doubt.clone().or(suspicion).or(missing);
    if seen.at >= deadline {
        let doubt = doubt.as_deref().unwrap_or("too little was seen");
        if let Some(what) = emptied(release, seen) {
            return stranded(
                release,
                seen,
                what,
                &format!("green could not be shown to be healthy ({doubt})"),
            );
        }
        if back {
            return turned_back(
                release,
                seen,
                format!("green could not be shown to be healthy ({doubt})"),
            );
        }
        if !release.whole_step() {
            let share = release.plan.share(release.step);
            let why = format!("green has {share} of the traffic and could not be shown to be healthy ({doubt})");
            return turned_back(release, seen, why);
        }
        return super::finish(
            Outcome::NeedsHuman,
            format!(
                "green has the traffic, but could not be shown to be healthy ({doubt}), nor to be bad; \
                 look at it, then keep it or run `cutover rollback`"
            ),
        );
    }
    let why = Why::Baking { until, doubt };
    let next = release.watch.last.unwrap_or(seen.at) + release.look_every();
    let at_deadline = if back || !release.whole_step() {
        "green is taken back"
    } else {
        "a person is asked"
    };
    wait(seen.at, why, next, deadline, at_deadline)
}

/// Watches green while the phase goes on. A look that is due goes before what the phase wants, but not twice in a row: where
/// looking takes longer than the interval, because the journal or AWS is slow, a look is always due, and the release would do
/// nothing else for ever. A sick instance is replaced in whichever of these phases it is found.
pub(super) fn watching(release: &Release, seen: &Observation, phase: impl FnOnce() -> Decision) -> Decision {
    watching_beside(release, seen, || replace::sick(release, seen.at).unwrap_or_else(phase))
}

/// Watches green while something else goes on, as [`watching`] does, and replaces nothing.
pub(super) fn watching_beside(release: &Release, seen: &Observation, phase: impl FnOnce() -> Decision) -> Decision {
    let watched = watch(release, seen);
    let looked = |decision: &Decision| matches!(decision.then, Then::Record(Event::Looked { .. }));
    match watched {
        Some(look) if looked(&look) && release.watch.entry == release.sequence => {
            let decision = phase();
            if matches!(decision.then, Then::Wait { .. }) {
                look
            } else {
                decision
            }
        }
        Some(decision) => decision,
        None => phase(),
    }
}

/// Puts a new look on record, or takes green back when too many were bad. `None` when there is nothing new.
pub(super) fn watch(release: &Release, seen: &Observation) -> Option<Decision> {
    let plan = &release.plan.bake;
    let taken_back = |why: String| {
        let why = if removed(release, seen) {
            format!("{why}; green may have no other fault: somebody else is removing it")
        } else {
            why
        };
        match emptied(release, seen) {
            Some(what) => stranded(release, seen, what, &why),
            None => roll_back(why, Outcome::RolledBack),
        }
    };
    if release.watch.bad >= plan.fail {
        let doubt = release.watch.doubt.as_deref().unwrap_or("it was bad");
        let looks = release.watch.bad;
        return Some(taken_back(format!(
            "green is bad with traffic ({looks} looks): {doubt}"
        )));
    }
    if let Some(why) = release.assessment.unhealthy() {
        return Some(taken_back(why));
    }
    if seen.public.is_none() || !release.look_is_due(seen.at) {
        return failing(release, seen);
    }
    let look = looked(release, seen);
    let what = match &look {
        Look::Good => "green looks good".to_owned(),
        Look::Bad { why } => format!("green looks bad: {why}"),
        Look::Failing { why, .. } => format!("a check of green has failed: {why}"),
        Look::Unknown { why } => format!("cannot tell how green is: {why}"),
    };
    let measured = measured(release, seen, Some(&look)).map(Box::new);
    Some(record(what, Event::Looked { look, measured }))
}

/// Whether somebody has removed green, or is removing it.
fn removed(release: &Release, seen: &Observation) -> bool {
    let (Some(green), Some(environments)) = (&release.green, seen.environments.known()) else {
        return false;
    };
    !world::stays(environments, &green.id)
}

/// Takes green back for another reason than that it is bad. Nobody is sent to a blue that is seen not to serve.
pub(super) fn turned_back(release: &Release, seen: &Observation, why: String) -> Decision {
    match unmanned(release, seen) {
        Some(what) => stranded(release, seen, what, &why),
        None => roll_back(why, Outcome::RolledBack),
    }
}

/// Green is to be taken back, and there is nobody behind blue. An instance that is being replaced comes back; if none does, a person
/// is called.
fn stranded(release: &Release, seen: &Observation, what: String, why: &str) -> Decision {
    world::lasting_for(release, seen.at, what, limits::REPLACE, |what| {
        let green = release.green.as_ref().map_or("unknown", |green| green.id.as_str());
        let advice = format!("give everything to green ({green}) if that serves, by hand, or bring blue back");
        super::finish(Outcome::NeedsHuman, format!("{why}; but {what}: {advice}"))
    })
}

/// The look, in the light of what its own window says: an instance that is found sick in it explains what would be bad.
fn looked(release: &Release, seen: &Observation) -> Look {
    let look = judge(release, seen);
    if !matches!(look, Look::Bad { .. }) {
        return look;
    }
    let Some(measured) = measured(release, seen, Some(&look)) else {
        return look;
    };
    let mut informed = release.clone();
    informed.assessment.take(&measured);
    judge(&informed, seen)
}
