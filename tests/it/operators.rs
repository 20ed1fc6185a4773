//! Operators at other terminals: a second process pauses, promotes, stops and takes back what the first one drives.

use std::time::Duration;

use serde_json::Value;

use crate::support::child::{Child, Ended};
use crate::support::project::is;
use crate::support::{Cloud, MOMENT, Project, RELEASE, bundles, turn, until};

/// What a wish has to say for itself, in JSON.
fn told(ended: &Ended) -> Value {
    let lines = ended.lines();
    assert_eq!(lines.len(), 1, "{}", ended.said());
    lines[0].clone()
}

/// Waits until the release stands at a gate, and says at which.
async fn gate(project: &Project, child: &mut Child) -> String {
    project.event(1, "gate_opened", child).await;
    let status = project.status().await;
    status["gate"]["id"].as_str().unwrap().to_owned()
}

fn has(project: &Project, wanted: &str) -> bool {
    project.events(1).iter().any(|event| is(event, wanted))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_paused_and_resumed_from_another_terminal() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("pause").await;
    let users = cloud.users("pause", 20.0);
    let mut child = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "green_found", &mut child).await;
    let ended = project.run(&["pause", "--for", "2h", "--json"]).await.with(0);
    let said = told(&ended);
    assert_eq!(said["noted"], true, "{}", ended.said());
    assert_eq!(said["driven"], true, "{}", ended.said());
    assert_eq!(said["wish"]["pause"]["length"], "2h", "{}", ended.said());
    assert!(has(&project, "paused"), "{}", ended.said());
    let status = project.run(&["status"]).await.with(0);
    status.saying(&["paused", "goes on by itself", "cutover resume"]);
    // Green comes up, and nothing is made of it.
    cloud.up("pause").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!has(&project, "green_ready"), "{}", child.said());
    // Whoever resumes follows the process that drives.
    let ended = project.run(&["resume", "--json"]).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert!(!has(&project, "took_over"), "{}", ended.said());
    let ended = child.end(MOMENT).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    cloud.settled("pause", "v2", "2").await;
    users.content().await;
    project.run(&["pause"]).await.with(3).saying(&["over already"]);
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_is_promoted_by_its_own_id_alone() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("gate").await;
    let gates = "[[gates]]\nbefore = \"shift\"\n\n[[gates]]\nbefore = \"drain\"\n\n[rollback]";
    project.settings(&[("[rollback]", gates)]);
    let users = cloud.users("gate", 20.0);
    let mut child = project.release("v2", &bundles::good("2"), &[]);
    let first = gate(&project, &mut child).await;
    assert!(first.starts_with("1-shift-"), "{first}");
    project.run(&["promote", "1-drain-7"]).await.with(3).saying(&[&first]);
    project
        .run(&["status"])
        .await
        .with(0)
        .saying(&["cutover promote", &first]);
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 0);
    let ended = project.run(&["promote", &first, "--json"]).await.with(0);
    assert_eq!(told(&ended)["noted"], true, "{}", ended.said());
    let second = until("the second gate", RELEASE, async || {
        let id = project.status().await["gate"]["id"].as_str()?.to_owned();
        (id != first).then_some(id)
    })
    .await;
    assert!(second.starts_with("1-drain-"), "{second}");
    // The same click once more opens nothing.
    project.run(&["promote", &first]).await.with(3).saying(&[&second]);
    project.run(&["promote", &second]).await.with(0).saying(&["taken note"]);
    let ended = child.end(RELEASE).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    cloud.settled("gate", "v2", "2").await;
    users.content().await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_at_which_nobody_comes_leaves_blue_untouched() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("nobody").await;
    let gate = "[[gates]]\nbefore = \"shift\"\ndeadline = \"1s\"\n\n[rollback]";
    project.settings(&[("[rollback]", gate)]);
    let users = cloud.users("nobody", 20.0);
    let ended = project
        .release("v2", &bundles::good("2"), &[])
        .end(RELEASE)
        .await
        .with(5);
    assert_eq!(ended.outcome(), "aborted", "{}", ended.said());
    let ended = ended.saying(&["nobody promoted gate 1-shift-"]);
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 0, "{}", ended.said());
    cloud.settled("nobody", "v1", "1").await;
    users.content().await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_stopped_and_taken_back_from_another_terminal() {
    let cloud = Cloud::start().await;
    let stopped = async {
        let _turn = turn().await;
        let project = cloud.project("stop").await;
        let mut child = project.release("v2", &bundles::good("2"), &[]);
        project.event(1, "green_found", &mut child).await;
        let ended = project.run(&["abort", "--json"]).await.with(0);
        assert_eq!(told(&ended)["phase"], "roll_back", "{}", ended.said());
        let ended = child.end(RELEASE).await.with(5).saying(&["asked for it"]);
        assert_eq!(ended.outcome(), "aborted", "{}", ended.said());
        cloud.settled("stop", "v1", "1").await;
    };
    let back = async {
        let _turn = turn().await;
        let project = cloud.project("turn").await;
        project.settings(&[
            ("duration = \"1500ms\"", "duration = \"100s\""),
            ("deadline = \"30s\"", "deadline = \"200s\""),
        ]);
        let users = cloud.users("turn", 20.0);
        let mut child = project.release("v2", &bundles::good("2"), &[]);
        project.event(1, "shift_confirmed", &mut child).await;
        // A pause holds no way back.
        project.run(&["pause"]).await.with(0);
        project.run(&["rollback"]).await.with(0).saying(&["rolled back"]);
        let ended = child.end(RELEASE).await.with(4);
        assert_eq!(ended.outcome(), "rolled_back", "{}", ended.said());
        cloud.settled("turn", "v1", "1").await;
        users.content().await;
    };
    // The process that drives dies when traffic is on blue again: green is for whoever has asked.
    let alone = async {
        let _turn = turn().await;
        let project = cloud.project("widow").await;
        let mut child = project.release("v2", &bundles::bad("2"), &[]);
        project.event(1, "traffic_restored", &mut child).await;
        child.kill().await;
        let ended = project.run(&["rollback"]).await.with(0).saying(&["rolled back"]);
        assert!(!ended.said().contains("goes on and removes green"), "{}", ended.said());
        assert!(has(&project, "took_over"), "{}", ended.said());
        cloud.settled("widow", "v1", "1").await;
    };
    tokio::join!(stopped, back, alone);
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_for_a_release_that_nobody_drives_says_so() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("alone").await;
    let mut child = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "green_found", &mut child).await;
    child.kill().await;
    let ended = project.run(&["pause", "--json"]).await.with(0);
    assert_eq!(told(&ended)["noted"], false, "{}", ended.said());
    assert_eq!(told(&ended)["driven"], false, "{}", ended.said());
    let ended = ended.saying(&["cutover resume"]);
    drop(ended);
    project
        .run(&["status"])
        .await
        .with(0)
        .saying(&["asked for a pause", "cutover resume"]);
    // It takes effect when somebody drives, and whoever resumes then ends it.
    let mut next = project.start(&["resume", "--json"]);
    project.event(1, "paused", &mut next).await;
    let ended = project.run(&["resume", "--json"]).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert!(
        has(&project, "took_over") && has(&project, "pause_ended"),
        "{}",
        ended.said()
    );
    next.end(MOMENT).await.with(0);
    cloud.settled("alone", "v2", "2").await;
    cloud.end().await;
}
