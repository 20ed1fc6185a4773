//! Alarms: what is in a state because of measurements (metric alarms), and because of other alarms (composite alarms).
//!
//! Nothing is evaluated by itself. Before each call the minutes that have ended since the last one are gone through
//! ([`advance`]), so that what is told, and since when, is what an evaluation at the end of each minute would have made of it.
//!
//! - `alarm`, `words`: what an alarm is
//! - `definition`: what a metric alarm watches; `rule`: what a composite alarm does
//! - `evaluation`: from points to a state; `reason`: why, in CloudWatch's words
//! - `advance`: when which alarm is evaluated
//! - `operations`, `describe`: calls; `remember`: what is kept
//!
//! Left out: actions are kept and never carried out; metric math, anomaly detection, PromQL and log alarms, windows by the wall
//! clock, warm-up, suppression of actions, tags, and the history of alarms.

mod advance;
mod alarm;
mod definition;
mod describe;
mod evaluation;
mod operations;
mod reason;
mod remember;
mod rule;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use super::Document;
use super::faults::not_implemented;
use super::measurements::Measurements;
use crate::local::fault::Fault;
use crate::model::Timestamp;
use alarm::Alarm;

/// The alarms of one account.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    /// What the ARNs of its alarms begin with.
    arns: String,
    /// By name, which is unique among alarms of all types.
    alarms: BTreeMap<String, Alarm>,
    /// The end of the last minute that was gone through; `None` before the first call.
    evaluated: Option<Timestamp>,
    /// When alarms were recalled, if they were: what was measured before is not known any more.
    recalled: Option<Timestamp>,
    /// Counts what may have changed something that is remembered.
    changes: u64,
}

impl Alarms {
    /// None yet.
    pub(super) fn new(region: &str, account_id: &str) -> Self {
        Self {
            arns: format!("arn:aws:cloudwatch:{region}:{account_id}:alarm:"),
            alarms: BTreeMap::new(),
            evaluated: None,
            recalled: None,
            changes: 0,
        }
    }

    /// Carries out an operation.
    pub(super) fn handle(
        &mut self,
        operation: &str,
        input: &Document,
        measurements: &Measurements,
        now: Timestamp,
    ) -> Result<Document, Fault> {
        self.advance(measurements, now);
        let done = match operation {
            "DescribeAlarms" => return self.describe(input),
            "PutMetricAlarm" => self.put_metric_alarm(input, now),
            "PutCompositeAlarm" => self.put_composite_alarm(input, now),
            "SetAlarmState" => self.set_state(input, now),
            "DeleteAlarms" => self.delete(input),
            "EnableAlarmActions" | "DisableAlarmActions" => {
                self.enable_actions(input, operation == "EnableAlarmActions");
                Ok(())
            }
            other => Err(not_implemented(&format!("{other} of CloudWatch"))),
        };
        done.map(|()| Document::Map(Vec::new()))
    }

    /// Grows whenever something may have changed that is remembered.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn arn(&self, name: &str) -> String {
        format!("{}{name}", self.arns)
    }

    /// The name of an alarm that a rule mentions, by its name or by its ARN.
    fn name_of<'a>(&self, mentioned: &'a str) -> &'a str {
        mentioned.strip_prefix(self.arns.as_str()).unwrap_or(mentioned)
    }
}
