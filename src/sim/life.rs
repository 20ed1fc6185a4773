//! The lives of drivers: each works until the release is over or something ends it, and then the next one goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::logbook::{Logbook, MemoryJournal};
use super::mistakes;
use super::permits;
use super::prober::SimProber;
use super::process::{End, Process};
use super::scenario::{Manner, Store};
use super::scene::Scene;
use super::stage::{self, BUCKET, REGION, slot};
use super::watched::Watched;
use super::wire::{Answers, Wire};
use crate::aws::{Aws, AwsSettings};
use crate::compose::Planner;
use crate::driver::{Driver, DriverError, Machine, Overrides, Seat, Tick, World};
use crate::journal::{Journal, S3Journal, newest};
use crate::model::{Clock, ReleaseNumber};
use crate::release::{Listener, Notice, Outcome, Writer};

/// Where all drivers of a world meet.
pub(super) struct Crew {
    pub(super) scene: Arc<Scene>,
    pub(super) book: Arc<Logbook>,
    pub(super) answers: Arc<Answers>,
    pub(super) planner: Planner,
}

/// What a driver's end asks for.
enum After {
    /// Nothing: the release is over.
    Over,
    /// Somebody goes on after so long.
    Again(Duration),
}

impl Crew {
    /// Drives the release from one machine after another until it is over. `begins` says whether the release is begun here,
    /// or waited for.
    pub(super) async fn drive(self: Arc<Self>, mut machine: usize, begins: bool, manner: Manner) {
        loop {
            let (process, control) = self.scene.enrol();
            let who = Driving::new(process, machine);
            self.scene.tell(&who, || "starts".to_owned());
            let work = Arc::clone(&self).work(process, machine, begins, manner);
            let away = match Process::new(control, work).await {
                End::Returned(After::Over) => {
                    self.ended(process);
                    return;
                }
                End::Returned(After::Again(away)) => away,
                End::Killed => {
                    let death = {
                        let mut state = self.scene.state();
                        state.crashes += 1;
                        state.processes[process].death
                    };
                    let (away, same_machine) = death.unwrap_or((Duration::from_secs(10), true));
                    self.scene
                        .tell(&who, || format!("dies; the next one comes after {} s", away.as_secs()));
                    machine += usize::from(!same_machine);
                    away
                }
            };
            self.ended(process);
            tokio::time::sleep(away).await;
        }
    }

    pub(super) fn ended(&self, process: usize) {
        self.scene.state().processes[process].alive = false;
    }

    async fn work(self: Arc<Self>, process: usize, machine: usize, begins: bool, manner: Manner) -> After {
        const PAUSE: After = After::Again(Duration::from_secs(15));
        let seat = self.seat(process, machine).await;
        let who = Driving::new(process, machine);
        let release = match newest(seat.journal.as_ref(), &slot()).await {
            Ok(release) => release,
            Err(error) => {
                self.scene.tell(&who, || format!("cannot read the journal: {error}"));
                return PAUSE;
            }
        };
        let mut driver = match release {
            // A later one is a rival's, who begins it only to see whether that is possible.
            Some(release) if release.outcome.is_some() || release.plan.id.number > ReleaseNumber(1) => {
                return After::Over;
            }
            Some(release) => Driver::join(seat, release),
            None if begins => match Driver::begin(seat, &slot(), |next| self.planner.plan(next)).await {
                Ok(driver) => driver,
                Err(error) => {
                    self.scene.tell(&who, || format!("cannot begin: {error}"));
                    return PAUSE;
                }
            },
            None => return PAUSE,
        };
        let result = match manner {
            // Whoever joins the function of a pipeline is no function.
            Manner::Whole | Manner::Jobs(_) => driver.run(|_| false).await,
            Manner::Slices(length, gap) => match slice(&mut driver, length).await {
                Ok(None) => return After::Again(gap),
                other => other,
            },
        };
        match result {
            Ok(outcome) => {
                self.scene.tell(&who, || {
                    format!("is done: {}", outcome.map_or("stopped", Outcome::as_str))
                });
                After::Over
            }
            Err(error) => {
                self.scene.tell(&who, || format!("gives up: {error}"));
                if matches!(error, DriverError::Illegal { .. }) {
                    self.scene.violated("no illegal event", error.to_string());
                }
                PAUSE
            }
        }
    }

    /// The journal of somebody who only reads afterwards, and for whom nothing goes wrong any more.
    pub(super) async fn reader(&self) -> Arc<dyn Journal> {
        self.scene.state().over = true;
        let (process, _) = self.scene.enrol();
        self.seat(process, 0).await.journal
    }

    /// Where a process on a machine sits.
    pub(super) async fn seat(&self, process: usize, machine: usize) -> Seat {
        let scene = &self.scene;
        let wire = Wire::new(Arc::clone(scene), process, Arc::clone(&self.answers));
        let in_process: Arc<dyn crate::aws::InProcess> = match scene.mistake {
            Some(mistake) => mistakes::network(mistake, wire),
            None => Arc::new(wire),
        };
        let skew = scene.scenario.skews.get(machine % scene.scenario.skews.len().max(1));
        let clock: Arc<dyn Clock> = Arc::new(scene.stage.clock.off_by(skew.copied().unwrap_or(0)));
        let clock = match scene.mistake {
            Some(mistake) => mistakes::clock(mistake, clock, scene.control(process)),
            None => clock,
        };
        let aws = Aws::connect(&AwsSettings {
            region: Some(REGION.to_owned()),
            in_process: Some(in_process),
            keys: Some((permits::KEY.to_owned(), "secret".to_owned())),
            ..AwsSettings::default()
        })
        .await;
        let inner: Arc<dyn Journal> = match scene.scenario.store {
            Store::Memory => Arc::new(MemoryJournal {
                book: Arc::clone(&self.book),
                scene: Arc::clone(scene),
                process,
            }),
            Store::S3 => Arc::new(S3Journal::new(aws.clone(), BUCKET, "journal")),
        };
        let journal = Arc::new(Watched {
            inner,
            scene: Arc::clone(scene),
            process,
        });
        let prober = Arc::new(SimProber::new(Arc::clone(scene), process));
        let world = Arc::new(World::new(aws, prober, Overrides::default(), Vec::new()));
        let mut seat = Seat::new(
            journal,
            world,
            clock,
            Arc::new(Telling {
                scene: Arc::clone(scene),
                who: Driving::new(process, machine),
            }),
        );
        seat.machine = Arc::new(SimMachine {
            scene: Arc::clone(scene),
            process,
            machine,
        });
        if let Some(mistake) = scene.mistake {
            seat.mind = mistakes::mind(mistake);
        }
        seat
    }
}

/// Ticks until the time is over; a tick that has begun is finished, as a function does that looks at what is left of its time.
async fn slice(driver: &mut Driver, length: Duration) -> Result<Option<Outcome>, DriverError> {
    let until = Instant::now() + length;
    while Instant::now() < until {
        match driver.tick().await? {
            Tick::Over(outcome) => return Ok(Some(outcome)),
            Tick::Again => {}
            Tick::Sleep(pause) => tokio::time::sleep_until((Instant::now() + pause).min(until)).await,
            Tick::NotOurs(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    // Nobody may be able to write now; then the next one has to wait.
    let _ = driver.hand_over().await;
    Ok(None)
}

/// Who it is, for the chronicle.
#[derive(Clone, Copy)]
pub(super) struct Driving {
    process: usize,
    machine: usize,
}

impl Driving {
    pub(super) fn new(process: usize, machine: usize) -> Self {
        Self { process, machine }
    }
}

impl std::fmt::Display for Driving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("driver {}@{}", self.process, self.machine))
    }
}

/// Puts what a driver tells into the chronicle.
struct Telling {
    scene: Arc<Scene>,
    who: Driving,
}

impl Listener for Telling {
    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::Entry { entry, .. } => {
                self.scene.tell(&self.who, || {
                    let event = serde_json::to_string(&entry.event).unwrap_or_default();
                    // The bundle lies in a folder of this process, and the same world has the same story in every one.
                    let event = event.replace(&*stage::bundle_folder().to_string_lossy(), "");
                    // A plan is long, and known; what somebody may not do takes some words.
                    let event: String = event.chars().take(1500).collect();
                    format!("#{} {event}", entry.sequence)
                });
            }
            Notice::Trouble { message } | Notice::Remark { message } => {
                self.scene.tell(&self.who, || message.to_owned());
            }
            Notice::Waiting { .. } | Notice::Progress { .. } | Notice::Ahead { .. } | Notice::Plan { .. } => {}
        }
    }
}

/// One of the machines.
struct SimMachine {
    scene: Arc<Scene>,
    process: usize,
    machine: usize,
}

impl Machine for SimMachine {
    fn writer(&self) -> Writer {
        Writer {
            host: format!("machine-{}", self.machine),
            process: u32::try_from(self.process).unwrap_or(u32::MAX),
            run: self.process.to_string(),
            machine: Some(self.machine.to_string()),
            user: None,
        }
    }

    fn runs(&self, process: u32) -> bool {
        let state = self.scene.state();
        usize::try_from(process)
            .ok()
            .and_then(|process| state.processes.get(process))
            .is_some_and(|started| started.alive)
    }
}
