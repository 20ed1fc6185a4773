//! Our own requests, which a source that counts all of them takes for users'.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::action::Role;
use crate::model::Timestamp;
use crate::verdict::{Arm, Own, Probes};

/// No two looks are taken for closer to each other, in seconds.
const SHORTEST_S: f64 = 0.1;

/// Our own requests to an arm since the entry with its newest window: the next one contains some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    own: Own,
    /// How many failed between the two entries before. A window ends before it is looked at, so some of these may be in the next one.
    #[serde(default)]
    failed_before: f64,
    /// When that entry was made, in the seconds of windows.
    since_s: Option<f64>,
}

impl Gathered {
    /// Takes what an entry says.
    pub(super) fn take(&mut self, arm: &Arm, new_window: Option<Timestamp>, at_s: f64) {
        *self = match new_window {
            Some(_) => Self {
                own: Own::default(),
                failed_before: self.with(arm.probes.as_ref()).failures,
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
    /// overlaps with it if they are closer. Which of our failures it holds is not known to the second: green's are as many as they
    /// can be, and blue's as few, because what is not ours speaks against green.
    pub(super) fn in_window(&self, role: Role, probes: Option<&Probes>, length: Duration, at_s: f64) -> Own {
        let mut own = self.with(probes);
        own.failures = match role {
            Role::Green => own.failures.max(self.failed_before),
            Role::Blue => own.failures.min(self.failed_before),
        };
        let part = self
            .since_s
            .map_or(1.0, |since_s| length.as_secs_f64() / (at_s - since_s).max(SHORTEST_S));
        Own {
            requests: own.requests * part,
            failures: own.failures * part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_when_a_window_ended_may_be_in_the_next_one() {
        let mut gathered = Gathered::default();
        let arm = Arm {
            probes: Some(Probes {
                requests: 16.0,
                failures: 6.0,
                latencies_ms: Vec::new(),
            }),
            ..Arm::default()
        };
        gathered.take(&arm, Some(Timestamp::from_millis(0)), 10.0);
        let of = |gathered: &Gathered, role| gathered.in_window(role, None, Duration::from_secs(10), 20.0).failures;
        assert_eq!(
            of(&gathered, Role::Green).to_bits(),
            6.0f64.to_bits(),
            "they are no users'"
        );
        assert_eq!(of(&gathered, Role::Blue).to_bits(), 0.0f64.to_bits());
        let well = Arm {
            probes: Some(Probes {
                requests: 16.0,
                failures: 0.0,
                latencies_ms: Vec::new(),
            }),
            ..Arm::default()
        };
        gathered.take(&well, Some(Timestamp::from_millis(10_000)), 20.0);
        assert_eq!(
            gathered
                .in_window(Role::Green, None, Duration::from_secs(10), 30.0)
                .failures
                .to_bits(),
            0.0f64.to_bits(),
            "they are over"
        );
    }
}
