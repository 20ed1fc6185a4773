//! A disk that is full. What stands for it is the limit on the size of files: with none allowed, every write fails as it does
//! on a full disk, but for the number of the error.

use std::time::Duration;

use tokio::process::Command;

use crate::support::child::Child;
use crate::support::cloud::BINARY;
use crate::support::{Cloud, MOMENT, Project, RELEASE, bundles, turn, until};

/// A release that is told of a limit instead of being ended by it.
fn release(project: &Project, label: &str, limit: &str) -> Child {
    let bundle = project.write(&format!("{label}.zip"), bundles::good("2"));
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -S -f {limit}; exec \"$0\" \"$@\""),
            BINARY,
        ])
        .args(["release", "--json", "--artifact", &bundle, "--version-label", label])
        .current_dir(project.folder.path())
        .env_clear()
        .envs(&project.variables);
    Child::start(&mut command, "cutover release with a limit")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_found_before_anything_begins() {
    let cloud = Cloud::start().await;
    let project = cloud.project("full").await;
    let before = project.proxy.changes();
    release(&project, "v2", "0").end(MOMENT).await.with(3).saying(&[
        "\"journal\"",
        "could not write to the journal at",
        "has space",
    ]);
    assert_eq!(project.proxy.changes(), before);
    let left = std::fs::read_dir(project.folder.path()).unwrap().flatten();
    let mut left: Vec<_> = left.map(|item| item.file_name()).collect();
    left.sort();
    assert_eq!(left, ["cutover.toml", "v2.zip"], "not even a folder is left");
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_stops_a_release_until_there_is_space() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("filling").await;
    let users = cloud.users("filling", 20.0);
    let mut child = release(&project, "v2", "unlimited");
    project.event(1, "published", &mut child).await;
    child.limit_files(Some(0));
    until("the release to tell of its trouble", MOMENT, async || {
        child
            .stdout()
            .contains("\"trouble\":\"could not write to the journal at")
            .then_some(())
    })
    .await;
    // It does nothing that it could not write down.
    let (before, entries) = (project.proxy.changes(), project.events(1).len());
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(child.runs(), "{}", child.said());
    assert_eq!(project.proxy.changes(), before, "{}", child.said());
    assert_eq!(project.events(1).len(), entries);
    child.limit_files(None);
    let ended = child.end(RELEASE).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    cloud.settled("filling", "v2", "2").await;
    users.content().await;
    cloud.end().await;
}
