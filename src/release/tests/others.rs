//! The guards that stand in every phase: operators' wishes, and the slot's name in hands where it should not be.

use super::plan::SLOT;
use super::possible::writer;
use super::run::{GREEN, Run};
use super::scene::{INSTANT, Scene, over, taken_back, unread, wait};
use super::world::{BLUE, BLUE_CNAME, seconds};
use crate::release::{EnvironmentStatus, Event, Outcome, Phase, Then, Why};

/// Who holds the slot's name.
fn held_by(scene: &Scene, holder: Option<&str>) -> Scene {
    scene.with(|scene| {
        for one in scene.environments() {
            one.cname = Some(format!("{}.example", one.id));
        }
        if let Some(id) = holder {
            scene.environment(id).cname = Some(SLOT.to_uppercase());
        }
    })
}

fn astray(scene: &Scene) -> bool {
    matches!(scene.decide().why, Why::Astray { .. })
}

/// A release that has green, in a phase before and one after the shift.
fn before() -> Scene {
    Scene::at_the_begin_of(Phase::Smoke)
}

fn after() -> Scene {
    Scene::at_the_begin_of(Phase::Bake)
}

#[test]
fn the_name_is_where_it_should_be() {
    assert!(!astray(&held_by(&before(), Some(BLUE))));
    assert!(!astray(&held_by(&after(), Some(GREEN))));
    for holder in [None, Some(GREEN), Some("e-third")] {
        assert!(astray(&held_by(&before(), holder)), "{holder:?}");
    }
    for holder in [None, Some(BLUE), Some("e-third")] {
        assert!(astray(&held_by(&after(), holder)), "{holder:?}");
    }
    // From the first intent to swap on, a name on green is this release's own doing, however late it shows.
    let shift = held_by(&Scene::at_the_begin_of(Phase::Shift), Some(GREEN));
    assert!(astray(&shift));
    assert!(!astray(
        &shift.with(|scene| scene.release.shift_called_at = Some(scene.seen.at))
    ));
    let third = held_by(&shift, Some("e-third"));
    assert!(astray(
        &third.with(|scene| scene.release.shift_called_at = Some(scene.seen.at))
    ));
    let smoke = held_by(&before(), Some(GREEN));
    assert!(astray(
        &smoke.with(|scene| scene.release.shift_called_at = Some(scene.seen.at))
    ));
}

#[test]
fn an_environment_on_its_way_out_holds_no_name() {
    for (status, holds) in [
        (EnvironmentStatus::Ready, true),
        (EnvironmentStatus::Updating, true),
        (EnvironmentStatus::Terminating, false),
        (EnvironmentStatus::Terminated, false),
    ] {
        let mut scene = held_by(&before(), Some(BLUE));
        let blue = scene.environment(BLUE);
        blue.status = status;
        assert_eq!(blue.holds(SLOT), holds, "{status:?}");
        assert!(!blue.holds(BLUE_CNAME));
        assert_eq!(blue.ready(), status == EnvironmentStatus::Ready);
        blue.cname = None;
        assert!(!blue.holds(SLOT));
    }
}

#[test]
fn while_an_environment_of_ours_changes_its_names_may_be_on_their_way() {
    for scene in [before(), after()] {
        let astray_with = |id| {
            let scene = held_by(&scene, Some("e-third"));
            astray(&scene.with(|scene| scene.environment(id).status = EnvironmentStatus::Updating))
        };
        assert!(!astray_with(BLUE) && !astray_with(GREEN));
        assert!(astray_with("e-third"), "what it does is not ours");
    }
}

#[test]
fn what_lasts_is_acted_upon() {
    let decision = held_by(&after(), Some(BLUE)).lasting();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.contains("given") && why.contains("back to blue (e-blue)"), "{why}");
    let decision = held_by(&before(), Some(GREEN)).lasting();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::RolledBack);
    assert!(why.contains("to green before it was its turn"), "{why}");
    let decision = held_by(&before(), Some("e-third")).lasting();
    let (why, outcome) = taken_back(&decision);
    assert_eq!(outcome, Outcome::Aborted);
    assert!(why.contains("held by shop-staging (e-third)"), "{why}");
    let decision = held_by(&after(), None).lasting();
    let (why, outcome) = over(&decision);
    assert_eq!(outcome, Outcome::NeedsHuman);
    assert!(why.contains("held by no environment; green should hold it"), "{why}");
    assert!(why.contains("green is e-green, blue is e-blue"), "{why}");
}

#[test]
fn another_finding_must_last_anew() {
    let first = held_by(&after(), Some(BLUE));
    let told = first.decide().why;
    let other = held_by(&after(), None).with(|scene| scene.release.waiting = Some(told));
    let later = other.at(other.seen.at + seconds(100)).decide();
    assert!(matches!(&later.why, Why::Astray { since, .. } if *since == other.seen.at + seconds(100)));
    wait(&later);
}

#[test]
fn a_wish_before_anything_was_done_ends_the_release() {
    let scene = Scene::of(&mut Run::new(1));
    let wishing = |roll_back, abort, end_wait| {
        scene.with(|scene| {
            let wishes = &mut scene.release.wishes;
            (wishes.roll_back, wishes.abort, wishes.end_wait) = (roll_back, abort, end_wait);
        })
    };
    assert_eq!(over(&wishing(true, false, false).decide()).1, Outcome::Aborted);
    assert_eq!(over(&wishing(false, true, false).decide()).1, Outcome::Aborted);
    assert!(!matches!(
        wishing(false, false, true).decide().then,
        Then::Finish { .. }
    ));
    let decision = wishing(true, false, false).decide();
    assert_eq!(over(&decision).0, "an operator stopped it before anything was done");
    let known = wishing(true, false, false).with(|scene| scene.release.wishes.turned_by = Some(writer(3)));
    let decision = known.decide();
    assert!(
        over(&decision)
            .0
            .starts_with("an operator (process 3 on here) stopped it")
    );
}

#[test]
fn a_wish_leads_back_from_wherever_a_way_back_is() {
    let wished = |phase: Phase, change: fn(&mut Scene)| {
        Scene::at_the_begin_of(phase)
            .with(|scene| scene.release.wishes.roll_back = true)
            .with(change)
            .decide()
    };
    assert_eq!(taken_back(&wished(Phase::Smoke, |_| {})).1, Outcome::Aborted);
    assert_eq!(taken_back(&wished(Phase::Bake, |_| {})).1, Outcome::RolledBack);
    assert_eq!(taken_back(&wished(Phase::Retire, |_| {})).1, Outcome::RolledBack);
    // A name that was put back leads from the end of blue to the drain once more, and blue goes all the same.
    let ended: fn(&mut Scene) = |scene| scene.attempts("terminate").done = true;
    let draining = wished(Phase::Drain, ended);
    assert!(
        !matches!(draining.then, Then::Record(Event::RollbackBegan { .. })),
        "{draining:?}"
    );
    let too_late = wished(Phase::Retire, ended);
    assert!(
        matches!(too_late.why, Why::Working { .. }),
        "blue is going: {too_late:?}"
    );
}

#[test]
fn what_cannot_be_read_is_read_again_a_little_later() {
    let blind = Scene::at_the_begin_of(Phase::Provision).with(|scene| scene.seen.environments = unread());
    let deadline = blind.began() + seconds(300);
    let early = blind.at(blind.began() + seconds(100));
    assert_eq!(wait(&early.decide()), (early.seen.at + seconds(12), deadline));
    // A wait is never shorter than what a service that is busy needs.
    let late = blind.at(deadline - INSTANT);
    assert_eq!(
        wait(&late.decide()),
        (late.seen.at + seconds(12), late.seen.at + seconds(30))
    );
}
