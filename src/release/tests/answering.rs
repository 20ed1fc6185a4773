//! What is found of other people's changes, and how each is answered: stop, put it back, or ask.

use super::plan::gradual;
use super::possible::writer;
use super::run::{GREEN, Run};
use super::scene::{INSTANT, Scene, act, known, over, record, taken_back, unread, wait, watched};
use super::world::{BLUE, seconds};
use crate::model::Timestamp;
use crate::release::{
    Action, Attempts, Decision, EnvironmentStatus, Event, Outcome, Pause, Phase, Question, Then, Why, limits,
};
use crate::spec::{ForeignAnswer, Lever};

const SLOT: &str = super::plan::SLOT;

/// A release in a phase that answers in this way, with half an hour for a person.
fn answering(phase: Phase, answer: ForeignAnswer) -> Scene {
    Scene::at_the_begin_of(phase).with(|scene| {
        scene.release.plan.foreign.answer = answer;
        scene.release.plan.foreign.deadline = seconds(1800).into();
        // No look is due.
        scene.release.watch.last = Some(scene.seen.at);
    })
}

/// Who holds the slot's name.
fn held_by(scene: &Scene, holder: Option<&str>) -> Scene {
    scene.with(|scene| {
        for one in scene.environments() {
            one.cname = Some(format!("{}.example", one.id));
        }
        if let Some(id) = holder {
            scene.environment(id).cname = Some(SLOT.to_owned());
        }
    })
}

/// The version that an environment was told to run.
fn runs(scene: &Scene, id: &str, version: Option<&str>) -> Scene {
    scene.with(|scene| scene.environment(id).version = version.map(Into::into))
}

fn status(scene: &Scene, id: &str, status: EnvironmentStatus) -> Scene {
    scene.with(|scene| scene.environment(id).status = status)
}

fn finding(scene: &Scene) -> Option<String> {
    match scene.decide().why {
        Why::Astray { what, .. } => Some(what),
        _ => None,
    }
}

fn swaps(decision: &Decision) -> (&str, &str, &str) {
    match act(decision) {
        Action::Swap { from, to, other_cname } => (from.as_str(), to.as_str(), other_cname),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_is_put_back_from_whoever_holds_it() {
    let after = answering(Phase::Bake, ForeignAnswer::Restore);
    for holder in [BLUE, "e-third"] {
        let decision = held_by(&after, Some(holder)).lasting();
        assert_eq!(swaps(&decision), (holder, GREEN, "e-green.example"));
    }
    let before = answering(Phase::Smoke, ForeignAnswer::Restore);
    for holder in [GREEN, "e-third"] {
        let decision = held_by(&before, Some(holder)).lasting();
        assert_eq!(swaps(&decision), (holder, BLUE, "e-blue.example"));
    }
}

#[test]
fn what_cannot_be_put_back_or_was_too_often_stops_the_release() {
    let away = held_by(&answering(Phase::Bake, ForeignAnswer::Restore), Some(BLUE));
    let often = |restores| away.with(|scene| scene.release.restores = restores).lasting();
    assert_eq!(swaps(&often(limits::RESTORES - 1)).1, GREEN);
    assert_eq!(taken_back(&often(limits::RESTORES)).1, Outcome::RolledBack);
    for scene in [
        status(&away, BLUE, EnvironmentStatus::Other),
        status(&away, GREEN, EnvironmentStatus::Other),
        away.with(|scene| scene.environment(GREEN).cname = None),
    ] {
        assert_eq!(taken_back(&scene.lasting()).1, Outcome::RolledBack);
    }
    let nobody = held_by(&away, None).lasting();
    assert_eq!(over(&nobody).1, Outcome::NeedsHuman);
    let stops = away.with(|scene| scene.release.plan.foreign.answer = ForeignAnswer::Stop);
    let decision = stops.lasting();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    let since = format!("since {}", stops.seen.at.time_of_day());
    assert!(why.ends_with(&since), "it says when it was seen first: {why}");
}

#[test]
fn names_may_be_on_their_way_while_whoever_has_them_changes() {
    for (id, holder, answer, moving) in [
        (BLUE, "e-third", ForeignAnswer::Stop, true),
        (GREEN, "e-third", ForeignAnswer::Stop, true),
        ("e-third", "e-third", ForeignAnswer::Stop, false),
        ("e-third", "e-third", ForeignAnswer::Restore, true),
        ("e-third", BLUE, ForeignAnswer::Restore, false),
    ] {
        let scene = held_by(&answering(Phase::Bake, answer), Some(holder));
        let found = finding(&status(&scene, id, EnvironmentStatus::Updating));
        assert_eq!(found.is_none(), moving, "{id} {holder} {answer:?}: {found:?}");
    }
}

#[test]
fn another_version_is_found_where_it_matters() {
    for phase in [
        Phase::Provision,
        Phase::Smoke,
        Phase::Shift,
        Phase::Bake,
        Phase::Drain,
        Phase::Retire,
    ] {
        let mut scene = answering(phase, ForeignAnswer::Stop);
        if phase == Phase::Provision {
            // Green is known there as soon as it is listed.
            let smoke = answering(Phase::Smoke, ForeignAnswer::Stop);
            scene.release.green = smoke.release.green.clone();
            scene.seen.environments = smoke.seen.environments.clone();
        }
        let found = finding(&runs(&scene, GREEN, Some("v9")));
        let wanted = "somebody else has deployed v9 to green (e-green), which should run v2";
        assert_eq!(found.as_deref(), Some(wanted), "{phase}");
        // While it is launched it may not say yet what it is to run.
        let launching = status(&runs(&scene, GREEN, Some("v9")), GREEN, EnvironmentStatus::Launching);
        assert_eq!(finding(&launching).is_none(), phase == Phase::Provision, "{phase}");
        let found = finding(&runs(&scene, BLUE, Some("v9")));
        let wanted = "somebody else has deployed v9 to blue (e-blue), which should run v1";
        assert_eq!(found.as_deref(), Some(wanted), "{phase}");
        assert_eq!(finding(&runs(&scene, BLUE, None)), None, "{phase}: nothing is known");
    }
    let told = answering(Phase::Retire, ForeignAnswer::Stop).with(|scene| scene.attempts("terminate").done = true);
    assert_eq!(finding(&runs(&told, GREEN, Some("v9"))), None, "nothing can be turned");
}

#[test]
fn another_version_turns_the_release_or_calls_a_person() {
    let smoke = answering(Phase::Smoke, ForeignAnswer::Stop);
    for id in [BLUE, GREEN] {
        let other = runs(&smoke, id, Some("v9"));
        assert_eq!(taken_back(&other.lasting()).1, Outcome::Aborted);
        let tried = other.with(|scene| scene.release.shift_intended = true);
        assert_eq!(taken_back(&tried.lasting()).1, Outcome::RolledBack);
    }
    let bake = answering(Phase::Bake, ForeignAnswer::Stop);
    assert_eq!(
        taken_back(&runs(&bake, GREEN, Some("v9")).lasting()).1,
        Outcome::RolledBack
    );
    let decision = runs(&bake, BLUE, Some("v9")).lasting();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(
        why.contains("green is e-green, blue is e-blue: green has the traffic"),
        "{why}"
    );
    // There is nothing to put back.
    let restore = answering(Phase::Bake, ForeignAnswer::Restore);
    assert_eq!(over(&runs(&restore, BLUE, Some("v9")).lasting()).1, Outcome::NeedsHuman);
}

#[test]
fn a_person_is_asked_once_and_for_so_long() {
    let scene = held_by(&answering(Phase::Bake, ForeignAnswer::Ask), Some(BLUE));
    let decision = scene.lasting();
    let Event::Asking { what, until } = record(&decision) else {
        panic!("{decision:?}");
    };
    assert!(what.contains("back to blue"), "{what}");
    // It had to last for two intervals.
    assert_eq!(*until, scene.seen.at + seconds(20 + 1800));
    // When it is found to be something else, that gives no more time.
    let end = scene.seen.at + seconds(700);
    let other = scene.with(|scene| ask(scene, "another finding", end));
    let decision = other.lasting();
    assert!(
        matches!(record(&decision), Event::Asking { until, .. } if *until == end),
        "{decision:?}"
    );
}

/// A person was asked.
fn ask(scene: &mut Scene, what: &str, until: Timestamp) {
    scene.release.question = Some(Question {
        what: what.to_owned(),
        since: scene.seen.at,
        until,
    });
}

/// A person was asked about what is found, until so many seconds from now.
fn asked(scene: &Scene, length: u64) -> (Scene, Timestamp) {
    let what = finding(scene).expect("something is found");
    let until = scene.seen.at + seconds(length);
    (scene.with(|scene| ask(scene, &what, until)), until)
}

fn moved() -> Scene {
    held_by(&answering(Phase::Bake, ForeignAnswer::Ask), Some(BLUE))
}

#[test]
fn the_release_stops_when_nobody_answers() {
    let (scene, until) = asked(&moved(), 1800);
    let began = scene.seen.at;
    let decision = scene.decide();
    assert!(
        matches!(&decision.why, Why::Asking { until: told, .. } if *told == until),
        "{decision:?}"
    );
    assert_eq!(wait(&decision), (began + seconds(10), until));
    let often = scene.with(|scene| scene.release.plan.bake.interval = seconds(3).into());
    assert_eq!(
        wait(&often.decide()).0,
        began + seconds(3),
        "green is watched as before"
    );
    assert!(matches!(scene.at(until - INSTANT).decide().why, Why::Asking { .. }));
    let decision = scene.at(until).decide();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.ends_with(&format!("since {}", began.time_of_day())), "{why}");
    // Nor when nothing can be read.
    let blind = scene.with(|scene| scene.seen.environments = unread());
    assert!(matches!(blind.at(until - INSTANT).decide().why, Why::Asking { .. }));
    let decision = blind.at(until).decide();
    assert_eq!(over(&decision).1, Outcome::NeedsHuman);
    assert!(over(&decision).0.contains("nobody answered"), "{decision:?}");
}

fn answered(decision: &Decision) -> (&str, bool) {
    match record(decision) {
        Event::Answered { how, accepted, .. } => (how, *accepted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_goes_on_as_far_as_that_is_possible() {
    let resume = |scene: &mut Scene| scene.release.wishes.resume = Some(writer(3));
    let (scene, _) = asked(&moved(), 1800);
    let decision = scene.with(resume).decide();
    let (how, accepted) = answered(&decision);
    assert!(!accepted && how.contains("takes that it is put right"), "{how}");
    let other = runs(&answering(Phase::Bake, ForeignAnswer::Ask), BLUE, Some("v9"));
    let (scene, _) = asked(&other, 1800);
    let decision = scene.with(resume).decide();
    let (how, accepted) = answered(&decision);
    assert!(accepted && how.contains("go on as things are"), "{how}");
    // What was accepted is no finding any more, and what was asked is settled.
    let what = finding(&other).expect("something is found");
    let accept = |scene: &mut Scene| scene.release.accepted.push(what.clone());
    assert_eq!(answered(&scene.with(accept).decide()), ("it is accepted", false));
    assert_eq!(finding(&other.with(accept)), None);
    let green = runs(&other, GREEN, Some("v8"));
    let found = finding(&green.with(accept)).expect("another is");
    assert!(found.contains("v8 to green"), "{found}");
}

/// While green has a part of the traffic by weighted records, and no look is due.
fn sharing() -> Scene {
    let mut run = Run::of(gradual(Lever::WeightedDns), 1).until(Phase::Bake, 0);
    Scene::of(&mut run).with(|scene| {
        scene.release.plan.foreign.answer = ForeignAnswer::Ask;
        scene.release.plan.foreign.deadline = seconds(1800).into();
        scene.release.watch.last = Some(scene.seen.at + seconds(10_000));
    })
}

#[test]
fn weights_that_cannot_be_read_send_nobody_to_a_blue_that_is_not_what_it_was() {
    let scene = sharing();
    let (other, until) = asked(&runs(&scene, BLUE, Some("v9")), 1800);
    let blind = other.with(|scene| scene.seen.split = unread()).at(until);
    let decision = blind.decide();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains("not any more what one could go back to"), "{why}");

    let lost = |change: &dyn Fn(&mut Scene)| {
        let (scene, until) = asked(&runs(&scene, GREEN, Some("v9")), 1800);
        let right = runs(&scene, GREEN, Some("v2")).with(|scene| {
            scene.seen.split = unread();
            change(scene);
        });
        right.at(until).decide()
    };
    let decision = lost(&|_| {});
    assert_eq!(taken_back(&decision).1, Outcome::RolledBack);
    assert!(taken_back(&decision).0.contains("cannot be seen"), "{decision:?}");
    for going in [EnvironmentStatus::Terminating, EnvironmentStatus::Terminated] {
        let decision = lost(&|scene| scene.environment(BLUE).status = going);
        assert_eq!(over(&decision).1, Outcome::NeedsHuman, "{going:?}");
    }
    assert_eq!(over(&lost(&|scene| scene.remove(BLUE))).1, Outcome::NeedsHuman);
    let decision = lost(&|scene| scene.environment(BLUE).cname = Some("somebody-else.example".to_owned()));
    assert_eq!(
        over(&decision).1,
        Outcome::NeedsHuman,
        "records may lead to its old name"
    );
    // Before anything was moved there is nothing to bring back.
    let decision = lost(&|scene| {
        scene.release.phase = Phase::Smoke;
        (scene.release.shifted_at, scene.release.shift_intended) = (None, false);
    });
    assert_eq!(taken_back(&decision).1, Outcome::Aborted);
}

#[test]
fn an_answer_is_heard_while_nothing_can_be_seen() {
    let (other, until) = asked(&runs(&sharing(), BLUE, Some("v9")), 1800);
    let answering = other.with(|scene| scene.release.wishes.resume = Some(writer(3)));
    for blind in [
        answering.with(|scene| scene.seen.split = unread()),
        answering.with(|scene| scene.seen.environments = unread()),
    ] {
        let decision = blind.at(until).decide();
        let (how, accepted) = answered(&decision);
        assert!(!accepted && how.contains("cannot be seen"), "{how}");
    }
}

#[test]
fn a_question_is_settled_when_all_is_as_it_should_be() {
    let right = answering(Phase::Bake, ForeignAnswer::Ask).with(|scene| {
        let until = scene.seen.at + seconds(1800);
        ask(scene, "something", until);
    });
    assert_eq!(answered(&right.decide()), ("all is as it should be again", false));
    let moving = status(&held_by(&right, Some(BLUE)), BLUE, EnvironmentStatus::Updating);
    assert!(
        matches!(moving.decide().why, Why::Asking { .. }),
        "names are on their way"
    );
    // That has an end, too, and a pause makes it later.
    let until = right.seen.at + seconds(1800);
    assert!(matches!(moving.at(until - INSTANT).decide().why, Why::Asking { .. }));
    let late = moving.at(until).decide();
    let (why, outcome) = taken_back(&late);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.contains("nobody answered"), "{why}");
    let paused = moving.at(until).with(|scene| {
        let (since, by) = (scene.seen.at - seconds(60), writer(3));
        let until = scene.seen.at + seconds(60);
        scene.release.pause = Some(Pause { since, until, by });
    });
    assert!(matches!(paused.decide().why, Why::Asking { .. }));
    let told = moving.with(|scene| scene.attempts("terminate").done = true);
    assert_eq!(over(&told.at(until).decide()).1, Outcome::NeedsHuman);
}

#[test]
fn users_whose_requests_fail_do_not_wait_for_the_answer() {
    let (scene, _) = asked(&moved(), 1800);
    let due = scene.with(|scene| {
        scene.release.watch.last = None;
        scene.seen.public = watched().seen.public;
    });
    let watched_meanwhile = due.decide();
    assert!(
        matches!(record(&watched_meanwhile), Event::Looked { .. }),
        "{watched_meanwhile:?}"
    );
    let failing = due.with(|scene| {
        let public = scene.seen.public.as_mut();
        let public = public.expect("green is watched");
        (public.checks[0].passed, public.checks[0].status) = (false, Some(500));
    });
    let decision = failing.decide();
    assert!(matches!(record(&decision), Event::Looked { .. }), "{decision:?}");
    let between = failing.with(|scene| scene.release.watch.last = Some(scene.seen.at));
    assert!(
        matches!(between.decide().why, Why::Asking { .. }),
        "there is nothing new"
    );
    let bad = |count| scene.with(|scene| scene.release.watch.bad = count).decide();
    assert!(matches!(bad(1).why, Why::Asking { .. }));
    assert_eq!(taken_back(&bad(2)).1, Outcome::RolledBack);
}

fn note(scene: &Scene) -> Option<String> {
    match scene.decide().then {
        Then::Record(Event::Noted { note }) => Some(note),
        _ => None,
    }
}

/// The same when no call of this release's own can have changed anything lately.
fn calm(phase: Phase) -> Scene {
    answering(phase, ForeignAnswer::Stop).with(|scene| scene.release.attempts.clear())
}

#[test]
fn an_update_by_somebody_else_is_noted_once() {
    for phase in [Phase::Smoke, Phase::Shift, Phase::Bake, Phase::Retire] {
        for (id, role) in [(BLUE, "blue"), (GREEN, "green")] {
            let busy = status(&calm(phase), id, EnvironmentStatus::Updating);
            let text = note(&busy).expect("it is worth a note");
            let wanted = format!("{role} ({id}) is Updating in phase {phase}, and not by this release");
            assert!(text.starts_with(&wanted), "{text}");
            let noted = busy.with(|scene| scene.release.notes.push(text));
            assert_eq!(note(&noted), None);
        }
        assert_eq!(note(&calm(phase)), None);
    }
    // While green is made it changes.
    let mut making = calm(Phase::Provision);
    making.release.green = calm(Phase::Smoke).release.green;
    let mut green = making.environment("e-third").clone();
    (green.id, green.status) = (GREEN.into(), EnvironmentStatus::Updating);
    (green.cname, green.version) = (None, Some("v2".into()));
    known(&mut making.seen.environments).push(green);
    assert_eq!(note(&making), None);
    assert!(note(&status(&making, BLUE, EnvironmentStatus::Updating)).is_some());
}

#[test]
fn a_change_of_the_releases_own_is_not_noted() {
    let busy = status(&calm(Phase::Bake), GREEN, EnvironmentStatus::Updating);
    let heard = busy.release.heard_at;
    for (key, length) in [
        ("swap", Some(limits::SWAP_SETTLE)),
        ("restore capacity e-blue 3", Some(limits::TERMINATE)),
        ("upload", None),
    ] {
        let tried = |last| {
            note(&busy.with(|scene| {
                let attempts = Attempts {
                    last,
                    ..Attempts::default()
                };
                *scene.attempts(key) = attempts;
            }))
        };
        match length {
            Some(length) => {
                assert_eq!(tried(heard - length + INSTANT), None, "{key}");
                assert!(tried(heard - length).is_some(), "{key}");
            }
            None => assert!(tried(heard).is_some(), "{key}"),
        }
    }
}

#[test]
fn a_blue_that_goes_is_noted_while_it_would_be_a_way_back() {
    let going = |scene: &Scene, id| note(&status(scene, id, EnvironmentStatus::Terminating));
    let bake = calm(Phase::Bake);
    assert!(
        going(&bake, BLUE)
            .expect("there is no way back")
            .contains("no way back")
    );
    // A green that goes takes its name along, and that is a finding.
    assert_eq!(going(&bake, GREEN), None);
    assert_eq!(going(&calm(Phase::Smoke), GREEN), None);
    // Before the shift is seen, blue may be on its way out for whatever reason: the shift looks at it itself.
    let shift = held_by(&calm(Phase::Shift), Some(GREEN));
    let late = shift.with(|scene| scene.release.shift_called_at = Some(scene.seen.at));
    assert_eq!(going(&late, BLUE), None);
    let retire = calm(Phase::Retire);
    for change in [(|attempts| attempts.done = true) as fn(&mut Attempts), |attempts| {
        attempts.failed = 1;
    }] {
        let told = retire.with(|scene| change(scene.attempts("terminate")));
        assert_eq!(going(&told, BLUE), None, "this release has told it to");
    }
}
