//! Several requests for one slot: each has its turn, and none meddles with another's release.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::life::Crew;
use super::super::logbook::Logbook;
use super::super::pipeline::{Hall, Line};
use super::super::scenario::{Manner, Scenario};
use super::super::scene::Scene;
use super::super::stage::{NEW, OLD, Stage, slot};
use super::super::wire::Answers;
use super::super::world::on_own_time;
use super::{calm, seconds};
use crate::journal::{Journal, catch_up, newest};
use crate::local::automation::RunEnd;
use crate::local::storage::Storage;
use crate::model::ReleaseNumber;
use crate::release::{Outcome, Phase, Release, ReleaseId};

/// How long one invocation may take.
const LENGTH: Duration = seconds(60);
/// Far longer than two releases take.
const LONG: Duration = seconds(4 * 3600);

/// An account with a function that pipelines invoke.
struct Bench {
    crew: Arc<Crew>,
    line: Arc<Line>,
    journal: Arc<dyn Journal>,
}

/// Plays a script in a world of its own in which nothing goes wrong.
fn played(change: impl FnOnce(&mut Scenario), script: impl AsyncFnOnce(&Bench)) {
    let mut scenario = Scenario {
        manner: Manner::Jobs(LENGTH),
        ..calm()
    };
    change(&mut scenario);
    on_own_time(async {
        let stage = Stage::new(&scenario).await;
        let planner = stage.planner(&scenario);
        fastrand::seed(scenario.seed);
        let line = Arc::clone(stage.line.as_ref().unwrap());
        let crew = Arc::new(Crew {
            scene: Scene::new(scenario, None, stage, true),
            book: Arc::new(Logbook::default()),
            answers: Arc::new(Answers::default()),
            planner,
        });
        let (reader, _) = crew.scene.enrol();
        let journal = crew.seat(reader, 0).await.journal;
        let bench = Bench { crew, line, journal };
        let (crew, line) = (Arc::clone(&bench.crew), Arc::clone(&bench.line));
        let at_work = tokio::spawn(async move {
            line.keep_watch().await;
            let mut hall = Hall::default();
            loop {
                crew.admit(&line, LENGTH, &mut hall);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        script(&bench).await;
        assert!(!at_work.is_finished(), "{}", bench.told());
        at_work.abort();
        let violation = bench.crew.scene.state().violation.clone();
        assert_eq!(violation, None, "{}", bench.told());
    });
}

impl Bench {
    /// Lets a pipeline release a version.
    async fn release(&self, name: &str, version: &str) {
        self.line.start(name, &format!("{version}.toml"), "shop.zip").await;
    }

    /// Asks the function directly for a version, again and again as the same request, until it says what has come of it.
    async fn ask(&self, request: &str, version: &str) -> String {
        self.line.attempt();
        let wanted = json!({
            "artifact": "s3://source/shop.zip",
            "config": format!("s3://releases/{version}.toml"),
            "request": request,
        });
        let event = json!({ "cutover": { "release": wanted } });
        let mut outcome = None;
        self.until(&format!("the end of {request}"), async || {
            let sandbox = Arc::clone(&self.crew).sandbox("direct".to_owned(), event.clone(), LENGTH);
            let RunEnd::Answered(answer) = sandbox.await else {
                return false;
            };
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            outcome = answer["outcome"].as_str().map(str::to_owned);
            outcome.is_some()
        })
        .await;
        outcome.unwrap()
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let began = tokio::time::Instant::now();
        while !so().await {
            assert!(began.elapsed() < LONG, "{what} never came: {}", self.told());
            tokio::time::sleep(seconds(1)).await;
        }
    }

    /// Waits for the end of a pipeline's newest execution.
    async fn ended(&self, name: &str) -> String {
        let mut last = String::new();
        self.until(&format!("the end of {name}"), async || {
            let newest = self.line.newest(name).await;
            last = newest.map(|(_, status)| status).unwrap_or_default();
            !matches!(last.as_str(), "" | "InProgress" | "Stopping")
        })
        .await;
        last
    }

    /// Waits for a phase of a release.
    async fn phase(&self, number: u32, phase: Phase) {
        self.until(&format!("{phase} of release {number}"), async || {
            self.read(number).await.is_some_and(|release| release.phase == phase)
        })
        .await;
    }

    async fn read(&self, number: u32) -> Option<Release> {
        let id = ReleaseId {
            slot: slot(),
            number: ReleaseNumber(number),
        };
        catch_up(self.journal.as_ref(), &id, None).await.unwrap()
    }

    /// Every release, as what it made of what.
    async fn releases(&self) -> Vec<(String, Option<Outcome>)> {
        let last = newest(self.journal.as_ref(), &slot()).await.unwrap();
        let mut all = Vec::new();
        for number in 1..=last.map_or(0, |last| last.plan.id.number.0) {
            let release = self.read(number).await.unwrap();
            let outcome = release.outcome.map(|(outcome, _)| outcome);
            all.push((release.plan.version_label.to_string(), outcome));
        }
        all
    }

    /// The version that has the traffic.
    fn live(&self) -> Option<String> {
        let stage = &self.crew.scene.stage;
        let holder = stage.holder()?;
        let all = stage.environments();
        all.into_iter()
            .find(|view| view.id == holder)?
            .version
            .map(|version| version.to_string())
    }

    /// Whether anything like this was told until now.
    fn told_of(&self, what: &str) -> bool {
        self.crew.scene.has_told(what)
    }

    fn told(&self) -> String {
        self.crew.scene.lines().join("\n")
    }
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
