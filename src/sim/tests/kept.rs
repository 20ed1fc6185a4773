//! Worlds that broke a rule once. They are kept as they were, because a seed means another world as soon as worlds are drawn
//! otherwise.

use super::super::scenario::Scenario;
use super::super::world::simulate;

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
    let line = serde_json::to_string(&Scenario::of(1)).unwrap();
    let unknown = line.replacen("\"on\":\"", "\"on\":\"Un", 1);
    if unknown != line {
        serde_json::from_str::<Scenario>(&unknown).unwrap_err();
    }
}
