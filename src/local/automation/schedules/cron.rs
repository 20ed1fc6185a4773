//! Cron expressions as EventBridge Scheduler reads them: minutes, hours, day of month, month, day of week, year.
//!
//! Crates for cron differ from AWS in what a day of the week is called (Sunday is 1), in the year, in `?`, and in that one of
//! the two days must be `?`; so it is read here.

use jiff::civil::{Date, DateTime, Weekday, date};
use serde::{Deserialize, Serialize};

/// The last year that an expression can name (source: "Schedule types in EventBridge Scheduler").
const LAST_YEAR: i16 = 2199;
const FIRST_YEAR: i16 = 1970;
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

/// Numbers that a field allows, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers(Vec<i16>);

/// Days that it allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Days {
    OfMonth(Numbers),
    /// `L`: the last one.
    Last,
    /// `LW`: the last from Monday to Friday.
    LastWorkday,
    /// `15W`: the day from Monday to Friday that is nearest, in the same month.
    Workday(i16),
    /// Days of the week, Sunday being 1.
    OfWeek(Numbers),
    /// `6L`: the last Friday of the month.
    LastOfWeek(i16),
    /// `6#3`: the third Friday of the month.
    Nth(i16, i16),
}

impl Cron {
    /// Reads the six fields.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return None;
        };
        let days = match (*day, *weekday) {
            ("?", "?") => return None,
            ("?", weekday) => days_of_week(weekday)?,
            (day, "?") => days_of_month(day)?,
            _ => return None,
        };
        Some(Self {
            minutes: Numbers::parse(minutes, 0, 59, &[])?,
            hours: Numbers::parse(hours, 0, 23, &[])?,
            days,
            months: Numbers::parse(month, 1, 12, &MONTHS)?,
            years: Numbers::parse(year, FIRST_YEAR, LAST_YEAR, &[])?,
        })
    }

    /// The first moment that fits after a moment of the same clock; `None` when there is none.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        let mut day = after.date();
        loop {
            if !self.years.holds(day.year()) {
                let year = self.years.after(day.year())?;
                day = date(year, 1, 1);
                continue;
            }
            if self.months.holds(day.month().into()) && self.days.hold(day) {
                let times = self
                    .hours
                    .0
                    .iter()
                    .flat_map(|hour| self.minutes.0.iter().map(move |minute| (*hour, *minute)));
                let found = times
                    .filter_map(|(hour, minute)| {
                        Some(day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0))
                    })
                    .find(|moment| *moment > after);
                if found.is_some() {
                    return found;
                }
            }
            day = day.tomorrow().ok()?;
        }
    }
}

impl Numbers {
    fn parse(text: &str, low: i16, high: i16, names: &[&str]) -> Option<Self> {
        let number = |text: &str| {
            let name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let value = match name {
                Some(place) => i16::try_from(place).ok()? + low,
                None => text.parse().ok()?,
            };
            (low..=high).contains(&value).then_some(value)
        };
        let mut allowed = Vec::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<i16>().ok().filter(|step| *step > 0)?)),
                None => (part, None),
            };
            let (from, to) = match (range, range.split_once('-')) {
                ("*", _) => (low, high),
                (_, Some((from, to))) => (number(from)?, number(to)?),
                // `5/10`: from 5 on.
                (from, None) if step.is_some() => (number(from)?, high),
                (one, None) => (number(one)?, number(one)?),
            };
            if from > to {
                return None;
            }
            allowed.extend((from..=to).step_by(usize::try_from(step.unwrap_or(1)).ok()?));
        }
        allowed.sort_unstable();
        allowed.dedup();
        Some(Self(allowed))
    }

    fn holds(&self, number: i16) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    fn after(&self, number: i16) -> Option<i16> {
        self.0.iter().copied().find(|allowed| *allowed > number)
    }
}

fn days_of_month(text: &str) -> Option<Days> {
    Some(match text {
        "L" => Days::Last,
        "LW" => Days::LastWorkday,
        text => match text.strip_suffix('W') {
            Some(day) => Days::Workday(day.parse().ok().filter(|day| (1..=31).contains(day))?),
            None => Days::OfMonth(Numbers::parse(text, 1, 31, &[])?),
        },
    })
}

fn days_of_week(text: &str) -> Option<Days> {
    let one = |text: &str| match Numbers::parse(text, 1, 7, &WEEKDAYS)?.0.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    if text == "L" {
        return Some(Days::OfWeek(Numbers(vec![7])));
    }
    if let Some((weekday, number)) = text.split_once('#') {
        let number = number.parse().ok().filter(|number| (1..=5).contains(number))?;
        return Some(Days::Nth(one(weekday)?, number));
    }
    if let Some(weekday) = text.strip_suffix('L').and_then(one) {
        return Some(Days::LastOfWeek(weekday));
    }
    Some(Days::OfWeek(Numbers::parse(text, 1, 7, &WEEKDAYS)?))
}

impl Days {
    fn hold(&self, day: Date) -> bool {
        let (number, last) = (i16::from(day.day()), i16::from(day.days_in_month()));
        let weekday = i16::from(day.weekday().to_sunday_one_offset());
        match self {
            Self::OfMonth(days) => days.holds(number),
            Self::Last => number == last,
            Self::LastWorkday => number == nearest_workday(day, last),
            Self::Workday(wanted) => *wanted <= last && number == nearest_workday(day, *wanted),
            Self::OfWeek(days) => days.holds(weekday),
            Self::LastOfWeek(wanted) => weekday == *wanted && number + 7 > last,
            Self::Nth(wanted, nth) => weekday == *wanted && (number - 1) / 7 + 1 == *nth,
        }
    }
}

/// The day from Monday to Friday that is nearest to a day of the month of `day`, within that month.
fn nearest_workday(day: Date, wanted: i16) -> i16 {
    let last = i16::from(day.days_in_month());
    let weekday = i8::try_from(wanted).ok().and_then(|wanted| {
        let there = Date::new(day.year(), day.month(), wanted).ok()?;
        Some(there.weekday())
    });
    match weekday {
        Some(Weekday::Saturday) if wanted == 1 => 3,
        Some(Weekday::Saturday) => wanted - 1,
        Some(Weekday::Sunday) if wanted == last => wanted - 2,
        Some(Weekday::Sunday) => wanted + 1,
        _ => wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn follow(expression: &str, after: &str, expected: &[&str]) {
        let cron = Cron::parse(expression).unwrap_or_else(|| panic!("{expression} is not read"));
        let mut at: DateTime = after.parse().unwrap();
        for expected in expected {
            at = cron
                .next(at)
                .unwrap_or_else(|| panic!("{expression} has no next after {at}"));
            assert_eq!(at.to_string(), format!("{expected}:00"), "{expression}");
        }
    }

    #[test]
    fn moments_follow_each_other() {
        let from = "2026-11-26T04:31:29";
        follow("0 2 * * ? *", from, &["2026-11-27T02:00", "2026-11-28T02:00"]);
        follow("0/15 * * * ? *", from, &["2026-11-26T04:45", "2026-11-26T05:00"]);
        follow(
            "15 10 ? * 6L 2027-2028",
            from,
            &["2027-01-29T10:15", "2027-02-26T10:15"],
        );
        follow("0 18 ? * MON-FRI *", "2026-11-27T18:00:00", &["2026-11-30T18:00"]);
        follow("0 8 1 * ? *", from, &["2026-12-01T08:00", "2027-01-01T08:00"]);
        follow(
            "0 8 L * ? *",
            from,
            &[
                "2026-11-30T08:00",
                "2026-12-31T08:00",
                "2027-01-31T08:00",
                "2027-02-28T08:00",
            ],
        );
        // The first of August 2026 is a Saturday, the last of January 2027 a Sunday.
        follow(
            "0 8 1W * ? *",
            "2026-07-31T00:00:00",
            &["2026-08-03T08:00", "2026-09-01T08:00"],
        );
        follow("0 8 LW JAN ? *", from, &["2027-01-29T08:00"]);
        follow("0 8 ? * 2#1 *", from, &["2026-12-07T08:00"]);
        follow("0 0 29 2 ? *", from, &["2028-02-29T00:00", "2032-02-29T00:00"]);
        follow(
            "5,10 3 ? 1-3/2 SUN,TUE *",
            from,
            &["2027-01-03T03:05", "2027-01-03T03:10", "2027-01-05T03:05"],
        );
    }

    #[test]
    fn what_never_comes_has_no_next() {
        let after: DateTime = "2026-11-26T04:31:29".parse().unwrap();
        for expression in ["0 0 30 2 ? *", "0 0 1 1 ? 2020", "0 0 31W 2 ? *"] {
            assert_eq!(Cron::parse(expression).unwrap().next(after), None, "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in [
            "",
            "* * * * *",
            "* * * * * *",
            "* * ? * ? *",
            "60 * * * ? *",
            "0 24 * * ? *",
            "0 0 32 * ? *",
            "0 0 ? * 8 *",
            "0 0 ? * 0 *",
            "0 0 * 13 ? *",
            "5-1 0 * * ? *",
            "0/0 0 * * ? *",
            "x 0 * * ? *",
            "0 0 ? * 2#6 *",
            "0 0 * * ? 1969",
        ] {
            assert_eq!(Cron::parse(expression), None, "{expression}");
        }
    }
}
