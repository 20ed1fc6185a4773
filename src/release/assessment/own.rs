//! Our own requests, which a source that counts all of them takes for users'.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::verdict::{Arm, Own, Probes};

/// No two looks are taken for closer to each other, in seconds.
const SHORTEST_S: f64 = 0.1;

/// Our own requests to an arm since the entry with its newest window: the next one contains some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    own: Own,
    /// When that entry was made, in the seconds of windows.
    since_s: Option<f64>,
}

impl Gathered {
    /// Takes what an entry says.
    pub(super) fn take(&mut self, arm: &Arm, new_window: Option<Timestamp>, at_s: f64) {
        *self = match new_window {
            Some(_) => Self {
                own: Own::default(),
                since_s: Some(at_s),
            },
            None => Self {
                own: self.with(arm.probes.as_ref()),
                ..*self
            },
        };
    }

    fn with(&self, probes: Option<&Probes>) -> Own {
        let (requests, failures) = probes.map_or((0.0, 0.0), |probes| (probes.requests, probes.failures));
        Own {
            requests: self.own.requests + requests,
            failures: self.own.failures + failures,
        }
    }

    /// How many of them a window of that length holds. It is not the one after the last if looks are further apart than windows, and it
    /// overlaps with it if they are closer.
    pub(super) fn in_window(&self, probes: Option<&Probes>, length: Duration, at_s: f64) -> Own {
        let own = self.with(probes);
        let part = self
            .since_s
            .map_or(1.0, |since_s| length.as_secs_f64() / (at_s - since_s).max(SHORTEST_S));
        Own {
            requests: own.requests * part,
            failures: own.failures * part,
        }
    }
}
