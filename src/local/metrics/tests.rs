//! CloudWatch as a whole: what was seen goes in, points come out.

use super::series::{METRICS, Metric};
use super::*;
use crate::local::fault::Fault;
use crate::local::plane::{InstanceSample, InstanceState};
use crate::model::{Latency, RequestCounts};

const LB: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/front/0123";
const BLUE: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/4567";
const GREEN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/green/89ab";
/// The beginning of a minute.
const BEGIN: i64 = 1_795_305_600_000;

fn sample(good: u64, bad: u64, p50: f64) -> EnvironmentSample {
    let requests = RequestCounts {
        status_2xx: good,
        status_5xx: bad,
        ..RequestCounts::default()
    };
    let latency = Latency {
        p10: p50,
        p50,
        p75: p50,
        p85: p50,
        p90: p50,
        p95: p50 * 2.0,
        p99: p50 * 3.0,
        p999: p50 * 4.0,
    };
    let instance = |number: u32, state, requests| InstanceSample {
        complaints: Vec::new(),
        id: format!("i-{number}").as_str().into(),
        launched_at: Timestamp::default(),
        deployment_id: 1,
        version_label: "v1".into(),
        deployed_at: Timestamp::default(),
        state,
        requests,
        latency: None,
    };
    EnvironmentSample {
        instances: vec![
            instance(1, InstanceState::InService, requests),
            instance(2, InstanceState::Unhealthy(String::new()), RequestCounts::default()),
        ],
        latency: (good + bad > 0).then_some(latency),
        ..EnvironmentSample::default()
    }
}

/// Two minutes of blue with ten-second windows, and of green, which is idle.
fn metrics() -> Metrics {
    let mut metrics = Metrics::new(Duration::from_secs(60), "eu-central-1", "123456789012");
    for window in 1..=12 {
        let now = Timestamp::from_millis(BEGIN + window * 10_000);
        let blue = if window <= 6 {
            sample(10, 0, 0.1)
        } else {
            sample(5, 1, 0.3)
        };
        metrics.note(&LoadBalancerArn::new(LB), &TargetGroupArn::new(BLUE), &blue, now);
        let green = sample(0, 0, 0.0);
        metrics.note(&LoadBalancerArn::new(LB), &TargetGroupArn::new(GREEN), &green, now);
    }
    metrics
}

fn query(metric: &str, statistic: &str, group: Option<&str>) -> Document {
    let dimension =
        |name: &str, value: &str| Document::map([("Name", Document::text(name)), ("Value", Document::text(value))]);
    let mut dimensions = vec![dimension("LoadBalancer", "app/front/0123")];
    dimensions.extend(group.map(|group| dimension("TargetGroup", group)));
    let metric = Document::map([
        ("Namespace", Document::text("AWS/ApplicationELB")),
        ("MetricName", Document::text(metric)),
        ("Dimensions", Document::List(dimensions)),
    ]);
    let wanted = Document::map([
        ("Metric", metric),
        ("Period", Document::Number(60.0)),
        ("Stat", Document::text(statistic)),
    ]);
    Document::map([("Id", Document::text("q")), ("MetricStat", wanted)])
}

/// The values of a query up to some seconds, the oldest first.
fn ask(metrics: &mut Metrics, query: Document, seconds: i64) -> Result<Vec<f64>, Fault> {
    let now = Timestamp::from_millis(BEGIN + seconds * 1000);
    let input = Document::map([
        ("MetricDataQueries", Document::List(vec![query])),
        ("StartTime", Document::Time(Timestamp::from_millis(BEGIN))),
        ("EndTime", Document::Time(Timestamp::from_millis(BEGIN + 600_000))),
        ("ScanBy", Document::text("TimestampAscending")),
    ]);
    let answer = metrics.handle("GetMetricData", &input, now)?;
    let result = &answer.list_of("MetricDataResults")[0];
    assert_eq!(result.list_of("Timestamps").len(), result.list_of("Values").len());
    let values = result.list_of("Values").iter().map(|value| match value {
        Document::Number(number) => (number * 1e6).round() / 1e6,
        other => panic!("{other:?}"),
    });
    Ok(values.collect())
}

const OF_BLUE: Option<&str> = Some("targetgroup/blue/4567");

#[test]
fn whole_minutes_are_told_when_they_are_over() {
    let mut metrics = metrics();
    let mut requests = |seconds| ask(&mut metrics, query("RequestCount", "Sum", OF_BLUE), seconds).unwrap();
    assert_eq!(requests(59), Vec::<f64>::new());
    assert_eq!(requests(60), [60.0]);
    assert_eq!(requests(119), [60.0]);
    assert_eq!(requests(120), [60.0, 36.0]);
}

#[test]
fn each_metric_has_its_statistics() {
    let mut metrics = metrics();
    let mut of = |metric: &str, statistic: &str| ask(&mut metrics, query(metric, statistic, OF_BLUE), 120).unwrap();
    assert_eq!(of("HTTPCode_Target_2XX_Count", "Sum"), [60.0, 30.0]);
    assert_eq!(of("HTTPCode_Target_5XX_Count", "Sum"), [6.0], "nothing is told of none");
    assert_eq!(of("HealthyHostCount", "Minimum"), [1.0, 1.0]);
    assert_eq!(of("UnHealthyHostCount", "Maximum"), [1.0, 1.0]);
    assert_eq!(of("TargetResponseTime", "p50"), [0.1, 0.3]);
    assert_eq!(of("TargetResponseTime", "p99"), [0.3, 0.9]);
    let average = of("TargetResponseTime", "Average");
    assert!(average[0] > 0.1 && average[0] < 0.12, "{average:?}");
    assert_eq!(of("TargetResponseTime", "SampleCount"), [60.0, 36.0]);
}

#[test]
fn a_load_balancer_sums_up_its_groups_and_strangers_have_nothing() {
    let mut metrics = metrics();
    assert_eq!(
        ask(&mut metrics, query("RequestCount", "Sum", None), 120).unwrap(),
        [60.0, 36.0]
    );
    let green = Some("targetgroup/green/89ab");
    assert_eq!(
        ask(&mut metrics, query("RequestCount", "Sum", green), 120).unwrap(),
        Vec::<f64>::new()
    );
    assert_eq!(
        ask(&mut metrics, query("HealthyHostCount", "Average", green), 120).unwrap(),
        [1.0, 1.0]
    );
    assert_eq!(
        ask(&mut metrics, query("NoSuchMetric", "Sum", OF_BLUE), 120).unwrap(),
        Vec::<f64>::new()
    );
    let none = Some("targetgroup/none/0");
    assert_eq!(
        ask(&mut metrics, query("RequestCount", "Sum", none), 120).unwrap(),
        Vec::<f64>::new()
    );
}

#[test]
fn what_is_wrong_is_refused() {
    let mut metrics = metrics();
    let mut code = |query| ask(&mut metrics, query, 120).unwrap_err().code;
    assert_eq!(code(query("RequestCount", "Median", OF_BLUE)), "InvalidParameterValue");
    let expression = Document::map([("Id", Document::text("e")), ("Expression", Document::text("q*2"))]);
    assert_eq!(code(expression), "NotImplemented");
    assert_eq!(code(Document::map([("Id", Document::text("m"))])), "MissingParameter");
    let nothing = Document::Map(Vec::new());
    let now = Timestamp::from_millis(BEGIN);
    assert_eq!(
        metrics.handle("GetMetricData", &nothing, now).unwrap_err().code,
        "ValidationError"
    );
    assert_eq!(metrics.handle("PutMetricData", &nothing, now).unwrap_err().status, 501);
}

#[test]
fn metrics_are_listed_by_their_dimensions() {
    let mut metrics = metrics();
    let now = Timestamp::from_millis(BEGIN);
    let all = metrics.handle("ListMetrics", &Document::Map(Vec::new()), now).unwrap();
    assert_eq!(all.list_of("Metrics").len(), 2 * METRICS.len());
    let filter = Document::map([
        ("Name", Document::text("TargetGroup")),
        ("Value", Document::text("targetgroup/blue/4567")),
    ]);
    let input = Document::map([
        ("Namespace", Document::text("AWS/ApplicationELB")),
        ("MetricName", Document::text("RequestCount")),
        ("Dimensions", Document::List(vec![filter])),
    ]);
    let found = metrics.handle("ListMetrics", &input, now).unwrap();
    let [only] = found.list_of("Metrics") else {
        panic!("{found:?}");
    };
    assert_eq!(only.text_of("MetricName"), Some("RequestCount"));
    assert!(METRICS.iter().any(|(_, metric)| *metric == Metric::RequestCount));
}
