//! Releases by a pipeline: each ends as its release does, whatever happens between the two.

use super::super::scenario::{Fate, Manner, Quality, Scenario, Service, Trouble};
use super::super::world::{Played, simulate};
use super::{calm, seconds};
use crate::release::Outcome;

fn played(quality: Quality, troubles: Vec<Trouble>) -> Played {
    let scenario = Scenario {
        manner: Manner::Jobs(seconds(60)),
        quality,
        troubles,
        ..calm()
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

#[test]
fn an_execution_that_is_stopped_takes_its_release_back() {
    let world = played(Quality::Good, vec![Trouble::Stopped { at: seconds(170) }]);
    assert_eq!(world.outcome, Some(Outcome::RolledBack));
}
