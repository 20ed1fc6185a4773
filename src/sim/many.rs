//! Many worlds at once, on all cores.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::mistakes::Mistake;
use super::scenario::Scenario;
use super::world::{Played, simulate};

/// Which worlds to play.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// The first seed.
    pub start: u64,
    /// How many.
    pub seeds: u64,
    /// Threads.
    pub threads: usize,
    /// Whether every release is made by a pipeline; otherwise one in sixteen is.
    pub pipelines: bool,
    /// A mistake to make in each.
    pub mistake: Option<Mistake>,
    /// How many violations are enough.
    pub enough: usize,
}

/// What became of worlds, in sixteen characters: the same worlds give the same ones, in whatever order and on however many
/// threads they were played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    fn add(&mut self, played: &Played) {
        // Whether it was told line by line makes no other world of it.
        let short = Played {
            chronicle: Vec::new(),
            ..played.clone()
        };
        let digest = Sha256::digest(serde_json::to_vec(&short).unwrap_or_default());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        self.0 ^= u64::from_be_bytes(first);
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What all worlds came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Worlds that were played.
    pub worlds: u64,
    /// How often each outcome came.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Calls of all drivers.
    pub calls: u64,
    /// Entries of all journals.
    pub entries: u64,
    /// Faults that were met.
    pub faults: u64,
    /// Drivers that were killed.
    pub crashes: u64,
    /// Virtual time of all releases, in seconds.
    pub virtual_seconds: u64,
    /// What became of each, in short.
    pub fingerprint: Fingerprint,
    /// Worlds in which something happened that must never happen, by seed.
    pub violations: Vec<Played>,
}

impl Tally {
    /// Adds a world.
    pub fn add(&mut self, played: Played) {
        self.worlds += 1;
        self.fingerprint.add(&played);
        let outcome = played.outcome.map_or("none", |outcome| outcome.code());
        *self.outcomes.entry(outcome).or_default() += 1;
        self.calls += u64::from(played.calls);
        self.entries += played.entries;
        self.faults += u64::from(played.faults);
        self.crashes += u64::from(played.crashes);
        self.virtual_seconds += played.length.as_secs();
        if played.violation.is_some() {
            self.violations.push(played);
            self.violations.sort_by_key(|played| played.seed);
        }
    }
}

/// Plays many worlds. `progress` is told after each how many there were and how many of them had a violation.
pub fn many(what: Many, progress: &(dyn Fn(u64, usize) + Sync)) -> Tally {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..what.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= what.seeds {
                        return;
                    }
                    let seed = what.start.wrapping_add(index);
                    let scenario = if what.pipelines {
                        Scenario::with_pipeline(seed)
                    } else {
                        Scenario::of(seed)
                    };
                    let played = simulate(&scenario, what.mistake, false);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.add(played);
                    if tally.violations.len() >= what.enough {
                        stop.store(true, Ordering::Relaxed);
                    }
                    progress(tally.worlds, tally.violations.len());
                }
            });
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}
