//! Kayenta's canary analysis: a Mann-Whitney test of each metric over all points since the shift, a score of groups, two bounds.
//!
//! Defaults: an interval of 98 % for the shift, a tolerance of a quarter of the estimate, at least half of the metrics with data; a score
//! below 75 fails at any time, one below 95 at the end. Metrics: errors are one group, p50, p90 and p99 the other. The documentation asks
//! for points of a minute and an hour at least; here it gets points of a window, which is kinder.

use cutover::verdict::{Latency, Window};

use crate::generator::Trace;
use crate::scenario::Scenario;

/// The normal quantile of an interval of 98 %.
const Z: f64 = 2.326_347_874;

const TOLERANCE: f64 = 0.25;
const MARGINAL: f64 = 75.0;
const PASS: f64 = 95.0;

pub(crate) fn judge(scenario: &Scenario, trace: &Trace, interval_s: f64) -> Option<f64> {
    let shift = scenario.lead_s;
    let windows: Vec<&Window> = trace.windows.iter().filter(|window| window.end_s > shift).collect();
    let horizon = scenario.horizon_s();
    let mut next = shift + interval_s;
    while next <= horizon + 1e-9 {
        let so_far: Vec<&Window> = windows
            .iter()
            .copied()
            .filter(|window| window.end_s <= next + 1e-9)
            .collect();
        let is_last = next + interval_s > horizon + 1e-9;
        let score = score(&so_far);
        if score < MARGINAL || is_last && score < PASS {
            return Some(next);
        }
        next += interval_s;
    }
    None
}

/// 0 to 100.
fn score(windows: &[&Window]) -> f64 {
    let mut latency = 0.0;
    let mut measured = 0.0;
    for at in [0, 2, 4] {
        let of = |latency: &Latency| match latency {
            Latency::Percentiles(points) => points[at],
            Latency::Unknown | Latency::Samples(_) => None,
        };
        let green: Vec<f64> = windows.iter().filter_map(|window| of(&window.green.latency)).collect();
        let blue: Vec<f64> = windows.iter().filter_map(|window| of(&window.blue.latency)).collect();
        if let Some(is_high) = is_high(&green, &blue) {
            measured += 1.0;
            latency += f64::from(u8::from(!is_high));
        }
    }
    let rate = |n: Option<f64>, k: Option<f64>| match (n, k) {
        (Some(n), Some(k)) if n > 0.0 => Some(k / n),
        _ => None,
    };
    let green: Vec<f64> = windows
        .iter()
        .filter_map(|window| rate(window.green.requests, window.green.errors))
        .collect();
    let blue: Vec<f64> = windows
        .iter()
        .filter_map(|window| rate(window.blue.requests, window.blue.errors))
        .collect();
    let errors = is_high(&green, &blue);
    // Half or more of the metrics without data: a score of nothing.
    if measured + f64::from(u8::from(errors.is_some())) <= 2.0 {
        return 0.0;
    }
    let of_errors = errors.map_or(0.0, |is_high| if is_high { 0.0 } else { 50.0 });
    of_errors + 50.0 * latency / measured.max(1.0)
}

/// Whether green is high; `None` without data.
fn is_high(green: &[f64], blue: &[f64]) -> Option<bool> {
    if blue.is_empty() || green.is_empty() {
        return None;
    }
    let mut differences: Vec<f64> = Vec::with_capacity(green.len() * blue.len());
    for one in green {
        differences.extend(blue.iter().map(|other| one - other));
    }
    let (n, m) = (green.len() as f64, blue.len() as f64);
    let pairs = n * m;
    let spread = (pairs * (n + m + 1.0) / 12.0).sqrt();
    let low = (pairs / 2.0 - Z * spread).floor();
    if low < 0.0 {
        return Some(false);
    }
    let last = differences.len() - 1;
    let (_, lower, _) = differences.select_nth_unstable_by((low as usize).min(last), f64::total_cmp);
    let lower = *lower;
    let (_, middle, _) = differences.select_nth_unstable_by(last / 2, f64::total_cmp);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let is_more = mean(green) > mean(blue);
    Some(lower > TOLERANCE * middle.abs() && is_more)
}
