//! When blue counts as silent, to the moment.

use std::time::Duration;

use super::run::Run;
use super::scene::{Scene, unread};
use super::world::{BLUE, seconds};
use crate::model::{HealthStatus, Known, Served, Span, Timestamp};
use crate::release::assessment::{Assessment, Measured};
use crate::release::{
    Counted, CountedBy, Decision, EnvironmentStatus, Event, HealthSeen, Observation, Phase, Release, Role, Then, Why,
    decide, looks,
};
use crate::spec::{AtDrainDeadline, EndpointSpec};
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

    /// The same so many seconds after the shift, of a blue whose requests Elastic Beanstalk does not see.
    fn decide_at(mut self, moment: u64) -> Decision {
        self.decide(self.at(moment), 0, Some(0))
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
fn answers_that_last_longer_than_planned_are_waited_for() {
    let mut drain = Drain::new();
    drain.release.kept_for = Some(Span::from_secs(3600));
    let expired = drain.at(2 * 3600);
    let waiting = drain.decide(drain.at(40), 0, Some(0));
    assert_eq!(waiting.why, Why::DnsDraining { until: expired });
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
            ..Measured::nothing()
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

/// A drain of a blue that has answered 30 probes, of which Elastic Beanstalk counts nobody, while the plan's own source has counted 40
/// requests of it, and so many in a minute that ended so long after the shift.
fn by_another(counted_by: CountedBy, requests: Option<f64>, ended: u64) -> Drain {
    let mut drain = Drain::new();
    let plan = &mut drain.release.plan;
    plan.counted_by = counted_by;
    *drain.release.assessment = Assessment::new(plan, drain.release.started_at);
    let arm = |requests: Option<f64>| Arm {
        requests,
        probes: Some(Probes {
            requests: 30.0,
            ..Probes::default()
        }),
        ..Arm::default()
    };
    drain.release.assessment.take(&Measured {
        window: Window {
            end_s: 10.0,
            blue: arm(Some(40.0)),
            ..Window::default()
        },
        ..Measured::nothing()
    });
    let ended_at = drain.at(ended);
    drain.seen.counted = Known::Known(Counted {
        ended_at,
        told_at: ended_at,
        length: Span::from_secs(60),
        blue: arm(requests),
        green: arm(Some(900.0)),
    });
    drain
}

#[test]
fn silence_is_proved_by_the_source_that_was_chosen() {
    let groups = || CountedBy::TargetGroups;
    let busy = by_another(groups(), Some(40.0), 60).decide_at(100);
    assert!(
        matches!(
            busy.why,
            Why::Busy {
                role: Role::Blue,
                requests: Some(40)
            }
        ),
        "{busy:?}"
    );
    assert_eq!(
        drained(&by_another(groups(), Some(0.2), 300).decide_at(340)),
        Some(false)
    );
    // What it has not told yet is not silent, and what is told is only told up to the end of its minute.
    let quiet = |ended, requests| by_another(groups(), requests, ended).quiet_since(100);
    assert_eq!(
        told_quiet(&by_another(groups(), None, 60).decide_at(100)),
        Some((true, Some(0)))
    );
    let early = quiet(119, Some(0.0)).decide_at(200);
    assert!(matches!(early.why, Why::Quiet { .. }), "{early:?}");
    assert!(
        waits(&early, quiet(0, None).at(210), quiet(0, None).at(340)),
        "{early:?}"
    );
    assert_eq!(drained(&quiet(120, Some(0.0)).decide_at(200)), Some(true));
    assert_eq!(
        told_quiet(&quiet(120, Some(1.0)).decide_at(200)),
        Some((false, Some(1)))
    );
    // 40 s of `provision.max_age`, and three times the length of a window.
    assert_eq!(told_quiet(&quiet(100, Some(0.0)).decide_at(321)), Some((false, None)));
    let mut blind = quiet(100, Some(0.0));
    blind.seen.counted = unread();
    assert_eq!(told_quiet(&blind.decide_at(200)), Some((false, None)));
    // Elastic Beanstalk's reporting is not needed for it.
    assert_eq!(drained(&quiet(120, Some(0.0)).basic().decide_at(200)), Some(true));
    let busy = quiet(300, Some(3.0)).basic().decide_at(340);
    assert_eq!(drained(&busy), Some(false), "{busy:?}");
}

#[test]
fn an_endpoint_that_says_nothing_of_blue_does_not_say_that_it_is_silent() {
    let endpoint = || {
        CountedBy::Endpoint(EndpointSpec {
            url: "http://metrics.example/".to_owned(),
            headers: std::collections::BTreeMap::new(),
            timeout: Span::from_secs(5),
        })
    };
    let told = |requests| told_quiet(&by_another(endpoint(), requests, 60).quiet_since(50).decide_at(100));
    assert_eq!(told(None), Some((false, None)));
    assert_eq!(told(Some(0.0)), None);
}

#[test]
fn the_source_of_blues_silence_is_asked_with_each_look() {
    for phase in [Phase::Drain, Phase::Retire] {
        let mut scene = Scene::at_the_begin_of(phase);
        let asked = |scene: &Scene| looks(&scene.release, scene.seen.at).counted;
        scene.release.watch.last = Some(scene.seen.at);
        assert!(!asked(&scene));
        scene.release.plan.counted_by = CountedBy::TargetGroups;
        assert!(asked(&scene), "{phase}");
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
