//! CloudWatch.

use super::super::asked::{Asked, Place};
use crate::local::metrics::Document;

pub(super) fn asked(operation: &str, input: &Document, place: &Place) -> Vec<Asked> {
    let action = format!("cloudwatch:{operation}");
    let alarm = |name: &str| place.arn("cloudwatch", &format!("alarm:{name}"));
    let named = |list: &str| -> Vec<Asked> {
        let names = input.texts_of(list);
        names.map(|name| Asked::of(action.clone(), alarm(name))).collect()
    };
    match operation {
        "DescribeAlarms" => {
            // Of composite alarms nobody is told whose permission is narrower (source: `DescribeAlarms`).
            if input.texts_of("AlarmTypes").any(|kind| kind == "CompositeAlarm") {
                return vec![Asked::of(action, "*")];
            }
            match named("AlarmNames") {
                names if names.is_empty() => vec![Asked::of(action, alarm("*"))],
                names => names,
            }
        }
        "DeleteAlarms" | "EnableAlarmActions" | "DisableAlarmActions" => named("AlarmNames"),
        "PutMetricAlarm" | "PutCompositeAlarm" | "SetAlarmState" => {
            let name = alarm(input.text_of("AlarmName").unwrap_or("*"));
            let tags = !input.list_of("Tags").is_empty();
            let tagged = tags.then(|| Asked::of("cloudwatch:TagResource", name.clone()));
            // Whoever makes composite alarms must be allowed to with all of them (source: `PutCompositeAlarm`).
            let own = if operation == "PutCompositeAlarm" {
                "*".to_owned()
            } else {
                name
            };
            std::iter::once(Asked::of(action, own)).chain(tagged).collect()
        }
        // What measures knows no resource.
        _ => vec![Asked::of(action, "*")],
    }
}
