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

use super::scenario::{Quality, Scenario, Trouble};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A small and quick world in which nothing goes wrong, with troubles.
fn with(troubles: impl IntoIterator<Item = Trouble>) -> Scenario {
    Scenario {
        troubles: troubles.into_iter().collect(),
        ..Scenario::calm()
    }
}

/// The same with another new version.
fn of(quality: Quality) -> Scenario {
    Scenario {
        quality,
        ..Scenario::calm()
    }
}
