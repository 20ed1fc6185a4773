//! Calls that make, set and delete alarms.

use std::collections::{BTreeMap, BTreeSet};

use super::Alarms;
use super::alarm::{Actions, Alarm, Finding, Kind, State};
use super::definition::Definition;
use super::rule::{Rule, Unfit};
use super::words::StateValue;
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::metrics::faults::{bad_format, missing, not_found, not_implemented, validation};
use crate::model::Timestamp;

/// Alarms of one account in one region (source: quotas of CloudWatch).
const MOST: usize = 5_000;

impl Alarms {
    /// `PutMetricAlarm`.
    pub(super) fn put_metric_alarm(&mut self, input: &Document, now: Timestamp) -> Result<(), Fault> {
        let definition = Definition::read(input)?;
        self.put(input, Kind::Metric(definition), now)?;
        Ok(())
    }

    /// `PutCompositeAlarm`. What it mentions must be there.
    pub(super) fn put_composite_alarm(&mut self, input: &Document, now: Timestamp) -> Result<(), Fault> {
        for name in ["ActionsSuppressor", "ActionConfiguration"] {
            if input.field(name).is_some() {
                return Err(not_implemented(&format!("{name} of composite alarms")));
            }
        }
        let text = input.text_of("AlarmRule").ok_or_else(|| missing("AlarmRule"))?;
        let rule = Rule::parse(text).map_err(|unfit| match unfit {
            Unfit::Wrong(why) => validation(format!("The alarm rule cannot be read: {why}")),
            Unfit::NotHere(what) => not_implemented(what),
        })?;
        let mentioned = rule.mentioned().into_iter();
        let unknown: Vec<&str> = mentioned
            .filter(|mentioned| !self.alarms.contains_key(self.name_of(mentioned)))
            .collect();
        if !unknown.is_empty() {
            return Err(validation(format!(
                "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
                unknown.join(", ")
            )));
        }
        let before: BTreeSet<String> = self.in_order().into_iter().collect();
        let (name, is_new) = self.put(input, Kind::Composite(rule), now)?;
        self.evaluate_put(&name, is_new, &before, now);
        Ok(())
    }

    /// Makes an alarm, or replaces all of it but its state. Tells its name and whether it is new.
    fn put(&mut self, input: &Document, kind: Kind, now: Timestamp) -> Result<(String, bool), Fault> {
        let name = input.text_of("AlarmName").ok_or_else(|| missing("AlarmName"))?;
        if name.chars().any(|letter| letter.is_ascii_control()) {
            return Err(validation("AlarmName must not contain ASCII control characters"));
        }
        let before = self.alarms.get(name);
        if before.is_some_and(|before| std::mem::discriminant(&before.kind) != std::mem::discriminant(&kind)) {
            return Err(validation(format!(
                "There is an alarm of another type with the name {name}"
            )));
        }
        if before.is_none() && self.alarms.len() >= MOST {
            return Err(Fault {
                status: 400,
                code: "LimitExceeded",
                message: format!("There are {MOST} alarms already."),
            });
        }
        let texts = |list: &str| input.texts_of(list).map(str::to_owned).collect();
        let alarm = Alarm {
            name: name.to_owned(),
            description: input.text_of("AlarmDescription").map(str::to_owned),
            actions: Actions {
                enabled: input.bool_of("ActionsEnabled").unwrap_or(true),
                ok: texts("OKActions"),
                alarm: texts("AlarmActions"),
                insufficient_data: texts("InsufficientDataActions"),
            },
            configured_at: now,
            state: before.map_or_else(|| State::new(now), |before| before.state.clone()),
            kind,
        };
        self.changes += 1;
        let is_new = self.alarms.insert(name.to_owned(), alarm).is_none();
        Ok((name.to_owned(), is_new))
    }

    /// `SetAlarmState`. It holds until the next evaluation.
    pub(super) fn set_state(&mut self, input: &Document, now: Timestamp) -> Result<(), Fault> {
        let name = input.text_of("AlarmName").ok_or_else(|| missing("AlarmName"))?;
        let word = input.text_of("StateValue").ok_or_else(|| missing("StateValue"))?;
        let value = StateValue::parse(word).ok_or_else(|| validation(format!("{word} is no state of alarms")))?;
        let reason = input.text_of("StateReason").ok_or_else(|| missing("StateReason"))?;
        let data = input.text_of("StateReasonData");
        if let Some(data) = data
            && serde_json::from_str::<serde_json::Value>(data).is_err()
        {
            return Err(bad_format("StateReasonData is not JSON"));
        }
        let alarm = self
            .alarms
            .get_mut(name)
            .ok_or_else(|| not_found(format!("There is no alarm {name}")))?;
        let finding = Finding {
            value,
            reason: reason.to_owned(),
            reason_data: data.map(str::to_owned),
        };
        self.changes += 1;
        if alarm.state.set(finding, now) {
            self.follow(BTreeMap::from([(name.to_owned(), value)]), now);
        }
        Ok(())
    }

    /// `DeleteAlarms`. Names of alarms that are not there are passed over.
    pub(super) fn delete(&mut self, input: &Document) -> Result<(), Fault> {
        let names: BTreeSet<&str> = input
            .texts_of("AlarmNames")
            .filter(|name| self.alarms.contains_key(*name))
            .collect();
        let is_composite = |name: &&&str| {
            let alarm = self.alarms.get(**name);
            alarm.is_some_and(|alarm| matches!(alarm.kind, Kind::Composite(_)))
        };
        if names.iter().filter(is_composite).count() > 1 {
            return Err(validation("Only one composite alarm can be deleted at once"));
        }
        let staying = self.alarms.iter().filter(|(name, _)| !names.contains(name.as_str()));
        let mut needed = BTreeSet::new();
        for (_, alarm) in staying {
            if let Kind::Composite(rule) = &alarm.kind {
                needed.extend(rule.mentioned().into_iter().map(|mentioned| self.name_of(mentioned)));
            }
        }
        let kept: Vec<&str> = names.intersection(&needed).copied().collect();
        if !kept.is_empty() {
            let noun = if kept.len() == 1 { "it" } else { "them" };
            return Err(validation(format!(
                "Cannot delete {} as there are composite alarm(s) depending on {noun}.",
                kept.join(",")
            )));
        }
        for name in names {
            self.alarms.remove(name);
        }
        self.changes += 1;
        Ok(())
    }

    /// `EnableAlarmActions` and `DisableAlarmActions`. Names of alarms that are not there are passed over.
    pub(super) fn enable_actions(&mut self, input: &Document, enabled: bool) {
        for name in input.texts_of("AlarmNames") {
            if let Some(alarm) = self.alarms.get_mut(name) {
                alarm.actions.enabled = enabled;
                self.changes += 1;
            }
        }
    }
}
