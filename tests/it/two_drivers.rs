//! Two processes that go on with the same release at once: one drives, the other follows, and both tell the same end.

use futures_util::future::join_all;

use crate::support::project::is;
use crate::support::{Cloud, RELEASE, bundles, turn};

const SWAP: &str = "SwapEnvironmentCNAMEs";

/// Kills a release once an event is in the journal, and has two machines resume it at once.
async fn contested(cloud: &Cloud, name: &str, event: &str, good: bool) {
    let _turn = turn().await;
    let project = cloud.project(name).await;
    let users = cloud.users(name, 20.0);
    let (one, two) = tokio::join!(project.elsewhere(cloud), project.elsewhere(cloud));
    let bundle = if good { bundles::good("2") } else { bundles::bad("2") };
    let mut child = project.release("v2", &bundle, &[]);
    project.event(1, event, &mut child).await;
    child.kill().await;

    let (first, second) = (one.start(&["resume", "--json"]), two.start(&["resume", "--json"]));
    let (first, second) = tokio::join!(first.end(RELEASE), second.end(RELEASE));
    let (code, outcome) = if good { (0, "promoted") } else { (4, "rolled_back") };
    let said = format!("{name}\n{}\n{}", first.said(), second.said());
    for ended in [first, second] {
        let ended = ended.with(code);
        assert_eq!(ended.outcome(), outcome, "{said}");
        let told = |wanted: &str| ended.lines().iter().filter(|line| is(&line["event"], wanted)).count();
        // One that starts once the other drives has no handover to tell: it says that it follows.
        let follows = ended.lines().iter().any(|line| says_that_it_follows(&line["note"]));
        assert!(
            told("took_over") == 1 || (told("took_over") == 0 && follows),
            "each says who drives: {said}"
        );
        assert_eq!(told("finished"), 1, "each sees the end: {said}");
    }
    let handovers = project.events(1).iter().filter(|event| is(event, "took_over")).count();
    assert_eq!(handovers, 1, "one of them drives, to the end: {said}");
    let calls = [&one, &two].map(|machine| machine.proxy.changes());
    assert!(
        calls.iter().any(std::collections::BTreeMap::is_empty),
        "only one of them calls: {calls:?}"
    );

    let done = |operation| {
        [&project, &one, &two]
            .map(|machine| machine.proxy.done(operation))
            .iter()
            .sum::<usize>()
    };
    assert_eq!(done("CreateEnvironment"), 1, "{said}");
    assert_eq!(done("TerminateEnvironment"), 1, "{said}");
    if good {
        assert_eq!(done(SWAP), 1, "{said}");
        cloud.settled(name, "v2", "2").await;
        users.content().await;
    } else {
        assert_eq!(done(SWAP), 2, "one there, one back: {said}");
        cloud.settled(name, "v1", "1").await;
    }
}

fn says_that_it_follows(note: &serde_json::Value) -> bool {
    note.as_str()
        .is_some_and(|note| note.contains("drives the release; this process follows"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_resume_one_drives() {
    let cloud = Cloud::start().await;
    let moments = [
        ("both-early", "preflight_passed", true),
        ("both-ready", "smoke_passed", true),
        ("both-swap", "intended swap", true),
        ("both-late", "bake_passed", true),
        ("both-bad", "shifted", false),
        ("both-back", "rollback_began", false),
    ];
    join_all(moments.map(|(name, event, good)| contested(&cloud, name, event, good))).await;
    cloud.end().await;
}
