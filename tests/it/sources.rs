//! Other sources of evidence than Elastic Beanstalk: alarms of CloudWatch, and an address of the user's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use cutover::model::{Clock as _, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Cloud, Project, RELEASE, bundles};

fn cloudwatch(cloud: &Cloud) -> aws_sdk_cloudwatch::Client {
    let settings = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(cloud.local.endpoint())
        .build();
    aws_sdk_cloudwatch::Client::from_conf(settings)
}

/// An alarm about something that only the company knows.
async fn alarm(client: &aws_sdk_cloudwatch::Client, name: &str) {
    let made = client
        .put_metric_alarm()
        .alarm_name(name)
        .namespace("Shop")
        .metric_name("FailedOrders")
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .send()
        .await;
    made.unwrap();
}

async fn set(client: &aws_sdk_cloudwatch::Client, name: &str, state: StateValue) {
    let set = client
        .set_alarm_state()
        .alarm_name(name)
        .state_value(state)
        .state_reason("orders fail")
        .send()
        .await;
    set.unwrap();
}

fn with(project: &Project, lines: &str) {
    project.settings(&[("[drain]\n", &format!("[verdict]\n{lines}\n[drain]\n"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_keeps_a_release_from_beginning_and_takes_back_one_under_way() {
    let cloud = Cloud::start().await;
    let project = cloud.project("alarmed").await;
    let client = cloudwatch(&cloud);
    with(&project, "alarms = [\"orders\"]");
    let none = project.release("v2", &bundles::good("2"), &[]).end(RELEASE).await;
    assert!(none.said().contains("there is no alarm orders"), "{}", none.said());
    alarm(&client, "orders").await;
    set(&client, "orders", StateValue::Alarm).await;
    let refused = project.release("v2", &bundles::good("2"), &[]).end(RELEASE).await;
    assert_eq!(refused.code, none.code, "{}", refused.said());
    assert!(
        refused.said().contains("the alarm orders is on: orders fail"),
        "{}",
        refused.said()
    );

    set(&client, "orders", StateValue::Ok).await;
    project.settings(&[
        ("duration = \"1500ms\"", "duration = \"60s\""),
        ("[drain]\n", "[verdict]\nalarms = [\"orders\"]\n[drain]\n"),
    ]);
    let mut release = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "shift_confirmed", &mut release).await;
    set(&client, "orders", StateValue::Alarm).await;
    let ended = release.end(RELEASE).await;
    assert_eq!(ended.code, Some(4), "{}", ended.said());
    assert!(
        ended.said().contains("the alarm orders is on: orders fail"),
        "{}",
        ended.said()
    );
    cloud.settled("alarmed", "v1", "1").await;
    cloud.end().await;
}

/// A program of the company that tells of both environments: green fails every fifth order, as long as it has users. Only who has the
/// token is told.
async fn metrics(has_users: Arc<AtomicBool>) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&part[..read]),
                }
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            // Before green is there, the live environment is named as both.
            let asked = ["metered-production-r1", "metered-first"]
                .iter()
                .any(|green| request.starts_with(&format!("get /release?blue=metered-first&green={green} ")));
            let now = SystemClock.now().as_millis() as f64 / 1000.0;
            let green = if has_users.load(Ordering::Relaxed) {
                "{\"requests\":1000,\"errors\":200}"
            } else {
                "{\"requests\":0,\"errors\":0}"
            };
            let body = if asked && request.contains("authorization: bearer s3cret-token") {
                format!(
                    "{{\"t\":{now},\"window_s\":0.1,\"blue\":{{\"requests\":1000,\"errors\":1}},\"green\":{green}}}"
                )
            } else {
                format!("not for you: {request}")
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    (port, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_users_own_tells_what_nobody_else_can_see() {
    let cloud = Cloud::start().await;
    let mut project = cloud.project("metered").await;
    let has_users = Arc::new(AtomicBool::new(true));
    let (port, serving) = metrics(Arc::clone(&has_users)).await;
    project.settings(&[
        ("duration = \"1500ms\"", "duration = \"60s\""),
        (
            "[drain]\n",
            &format!(
                "[verdict.endpoint]\nurl = \"http://127.0.0.1:{port}/release?blue={{blue_name}}&green={{green_name}}\"\n\
                 headers = {{ authorization = \"Bearer ${{METRICS_TOKEN}}\" }}\n[drain]\n"
            ),
        ),
    ]);
    project.variables.insert("METRICS_TOKEN", "0ld-token".to_owned());
    let silent = "the address in `verdict.endpoint` tells nothing now";
    let planned = project
        .release("v2", &bundles::good("2"), &["--dry-run"])
        .end(RELEASE)
        .await;
    assert_eq!(planned.code, Some(0), "{}", planned.said());
    assert!(planned.said().contains(silent), "{}", planned.said());
    assert!(!planned.said().contains("0ld-token"), "{}", planned.said());
    project.variables.insert("METRICS_TOKEN", "s3cret-token".to_owned());
    let mut release = project.release("v2", &bundles::good("2"), &[]);
    project.event(1, "traffic_restored", &mut release).await;
    has_users.store(false, Ordering::Relaxed);
    let ended = release.end(RELEASE).await;
    assert_eq!(ended.code, Some(4), "{}", ended.said());
    assert!(ended.said().contains("green is worse than blue"), "{}", ended.said());
    assert!(!ended.said().contains(silent), "{}", ended.said());
    cloud.settled("metered", "v1", "1").await;
    assert!(!ended.said().contains("s3cret-token"), "{}", ended.said());
    for event in project.events(1) {
        assert!(!event.to_string().contains("s3cret-token"), "{event}");
    }
    serving.abort();
    cloud.end().await;
}
