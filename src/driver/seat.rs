//! Where a driver sits: everything it works with, wired once.

use std::sync::Arc;

use super::{Machine, ThisMachine, World};
use crate::journal::Journal;
use crate::model::{Clock, Timestamp};
use crate::release::{Decision, Listener, Looks, Observation, Release, decide, looks};

/// What a driver works with.
#[derive(Clone)]
pub struct Seat {
    /// Where the release is written down.
    pub journal: Arc<dyn Journal>,
    /// Everything outside.
    pub world: Arc<World>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub listener: Arc<dyn Listener>,
    /// The machine it runs on.
    pub machine: Arc<dyn Machine>,
    /// Who decides.
    pub mind: Arc<dyn Mind>,
}

impl Seat {
    /// On this machine, and with the core deciding.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        world: Arc<World>,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn Listener>,
    ) -> Self {
        Self {
            journal,
            world,
            clock,
            listener,
            machine: Arc::new(ThisMachine),
            mind: Arc::new(Core),
        }
    }

    /// The same with another audience.
    #[must_use]
    pub fn heard_by(&self, listener: Arc<dyn Listener>) -> Self {
        Self {
            listener,
            ..self.clone()
        }
    }
}

/// Decides. There is one core; the simulator puts known mistakes in front of it, to see that they are found.
pub trait Mind: Send + Sync {
    /// What to look at before the next decision.
    fn looks(&self, release: &Release, now: Timestamp) -> Looks {
        looks(release, now)
    }

    /// What to do next.
    fn decide(&self, release: &Release, seen: &Observation) -> Decision {
        decide(release, seen)
    }
}

/// The core itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Core;

impl Mind for Core {}
