//! Alarms as a whole: minutes go by, and calls come in.

mod calls;
mod composites;
mod evaluations;
mod minutes;
mod rules;

use std::time::Duration;

use serde_json::{Value, json};

use crate::local::balancers::{LoadBalancerArn, TargetGroupArn};
use crate::local::fault::Fault;
use crate::local::memory::Notes;
use crate::local::metrics::{Document, Metrics};
use crate::local::plane::{EnvironmentSample, InstanceSample, InstanceState};
use crate::model::{RequestCounts, Timestamp};

const LB: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/front/0123";
const BLUE: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/blue/4567";
/// The beginning of a minute.
const BEGIN: i64 = 1_795_305_600_000;

struct World {
    metrics: Metrics,
    now: Timestamp,
    /// Length of a minute.
    minute: Duration,
}

impl World {
    fn new() -> Self {
        Self::with_a_minute_of(Duration::from_secs(60))
    }

    fn with_a_minute_of(minute: Duration) -> Self {
        Self {
            metrics: metrics(minute),
            now: Timestamp::from_millis(BEGIN),
            minute,
        }
    }

    /// A minute in which so many requests failed, or in which nobody looked.
    fn minute(&mut self, failed: Option<u64>) {
        self.now = self.now + self.minute;
        if let Some(failed) = failed {
            let requests = RequestCounts {
                status_2xx: 10,
                status_5xx: failed,
                ..RequestCounts::default()
            };
            let instance = InstanceSample {
                complaints: Vec::new(),
                id: "i-1".into(),
                launched_at: Timestamp::default(),
                deployment_id: 1,
                version_label: "v1".into(),
                deployed_at: Timestamp::default(),
                state: InstanceState::InService,
                requests,
                latency: None,
            };
            let sample = EnvironmentSample {
                instances: vec![instance],
                ..EnvironmentSample::default()
            };
            self.metrics
                .note(&LoadBalancerArn::new(LB), &TargetGroupArn::new(BLUE), &sample, self.now);
        }
    }

    fn seconds(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Fault> {
        let input = Document::from_json(input.to_string().as_bytes()).unwrap();
        let answer = self.metrics.handle(operation, &input, self.now)?;
        Ok(serde_json::from_slice(&answer.to_json()).unwrap())
    }

    fn ok(&mut self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).unwrap()
    }

    fn code(&mut self, operation: &str, input: &Value) -> &'static str {
        self.call(operation, input).unwrap_err().code
    }

    /// An alarm on failed requests: more than none in one minute, unless more is said.
    fn put(&mut self, name: &str, more: &Value) {
        self.ok("PutMetricAlarm", &failures(name, more));
    }

    fn set(&mut self, name: &str, state: &str) {
        let input = json!({ "AlarmName": name, "StateValue": state, "StateReason": "for a test" });
        self.ok("SetAlarmState", &input);
    }

    fn alarm(&mut self, name: &str) -> Value {
        let input = json!({ "AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
        let found = self.ok("DescribeAlarms", &input);
        let all = ["MetricAlarms", "CompositeAlarms"].map(|list| found[list].as_array().unwrap().clone());
        let all: Vec<Value> = all.concat();
        let [alarm] = all.as_slice() else {
            panic!("{all:?}");
        };
        alarm.clone()
    }

    fn state(&mut self, name: &str) -> String {
        self.alarm(name)["StateValue"].as_str().unwrap().to_owned()
    }

    /// Since when it is in its state, in seconds after the beginning.
    fn since(&mut self, name: &str) -> f64 {
        let at = self.alarm(name)["StateTransitionedTimestamp"].as_f64().unwrap();
        ((at * 1000.0).round() - 1_795_305_600_000.0) / 1000.0
    }

    fn restart(&mut self) {
        let mut notes = Notes::default();
        self.metrics.remember(&mut notes);
        self.metrics = metrics(self.minute);
        self.metrics.recall(&notes.kept(), self.now).unwrap();
    }
}

fn metrics(minute: Duration) -> Metrics {
    Metrics::new(minute, "eu-central-1", "123456789012")
}

fn failures(name: &str, more: &Value) -> Value {
    let mut input = json!({
        "AlarmName": name,
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": [
            { "Name": "LoadBalancer", "Value": "app/front/0123" },
            { "Name": "TargetGroup", "Value": "targetgroup/blue/4567" },
        ],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
    });
    for (key, value) in more.as_object().unwrap() {
        if value.is_null() {
            input.as_object_mut().unwrap().remove(key);
        } else {
            input[key] = value.clone();
        }
    }
    input
}
