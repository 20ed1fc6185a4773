//! Calls whose answer is lost, wrong or late. A release reads the world before it makes a call again, so nothing happens twice.

use cutover::release::limits;
use serde_json::Value;
use tokio::time::Instant;

use crate::crash::killed_after;
use crate::support::child::Ended;
use crate::support::{Cloud, Fault, Project, RELEASE, bundles, turn};

const SWAP: &str = "SwapEnvironmentCNAMEs";

/// Releases version 2 of an application while the proxy does this to the first requests of an operation. The release
/// has to come to the end that it would have without.
async fn release(
    cloud: &Cloud,
    name: &'static str,
    operation: &'static str,
    fault: Fault,
    times: usize,
) -> (Project, Ended) {
    let _turn = turn().await;
    let project = cloud.project(name).await;
    let users = cloud.users(name, 20.0);
    project.proxy.order(operation, fault, times);
    let ended = project
        .release("v2", &bundles::good("2"), &[])
        .end(RELEASE)
        .await
        .with(0);
    assert_eq!(ended.outcome(), "promoted", "{name}: {}", ended.said());
    cloud.settled(name, "v2", "2").await;
    users.content().await;
    let first = ended.lines().iter().any(|line| line["event"]["event"] == "finished");
    assert!(first, "{name}: the end is told: {}", ended.said());
    (project, ended)
}

/// How a call was settled: what was read, and whether it has happened.
fn settled(project: &Project, action: &str) -> Vec<bool> {
    let events = project.events(1);
    let intents: Vec<u64> = (1..)
        .zip(&events)
        .filter(|(_, event)| event["event"] == "intended" && event["action"]["action"] == action)
        .map(|(sequence, _)| sequence)
        .collect();
    let settles = |event: &&Value| event["event"] == "resolved" && intents.contains(&event["intent"].as_u64().unwrap());
    events
        .iter()
        .filter(settles)
        .map(|event| event["applied"].as_bool().unwrap())
        .collect()
}

/// How many environments there ever were of an application, those that are gone included.
async fn made(cloud: &Cloud, name: &str) -> usize {
    let all = cloud
        .client
        .describe_environments()
        .application_name(name)
        .include_deleted(true);
    all.send().await.unwrap().environments().len()
}

/// Whoever does not know whether a dangerous call has happened waits until it cannot happen any more. The waits are long, so all
/// are here and waited for at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_knows_of_is_waited_out() {
    let cloud = Cloud::start().await;
    let swap = async {
        let began = Instant::now();
        let (project, _) = release(&cloud, "swap-not-made", SWAP, Fault::FailBefore, 1).await;
        assert_eq!(project.proxy.count(SWAP), 2);
        assert_eq!(
            settled(&project, "swap"),
            [false, true],
            "it was read that nothing had happened, then made again"
        );
        // A call that is still on its way somewhere arrives before that, or never.
        let late = limits::INTENT_DEADLINE + limits::CALL_TIMEOUT;
        assert!(began.elapsed() > late, "{:?}", began.elapsed());
        let wire = project.proxy.wire();
        let first = wire.iter().position(|seen| seen == SWAP).unwrap();
        let second = wire.iter().rposition(|seen| seen == SWAP).unwrap();
        let reads = wire[first..second]
            .iter()
            .filter(|seen| *seen == "DescribeEnvironments")
            .count();
        assert!(reads > 3, "the world was read {reads} times between the two");
    };
    let create = async {
        let (project, _) = release(&cloud, "create-not-made", "CreateEnvironment", Fault::FailBefore, 1).await;
        assert_eq!(project.proxy.count("CreateEnvironment"), 2);
        assert_eq!(settled(&project, "create_environment"), [false]);
        assert_eq!(made(&cloud, "create-not-made").await, 2, "blue and one green");
    };
    tokio::join!(
        swap,
        create,
        killed_after(&cloud, "killed-swap", "intended swap"),
        killed_after(&cloud, "killed-create", "intended create_environment"),
        killed_after(&cloud, "killed-end", "intended terminate"),
    );
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_is_made_once_whatever_becomes_of_its_answer() {
    let cloud = Cloud::start().await;
    let lost = async {
        let (project, _) = release(&cloud, "swap-lost", SWAP, Fault::LoseAnswer, 1).await;
        assert_eq!(project.proxy.count(SWAP), 1);
        assert_eq!(settled(&project, "swap"), [true], "it was read that it has happened");
    };
    let failed = async {
        let (project, _) = release(&cloud, "swap-failed-after", SWAP, Fault::FailAfter, 1).await;
        assert_eq!(project.proxy.count(SWAP), 1);
        assert_eq!(settled(&project, "swap"), [true], "it was read that it has happened");
    };
    let throttled = async {
        let (project, _) = release(&cloud, "swap-throttled", SWAP, Fault::Throttle, 2).await;
        assert_eq!(
            project.proxy.count(SWAP),
            3,
            "a clear refusal is no riddle: it is made again"
        );
        assert_eq!(settled(&project, "swap"), [true]);
    };
    tokio::join!(lost, failed, throttled);
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_or_ended_twice_when_an_answer_is_lost() {
    let cloud = Cloud::start().await;
    let create = async {
        let (project, _) = release(&cloud, "create-lost", "CreateEnvironment", Fault::LoseAnswer, 1).await;
        assert_eq!(project.proxy.count("CreateEnvironment"), 1);
        assert_eq!(settled(&project, "create_environment"), [true]);
        assert_eq!(made(&cloud, "create-lost").await, 2, "blue and one green");
    };
    let version = async {
        let (project, _) = release(&cloud, "version-lost", "CreateApplicationVersion", Fault::LoseAnswer, 1).await;
        assert_eq!(project.proxy.count("CreateApplicationVersion"), 1);
        assert_eq!(settled(&project, "create_version"), [true]);
        let versions = cloud
            .client
            .describe_application_versions()
            .application_name("version-lost");
        assert_eq!(versions.send().await.unwrap().application_versions().len(), 2);
    };
    let template = async {
        let operation = "CreateConfigurationTemplate";
        let (project, _) = release(&cloud, "template-lost", operation, Fault::FailAfter, 2).await;
        assert_eq!(project.proxy.count(operation), 2, "one for blue, one for green");
        assert_eq!(settled(&project, "save_configuration"), [true, true]);
    };
    let end = async {
        let (project, ended) = release(&cloud, "end-lost", "TerminateEnvironment", Fault::LoseAnswer, 1).await;
        assert_eq!(project.proxy.count("TerminateEnvironment"), 1, "{}", ended.said());
        assert_eq!(settled(&project, "terminate"), [true]);
    };
    let upload = async {
        let (project, _) = release(&cloud, "upload-lost", "PutObject", Fault::LoseAnswer, 1).await;
        assert!(
            project.proxy.count("PutObject") <= 2,
            "the same content under the same key does no harm"
        );
    };
    tokio::join!(create, version, template, end, upload);
    cloud.end().await;
}

/// A way back that meets the same troubles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_swaps_once_when_the_answer_is_lost() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("back-lost").await;
    let users = cloud.users("back-lost", 20.0);
    project.settings(&[("warm = \"100ms\"", "warm = \"1h\"")]);
    project
        .release("v2", &bundles::good("2"), &["--until", "promoted"])
        .end(RELEASE)
        .await
        .with(0);
    project.proxy.order(SWAP, Fault::LoseAnswer, 1);
    project.proxy.order("TerminateEnvironment", Fault::FailAfter, 1);
    project
        .run(&["rollback"])
        .await
        .with(0)
        .saying(&["rolled back", "on blue"]);
    assert_eq!(project.proxy.count(SWAP), 2, "one there, one back");
    assert_eq!(project.proxy.count("TerminateEnvironment"), 1);
    cloud.settled("back-lost", "v1", "1").await;
    users.content().await;
    cloud.end().await;
}
