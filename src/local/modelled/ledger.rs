//! What became of the users' requests.

use super::time::Stretch;
use crate::model::{EnvironmentId, Timestamp, VersionLabel};

/// What became of the users that met one deployment of a version in one environment.
///
/// Amounts are exact expectations, not rounded: what is zero never happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerRow {
    /// The environment; `None` for users whose name led nowhere.
    pub environment: Option<EnvironmentId>,
    /// The version that it ran, or was to run.
    pub version: Option<VersionLabel>,
    /// The deployment's number in its environment.
    pub deployment: u64,
    /// When the deployment began.
    pub deployed_at: Timestamp,
    /// The users' requests, failed ones among them.
    pub requests: f64,
    /// Requests that failed, by the reason.
    pub failed: Failures,
    /// When users were there first and last, up to the moment that was asked about.
    pub met_users: Option<(Timestamp, Timestamp)>,
}

/// Requests that failed, by the reason. Each request has one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    /// The version answered with 5xx, or its instances had died.
    pub by_version: Loss,
    /// The environment failed by itself, whatever it ran.
    pub by_environment: Loss,
    /// The environment was there, and no instance had come to serve in it.
    pub nothing_in_service: Loss,
    /// The environment had been removed.
    pub environment_gone: Loss,
    /// The name led nowhere.
    pub name_led_nowhere: Loss,
}

/// Requests that were lost for one reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// How many.
    pub requests: f64,
    /// When the first and the last were, to the stretch of time in which nothing changed course.
    pub between: Option<(Timestamp, Timestamp)>,
}

impl Loss {
    /// Adds requests of a stretch.
    pub(super) fn add(&mut self, requests: f64, stretch: &Stretch) {
        if requests > 0.0 {
            self.requests += requests;
            widen(&mut self.between, stretch);
        }
    }
}

impl Failures {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.by_version.requests + self.by_environment.requests + self.lost_by_moving()
    }

    /// Requests that nobody could have answered where their name led them: lost by whoever moved the name or removed the
    /// environment, and not by a version.
    #[must_use]
    pub fn lost_by_moving(&self) -> f64 {
        self.nothing_in_service.requests + self.environment_gone.requests + self.name_led_nowhere.requests
    }
}

impl LedgerRow {
    /// Notes that users were there.
    pub(super) fn meet(&mut self, requests: f64, stretch: &Stretch) {
        if requests > 0.0 {
            self.requests += requests;
            widen(&mut self.met_users, stretch);
        }
    }
}

/// All rows. A row never moves.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    rows: Vec<LedgerRow>,
    nowhere: LedgerRow,
}

impl Ledger {
    pub(super) fn open(&mut self, row: LedgerRow) -> usize {
        self.rows.push(row);
        self.rows.len() - 1
    }

    pub(super) fn row(&mut self, place: usize) -> &mut LedgerRow {
        // Places come from `open` only.
        self.rows.get_mut(place).unwrap_or(&mut self.nowhere)
    }

    pub(super) fn lose_nowhere(&mut self, requests: f64, stretch: &Stretch) {
        self.nowhere.meet(requests, stretch);
        self.nowhere.failed.name_led_nowhere.add(requests, stretch);
    }

    pub(super) fn rows(&self) -> Vec<LedgerRow> {
        let nowhere = (self.nowhere.requests > 0.0).then_some(&self.nowhere);
        self.rows.iter().chain(nowhere).cloned().collect()
    }
}

fn widen(between: &mut Option<(Timestamp, Timestamp)>, stretch: &Stretch) {
    let from = between.map_or(Timestamp::from_millis(stretch.from), |(from, _)| from);
    *between = Some((from, Timestamp::from_millis(stretch.until)));
}
