//! EventBridge Scheduler: schedules that fire, as a state machine.
//!
//! Its clock goes at the cloud's pace: a schedule's time begins with its creation, or its last change, and passes as many
//! times faster than real time as everything of AWS's does here. At pace 20 a nightly schedule fires every 72 minutes, and
//! one that is to fire in ten minutes after 30 seconds.
//!
//! - `expression`, `cron`: when a schedule fires; `target`: what it does then; `operations`: what clients ask for

mod cron;
mod expression;
mod operations;
mod remember;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Account;
use super::functions::Functions;
use super::pipelines::Pipelines;
use crate::model::Timestamp;
use expression::Expression;
use target::Target;

/// Further attempts to reach a target, and how old the event may be then, unless told otherwise. They are the most there can be.
const RETRIES: u32 = 185;
const MAXIMUM_AGE: Duration = Duration::from_secs(86_400);
/// From the first failure to the next attempt; it doubles each time, up to an hour. AWS says only that it backs off.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Schedules of one account, all in the group `default`.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    schedules: BTreeMap<String, Schedule>,
}

/// A schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Schedule {
    /// The fields of its definition, as they were given.
    given: Map<String, Value>,
    expression: Expression,
    #[serde(with = "jiff::fmt::serde::tz::required")]
    zone: TimeZone,
    is_enabled: bool,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// How long after its time it may fire.
    window: Duration,
    target: Target,
    retries: u32,
    maximum_age: Duration,
    deletes_itself: bool,
    client_token: Option<String>,
    created: Timestamp,
    modified: Timestamp,
    /// When it fires next: by its own clock, and really.
    next: Option<(Timestamp, Timestamp)>,
    /// What has fired and has not reached its target.
    deliveries: Vec<Delivery>,
}

/// One event on its way to a target.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Delivery {
    execution_id: String,
    scheduled: Timestamp,
    fired: Timestamp,
    attempts: u32,
    due: Timestamp,
}

impl Schedule {
    /// By the schedule's own clock, at a real moment.
    fn told(&self, now: Timestamp, account: &Account) -> Timestamp {
        self.modified + account.timing.told(now.since(self.modified))
    }

    /// When the schedule's own clock shows a moment.
    fn real(&self, told: Timestamp, account: &Account) -> Timestamp {
        self.modified + account.timing.scale(told.since(self.modified))
    }

    /// Sends its event for the time that was told.
    fn fire(&mut self, told: Timestamp, now: Timestamp, account: &mut Account) {
        self.deliveries.push(Delivery {
            execution_id: account.ids.uuid("schedule"),
            scheduled: told,
            fired: now,
            attempts: 0,
            due: now,
        });
    }

    /// Finds its first time. A rate without a beginning fires at once (source: "Schedule types in EventBridge Scheduler").
    fn begin(&mut self, account: &mut Account) {
        let at_once = self.start.is_none() && self.expression.is_rate();
        let moment = self.modified.as_millis() - i64::from(at_once);
        self.plan(Timestamp::from_millis(moment), account);
    }

    /// Finds its next time after one by its own clock.
    fn plan(&mut self, after: Timestamp, account: &mut Account) {
        self.next = None;
        if !self.is_enabled {
            return;
        }
        // One that fires once passes both over (source: `StartDate` and `EndDate` of `CreateSchedule`).
        let bound = |at: Option<Timestamp>| at.filter(|_| !self.expression.is_once());
        let begin = bound(self.start).unwrap_or(self.modified);
        // The beginning itself may be a time.
        let after = after.max(Timestamp::from_millis(begin.as_millis() - 1));
        let Some(told) = self.expression.next(begin, after, &self.zone) else {
            return;
        };
        if bound(self.end).is_some_and(|end| told > end) {
            return;
        }
        let late = delay(self.window, account);
        self.next = Some((told, self.real(told + late, account)));
    }

    /// Goes on after a time in which nobody turned its clock.
    fn wake(&mut self, account: &mut Account, now: Timestamp) {
        for delivery in &mut self.deliveries {
            delivery.due = delivery.due.max(now);
            // Nobody could have delivered it meanwhile.
            delivery.fired = delivery.fired.max(now);
        }
        if let Some((told, due)) = self.next
            && due < now
        {
            // However often it should have fired meanwhile.
            self.fire(told, now, account);
            self.plan(self.told(now, account), account);
        }
    }

    /// Whether nothing will ever come of it any more.
    fn is_complete(&self) -> bool {
        self.is_enabled && self.next.is_none() && self.deliveries.is_empty()
    }

    fn due(&self) -> Option<Timestamp> {
        let deliveries = self.deliveries.iter().map(|delivery| delivery.due);
        deliveries.chain(self.next.map(|(_, due)| due)).min()
    }
}

/// Some moment of a window.
fn delay(window: Duration, account: &mut Account) -> Duration {
    if window.is_zero() {
        return Duration::ZERO;
    }
    // Five digits are fine enough for a window of a day.
    let drawn: f64 = account
        .ids
        .text("window", crate::local::ids::DIGITS, 5)
        .parse()
        .unwrap_or(0.0);
    window.mul_f64(drawn / 100_000.0)
}

impl Schedules {
    /// Goes on after a time in which nobody turned the clock.
    pub(super) fn wake(&mut self, account: &mut Account, now: Timestamp) {
        for schedule in self.schedules.values_mut() {
            schedule.wake(account, now);
        }
    }

    /// Does what is due by `now`.
    pub(super) fn tick(
        &mut self,
        pipelines: &mut Pipelines,
        functions: &mut Functions,
        account: &mut Account,
        now: Timestamp,
    ) {
        let mut complete = Vec::new();
        for (name, schedule) in &mut self.schedules {
            if let Some((told, due)) = schedule.next
                && due <= now
            {
                schedule.fire(told, now, account);
                schedule.plan(told, account);
            }
            let deliveries = std::mem::take(&mut schedule.deliveries);
            for mut delivery in deliveries {
                if delivery.due > now {
                    schedule.deliveries.push(delivery);
                    continue;
                }
                delivery.attempts += 1;
                let reached = target::deliver(schedule, &delivery, pipelines, functions, account, now);
                let Err(why) = reached else { continue };
                let age = account.timing.told(now.since(delivery.fired));
                if delivery.attempts > schedule.retries || age > schedule.maximum_age {
                    tracing::warn!(
                        schedule = name,
                        attempts = delivery.attempts,
                        why = why.message,
                        "an event is given up"
                    );
                    continue;
                }
                let doublings = (delivery.attempts - 1).min(10);
                let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
                delivery.due = now + account.timing.scale(pause).max(Duration::from_millis(1));
                schedule.deliveries.push(delivery);
            }
            if schedule.deletes_itself && schedule.is_complete() {
                complete.push(name.clone());
            }
        }
        for name in complete {
            self.schedules.remove(&name);
        }
    }

    /// The next moment when something is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.schedules.values().filter_map(Schedule::due).min()
    }
}
