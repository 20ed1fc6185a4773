//! What comes after a release: the way back that it has recorded, or another release.

use super::super::scenario::{Act, Deed, Quality, Scenario, Sequel, Trouble};
use super::super::world::simulate;
use super::{of, seconds, with};
use crate::release::Outcome;
use crate::spec::Lever;

const LEVERS: [Lever; 3] = [Lever::CnameSwap, Lever::WeightedDns, Lever::WeightedTargetGroups];

/// Plays a world with a sequel; gives how the first release ended and what was told.
fn played(mut world: Scenario, lever: Lever, act: Act) -> (Option<Outcome>, String) {
    world.terms.lever = lever;
    world.sequel = Some(Sequel { between: None, act });
    let played = simulate(&world, None, true);
    let told = played.chronicle.join("\n");
    assert!(played.violation.is_none(), "{lever}: {:?}\n{told}", played.violation);
    (played.outcome, told)
}

#[test]
fn what_was_promoted_can_be_taken_back_and_what_was_taken_back_can_be_released_again() {
    for lever in LEVERS {
        let (outcome, told) = played(Scenario::calm(), lever, Act::Back);
        assert_eq!(outcome, Some(Outcome::Promoted), "{told}");
        assert!(told.contains("the next release ended promoted"), "{lever}\n{told}");
        let (outcome, told) = played(of(Quality::Unhealthy), lever, Act::Again);
        assert!(
            matches!(outcome, Some(Outcome::RolledBack | Outcome::Aborted)),
            "{told}"
        );
        assert!(told.contains("the next release ended rolled back"), "{lever}\n{told}");
    }
}

/// Somebody has an environment with green's name, so that the release asks for a person when all of its traffic is on blue. The way
/// back from there leads to blue itself.
#[test]
fn what_is_live_again_is_not_made_green() {
    for lever in LEVERS {
        let taken = Trouble::Stranger {
            at: seconds(2),
            deed: Deed::TakeName,
        };
        let (outcome, told) = played(with([taken]), lever, Act::Back);
        assert_eq!(outcome, Some(Outcome::NeedsHuman), "{lever}\n{told}");
        assert!(told.contains("the next release ended refused"), "{lever}\n{told}");
    }
}
