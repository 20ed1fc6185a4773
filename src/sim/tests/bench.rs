//! A function that several pipelines invoke for one slot, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::life::Crew;
use super::super::logbook::Logbook;
use super::super::pipeline::{Hall, Line};
use super::super::scenario::{Manner, Scenario};
use super::super::scene::Scene;
use super::super::stage::{Stage, slot};
use super::super::wire::Answers;
use super::super::world::on_own_time;
use super::seconds;
use crate::journal::{Journal, catch_up, newest};
use crate::local::automation::RunEnd;
use crate::model::ReleaseNumber;
use crate::release::{Outcome, Phase, Release, ReleaseId};

/// Far longer than two releases take.
const LONG: Duration = seconds(4 * 3600);

/// An account with a function that pipelines invoke.
pub(super) struct Bench {
    pub(super) crew: Arc<Crew>,
    pub(super) line: Arc<Line>,
    pub(super) journal: Arc<dyn Journal>,
    /// How long one invocation may take.
    length: Duration,
}

/// Plays a script in a world of its own, with what goes wrong in it.
pub(super) fn play(scenario: Scenario, script: impl AsyncFnOnce(&Bench)) {
    let Manner::Jobs(length) = scenario.manner else {
        panic!("nothing invokes a function in {scenario:?}");
    };
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
        let bench = Bench {
            crew,
            line,
            journal,
            length,
        };
        let (crew, line) = (Arc::clone(&bench.crew), Arc::clone(&bench.line));
        let at_work = tokio::spawn(async move {
            line.keep_watch().await;
            let mut hall = Hall::default();
            loop {
                crew.admit(&line, length, &mut hall);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let mut troubles = tokio::task::JoinSet::new();
        for trouble in &bench.crew.scene.scenario.troubles {
            troubles.spawn(Arc::clone(&bench.crew).trouble(trouble.clone()));
        }
        script(&bench).await;
        assert!(!at_work.is_finished(), "{}", bench.told());
        at_work.abort();
        let violation = bench.crew.scene.state().violation.clone();
        assert_eq!(violation, None, "{}", bench.told());
    });
}

impl Bench {
    /// Lets a pipeline release a version.
    pub(super) async fn release(&self, name: &str, version: &str) {
        self.line.start(name, &format!("{version}.toml"), "shop.zip").await;
    }

    /// Asks the function directly for a version, again and again as the same request, until it says what has come of it.
    pub(super) async fn ask(&self, request: &str, version: &str) -> String {
        self.line.attempt();
        let wanted = json!({
            "artifact": "s3://source/shop.zip",
            "config": format!("s3://releases/{version}.toml"),
            "request": request,
        });
        let event = json!({ "cutover": { "release": wanted } });
        let mut outcome = None;
        self.until(&format!("the end of {request}"), async || {
            let RunEnd::Answered(answer) = self.invoke(event.clone()).await else {
                return false;
            };
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            outcome = answer["outcome"].as_str().map(str::to_owned);
            outcome.is_some()
        })
        .await;
        outcome.unwrap()
    }

    /// Invokes the function directly, once.
    pub(super) async fn invoke(&self, event: Value) -> RunEnd {
        self.invoke_as("direct", event).await
    }

    /// The same as an invocation of its own.
    pub(super) async fn invoke_as(&self, id: &str, event: Value) -> RunEnd {
        Arc::clone(&self.crew).sandbox(id.to_owned(), event, self.length).await
    }

    /// Waits until something is so.
    pub(super) async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        let began = tokio::time::Instant::now();
        while !so().await {
            assert!(began.elapsed() < LONG, "{what} never came: {}", self.told());
            tokio::time::sleep(seconds(1)).await;
        }
    }

    /// Waits for the end of a pipeline's newest execution.
    pub(super) async fn ended(&self, name: &str) -> String {
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
    pub(super) async fn phase(&self, number: u32, phase: Phase) {
        self.until(&format!("{phase} of release {number}"), async || {
            self.read(number).await.is_some_and(|release| release.phase == phase)
        })
        .await;
    }

    pub(super) async fn read(&self, number: u32) -> Option<Release> {
        let id = ReleaseId {
            slot: slot(),
            number: ReleaseNumber(number),
        };
        catch_up(self.journal.as_ref(), &id, None).await.ok()?
    }

    /// Every release, as what it made of what.
    pub(super) async fn releases(&self) -> Vec<(String, Option<Outcome>)> {
        let all = self.all().await.unwrap();
        let outcome = |release: Release| {
            let outcome = release.outcome.map(|(outcome, _)| outcome);
            (release.plan.version_label.to_string(), outcome)
        };
        all.into_iter().map(outcome).collect()
    }

    /// Every release, if all can be read.
    pub(super) async fn all(&self) -> Option<Vec<Release>> {
        let last = newest(self.journal.as_ref(), &slot()).await.ok()?;
        let mut all = Vec::new();
        for number in 1..=last.map_or(0, |last| last.plan.id.number.0) {
            all.push(self.read(number).await?);
        }
        Some(all)
    }

    /// The version that has the traffic.
    pub(super) fn live(&self) -> Option<String> {
        let stage = &self.crew.scene.stage;
        let holder = stage.holder()?;
        let all = stage.environments();
        all.into_iter()
            .find(|view| view.id == holder)?
            .version
            .map(|version| version.to_string())
    }

    /// Whether anything like this was told until now.
    pub(super) fn told_of(&self, what: &str) -> bool {
        self.crew.scene.has_told(what)
    }

    pub(super) fn told(&self) -> String {
        self.crew.scene.lines().join("\n")
    }
}
