//! The schedule of EventBridge that runs drills: by the function on AWS Lambda.
//!
//! Source: API reference of EventBridge Scheduler, `CreateSchedule`. A drill that could not begin is not tried again: the next
//! one comes by itself, and whoever watches `cutover drill history` hears of one that is missing.

use serde_json::{Value, json};

use crate::model::Share;
use crate::release::{DrillKind, Slot};

/// When drills run, and by what.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// `rate(…)` or `cron(…)`.
    pub expression: String,
    /// ARN of the function.
    pub function: String,
    /// ARN of the role by which the scheduler invokes it.
    pub role: String,
    /// Where the function finds the settings: `s3://BUCKET/KEY`.
    pub config: String,
}

/// What `aws scheduler create-schedule --cli-input-json` takes.
#[must_use]
pub fn schedule(slot: &Slot, kind: DrillKind, max_share: Option<Share>, schedule: &Schedule) -> Value {
    let mut drill = json!({ "kind": kind, "config": schedule.config });
    if let Some(share) = max_share {
        drill["max_share"] = json!(share);
    }
    // Unique, and made of what names of schedules may hold.
    let name: String = format!("cutover-drill-{}-{}-{kind}", slot.application, slot.name)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    json!({
        "Name": name,
        "Description": format!("cutover: a drill ({kind}) of {slot}"),
        "ScheduleExpression": schedule.expression,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": {
            "Arn": schedule.function,
            "RoleArn": schedule.role,
            "Input": json!({ "cutover": { "drill": drill } }).to_string(),
            "RetryPolicy": { "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60 },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_what_the_scheduler_takes() {
        let slot = Slot {
            application: "my shop".into(),
            name: "production".into(),
        };
        let wanted = Schedule {
            expression: "rate(7 days)".to_owned(),
            function: "arn:aws:lambda:eu-central-1:123456789012:function:release".to_owned(),
            role: "arn:aws:iam::123456789012:role/drills".to_owned(),
            config: "s3://state/cutover.toml".to_owned(),
        };
        let made = schedule(&slot, DrillKind::BadGreen, Some(Share::percent(5)), &wanted);
        assert_eq!(made["Name"], "cutover-drill-my-shop-production-bad-green");
        assert_eq!(made["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
        let input: Value = serde_json::from_str(made["Target"]["Input"].as_str().unwrap()).unwrap();
        assert_eq!(
            input,
            json!({ "cutover": { "drill": { "kind": "bad-green", "config": "s3://state/cutover.toml", "max_share": "5%" } } })
        );
    }
}
