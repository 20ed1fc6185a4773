//! Drills from the command line: they prove that going back works, leave everything as it was, and hold up no release.

use serde_json::Value;

use crate::support::child::Ended;
use crate::support::{Cloud, MOMENT, Project, RELEASE, bundles, until};

/// A project whose drills are watched for so long.
async fn project(cloud: &Cloud, name: &str, bake: &str) -> Project {
    let project = cloud.project(name).await;
    watched_for(&project, bake);
    project
}

fn watched_for(project: &Project, bake: &str) {
    project.settings(&[("[drill]\n", &format!("[drill]\nbake = \"{bake}\"\n"))]);
}

fn last(ended: &Ended) -> Value {
    ended.lines().pop().expect("it has printed something")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_proves_that_going_back_works_and_leaves_everything_as_it_was() {
    let cloud = Cloud::start().await;
    let project = project(&cloud, "drill", "2s").await;
    let before = cloud.environments("drill").await;
    let said = project.run(&["drill"]).await;
    assert_eq!(said.code, Some(2), "a swap moves everything: {}", said.said());
    assert!(said.stderr.contains("--max-share 100%"), "{}", said.said());
    let none = project.run(&["drill", "history"]).await;
    assert_eq!(none.code, Some(1), "{}", none.said());

    let drill = project.run(&["drill", "--max-share", "100%", "--json"]).await;
    assert_eq!(drill.code, Some(0), "{}", drill.said());
    let record = last(&drill);
    assert_eq!(
        (record["result"].as_str(), record["kind"].as_str()),
        (Some("passed"), Some("rollback")),
        "{record}"
    );
    assert!(record["restoration"].is_string(), "{record}");
    // It is over as soon as the fault is found, and a busy machine may take its time to find it.
    watched_for(&project, "5m");
    let bad = project
        .run(&["drill", "--kind", "bad-green", "--max-share", "100%", "--json"])
        .await;
    assert_eq!(bad.code, Some(0), "{}", bad.said());
    let record = last(&bad);
    assert_eq!(
        (record["result"].as_str(), record["green_errors"].as_u64()),
        (Some("passed"), Some(0)),
        "{record}"
    );
    assert!(record["detection"].is_string(), "{record}");
    assert!(record["why"].as_str().unwrap().contains("failed probes"), "{record}");

    let history = project.run(&["drill", "history", "--json"]).await;
    assert_eq!(history.code, Some(0), "{}", history.said());
    assert_eq!(last(&history)["drills"].as_array().map(Vec::len), Some(2));
    let strict = project.run(&["drill", "history", "--objective", "1ms"]).await;
    assert_eq!(strict.code, Some(1), "{}", strict.said());
    assert!(strict.stdout.contains("run `cutover drill`"), "{}", strict.said());
    let after = cloud.environments("drill").await;
    let of = |environments: &[aws_sdk_elasticbeanstalk::types::EnvironmentDescription]| -> Vec<String> {
        let told = environments.iter().map(|found| {
            format!(
                "{:?} {:?} {:?}",
                found.environment_id(),
                found.cname(),
                found.version_label()
            )
        });
        told.collect()
    };
    assert_eq!(of(&before), of(&after));
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_does_not_wait_for_a_drill() {
    let cloud = Cloud::start().await;
    let project = project(&cloud, "drilled", "10m").await;
    let drill = project.start(&["drill", "--max-share", "100%", "--json"]);
    until("green to have traffic", RELEASE, || async {
        let events = project.events(1);
        events
            .iter()
            .any(|event| event["event"] == "shift_confirmed")
            .then_some(())
    })
    .await;
    let release = project.release("v2", &bundles::good("2"), &[]).end(RELEASE).await;
    assert_eq!(release.code, Some(0), "{}", release.said());
    cloud.settled("drilled", "v2", "2").await;
    let drill = drill.end(MOMENT).await;
    assert_eq!(drill.code, Some(1), "{}", drill.said());
    assert_eq!(last(&drill)["result"], "gave_up", "{}", drill.said());
    // What is live was released before the drill, and a rollback means that.
    let back = project.run(&["rollback"]).await;
    assert_eq!(back.code, Some(0), "{}", back.said());
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_during_a_drill_means_the_release_before_it() {
    let cloud = Cloud::start().await;
    let project = project(&cloud, "drilling", "10m").await;
    let release = project.release("v2", &bundles::good("2"), &[]).end(RELEASE).await;
    assert_eq!(release.code, Some(0), "{}", release.said());
    cloud.settled("drilling", "v2", "2").await;
    let drill = project.start(&["drill", "--max-share", "100%", "--json"]);
    until("green to have traffic", RELEASE, || async {
        let events = project.events(2);
        events
            .iter()
            .any(|event| event["event"] == "shift_confirmed")
            .then_some(())
    })
    .await;
    // Blue of the drill has version 2 as well: to be on that again is not what was asked for.
    let back = project.run(&["rollback"]).await;
    assert_eq!(back.code, Some(0), "{}", back.said());
    cloud.settled("drilling", "v1", "1").await;
    let drill = drill.end(MOMENT).await;
    assert_eq!(drill.code, Some(1), "{}", drill.said());
    assert_eq!(last(&drill)["result"], "gave_up", "{}", drill.said());
    cloud.end().await;
}
