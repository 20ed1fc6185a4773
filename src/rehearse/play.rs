//! The play: version 1 is live under load; a good version is released, then one that turns bad.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use super::careless;
use super::drills;
use super::error::RehearseError;
use super::in_place;
use super::incidents::{self, Incident};
use super::load::{Downloads, Load, LoadSettings, LongLived};
use super::route;
use super::sample::{self, Faults, TurnsBad};
use super::settings::{RehearseSettings, spec};
use super::stage::Stage;
use super::tally::{Played, Report, StepPlayed, Traffic};
use crate::compose::{Artifact, Planner, Project, prepare};
use crate::driver::{Driver, Seat};
use crate::model::{Span, SystemClock};
use crate::release::{DrillKind, Event, Listener, Outcome, Release, Silent, Wish};
use crate::spec::{JournalPlace, Lever, Spec};

/// Clients that download for seconds, beside those that ask and are answered.
const DOWNLOADERS: usize = 16;

/// Clients with a WebSocket, and how long each is open.
const LONG_LIVED: usize = 8;
const STAYS: Duration = Duration::from_secs(6);

/// What a rehearsal needs from outside.
pub struct Rehearsal {
    /// What to rehearse.
    pub settings: RehearseSettings,
    /// Told what happens in the releases.
    pub listener: Arc<dyn Listener>,
    /// Told what is done around them, in sentences.
    pub tell: Box<dyn Fn(String) + Send + Sync>,
}

/// A release to be rehearsed.
struct Act {
    version: &'static str,
    /// What the audience is told before.
    title: &'static str,
    way: Way,
    bundle: PathBuf,
}

/// How a release of the rehearsal is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By cutover, which shall end it so.
    Careful(Outcome),
    /// The same, and an operator takes it back as soon as it is watched.
    TakenBack,
    /// By a drill, which is taken back in any case.
    Drill(DrillKind),
    /// By cutover, while something happens.
    During(Incident),
    /// By a script that waits for nothing.
    Careless,
    /// In place, on all instances at once.
    InPlace,
}

/// Plays a rehearsal. Of one that comes to no end, or is `interrupted`, no file is left.
///
/// # Errors
///
/// When it could not be played to its end. A release that ends otherwise than it should is no error, but in the report.
pub async fn rehearse(rehearsal: &Rehearsal, interrupted: impl Future<Output = ()>) -> Result<Report, RehearseError> {
    let mut interrupted = std::pin::pin!(interrupted);
    // Listened for from here on, so that nothing is left lying about by it.
    tokio::select! {
        biased;
        () = interrupted.as_mut() => return Err(RehearseError::Interrupted),
        () = std::future::ready(()) => {}
    }
    let folder = folder()?;
    let report = Box::pin(in_folder(rehearsal, folder.path(), interrupted)).await?;
    let _kept = folder.keep();
    Ok(report)
}

async fn in_folder(
    rehearsal: &Rehearsal,
    folder: &Path,
    mut interrupted: Pin<&mut impl Future<Output = ()>>,
) -> Result<Report, RehearseError> {
    let settings = &rehearsal.settings;
    let journal = folder.join("journal");
    let (first, mut acts) = match &settings.application {
        None if settings.incidents => incident_acts(folder, settings.lever)?,
        None => sample_acts(folder, settings)?,
        Some(path) => own_acts(path, folder, settings.compare)?,
    };
    if settings.drills {
        acts = DrillKind::ALL.map(|kind| drill_act(kind, &first)).into();
    }
    (rehearsal.tell)("starting a cloud on this machine".to_owned());
    let stage = tokio::select! {
        stage = Stage::build(settings, folder) => stage?,
        () = interrupted.as_mut() => return Err(RehearseError::Interrupted),
    };
    let result = tokio::select! {
        result = Box::pin(on_stage(rehearsal, &stage, &journal, &first, acts)) => result,
        () = interrupted => Err(RehearseError::Interrupted),
    };
    stage.cloud.shutdown().await;
    // The journal is kept, and the evidence beside it; the instances' files are of no use any more.
    let _ = std::fs::remove_dir_all(stage.folder.join("cloud"));
    result
}

async fn on_stage(
    rehearsal: &Rehearsal,
    stage: &Stage,
    journal: &Path,
    first: &Path,
    acts: Vec<Act>,
) -> Result<Report, RehearseError> {
    let settings = &rehearsal.settings;
    let mut spec = spec(settings, Span::from_secs(stage.cloud.dns_ttl_seconds().into()))?;
    let shared = route::balancer(stage, settings.lever).await?;
    (rehearsal.tell)("deploying version 1; it becomes the live, blue environment".to_owned());
    let live = stage.make_live(&spec, settings, first, shared.as_ref()).await?;
    if let Some(shared) = &shared {
        spec.weighted_target_groups.rules = route::rules(stage, shared, &live).await?;
    }
    let project = Project::new(
        spec.clone(),
        stage.folder.clone(),
        Some(&JournalPlace::Directory(journal.to_path_buf())),
    );
    route::lay(stage, &project, &live).await?;
    stage.restrict(&project)?;
    let path = if settings.application.is_none() {
        "/api/orders"
    } else {
        "/"
    };
    let url = format!(
        "http://{}:{}{path}",
        spec.traffic_name(Some(stage.cloud.region())),
        stage.cloud.http_port()
    );
    (rehearsal.tell)(format!(
        "version 1 is live; clients ask {url} {} times a second",
        settings.rate
    ));
    let url = Url::parse(&url).map_err(|error| RehearseError::undone(format!("ask version 1 at {url}"), error))?;
    let downloads = settings.application.is_none().then(|| Downloads {
        url: url.join(sample::EXPORT).unwrap_or_else(|_| url.clone()),
        clients: DOWNLOADERS,
        every: sample::EXPORT_TAKES + Duration::from_secs(1),
        longest: sample::EXPORT_TAKES * 3,
    });
    let mut live_url = url.join(sample::LIVE).unwrap_or_else(|_| url.clone());
    // Of the special schemes one may take the other's place.
    let live = live_url.set_scheme("ws").is_ok() && settings.application.is_none();
    let live = live.then_some(LongLived {
        url: live_url,
        clients: LONG_LIVED,
        length: STAYS,
    });
    let begin = |rate| {
        let wanted = LoadSettings {
            url: url.clone(),
            rate,
            clients: 32,
            late: settings.compare,
            each_drawn: settings.lever == Lever::WeightedTargetGroups,
            downloads: downloads.clone(),
            live: live.clone(),
            dns_server: Some(stage.cloud.dns_server()),
            seed: 1,
        };
        Load::start(wanted, Arc::new(SystemClock))
    };
    let mut load = begin(settings.rate)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut played = Vec::new();
    for act in acts {
        (rehearsal.tell)(act.title.to_owned());
        if act.way == Way::During(Incident::Quiet) {
            load = begin(incidents::FEW)?;
        }
        let mark = load.mark();
        let downloads = load.downloads().mark();
        let live = load.live().mark();
        let traffic = || Traffic {
            requests: load.since(&mark),
            downloads: load.downloads().since(&downloads),
            live: load.live().since(&live),
        };
        let wanted = match act.way {
            Way::Careful(wanted) => wanted,
            Way::TakenBack => Outcome::RolledBack,
            Way::During(incident) => incident.wanted(),
            Way::Drill(kind) => {
                let drilled = Box::pin(drills::play(rehearsal, stage, journal, &spec, kind)).await?;
                played.push(Played::drill(kind, &drilled, traffic()));
                continue;
            }
            Way::Careless => {
                let artifact = artifact(&act, stage)?;
                let took = careless::release(stage, &spec, &artifact, act.version).await?;
                // Clients that have the old address find nothing there until their time to live is over.
                let remembered = Duration::from_secs(stage.cloud.dns_ttl_seconds().into());
                tokio::time::sleep(remembered.max(sample::EXPORT_TAKES)).await;
                played.push(Played::careless(act.version, took, traffic()));
                continue;
            }
            Way::InPlace => {
                let artifact = artifact(&act, stage)?;
                let took = in_place::release(stage, &spec, &artifact, act.version).await?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                played.push(Played::in_place(act.version, took, traffic()));
                continue;
            }
        };
        let release = Box::pin(perform(rehearsal, stage, journal, &spec, &act)).await?;
        // Requests that are still under way belong to this release too.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let steps = if settings.lever.is_gradual() {
            steps(stage, &project, &release, &load, act.version).await
        } else {
            Vec::new()
        };
        let one = Played::new(act.version, wanted, &release, traffic()).in_steps(steps);
        played.push(match act.way {
            Way::During(incident) if incident.hurts() => one.in_an_incident(incident == Incident::Sick),
            _ => one,
        });
    }
    // All has been counted; downloads under way are of no interest any more.
    drop(load);
    Ok(Report {
        releases: played,
        journal: journal.to_path_buf(),
    })
}

async fn perform(
    rehearsal: &Rehearsal,
    stage: &Stage,
    journal: &Path,
    spec: &Spec,
    act: &Act,
) -> Result<Release, RehearseError> {
    let journal = JournalPlace::Directory(journal.to_path_buf());
    let project = Project::new(spec.clone(), stage.folder.clone(), Some(&journal));
    let artifact = artifact(act, stage)?;
    let world = Arc::new(project.connect(&stage.reach, Vec::new()).await?);
    let label = format!("version-{}", act.version);
    let planner = Planner::bundle(&project, Some(stage.cloud.region()), &artifact, Some(&label));
    let listener = Arc::clone(&rehearsal.listener);
    let journal = project.open_journal(&stage.reach).await;
    let seat = Seat::new(journal, world, Arc::new(SystemClock), listener);
    let mut driver = Driver::begin(seat.clone(), &project.slot(), |next| planner.plan(next)).await?;
    if matches!(act.way, Way::TakenBack | Way::During(_)) {
        // Until green is watched, and blue has most of the traffic where both can have some.
        driver
            .run(|release| release.confirmed_at.is_some() || release.rollback.is_some())
            .await?;
    }
    if act.way == Way::TakenBack {
        // An operator at another terminal. The driver tells everything that is read.
        let mut operator = Driver::join(seat.heard_by(Arc::new(Silent)), driver.release().clone());
        operator.ask(Wish::RollBack).await?;
    }
    let meanwhile = async {
        match act.way {
            Way::During(incident) => incident.happen(stage, &project).await,
            _ => Ok(()),
        }
    };
    let (ended, happened) = tokio::join!(driver.run(|_| false), meanwhile);
    happened?;
    ended?;
    Ok(driver.release().clone())
}

/// What share of the traffic green really had in each step, while it was watched with it.
async fn steps(stage: &Stage, project: &Project, release: &Release, load: &Load, version: &str) -> Vec<StepPlayed> {
    let journal = project.open_journal(&stage.reach).await;
    let mut steps = Vec::new();
    let mut began = None;
    for sequence in 1..=release.sequence {
        let Ok(Some(entry)) = journal.entry(&release.plan.id, sequence).await else {
            break;
        };
        match entry.event {
            Event::ShiftConfirmed { .. } => began = Some(entry.at),
            Event::BakePassed { .. } | Event::RollbackBegan { .. } => {
                let Some(from) = began.take() else { continue };
                let share = release.plan.share(steps.len());
                let answers = load.drawn_between(from, entry.at);
                let green = answers.get(version).copied().unwrap_or(0);
                steps.push(StepPlayed::new(share, green, answers.values().sum()));
            }
            _ => {}
        }
    }
    steps
}

fn artifact(act: &Act, stage: &Stage) -> Result<Artifact, RehearseError> {
    prepare(&act.bundle, &stage.folder, None).map_err(|problems| RehearseError::Bundle { problems })
}

fn folder() -> Result<TempDir, RehearseError> {
    let root = std::env::temp_dir();
    tempfile::Builder::new()
        .prefix("cutover-rehearsal-")
        .tempdir_in(&root)
        .map_err(|source| RehearseError::Folder { path: root, source })
}

fn written(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, RehearseError> {
    let path = folder.join(name);
    std::fs::write(&path, content).map_err(|source| RehearseError::Folder {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// Fails after about a second of traffic, and more and more in the two seconds after it; but not before anybody but checks has asked,
/// however few users there are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is above zero, and a cast saturates"
)]
fn leak(rate: f64) -> TurnsBad {
    TurnsBad {
        after_requests: ((rate * 1.2) as u64).clamp(60, 600),
        error_share: 0.3,
        grows_over_requests: ((rate * 2.0) as u64).clamp(100, 1000),
    }
}

/// The built-in sample: version 2 is good, version 3 turns bad under traffic that smoke checks do not make.
fn sample_acts(folder: &Path, settings: &RehearseSettings) -> Result<(PathBuf, Vec<Act>), RehearseError> {
    let leaks = Faults {
        turns_bad: Some(leak(settings.rate)),
        ..Faults::default()
    };
    let first = written(folder, "version-1.zip", &sample::bundle("1", Faults::default()))?;
    let good = written(folder, "version-2.zip", &sample::bundle("2", Faults::default()))?;
    let second = Act {
        version: "2",
        title: "releasing version 2, which is good",
        way: Way::Careful(Outcome::Promoted),
        bundle: good,
    };
    let others = if settings.compare {
        let third = written(folder, "version-3.zip", &sample::bundle("3", Faults::default()))?;
        let fourth = written(folder, "version-4.zip", &sample::bundle("4", Faults::default()))?;
        vec![careless_act(third), in_place_act(fourth)]
    } else {
        vec![Act {
            version: "3",
            title: "releasing version 3, which starts well and turns bad once it has users",
            way: Way::Careful(Outcome::RolledBack),
            bundle: written(folder, "version-3.zip", &sample::bundle("3", leaks))?,
        }]
    };
    Ok((first, std::iter::once(second).chain(others).collect()))
}

/// The user's own application: a release as it is, then one that an operator takes back.
fn own_acts(path: &Path, folder: &Path, compare: bool) -> Result<(PathBuf, Vec<Act>), RehearseError> {
    let artifact = prepare(path, folder, None).map_err(|problems| RehearseError::Bundle { problems })?;
    let bundle = artifact.file;
    let second = Act {
        version: "2",
        title: "releasing it again as version 2",
        way: Way::Careful(Outcome::Promoted),
        bundle: bundle.clone(),
    };
    let others = if compare {
        vec![careless_act(bundle.clone()), in_place_act(bundle.clone())]
    } else {
        vec![Act {
            version: "3",
            title: "releasing it as version 3, which an operator takes back once it has traffic",
            way: Way::TakenBack,
            bundle: bundle.clone(),
        }]
    };
    Ok((bundle, std::iter::once(second).chain(others).collect()))
}

fn incident_acts(folder: &Path, lever: Lever) -> Result<(PathBuf, Vec<Act>), RehearseError> {
    let first = written(folder, "version-1.zip", &sample::bundle("1", incidents::live(folder)))?;
    let act = |incident: Incident| {
        let version = incident.version();
        let content = sample::bundle(version, incident.faults(folder));
        Ok(Act {
            version,
            title: incident.title(),
            way: Way::During(incident),
            bundle: written(folder, &format!("version-{version}.zip"), &content)?,
        })
    };
    let acts: Result<_, RehearseError> = Incident::of(lever).into_iter().map(act).collect();
    Ok((first, acts?))
}

fn careless_act(bundle: PathBuf) -> Act {
    Act {
        version: "3",
        title: "releasing version 3, just as good, the careless way: all traffic when it is Ready, the old environment terminated at once",
        way: Way::Careless,
        bundle,
    }
}

fn in_place_act(bundle: PathBuf) -> Act {
    Act {
        version: "4",
        title: "releasing version 4, just as good, in place: on all instances at once, as `eb deploy` does",
        way: Way::InPlace,
        bundle,
    }
}

fn drill_act(kind: DrillKind, live: &Path) -> Act {
    Act {
        version: kind.as_str(),
        title: match kind {
            DrillKind::Rollback => "drill: green does well and is taken back all the same",
            DrillKind::BadGreen => "drill: green fails outright, for our own probes alone",
            DrillKind::SlowBurn => "drill: green fails more and more often, for our own probes alone",
            DrillKind::Crash => "drill: the driver dies while green has traffic",
        },
        way: Way::Drill(kind),
        bundle: live.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interrupted_rehearsal_says_so() {
        let rehearsal = Rehearsal {
            settings: RehearseSettings {
                application: None,
                lever: Lever::CnameSwap,
                rate: 1.0,
                pace: 1.0,
                compare: false,
                drills: false,
                incidents: false,
                program: PathBuf::new(),
            },
            listener: Arc::new(Silent),
            tell: Box::new(|_| panic!("nothing was begun")),
        };
        let played = Box::pin(rehearse(&rehearsal, std::future::ready(()))).await;
        assert!(matches!(played, Err(RehearseError::Interrupted)));
    }
}
