use std::time::Duration;

use serde_json::{Value, json};

use super::super::Service;
use super::super::fixture::{Mistake, World};
use crate::local::storage::Storage as _;

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:drill";

fn schedule(expression: &str) -> Value {
    json!({
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": FUNCTION, "RoleArn": "arn:aws:iam::123456789012:role/scheduler" },
    })
}

impl World {
    fn scheduler(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(Service::Schedules, method, path, body)
    }

    fn schedules(&mut self, body: &Value) {
        let (status, answer) = self.scheduler("POST", "/schedules/drill", body);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            answer["ScheduleArn"],
            "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/drill"
        );
    }

    /// Fired events; what was invoked is done.
    fn fired(&mut self) -> Vec<Value> {
        let events = self.events();
        events
            .into_iter()
            .map(|(run, event)| {
                self.answers(run.id, &Value::Null);
                event
            })
            .collect()
    }
}

#[test]
fn a_rate_fires_again_and_again() {
    let mut world = World::new();
    world.function("drill");
    world.schedules(&schedule("rate(5 minutes)"));
    world.seconds(0);
    let fired = world.fired();
    assert_eq!(fired.len(), 1);
    assert_eq!(
        (&fired[0]["source"], &fired[0]["detail"]),
        (&json!("aws.scheduler"), &json!("{}"))
    );
    for _ in 0..3 {
        world.seconds(299);
        assert!(world.fired().is_empty());
        world.seconds(1);
        assert_eq!(world.fired().len(), 1);
    }
}

#[test]
fn a_rate_counts_from_its_beginning() {
    let mut world = World::new();
    world.function("drill");
    let mut body = schedule("rate(10 minutes)");
    let at = |world: &World, seconds: i64| json!(world.now.as_millis() / 1000 + seconds);
    body["StartDate"] = at(&world, -301);
    let (status, refused) = world.scheduler("POST", "/schedules/drill", &body);
    assert_eq!(status, 400);
    assert_eq!(
        refused["Message"],
        "The StartDate you specify cannot be earlier than 5 minutes ago."
    );
    body["StartDate"] = at(&world, -240);
    world.schedules(&body);
    world.seconds(359);
    assert!(world.fired().is_empty());
    world.seconds(1);
    assert_eq!(world.fired().len(), 1);
    body["StartDate"] = at(&world, 60);
    assert_eq!(world.scheduler("PUT", "/schedules/drill", &body).0, 200);
    world.seconds(59);
    assert!(world.fired().is_empty());
    world.seconds(1);
    assert_eq!(world.fired().len(), 1, "the beginning is a time itself");
}

#[test]
fn its_clock_goes_at_the_pace_of_the_cloud() {
    let mut world = World::paced(20.0);
    world.function("drill");
    let begun = world.now;
    world.schedules(&schedule("cron(0 2 * * ? *)"));
    let mut times = Vec::new();
    while times.len() < 3 {
        world.seconds(1);
        times.extend(world.fired().iter().map(|event| (world.now, event["time"].clone())));
    }
    assert!(
        times[0].0.since(begun) <= Duration::from_secs(72 * 60),
        "within a day of its own"
    );
    assert_eq!(times[1].0.since(times[0].0), Duration::from_secs(72 * 60));
    assert!(
        times
            .iter()
            .all(|(_, time)| time.as_str().unwrap().ends_with("T02:00:00Z")),
        "{times:?}"
    );
}

#[test]
fn one_that_fires_once_may_delete_itself() {
    let mut world = World::new();
    world.function("drill");
    let at = (world.now + Duration::from_secs(600)).to_string();
    let at = at.split('.').next().unwrap();
    let mut once = schedule(&format!("at({at})"));
    once["ActionAfterCompletion"] = "DELETE".into();
    once["Target"]["Input"] = json!({ "at": "<aws.scheduler.scheduled-time>", "n": "<aws.scheduler.attempt-number>" })
        .to_string()
        .into();
    world.schedules(&once);
    world.seconds(599);
    assert_eq!(world.scheduler("GET", "/schedules/drill", &Value::Null).0, 200);
    world.seconds(1);
    assert_eq!(world.fired(), [json!({ "at": format!("{at}Z"), "n": "1" })]);
    assert_eq!(world.scheduler("GET", "/schedules/drill", &Value::Null).0, 404);
}

#[test]
fn a_target_that_cannot_be_reached_is_tried_again() {
    let mut world = World::new();
    let mut body = schedule("rate(1 days)");
    body["Target"]["RetryPolicy"] = json!({ "MaximumRetryAttempts": 2 });
    world.schedules(&body);
    world.seconds(30);
    // It is there before the second attempt.
    world.function("drill");
    world.seconds(30);
    assert_eq!(world.fired().len(), 1);

    let mut world = World::new();
    body["Target"]["RetryPolicy"] = json!({ "MaximumRetryAttempts": 0 });
    world.schedules(&body);
    world.seconds(0);
    world.function("drill");
    world.seconds(3600);
    assert!(world.fired().is_empty(), "it was given up");
}

#[test]
fn a_flexible_window_fires_within_it() {
    let mut world = World::new();
    world.function("drill");
    let mut body = schedule("rate(1 hours)");
    body["FlexibleTimeWindow"] = json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10 });
    world.schedules(&body);
    let begun = world.now;
    let mut late = Vec::new();
    for hour in 0..6 {
        let time = begun + Duration::from_secs(hour * 3600);
        while world.fired().is_empty() {
            world.seconds(1);
        }
        assert!(world.now >= time, "it fires before its time");
        late.push(world.now.since(time).as_secs());
    }
    assert!(late.iter().all(|seconds| *seconds <= 600), "{late:?}");
    assert!(late.iter().any(|seconds| *seconds > 1), "it uses its window: {late:?}");
    assert!(
        late.windows(2).any(|pair| pair[0] != pair[1]),
        "each time anew: {late:?}"
    );
}

#[test]
fn a_schedule_starts_a_pipeline() {
    let mut world = World::new();
    world.function("release");
    world.storage.put("source", "shop.zip", b"version 1");
    let pipeline = super::super::pipelines::tests::declaration();
    world.pipeline("CreatePipeline", &json!({ "pipeline": pipeline }));
    let mut body = schedule("rate(1 hours)");
    body["Target"]["Arn"] = "arn:aws:scheduler:::aws-sdk:codepipeline:startPipelineExecution".into();
    assert_eq!(
        world.scheduler("POST", "/schedules/drill", &body).0,
        400,
        "it needs an input"
    );
    body["Target"]["Input"] = r#"{"Name":"shop"}"#.into();
    world.schedules(&body);
    world.seconds(0);
    let shown = world.pipeline("ListPipelineExecutions", &json!({ "pipelineName": "shop" }));
    let newest = &shown["pipelineExecutionSummaries"][0];
    assert_eq!(newest["trigger"]["triggerType"], "StartPipelineExecution");
    assert_eq!(
        newest["trigger"]["triggerDetail"],
        "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/drill"
    );
}

#[test]
fn schedules_are_shown_changed_and_removed() {
    let mut world = World::new();
    world.function("drill");
    let mut body = schedule("cron(0 2 * * ? *)");
    body["ScheduleExpressionTimezone"] = "Europe/Berlin".into();
    body["ClientToken"] = "once".into();
    world.schedules(&body);
    world.schedules(&body);
    body["ClientToken"] = "twice".into();
    assert_eq!(world.scheduler("POST", "/schedules/drill", &body).0, 409);
    let (_, shown) = world.scheduler("GET", "/schedules/drill?groupName=default", &Value::Null);
    assert_eq!(shown["ScheduleExpressionTimezone"], "Europe/Berlin");
    assert_eq!(shown["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 185);
    assert!(shown.get("ClientToken").is_none() && shown["CreationDate"].is_f64());
    let mut off = schedule("rate(1 minutes)");
    off["State"] = "DISABLED".into();
    assert_eq!(world.scheduler("PUT", "/schedules/drill", &off).0, 200);
    world.seconds(3600);
    assert!(world.fired().is_empty());
    let (_, listed) = world.scheduler("GET", "/schedules?State=DISABLED&NamePrefix=dr", &Value::Null);
    assert_eq!(listed["Schedules"][0]["Target"]["Arn"], FUNCTION);
    let (_, none) = world.scheduler("GET", "/schedules?State=ENABLED", &Value::Null);
    assert_eq!(none["Schedules"], json!([]));
    assert_eq!(world.scheduler("DELETE", "/schedules/drill", &Value::Null).0, 200);
    assert_eq!(world.scheduler("DELETE", "/schedules/drill", &Value::Null).0, 404);
}

#[test]
fn what_cannot_be_a_schedule_is_refused() {
    let mut world = World::new();
    let cases: [(&Mistake, u16); 10] = [
        (&|s| s["ScheduleExpression"] = "rate(5)".into(), 400),
        (&|s| s["ScheduleExpressionTimezone"] = "Berlin".into(), 400),
        (&|s| s["FlexibleTimeWindow"] = json!({ "Mode": "FLEXIBLE" }), 400),
        (&|s| s["State"] = "ON".into(), 400),
        (&|s| s["GroupName"] = "drills".into(), 404),
        (
            &|s| s["Target"]["Arn"] = "arn:aws:sqs:eu-central-1:123456789012:queue".into(),
            501,
        ),
        (&|s| s["Target"]["Arn"] = "drill".into(), 400),
        (
            &|s| s["Target"]["RetryPolicy"] = json!({ "MaximumRetryAttempts": 186 }),
            400,
        ),
        (&|s| s["ScheduleExpression"] = "at(2020-01-01T00:00:00)".into(), 400),
        (&|s| s["Target"] = Value::Null, 400),
    ];
    for (change, status) in cases {
        let mut body = schedule("rate(5 minutes)");
        change(&mut body);
        let (got, answer) = world.scheduler("POST", "/schedules/drill", &body);
        assert_eq!(got, status, "{body}: {answer}");
    }
    assert_eq!(world.scheduler("POST", "/schedule-groups/drills", &json!({})).0, 501);
}

#[test]
fn one_that_fires_once_passes_its_bounds_over() {
    let mut world = World::new();
    world.function("drill");
    let at = world.now + Duration::from_secs(600);
    let at = at.to_string();
    let mut once = schedule(&format!("at({})", at.split('.').next().unwrap()));
    // It would begin after its time, and have ended before it.
    once["StartDate"] = 1_795_009_000.into();
    once["EndDate"] = 1_795_000_300.into();
    world.schedules(&once);
    let (_, shown) = world.scheduler("GET", "/schedules/drill", &Value::Null);
    assert_eq!(shown["EndDate"], 1_795_000_300, "it is shown as it was given");
    world.seconds(599);
    assert!(world.fired().is_empty());
    world.seconds(1);
    assert_eq!(world.fired().len(), 1);
    world.seconds(100_000);
    assert!(world.fired().is_empty());
}
