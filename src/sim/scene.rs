//! What all parts of one simulated world share: its time, its fate, its chronicle.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::mistakes::Mistake;
use super::permits;
use super::process::Control;
use super::scenario::{Fate, Moment, Scenario, Service, Trouble};
use super::stage::Stage;
use crate::model::{Clock, Timestamp};
use crate::release::{Phase, Release};

/// The moment at which every simulated release begins.
pub(super) const BEGINNING: Timestamp = Timestamp::from_millis(1_795_305_600_000);

/// Something happened that must never happen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// The rule, in a few words that stay the same.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
    /// When, in virtual time since the release began.
    pub after: Duration,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.rule, Stamp(self.after), self.what)
    }
}

/// A moment since the release began.
pub(super) struct Stamp(pub(super) Duration);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(
            f,
            "{:3}:{:02}.{:03}",
            seconds / 60,
            seconds % 60,
            self.0.subsec_millis()
        )
    }
}

/// A driver that was started.
pub(super) struct Started {
    /// What can be done to it.
    pub(super) control: Control,
    /// Whether it still runs.
    pub(super) alive: bool,
    /// How it died: for how long nobody follows it, and whether that one is on the same machine.
    pub(super) death: Option<(Duration, bool)>,
}

/// Everything that changes.
pub(super) struct State {
    pub(super) random: Rng,
    pub(super) violation: Option<Violation>,
    pub(super) processes: Vec<Started>,
    /// The release, as far as its entries are known to be written.
    pub(super) release: Option<Release>,
    /// Entries that were acknowledged, by number and sequence, with their nonces.
    pub(super) acknowledged: BTreeMap<(u32, u64), String>,
    /// Swaps that the account has carried out for drivers.
    pub(super) swaps: u32,
    /// How many instances blue ran just before traffic was moved for the first time.
    pub(super) blue_ran: Option<u32>,
    /// Intents to swap that are written.
    pub(super) swap_intents: u32,
    /// Answers about the health of environments that drivers got.
    pub(super) health_reads: u32,
    /// How many of those there were when the bake began.
    pub(super) reads_at_bake: u32,
    /// Since when green is to lose its traffic, and how often the way there had been hindered then.
    pub(super) sentenced: Option<(Duration, u32)>,
    /// What can have kept a driver from bringing traffic back: faults of anything but the source of metrics, and new drivers.
    hindered: u32,
    /// When a driver last got an answer about the health of an environment.
    pub(super) health_read_at: Option<Duration>,
    /// Checks before traffic that passed.
    pub(super) smokes: u32,
    /// An operator's wish to turn back was on record while there was a way back.
    pub(super) must_turn: bool,
    /// When somebody else last swapped, and how often a driver had been hindered then.
    pub(super) foreign_swap: Option<(Duration, u32)>,
    /// When the release was put on record as over, and how often a driver had been hindered then.
    pub(super) finished_at: Option<(Duration, u32)>,
    /// Calls of drivers, journal and probes among them, in all and by operation.
    pub(super) calls: u32,
    /// Calls of Elastic Beanstalk, whose rate the whole account shares.
    pub(super) shared_calls: u32,
    by_operation: BTreeMap<String, u32>,
    /// Faults that were met.
    pub(super) faults: u32,
    /// Drivers that were killed.
    pub(super) crashes: u32,
    /// The release has come to its end, and only what was on its way is still to be seen.
    pub(super) over: bool,
    /// The next release is played, of which other things are known.
    pub(super) sequel: bool,
    spent: Vec<bool>,
    lines: Vec<String>,
}

/// One simulated world.
pub(super) struct Scene {
    pub(super) scenario: Scenario,
    pub(super) mistake: Option<Mistake>,
    pub(super) stage: Stage,
    tracing: bool,
    began: Instant,
    state: Mutex<State>,
}

impl Scene {
    pub(super) fn new(scenario: Scenario, mistake: Option<Mistake>, stage: Stage, tracing: bool) -> Arc<Self> {
        let state = State {
            random: Rng::with_seed(scenario.seed ^ 0x005e_ed0f_7be5_ce7e),
            violation: None,
            processes: Vec::new(),
            release: None,
            acknowledged: BTreeMap::new(),
            swaps: 0,
            blue_ran: None,
            swap_intents: 0,
            health_reads: 0,
            reads_at_bake: 0,
            sentenced: None,
            hindered: 0,
            health_read_at: None,
            smokes: 0,
            must_turn: false,
            foreign_swap: None,
            finished_at: None,
            calls: 0,
            shared_calls: 0,
            by_operation: BTreeMap::new(),
            faults: 0,
            crashes: 0,
            over: false,
            sequel: false,
            spent: vec![false; scenario.troubles.len()],
            lines: Vec::new(),
        };
        Arc::new(Self {
            scenario,
            mistake,
            stage,
            tracing,
            began: Instant::now(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual time since the release began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Sleeps until so long after the beginning.
    pub(super) async fn until(&self, moment: Duration) {
        tokio::time::sleep_until(self.began + moment).await;
    }

    /// Whether nothing more goes wrong.
    pub(super) fn calm(&self) -> bool {
        self.elapsed() >= self.scenario.calm || self.state().over
    }

    /// Adds a line to the chronicle, if anybody wants to read it.
    pub(super) fn tell(&self, who: &dyn fmt::Display, what: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{} {who:<12} {}", Stamp(self.elapsed()), what());
            let told = permits::told(self, &line);
            let mut state = self.state();
            if let Some(told) = told {
                state.violation.get_or_insert(told);
            }
            state.lines.push(line);
        }
    }

    /// Whether the chronicle says something.
    #[cfg(test)]
    pub(super) fn has_told(&self, what: &str) -> bool {
        self.state().lines.iter().any(|line| line.contains(what))
    }

    /// Takes the chronicle.
    pub(super) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.state().lines)
    }

    /// Puts on record that a rule was broken; the first one counts.
    pub(super) fn violated(&self, rule: &'static str, what: impl Into<String>) {
        let violation = Violation {
            rule,
            what: what.into(),
            after: self.elapsed(),
        };
        self.tell(&"RULE", || violation.to_string());
        self.state().violation.get_or_insert(violation);
    }

    /// Whether the world has ended by a violation.
    pub(super) fn is_violated(&self) -> bool {
        self.state().violation.is_some()
    }

    /// A time between a millisecond and the scenario's latency.
    pub(super) fn latency(&self) -> Duration {
        let most = u64::try_from(self.scenario.latency.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.state().random.u64(1..=most.max(1)))
    }

    /// Counts a call and says which one of all it is, and what becomes of it.
    pub(super) fn fate(&self, operation: &str, service: &[Service]) -> (u32, Option<Fate>) {
        let calm = self.calm();
        let elapsed = self.elapsed();
        let mut state = self.state();
        state.calls += 1;
        let number = state.calls;
        let nth = match state.by_operation.get_mut(operation) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                state.by_operation.insert(operation.to_owned(), 1);
                1
            }
        };
        let shared = u32::from(service.contains(&Service::Beanstalk));
        if calm {
            state.shared_calls += shared;
            return (number, None);
        }
        let fate = self.scenario.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Call {
                on,
                nth: first,
                times,
                fate,
            } => {
                let count = match on {
                    Some(on) if *on == operation => nth,
                    Some(_) => return None,
                    None => number,
                };
                (count >= *first && count < first.saturating_add(*times)).then_some(*fate)
            }
            Trouble::Outage { of, from, length, fate } => {
                let meets = service.contains(of) && elapsed >= *from && elapsed < *from + *length;
                // Lists that are behind come in turns with those that are not: they are given by many machines.
                let meets = meets && (!matches!(fate, Fate::Stale(_)) || number.is_multiple_of(2));
                meets.then_some(*fate)
            }
            _ => None,
        });
        // What never arrives uses up nothing.
        if !matches!(fate, Some(Fate::LostBefore | Fate::Hangs)) {
            state.shared_calls += shared;
        }
        state.faults += u32::from(fate.is_some());
        state.hindered += u32::from(fate.is_some() && !service.contains(&Service::Monitoring));
        (number, fate)
    }

    /// Whether a service cannot be reached at all now.
    pub(super) fn is_out(&self, service: Service) -> bool {
        self.outage(service).is_some()
    }

    /// How it shows that a service cannot be reached now, if it cannot.
    pub(super) fn outage(&self, service: Service) -> Option<Fate> {
        let elapsed = self.elapsed();
        self.scenario.troubles.iter().find_map(|trouble| match trouble {
            Trouble::Outage { of, from, length, fate } => {
                (*of == service && elapsed >= *from && elapsed < *from + *length).then_some(*fate)
            }
            _ => None,
        })
    }

    /// A moment in the life of a process: goes on, unless a trouble says that it dies now.
    pub(super) async fn survive(&self, process: usize, moment: Moment) {
        if self.crash(process, moment) {
            std::future::pending::<()>().await;
        }
    }

    /// Kills a process if a trouble says that this is the moment. Whether it did.
    pub(super) fn crash(&self, process: usize, moment: Moment) -> bool {
        if self.calm() {
            return false;
        }
        let mut state = self.state();
        let found = self
            .scenario
            .troubles
            .iter()
            .enumerate()
            .find_map(|(index, trouble)| match trouble {
                Trouble::Crash { at, away, same_machine } if !state.spent[index] && *at == moment => {
                    Some((index, *away, *same_machine))
                }
                _ => None,
            });
        let Some((index, away, same_machine)) = found else {
            return false;
        };
        state.spent[index] = true;
        let Some(started) = state.processes.get_mut(process) else {
            return false;
        };
        started.death = Some((away, same_machine));
        let control = started.control.clone();
        drop(state);
        control.kill();
        true
    }

    /// Kills or freezes a process if a trouble says so of the intent that it has just written.
    pub(super) fn intended(&self, process: usize, name: &str) {
        if self.calm() {
            return;
        }
        let mut state = self.state();
        for (index, trouble) in self.scenario.troubles.iter().enumerate() {
            let (Trouble::Crash {
                at: Moment::Intended { call, polls },
                ..
            }
            | Trouble::Freeze {
                at: Moment::Intended { call, polls },
                ..
            }) = trouble
            else {
                continue;
            };
            if state.spent[index] || *call != name {
                continue;
            }
            state.spent[index] = true;
            let Some(started) = state.processes.get_mut(process) else {
                continue;
            };
            match trouble {
                Trouble::Freeze { length, .. } => started.control.freeze_after_polls(*polls, *length),
                Trouble::Crash { away, same_machine, .. } => {
                    started.death = Some((*away, *same_machine));
                    started.control.kill_after_polls(*polls);
                }
                _ => {}
            }
        }
    }

    /// How often something has come in the way of drivers: a fault of anything but the source of metrics, a driver that was
    /// killed or stopped, a new one.
    pub(super) fn hindrances(&self) -> u32 {
        let state = self.state();
        let frozen = |started: &&Started| !started.control.frozen_for().is_zero();
        let frozen = state.processes.iter().filter(frozen).count();
        state.hindered + state.crashes + u32::try_from(state.processes.len() + frozen).unwrap_or(u32::MAX)
    }

    /// A check from outside found what it looked for; before traffic it counts.
    pub(super) fn smoked(&self) {
        let mut state = self.state();
        let testing = state
            .release
            .as_ref()
            .is_some_and(|release| release.phase == Phase::Smoke);
        state.smokes += u32::from(testing);
    }

    /// What can be done to a process.
    pub(super) fn control(&self, process: usize) -> Control {
        self.state().processes[process].control.clone()
    }

    /// Starts a process: tells it at which of its polls it is to die or to be frozen.
    pub(super) fn enrol(&self) -> (usize, Control) {
        let control = Control::default();
        let calm = self.calm();
        let mut state = self.state();
        let process = state.processes.len();
        let mut death = None;
        if !calm {
            // Each trouble of this kind meets one process: the next one that starts.
            let mut dies = false;
            let mut freezes = false;
            for (index, trouble) in self.scenario.troubles.iter().enumerate() {
                match trouble {
                    Trouble::Crash {
                        at: Moment::Poll(poll),
                        away,
                        same_machine,
                    } if !dies && !state.spent[index] => {
                        dies = true;
                        state.spent[index] = true;
                        control.kill_at_poll(*poll);
                        death = Some((*away, *same_machine));
                    }
                    Trouble::Freeze {
                        at: Moment::Poll(poll),
                        length,
                    } if !freezes && !state.spent[index] => {
                        freezes = true;
                        state.spent[index] = true;
                        control.freeze_at_poll(*poll, *length);
                    }
                    _ => {}
                }
            }
        }
        state.processes.push(Started {
            control: control.clone(),
            alive: true,
            death,
        });
        (process, control)
    }
}

/// The clock of a machine in the world.
#[derive(Clone)]
pub(super) struct SimClock {
    origin: Instant,
    skew_ms: i64,
}

impl SimClock {
    /// A clock that tells the true time: [`BEGINNING`] at `origin`.
    pub(super) fn truth(origin: Instant) -> Self {
        Self { origin, skew_ms: 0 }
    }

    /// The clock of a machine that is so far off.
    pub(super) fn off_by(&self, skew_ms: i64) -> Self {
        Self {
            origin: self.origin,
            skew_ms,
        }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(BEGINNING.as_millis().saturating_add(since).saturating_add(self.skew_ms))
    }

    fn since_boot(&self) -> Duration {
        // It counts sleep: a frozen process finds it further on.
        self.origin.elapsed()
    }
}
