//! When blue counts as silent, to the moment.

use std::time::Duration;

use super::run::Run;
use super::scene::{Scene, unread};
use super::world::{BLUE, seconds};
use crate::model::{HealthStatus, Known, Served, Timestamp};
use crate::release::assessment::{Assessment, Measured};
use crate::release::{
    Decision, EnvironmentStatus, Event, HealthSeen, Observation, Phase, Release, Role, Then, Why, decide, looks,
};
use crate::spec::AtDrainDeadline;
use crate::verdict::{Arm, Probes, Window};

const INSTANT: Duration = Duration::from_millis(1);

/// A drain: old DNS answers run out 40 s after the shift, the deadline is 300 s later, and silence takes 20 s.
struct Drain {
    release: Release,
    seen: Observation,
    shifted: Timestamp,
}

impl Drain {
    fn new() -> Self {
        let mut run = Run::new(1).until(Phase::Drain, 0);
        run.world.pass(seconds(60));
        let wanted = looks(&run.release, run.world.now);
        let mut seen = run.world.observe(&run.release, &wanted);
        // What is told of green is not the question here.
        seen.public = None;
        let mut release = run.release;
        release.quiet_since = None;
        let shifted = release.shifted_at.expect("it was shifted");
        release.phase_since = shifted;
        Self { release, seen, shifted }
    }

    fn quiet_since(mut self, moment: u64) -> Self {
        self.release.quiet_since = Some(self.at(moment));
        self
    }

    fn basic(mut self) -> Self {
        self.release.blue.as_mut().expect("it is known").enhanced = false;
        self
    }

    fn at(&self, moment: u64) -> Timestamp {
        self.shifted + seconds(moment)
    }

    /// The decision so long after the shift, with data that old and that many requests.
    fn decide(&mut self, at: Timestamp, age: u64, requests: Option<u64>) -> Decision {
        self.seen.at = at;
        let Known::Known(health) = &mut self.seen.blue_health else {
            panic!("blue is measured in the drain");
        };
        health.refreshed_at = Some(at - seconds(age));
        health.served = requests.map(Served::well);
        decide(&self.release, &self.seen)
    }
}

fn waits(decision: &Decision, until: Timestamp, deadline: Timestamp) -> bool {
    matches!(decision.then, Then::Wait { until: u, deadline: d, .. } if u == until && d == deadline)
}

fn drained(decision: &Decision) -> Option<bool> {
    match decision.then {
        Then::Record(Event::Drained { remove_blue, .. }) => Some(remove_blue),
        _ => None,
    }
}

fn told_quiet(decision: &Decision) -> Option<(bool, Option<u64>)> {
    match decision.then {
        Then::Record(Event::Quiet { quiet, requests }) => Some((quiet, requests)),
        _ => None,
    }
}

#[test]
fn old_answers_run_out_first() {
    let mut drain = Drain::new();
    let expired = drain.at(40);
    let early = drain.decide(drain.at(12), 0, Some(0));
    assert_eq!(early.why, Why::DnsDraining { until: expired });
    assert!(waits(&early, drain.at(22), drain.at(340)), "{early:?}");
    let late = drain.decide(expired - seconds(3), 0, Some(0));
    assert!(waits(&late, expired, drain.at(340)), "{late:?}");
    assert_eq!(told_quiet(&drain.decide(expired, 0, Some(0))), Some((true, Some(0))));
}

#[test]
fn who_does_not_report_is_not_silent() {
    let expired = Drain::new().at(40);
    let told = |change: &dyn Fn(&mut HealthSeen)| {
        let mut drain = Drain::new();
        let Known::Known(health) = &mut drain.seen.blue_health else {
            panic!("blue is measured in the drain");
        };
        change(health);
        told_quiet(&drain.decide(expired, 0, Some(0)))
    };
    assert_eq!(told(&|_| {}), Some((true, Some(0))));
    assert_eq!(told(&|health| health.status = Some(HealthStatus::NoData)), None);
    let one_is_mute = |health: &mut HealthSeen| {
        let one = health.instances.values_mut().next().expect("it has an instance");
        one.status = HealthStatus::NoData;
    };
    assert_eq!(told(&one_is_mute), None, "it may serve somebody");
}

#[test]
fn silence_lasts_before_it_counts() {
    let mut drain = Drain::new().quiet_since(45);
    let until = drain.at(65);
    let early = drain.decide(drain.at(50), 0, Some(0));
    assert_eq!(
        early.why,
        Why::Quiet {
            role: Role::Blue,
            until
        }
    );
    assert!(waits(&early, drain.at(60), drain.at(340)), "{early:?}");
    let late = drain.decide(until - INSTANT, 0, Some(0));
    assert_eq!(drained(&late), None);
    assert_eq!(drained(&drain.decide(until, 0, Some(0))), Some(true));
    // Even past the deadline: nobody is on blue, so there is nothing to give up.
    let mut drain = Drain::new().quiet_since(335);
    let late = drain.decide(drain.at(345), 0, Some(0));
    assert!(matches!(late.why, Why::Quiet { .. }), "{late:?}");
}

#[test]
fn what_ends_silence_is_told() {
    for (age, requests, wanted) in [
        (0, Some(5), Some((false, Some(5)))),
        (0, None, Some((false, None))),
        (41, Some(0), Some((false, None))),
        (40, Some(0), None),
    ] {
        let mut drain = Drain::new().quiet_since(45);
        let decision = drain.decide(drain.at(50), age, requests);
        assert_eq!(told_quiet(&decision), wanted, "{age} s old, {requests:?}");
    }
}

#[test]
fn users_who_stay_are_waited_for_until_the_deadline() {
    for requests in [Some(5), None] {
        let mut drain = Drain::new();
        let busy = drain.decide(drain.at(100), 0, requests);
        assert_eq!(
            busy.why,
            Why::Busy {
                role: Role::Blue,
                requests
            }
        );
        assert!(waits(&busy, drain.at(110), drain.at(340)), "{busy:?}");
        assert_eq!(drained(&drain.decide(drain.at(340) - INSTANT, 0, requests)), None);
        assert_eq!(drained(&drain.decide(drain.at(340), 0, requests)), Some(false));
        drain.release.plan.drain.at_deadline = AtDrainDeadline::Retire;
        assert_eq!(drained(&drain.decide(drain.at(340), 0, requests)), Some(true));
    }
}

#[test]
fn what_cannot_be_measured_is_given_as_long_as_silence_would_take() {
    let mut drain = Drain::new().basic();
    let until = drain.at(60);
    let early = drain.decide(drain.at(45), 0, None);
    assert_eq!(early.why, Why::DnsDraining { until });
    assert!(waits(&early, drain.at(55), drain.at(340)), "{early:?}");
    let late = drain.decide(drain.at(55), 0, None);
    assert!(waits(&late, until, drain.at(340)), "{late:?}");
    assert_eq!(drained(&drain.decide(until, 0, None)), Some(true));
}

#[test]
fn a_blue_that_answers_and_of_which_nothing_is_counted_proves_no_silence() {
    let judged = |answers: f64, counted: f64| {
        let mut drain = Drain::new().quiet_since(40);
        let since = drain.release.started_at;
        *drain.release.assessment = Assessment::new(&drain.release.plan, since);
        let window = Window {
            end_s: 10.0,
            blue: Arm {
                requests: Some(counted),
                probes: Some(Probes {
                    requests: answers + 5.0,
                    failures: 5.0,
                    ..Probes::default()
                }),
                ..Arm::default()
            },
            ..Window::default()
        };
        let measured = Measured {
            window,
            blue_at: None,
            green_at: None,
        };
        drain.release.assessment.take(&measured);
        drain.decide(drain.at(60), 0, Some(0))
    };
    let told = |decision: Decision| match decision.then {
        Then::Record(Event::Drained { how, .. }) => how,
        other => panic!("it is not drained: {other:?}"),
    };
    assert!(told(judged(20.0, 0.0)).contains("nobody counts its requests"));
    for (answers, counted) in [(19.0, 0.0), (20.0, 1.0)] {
        assert!(told(judged(answers, counted)).contains("no request came for 20s"));
    }
}

#[test]
fn a_blue_that_is_gone_is_not_waited_for() {
    let scene = Scene::at_the_begin_of(Phase::Drain).with(|scene| {
        scene.seen.public = None;
        scene.release.quiet_since = None;
    });
    assert!(!matches!(scene.decide().why, Why::Astray { .. }), "it is there");
    let gone = scene.with(|scene| scene.remove(BLUE)).lasting();
    assert_eq!(drained(&gone), Some(true));
    for (status, going) in [
        (EnvironmentStatus::Updating, false),
        (EnvironmentStatus::Terminating, true),
        (EnvironmentStatus::Terminated, true),
    ] {
        let changed = scene.with(|scene| {
            scene.environment(BLUE).status = status;
            // What is worth a note has been noted.
            if let Then::Record(Event::Noted { note }) = scene.decide().then {
                scene.release.notes.push(note);
            }
        });
        let astray = matches!(changed.decide().why, Why::Astray { .. });
        assert_eq!(astray, going, "{status:?}");
    }
    let blind = scene.with(|scene| scene.seen.environments = unread());
    assert!(!matches!(blind.decide().why, Why::Astray { .. }), "nobody can see it");
}

#[test]
fn blue_is_not_drained_while_somebody_changes_it() {
    let mut drain = Drain::new().quiet_since(40);
    let Known::Known(environments) = &mut drain.seen.environments else {
        panic!("environments are read in the drain");
    };
    let blue = environments.iter_mut().find(|seen| seen.id.as_str() == BLUE).unwrap();
    blue.status = EnvironmentStatus::Updating;
    let waiting = drain.decide(drain.at(100), 0, Some(0));
    assert!(waits(&waiting, drain.at(110), drain.at(340)), "{waiting:?}");
    assert!(
        matches!(&waiting.why, Why::Working { what } if what.contains(BLUE)),
        "{waiting:?}"
    );
    let last = drain.decide(drain.at(340) - INSTANT, 0, Some(0));
    assert_eq!(drained(&last), None, "{last:?}");
    assert_eq!(drained(&drain.decide(drain.at(340), 0, Some(0))), Some(true));
}
