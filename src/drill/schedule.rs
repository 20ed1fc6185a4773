//! The schedule of EventBridge that runs drills: by the function on AWS Lambda.
//!
//! Source: API reference of EventBridge Scheduler, `CreateSchedule`. The scheduler does not try an invocation again that Lambda did
//! not take. Lambda tries one that it took, and that failed, twice more (the function's own setting). After that the next drill
//! comes by itself, and whoever watches `cutover drill history` hears of one that is missing.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::Share;
use crate::model::text::hex;
use crate::release::{DrillKind, Slot};

/// The longest name of a schedule.
const LONGEST: usize = 64;

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
    json!({
        "Name": name(slot, kind),
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

/// Its name: made of what names of schedules may hold, and another one for each slot and kind.
fn name(slot: &Slot, kind: DrillKind) -> String {
    let whole = format!("cutover-drill-{}-{}-{kind}", slot.application, slot.name);
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = whole.chars().map(fit).collect();
    if name == whole && name.len() <= LONGEST {
        return name;
    }
    // What was cut off or replaced is told apart all the same.
    let digest = hex(&Sha256::digest(whole)[..4]);
    let kept = name.get(..LONGEST - 1 - digest.len()).unwrap_or(&name);
    format!("{kept}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_what_the_scheduler_takes() {
        let slot = Slot {
            application: "my-shop".into(),
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
        let names: std::collections::BTreeSet<String> = ["my shop", "my.shop", &"long".repeat(25), &"long".repeat(24)]
            .into_iter()
            .flat_map(|application| {
                let slot = Slot {
                    application: application.into(),
                    name: "production".into(),
                };
                [DrillKind::BadGreen, DrillKind::Crash].map(|kind| name(&slot, kind))
            })
            .collect();
        assert_eq!(names.len(), 8, "{names:?}");
        let fits =
            |name: &String| name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        assert!(names.iter().all(fits), "{names:?}");
        assert_eq!(made["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
        let input: Value = serde_json::from_str(made["Target"]["Input"].as_str().unwrap()).unwrap();
        assert_eq!(
            input,
            json!({ "cutover": { "drill": { "kind": "bad-green", "config": "s3://state/cutover.toml", "max_share": "5%" } } })
        );
    }
}
