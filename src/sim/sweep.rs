//! Every crash point: a release of each outcome, with its driver killed before and after every single call and every entry.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::many::Tally;
use super::scenario::{Moment, Quality, Scenario, Terms, Trouble};
use super::world::simulate;
use crate::release::Wish;
use crate::spec::Lever;

/// What a sweep came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sweep {
    /// Releases, one of each outcome.
    pub releases: Vec<&'static str>,
    /// Worlds with one crash: one before and one after each call and each entry of those releases.
    pub single: usize,
    /// Worlds with two.
    pub pairs: usize,
    /// What they came to.
    pub tally: Tally,
}

/// Sweeps over all crash points, and over so many pairs of them for each release.
pub fn sweep(pairs: usize, threads: usize, progress: &(dyn Fn(usize, usize) + Sync)) -> Sweep {
    let mut worlds = Vec::new();
    let mut sweep = Sweep::default();
    for (name, base) in releases() {
        sweep.releases.push(name);
        let whole = simulate(&base, None, false);
        let mut moments = Vec::new();
        for call in 1..=whole.calls {
            moments.extend([Moment::BeforeCall(call), Moment::AfterCall(call)]);
        }
        for entry in 1..=whole.entries {
            moments.extend([Moment::BeforeEntry(entry), Moment::AfterEntry(entry)]);
        }
        sweep.single += moments.len();
        worlds.extend(moments.iter().map(|moment| with(&base, &[*moment])));
        let mut random = fastrand::Rng::with_seed(base.seed);
        for _ in 0..pairs {
            let first = moments[random.usize(..moments.len())];
            let second = moments[random.usize(..moments.len())];
            worlds.push(with(&base, &[first, second]));
        }
        sweep.pairs += pairs;
    }
    sweep.tally = play(&worlds, threads, progress);
    sweep
}

fn play(worlds: &[Scenario], threads: usize, progress: &(dyn Fn(usize, usize) + Sync)) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(scenario) = worlds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut played = simulate(scenario, None, false);
                    if played.violation.is_some() {
                        played.chronicle = vec![format!("{:?}", scenario.troubles)];
                    }
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.add(played);
                    progress(usize::try_from(tally.worlds).unwrap_or(usize::MAX), worlds.len());
                }
            });
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A release of each outcome, without any trouble but the one that makes it.
fn releases() -> Vec<(&'static str, Scenario)> {
    let mut calm = Scenario::calm();
    calm.terms.instances = 2;
    let bad = Scenario {
        quality: Quality::Breaks(Duration::from_secs(5), 0.9),
        // With two calls more: blue is kept from shrinking, and let go again.
        terms: Terms {
            scaling: Some(Duration::from_secs(20)),
            ..calm.terms
        },
        ..calm.clone()
    };
    let unfit = Scenario {
        quality: Quality::Bad(1.0),
        ..calm.clone()
    };
    let mut aborted = calm.clone();
    aborted.troubles.push(Trouble::Asked {
        at: Duration::from_secs(60),
        wish: Wish::Abort,
    });
    let by = |base: &Scenario, lever| {
        let mut other = base.clone();
        other.terms.lever = lever;
        other
    };
    vec![
        ("promoted by records", by(&calm, Lever::WeightedDns)),
        ("promoted by rules", by(&calm, Lever::WeightedTargetGroups)),
        ("rolled back by records", by(&bad, Lever::WeightedDns)),
        ("rolled back by rules", by(&bad, Lever::WeightedTargetGroups)),
        ("promoted", calm),
        ("rolled back with traffic", bad),
        ("rolled back before traffic", unfit),
        ("aborted", aborted),
    ]
}

fn with(base: &Scenario, moments: &[Moment]) -> Scenario {
    let mut scenario = base.clone();
    for (index, at) in moments.iter().enumerate() {
        scenario.troubles.push(Trouble::Crash {
            at: *at,
            away: Duration::from_secs(5),
            same_machine: index % 2 == 0,
        });
    }
    scenario
}
