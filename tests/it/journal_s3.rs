//! One journal on S3 for several machines: each project here is a folder of its own, with nothing of the others'.

use std::fs;

use cutover::journal::{Journal as _, S3Journal};
use cutover::model::ReleaseNumber;
use cutover::release::{ReleaseId, Slot};
use futures_util::future::join_all;
use serde_json::Value;

use crate::support::child::Child;
use crate::support::project::is;
use crate::support::{Cloud, MOMENT, Project, RELEASE, bundles, turn};

const PREFIX: &str = "team/cutover";

/// The journal's place.
async fn place(cloud: &Cloud) -> (String, S3Journal) {
    let bucket = cloud.aws.create_storage_location().await.unwrap();
    let journal = S3Journal::new(cloud.aws.clone(), &bucket, PREFIX);
    (format!("s3://{bucket}/{PREFIX}"), journal)
}

/// A project on another machine that has its journal on S3.
async fn project(cloud: &Cloud, name: &str, place: &str, changes: &[(&str, &str)]) -> Project {
    let project = Project::new(cloud, name).await;
    let journal = format!("journal = \"{place}\"");
    let changes: Vec<_> = [("journal = \"journal\"", journal.as_str())]
        .iter()
        .chain(changes)
        .copied()
        .collect();
    project.settings(&changes);
    project
}

/// Waits until an event is in the journal.
async fn event(journal: &S3Journal, name: &str, wanted: &str, child: &mut Child) {
    let release = ReleaseId {
        slot: Slot {
            application: name.into(),
            name: "production".into(),
        },
        number: ReleaseNumber(1),
    };
    let mut sequence = 1;
    let end = tokio::time::Instant::now() + RELEASE;
    loop {
        match journal.entry(&release, sequence).await.unwrap() {
            Some(entry) if is(&serde_json::to_value(&entry.event).unwrap(), wanted) => return,
            Some(_) => sequence += 1,
            None => {
                assert!(tokio::time::Instant::now() < end, "no {wanted}: {}", child.said());
                assert!(child.runs(), "it ended before {wanted}: {}", child.said());
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }
}

const WARM: (&str, &str) = ("warm = \"100ms\"", "warm = \"1h\"");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_machine_releases_another_one_sees_and_takes_back() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let here = cloud.project("shared").await;
    let (place, _) = place(&cloud).await;
    here.settings(&[WARM]);
    let ended = here
        .release(
            "v2",
            &bundles::good("2"),
            &["--until", "promoted", "--journal", &format!("{place}/")],
        )
        .end(RELEASE)
        .await
        .with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert!(!here.path("journal").exists() && !here.path(".cutover").exists());

    let there = project(&cloud, "shared", &place, &[WARM]).await;
    let status = there.status().await;
    assert_eq!(status["plan"]["version_label"], "v2");
    there
        .run(&["status"])
        .await
        .with(0)
        .saying(&["shared/production/1", "version v2", &place]);
    there
        .run(&["rollback"])
        .await
        .with(0)
        .saying(&["rolled back", "on blue"]);
    cloud.settled("shared", "v1", "1").await;
    here.run(&["resume", "--journal", &place])
        .await
        .with(4)
        .saying(&["rolled back"]);

    // And the next release has the next number, from either machine.
    there.settings(&[("journal = \"journal\"", &format!("journal = \"{place}\""))]);
    there
        .release("v3", &bundles::good("3"), &[])
        .end(RELEASE)
        .await
        .with(0)
        .saying(&["shared/production/2"]);
    cloud.settled("shared", "v3", "3").await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_release_goes_on_elsewhere_without_its_bundle() {
    let cloud = Cloud::start().await;
    let (place, journal) = place(&cloud).await;
    let killed = async |name: &str, wanted: &str| {
        let _turn = turn().await;
        let here = cloud.project(name).await;
        let users = cloud.users(name, 20.0);
        let mut child = here.release("v2", &bundles::good("2"), &["--journal", &place]);
        event(&journal, name, wanted, &mut child).await;
        child.kill().await;
        fs::remove_file(here.path("v2.zip")).unwrap();
        let there = project(&cloud, name, &place, &[]).await;
        there
            .run(&["status"])
            .await
            .with(0)
            .saying(&["does not run any more", &place]);
        let ended = there.run(&["resume", "--json"]).await.with(0);
        assert_eq!(ended.outcome(), "promoted", "killed after {wanted}: {}", ended.said());
        cloud.settled(name, "v2", "2").await;
        users.content().await;
    };
    tokio::join!(
        killed("elsewhere-1", "intended create_version"),
        killed("elsewhere-2", "published"),
        killed("elsewhere-3", "green_ready"),
        killed("elsewhere-4", "shifted"),
    );
    cloud.end().await;
}

/// Sixteen at once: one wins, and the others say who has the slot, since when, and until when.
async fn race(cloud: &Cloud, name: &str, place: &str) {
    let _turn = turn().await;
    let project = cloud.project(name).await;
    project.settings(&[WARM]);
    let bundle = project.write("v2.zip", bundles::good("2"));
    let arguments = [
        "release",
        "--json",
        "--artifact",
        &bundle,
        "--version-label",
        "v2",
        "--until",
        "promoted",
        "--journal",
        place,
    ];
    let children: Vec<_> = (0..16).map(|_| project.start(&arguments)).collect();
    let ends = children.into_iter().map(|child| async {
        let id = child.id();
        (id, child.end(RELEASE).await)
    });
    let (winners, losers): (Vec<_>, Vec<_>) = join_all(ends)
        .await
        .into_iter()
        .partition(|(_, ended)| ended.code == Some(0));
    let [(winner, ended)] = winners.as_slice() else {
        panic!("{} of 16 have won", winners.len());
    };
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    for (_, ended) in losers {
        let ended = ended.with(3);
        let lines: Vec<Value> = ended.lines();
        let problem = lines[0]["problems"]
            .as_array()
            .unwrap()
            .iter()
            .find(|problem| problem["code"] == "busy");
        let problem = problem.unwrap_or_else(|| panic!("{}", ended.said()));
        let said = problem["message"].as_str().unwrap();
        let holder = format!("process {winner} on ");
        for word in [
            &holder,
            &format!("release {name}/production/1 began at 20"),
            "in phase ",
            " since 20",
            " until 20",
        ] {
            assert!(said.contains(word), "{word}: {}", ended.said());
        }
        let advice = problem["advice"].as_str().unwrap();
        assert!(advice.contains("cutover status"), "{}", ended.said());
    }
    assert_eq!(project.proxy.count("CreateEnvironment"), 1);
    assert_eq!(project.proxy.count("SwapEnvironmentCNAMEs"), 1);
    let ended = project
        .run(&["resume", "--json", "--end-wait", "--journal", place])
        .await
        .with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    cloud.settled(name, "v2", "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_releases_at_once_one_begins() {
    let cloud = Cloud::start().await;
    let (place, _) = place(&cloud).await;
    let folder = cloud.home.path().join("shared-journal").display().to_string();
    race(&cloud, "race-s3", &place).await;
    race(&cloud, "race-folder", &folder).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_cannot_be_a_journal_is_refused_with_nothing_changed() {
    let cloud = Cloud::start().await;
    let project = cloud.project("misplaced").await;
    project
        .run(&["status", "--journal", "s3:/bucket/x"])
        .await
        .with(2)
        .saying(&["s3:/bucket/x", "s3://BUCKET/PREFIX"]);
    project.settings(&[("journal = \"journal\"", "journal = \"s3://Team_Bucket/x\"")]);
    project
        .run(&["status"])
        .await
        .with(2)
        .saying(&["cutover.toml:3", "Team_Bucket", "small letters"]);
    project.settings(&[]);
    let before = project.proxy.changes();
    let nowhere = "s3://no-such-bucket-anywhere/x";
    project
        .release("v2", &bundles::good("2"), &["--journal", nowhere])
        .end(MOMENT)
        .await
        .with(3)
        .saying(&[
            "\"journal\"",
            "NoSuchBucket",
            "s3://no-such-bucket-anywhere/x/misplaced/production/",
            "make the bucket",
        ]);
    project
        .run(&["status", "--journal", nowhere])
        .await
        .with(1)
        .saying(&["NoSuchBucket", "make the bucket"]);
    assert_eq!(project.proxy.changes(), before);

    // A bundle that was made of a folder goes with the release that has not begun.
    fs::create_dir(project.path("application")).unwrap();
    project.write("application/Procfile", "web: python3 app.py\n");
    project
        .run(&["release", "--json", "--artifact", "application", "--journal", nowhere])
        .await
        .with(3);
    assert_eq!(fs::read_dir(project.path(".cutover/bundles")).unwrap().count(), 0);
    // And with a dry run: beside this journal, in a folder, are the bundles.
    project
        .run(&["release", "--dry-run", "--artifact", "application"])
        .await
        .with(0);
    assert_eq!(fs::read_dir(project.path("bundles")).unwrap().count(), 0);
    cloud.end().await;
}
