//! A sick instance among others that are well is replaced, and its release goes on.

use super::super::permits::{Missing, TOLD};
use super::super::scenario::{Quality, Scenario};
use super::super::world::simulate_permitted;
use super::seconds;
use crate::release::Outcome;
use crate::spec::Lever;

const ACTION: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";

fn world(lever: Lever) -> Scenario {
    let mut world = Scenario {
        quality: Quality::SickInstance(0.4),
        users: 60.0,
        ..Scenario::calm()
    };
    world.terms.lever = lever;
    world.terms.instances = 3;
    world.terms.bake = seconds(240);
    world
}

#[test]
fn it_is_replaced_and_the_release_promoted() {
    for lever in [Lever::WeightedDns, Lever::WeightedTargetGroups] {
        let (played, used) = simulate_permitted(&world(lever), None);
        let told = played.chronicle.join("\n");
        assert!(played.violation.is_none(), "{lever}: {:?}\n{told}", played.violation);
        assert!(used.contains(ACTION), "{lever}: it is not replaced\n{told}");
        assert_eq!(played.outcome, Some(Outcome::Promoted), "{lever}\n{told}");
    }
}

#[test]
fn who_may_not_replace_it_is_told_so() {
    let missing = Missing {
        action: ACTION,
        on_purpose: true,
    };
    let (played, used) = simulate_permitted(&world(Lever::WeightedTargetGroups), Some(missing));
    assert!(!used.contains(ACTION));
    let ended_by = played.violation.as_ref().map(|violation| violation.rule);
    assert_eq!(ended_by, Some(TOLD), "{}", played.chronicle.join("\n"));
}
