//! Several requests for one slot: each has its turn, and none meddles with another's release.

use serde_json::{Value, json};

use super::super::scenario::{Fate, Manner, Quality, Scenario, Trouble};
use super::super::stage::{NEW, OLD, zipped};
use super::bench::{Bench, play};
use super::seconds;
use crate::local::automation::RunEnd;
use crate::local::storage::Storage as _;
use crate::release::{Outcome, Phase};

/// Plays a script in a world in which nothing goes wrong.
fn played(change: impl FnOnce(&mut Scenario), script: impl AsyncFnOnce(&Bench)) {
    let mut scenario = Scenario {
        manner: Manner::Jobs(seconds(60)),
        ..Scenario::calm()
    };
    change(&mut scenario);
    play(scenario, script);
}

fn promoted(version: &str) -> (String, Option<Outcome>) {
    (version.to_owned(), Some(Outcome::Promoted))
}

#[test]
fn two_pipelines_of_one_slot_release_one_after_the_other() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Provision).await;
            bench.release("second", "v3").await;
            for name in ["second", "first"] {
                assert_eq!(bench.ended(name).await, "Succeeded", "{name}: {}", bench.told());
            }
            assert_eq!(bench.releases().await, [promoted(NEW), promoted("v3")]);
            assert_eq!(bench.live().as_deref(), Some("v3"));
        },
    );
}

/// Before a release is published only its own request has its bundle.
#[test]
fn who_waits_leaves_a_release_that_is_being_published_to_its_own_request() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            bench.until("a release", async || bench.read(1).await.is_some()).await;
            bench.release("second", "v3").await;
            assert_eq!(bench.ended("second").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.releases().await, [promoted(NEW), promoted("v3")]);
        },
    );
}

#[test]
fn an_execution_that_is_stopped_while_it_waits_releases_nothing() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Provision).await;
            bench.release("second", "v3").await;
            tokio::time::sleep(seconds(90)).await;
            bench.line.stop("second").await;
            assert_ne!(bench.ended("second").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            let said = bench.line.failure("second").await;
            assert!(said.contains("is not under way any more (Stop"), "{said}");
            // It would have had its turn by now.
            tokio::time::sleep(seconds(1800)).await;
            assert_eq!(bench.releases().await, [promoted(NEW)], "{}", bench.told());
        },
    );
}

#[test]
fn an_unfit_bundle_is_told_at_once_and_nobody_is_taken_back_for_it() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Provision).await;
            bench.line.store.put("source", "broken.zip", b"no zip at all");
            bench.line.start("second", "v3.toml", "broken.zip").await;
            assert_eq!(bench.ended("second").await, "Failed", "{}", bench.told());
            let holder = bench.read(1).await.unwrap();
            assert_eq!(holder.outcome, None, "it was told while the other one went on");
            let said = bench.line.failure("second").await;
            assert!(said.contains("zip"), "{said}");
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.releases().await, [promoted(NEW)]);
        },
    );
}

#[test]
fn a_label_that_is_taken_is_told_at_once_while_another_release_goes_on() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Provision).await;
            bench
                .line
                .store
                .put("source", "other.zip", &zipped("Procfile", b"web: ./other\n"));
            bench.line.start("second", &format!("{NEW}.toml"), "other.zip").await;
            assert_eq!(bench.ended("second").await, "Failed", "{}", bench.told());
            let holder = bench.read(1).await.unwrap();
            assert_eq!(holder.outcome, None, "it was told while the other one went on");
            let said = bench.line.failure("second").await;
            assert!(
                said.contains("taken by another bundle") && !said.contains("under way"),
                "{said}"
            );
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.releases().await, [promoted(NEW)]);
        },
    );
}

/// Preflight cannot read something, which fails the action; two minutes later the job comes again, and preflight could.
fn delivered_again() -> [Trouble; 2] {
    [
        Trouble::Twice {
            nth: 2,
            after: seconds(120),
        },
        Trouble::Call {
            on: Some("DescribeAccountAttributes"),
            nth: 1,
            times: 1,
            fate: Fate::Denied,
        },
    ]
}

/// A job may come once more after its action has failed: what it was to release is not wanted any more.
#[test]
fn a_job_that_comes_again_after_its_action_has_failed_begins_nothing() {
    played(
        |scenario| {
            scenario.troubles = delivered_again().into();
        },
        async |bench| {
            bench.release("first", NEW).await;
            assert_eq!(bench.ended("first").await, "Failed", "{}", bench.told());
            tokio::time::sleep(seconds(1800)).await;
            assert!(bench.told_of("is not under way any more (Failed)"), "{}", bench.told());
            assert!(bench.releases().await.is_empty(), "{}", bench.told());
        },
    );
}

/// The same while the service does not say what has become of the execution.
#[test]
fn nothing_begins_while_it_cannot_be_seen_whether_it_is_still_wanted() {
    let unseen = |nth: u32, fate: Fate| Trouble::Call {
        on: Some("GetPipelineExecution"),
        nth,
        times: 3,
        fate,
    };
    played(
        |scenario| {
            scenario.troubles = delivered_again().into();
            scenario.troubles.push(unseen(2, Fate::LostAfter));
        },
        async |bench| {
            bench.release("first", NEW).await;
            assert_eq!(bench.ended("first").await, "Failed", "{}", bench.told());
            tokio::time::sleep(seconds(1800)).await;
            assert!(bench.told_of("is still under way cannot be seen"), "{}", bench.told());
            assert!(bench.releases().await.is_empty(), "{}", bench.told());
        },
    );
    // One that is wanted begins as soon as that is seen, and at once where the function may not ask.
    for fate in [Fate::LostAfter, Fate::Denied] {
        played(
            |scenario| scenario.troubles = vec![unseen(1, fate)],
            async |bench| {
                bench.release("first", NEW).await;
                assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
                assert_eq!(bench.releases().await, [promoted(NEW)]);
            },
        );
    }
}

/// A release is under way when its schedule fires: that is everyday, until no drill has passed for too long.
#[test]
fn a_drill_that_may_not_begin_fails_only_where_none_has_passed_for_long() {
    played(
        |_| {},
        async |bench| {
            let drill = json!({ "kind": "rollback", "config": "s3://releases/cutover.toml", "max_share": "100%" });
            let drill = json!({ "cutover": { "drill": drill } });
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Provision).await;
            let RunEnd::Failed(said) = bench.invoke(drill.clone()).await else {
                panic!("nobody would hear that there are no drills: {}", bench.told());
            };
            let said = String::from_utf8(said).unwrap();
            for part in ["no drill of shop/production has passed", "release shop/production/1"] {
                assert!(said.contains(part), "{part}: {said}");
            }
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            bench.line.attempt();
            bench.invoke(drill.clone()).await;
            bench
                .until("the end of the drill", async || {
                    bench.read(2).await.is_some_and(|release| release.outcome.is_some())
                })
                .await;
            bench.release("second", "v3").await;
            bench.phase(3, Phase::Provision).await;
            let RunEnd::Answered(said) = bench.invoke_as("another", drill).await else {
                panic!("the next one is soon enough: {}", bench.told());
            };
            let said: Value = serde_json::from_slice(&said).unwrap();
            assert!(said["drill"].is_null(), "{said}");
            let why = said["why"].as_str().unwrap();
            assert!(why.contains("release shop/production/3"), "{why}");
            assert_eq!(bench.ended("second").await, "Succeeded", "{}", bench.told());
        },
    );
}

/// Whoever asked for it does not ask again, so the watch sees its end, and is the only one who can tell.
#[test]
fn a_bad_end_that_nobody_waits_for_fails_the_watch_that_sees_it() {
    played(
        |scenario| scenario.quality = Quality::Breaks(seconds(5), 0.9),
        async |bench| {
            bench.line.attempt();
            let wanted = json!({ "artifact": "s3://source/shop.zip", "config": format!("s3://releases/{NEW}.toml") });
            bench.invoke(json!({ "cutover": { "release": wanted } })).await;
            let told = "fails: release shop/production/1 was rolled back";
            bench.until("the watch's word", async || bench.told_of(told)).await;
            let lines = bench.told();
            assert_eq!(lines.matches(told).count(), 1, "{lines}");
            // By this line the log's filter knows it.
            let filtered = "ended badly: release shop/production/1 was rolled back";
            assert_eq!(lines.matches(filtered).count(), 1, "{lines}");
        },
    );
}

#[test]
fn the_version_before_is_had_by_the_way_back_while_its_environment_is_there() {
    played(
        |scenario| scenario.terms.keep = seconds(900),
        async |bench| {
            bench.release("first", NEW).await;
            bench.phase(1, Phase::Retire).await;
            bench.release("back", OLD).await;
            assert_eq!(bench.ended("back").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.ended("first").await, "Failed", "{}", bench.told());
            assert_eq!(bench.releases().await, [(NEW.to_owned(), Some(Outcome::RolledBack))]);
            assert_eq!(bench.live().as_deref(), Some(OLD));
        },
    );
}

/// Blue is told to end in the moment in which it is asked for.
#[test]
fn a_way_back_that_comes_too_late_is_a_release_of_its_own() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            bench.release("second", "v3").await;
            bench
                .until("the end of blue", async || {
                    let release = bench.read(2).await;
                    release.is_some_and(|release| release.attempts_of("terminate").done)
                })
                .await;
            assert_eq!(bench.ask("back", NEW).await, "promoted", "{}", bench.told());
            assert_eq!(bench.ended("second").await, "Succeeded", "{}", bench.told());
            let released = [promoted(NEW), promoted("v3"), promoted(NEW)];
            assert_eq!(bench.releases().await, released, "{}", bench.told());
            assert_eq!(bench.live().as_deref(), Some(NEW));
            assert!(
                bench.told_of("asked for when blue had already been told to end"),
                "{}",
                bench.told()
            );
        },
    );
}

#[test]
fn what_is_live_is_not_released_again_unless_somebody_has_moved_the_slot() {
    played(
        |_| {},
        async |bench| {
            bench.release("first", NEW).await;
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            bench.line.again("first").await;
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            assert_eq!(bench.releases().await, [promoted(NEW)], "{}", bench.told());
            // A drill changes nothing about that.
            bench.line.attempt();
            let drill = json!({ "kind": "rollback", "config": "s3://releases/cutover.toml", "max_share": "100%" });
            bench.invoke(json!({ "cutover": { "drill": drill } })).await;
            bench
                .until("the end of the drill", async || {
                    bench.read(2).await.is_some_and(|release| release.outcome.is_some())
                })
                .await;
            bench.line.again("first").await;
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            let drilled = [promoted(NEW), (NEW.to_owned(), Some(Outcome::RolledBack))];
            assert_eq!(bench.releases().await, drilled, "{}", bench.told());
            // Somebody deploys the old version to it by hand.
            let stage = &bench.crew.scene.stage;
            let live = stage.holder().unwrap();
            let by_hand = [
                ("Action", "UpdateEnvironment"),
                ("EnvironmentId", live.as_str()),
                ("VersionLabel", OLD),
            ];
            assert_eq!(stage.call(&by_hand).status, 200);
            tokio::time::sleep(seconds(600)).await;
            bench.line.again("first").await;
            assert_eq!(bench.ended("first").await, "Succeeded", "{}", bench.told());
            assert_eq!(
                bench.releases().await,
                [promoted(NEW), drilled[1].clone(), promoted(NEW)],
                "{}",
                bench.told()
            );
            assert_eq!(bench.live().as_deref(), Some(NEW));
        },
    );
}
