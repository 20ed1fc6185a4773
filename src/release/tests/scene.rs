//! One moment of a release: its state and what is seen, each of which a test can change before it asks for the decision.

use std::time::Duration;

use super::run::Run;
use super::world::seconds;
use crate::model::{Known, Timestamp};
use crate::release::{
    Action, Attempts, Decision, EnvironmentSeen, Event, HealthSeen, Observation, Outcome, Phase, Release, Then, Why,
    decide, looks,
};

/// The shortest time by which something can be too early.
pub(super) const INSTANT: Duration = Duration::from_millis(1);

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) release: Release,
    pub(super) seen: Observation,
}

impl Scene {
    /// What is seen now, as far as the release looks.
    pub(super) fn of(run: &mut Run) -> Self {
        let wanted = looks(&run.release, run.world.now);
        Self {
            seen: run.world.observe(&run.release, &wanted),
            release: run.release.clone(),
        }
    }

    /// A good release that has just entered a phase.
    pub(super) fn at_the_begin_of(phase: Phase) -> Self {
        Self::of(&mut Run::new(1).until(phase, 0))
    }

    /// The same with one change.
    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut scene = self.clone();
        change(&mut scene);
        scene
    }

    /// When the phase was entered.
    pub(super) fn began(&self) -> Timestamp {
        self.release.phase_since
    }

    /// Everything is seen at another moment, and is as fresh then as it was.
    pub(super) fn at(&self, moment: Timestamp) -> Self {
        let mut scene = self.clone();
        let before = scene.seen.at;
        for health in [&mut scene.seen.green_health, &mut scene.seen.blue_health] {
            if let Known::Known(HealthSeen {
                refreshed_at: Some(at), ..
            }) = health
            {
                *at = moment - before.since(*at);
            }
        }
        scene.seen.at = moment;
        scene
    }

    /// What follows from what is seen, once what blue served by itself is on record.
    pub(super) fn decide(&self) -> Decision {
        let decision = decide(&self.release, &self.seen);
        let Then::Record(Event::Measured { measured }) = &decision.then else {
            return decision;
        };
        if measured.window.step > 0 {
            return decision;
        }
        let mut release = self.release.clone();
        release.assessment.take(measured);
        decide(&release, &self.seen)
    }

    pub(super) fn environments(&mut self) -> &mut Vec<EnvironmentSeen> {
        known(&mut self.seen.environments)
    }

    pub(super) fn environment(&mut self, id: &str) -> &mut EnvironmentSeen {
        let mut all = self.environments().iter_mut();
        all.find(|one| one.id.as_str() == id).expect("it is listed")
    }

    /// An environment is not listed any more.
    pub(super) fn remove(&mut self, id: &str) {
        self.environments().retain(|one| one.id.as_str() != id);
    }

    pub(super) fn attempts(&mut self, key: &str) -> &mut Attempts {
        self.release.attempts.entry(key.to_owned()).or_default()
    }

    /// The same when what is worth a note has been noted.
    #[track_caller]
    pub(super) fn noted(&self) -> Self {
        let decision = self.decide();
        let Event::Noted { note } = record(&decision) else {
            panic!("nothing is noted: {decision:?}");
        };
        self.with(|scene| scene.release.notes.push(note.clone()))
    }

    /// The decision about something that is astray: at first it is only noted, and two polling intervals later acted upon.
    #[track_caller]
    pub(super) fn lasting(&self) -> Decision {
        let first = self.decide();
        let Why::Astray { since, .. } = &first.why else {
            panic!("nothing is astray: {first:?}");
        };
        assert_eq!(*since, self.seen.at);
        assert_eq!(wait(&first), (*since + seconds(10), *since + seconds(20)));
        let later = |at| {
            let mut scene = self.at(at);
            scene.release.waiting = Some(first.why.clone());
            scene.decide()
        };
        let early = later(*since + seconds(20) - INSTANT);
        assert_eq!(early.why, first.why, "it must last");
        later(*since + seconds(20))
    }
}

/// Green has traffic, and a look at it is due.
pub(super) fn watched() -> Scene {
    let mut run = Run::new(1).until(Phase::Bake, 0);
    run.world.pass(seconds(30));
    Scene::of(&mut run)
}

#[track_caller]
pub(super) fn known<T>(fact: &mut Known<T>) -> &mut T {
    match fact {
        Known::Known(value) => value,
        Known::Unknown(why) => panic!("{why}"),
    }
}

pub(super) fn unread<T>() -> Known<T> {
    Known::Unknown("Rate exceeded".to_owned())
}

/// When the next look is, and when the wait ends.
#[track_caller]
pub(super) fn wait(decision: &Decision) -> (Timestamp, Timestamp) {
    match decision.then {
        Then::Wait { until, deadline, .. } => (until, deadline),
        _ => panic!("it does not wait: {decision:?}"),
    }
}

#[track_caller]
pub(super) fn record(decision: &Decision) -> &Event {
    match &decision.then {
        Then::Record(event) => event,
        _ => panic!("it records nothing: {decision:?}"),
    }
}

#[track_caller]
pub(super) fn act(decision: &Decision) -> &Action {
    match &decision.then {
        Then::Act(action) => action,
        _ => panic!("it calls nothing: {decision:?}"),
    }
}

/// Why green is taken back, and to which outcome that leads.
#[track_caller]
pub(super) fn taken_back(decision: &Decision) -> (&str, Outcome) {
    match record(decision) {
        Event::RollbackBegan { why, outcome } => (why, *outcome),
        _ => panic!("green is not taken back: {decision:?}"),
    }
}

/// Why the release ends, and how.
#[track_caller]
pub(super) fn over(decision: &Decision) -> (&str, Outcome) {
    match &decision.then {
        Then::Finish { outcome, why, .. } => (why, *outcome),
        _ => panic!("it is not over: {decision:?}"),
    }
}
