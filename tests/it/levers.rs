//! Whole rehearsals of the levers with weights, under load: nothing is lost, and a bad version meets few.

use serde_json::Value;

use crate::support::cloud::BINARY;

fn rehearsed(lever: &str, more: &[&str]) -> Vec<Value> {
    let output = std::process::Command::new(BINARY)
        .args(["rehearse", "--lever", lever, "--json"])
        .args(more)
        .output()
        .expect("the program can be run");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{lever}: {told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_str(told.trim()).expect("the report is one line of JSON");
    let releases = report["releases"].as_array().expect("there are releases").clone();
    for release in &releases {
        let steps = release["steps"].as_array().expect("there are steps");
        assert!(!steps.is_empty(), "{lever}: {release}");
        for step in steps {
            let of = |key: &Value| key.as_u64().expect("a number");
            // Whatever chance does, green has not much more than its share.
            let most = of(&step["expected"][1]);
            assert!(of(&step["green"]) <= most + most / 4 + 5, "{lever}: {step}");
        }
    }
    let journal = report["journal"].as_str().expect("it says where the journal lies");
    if let Some(folder) = std::path::Path::new(journal).parent() {
        let _ = std::fs::remove_dir_all(folder);
    }
    releases
}

fn loses_nothing(lever: &str) {
    let releases = rehearsed(lever, &["--rate", "150"]);
    let steps = releases.iter().flat_map(|release| release["steps"].as_array().unwrap());
    for step in steps {
        assert_ne!(step["all"], 0, "{lever}: {step}");
    }
    let [good, bad] = releases.as_slice() else {
        panic!("{lever}: {releases:?}");
    };
    assert_eq!(good["outcome"], "promoted", "{lever}: {good}");
    assert_eq!(
        (&good["failed"], &good["cut"]),
        (&0.into(), &0.into()),
        "{lever}: {good}"
    );
    let steps: Vec<&str> = good["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["share"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["5%", "25%", "50%", "90%", "100%"], "{lever}");
    assert!(!good["why"].as_str().unwrap().contains("was kept"), "{lever}: {good}");
    assert_eq!(bad["outcome"], "rolled_back", "{lever}: {bad}");
    assert_eq!(bad["cut"], 0, "{lever}: {bad}");
}

#[test]
fn weighted_records_lose_nothing() {
    loses_nothing("weighted-dns");
}

#[test]
fn weighted_target_groups_lose_nothing() {
    loses_nothing("weighted-target-groups");
}

/// A slower version is taken back for that; what a good one has no part in does not take it back.
#[test]
fn incidents_are_told_from_bad_versions() {
    let releases = rehearsed("weighted-target-groups", &["--rate", "60", "--incidents"]);
    let ends: Vec<&str> = releases
        .iter()
        .map(|release| release["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(ends, ["rolled_back", "promoted", "promoted", "promoted", "promoted"]);
    let slower = releases[0]["why"].as_str().unwrap();
    assert!(slower.contains("latency"), "{slower}");
    assert!(
        releases[1]["failed"].as_u64().unwrap() > 0,
        "the database was down: {}",
        releases[1]
    );
    assert!(
        releases[2]["failed"].as_u64().unwrap() > 0,
        "an instance was sick: {}",
        releases[2]
    );
    assert_eq!(
        (&releases[3]["failed"], &releases[3]["cut"]),
        (&0.into(), &0.into()),
        "{}",
        releases[3]
    );
    assert!(releases[4]["requests"].as_u64().unwrap() < 100, "{}", releases[4]);
}
