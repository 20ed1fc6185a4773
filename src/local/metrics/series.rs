//! Windows of one target group, and what is reckoned from them.

use std::collections::VecDeque;

use crate::local::plane::Broken;
use crate::model::{Latency, RequestCounts, Timestamp};

/// The namespace of Application Load Balancers.
pub(super) const NAMESPACE: &str = "AWS/ApplicationELB";
/// Windows that are kept: a day at AWS's pace.
const KEPT: usize = 8640;

/// What was seen in one window.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Its end.
    pub(super) at: Timestamp,
    /// Requests that targets answered.
    pub(super) targets: RequestCounts,
    /// Requests for the group that the load balancer answered itself.
    pub(super) balancer: RequestCounts,
    /// Those of them that a target was chosen for.
    pub(super) broken: Broken,
    /// Of the answers of targets.
    pub(super) latency: Option<Latency>,
    /// Targets by their health.
    pub(super) healthy: u32,
    pub(super) unhealthy: u32,
}

/// The windows of a target group, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(VecDeque<Window>);

impl Series {
    pub(super) fn add(&mut self, window: Window) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(window);
    }

    /// When its last window ended.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.0.back().map(|window| window.at)
    }

    /// Windows that ended after one moment and not after another.
    pub(super) fn between(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = &Window> {
        let begin = self.0.partition_point(|window| window.at <= after);
        self.0.range(begin..).take_while(move |window| window.at <= until)
    }
}

/// A metric of load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    RequestCount,
    Target2xx,
    Target3xx,
    Target4xx,
    Target5xx,
    Elb5xx,
    TargetConnectionErrors,
    TargetResponseTime,
    HealthyHostCount,
    UnHealthyHostCount,
}

/// All of them with their names.
pub(super) const METRICS: [(&str, Metric); 10] = [
    ("RequestCount", Metric::RequestCount),
    ("HTTPCode_Target_2XX_Count", Metric::Target2xx),
    ("HTTPCode_Target_3XX_Count", Metric::Target3xx),
    ("HTTPCode_Target_4XX_Count", Metric::Target4xx),
    ("HTTPCode_Target_5XX_Count", Metric::Target5xx),
    ("HTTPCode_ELB_5XX_Count", Metric::Elb5xx),
    ("TargetConnectionErrorCount", Metric::TargetConnectionErrors),
    ("TargetResponseTime", Metric::TargetResponseTime),
    ("HealthyHostCount", Metric::HealthyHostCount),
    ("UnHealthyHostCount", Metric::UnHealthyHostCount),
];

impl Metric {
    /// From its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = METRICS.iter().find(|(known, _)| *known == name);
        found.map(|(_, metric)| *metric)
    }

    /// In which it is measured, as `Unit` of an alarm says it.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::TargetResponseTime => "Seconds",
            Self::RequestCount
            | Self::Target2xx
            | Self::Target3xx
            | Self::Target4xx
            | Self::Target5xx
            | Self::Elb5xx
            | Self::TargetConnectionErrors
            | Self::HealthyHostCount
            | Self::UnHealthyHostCount => "Count",
        }
    }

    /// Whether it is told of one target group, or else of a load balancer as a whole (source: "CloudWatch metrics for your Application
    /// Load Balancer", which lists the dimensions of each).
    pub(super) fn is_told(self, of_group: bool) -> bool {
        match self {
            Self::Elb5xx => !of_group,
            Self::HealthyHostCount | Self::UnHealthyHostCount => of_group,
            Self::RequestCount
            | Self::Target2xx
            | Self::Target3xx
            | Self::Target4xx
            | Self::Target5xx
            | Self::TargetConnectionErrors
            | Self::TargetResponseTime => true,
        }
    }
}

/// How values become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    SampleCount,
    /// A share of all, such as 0.99.
    Percentile(f64),
}

impl Statistic {
    /// From its name: `Sum`, `p99.9`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            other => {
                let share: f64 = other.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0)
                    .contains(&share)
                    .then_some(Self::Percentile(share / 100.0))?
            }
        })
    }
}

/// A value that so many samples have.
struct Weighted {
    value: f64,
    weight: f64,
}

/// One value of some windows; `None` where a load balancer reports nothing, as it does of requests that there were not.
pub(super) fn reckon<'a>(
    metric: Metric,
    statistic: Statistic,
    windows: impl Iterator<Item = &'a Window>,
) -> Option<f64> {
    let of_latency = metric == Metric::TargetResponseTime;
    let mut values: Vec<Weighted> = Vec::new();
    for window in windows {
        if of_latency {
            values.extend(response_times(window, statistic));
        } else {
            values.extend(amounts(metric, window));
        }
    }
    let weight: f64 = values.iter().map(|value| value.weight).sum();
    if values.is_empty() || weight <= 0.0 {
        return None;
    }
    let sum: f64 = values.iter().map(|value| value.value * value.weight).sum();
    let all = || values.iter().map(|value| value.value);
    Some(match statistic {
        Statistic::Sum => sum,
        Statistic::SampleCount => weight,
        Statistic::Minimum => all().fold(f64::INFINITY, f64::min),
        Statistic::Maximum => all().fold(f64::NEG_INFINITY, f64::max),
        Statistic::Percentile(_) if of_latency => sum / weight,
        Statistic::Percentile(share) => rank(values, share * weight),
        Statistic::Average => sum / weight,
    })
}

/// The value at a rank.
fn rank(mut values: Vec<Weighted>, rank: f64) -> f64 {
    values.sort_by(|one, other| one.value.total_cmp(&other.value));
    let mut below = 0.0;
    for value in &values {
        below += value.weight;
        if below >= rank {
            return value.value;
        }
    }
    values.last().map_or(0.0, |value| value.value)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn amount(count: u64) -> f64 {
    count as f64
}

/// Counts of requests: each is a sample with the value one.
fn amounts(metric: Metric, window: &Window) -> Option<Weighted> {
    let (targets, balancer) = (&window.targets, &window.balancer);
    let count = match metric {
        // Those for which there was no target to choose are not among them.
        Metric::RequestCount => targets.total() + window.broken.requests,
        Metric::Target2xx => targets.status_2xx,
        Metric::Target3xx => targets.status_3xx,
        Metric::Target4xx => targets.status_4xx,
        Metric::Target5xx => targets.status_5xx,
        Metric::Elb5xx => balancer.status_5xx,
        Metric::TargetConnectionErrors => window.broken.connections,
        Metric::TargetResponseTime => return None,
        Metric::HealthyHostCount | Metric::UnHealthyHostCount => {
            let hosts = if metric == Metric::HealthyHostCount {
                window.healthy
            } else {
                window.unhealthy
            };
            return Some(Weighted {
                value: f64::from(hosts),
                weight: 1.0,
            });
        }
    };
    (count > 0).then(|| Weighted {
        value: 1.0,
        weight: amount(count),
    })
}

/// Response times of a window, which is known by its percentiles: means of windows are weighted by their requests, so that what
/// comes out is close, not exact.
fn response_times(window: &Window, statistic: Statistic) -> Option<Weighted> {
    let latency = window.latency.as_ref()?;
    let value = match statistic {
        Statistic::Percentile(share) => at(latency, share),
        Statistic::Minimum => latency.p10,
        Statistic::Maximum => latency.p999,
        Statistic::Sum | Statistic::Average | Statistic::SampleCount => mean(latency),
    };
    Some(Weighted {
        value,
        weight: amount(window.targets.total()),
    })
}

/// A percentile, between those that are known in a straight line.
fn at(latency: &Latency, share: f64) -> f64 {
    let points = latency.points();
    for pair in points.windows(2) {
        let ((low, from), (high, to)) = (pair[0], pair[1]);
        if share <= high {
            return from + (to - from) * ((share - low) / (high - low)).clamp(0.0, 1.0);
        }
    }
    latency.p999
}

/// The area under the percentiles.
fn mean(latency: &Latency) -> f64 {
    let points = latency.points();
    let ends = points[0].0 * points[0].1 + (1.0 - points[7].0) * points[7].1;
    let between = points.windows(2).map(|pair| {
        let ((low, from), (high, to)) = (pair[0], pair[1]);
        (high - low) * f64::midpoint(from, to)
    });
    ends + between.sum::<f64>()
}
