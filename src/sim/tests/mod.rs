//! Tests of the simulator itself: does it find what it should, and does it do the same again?

mod bench;
mod catches;
mod crowd;
mod kept;
mod levers;
mod permits;
mod pipelines;
mod requests;
mod same;
mod sequels;
mod sick;
mod slow;

use std::time::Duration;

use super::scenario::{Manner, Quality, Scenario, Store, Terms, Trouble};
use crate::spec::{ForeignAnswer, Lever};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A small and quick world in which nothing goes wrong.
fn calm() -> Scenario {
    Scenario {
        seed: 7,
        quality: Quality::Good,
        terms: Terms {
            lever: Lever::CnameSwap,
            pace: 4.0,
            instances: 1,
            interval: seconds(10),
            bake: seconds(60),
            keep: Duration::ZERO,
            basic: false,
            gate: None,
            foreign: ForeignAnswer::Stop,
            drill: None,
            counted_by: None,
            alarm: false,
            scaling: None,
        },
        store: Store::Memory,
        skews: vec![0; 6],
        manner: Manner::Whole,
        latency: Duration::from_millis(100),
        users: 5.0,
        troubles: Vec::new(),
        calm: seconds(30 * 60),
        sequel: None,
    }
}

/// The same with troubles.
fn with(troubles: impl IntoIterator<Item = Trouble>) -> Scenario {
    Scenario {
        troubles: troubles.into_iter().collect(),
        ..calm()
    }
}

/// The same with another new version.
fn of(quality: Quality) -> Scenario {
    Scenario { quality, ..calm() }
}
