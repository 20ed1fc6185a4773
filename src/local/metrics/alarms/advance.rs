//! When which alarm is evaluated.
//!
//! Metric alarms are at the end of every minute (of AWS's time), with what load balancers have told by then. A new one is
//! `INSUFFICIENT_DATA` until then, and what `SetAlarmState` says holds until then. Composite alarms are when an alarm of their
//! rule changes, and when they are put; what `SetAlarmState` says of them holds until then (source: `SetAlarmState`).

use std::collections::{BTreeMap, BTreeSet};

use super::Alarms;
use super::alarm::{Alarm, Kind};
use super::evaluation;
use super::reason::{self, Because};
use super::rule::Rule;
use super::words::StateValue;
use crate::local::metrics::measurements::Measurements;
use crate::model::Timestamp;

/// Minutes that are gone through at most. Measurements of more than a day are not kept, so that all before looks the same.
const MOST_MINUTES: i64 = 2 * 24 * 60;

impl Alarms {
    /// Goes through the minutes that have ended since the last time.
    pub(super) fn advance(&mut self, measurements: &Measurements, now: Timestamp) {
        let (minute, told) = (measurements.minute(), measurements.told(now));
        let earliest = Timestamp::from_millis(told.as_millis().saturating_sub(minute.saturating_mul(MOST_MINUTES)));
        let recalled = self.recalled.map(|recalled| measurements.told(recalled));
        let last = self.evaluated.or(recalled);
        let mut at = last.map_or(told, |last| last.max(earliest));
        if self.alarms.is_empty() {
            at = told;
        }
        while at < told {
            at = Timestamp::from_millis(at.as_millis() + minute);
            self.end_minute(measurements, at);
        }
        self.evaluated = Some(at);
    }

    fn end_minute(&mut self, measurements: &Measurements, at: Timestamp) {
        let mut changed = BTreeMap::new();
        for (name, alarm) in &mut self.alarms {
            let Kind::Metric(definition) = &alarm.kind else {
                continue;
            };
            let points = evaluation::points(definition, measurements, self.recalled, at);
            if let Some(finding) = evaluation::evaluate(definition, &points, alarm.state.value, at) {
                changed.insert(name.clone(), finding.value);
                alarm.state.set(finding, at);
            }
        }
        if !changed.is_empty() {
            self.changes += 1;
            self.follow(changed, at);
        }
    }

    /// Evaluates the composite alarms that mention what has changed, and those that mention them.
    pub(super) fn follow(&mut self, mut changed: BTreeMap<String, StateValue>, at: Timestamp) {
        // Alarms of a rule come before the rule, so that each is evaluated once, with what holds in the end.
        for name in self.in_order() {
            let child = self.rule(&name).and_then(|rule| {
                let mentioned = rule.mentioned().into_iter().map(|alarm| self.name_of(alarm));
                let child = mentioned.into_iter().find(|alarm| changed.contains_key(*alarm));
                child.map(str::to_owned)
            });
            if let Some(child) = child
                && let Some(state) = changed.get(&child).copied()
            {
                let arn = self.arn(&child);
                let because = Because::Child { arn: &arn, state };
                if let Some(value) = self.evaluate_rule(&name, &because, at) {
                    changed.insert(name, value);
                }
            }
        }
    }

    /// Evaluates a composite alarm that was put, and those that could not be `before` because of a cycle that it has broken: nothing
    /// that their rules mention may change for long.
    pub(super) fn evaluate_put(&mut self, name: &str, is_new: bool, before: &BTreeSet<String>, at: Timestamp) {
        let mut changed = BTreeMap::new();
        for other in self.in_order() {
            let is_put = other == name;
            if !is_put && before.contains(&other) {
                continue;
            }
            let arn = self.arn(&other);
            let because = Because::Configured {
                arn: &arn,
                is_new: is_put && is_new,
            };
            if let Some(value) = self.evaluate_rule(&other, &because, at) {
                changed.insert(other, value);
            }
        }
        if !changed.is_empty() {
            self.follow(changed, at);
        }
    }

    /// The new state of a composite alarm, if it is another one.
    fn evaluate_rule(&mut self, name: &str, because: &Because<'_>, at: Timestamp) -> Option<StateValue> {
        let state = |mentioned: &str| {
            let alarm = self.alarms.get(self.name_of(mentioned))?;
            Some(alarm.state.value)
        };
        let value = if self.rule(name)?.holds(&state) {
            StateValue::Alarm
        } else {
            StateValue::Ok
        };
        let alarm = self.alarms.get_mut(name)?;
        if alarm.state.value == value {
            return None;
        }
        alarm.state.set(reason::of_rule(value, because, at), at);
        self.changes += 1;
        Some(value)
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        match &self.alarms.get(name)?.kind {
            Kind::Composite(rule) => Some(rule),
            Kind::Metric(_) => None,
        }
    }

    /// The composite alarms that a rule mentions.
    fn composites_of<'a>(&'a self, alarm: &'a Alarm) -> impl Iterator<Item = &'a Alarm> {
        let rule = match &alarm.kind {
            Kind::Composite(rule) => Some(rule),
            Kind::Metric(_) => None,
        };
        let mentioned = rule.into_iter().flat_map(Rule::mentioned);
        let alarms = mentioned.filter_map(|mentioned| self.alarms.get(self.name_of(mentioned)));
        alarms.filter(|alarm| matches!(alarm.kind, Kind::Composite(_)))
    }

    /// The composite alarms, each after those that its rule mentions. Those of a cycle are left out: they are not evaluated
    /// (source: `PutCompositeAlarm`).
    pub(super) fn in_order(&self) -> Vec<String> {
        let composites = self.alarms.values();
        let mut waiting: Vec<&Alarm> = composites
            .filter(|alarm| matches!(alarm.kind, Kind::Composite(_)) && !self.mentions_itself(alarm))
            .collect();
        let mut order: Vec<String> = Vec::new();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        while !waiting.is_empty() {
            let names: BTreeSet<&str> = waiting.iter().map(|alarm| alarm.name.as_str()).collect();
            let (ready, rest): (Vec<&Alarm>, Vec<&Alarm>) = waiting.iter().partition(|alarm| {
                self.composites_of(alarm)
                    .all(|child| placed.contains(child.name.as_str()) || !names.contains(child.name.as_str()))
            });
            placed.extend(ready.iter().map(|alarm| alarm.name.as_str()));
            order.extend(ready.iter().map(|alarm| alarm.name.clone()));
            waiting = rest;
        }
        order
    }

    /// Whether a rule leads back to its own alarm.
    fn mentions_itself(&self, alarm: &Alarm) -> bool {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![alarm];
        while let Some(next) = ahead.pop() {
            for child in self.composites_of(next) {
                if child.name == alarm.name {
                    return true;
                }
                if seen.insert(child.name.as_str()) {
                    ahead.push(child);
                }
            }
        }
        false
    }
}
