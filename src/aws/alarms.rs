//! Alarms of CloudWatch: what state they are in.

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use aws_smithy_types::DateTime;

use super::error::read;
use super::time::timestamp;
use super::{Aws, CallError};
use crate::release::AlarmSeen;

/// Longest text that is kept of why an alarm is on: the service writes up to 1,023 characters (`StateReason`).
const REASON: usize = 200;

impl Aws {
    /// Alarms by their names, composite ones too, in that order; their moments are by the service's clock. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said. One that is not there is told among them.
    pub async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmSeen>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let answer = self
                .cloudwatch
                .describe_alarms()
                .set_alarm_names(Some(names.to_vec()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| read("DescribeAlarms", error))?;
            for alarm in answer.metric_alarms() {
                found.push(seen(
                    alarm.alarm_name(),
                    alarm.state_value(),
                    alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
                    alarm.state_reason(),
                ));
            }
            for alarm in answer.composite_alarms() {
                found.push(seen(
                    alarm.alarm_name(),
                    alarm.state_value(),
                    alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
                    alarm.state_reason(),
                ));
            }
            token = answer.next_token;
            if token.as_deref().is_none_or(str::is_empty) {
                break;
            }
        }
        let told = |name: &String| {
            let it = found.iter().flatten().find(|alarm| alarm.name == *name);
            it.cloned().unwrap_or_else(|| AlarmSeen {
                name: name.clone(),
                on: None,
                since: None,
                reason: String::new(),
            })
        };
        Ok(names.iter().map(told).collect())
    }
}

fn seen(
    name: Option<&str>,
    state: Option<&StateValue>,
    since: Option<&DateTime>,
    reason: Option<&str>,
) -> Option<AlarmSeen> {
    Some(AlarmSeen {
        name: name?.to_owned(),
        // Without enough data it says nothing against anybody.
        on: Some(*state? == StateValue::Alarm),
        since: since.map(timestamp),
        reason: reason.unwrap_or_default().chars().take(REASON).collect(),
    })
}
