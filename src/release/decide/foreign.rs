//! Changes that somebody else has made: the slot's name moved, another version on blue or green, an environment that changes or
//! goes. Each is named by what was expected and what is seen, and answered as the settings say.
//!
//! Whatever the answer: a name is put back only so often ([`limits::RESTORES`]), because a person who moves it again means it;
//! and nothing is removed on account of a finding.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::seen::{EnvironmentSeen, EnvironmentStatus};
use super::super::state::{Phase, Question, Release};
use super::super::why::Why;
use super::weights::{self, Weights};
use super::{Decision, Then, act, bake, finish, limits, next_look, record, roll_back, wait, world};
use crate::model::{Known, Timestamp};
use crate::spec::{ForeignAnswer, Lever};
use crate::traffic::Weighting;

/// A change by somebody else.
struct Finding {
    /// What was expected and what is seen. The same words for as long as it is the same.
    what: String,
    /// More of it, which may change from look to look.
    detail: String,
    /// How the release stops because of it.
    stop: Stop,
    /// What would put it right.
    restore: Option<Action>,
    /// Whether the release can go on as things are, if a person says so.
    acceptable: bool,
}

/// How a release stops.
#[derive(Clone)]
enum Stop {
    /// Green is taken back or given up.
    TurnBack(Outcome),
    /// A person is called; the text says what to do.
    Call(String),
}

/// What a look at the list gives.
enum Look {
    AsItShouldBe,
    /// Names are on their way: that is no finding yet.
    Moving,
    Found(Finding),
}

/// What to do about other people's changes, if there are any.
pub(super) fn decide(release: &Release, seen: &Observation) -> Option<Decision> {
    let Known::Known(environments) = &seen.environments else {
        let question = release.question.as_ref()?;
        return Some(out_of_sight(release, seen, question, || {
            finish(
                Outcome::NeedsHuman,
                format!(
                    "{}; nobody answered, and now the environments cannot be read: see where the traffic is",
                    question.what
                ),
            )
        }));
    };
    if let Some(decision) = without_blue(release, environments, seen) {
        return Some(decision);
    }
    match look(release, environments, seen) {
        Look::Found(finding) if release.accepted.contains(&finding.what) => closed(release, "it is accepted"),
        Look::Found(finding) => Some(found(release, seen, finding)),
        Look::Moving => {
            let question = release.question.as_ref()?;
            Some(out_of_sight(release, seen, question, || {
                unseen(release, seen, environments, question)
            }))
        }
        Look::AsItShouldBe => closed(release, "all is as it should be again").or_else(|| notes(release, environments)),
    }
}

fn closed(release: &Release, how: &str) -> Option<Decision> {
    let question = release.question.as_ref()?;
    let (what, how) = (question.what.clone(), how.to_owned());
    let accepted = false;
    Some(record(how.clone(), Event::Answered { what, how, accepted }))
}

fn found(release: &Release, seen: &Observation, finding: Finding) -> Decision {
    let now = seen.at;
    if let Some(question) = release
        .question
        .as_ref()
        .filter(|question| question.what.starts_with(&finding.what))
    {
        return asked(release, seen, question, &finding);
    }
    let since = world::astray_since(release, &finding.what).unwrap_or(now);
    let told = format!("{}{}", finding.what, finding.detail);
    world::lasting_as(release, now, &finding.what, told, |what| {
        match (release.plan.foreign.answer, &finding.restore) {
            (ForeignAnswer::Restore, Some(action)) if release.restores < limits::RESTORES => Decision {
                why: Why::Missing {
                    what: format!("{what}: {}", action.describe()),
                },
                then: Then::Act(action.clone()),
            },
            (ForeignAnswer::Ask, _) => {
                let asked = release.question.as_ref().map(|question| question.until);
                let until = asked.unwrap_or(now + release.plan.foreign.deadline.get());
                record(what.clone(), Event::Asking { what, until })
            }
            _ => stop(release, seen, &finding, since),
        }
    })
}

/// A person was asked about this.
fn asked(release: &Release, seen: &Observation, question: &Question, finding: &Finding) -> Decision {
    if let Some(by) = &release.wishes.resume {
        let how = if finding.acceptable {
            format!("{by} wants to go on as things are")
        } else {
            format!("{by} wants to go on, which takes that it is put right")
        };
        return record(
            how.clone(),
            Event::Answered {
                what: question.what.clone(),
                how,
                accepted: finding.acceptable,
            },
        );
    }
    awaiting(release, seen, question, || stop(release, seen, finding, question.since))
}

/// A person was asked about something that cannot be seen now. An answer is heard all the same: what is there still is then found
/// anew, and asked about once more.
fn out_of_sight(
    release: &Release,
    seen: &Observation,
    question: &Question,
    at_end: impl FnOnce() -> Decision,
) -> Decision {
    if let Some(by) = &release.wishes.resume {
        let (what, accepted) = (question.what.clone(), false);
        let how = format!("{by} wants to go on, while it cannot be seen");
        return record(how.clone(), Event::Answered { what, how, accepted });
    }
    awaiting(release, seen, question, at_end)
}

/// A person is waited for, until the question's time is over. Users do not wait for the answer: green is watched meanwhile, and
/// taken back when it is bad.
fn awaiting(release: &Release, seen: &Observation, question: &Question, at_end: impl FnOnce() -> Decision) -> Decision {
    // A pause gives whoever is asked more time.
    let paused = release.pause.as_ref().map(|pause| seen.at.since(pause.since));
    let until = question.until + paused.unwrap_or_default();
    let wait_on = || {
        if seen.at >= until {
            return at_end();
        }
        let why = Why::Asking {
            what: question.what.clone(),
            until: question.until,
        };
        let look = next_look(release, seen.at).min(seen.at + release.plan.bake.interval.get());
        wait(seen.at, why, look, until, "the release stops")
    };
    let way_back = release.shifted_at.is_some() && !release.attempts_of("terminate").done;
    if way_back {
        bake::watching_beside(release, seen, wait_on)
    } else {
        wait_on()
    }
}

/// Nobody has answered, and where the traffic goes cannot be seen any more. What can be seen of the environments still counts: users
/// are sent to no blue that is not what it was.
fn unseen(release: &Release, seen: &Observation, environments: &[EnvironmentSeen], question: &Question) -> Decision {
    if let Some(finding) = versions(release, environments).filter(|found| !release.accepted.contains(&found.what)) {
        return stop(release, seen, &finding, question.since);
    }
    let what = format!(
        "{}; nobody answered, and where the traffic goes now cannot be seen",
        question.what
    );
    let ended = release.attempts_of("terminate").done;
    if ended || release.shifted_at.is_some() && !is_home(release, environments) {
        let advice = "see that it goes to an environment that is well";
        return finish(Outcome::NeedsHuman, format!("{what}: {advice}"));
    }
    let outcome = if release.shift_intended {
        Outcome::RolledBack
    } else {
        Outcome::Aborted
    };
    roll_back(what, outcome)
}

/// How a person takes the traffic from one side.
fn by_hand(release: &Release, from: &str) -> String {
    let slot = &release.plan.slot_cname;
    match release.plan.lever {
        Lever::CnameSwap => "keep green, or swap the CNAMEs".to_owned(),
        Lever::WeightedDns => format!("set the weight of {from}'s records at {slot} to 0"),
        Lever::WeightedTargetGroups => {
            format!("set the weight of {from}'s target group to 0 in each of the rules for {slot}")
        }
    }
}

/// Whether blue is there, and stays, and has the name that records may lead to.
fn is_home(release: &Release, environments: &[EnvironmentSeen]) -> bool {
    release.blue.as_ref().is_some_and(|blue| {
        let now = world::find(environments, &blue.id).and_then(|found| found.cname.as_ref());
        let renamed = match (&blue.cname, now) {
            (Some(recorded), Some(now)) => !now.eq_ignore_ascii_case(recorded),
            _ => false,
        };
        let by_name = release.plan.lever == Lever::WeightedDns;
        world::stays(environments, &blue.id) && !(by_name && renamed)
    })
}

fn stop(release: &Release, seen: &Observation, finding: &Finding, since: Timestamp) -> Decision {
    let what = format!("{}{}, since {}", finding.what, finding.detail, since.time_of_day());
    match &finding.stop {
        Stop::TurnBack(_) if release.shifted_at.is_some() => bake::turned_back(release, seen, what),
        Stop::TurnBack(outcome) => roll_back(what, *outcome),
        Stop::Call(advice) => {
            let green = release.green.as_ref().map_or("unknown", |green| green.id.as_str());
            let blue = release.blue.as_ref().map_or("unknown", |blue| blue.id.as_str());
            finish(
                Outcome::NeedsHuman,
                format!("{what}; green is {green}, blue is {blue}: {advice}"),
            )
        }
    }
}

fn look(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Look {
    let traffic = if release.plan.lever.is_gradual() {
        shares(release, environments, seen)
    } else {
        names(release, environments)
    };
    match traffic {
        Look::AsItShouldBe => match versions(release, environments) {
            Some(finding) => Look::Found(finding),
            None => Look::AsItShouldBe,
        },
        other => other,
    }
}

/// How a lever with weights shares out the traffic, and how it should.
fn shares(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Look {
    let ended = release.attempts_of("terminate").done;
    let stop = |advice: &str| match (ended, release.shift_intended) {
        (true, _) => Stop::Call(advice.to_owned()),
        (false, true) => Stop::TurnBack(Outcome::RolledBack),
        (false, false) => Stop::TurnBack(Outcome::Aborted),
    };
    // Names of an environment that is removed lead nowhere, whatever its weight.
    if let (Some(green), Some(_)) = (&release.green, release.shifted_at)
        && !world::stays(environments, &green.id)
    {
        return Look::Found(Finding {
            detail: String::new(),
            what: format!("somebody else is removing green ({}), which has traffic", green.id),
            stop: stop("blue was told to end as well: make an environment that serves, and give it everything"),
            restore: None,
            acceptable: false,
        });
    }
    if let Some(decision) = blue_goes(release, environments, seen) {
        return decision;
    }
    if let Some(what) = weights::blue_renamed(release, environments, seen) {
        return Look::Found(Finding {
            detail: String::new(),
            what,
            stop: Stop::Call(
                "give them back their names by a swap, see that the records lead where they should, and remove what is left over"
                    .to_owned(),
            ),
            restore: None,
            acceptable: false,
        });
    }
    // Blue's name leads to blue as ever: the way back takes the record away that leads to a stranger.
    if let Some(what) = weights::green_renamed(release, environments, seen) {
        return Look::Found(Finding {
            detail: String::new(),
            what,
            stop: stop("blue was told to end, so give green its name back by a swap"),
            restore: None,
            acceptable: false,
        });
    }
    match weights::compare(release, seen) {
        Weights::AsTheyShouldBe => Look::AsItShouldBe,
        Weights::Unseen => Look::Moving,
        Weights::Changed { what, shown, restore } => Look::Found(Finding {
            what,
            detail: shown,
            stop: stop("blue was told to end, so give everything to green by hand"),
            restore,
            acceptable: false,
        }),
    }
}

/// Somebody else removes blue while it has a part of the traffic: what goes there fails from then on, and nobody who is called is as quick
/// as that. A green that is not known to be bad gets everything, and then a person is called, for it has not proved itself.
fn without_blue(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Option<Decision> {
    let (blue, green) = (release.blue.as_ref()?, release.green.as_ref()?);
    let shared = release.plan.lever.is_gradual() && matches!(release.phase, Phase::Shift | Phase::Bake);
    if !shared || release.shifted_at.is_none() {
        return None;
    }
    let what = format!(
        "somebody else is removing blue ({}), which had a part of the traffic",
        blue.id
    );
    if release.weighting == Weighting::GreenAlone {
        return Some(finish(
            Outcome::NeedsHuman,
            format!(
                "{what}: green ({}) was given everything before it had passed its bake, and nobody watches it now; see that it is well",
                green.id
            ),
        ));
    }
    // A list that is behind may lack it; that it is being removed none shows that did not begin.
    let going = |seen: &EnvironmentSeen| {
        matches!(
            seen.status,
            EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
        )
    };
    let split = seen.split.known()?;
    let is_well =
        release.watch.doubt.is_none() && world::find(environments, &green.id).is_some_and(EnvironmentSeen::ready);
    let helps = split.serves(&blue.id) && split.serves(&green.id);
    (world::find(environments, &blue.id).is_some_and(going) && is_well && helps).then_some(())?;
    let action = Action::Weigh {
        weighting: Weighting::GreenAlone,
        before: split.token.clone(),
        green_group: split.group_of(&green.id),
    };
    let give_up = |why: String| {
        finish(
            Outcome::NeedsHuman,
            format!("{what}: {why}; {}", by_hand(release, "blue")),
        )
    };
    Some(act(release, seen.at, action, give_up))
}

/// The same where it cannot be helped: nothing that goes back would find anybody.
fn blue_goes(release: &Release, environments: &[EnvironmentSeen], seen: &Observation) -> Option<Look> {
    let (blue, split) = (release.blue.as_ref()?, seen.split.known()?);
    let there = world::stays(environments, &blue.id);
    (!there && release.shifted_at.is_some() && split.serves(&blue.id)).then(|| {
        Look::Found(Finding {
            detail: String::new(),
            what: format!("somebody else is removing blue ({}), which has traffic", blue.id),
            stop: Stop::Call(format!(
                "requests that still go to blue will fail, so give everything to green at once if that is well: {}",
                by_hand(release, "blue")
            )),
            restore: None,
            acceptable: false,
        })
    })
}

/// Who holds the slot's name, and who should.
fn names(release: &Release, environments: &[EnvironmentSeen]) -> Look {
    let Some(blue) = &release.blue else {
        return Look::AsItShouldBe;
    };
    let slot = &release.plan.slot_cname;
    let holder = environments.iter().find(|seen| seen.holds(slot));
    let on_green = holder.is_some_and(|holder| release.green.as_ref().is_some_and(|green| green.id == holder.id));
    let on_blue = holder.is_some_and(|holder| holder.id == blue.id);
    let shifted = release.shifted_at.is_some();
    // From the first intent to swap on, a name on green is this release's own doing, however late it shows.
    let ours = release.phase == Phase::Shift && release.shift_called_at.is_some();
    if on_green && (shifted || ours) || on_blue && !shifted {
        return Look::AsItShouldBe;
    }
    // While an environment changes, its names may be on their way.
    let restoring = release.plan.foreign.answer == ForeignAnswer::Restore;
    let concerned = |seen: &&EnvironmentSeen| {
        seen.id == blue.id
            || release.green.as_ref().is_some_and(|green| green.id == seen.id)
            || restoring && holder.is_some_and(|holder| holder.id == seen.id)
    };
    if environments
        .iter()
        .filter(concerned)
        .any(|seen| seen.status == EnvironmentStatus::Updating)
    {
        return Look::Moving;
    }
    let (what, stop) = if shifted && on_blue {
        let what = format!(
            "somebody else has given {slot} back to blue ({}); green should hold it",
            blue.id
        );
        (what, Stop::TurnBack(Outcome::RolledBack))
    } else if on_green {
        // The rollback looks for itself who holds the name, and gives it back.
        let what = format!("somebody else has given {slot} to green before it was its turn; blue should hold it");
        (what, Stop::TurnBack(Outcome::RolledBack))
    } else {
        let place = match holder {
            Some(holder) => format!(
                "is held by {} ({}), which this release does not know",
                holder.name, holder.id
            ),
            None => "is held by no environment".to_owned(),
        };
        let (side, stop) = if shifted {
            (
                "green",
                Stop::Call("find out who moved it, then swap by hand".to_owned()),
            )
        } else {
            ("blue", Stop::TurnBack(Outcome::Aborted))
        };
        (
            format!("somebody else has moved traffic: the name {slot} {place}; {side} should hold it"),
            stop,
        )
    };
    Look::Found(Finding {
        detail: String::new(),
        what,
        stop,
        restore: put_back(release, environments, holder),
        acceptable: false,
    })
}

/// The swap that gives the slot's name to where the release wants it.
fn put_back(release: &Release, environments: &[EnvironmentSeen], holder: Option<&EnvironmentSeen>) -> Option<Action> {
    let holder = holder.filter(|holder| holder.ready())?;
    let wanted = match release.shifted_at {
        // What is not known to be well gets no traffic, least of all against somebody's will.
        Some(_) if release.watch.doubt.is_some() => return None,
        Some(_) => &release.green.as_ref()?.id,
        None => &release.blue.as_ref()?.id,
    };
    let wanted = world::find(environments, wanted).filter(|wanted| wanted.ready())?;
    Some(Action::Swap {
        from: holder.id.clone(),
        to: wanted.id.clone(),
        other_cname: wanted.cname.clone()?,
    })
}

/// Another version than expected on blue or green.
fn versions(release: &Release, environments: &[EnvironmentSeen]) -> Option<Finding> {
    // Once blue was told to end nothing can be turned.
    if release.attempts_of("terminate").done {
        return None;
    }
    let shifted = release.shifted_at.is_some();
    let turn_back = if release.shift_intended {
        Outcome::RolledBack
    } else {
        Outcome::Aborted
    };
    let finding = |role: &str, seen: &EnvironmentSeen, wanted: &crate::model::VersionLabel, stop, acceptable| {
        let version = seen.version.as_ref().filter(|version| *version != wanted)?;
        Some(Finding {
            detail: String::new(),
            what: format!(
                "somebody else has deployed {version} to {role} ({}), which should run {wanted}",
                seen.id
            ),
            stop,
            restore: None,
            acceptable,
        })
    };
    let tested = matches!(
        release.phase,
        Phase::Smoke | Phase::Shift | Phase::Bake | Phase::Drain | Phase::Retire
    );
    let green = release.green.as_ref().and_then(|green| {
        let seen = world::find(environments, &green.id)?;
        // While it is launched it may not say yet what it is to run.
        (tested || release.phase == Phase::Provision && seen.status != EnvironmentStatus::Launching).then_some(())?;
        finding(
            "green",
            seen,
            &release.plan.version_label,
            Stop::TurnBack(turn_back),
            false,
        )
    });
    green.or_else(|| {
        let blue = release.blue.as_ref()?;
        let seen = world::find(environments, &blue.id)?;
        let stop = if shifted {
            let share = match release.plan.share(release.step_in_place().unwrap_or_default()) {
                share if release.plan.lever.is_gradual() && !share.is_whole() => format!("{share} of the traffic"),
                _ => "the traffic".to_owned(),
            };
            Stop::Call(format!(
                "green has {share}, and blue is not any more what one could go back to; nobody watches them now, so leave everything to one \
                 of them: {}",
                by_hand(release, "the other one")
            ))
        } else {
            Stop::TurnBack(turn_back)
        };
        finding("blue", seen, blue.version.as_ref()?, stop, true)
    })
}

/// What is worth knowing, and no reason to stop: it is waited for where it matters.
fn notes(release: &Release, environments: &[EnvironmentSeen]) -> Option<Decision> {
    let ended = release.attempts_of("terminate");
    let told = ended.done || ended.failed > 0;
    let blue = release.blue.as_ref().filter(|_| !told).map(|blue| ("blue", &blue.id));
    let made = !matches!(release.phase, Phase::Publish | Phase::Provision);
    let green = release
        .green
        .as_ref()
        .filter(|_| made)
        .map(|green| ("green", &green.id));
    let note = blue.into_iter().chain(green).find_map(|(role, id)| {
        let seen = world::find(environments, id)?;
        let text = match seen.status {
            EnvironmentStatus::Updating if !own_change(release) => format!(
                "{role} ({id}) is Updating in phase {}, and not by this release: a managed update, or somebody changes it; \
                 where it must be at rest, it is waited for",
                release.phase
            ),
            EnvironmentStatus::Terminating if role == "blue" && release.shifted_at.is_some() => {
                format!("{role} ({id}) is being removed, and not by this release: there is no way back any more")
            }
            _ => return None,
        };
        (!release.notes.contains(&text)).then_some(text)
    })?;
    Some(record(note.clone(), Event::Noted { note }))
}

/// Whether a change of blue or green may still be this release's own.
fn own_change(release: &Release) -> bool {
    let heard = release.heard_at;
    release.attempts.iter().any(|(key, attempts)| {
        let length = if key == "swap" {
            limits::SWAP_SETTLE
        } else if key.starts_with("restore capacity") {
            limits::TERMINATE
        } else {
            return false;
        };
        heard < attempts.last + length
    })
}
