//! Levers with weights, in worlds in which little goes wrong.

use super::super::scenario::{Deed, Fate, Moment, Quality, Scenario, Trouble};
use super::super::world::{Played, simulate};
use super::{seconds, with};
use crate::release::Outcome;
use crate::spec::Lever;

const LEVERS: [Lever; 2] = [Lever::WeightedDns, Lever::WeightedTargetGroups];

fn by(lever: Lever, scenario: Scenario) -> Scenario {
    let mut scenario = scenario;
    scenario.terms.lever = lever;
    scenario
}

#[track_caller]
fn play(world: &Scenario) -> Played {
    let played = simulate(world, None, true);
    assert_eq!(
        played.violation,
        None,
        "{} {:?}\n{}",
        world.terms.lever,
        world.troubles,
        played.chronicle.join("\n")
    );
    played
}

#[test]
fn a_good_version_is_promoted_and_a_bad_one_taken_back() {
    for lever in LEVERS {
        assert_eq!(
            play(&by(lever, Scenario::calm())).outcome,
            Some(Outcome::Promoted),
            "{lever}"
        );
        let breaks = Scenario {
            quality: Quality::Breaks(seconds(10), 0.9),
            users: 50.0,
            ..Scenario::calm()
        };
        assert_eq!(play(&by(lever, breaks)).outcome, Some(Outcome::RolledBack), "{lever}");
    }
}

#[test]
fn a_change_whose_answer_is_lost_is_made_once() {
    for (lever, operation) in [
        (Lever::WeightedDns, "ChangeResourceRecordSets"),
        (Lever::WeightedTargetGroups, "ModifyRule"),
    ] {
        for fate in [
            Fate::LostBefore,
            Fate::LostAfter,
            Fate::ErrorAfter,
            Fate::Hangs,
            Fate::Throttled,
        ] {
            for nth in 1..=3 {
                let world = with([Trouble::Call {
                    on: Some(operation),
                    nth,
                    times: 1,
                    fate,
                }]);
                let played = play(&by(lever, world));
                assert_eq!(played.outcome, Some(Outcome::Promoted), "{lever} {fate:?} {nth}");
            }
        }
    }
}

#[test]
fn a_driver_that_dies_between_intent_and_change_is_followed_by_another() {
    for lever in LEVERS {
        for polls in 0..6 {
            let world = with([Trouble::Crash {
                at: Moment::Intended { call: "weigh", polls },
                away: seconds(5),
                same_machine: true,
            }]);
            assert_eq!(
                play(&by(lever, world)).outcome,
                Some(Outcome::Promoted),
                "{lever} {polls}"
            );
        }
    }
}

#[test]
fn weights_that_a_stranger_writes_are_noticed() {
    for lever in LEVERS {
        for at in [60, 250, 300] {
            let world = with([Trouble::Stranger {
                at: seconds(at),
                deed: Deed::Weigh,
            }]);
            let played = play(&by(lever, world));
            let told = played
                .chronicle
                .iter()
                .any(|line| line.contains("somebody else has changed the weights"));
            assert!(told, "{lever} {at}: {:?}", played.outcome);
        }
    }
}
