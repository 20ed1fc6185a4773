//! `GetMetricData`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Document;
use super::faults::{invalid, missing, next_token, not_implemented, validation};
use super::measurements::Measurements;
use super::series::{Metric, NAMESPACE, Statistic};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Queries in one call (source: `GetMetricData`).
const MOST_QUERIES: usize = 500;
/// Points in one answer, all queries together (source: `MaxDatapoints`).
const MOST_POINTS: f64 = 100_800.0;

/// A value at the beginning of its period.
type Point = (Timestamp, f64);

/// Which time a call asks about, and up to when something can be told.
struct Span {
    from: Timestamp,
    until: Timestamp,
    told: Timestamp,
}

impl Measurements {
    /// `GetMetricData`, without expressions.
    pub(super) fn get_metric_data(&self, input: &Document, now: Timestamp) -> Result<Document, Fault> {
        let queries = input.list_of("MetricDataQueries");
        if queries.is_empty() {
            return Err(missing("MetricDataQueries"));
        }
        if queries.len() > MOST_QUERIES {
            return Err(invalid(format!(
                "MetricDataQueries can hold {MOST_QUERIES} queries at most"
            )));
        }
        let span = Span {
            from: input.time_of("StartTime").ok_or_else(|| missing("StartTime"))?,
            until: input.time_of("EndTime").ok_or_else(|| missing("EndTime"))?,
            told: self.told(now),
        };
        if span.from >= span.until {
            return Err(invalid(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let oldest_first = match input.text_of("ScanBy").unwrap_or("TimestampDescending") {
            "TimestampAscending" => true,
            "TimestampDescending" => false,
            other => return Err(invalid(format!("The value {other} for parameter ScanBy is invalid."))),
        };
        let mut page = Page::read(input, oldest_first)?;
        let mut ids = BTreeSet::new();
        let mut results = Vec::new();
        for (number, query) in queries.iter().enumerate() {
            let id = query
                .text_of("Id")
                .ok_or_else(|| missing("MetricDataQueries.member.Id"))?;
            if !id.starts_with(|first: char| first.is_ascii_lowercase()) {
                return Err(validation(format!(
                    "The value {id} for parameter MetricDataQueries.member.{}.Id is invalid: it must begin with a lower-case letter.",
                    number + 1
                )));
            }
            if !ids.insert(id) {
                return Err(invalid(format!("The id {id} is used by more than one query.")));
            }
            let points = self.points(query, &span)?;
            if query.field("ReturnData") == Some(&Document::Bool(false)) {
                continue;
            }
            let Some(points) = page.take(number, points) else {
                continue;
            };
            let label = query.text_of("Label").or_else(|| {
                let metric = query.field("MetricStat")?.field("Metric")?;
                metric.text_of("MetricName")
            });
            let (times, values) = points
                .into_iter()
                .map(|(at, value)| (Document::Time(at), Document::Number(value)))
                .unzip();
            let status = if page.is_full { "PartialData" } else { "Complete" };
            results.push(Document::map([
                ("Id", Document::text(id)),
                ("Label", Document::text(label.unwrap_or(id))),
                ("Timestamps", Document::List(times)),
                ("Values", Document::List(values)),
                ("StatusCode", Document::text(status)),
            ]));
        }
        let mut fields = vec![
            ("MetricDataResults".to_owned(), Document::List(results)),
            ("Messages".to_owned(), Document::List(Vec::new())),
        ];
        fields.extend(page.next().map(|token| ("NextToken".to_owned(), Document::Text(token))));
        Ok(Document::Map(fields))
    }

    /// The points of a query, the oldest first, each at the beginning of its period.
    fn points(&self, query: &Document, span: &Span) -> Result<Vec<Point>, Fault> {
        if query.text_of("Expression").is_some() {
            return Err(not_implemented("expressions in GetMetricData"));
        }
        let wanted = query.field("MetricStat").ok_or_else(|| missing("MetricStat"))?;
        let metric = wanted.field("Metric").ok_or_else(|| missing("MetricStat.Metric"))?;
        let statistic = wanted.text_of("Stat").ok_or_else(|| missing("MetricStat.Stat"))?;
        let statistic = Statistic::parse(statistic).ok_or_else(|| {
            invalid(format!(
                "The value {statistic} for parameter MetricStat.Stat is not supported."
            ))
        })?;
        let period = wanted.number_of("Period").ok_or_else(|| missing("MetricStat.Period"))?;
        let period = milliseconds(period).ok_or_else(|| {
            invalid(format!(
                "Period must be 1, 5, 10, 30 or a multiple of 60, and is {period}"
            ))
        })?;
        let named = metric.text_of("MetricName").and_then(Metric::named);
        let known = named
            .filter(|_| metric.text_of("Namespace") == Some(NAMESPACE))
            .filter(|metric| wanted.text_of("Unit").is_none_or(|unit| unit == metric.unit()));
        let Some(known) = known else { return Ok(Vec::new()) };
        let dimensions = metric.list_of("Dimensions").iter();
        let dimensions = dimensions.map(|dimension| (dimension.text_of("Name"), dimension.text_of("Value")));
        let places = self.places(known, dimensions);
        // Only periods with a window in them can have a value. Going by windows bounds the work, however long a time is asked about.
        let earliest = Timestamp::from_millis(span.from.as_millis().saturating_sub(period));
        let windows = places.iter().flat_map(|place| {
            let series = self.series.get(*place);
            series
                .into_iter()
                .flat_map(|series| series.between(earliest, span.told))
        });
        let begins: BTreeSet<i64> = windows
            .map(|window| (window.at.as_millis() - 1).div_euclid(period) * period)
            .filter(|begin| begin.saturating_add(period) > span.from.as_millis() && *begin < span.until.as_millis())
            .collect();
        let point = |begin: i64| {
            let start = Timestamp::from_millis(begin);
            let end = Timestamp::from_millis(begin.saturating_add(period)).min(span.told);
            Some((start, self.point(&places, known, statistic, (start, end))?))
        };
        Ok(begins.into_iter().filter_map(point).collect())
    }
}

/// What of an answer fits on a page, query by query.
struct Page {
    oldest_first: bool,
    /// Points that there is room for.
    left: usize,
    /// The last point of the page before, by its query's number.
    after: Option<(usize, i64)>,
    /// The last point of this one.
    last: Option<(usize, i64)>,
    /// Whether a point has found no room.
    is_full: bool,
}

impl Page {
    fn read(input: &Document, oldest_first: bool) -> Result<Self, Fault> {
        let most = input.number_of("MaxDatapoints").unwrap_or(MOST_POINTS);
        if most < 1.0 {
            return Err(invalid("MaxDatapoints must be 1 at least"));
        }
        let mark = |token: &str| {
            let (query, at) = token.split_once('.')?;
            Some((query.parse().ok()?, at.parse().ok()?))
        };
        let token = input.text_of("NextToken");
        let after = token.map(|token| mark(token).ok_or_else(next_token)).transpose()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and a number that fits"
        )]
        let left = most.min(MOST_POINTS) as usize;
        Ok(Self {
            oldest_first,
            left,
            after,
            last: None,
            is_full: false,
        })
    }

    /// What of a query's points belongs here, in the order of the answer; `None` for a query that belongs on another page.
    fn take(&mut self, query: usize, mut points: Vec<Point>) -> Option<Vec<Point>> {
        if self.is_full || self.after.is_some_and(|(last, _)| query < last) {
            return None;
        }
        if !self.oldest_first {
            points.reverse();
        }
        if let Some((_, told)) = self.after.filter(|(last, _)| query == *last) {
            points.retain(|(at, _)| {
                if self.oldest_first {
                    at.as_millis() > told
                } else {
                    at.as_millis() < told
                }
            });
        }
        self.is_full = points.len() > self.left;
        points.truncate(self.left);
        self.left -= points.len();
        if let Some((at, _)) = points.last() {
            self.last = Some((query, at.as_millis()));
        }
        Some(points)
    }

    /// The token of the next page, if there is one.
    fn next(&self) -> Option<String> {
        let (query, at) = self.last.filter(|_| self.is_full)?;
        Some(format!("{query}.{at}"))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a period is a small whole number")]
fn milliseconds(period: f64) -> Option<i64> {
    let seconds = period as i64;
    let allowed = matches!(seconds, 1 | 5 | 10 | 30) || seconds > 0 && seconds % 60 == 0;
    (allowed && period.fract() == 0.0)
        .then(|| i64::try_from(Duration::from_secs(seconds.unsigned_abs()).as_millis()).ok())
        .flatten()
}
