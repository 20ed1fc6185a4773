//! Route 53: hosted zones, their records, and what DNS answers because of them.
//!
//! No I/O, no clock, no randomness of its own: the same calls at the same times give the same bytes. Shapes and rules follow
//! the service's API model (2013-04-01); the texts of errors are those that users have quoted.

mod absent;
mod alias;
mod checks;
mod error;
mod lookup;
mod name;
mod operations;
mod record;
mod remember;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod wire;
mod zone;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::Ids;
use super::rate::Rate;
use crate::model::Timestamp;
use checks::HealthCheck;
use error::Refusal;
use zone::Zone;

pub use lookup::ZoneAnswer;
pub use name::{DomainName, NotAName};
pub use record::{Content, Policy, RecordSet, RecordType, Routing};
pub(in crate::local) use wire::changed;
pub use wire::{RestAnswer, RestRequest};

/// How Route 53 behaves.
#[derive(Clone, Debug)]
pub struct ZonesSettings {
    /// How long it takes until all servers have heard of a change. Documented as "generally within 60 seconds".
    pub propagation: Duration,
    /// Requests that it takes from the account each second, all operations together. Five on AWS (source: its quotas).
    pub a_second: u32,
    /// How many times faster than AWS.
    pub pace: f64,
    /// From which ids and choices are drawn.
    pub seed: u64,
}

/// Route 53 of one account.
#[derive(Clone, Debug)]
pub struct Zones {
    settings: ZonesSettings,
    ids: Ids,
    seed: u64,
    drawn: u64,
    rate: Rate,
    zones: BTreeMap<String, Zone>,
    changes: BTreeMap<String, ChangeState>,
    /// When the last change is heard of.
    last_heard: Timestamp,
    checks: BTreeMap<String, HealthCheck>,
    /// Counts what may have changed something that is remembered.
    changed: u64,
}

/// A change that was submitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ChangeState {
    at: Timestamp,
    /// From when on all servers answer so.
    heard: Timestamp,
    /// What was said of it.
    #[serde(default)]
    comment: Option<String>,
}

impl Zones {
    /// Without any hosted zone.
    #[must_use]
    pub fn new(settings: ZonesSettings) -> Self {
        Self {
            ids: Ids::new(settings.seed),
            seed: settings.seed,
            drawn: 0,
            rate: Rate::steady(settings.a_second, settings.pace),
            settings,
            zones: BTreeMap::new(),
            changes: BTreeMap::new(),
            last_heard: Timestamp::default(),
            checks: BTreeMap::new(),
            changed: 0,
        }
    }

    /// Answers a request, of which errors name the id. Every error is an answer too.
    pub fn handle(&mut self, request: &RestRequest, id: &str, now: Timestamp) -> RestAnswer {
        if request.method != "GET" {
            self.changed += 1;
        }
        let result = if self.rate.take(now) {
            self.dispatch(request, now)
        } else {
            Err(Refusal::throttled())
        };
        result.unwrap_or_else(|refusal| RestAnswer::refusal(&refusal, id))
    }
}
