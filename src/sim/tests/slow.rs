//! Worlds in which nothing fails, and everything takes long.

use super::super::scenario::{Fate, Quality, Scenario, Service, Trouble};
use super::super::world::{Played, simulate};
use super::{seconds, with};
use crate::release::Outcome;

fn slow(length: u64, from: u64) -> Trouble {
    Trouble::Outage {
        of: Service::Beanstalk,
        from: seconds(from),
        length: seconds(1800),
        fate: Fate::Slow(seconds(length)),
    }
}

fn ends(world: &Scenario, outcome: Outcome) -> Played {
    let played = simulate(world, None, true);
    assert_eq!(played.violation, None, "{world:?}");
    assert_eq!(played.outcome, Some(outcome), "{world:?}");
    played
}

#[test]
fn answers_that_take_four_seconds_each_keep_no_call_from_being_made() {
    let told = ends(&with([slow(4, 0)]), Outcome::Promoted).chronicle.join("\n");
    assert!(told.contains("carries out TerminateEnvironment"), "{told}");
    let bad = Scenario {
        quality: Quality::Breaks(seconds(5), 0.9),
        ..with([slow(4, 0)])
    };
    let told = ends(&bad, Outcome::RolledBack).chronicle.join("\n");
    assert!(told.contains("carries out TerminateEnvironment"), "{told}");
}

#[test]
fn green_loses_its_traffic_although_answers_take_nine_seconds_each() {
    let bad = Scenario {
        quality: Quality::Breaks(seconds(5), 0.9),
        ..with([slow(9, 150)])
    };
    ends(&bad, Outcome::RolledBack);
}

#[test]
fn a_journal_that_takes_longer_than_the_time_between_looks_keeps_nothing_from_being_done() {
    let mut eager = Scenario::calm();
    eager.terms.interval = seconds(1);
    eager.troubles = vec![Trouble::Outage {
        of: Service::Journal,
        from: seconds(0),
        length: seconds(1800),
        fate: Fate::Slow(seconds(3)),
    }];
    ends(&eager, Outcome::Promoted);
}
