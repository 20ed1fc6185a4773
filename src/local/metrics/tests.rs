//! CloudWatch as a whole: what was seen goes in, points come out.

use super::series::{METRICS, Metric};
use super::*;
use crate::local::balancers::FailedCheck;
use crate::local::fault::Fault;
use crate::local::plane::{Broken, InstanceSample, InstanceState, Sickness};
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
            instance(
                2,
                InstanceState::Unhealthy(Sickness::new(FailedCheck::Broken, "")),
                RequestCounts::default(),
            ),
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
    let hosts = 2;
    let of_groups = METRICS.len() - 1;
    assert_eq!(
        all.list_of("Metrics").len(),
        2 * of_groups + METRICS.len() - hosts,
        "all but one of each group, and all but those of hosts of the load balancer"
    );
    let errors = Document::map([("MetricName", Document::text("HTTPCode_ELB_5XX_Count"))]);
    let errors = metrics.handle("ListMetrics", &errors, now).unwrap();
    let [whole] = errors.list_of("Metrics") else {
        panic!("{errors:?}");
    };
    let [dimension] = whole.list_of("Dimensions") else {
        panic!("{whole:?}");
    };
    assert_eq!(dimension.text_of("Name"), Some("LoadBalancer"));
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

#[test]
fn pages_of_metrics_follow_each_other_though_groups_come_and_go() {
    let mut metrics = Metrics::new(Duration::from_secs(60), "eu-central-1", "123456789012");
    let now = Timestamp::from_millis(BEGIN);
    let group = |number: u32| {
        let arn = format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/g{number:03}/0");
        TargetGroupArn::new(arn)
    };
    for number in 1..=60 {
        metrics.note(&LoadBalancerArn::new(LB), &group(number), &sample(1, 0, 0.1), now);
    }
    let first = metrics.handle("ListMetrics", &Document::Map(Vec::new()), now).unwrap();
    assert_eq!(first.list_of("Metrics").len(), 500);
    let token = first.text_of("NextToken").unwrap();
    // One that stands before all others.
    metrics.note(&LoadBalancerArn::new(LB), &group(0), &sample(1, 0, 0.1), now);
    let input = Document::map([("NextToken", Document::text(token))]);
    let rest = metrics.handle("ListMetrics", &input, now).unwrap();
    assert!(rest.text_of("NextToken").is_none());
    assert_eq!(rest.list_of("Metrics").len(), 60 * 9 + 8 - 500);
    let repeated = rest
        .list_of("Metrics")
        .iter()
        .filter(|metric| first.list_of("Metrics").contains(metric));
    assert_eq!(repeated.count(), 0);
    let input = Document::map([("NextToken", Document::text("7"))]);
    let refused = metrics.handle("ListMetrics", &input, now).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
}

#[test]
fn a_target_that_refuses_connections_is_told_from_none_to_choose() {
    let mut metrics = Metrics::new(Duration::from_secs(60), "eu-central-1", "123456789012");
    let mut seen = sample(10, 0, 0.1);
    seen.balancer_errors.status_5xx = 9;
    seen.broken = Broken {
        requests: 4,
        connections: 3,
    };
    let now = Timestamp::from_millis(BEGIN + 60_000);
    metrics.note(&LoadBalancerArn::new(LB), &TargetGroupArn::new(BLUE), &seen, now);
    let mut of = |metric: &str, group| ask(&mut metrics, query(metric, "Sum", group), 60).unwrap();
    for group in [OF_BLUE, None] {
        assert_eq!(of("RequestCount", group), [14.0], "those that a target was chosen for");
        assert_eq!(of("TargetConnectionErrorCount", group), [3.0]);
    }
    assert_eq!(of("HTTPCode_ELB_5XX_Count", None), [9.0]);
    assert_eq!(of("HTTPCode_ELB_5XX_Count", OF_BLUE), Vec::<f64>::new());
    assert_eq!(of("HealthyHostCount", OF_BLUE), [1.0]);
    assert_eq!(of("HealthyHostCount", None), Vec::<f64>::new());
}

#[test]
fn what_a_load_balancer_answers_for_no_group_is_its_own() {
    let mut metrics = metrics();
    let own = RequestCounts {
        status_5xx: 7,
        ..RequestCounts::default()
    };
    let (front, now) = (LoadBalancerArn::new(LB), Timestamp::from_millis(BEGIN + 60_000));
    metrics.note_own(&front, &own, now);
    metrics.note_own(&front, &RequestCounts::default(), now);
    let mut of = |metric: &str, group| ask(&mut metrics, query(metric, "Sum", group), 60).unwrap();
    assert_eq!(of("HTTPCode_ELB_5XX_Count", None), [7.0]);
    assert_eq!(of("RequestCount", None), [60.0], "no target was chosen for them");
    assert_eq!(of("RequestCount", OF_BLUE), [60.0]);

    let mut alone = Metrics::new(Duration::from_secs(60), "eu-central-1", "123456789012");
    alone.note_own(&front, &RequestCounts::default(), now);
    let listed = |metrics: &mut Metrics| {
        let all = metrics.handle("ListMetrics", &Document::Map(Vec::new()), now).unwrap();
        all.list_of("Metrics").len()
    };
    assert_eq!(listed(&mut alone), 0);
    alone.note_own(&front, &own, now);
    assert_eq!(listed(&mut alone), METRICS.len() - 2, "all but those of hosts");
    assert_eq!(
        listed(&mut metrics),
        3 * METRICS.len() - 4,
        "it is told of once, with its groups or without"
    );
}

#[test]
fn a_group_that_is_gone_is_forgotten_after_a_day() {
    // At twenty times AWS's pace.
    let mut metrics = Metrics::new(Duration::from_secs(3), "eu-central-1", "123456789012");
    let (front, begin) = (LoadBalancerArn::new(LB), Timestamp::from_millis(BEGIN));
    let groups = |metrics: &mut Metrics| {
        let input = Document::map([("MetricName", Document::text("HealthyHostCount"))]);
        let listed = metrics.handle("ListMetrics", &input, begin).unwrap();
        listed.list_of("Metrics").len()
    };
    let note = |metrics: &mut Metrics, group: &str, hours: u64| {
        let now = begin + Duration::from_secs(hours * 3600 / 20);
        metrics.note(&front, &TargetGroupArn::new(group), &sample(1, 0, 0.1), now);
    };
    note(&mut metrics, BLUE, 0);
    note(&mut metrics, GREEN, 0);
    note(&mut metrics, GREEN, 24);
    assert_eq!(groups(&mut metrics), 2);
    note(&mut metrics, GREEN, 25);
    assert_eq!(groups(&mut metrics), 1);
}

#[test]
fn a_value_in_another_unit_is_none() {
    let mut metrics = metrics();
    let mut of = |unit: &str| {
        let Document::Map(mut fields) = query("RequestCount", "Sum", OF_BLUE) else {
            panic!("a query is a map");
        };
        for (name, value) in &mut fields {
            if let (true, Document::Map(wanted)) = (name == "MetricStat", value) {
                wanted.push(("Unit".to_owned(), Document::text(unit)));
            }
        }
        ask(&mut metrics, Document::Map(fields), 120).unwrap()
    };
    assert_eq!(of("Count"), [60.0, 36.0]);
    assert_eq!(of("Seconds"), Vec::<f64>::new());
}

/// Asks for all time, in pages.
fn page(metrics: &mut Metrics, queries: &[Document], most: f64, token: Option<&str>) -> Result<Document, Fault> {
    let Document::Map(mut fields) = Document::map([
        ("MetricDataQueries", Document::List(queries.to_vec())),
        ("StartTime", Document::Number(-1e18)),
        ("EndTime", Document::Number(1e300)),
        ("MaxDatapoints", Document::Number(most)),
    ]) else {
        panic!("it is a map");
    };
    fields.extend(token.map(|token| ("NextToken".to_owned(), Document::text(token))));
    let now = Timestamp::from_millis(BEGIN + 120_000);
    metrics.handle("GetMetricData", &Document::Map(fields), now)
}

#[test]
fn all_time_can_be_asked_about_and_comes_in_pages() {
    let mut metrics = metrics();
    let queries = [
        ("a", "RequestCount"),
        ("b", "HTTPCode_Target_5XX_Count"),
        ("c", "HealthyHostCount"),
    ]
    .map(|(id, metric)| {
        let Document::Map(mut fields) = query(metric, "Sum", OF_BLUE) else {
            panic!("a query is a map");
        };
        fields[0].1 = Document::text(id);
        Document::Map(fields)
    });
    let mut told = Vec::new();
    let mut pages = 0;
    let mut token: Option<String> = None;
    loop {
        let answer = page(&mut metrics, &queries, 2.0, token.as_deref()).unwrap();
        pages += 1;
        let mut points = 0;
        for result in answer.list_of("MetricDataResults") {
            for value in result.list_of("Values") {
                told.push((result.text_of("Id").unwrap().to_owned(), value.clone()));
                points += 1;
            }
        }
        assert!(points <= 2, "{answer:?}");
        token = answer.text_of("NextToken").map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let number = |id: &str, value| (id.to_owned(), Document::Number(value));
    assert_eq!(
        told,
        [
            number("a", 36.0),
            number("a", 60.0),
            number("b", 6.0),
            number("c", 6.0),
            number("c", 6.0)
        ],
        "the newest first"
    );
    assert_eq!(pages, 3);
    let code = |refused: Result<Document, Fault>| refused.unwrap_err().code;
    assert_eq!(code(page(&mut metrics, &queries, 0.0, None)), "InvalidParameterValue");
    assert_eq!(code(page(&mut metrics, &queries, 2.0, Some("x"))), "InvalidNextToken");
}
