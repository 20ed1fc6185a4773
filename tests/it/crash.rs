//! Ends without a farewell: `kill -9` of a release at every stage, and of the cloud with everything that runs on it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::{Cloud, Fault, Project, RELEASE, bundles, proxy::Gate, turn};

const SWAP: &str = "SwapEnvironmentCNAMEs";

/// Resumes a release that was killed. It ends as `outcome` says, with one environment, and users have noticed nothing.
async fn resumed(project: &Project, code: i32, outcome: &str) {
    let ended = project.run(&["resume", "--json"]).await.with(code);
    assert_eq!(ended.outcome(), outcome, "{}", ended.said());
    let taken = ended.lines().iter().any(|line| line["event"]["event"] == "took_over");
    assert!(taken, "another process goes on with it: {}", ended.said());
}

/// Kills the release of a good version once an event is in the journal, and resumes it.
pub(crate) async fn killed_after(cloud: &Cloud, name: &str, event: &str) {
    let _turn = turn().await;
    let project = cloud.project(name).await;
    let users = cloud.users(name, 20.0);
    let mut child = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, event, &mut child).await;
    child.kill().await;
    resumed(&project, 0, "promoted").await;
    cloud.settled(name, "v2", "2").await;
    users.content().await;
    let greens = project.proxy.count("CreateEnvironment");
    // Between intent and call nobody knows which of the two was reached; the world is asked, and it is made if it is missing.
    let made = cloud
        .client
        .describe_environments()
        .application_name(name)
        .include_deleted(true);
    let made = made.send().await.unwrap().environments().len();
    assert_eq!(
        made, 2,
        "killed after {event}: blue and one green, asked for {greens} times"
    );
    let swaps = project.proxy.count(SWAP);
    let wanted = if event == "intended swap" { 1..=2 } else { 1..=1 };
    assert!(wanted.contains(&swaps), "killed after {event}: {swaps} swaps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_release_goes_on_where_it_was() {
    let cloud = Cloud::start().await;
    // Right after the intent of a dangerous call nobody knows whether it was made: see `ambiguous.rs`.
    let moments = [
        "started",
        "preflight_passed",
        "intended create_version",
        "published",
        "green_found",
        "green_ready",
        "smoke_passed",
        "shifted",
        "shift_confirmed",
        "bake_passed",
        "drained",
    ];
    let killed = async |(number, event): (usize, &&str)| {
        killed_after(&cloud, &format!("killed-{number}"), event).await;
    };
    join_all(moments.iter().enumerate().map(killed)).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_dies_while_its_swap_is_under_way_does_not_swap_again() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("mid-swap").await;
    let users = cloud.users("mid-swap", 20.0);
    let gate = Gate::closed();
    project.proxy.order(SWAP, Fault::Hold(gate.clone()), 1);
    let mut child = project.release("v2", &bundles::good("2"), &[]);
    project.proxy.arrived(SWAP).await;
    child.kill().await;
    // The dead driver's call arrives while the next one already looks at the world.
    let next = project.start(&["resume", "--json"]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    gate.open();
    let ended = next.end(RELEASE).await.with(0);
    assert_eq!(ended.outcome(), "promoted", "{}", ended.said());
    assert_eq!(project.proxy.count(SWAP), 1, "{}", ended.said());
    cloud.settled("mid-swap", "v2", "2").await;
    users.content().await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_dies_is_resumed_too() {
    let cloud = Cloud::start().await;
    let one = async |name: &str, event: &str| {
        let _turn = turn().await;
        let project = cloud.project(name).await;
        let users = cloud.users(name, 40.0);
        let mut child = project.release("v2", &bundles::bad("2"), &[]);
        project.event(1, event, &mut child).await;
        child.kill().await;
        resumed(&project, 4, "rolled_back").await;
        cloud.settled(name, "v1", "1").await;
        assert_eq!(project.proxy.count(SWAP), 2, "one there, one back");
        drop(users);
    };
    tokio::join!(
        one("dies-turning", "rollback_began"),
        one("dies-restored", "traffic_restored")
    );
    cloud.end().await;
}

/// Linux says what runs; elsewhere the same keepers do the same work.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_cloud_leaves_no_process_behind() {
    use crate::support::child::Child;
    use crate::support::cloud::{BINARY, clients, deploy, up};
    use crate::support::project::{nobody_in, processes_in};
    use crate::support::{MOMENT, until};

    let _turn = turn().await;
    let home = tempfile::Builder::new().prefix("cutover-test-").tempdir().unwrap();
    let data = home.path().join("cloud");
    let mut command = tokio::process::Command::new(BINARY);
    command
        .env_clear()
        .env("TMPDIR", home.path())
        .args(["cloud", "--pace", "100", "--data"])
        .arg(&data);
    command.args(["--port", "0", "--dns-port", "0", "--http-port", "0", "--edge-port", "0"]);
    let mut child = Child::start(&mut command, "cutover cloud");
    let endpoint = until("the cloud's endpoint", MOMENT, async || {
        let said = child.stdout();
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL="));
        line.map(str::to_owned)
    })
    .await;
    let (aws, _) = clients(&endpoint).await;
    deploy(
        &aws,
        "orphans",
        &bundles::good("1"),
        &[("aws:autoscaling:asg", "MinSize", "2")],
        home.path(),
    )
    .await;
    up(&aws, "orphans").await;
    let running = processes_in(&data);
    assert!(running.len() >= 4, "two instances and their keepers: {running:?}");
    child.kill().await;
    nobody_in(&data, Duration::from_secs(5)).await;
}
