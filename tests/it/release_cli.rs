//! The command line from a user's chair: the real binary releases on a cloud in this process.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Cloud, Fault, MOMENT, Project, bundles, turn};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_version_is_promoted_and_blue_removed() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("good").await;
    let users = cloud.users("good", 40.0);
    let ended = project
        .release("v2", &bundles::good("2"), &[])
        .end(MOMENT * 2)
        .await
        .with(0);

    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    let lines = ended.lines();
    assert!(lines.iter().all(Value::is_object), "{}", ended.said());
    let order: Vec<_> = lines
        .iter()
        .filter_map(|line| line["event"]["event"].as_str())
        .filter(|event| {
            [
                "preflight_passed",
                "published",
                "green_ready",
                "smoke_passed",
                "shifted",
                "bake_passed",
                "drained",
                "finished",
            ]
            .contains(event)
        })
        .collect();
    let wanted = [
        "preflight_passed",
        "published",
        "green_ready",
        "smoke_passed",
        "shifted",
        "bake_passed",
        "drained",
        "finished",
    ];
    assert_eq!(order, wanted, "{}", ended.said());
    let journal: Vec<_> = project.events(1);
    let told: Vec<_> = lines
        .iter()
        .filter(|line| !line["event"].is_null())
        .map(|line| line["event"].clone())
        .collect();
    assert_eq!(told, journal, "what is told is what is written down");

    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 1);
    assert_eq!(project.proxy.count("CreateEnvironment"), 1);
    assert_eq!(project.proxy.count("TerminateEnvironment"), 1);
    cloud.settled("good", "v2", "2").await;
    users.content().await;

    assert_eq!(project.status().await["outcome"][0], "promoted");
    project.run(&["status"]).await.with(0).saying(&[
        "good/production/1",
        "version v2",
        "promoted",
        "blue",
        "green",
        "journal",
    ]);
    let listed = project.run(&["status", "--last", "3"]).await.with(0);
    listed.saying(&["number  began", "promoted       v2"]);
    let listed = project.run(&["status", "--last", "3", "--json"]).await.with(0);
    let line: Value = serde_json::from_str(listed.stdout.trim()).unwrap();
    assert_eq!(
        (&line["release"], &line["outcome"]),
        (&"good/production/1".into(), &"promoted".into())
    );
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_version_is_taken_back() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("turncoat").await;
    let users = cloud.users("turncoat", 40.0);
    let ended = project
        .release("v2", &bundles::bad("2"), &[])
        .end(MOMENT * 2)
        .await
        .with(4);

    assert_eq!(ended.outcome(), "rolled_back", "{}", ended.said());
    // Whoever is first: the looks, the numbers of both, or the probes.
    let said = ended.said();
    assert!(
        said.contains("green is bad with traffic") || said.contains("green is worse than blue"),
        "{said}"
    );
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 2, "{}", ended.said());
    // Whoever wants to know what was wrong is told where it can be read.
    assert!(said.contains("/evidence/e-"), "{said}");
    project
        .run(&["status"])
        .await
        .with(0)
        .saying(&["events and logs of green", "/evidence/e-"]);
    cloud.settled("turncoat", "v1", "1").await;
    // Users saw version 2 fail: that is why it was taken back. They see no more of it.
    drop(users);
    let after = cloud.users("turncoat", 40.0);
    tokio::time::sleep(Duration::from_millis(800)).await;
    after.content().await;

    // What was measured is in the journal, for whoever asks what another policy would have done.
    project
        .run(&["backtest", "1"])
        .await
        .with(0)
        .saying(&["was      rolled back", "would", "green answered"]);
    let lines = project.run(&["backtest", "--json"]).await.with(0);
    let line: Value = serde_json::from_str(lines.stdout.trim()).unwrap();
    assert_eq!(line["outcome"], "rolled_back", "{line}");
    assert!(line["windows"].as_u64().is_some_and(|windows| windows > 0), "{line}");
    project
        .run(&["backtest", "7"])
        .await
        .with(3)
        .saying(&["there is no release turncoat/production/7"]);

    let evidence = project.path("journal/turncoat/production/1/evidence");
    let kept: Vec<_> = std::fs::read_dir(evidence).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1, "events and logs of the green that was taken back");
    let text = std::fs::read_to_string(kept[0].path()).unwrap();
    assert!(text.contains("connection pool exhausted"), "{text}");
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_taken_back_while_blue_is_warm_and_after() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("back").await;
    let users = cloud.users("back", 40.0);

    // Blue is warm for an hour: the way back is one swap.
    project.settings(&[("warm = \"100ms\"", "warm = \"1h\"")]);
    let ended = project
        .release("v2", &bundles::good("2"), &["--until", "promoted"])
        .end(MOMENT * 2)
        .await
        .with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert_eq!(cloud.served("back").await, "2");
    assert_eq!(cloud.environments("back").await.len(), 2, "blue still runs");
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 1);
    project
        .run(&["rollback"])
        .await
        .with(0)
        .saying(&["rolled back", "on blue"]);
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 2, "one swap back");
    cloud.settled("back", "v1", "1").await;
    project
        .run(&["rollback"])
        .await
        .with(3)
        .saying(&["nothing to take back", "was live before it is live still"]);

    // Blue is gone: the way back is a release of what was recorded.
    project.settings(&[]);
    project
        .release("v3", &bundles::good("3"), &[])
        .end(MOMENT * 2)
        .await
        .with(0);
    cloud.settled("back", "v3", "3").await;
    users.content().await;
    // A release that has changed nothing does not hide it.
    project
        .release("v4", &bundles::bad("4"), &[])
        .end(MOMENT * 2)
        .await
        .with(4);
    cloud.settled("back", "v3", "3").await;
    let swaps = project.proxy.count("SwapEnvironmentCNAMEs");
    let users = cloud.users("back", 40.0);
    project
        .run(&["rollback", "--release", "3"])
        .await
        .with(3)
        .saying(&["would now take back release back/production/2, not release 3"]);
    // It is not refused because of what it is to end.
    let severe = Fault::Rewrite("<HealthStatus>Ok<".to_owned(), "<HealthStatus>Severe<".to_owned());
    project.proxy.order("DescribeEnvironmentHealth", severe, 2);
    let mut first = project.start(&["rollback", "--json"]);
    project.event(4, "published", &mut first).await;
    // Whoever else is as quick as that wants the same, and not that it is given up.
    let second = project.start(&["rollback", "--json"]).end(MOMENT * 2).await.with(0);
    second.saying(&["takes release 2 back already"]);
    let ended = first.end(MOMENT * 2).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    let said = ended.said();
    assert!(said.contains("/3 has changed nothing"), "{said}");
    cloud.settled("back", "v1", "1").await;
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), swaps + 1);
    assert_eq!(project.status().await["plan"]["source"]["kind"], "recorded");
    project
        .run(&["rollback"])
        .await
        .with(3)
        .saying(&["has taken release 2 back already", "--undo"]);
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), swaps + 1);
    project.run(&["rollback", "--undo"]).await.with(0);
    cloud.settled("back", "v3", "3").await;
    users.content().await;

    // Somebody whose journal is another one has released since: what this one would go back to need not be wanted.
    let other = Project::new(&cloud, "back").await;
    other
        .release("v5", &bundles::good("5"), &[])
        .end(MOMENT * 2)
        .await
        .with(0);
    project
        .run(&["rollback", "--undo"])
        .await
        .with(3)
        .saying(&["is live now", "cutover rollback --undo --release 5"]);
    cloud.settled("back", "v5", "5").await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_release_is_resumed_to_its_end() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("later").await;
    let users = cloud.users("later", 40.0);
    project.settings(&[("warm = \"100ms\"", "warm = \"1h\"")]);
    project
        .release("v2", &bundles::good("2"), &["--until", "promoted"])
        .end(MOMENT * 2)
        .await
        .with(0);
    project.run(&["status"]).await.with(0).saying(&["phase", "driver"]);
    // Somebody asks for no further wait; without that, blue would be kept for an hour.
    let ended = project.run(&["resume", "--json", "--end-wait"]).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 1);
    cloud.settled("later", "v2", "2").await;
    users.content().await;
    let before = project.proxy.changes();
    project
        .run(&["resume"])
        .await
        .with(0)
        .saying(&["promoted: ", "version v2"]);
    assert_eq!(project.proxy.changes(), before, "a release that is over stays as it is");
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_explains_itself() {
    let cloud = Cloud::start().await;
    let project = crate::support::Project::new(&cloud, "help").await;
    let schema = project.run(&["schema"]).await.with(0);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["title"], "cutover.toml");
    assert!(schema["properties"]["bake"].is_object());
    let version = project.run(&["--version"]).await.with(0);
    assert_eq!(version.stdout.trim(), concat!("cutover ", env!("CARGO_PKG_VERSION")));
    let help = project.run(&["--help"]).await.with(0);
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "130 "] {
        let listed = help.stdout.lines().any(|line| line.trim_start().starts_with(code));
        assert!(listed, "exit code {code}: {}", help.said());
    }
    let help = help.saying(&[
        "release",
        "status",
        "resume",
        "rollback",
        "rehearse",
        "cloud",
        "rolled back",
        "needs a human",
    ]);
    assert!(
        !help.stdout.contains("sample-app") && !help.stdout.contains("keep "),
        "{}",
        help.said()
    );
    project.run(&["relaese"]).await.with(2).saying(&["relaese", "release"]);
    project
        .run(&["status"])
        .await
        .with(0)
        .saying(&["no release of help/production yet"]);
    project
        .run(&["resume"])
        .await
        .with(3)
        .saying(&["no release of help/production"]);
    project
        .run(&["rollback"])
        .await
        .with(3)
        .saying(&["no release of help/production"]);
    assert_eq!(
        project.proxy.wire(),
        Vec::<String>::new(),
        "none of this asks AWS for anything"
    );
    cloud.end().await;
}
