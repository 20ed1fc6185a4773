//! What target groups serve, as CloudWatch counts it: a window each minute, told one to two minutes later, and later at times.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode};

use super::error::read;
use super::time::{date_time, timestamp};
use super::{Aws, CallError, Effect};
use crate::model::Timestamp;
use crate::verdict::{Arm, Latency};

/// The namespace of Application Load Balancers.
const NAMESPACE: &str = "AWS/ApplicationELB";

/// The length of a window, in seconds (source: "CloudWatch metrics for your Application Load Balancer": measured and sent in intervals
/// of 60 seconds).
const PERIOD: i32 = 60;

/// So many of them are asked for: what was late for one look is there for the next.
const MINUTES: i64 = 5;

/// What is asked of each target group: the key of its query, the metric, the statistic. The service tells of failures only where
/// there were some.
const ASKED: [(&str, &str, &str); 9] = [
    ("requests", "RequestCount", "Sum"),
    ("server", "HTTPCode_Target_5XX_Count", "Sum"),
    ("refused", "TargetConnectionErrorCount", "Sum"),
    ("client", "HTTPCode_Target_4XX_Count", "Sum"),
    ("p50", "TargetResponseTime", "p50"),
    ("p75", "TargetResponseTime", "p75"),
    ("p90", "TargetResponseTime", "p90"),
    ("p95", "TargetResponseTime", "p95"),
    ("p99", "TargetResponseTime", "p99"),
];

/// A minute of several target groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Minute {
    /// When it ended, by the service's clock.
    pub ended: Timestamp,
    /// What each of them served.
    pub arms: Vec<Arm>,
}

impl Aws {
    /// What target groups served in each of the newest minutes of which all can have been told by now, from the oldest on, each with its
    /// end; a group without a number has served nothing that is known. Two reads.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn served_by_groups(&self, groups: &[String], now: Timestamp) -> Result<Vec<Minute>, CallError> {
        let balancers = self.balancers_of(groups).await?;
        let mut queries = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let Some(balancer) = balancers.get(group) else { continue };
            for (key, name, statistic) in ASKED {
                queries.push(query(&format!("{key}_{place}"), (name, statistic), balancer, group));
            }
        }
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let period = i64::from(PERIOD) * 1000;
        let ended = newest_window(now);
        let began = ended.as_millis() - MINUTES * period;
        let mut told = BTreeMap::new();
        let mut token = None;
        loop {
            let answer = self
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(date_time(Timestamp::from_millis(began)))
                .end_time(date_time(ended))
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| read("GetMetricData", error))?;
            token = answer.next_token.clone().filter(|token| !token.is_empty());
            for result in answer.metric_data_results() {
                complete(result, token.is_some())?;
                let id = result.id().unwrap_or_default();
                for (at, value) in result.timestamps().iter().zip(result.values()) {
                    told.insert((id.to_owned(), timestamp(at).as_millis()), *value);
                }
            }
            if token.is_none() {
                break;
            }
        }
        let minute = |began: i64| {
            let arm = |place: usize| arm(|key| told.get(&(format!("{key}_{place}"), began)).copied());
            Minute {
                ended: Timestamp::from_millis(began + period),
                arms: (0..groups.len()).map(arm).collect(),
            }
        };
        Ok((0..MINUTES).map(|nth| minute(began + nth * period)).collect())
    }

    /// The load balancer of each target group that has one.
    async fn balancers_of(&self, groups: &[String]) -> Result<BTreeMap<String, String>, CallError> {
        let answer = self
            .balancing
            .describe_target_groups()
            .set_target_group_arns(Some(groups.to_vec()))
            .send()
            .await
            .map_err(|error| read("DescribeTargetGroups", error))?;
        let of = |group: &aws_sdk_elasticloadbalancingv2::types::TargetGroup| {
            Some((
                group.target_group_arn()?.to_owned(),
                group.load_balancer_arns().first()?.clone(),
            ))
        };
        Ok(answer.target_groups().iter().filter_map(of).collect())
    }
}

/// Whether the service has told all there is; a page of several need not be (source: `MetricDataResult` of its API).
fn complete(result: &MetricDataResult, more_to_come: bool) -> Result<(), CallError> {
    match result.status_code() {
        None | Some(StatusCode::Complete) => Ok(()),
        Some(StatusCode::PartialData) if more_to_come => Ok(()),
        Some(code) => {
            let mut said: Vec<&str> = result.messages().iter().filter_map(|message| message.value()).collect();
            if said.is_empty() {
                said.push(
                    "it does not say why; if it stays so, look at the target groups' metrics in CloudWatch's console",
                );
            }
            Err(CallError {
                operation: "GetMetricData",
                code: Some(code.as_str().to_owned()),
                message: format!("of {} not all was told: {}", metric(result), said.join(" ")),
                effect: Effect::NotNow,
            })
        }
    }
}

/// The metric whose numbers these are.
fn metric(result: &MetricDataResult) -> &'static str {
    let key = result.id().and_then(|id| id.rsplit_once('_')).map(|(key, _)| key);
    let asked = ASKED.iter().find(|(of, ..)| Some(*of) == key);
    asked.map_or("a metric", |(_, name, _)| name)
}

/// The end of the newest minute of which everything was told by then: the service is a minute late, and later at times.
fn newest_window(now: Timestamp) -> Timestamp {
    let period = i64::from(PERIOD) * 1000;
    Timestamp::from_millis((now.as_millis() - period).div_euclid(period) * period)
}

fn query(id: &str, (name, statistic): (&str, &str), balancer: &str, group: &str) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(NAMESPACE)
        .metric_name(name)
        .dimensions(dimension("LoadBalancer", resource(balancer, "loadbalancer/")))
        .dimensions(dimension("TargetGroup", resource(group, "")))
        .build();
    let asked = MetricStat::builder()
        .metric(metric)
        .period(PERIOD)
        .stat(statistic)
        .build();
    MetricDataQuery::builder().id(id).metric_stat(asked).build()
}

/// How dimensions name what an ARN names: its last part, for load balancers without the kind.
fn resource<'a>(arn: &'a str, kind: &str) -> &'a str {
    let last = arn.rsplit(':').next().unwrap_or(arn);
    last.strip_prefix(kind).unwrap_or(last)
}

/// What the numbers of one target group say.
fn arm(told: impl Fn(&str) -> Option<f64>) -> Arm {
    // No requests are no zero: nothing was told.
    let Some(requests) = told("requests") else {
        return Arm::default();
    };
    let count = |key: &str| told(key).unwrap_or(0.0);
    let percentile = |key: &str| {
        told(key)
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| seconds * 1000.0)
    };
    Arm {
        requests: Some(requests),
        errors: Some((count("server") + count("refused")).min(requests)),
        client_errors: Some(count("client").min(requests)),
        latency: Latency::Percentiles(["p50", "p75", "p90", "p95", "p99"].map(percentile)),
        ..Arm::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_no_zero_but_failures_are_told_only_where_there_are_some() {
        assert_eq!(arm(|_| None), Arm::default());
        let told = |key: &str| match key {
            "requests" => Some(120.0),
            "refused" => Some(3.0),
            "p50" => Some(0.08),
            _ => None,
        };
        let arm = arm(told);
        assert_eq!(
            (arm.requests, arm.errors, arm.client_errors),
            (Some(120.0), Some(3.0), Some(0.0))
        );
        assert_eq!(arm.latency, Latency::Percentiles([Some(80.0), None, None, None, None]));
    }

    #[test]
    fn a_window_is_asked_for_when_it_can_have_been_told() {
        let at = |seconds: i64| newest_window(Timestamp::from_millis(seconds * 1000)).as_millis() / 1000;
        assert_eq!([at(600), at(659), at(660)], [540, 540, 600]);
    }

    #[test]
    fn dimensions_name_the_end_of_an_arn() {
        let balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
        let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/73e2d6bc24d8a067";
        assert_eq!(resource(balancer, "loadbalancer/"), "app/shop/50dc6c495c0c9188");
        assert_eq!(resource(group, ""), "targetgroup/green/73e2d6bc24d8a067");
    }
}
