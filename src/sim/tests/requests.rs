//! Several requests for one slot: each has its turn, and none meddles with another's release.

use super::super::scenario::{Manner, Scenario};
use super::super::stage::{NEW, OLD};
use super::bench::{Bench, play};
use super::{calm, seconds};
use crate::local::storage::Storage as _;
use crate::release::{Outcome, Phase};

/// Plays a script in a world in which nothing goes wrong.
fn played(change: impl FnOnce(&mut Scenario), script: impl AsyncFnOnce(&Bench)) {
    let mut scenario = Scenario {
        manner: Manner::Jobs(seconds(60)),
        ..calm()
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
            assert!(said.contains("was stopped before its release began"), "{said}");
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
                [promoted(NEW), promoted(NEW)],
                "{}",
                bench.told()
            );
            assert_eq!(bench.live().as_deref(), Some(NEW));
        },
    );
}
