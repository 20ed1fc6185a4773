//! CloudWatch, as far as it tells of load balancers: `GetMetricData` and `ListMetrics` in the namespace
//! `AWS/ApplicationELB`, and alarms.
//!
//! No I/O and no clock: the account notes what was seen in each health window, and what is asked is reckoned from that.
//!
//! - `measurements`: what was noted, and the points that it makes
//! - `operations`: `GetMetricData`; `listing`: `ListMetrics`
//! - `alarms`: metric and composite alarms
//! - `faults`: refusals in CloudWatch's words

mod alarms;
mod document;
mod faults;
mod listing;
mod measurements;
mod operations;
mod series;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::balancers::{LoadBalancerArn, TargetGroupArn};
use super::fault::Fault;
use super::memory::{Kept, Notes, NotesError};
use super::plane::EnvironmentSample;
use super::shapes;
use crate::model::{RequestCounts, Timestamp};
use alarms::Alarms;
use measurements::Measurements;

pub use document::Document;

/// CloudWatch of one account.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    measurements: Measurements,
    alarms: Alarms,
}

impl Metrics {
    /// Nothing measured yet, and no alarms. `minute` is as long as one is at the cloud's pace.
    pub(crate) fn new(minute: Duration, region: &str, account_id: &str) -> Self {
        Self {
            measurements: Measurements::new(minute),
            alarms: Alarms::new(region, account_id),
        }
    }

    /// Notes what was seen of a target group in a window that has just been closed.
    pub(crate) fn note(
        &mut self,
        load_balancer: &LoadBalancerArn,
        target_group: &TargetGroupArn,
        sample: &EnvironmentSample,
        now: Timestamp,
    ) {
        self.measurements.note(load_balancer, target_group, sample, now);
    }

    /// Notes what a load balancer answered itself in such a window, for no target group that is told of.
    pub(crate) fn note_own(&mut self, load_balancer: &LoadBalancerArn, own: &RequestCounts, now: Timestamp) {
        self.measurements.note_own(load_balancer, own, now);
    }

    /// Carries out an operation.
    pub(crate) fn handle(&mut self, operation: &str, input: &Document, now: Timestamp) -> Result<Document, Fault> {
        shapes::check_document(operation, input)?;
        match operation {
            "GetMetricData" => self.measurements.get_metric_data(input, now),
            "ListMetrics" => self.measurements.list_metrics(input),
            other => self.alarms.handle(other, input, &self.measurements, now),
        }
    }

    /// Grows whenever something may have changed that is remembered.
    pub(in crate::local) fn changes(&self) -> u64 {
        self.alarms.changes()
    }

    /// Writes down all that is to be kept: the alarms. Measurements are not.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        self.alarms.remember(notes);
    }

    /// Goes on with what was kept.
    pub(in crate::local) fn recall(&mut self, kept: &Kept, now: Timestamp) -> Result<(), NotesError> {
        self.alarms.recall(kept, now)
    }
}
