//! Whether the simulator finds what it should: every known mistake, in random worlds, until it is found by its rule.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use super::mistakes::Mistake;
use super::scene::Violation;
use super::world::simulate;

/// What became of one mistake.
#[derive(Clone, Debug, Serialize)]
pub struct Caught {
    /// Its name.
    pub mistake: &'static str,
    /// The rule that it must be found by.
    pub rule: &'static str,
    /// The first seed that shows it, and how; `None` if no world did.
    pub found: Option<(u64, Violation)>,
    /// Worlds that were needed for that, the one that shows it among them; or that were played in vain.
    pub worlds: u64,
    /// Worlds before it that broke other rules, by rule.
    pub others: BTreeMap<&'static str, u64>,
}

/// Plays worlds from `start` on with a mistake in them, until one breaks the mistake's rule or there were so many.
#[must_use]
pub fn catch(mistake: Mistake, start: u64, seeds: u64, threads: usize) -> Caught {
    let next = AtomicU64::new(0);
    let found = AtomicBool::new(false);
    let violations = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                // Worlds are begun in order, and what was begun is played to its end: so the first one is found.
                while !found.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= seeds {
                        return;
                    }
                    let scenario = mistake.world(start.wrapping_add(index));
                    let Some(violation) = simulate(&scenario, Some(mistake), false).violation else {
                        continue;
                    };
                    if violation.rule == mistake.rule() {
                        found.store(true, Ordering::Relaxed);
                    }
                    let mut violations = violations.lock().unwrap_or_else(PoisonError::into_inner);
                    violations.insert(index, violation);
                }
            });
        }
    });
    let violations = violations.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut others = BTreeMap::new();
    for (index, violation) in violations {
        if violation.rule == mistake.rule() {
            return Caught {
                mistake: mistake.name(),
                rule: mistake.rule(),
                found: Some((start.wrapping_add(index), violation)),
                worlds: index + 1,
                others,
            };
        }
        *others.entry(violation.rule).or_default() += 1;
    }
    Caught {
        mistake: mistake.name(),
        rule: mistake.rule(),
        found: None,
        worlds: seeds,
        others,
    }
}
