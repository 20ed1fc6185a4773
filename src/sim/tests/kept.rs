//! Worlds that broke a rule once. They are kept as they were, because a seed means another world as soon as worlds are drawn
//! otherwise.

use super::super::scenario::{Fate, Scenario, Trouble};
use super::super::world::simulate;
use super::with;

/// One in each line, as `cutover sim` prints the smallest one that it finds.
const WORLDS: &str = include_str!("worlds.jsonl");

#[test]
fn no_world_that_ever_failed_fails_again() {
    for (index, line) in WORLDS.lines().enumerate() {
        let world: Scenario = serde_json::from_str(line).unwrap();
        let played = simulate(&world, None, false);
        assert_eq!(played.violation, None, "line {} of worlds.jsonl", index + 1);
    }
}

#[test]
fn a_world_is_the_same_after_it_was_kept() {
    for seed in 0..200 {
        let world = Scenario::of(seed);
        let line = serde_json::to_string(&world).unwrap();
        assert!(!line.contains('\n'));
        let again: Scenario = serde_json::from_str(&line).unwrap();
        assert_eq!(again, world, "seed {seed}");
    }
}

#[test]
fn an_operation_that_nobody_knows_is_refused() {
    let world = with([Trouble::Call {
        on: Some("PutObject"),
        nth: 1,
        times: 1,
        fate: Fate::Throttled,
    }]);
    let line = serde_json::to_string(&world).unwrap();
    let unknown = line.replace("PutObject", "PutNothing");
    let error = serde_json::from_str::<Scenario>(&unknown).unwrap_err().to_string();
    assert!(error.contains("PutNothing"), "{error}");
}
