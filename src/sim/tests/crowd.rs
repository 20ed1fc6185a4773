//! Several pipelines that release what they like to one slot, at random moments and in worlds in which something goes wrong.
//!
//! `CROWDS=500 cargo test --lib sim::tests::crowd` plays so many; `CROWDS_FROM=…` begins at another seed.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::super::scenario::{Manner, Quality, Scenario, Trouble};
use super::super::stage::{NEW, OLD};
use super::bench::{Bench, play};
use super::seconds;
use crate::release::{Outcome, Release};

const PIPELINES: [&str; 3] = ["first", "second", "third"];
/// What they release: one version is live, one is good, one is as good, one is bad.
const VERSIONS: [&str; 4] = [OLD, NEW, "v3", BAD];
const BAD: &str = "v4";

/// The world of a seed: one in which nobody meddles by hand, and nothing but the requests is about more than one release.
fn world(seed: u64) -> Scenario {
    let mut scenario = Scenario::with_pipeline(seed);
    scenario.quality = Quality::Good;
    scenario.terms.gate = None;
    scenario.terms.drill = None;
    scenario.manner = match scenario.manner {
        jobs @ Manner::Jobs(_) => jobs,
        _ => Manner::Jobs(seconds(120)),
    };
    scenario.troubles.retain(|trouble| {
        matches!(
            trouble,
            Trouble::Call { .. }
                | Trouble::Crash { .. }
                | Trouble::Freeze { .. }
                | Trouble::Twice { .. }
                | Trouble::Outage { .. }
                | Trouble::Gatekeeper { .. }
        )
    });
    scenario
}

/// What somebody does with a pipeline, so long after the beginning.
#[derive(Debug)]
enum Deed {
    Starts(&'static str, &'static str),
    RunsAgain(&'static str),
    Stops(&'static str),
}

fn script(random: &mut Rng) -> Vec<(u64, Deed)> {
    let mut script = Vec::new();
    for name in PIPELINES.into_iter().take(random.usize(2..=3)) {
        let at = random.u64(..1500);
        script.push((at, Deed::Starts(name, VERSIONS[random.usize(..VERSIONS.len())])));
        if random.u8(..3) == 0 {
            script.push((at + random.u64(1..1500), Deed::Stops(name)));
        }
        if random.u8(..3) == 0 {
            script.push((at + random.u64(600..3000), Deed::RunsAgain(name)));
        }
    }
    script.sort_by_key(|(at, _)| *at);
    script
}

async fn perform(bench: &Bench, deed: &Deed) {
    bench.crew.scene.tell(&"person", || format!("{deed:?}"));
    match deed {
        Deed::Starts(name, version) => bench.release(name, version).await,
        Deed::Stops(name) => bench.line.stop(name).await,
        // Nobody runs what still runs.
        Deed::RunsAgain(name) => match bench.line.newest(name).await {
            Some((_, status)) if matches!(status.as_str(), "Succeeded" | "Failed") => bench.line.again(name).await,
            _ => {}
        },
    }
}

/// What must be so when all is over.
async fn judge(bench: &Bench, all: &[Release], script: &[(u64, Deed)]) {
    let told = || bench.told();
    let mut requests = BTreeSet::new();
    let mut promoted = BTreeSet::from([OLD.to_owned()]);
    let mut live = OLD.to_owned();
    for release in all {
        let (outcome, why) = release.outcome.as_ref().unwrap_or_else(|| panic!("{}", told()));
        let version = release.plan.version_label.to_string();
        let asked = release.plan.origin.as_ref().map(|origin| origin.request.clone());
        assert!(asked.is_some_and(|asked| requests.insert(asked)), "twice: {}", told());
        if *outcome == Outcome::Promoted {
            assert_ne!(version, BAD, "{why}: {}", told());
            promoted.insert(version.clone());
            live = version;
        }
        assert_ne!(*outcome, Outcome::NeedsHuman, "{why}: {}", told());
    }
    assert_eq!(bench.live(), Some(live), "{}", told());
    // What succeeds was live at some time; whether it still is depends on those that came later.
    for (_, deed) in script {
        if let Deed::Starts(name, version) = deed
            && let Some((_, status)) = bench.line.newest(name).await
        {
            assert!(
                status != "Succeeded" || promoted.contains(*version),
                "{name} says that it has released {version}: {}",
                told()
            );
        }
    }
    let stage = &bench.crew.scene.stage;
    let holder = stage.holder();
    let there = stage.environments();
    let left = there.iter().filter(|view| {
        let gone = view.is_terminated() || view.status == "Terminating";
        let said = all.iter().filter_map(|release| release.outcome.as_ref());
        !gone && Some(&view.id) != holder.as_ref() && !said.into_iter().any(|(_, why)| why.contains(view.id.as_str()))
    });
    let left: Vec<_> = left.map(|view| view.name.to_string()).collect();
    assert!(left.is_empty(), "{left:?} are left: {}", told());
    assert!(stage.lost() <= 0.0, "{} requests were lost: {}", stage.lost(), told());
}

fn crowd(seed: u64) {
    let random = &mut Rng::with_seed(seed ^ 0xc0_ffee);
    let script = script(random);
    play(world(seed), async |bench| {
        bench.crew.scene.stage.spoil(BAD, 0.5);
        bench
            .crew
            .scene
            .tell(&"world", || format!("{:?}", bench.crew.scene.scenario));
        for (at, deed) in &script {
            bench.crew.scene.until(seconds(*at)).await;
            perform(bench, deed).await;
        }
        bench.crew.scene.until(bench.crew.scene.scenario.calm).await;
        for (_, deed) in &script {
            if let Deed::Starts(name, _) = deed {
                bench.ended(name).await;
            }
        }
        bench
            .until("the end of all releases", async || {
                let all = bench.all().await;
                all.is_some_and(|all| all.iter().all(|release| release.outcome.is_some()))
            })
            .await;
        // What was on its way still arrives.
        tokio::time::sleep(seconds(300)).await;
        let all = bench.all().await.unwrap_or_else(|| panic!("{}", bench.told()));
        judge(bench, &all, &script).await;
    });
}

#[test]
fn whoever_releases_what_and_when_no_request_is_lost_or_carried_out_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let from = number("CROWDS_FROM").unwrap_or(0);
    for seed in from..from + number("CROWDS").unwrap_or(12) {
        crowd(seed);
    }
}
