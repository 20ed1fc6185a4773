//! Drivers that are stopped for longer than their ownership, as by a closed laptop, and wake up when another process has
//! long finished their release. They make no call any more that could change something.

use std::time::Duration;

use cutover::release::limits;
use futures_util::future::join_all;
use tokio::time::sleep;

use crate::support::child::Child;
use crate::support::project::{events, is};
use crate::support::proxy::{Gate, mutates};
use crate::support::{Cloud, Fault, MOMENT, Project, RELEASE, bundles, turn, until};

const SWAP: &str = "SwapEnvironmentCNAMEs";

/// When the old driver is stopped.
#[derive(Clone, Copy)]
enum Stopped {
    /// Once this is in the journal.
    After(&'static str),
    /// Between an intent and its call: while a read (or the first of several calls) is under way that comes before it. The
    /// answer is there when it wakes up.
    Between(&'static str, &'static str),
}

/// How the other process comes by the release.
#[derive(Clone, Copy)]
enum Taken {
    /// It waits until it has heard nothing of the old driver for as long as that asked to be left alone.
    WhenSilent,
    /// An operator orders it.
    ByOrder,
}

/// What is to come of the release, by the other process and by the telling of the old one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Promoted,
    RolledBack,
}

/// Stops a driver, has its release finished by another process, and wakes it up.
async fn overtaken(cloud: &Cloud, name: &str, stopped: Stopped, taken: Taken, end: End) {
    let starting = turn().await;
    let project = cloud.project(name).await;
    let other = project.elsewhere(cloud).await;
    let users = cloud.users(name, 10.0);
    let bundle = match end {
        End::Promoted => bundles::good("2"),
        End::RolledBack => bundles::bad("2"),
    };
    let old = stop(&project, &bundle, stopped).await;
    let before = project.proxy.wire().len();
    drop(starting);

    let next = match taken {
        Taken::WhenSilent => other.start(&["resume", "--json"]),
        Taken::ByOrder => other.start(&["resume", "--json", "--take-over"]),
    };
    let (code, outcome) = match end {
        End::Promoted => (0, "promoted"),
        End::RolledBack => (4, "rolled_back"),
    };
    let ended = next.end(RELEASE).await.with(code);
    assert_eq!(ended.outcome(), outcome, "{}", ended.said());
    let handovers = project.events(1).iter().filter(|event| is(event, "took_over")).count();
    assert_eq!(handovers, 1, "{name}: {}", ended.said());
    let (left, journal) = (cloud.environments(name).await, project.events(1));

    old.thaw();
    let woken = old.end(MOMENT).await.with(code);
    let woken = woken.saying(&["took it over from", &outcome.replace('_', " ")]);
    let after = project.proxy.wire().split_off(before);
    let calls: Vec<_> = after.iter().filter(|seen| mutates(seen)).collect();
    assert!(
        calls.is_empty(),
        "{name}: the old driver still called {calls:?}: {}",
        woken.said()
    );

    // What was on its way would have arrived by now.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(project.proxy.wire().len(), before + after.len(), "{name}: it has ended");
    assert_eq!(cloud.environments(name).await, left, "{name}: nothing has changed");
    assert_eq!(project.events(1), journal, "{name}: nothing was added");
    let swaps = project.proxy.done(SWAP) + other.proxy.done(SWAP);
    match end {
        End::Promoted => {
            assert_eq!(swaps, 1, "{name}: {}", ended.said());
            cloud.settled(name, "v2", "2").await;
            users.content().await;
        }
        End::RolledBack => {
            assert_eq!(swaps, 2, "{name}: one there, one back: {}", ended.said());
            cloud.settled(name, "v1", "1").await;
        }
    }
}

/// Begins a release as a person does, and stops its process.
async fn stop(project: &Project, bundle: &[u8], stopped: Stopped) -> Child {
    let file = project.write("v2.zip", bundle);
    let arguments = ["release", "--artifact", &file, "--version-label", "v2"];
    match stopped {
        Stopped::After(event) => {
            let mut old = project.start(&arguments);
            project.event(1, event, &mut old).await;
            old.freeze().await;
            old
        }
        Stopped::Between(intent, first) => {
            let gate = Gate::closed();
            let journal = project.journal(1);
            project
                .proxy
                .order_when(first, Fault::Hold(gate.clone()), usize::MAX, move || {
                    events(&journal).iter().any(|event| is(event, intent))
                });
            let old = project.start(&arguments);
            let what = format!("{first} after {intent}");
            until(&what, MOMENT * 2, async || (gate.came() > 0).then_some(())).await;
            old.freeze().await;
            gate.open();
            old
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_that_was_frozen_makes_no_call_any_more() {
    let cloud = Cloud::start().await;
    use End::{Promoted, RolledBack};
    use Stopped::{After, Between};
    use Taken::{ByOrder, WhenSilent};
    let cases = [
        (
            "frozen-upload",
            Between("intended upload", "CreateStorageLocation"),
            ByOrder,
            Promoted,
        ),
        ("frozen-provision", After("green_found"), WhenSilent, Promoted),
        (
            "frozen-swap",
            Between("intended swap", "DescribeEnvironments"),
            ByOrder,
            Promoted,
        ),
        ("frozen-bake", After("shift_confirmed"), ByOrder, Promoted),
        ("frozen-drain", After("bake_passed"), ByOrder, Promoted),
        (
            "frozen-end",
            Between("intended terminate", "DescribeConfigurationSettings"),
            ByOrder,
            Promoted,
        ),
        (
            "frozen-prune",
            Between("intended prune", "DescribeApplications"),
            ByOrder,
            Promoted,
        ),
        ("frozen-bad", After("shifted"), ByOrder, RolledBack),
        (
            "frozen-evidence",
            Between("intended save_evidence", "DescribeEvents"),
            ByOrder,
            RolledBack,
        ),
    ];
    join_all(cases.map(|(name, stopped, taken, end)| overtaken(&cloud, name, stopped, taken, end))).await;
    cloud.end().await;
}

/// A driver that was stopped for less than its ownership is still the driver, but what it saw has grown old: it lets the call
/// be, and looks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_let_be_when_its_intent_has_grown_old() {
    let cloud = Cloud::start().await;
    let cases = [
        ("old-swap", "swap", "DescribeEnvironments", SWAP),
        (
            "old-end",
            "terminate",
            "DescribeConfigurationSettings",
            "TerminateEnvironment",
        ),
    ];
    let one = async |(name, action, first, call): (&str, &str, &'static str, &str)| {
        let _turn = turn().await;
        let project = cloud.project(name).await;
        let users = cloud.users(name, 10.0);
        let intent: &'static str = if action == "swap" {
            "intended swap"
        } else {
            "intended terminate"
        };
        let old = stop(&project, &bundles::good("2"), Stopped::Between(intent, first)).await;
        // Longer than an intent may be old, and short enough that the answer to the read is still taken.
        sleep(limits::INTENT_DEADLINE + Duration::from_secs(1)).await;
        assert_eq!(project.proxy.count(call), 0, "{name}");
        old.thaw();
        let ended = old.end(RELEASE).await.with(0);
        let ended = ended.saying(&["too much time had passed since the intent was written"]);
        let intents = project.events(1).iter().filter(|event| is(event, intent)).count();
        assert_eq!(intents, 2, "{name}: it is meant anew: {}", ended.said());
        assert_eq!(project.proxy.count(call), 1, "{name}: {}", ended.said());
        cloud.settled(name, "v2", "2").await;
        users.content().await;
    };
    join_all(cases.map(one)).await;
    cloud.end().await;
}
