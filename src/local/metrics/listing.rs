//! `ListMetrics`: each metric with the dimensions that it is told by.

use super::Document;
use super::faults::invalid;
use super::measurements::Measurements;
use super::series::{METRICS, NAMESPACE};
use crate::local::fault::Fault;

/// Metrics on one page (source: `ListMetrics`).
const PAGE: usize = 500;

/// A metric as it is listed, in the order of the list: its load balancer, its target group if it is told of one, and its place among
/// all metrics.
type Listed<'a> = (&'a str, Option<&'a str>, usize);

impl Measurements {
    /// `ListMetrics`.
    pub(super) fn list_metrics(&self, input: &Document) -> Result<Document, Fault> {
        let namespace = input.text_of("Namespace");
        let name = input.text_of("MetricName");
        let filters = input.list_of("Dimensions");
        let after = match input.text_of("NextToken") {
            Some(token) => Some(listed(token).ok_or_else(|| invalid("Invalid NextToken"))?),
            None => None,
        };
        let mut found: Vec<Listed<'_>> = self
            .listed()
            .filter(|_| namespace.is_none_or(|namespace| namespace == NAMESPACE))
            .filter(|(_, _, metric)| name.is_none_or(|name| name == METRICS[*metric].0))
            .filter(|(load_balancer, target_group, _)| {
                filters.iter().all(|filter| {
                    let value = match filter.text_of("Name") {
                        Some("LoadBalancer") => Some(*load_balancer),
                        Some("TargetGroup") => *target_group,
                        _ => None,
                    };
                    value.is_some_and(|value| filter.text_of("Value").is_none_or(|wanted| wanted == value))
                })
            })
            .filter(|metric| after.is_none_or(|after| *metric > after))
            .collect();
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(token_of);
        let metrics = found.into_iter().map(document).collect();
        let mut fields = vec![("Metrics".to_owned(), Document::List(metrics))];
        fields.extend(next.map(|token| ("NextToken".to_owned(), Document::Text(token))));
        Ok(Document::Map(fields))
    }

    /// All metrics in the order of the list.
    fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        let mut places: Vec<(&str, Option<&str>)> = Vec::new();
        for place in self.series.keys() {
            let load_balancer = place.load_balancer.as_str();
            if places.last().is_none_or(|(last, _)| *last != load_balancer) {
                places.push((load_balancer, None));
            }
            let group = place.target_group.as_deref();
            places.extend(group.map(|group| (load_balancer, Some(group))));
        }
        places.into_iter().flat_map(|(load_balancer, target_group)| {
            let told = METRICS.iter().enumerate();
            let told = told.filter(move |(_, (_, metric))| metric.is_told(target_group.is_some()));
            told.map(move |(number, _)| (load_balancer, target_group, number))
        })
    }
}

fn document((load_balancer, target_group, metric): Listed<'_>) -> Document {
    let dimension =
        |name: &str, value: &str| Document::map([("Name", Document::text(name)), ("Value", Document::text(value))]);
    let of_group = target_group.map(|group| dimension("TargetGroup", group));
    let dimensions = of_group.into_iter().chain([dimension("LoadBalancer", load_balancer)]);
    Document::map([
        ("Namespace", Document::text(NAMESPACE)),
        ("MetricName", Document::text(METRICS[metric].0)),
        ("Dimensions", Document::List(dimensions.collect())),
    ])
}

/// The token of a page that ends with a metric. It names the metric and not how many came before, so that the next page neither leaves
/// out nor repeats one when a target group comes or goes meanwhile.
fn token_of((load_balancer, target_group, metric): &Listed<'_>) -> String {
    format!("{metric} {load_balancer} {}", target_group.unwrap_or_default())
}

fn listed(token: &str) -> Option<Listed<'_>> {
    let (metric, rest) = token.split_once(' ')?;
    let (load_balancer, target_group) = rest.split_once(' ')?;
    let target_group = (!target_group.is_empty()).then_some(target_group);
    Some((load_balancer, target_group, metric.parse().ok()?))
}
