//! Playing one world to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::expect;
use super::life::Crew;
use super::logbook::Logbook;
use super::mistakes::Mistake;
use super::permits::{self, Missing};
use super::scaling;
use super::scenario::{Manner, Scenario, Trouble};
use super::scene::{Scene, Violation};
use super::stage::{Stage, slot};
use super::wire::Answers;
use crate::journal::Journal;
use crate::model::ReleaseNumber;
use crate::release::{Outcome, Release, ReleaseId, apply};

/// After the end the world goes on for so long: what was on its way still arrives.
const AFTERMATH: Duration = Duration::from_secs(300);

/// No release needs so many calls, unless it waits for hours.
const MOST_CALLS: u32 = 20_000;

/// How a world ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// How the release ended, if it did.
    pub outcome: Option<Outcome>,
    /// What happened that must never happen.
    pub violation: Option<Violation>,
    /// Virtual length of the release.
    pub length: Duration,
    /// Calls of drivers, journal and probes among them.
    pub calls: u32,
    /// Entries of the release.
    pub entries: u64,
    /// Faults that were met.
    pub faults: u32,
    /// Drivers that were killed.
    pub crashes: u32,
    /// Drivers that were started.
    pub drivers: usize,
    /// What happened, line by line, if it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chronicle: Vec<String>,
}

/// Plays a world on a thread of its own time. The same scenario gives the same result, to the byte.
///
/// # Panics
///
/// When the runtime cannot be set up, which needs nothing but memory.
#[must_use]
pub fn simulate(scenario: &Scenario, mistake: Option<Mistake>, tracing: bool) -> Played {
    on_own_time(play(scenario.clone(), mistake, tracing, None)).0
}

/// The same without an action of the published permissions. Also gives the actions that were used.
#[cfg(test)]
pub(super) fn simulate_permitted(scenario: &Scenario, missing: Option<Missing<'_>>) -> (Played, BTreeSet<String>) {
    on_own_time(play(scenario.clone(), None, true, missing))
}

pub(super) fn on_own_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing but memory");
    runtime.block_on(work)
}

async fn play(
    scenario: Scenario,
    mistake: Option<Mistake>,
    tracing: bool,
    missing: Option<Missing<'_>>,
) -> (Played, BTreeSet<String>) {
    let stage = Stage::new(&scenario).await;
    permits::enforce(&stage, &scenario, missing);
    let planner = stage.planner(&scenario);
    // The AWS clients draw their pauses from the thread's own generator. Not before, because the first world of a process makes
    // what all share, and draws names for it.
    fastrand::seed(scenario.seed);
    let scene = Scene::new(scenario, mistake, stage, tracing);
    let crew = Arc::new(Crew {
        scene: Arc::clone(&scene),
        book: Arc::new(Logbook::default()),
        answers: Arc::new(Answers::default()),
        planner,
    });
    let mut tasks = tokio::task::JoinSet::new();
    for trouble in &scene.scenario.troubles {
        tasks.spawn(Arc::clone(&crew).trouble(trouble.clone()));
        if let Trouble::Second { at } = *trouble {
            let (crew, scene) = (Arc::clone(&crew), Arc::clone(&scene));
            tasks.spawn(async move {
                scene.until(at).await;
                crew.drive(3, false, Manner::Whole).await;
            });
        }
    }
    if let Some(every) = scene.scenario.terms.scaling {
        tasks.spawn(Arc::clone(&crew).scale(every));
    }
    let main = match (scene.scenario.manner, &scene.stage.line) {
        (Manner::Jobs(length), Some(line)) => tokio::spawn(Arc::clone(&crew).by_pipeline(Arc::clone(line), length)),
        (manner, _) => {
            let driven = Arc::clone(&crew).drive(0, true, manner);
            tokio::spawn(async move {
                driven.await;
                true
            })
        }
    };
    let over = ended(&scene, main).await;
    let (length, calls) = (scene.elapsed(), scene.state().shared_calls);
    let journal = crew.reader().await;
    let release = if over == Some(true) {
        read(&crew, journal.as_ref()).await
    } else {
        None
    };
    if let Some(release) = &release {
        tokio::time::sleep(AFTERMATH).await;
        expect::end(&scene, release);
        scaling::end(&scene, release);
        if let Some(line) = &scene.stage.line {
            crew.judge_pipeline(line, release).await;
        }
        modest(&scene, calls, length);
        let plain = mistake.is_none() && scene.stage.line.is_none() && !scene.is_violated();
        if let (Some(sequel), Some((outcome, _)), true) = (scene.scenario.sequel, &release.outcome, plain) {
            Box::pin(crew.sequel(sequel, *outcome)).await;
        }
    } else if over.is_none() && !scene.is_violated() {
        let waits = scene.state().release.as_ref().map(|release| {
            let why = release.waiting.as_ref().map_or_else(String::new, ToString::to_string);
            format!("it is in phase {}: {why}", release.phase)
        });
        scene.violated("in time", waits.unwrap_or_else(|| "it never began".to_owned()));
    }
    tasks.abort_all();
    let chronicle = scene.lines();
    let used = scene.stage.permissions.used();
    let state = scene.state();
    let played = Played {
        seed: scene.scenario.seed,
        outcome: release.as_ref().and_then(|release| Some(release.outcome.as_ref()?.0)),
        violation: state.violation.clone(),
        length,
        calls: state.calls,
        entries: release.map_or(0, |release| release.sequence),
        faults: state.faults,
        crashes: state.crashes,
        drivers: state.processes.len(),
        chronicle,
    };
    (played, used)
}

/// Waits until the drivers say that it is over, if they do, and whether there is a release then.
async fn ended(scene: &Scene, mut main: tokio::task::JoinHandle<bool>) -> Option<bool> {
    let deadline = scene.scenario.deadline();
    loop {
        tokio::select! {
            biased;
            result = &mut main => {
                let judged = result.inspect_err(|error| scene.violated("no panic", error.to_string()));
                return judged.ok().filter(|_| !scene.is_violated());
            }
            () = tokio::time::sleep(Duration::from_secs(30)) => {
                let calls = scene.state().shared_calls;
                if calls > MOST_CALLS && f64::from(calls) > most_calls(scene, scene.elapsed()) {
                    scene.violated("modest", format!("more than {MOST_CALLS} calls: something goes round in circles"));
                }
                if scene.is_violated() || scene.elapsed() > deadline {
                    main.abort();
                    return None;
                }
            }
        }
    }
}

/// The release as its journal has it, read by somebody who was not there.
async fn read(crew: &Crew, journal: &dyn Journal) -> Option<Release> {
    let scene = &crew.scene;
    let mut acknowledged = scene.state().acknowledged.clone();
    // A rival may have begun the next one since.
    let first = ReleaseId {
        slot: slot(),
        number: ReleaseNumber(1),
    };
    let mut release = None;
    for sequence in 1.. {
        let read = match journal.entry(&first, sequence).await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                scene.violated("the log", format!("entry {sequence} cannot be read: {error}"));
                return None;
            }
        };
        let place = (first.number.0, sequence);
        if acknowledged.get(&place).is_some_and(|nonce| *nonce == read.nonce) {
            acknowledged.remove(&place);
        }
        match apply(release, &read) {
            Ok(next) => release = Some(next),
            Err(error) => {
                scene.violated("the log", format!("it cannot be replayed: {error}"));
                return None;
            }
        }
    }
    for ((number, sequence), nonce) in acknowledged {
        let id = ReleaseId {
            number: ReleaseNumber(number),
            ..first.clone()
        };
        // All of the first release was read; what is left may be a rival's.
        let there = if id == first {
            None
        } else {
            journal.entry(&id, sequence).await.ok().flatten()
        };
        if there.is_none_or(|there| there.nonce != nonce) {
            scene.violated(
                "the log",
                format!("entry {sequence} of release {id} was acknowledged and is lost"),
            );
        }
    }
    release
}

/// One release must not use up what the whole account may ask.
fn modest(scene: &Scene, calls: u32, length: Duration) {
    if f64::from(calls) > most_calls(scene, length.max(Duration::from_secs(60))) {
        scene.violated("modest", format!("{calls} calls in {} s", length.as_secs()));
    }
}

/// How many calls are modest in so long: who wants to look more often needs more.
fn most_calls(scene: &Scene, length: Duration) -> f64 {
    let a_second = 2.0 + 4.0 / scene.scenario.terms.interval.as_secs_f64().max(1.0);
    a_second * length.as_secs_f64()
}
