//! A newer release while another one of the same slot is under way: it waits for its turn, or takes it.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::child::{Child, Ended};
use crate::support::project::is;
use crate::support::{Cloud, MOMENT, Project, RELEASE, bundles, turn};

/// The lines that say who is waited for.
fn waits(ended: &Ended) -> Vec<Value> {
    let lines = ended.lines();
    lines.into_iter().filter(|line| !line["ahead"].is_null()).collect()
}

/// The entries of a release, as they lie there.
fn entries(project: &Project, release: u32) -> Vec<Value> {
    (1..)
        .map_while(|sequence| fs::read(project.journal(release).join(format!("{sequence:06}.json"))).ok())
        .map(|text| serde_json::from_slice(&text).unwrap())
        .collect()
}

fn outcome(project: &Project, release: u32) -> String {
    let events = project.events(release);
    let last = events.iter().find(|event| is(event, "finished"));
    last.map_or_else(String::new, |last| last["outcome"].as_str().unwrap().to_owned())
}

/// One of the two environments of a release, by its id.
fn environment(project: &Project, release: u32, event: &str, role: &str) -> String {
    let events = project.events(release);
    let found = events.iter().rfind(|found| is(found, event));
    let found = found.unwrap_or_else(|| panic!("release {release} has no {event}"));
    found[role]["id"].as_str().unwrap().to_owned()
}

/// Each release began when the one before was over. How many there are.
fn one_after_another(project: &Project) -> u32 {
    let all: Vec<_> = (1..)
        .map(|release| entries(project, release))
        .take_while(|entries| !entries.is_empty())
        .collect();
    for pair in all.windows(2) {
        let (last, first) = (pair[0].last().unwrap(), &pair[1][0]);
        assert!(is(&last["event"], "finished"), "{last}");
        // Moments of equal length, in UTC: their texts have their order.
        assert!(last["at"].as_str() <= first["at"].as_str(), "{last} overlaps {first}");
    }
    u32::try_from(all.len()).unwrap()
}

/// Waits until a child says that it waits.
async fn waiting(child: &mut Child) {
    let end = Instant::now() + MOMENT;
    while !child.stdout().contains("\"ahead\"") {
        assert!(
            child.runs() && Instant::now() < end,
            "it does not wait: {}",
            child.said()
        );
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_release_waits_and_then_is_promoted() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("queue").await;
    let users = cloud.users("queue", 20.0);
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "preflight_passed", &mut first).await;
    let holder = first.id();
    let second = project.release("v3", &bundles::good("3"), &["--wait"]);
    let (first, second) = tokio::join!(first.end(RELEASE), second.end(RELEASE * 2));
    assert_eq!(first.with(0).outcome(), "promoted");
    let second = second.with(0);
    assert_eq!(second.outcome(), "promoted", "{}", second.said());

    assert_eq!(one_after_another(&project), 2, "{}", second.said());
    let green = environment(&project, 1, "green_ready", "green");
    let blue = environment(&project, 2, "preflight_passed", "blue");
    assert_eq!(green, blue, "{}", second.said());

    let told = waits(&second);
    for line in &told {
        let ahead = &line["ahead"];
        assert_eq!(ahead["release"], "queue/production/1", "{line}");
        assert_eq!(ahead["driver"]["process"], holder, "{line}");
        assert_eq!(ahead["driven"], true, "{line}");
        assert_eq!(line["at_deadline"], "the release is refused", "{line}");
        assert_eq!(line["deadline"], told[0]["deadline"], "{line}");
        assert!(
            line["waiting"].as_str().unwrap().contains("queue/production/1"),
            "{line}"
        );
    }
    let mut phases: Vec<_> = told.iter().map(|line| line["ahead"]["phase"].clone()).collect();
    assert!(phases.len() >= 3, "each change is told: {phases:?}");
    let count = phases.len();
    phases.dedup();
    assert_eq!(phases.len(), count, "and nothing twice: {phases:?}");
    let over = "release queue/production/1 is over: promoted";
    let note = |line: &Value| line["note"].as_str().is_some_and(|note| note.contains(over));
    assert!(second.lines().iter().any(note), "{}", second.said());
    cloud.settled("queue", "v3", "3").await;
    users.content().await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_release_replaces_the_first_one() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("replace").await;
    // Long enough to be found in its bake, and a green that would be kept for long.
    project.settings(&[
        ("duration = \"1500ms\"", "duration = \"100s\""),
        ("deadline = \"30s\"", "deadline = \"200s\""),
        ("keep_green = \"100ms\"", "keep_green = \"1h\""),
    ]);
    let users = cloud.users("replace", 20.0);
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "shift_confirmed", &mut first).await;

    // What could not begin takes nobody back.
    let broken = project.release("broken", b"no zip", &["--replace"]).end(MOMENT).await;
    let broken = broken.with(3).saying(&["\"bundle\"", "\"busy\""]);
    let asked = project.events(1).iter().any(|event| is(event, "asked"));
    assert!(!asked, "{}", broken.said());

    project.settings(&[]);
    let second = project.release("v3", &bundles::good("3"), &["--replace"]);
    let (first, second) = tokio::join!(first.end(RELEASE), second.end(RELEASE * 2));
    let first = first.with(4);
    assert_eq!(first.outcome(), "rolled_back", "its own outcome: {}", first.said());
    let second = second
        .with(0)
        .saying(&["is asked to turn back", "replace/production/1 is over: rolled back"]);
    assert_eq!(second.outcome(), "promoted", "{}", second.said());
    assert_eq!(one_after_another(&project), 2, "{}", second.said());
    let (old, blue) = (
        environment(&project, 1, "preflight_passed", "blue"),
        environment(&project, 2, "preflight_passed", "blue"),
    );
    assert_eq!(old, blue, "{}", second.said());
    cloud.settled("replace", "v3", "3").await;
    users.content().await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_whose_driver_is_gone_is_told_of_and_can_be_replaced() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("orphan").await;
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "green_found", &mut first).await;
    first.kill().await;
    let ended = project
        .release("v3", &bundles::good("3"), &["--wait", "2s"])
        .end(MOMENT)
        .await;
    let ended = ended
        .with(3)
        .saying(&["does not run any more", "cutover resume", "orphan/production/1"]);
    assert_eq!(waits(&ended)[0]["ahead"]["driven"], false, "{}", ended.said());

    let second = project.release("v3", &bundles::good("3"), &["--replace"]);
    let second = second.end(RELEASE * 2).await.with(0);
    assert_eq!(second.outcome(), "promoted", "{}", second.said());
    assert_eq!(outcome(&project, 1), "aborted", "{}", second.said());
    assert!(
        project.events(1).iter().any(|event| is(event, "took_over")),
        "{}",
        second.said()
    );
    assert_eq!(one_after_another(&project), 2, "{}", second.said());
    cloud.settled("orphan", "v3", "3").await;
    cloud.end().await;
}

/// Whether whoever runs the tests, such as `nohup`, has had hang-ups ignored: then the program ignores them, too, as it should.
fn hang_ups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1, which is SIGHUP (proc_pid_status(5)).
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_at_its_deadline_or_by_a_signal() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("late").await;
    project.settings(&[
        ("duration = \"1500ms\"", "duration = \"100s\""),
        ("deadline = \"30s\"", "deadline = \"200s\""),
    ]);
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "green_found", &mut first).await;
    let holder = format!("process {} on ", first.id());
    let before = project.proxy.changes().values().sum::<usize>();

    let ended = project
        .release("v3", &bundles::good("3"), &["--wait", "3s"])
        .end(MOMENT)
        .await;
    let ended = ended.with(3);
    assert_eq!(ended.outcome(), "refused", "{}", ended.said());
    let ended = ended.saying(&[
        "\"busy\"",
        "release late/production/1",
        &holder,
        "has waited 3s for its turn",
    ]);
    drop(ended);
    // For people, on the other output.
    let words = [
        "release late/production/1",
        &holder,
        "at most until",
        "has waited 1s",
        "was refused",
    ];
    project
        .run(&[
            "release",
            "--artifact",
            "v3.zip",
            "--version-label",
            "v3",
            "--wait",
            "1s",
        ])
        .await
        .with(3)
        .saying(&words);

    let hang_up = (!hang_ups_are_ignored()).then_some(Signal::HUP);
    for signal in [Signal::INT, Signal::TERM].into_iter().chain(hang_up) {
        let mut child = project.release("v3", &bundles::good("3"), &["--wait"]);
        waiting(&mut child).await;
        kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
        child
            .end(MOMENT)
            .await
            .with(130)
            .saying(&["release late/production/1", "nothing was changed"]);
    }
    let asked = project.events(1).iter().any(|event| is(event, "asked"));
    assert!(!asked && entries(&project, 2).is_empty(), "{}", first.said());

    // Whoever is interrupted after the wish was written says so: it stays written.
    let child = project.release("v3", &bundles::good("3"), &["--replace"]);
    project.event(1, "asked", &mut first).await;
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    let ended = child.end(MOMENT).await.with(130);
    drop(ended.saying(&["late/production/1", "to replace"]));
    let ended = first.end(RELEASE).await;
    assert!(
        ["aborted", "rolled_back"].contains(&ended.outcome().as_str()),
        "{}",
        ended.said()
    );
    assert!(entries(&project, 2).is_empty(), "{}", ended.said());
    assert!(before > 0);
    cloud.settled("late", "v1", "1").await;

    for arguments in [
        ["--wait", "--replace"].as_slice(),
        &["--wait", "3s", "--replace"],
        &["--wait", "0s"],
        &["--wait", "soon"],
    ] {
        project
            .release("v3", &bundles::good("3"), arguments)
            .end(MOMENT)
            .await
            .with(2);
    }
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_four_that_wait_each_gets_its_turn_and_one_at_a_time() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("four").await;
    project.settings(&[
        ("duration = \"1500ms\"", "duration = \"300ms\""),
        ("quiet = \"500ms\"", "quiet = \"200ms\""),
    ]);
    let users = cloud.users("four", 10.0);
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "preflight_passed", &mut first).await;
    let waiting: Vec<_> = (3..7)
        .map(|version| {
            let bundle = bundles::good(&version.to_string());
            project.release(&format!("v{version}"), &bundle, &["--wait", "150s"])
        })
        .collect();
    let deadline = Duration::from_secs(400);
    let (first, ends) = tokio::join!(
        first.end(RELEASE),
        join_all(waiting.into_iter().map(|child| child.end(deadline)))
    );
    assert_eq!(first.with(0).outcome(), "promoted");
    let (promoted, late): (Vec<_>, Vec<_>) = ends.into_iter().partition(|ended| ended.code == Some(0));
    for ended in &promoted {
        assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    }
    for ended in late {
        // A slow machine: it ends at its deadline, and says who has the slot.
        let ended = ended.with(3).saying(&["\"busy\"", "has waited 2m 30s"]);
        assert!(waits(&ended).len() > 2, "{}", ended.said());
    }
    assert!(promoted.len() >= 2, "only {} of four had their turn", promoted.len());
    let releases = one_after_another(&project);
    assert_eq!(
        releases as usize,
        promoted.len() + 1,
        "a release is begun by whoever has the turn alone"
    );
    for release in 2..=releases {
        let green = environment(&project, release - 1, "green_ready", "green");
        let blue = environment(&project, release, "preflight_passed", "blue");
        assert_eq!(green, blue, "release {release} begins where the one before has ended");
    }
    users.content().await;
    cloud.end().await;
}
