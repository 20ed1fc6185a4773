//! `GetMetricData` and `ListMetrics`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Document;
use super::faults::{invalid, missing, not_implemented};
use super::measurements::Measurements;
use super::series::{METRICS, Metric, NAMESPACE, Statistic};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Queries in one call (source: `GetMetricData`).
const MOST_QUERIES: usize = 500;
/// Points in one answer (source: `MaxDatapoints`).
const MOST_POINTS: i64 = 100_800;
/// Metrics on one page of `ListMetrics`.
const PAGE: usize = 500;

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
        let from = input.time_of("StartTime").ok_or_else(|| missing("StartTime"))?;
        let until = input.time_of("EndTime").ok_or_else(|| missing("EndTime"))?;
        if from >= until {
            return Err(invalid(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let oldest_first = match input.text_of("ScanBy").unwrap_or("TimestampDescending") {
            "TimestampAscending" => true,
            "TimestampDescending" => false,
            other => return Err(invalid(format!("The value {other} for parameter ScanBy is invalid."))),
        };
        let mut ids = BTreeSet::new();
        let mut results = Vec::new();
        for query in queries {
            let id = query
                .text_of("Id")
                .ok_or_else(|| missing("MetricDataQueries.member.Id"))?;
            if !ids.insert(id) {
                return Err(invalid(format!("The id {id} is used by more than one query.")));
            }
            let mut points = self.points(query, from, until, now)?;
            if !oldest_first {
                points.reverse();
            }
            if query.field("ReturnData") == Some(&Document::Bool(false)) {
                continue;
            }
            let label = query.text_of("Label").or_else(|| {
                let metric = query.field("MetricStat")?.field("Metric")?;
                metric.text_of("MetricName")
            });
            let (times, values) = points
                .into_iter()
                .map(|(at, value)| (Document::Time(at), Document::Number(value)))
                .unzip();
            results.push(Document::map([
                ("Id", Document::text(id)),
                ("Label", Document::text(label.unwrap_or(id))),
                ("Timestamps", Document::List(times)),
                ("Values", Document::List(values)),
                ("StatusCode", Document::text("Complete")),
            ]));
        }
        Ok(Document::map([
            ("MetricDataResults", Document::List(results)),
            ("Messages", Document::List(Vec::new())),
        ]))
    }

    /// The points of a query, the oldest first, each at the beginning of its period.
    fn points(
        &self,
        query: &Document,
        from: Timestamp,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, Fault> {
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
        let known = named.filter(|_| metric.text_of("Namespace") == Some(NAMESPACE));
        let Some(known) = known else { return Ok(Vec::new()) };
        let dimensions = metric.list_of("Dimensions").iter();
        let places = self.places(dimensions.map(|dimension| (dimension.text_of("Name"), dimension.text_of("Value"))));
        let begin = from.as_millis().div_euclid(period) * period;
        let amount = (until.as_millis() - begin + period - 1) / period;
        if amount > MOST_POINTS {
            return Err(invalid(format!("A query can ask for {MOST_POINTS} points at most")));
        }
        let told = self.told(now);
        let mut points = Vec::new();
        for number in 0..amount {
            let start = Timestamp::from_millis(begin + number * period);
            let end = Timestamp::from_millis(begin + (number + 1) * period).min(told);
            if let Some(value) = self.point(&places, known, statistic, (start, end)) {
                points.push((start, value));
            }
        }
        Ok(points)
    }

    /// `ListMetrics`: those of each target group.
    pub(super) fn list_metrics(&self, input: &Document) -> Result<Document, Fault> {
        let namespace = input.text_of("Namespace");
        let name = input.text_of("MetricName");
        let filters = input.list_of("Dimensions");
        let after: usize = match input.text_of("NextToken") {
            Some(token) => token.parse().map_err(|_| invalid("Invalid NextToken"))?,
            None => 0,
        };
        let all = self
            .series
            .keys()
            .flat_map(|place| METRICS.iter().map(move |(name, _)| (place, *name)));
        let mut found = all
            .filter(|_| namespace.is_none_or(|namespace| namespace == NAMESPACE))
            .filter(|(_, known)| name.is_none_or(|name| name == *known))
            .filter(|(place, _)| {
                filters.iter().all(|filter| {
                    let value = match filter.text_of("Name") {
                        Some("LoadBalancer") => &place.load_balancer,
                        Some("TargetGroup") => &place.target_group,
                        _ => return false,
                    };
                    filter.text_of("Value").is_none_or(|wanted| wanted == value)
                })
            })
            .skip(after);
        let mut metrics = Vec::new();
        for (place, name) in found.by_ref().take(PAGE) {
            let dimension = |name: &str, value: &str| {
                Document::map([("Name", Document::text(name)), ("Value", Document::text(value))])
            };
            metrics.push(Document::map([
                ("Namespace", Document::text(NAMESPACE)),
                ("MetricName", Document::text(name)),
                (
                    "Dimensions",
                    Document::List(vec![
                        dimension("TargetGroup", &place.target_group),
                        dimension("LoadBalancer", &place.load_balancer),
                    ]),
                ),
            ]));
        }
        let next = found.next().map(|_| (after + PAGE).to_string());
        let mut fields = vec![("Metrics".to_owned(), Document::List(metrics))];
        fields.extend(next.map(|token| ("NextToken".to_owned(), Document::Text(token))));
        Ok(Document::Map(fields))
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
