//! When a schedule fires: `rate(…)`, `cron(…)` or `at(…)`.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};

use super::cron::Cron;
use crate::model::Timestamp;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Expression {
    /// Again and again, each time so long after the time before.
    Rate(Duration),
    Cron(Cron),
    /// Once.
    At(DateTime),
}

impl Expression {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let inner = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            let (number, unit) = rate.trim().split_once(' ')?;
            let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
            let seconds = match unit.trim() {
                "minute" | "minutes" => 60,
                "hour" | "hours" => 3600,
                "day" | "days" => 24 * 3600,
                _ => return None,
            };
            return Some(Self::Rate(Duration::from_secs(number.checked_mul(seconds)?)));
        }
        if let Some(fields) = inner("cron") {
            return Cron::parse(fields).map(Self::Cron);
        }
        inner("at")?.parse().ok().map(Self::At)
    }

    /// The first moment after another one. Rates count from `start`.
    pub(super) fn next(&self, start: Timestamp, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Rate(rate) => {
                let rate = i64::try_from(rate.as_millis()).ok()?;
                let passed = after.as_millis().checked_sub(start.as_millis())?.div_euclid(rate);
                let next = start
                    .as_millis()
                    .checked_add(passed.checked_add(1)?.checked_mul(rate)?)?;
                Some(Timestamp::from_millis(next))
            }
            Self::Cron(cron) => {
                let mut local = local(after, zone)?;
                loop {
                    local = cron.next(local)?;
                    // An hour that is left out in spring has no such moment, and one that comes twice in autumn has it once.
                    if let Some(found) = moment(local, zone).filter(|found| *found > after) {
                        return Some(found);
                    }
                }
            }
            Self::At(at) => moment(*at, zone).filter(|at| *at > after),
        }
    }

    pub(super) fn is_rate(&self) -> bool {
        matches!(self, Self::Rate(_))
    }

    pub(super) fn is_once(&self) -> bool {
        matches!(self, Self::At(_))
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(zone.to_datetime(at))
}

/// The first moment that a clock of the zone shows it, if there is one.
fn moment(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(local);
    if matches!(found.offset(), AmbiguousOffset::Gap { .. }) {
        return None;
    }
    Some(Timestamp::from_millis(found.earlier().ok()?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        serde_json::from_value(text.into()).unwrap()
    }

    #[track_caller]
    fn next(expression: &str, zone: &str, after: &str) -> Option<String> {
        let expression = Expression::parse(expression).unwrap_or_else(|| panic!("{expression} is not read"));
        let zone = TimeZone::get(zone).unwrap();
        let found = expression.next(at("2026-11-26T04:00:30Z"), at(after), &zone)?;
        Some(found.to_string())
    }

    #[test]
    fn each_kind_has_a_next_time() {
        let found = next("rate(5 minutes)", "UTC", "2026-11-26T04:11:00Z").unwrap();
        assert_eq!(found, "2026-11-26T04:15:30.000Z");
        let found = next("at(2026-12-24T18:00:00)", "Europe/Berlin", "2026-11-26T04:00:30Z").unwrap();
        assert_eq!(found, "2026-12-24T17:00:00.000Z");
        assert_eq!(next("at(2026-11-26T04:00:30)", "UTC", "2026-11-26T04:00:30Z"), None);
        let found = next("cron(0 2 * * ? *)", "America/New_York", "2026-11-26T04:00:30Z").unwrap();
        assert_eq!(found, "2026-11-26T07:00:00.000Z");
    }

    #[test]
    fn clocks_that_are_changed_skip_and_repeat_nothing() {
        // In Berlin, 2:30 is left out on 28 March 2027 and comes twice on 25 October 2026.
        let nightly = "cron(30 2 * * ? *)";
        let found = next(nightly, "Europe/Berlin", "2027-03-27T12:00:00Z").unwrap();
        assert_eq!(found, "2027-03-29T00:30:00.000Z");
        let first = next(nightly, "Europe/Berlin", "2026-10-24T12:00:00Z").unwrap();
        assert_eq!(first, "2026-10-25T00:30:00.000Z");
        let second = next(nightly, "Europe/Berlin", &first).unwrap();
        assert_eq!(second, "2026-10-26T01:30:00.000Z");
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "rate(0 minutes)",
            "rate(5 weeks)",
            "rate(minutes)",
            "cron(1 2 3)",
            "at(tomorrow)",
            "rate(5 minutes",
        ] {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }
}
