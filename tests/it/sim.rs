//! `cutover sim` as its users have it: repeatable worlds, results for people and for programs, and exit codes.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::cloud::BINARY;

/// Runs the simulator, somewhere without settings.
fn sim(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(BINARY)
        .arg("sim")
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    let said = text(output);
    assert_eq!(said.lines().count(), 1, "{said}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn some_worlds_give_one_line_of_json() {
    let output = sim(&["--seeds", "5", "--start", "1", "--threads", "2", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let result = json(&output);
    assert_eq!(result["start"], 1);
    let tally = &result["tally"];
    assert_eq!(tally["worlds"], 5);
    assert_eq!(tally["violations"], serde_json::json!([]));
    let outcomes = tally["outcomes"].as_object().unwrap();
    let ended: u64 = outcomes.values().filter_map(Value::as_u64).sum();
    assert_eq!(ended, 5, "{result}");
    assert!(tally["calls"].as_u64().unwrap() > 100, "{result}");
}

#[test]
fn a_world_is_the_same_whether_it_is_the_first_of_a_process_or_not() {
    let fingerprint = |start: u64, seeds: u64| {
        let (start, seeds) = (start.to_string(), seeds.to_string());
        let result = json(&sim(&[
            "--start",
            &start,
            "--seeds",
            &seeds,
            "--threads",
            "1",
            "--json",
        ]));
        u64::from_str_radix(result["tally"]["fingerprint"].as_str().unwrap(), 16).unwrap()
    };
    // It is made so that the order does not matter: all together are each of them, combined by exclusive or.
    let each = (5000..5004).map(|seed| fingerprint(seed, 1));
    assert_eq!(fingerprint(5000, 4), each.fold(0, |all, one| all ^ one));
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let (once, twice) = (sim(&["--seed", "3", "--trace"]), sim(&["--seed", "3", "--trace"]));
    assert_eq!(once.status.code(), Some(0), "{}", text(&once));
    assert_eq!(once.stdout, twice.stdout);
    let said = text(&once);
    assert!(said.starts_with("seed 3: the new version is "), "{said}");
    for word in [
        "driver 0@0   starts",
        "\"event\":\"started\"",
        "account      carries out ",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert!(!said.contains("AKIDSIMULATED"), "{said}");
    assert_ne!(said, text(&sim(&["--seed", "4", "--trace"])));
}

#[test]
fn a_world_that_was_kept_is_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worlds.jsonl");
    let path = file.to_str().unwrap();
    let drawn = json(&sim(&["--seed", "3", "--json"]));
    std::fs::write(&file, format!("{}\n\n", drawn["scenario"])).unwrap();
    let output = sim(&["--worlds", path, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let tally = json(&output)["tally"].clone();
    assert_eq!(tally["worlds"], 1);
    assert_eq!(tally["calls"], drawn["played"]["calls"]);
    let once = json(&sim(&["--start", "3", "--seeds", "1", "--json"]));
    assert_eq!(tally["fingerprint"], once["tally"]["fingerprint"]);

    std::fs::write(&file, format!("{}\n{{\"seed\":1}}\n", drawn["scenario"])).unwrap();
    let output = sim(&["--worlds", path]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("line 2 of ") && said.contains("quality"), "{said}");
    let output = sim(&["--worlds", "nowhere.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_mistake_is_a_failure() {
    let output = sim(&[
        "--seeds",
        "30",
        "--start",
        "1",
        "--threads",
        "2",
        "--mistake",
        "smoke-is-skipped",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let result = json(&output);
    let violations = result["tally"]["violations"].as_array().unwrap();
    assert!(!violations.is_empty(), "{result}");
    for played in violations {
        assert_eq!(played["violation"]["rule"], "silence is not health", "{result}");
    }
    let seed = violations[0]["seed"].to_string();
    let again = sim(&["--seed", &seed, "--mistake", "smoke-is-skipped", "--json"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(json(&again)["played"]["violation"], violations[0]["violation"]);
}

#[test]
fn all_mistakes_are_made_in_turn_and_what_is_not_found_is_a_failure() {
    // One world is too few for most of them.
    let output = sim(&["--mistakes", "--seeds", "1", "--start", "1", "--threads", "2", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let result = json(&output);
    let mistakes = result["mistakes"].as_array().unwrap();
    assert!(mistakes.len() >= 18, "{result}");
    for caught in mistakes {
        assert_eq!(caught["worlds"], 1, "{caught}");
        assert!(caught["mistake"].is_string() && caught["rule"].is_string(), "{caught}");
    }
}

#[test]
fn what_it_cannot_do_it_says() {
    let unknown = sim(&["--mistake", "none"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("there is no mistake \"none\""), "{said}");
    assert!(said.contains("retried-swap"), "{said}");
    let both = sim(&["--mistakes", "--seed", "1"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn its_help_says_how_to_repeat_a_world() {
    let output = sim(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output);
    for option in [
        "--seeds",
        "--start",
        "--seed ",
        "--trace",
        "--crash-points",
        "--mistakes",
        "--worlds",
        "--threads",
        "--json",
    ] {
        assert!(said.contains(option), "{option} in {said}");
    }
    assert!(!said.contains("--mistake "), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
}
