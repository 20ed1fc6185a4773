//! Releases by a pipeline: each ends as its release does, whatever happens between the two.

use super::super::scenario::{Fate, Manner, Moment, Quality, Scenario, Service, Trouble};
use super::super::world::{Played, simulate};
use super::seconds;
use crate::release::Outcome;

fn played(quality: Quality, troubles: Vec<Trouble>) -> Played {
    let scenario = Scenario {
        manner: Manner::Jobs(seconds(60)),
        quality,
        troubles,
        ..Scenario::calm()
    };
    let played = simulate(&scenario, None, true);
    assert_eq!(played.violation, None, "{}", played.chronicle.join("\n"));
    played
}

fn told(played: &Played, what: &str) -> usize {
    played.chronicle.iter().filter(|line| line.contains(what)).count()
}

/// Several jobs, one release. That the execution ends as the release does, with its reason, is a rule of all worlds.
#[test]
fn a_pipeline_goes_on_from_job_to_job_and_ends_as_its_release_does() {
    let good = played(Quality::Good, Vec::new());
    assert_eq!(good.outcome, Some(Outcome::Promoted));
    assert!(told(&good, "is invoked as") >= 3, "{}", good.chronicle.join("\n"));
    let bad = played(Quality::Breaks(seconds(5), 0.9), Vec::new());
    assert_eq!(bad.outcome, Some(Outcome::RolledBack));
}

#[test]
fn a_result_that_is_lost_and_a_job_that_comes_twice_change_nothing() {
    let lost = |on, fate| Trouble::Call {
        on: Some(on),
        nth: 1,
        times: 3,
        fate,
    };
    // The first invocation is the watch, which a schedule lets come at once.
    let troubles = vec![
        Trouble::Twice {
            nth: 2,
            after: seconds(3),
        },
        Trouble::Twice {
            nth: 4,
            after: seconds(0),
        },
        lost("PutJobSuccessResult", Fate::LostAfter),
        lost("GetPipelineExecution", Fate::LostBefore),
    ];
    let world = played(Quality::Good, troubles);
    assert_eq!(world.outcome, Some(Outcome::Promoted));
    assert!(world.faults >= 3, "{world:?}");
}

/// No answer reaches the pipeline for longer than it waits: its action fails, and the watch ends the release all the same.
#[test]
fn a_release_ends_although_its_pipeline_has_given_it_up() {
    let silent = Trouble::Outage {
        of: Service::Pipelines,
        from: seconds(0),
        length: seconds(1500),
        fate: Fate::Hangs,
    };
    let world = played(Quality::Good, vec![silent]);
    assert!(world.outcome.is_some(), "{world:?}");
    assert!(told(&world, "\"watch\"") >= 1, "{}", world.chronicle.join("\n"));
}

/// The first job's function dies when its release has begun, and what is to tell the next delivery of that is silent for a while: the
/// action ends as its release does all the same.
#[test]
fn a_first_job_that_comes_again_waits_until_it_can_see_what_has_begun() {
    for of in [Service::Journal, Service::Settings, Service::Storage] {
        let troubles = vec![
            Trouble::Crash {
                at: Moment::AfterEntry(4),
                away: seconds(1),
                same_machine: false,
            },
            Trouble::Outage {
                of,
                from: seconds(3),
                length: seconds(60),
                fate: Fate::ErrorBefore,
            },
        ];
        let world = played(Quality::Good, troubles);
        let lines = world.chronicle.join("\n");
        assert_eq!(world.outcome, Some(Outcome::Promoted), "{of:?}: {lines}");
        assert_eq!(told(&world, "dies"), 1, "{lines}");
        assert_eq!(told(&world, "retries the stage"), 0, "{lines}");
    }
}

#[test]
fn an_execution_that_is_stopped_takes_its_release_back() {
    let world = played(Quality::Good, vec![Trouble::Stopped { at: seconds(170) }]);
    assert_eq!(world.outcome, Some(Outcome::RolledBack));
}

/// Somebody edits the settings while green has traffic, and for much longer than a bad green may have any: neither a mistake in them nor
/// another slot, and no silence of S3, keeps anybody from watching it.
#[test]
fn a_release_with_traffic_is_watched_whatever_has_become_of_the_settings() {
    for fate in [Fate::Denied, Fate::Stale(seconds(8)), Fate::ErrorBefore] {
        for quality in [Quality::Breaks(seconds(30), 0.9), Quality::Good] {
            let edited = Trouble::Outage {
                of: Service::Settings,
                from: seconds(165),
                length: seconds(24 * 3600),
                fate,
            };
            let world = played(quality, vec![edited]);
            let wanted = match quality {
                Quality::Good => Outcome::Promoted,
                _ => Outcome::RolledBack,
            };
            assert_eq!(world.outcome, Some(wanted), "{fate:?}: {}", world.chronicle.join("\n"));
            assert!(world.length < seconds(1800), "{fate:?}: {:?}", world.length);
        }
    }
}

/// Its pipeline does not ask any more: who goes on is the watch, which tells about the settings all the same.
#[test]
fn a_watch_goes_on_without_settings_and_then_says_what_is_wrong_with_them() {
    let troubles = vec![
        Trouble::Outage {
            of: Service::Pipelines,
            // Before, nothing would begin.
            from: seconds(30),
            length: seconds(1470),
            fate: Fate::Hangs,
        },
        Trouble::Outage {
            of: Service::Settings,
            from: seconds(120),
            length: seconds(24 * 3600),
            fate: Fate::Denied,
        },
    ];
    let world = played(Quality::Breaks(seconds(5), 0.9), troubles);
    assert_eq!(
        world.outcome,
        Some(Outcome::RolledBack),
        "{}",
        world.chronicle.join("\n")
    );
    assert!(
        told(&world, "fails: cutover.toml: line 3") > 0,
        "{}",
        world.chronicle.join("\n")
    );
}
