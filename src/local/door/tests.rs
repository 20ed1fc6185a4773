//! Tests of the door in process and over a socket, without any AWS client.

use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::local::exposure::Exposure;
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::objects::ObjectStore;
use crate::model::{SystemClock, Timestamp};

/// A service that repeats what it was asked.
#[derive(Default)]
struct Echo {
    calls: Mutex<Vec<Vec<(String, String)>>>,
}

impl QueryService for Echo {
    fn call(&self, parameters: Vec<(String, String)>) -> QueryAnswer {
        let body = format!("<Echo>{}</Echo>", parameters.len());
        self.calls.lock().unwrap().push(parameters);
        QueryAnswer {
            status: 200,
            body,
            request_id: "echo-1".to_owned(),
        }
    }
}

struct House {
    door: Arc<Door>,
    echo: Arc<Echo>,
    _home: tempfile::TempDir,
}

fn house() -> House {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock);
    let store = ObjectStore::new(home.path(), "eu-central-1", "000000000000", clock.clone()).unwrap();
    let echo = Arc::new(Echo::default());
    let door = Door::new(echo.clone(), S3Front::new(Arc::new(store)), clock);
    House {
        door: Arc::new(door),
        echo,
        _home: home,
    }
}

fn body(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

fn form(text: impl Into<Bytes>) -> Request<Body> {
    Request::post("http://127.0.0.1/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body(text))
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn queries_reach_their_service_with_all_parameters() {
    let house = house();
    let response = house
        .door
        .handle(form("Action=DescribeEvents&Version=2010-12-01&Name=a+b%26"))
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert_eq!(response.headers()["x-amzn-requestid"], "echo-1");
    assert!(response.headers().contains_key("date"));
    assert_eq!(text(response).await, "<Echo>3</Echo>");
    let calls = house.echo.calls.lock().unwrap();
    assert_eq!(calls[0][2], ("Name".to_owned(), "a b&".to_owned()));
}

#[tokio::test]
async fn services_that_are_not_here_are_named() {
    let house = house();
    let response = house
        .door
        .handle(form("Action=DescribeStacks&Version=2010-05-15"))
        .await;
    assert_eq!(response.status(), 501);
    let answer = text(response).await;
    assert!(answer.contains("<Code>NotImplemented</Code>"), "{answer}");
    assert!(answer.contains("the service cloudformation;"), "{answer}");
    assert!(house.echo.calls.lock().unwrap().is_empty());
}

/// Tells which operation was called, and gives back what it was given.
struct Parrot;

impl DocumentService for Parrot {
    fn call(&self, operation: &str, input: &Document) -> Result<Document, Fault> {
        if operation == "Fail" {
            return Err(Fault {
                status: 400,
                code: "InvalidParameterValue",
                message: "no".to_owned(),
            });
        }
        Ok(Document::Map(vec![(operation.to_owned(), input.clone())]))
    }
}

#[tokio::test]
async fn documents_come_and_go_in_json_and_in_cbor() {
    let mut house = house();
    let door = Arc::get_mut(&mut house.door).unwrap();
    door.metrics = Some(Arc::new(Parrot));
    let json = |operation: &str| {
        Request::post("http://127.0.0.1/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("GraniteServiceVersion20100801.{operation}"))
            .body(body("{\"a\":[1.5]}"))
            .unwrap()
    };
    let response = house.door.handle(json("GetMetricData")).await;
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
    assert_eq!(text(response).await, "{\"GetMetricData\":{\"a\":[1.5]}}");
    let response = house.door.handle(json("Fail")).await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["x-amzn-query-error"], "InvalidParameterValue;Sender");
    let sent = Document::Map(vec![("a".to_owned(), Document::Number(2.5))]);
    let request = Request::post("http://127.0.0.1/service/GraniteServiceVersion20100801/operation/ListMetrics")
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body(body(sent.to_cbor()))
        .unwrap();
    let response = house.door.handle(request).await;
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let wanted = Document::Map(vec![("ListMetrics".to_owned(), sent)]);
    assert_eq!(Document::from_cbor(&bytes), Ok(wanted));
}

#[tokio::test]
async fn long_forms_and_web_pages_are_refused() {
    let house = house();
    let long = format!("Action=CreateEnvironment&Version=2010-12-01&x={}", "a".repeat(1 << 20));
    let response = house.door.handle(form(long)).await;
    assert_eq!(response.status(), 413);

    let mut request = form("Action=CreateEnvironment&Version=2010-12-01");
    request
        .headers_mut()
        .insert("origin", "https://evil.example".parse().unwrap());
    let response = house.door.handle(request).await;
    assert_eq!(response.status(), 403);
    assert!(house.echo.calls.lock().unwrap().is_empty());
}

/// Knows no environment.
struct Nowhere;

impl crate::local::permissions::Inventory for Nowhere {
    fn environment(&self, _id: Option<&str>, _name: Option<&str>) -> Option<(String, String)> {
        None
    }

    fn group(&self, _instance: &str) -> Option<String> {
        None
    }

    fn role_path(&self, _name: &str) -> Option<String> {
        None
    }

    fn profile_path(&self, _name: &str) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn a_link_to_logs_is_good_for_whoever_has_it_and_for_nothing_else() {
    let logs = "/elasticbeanstalk-eu-central-1-000000000000/resources/environments/logs/tail/e-1/i-1/TailLogs-1.txt";
    let ask = async |door: &Door, path: &str| {
        let request = Request::get(format!("http://127.0.0.1{path}")).body(body("")).unwrap();
        door.handle(request).await.status().as_u16()
    };
    let mut house = house();
    let door = Arc::get_mut(&mut house.door).unwrap();
    door.keys = Some(("ID:secret".parse().unwrap(), "eu-central-1".to_owned()));
    assert_eq!(ask(door, logs).await, 404, "nothing lies there, and that may be said");
    assert_eq!(ask(door, "/releases/a.zip").await, 403);
    let place = crate::local::permissions::Place {
        region: "eu-central-1".to_owned(),
        account: "000000000000".to_owned(),
    };
    let permissions = Permissions::new(place, Arc::new(Nowhere));
    let policy = r#"{"Version": "2012-10-17", "Statement": []}"#;
    permissions.hold(None, crate::local::permissions::Policy::parse(policy).unwrap());
    (door.keys, door.permissions) = (None, Some(Arc::new(permissions)));
    assert_eq!(ask(door, logs).await, 404);
    assert_eq!(
        ask(door, "/releases/a.zip").await,
        403,
        "who signs nothing is held to the policy for all"
    );
}

#[tokio::test]
async fn of_several_objects_those_are_deleted_that_may_be() {
    let mut house = house();
    let here =
        "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";
    for (path, content) in [("/bucket", here), ("/bucket/journal/1", ""), ("/bucket/secret", "")] {
        let request = Request::put(format!("http://127.0.0.1{path}"))
            .header("content-length", content.len())
            .body(body(content))
            .unwrap();
        assert_eq!(house.door.handle(request).await.status(), 200, "{path}");
    }
    let door = Arc::get_mut(&mut house.door).unwrap();
    let place = crate::local::permissions::Place {
        region: "eu-central-1".to_owned(),
        account: "000000000000".to_owned(),
    };
    let permissions = Permissions::new(place, Arc::new(Nowhere));
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:DeleteObject",
        "Resource": "arn:aws:s3:::bucket/journal/*"}}"#;
    permissions.hold(None, crate::local::permissions::Policy::parse(policy).unwrap());
    door.permissions = Some(Arc::new(permissions));
    let list = "<Delete><Object><Key>journal/1</Key></Object><Object><Key>secret</Key></Object></Delete>";
    let request = Request::post("http://127.0.0.1/bucket?delete")
        .header("content-length", list.len())
        .header("content-md5", "8LuHI2xlZXOMv1qo/kHI5Q==")
        .body(body(list))
        .unwrap();
    let response = door.handle(request).await;
    assert_eq!(response.status(), 200);
    let told = text(response).await;
    assert!(told.contains("<Deleted><Key>journal/1</Key>"), "{told}");
    assert!(
        told.contains("<Code>AccessDenied</Code>") && told.contains("<Key>secret</Key>"),
        "{told}"
    );
    door.permissions = None;
    let there = async |path: &str| {
        let request = Request::head(format!("http://127.0.0.1{path}")).body(body("")).unwrap();
        door.handle(request).await.status().as_u16()
    };
    assert_eq!(
        (there("/bucket/journal/1").await, there("/bucket/secret").await),
        (404, 200)
    );
}

#[tokio::test]
async fn alarms_are_held_to_the_policy_by_the_names_in_both_wire_forms() {
    let mut house = house();
    let door = Arc::get_mut(&mut house.door).unwrap();
    door.metrics = Some(Arc::new(Parrot));
    let place = crate::local::permissions::Place {
        region: "eu-central-1".to_owned(),
        account: "000000000000".to_owned(),
    };
    let permissions = Permissions::new(place, Arc::new(Nowhere));
    let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms",
        "Resource": "arn:aws:cloudwatch:*:*:alarm:shop-*"}}"#;
    permissions.hold(None, crate::local::permissions::Policy::parse(policy).unwrap());
    door.permissions = Some(Arc::new(permissions));
    for (name, status) in [("shop-errors", 200), ("site-errors", 403)] {
        let names = Document::List(vec![Document::Text(name.to_owned())]);
        let input = Document::Map(vec![("AlarmNames".to_owned(), names)]);
        let cbor = Request::post("http://127.0.0.1/service/GraniteServiceVersion20100801/operation/DescribeAlarms")
            .header("smithy-protocol", "rpc-v2-cbor")
            .header("content-type", "application/cbor")
            .body(body(input.to_cbor()))
            .unwrap();
        let json = Request::post("http://127.0.0.1/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "GraniteServiceVersion20100801.DescribeAlarms")
            .body(body(input.to_json()))
            .unwrap();
        for request in [cbor, json] {
            let response = door.handle(request).await;
            assert_eq!(response.status(), status, "{name}");
            let refused = response.headers().get("x-amzn-query-error");
            assert_eq!(refused.is_some(), status == 403, "{name}");
        }
    }
}

/// An account that is never asked.
struct Mute;

#[async_trait::async_trait]
impl JsonServices for Mute {
    async fn call(&self, request: crate::local::automation::JsonRequest) -> crate::local::automation::JsonAnswer {
        panic!("{} should have been refused", request.path)
    }
}

#[tokio::test]
async fn who_speaks_json_is_refused_in_json_also_without_a_body() {
    let mut house = house();
    let door = Arc::get_mut(&mut house.door).unwrap();
    door.automation = Some(Arc::new(Mute));
    door.keys = Some(("ID:secret".parse().unwrap(), "eu-central-1".to_owned()));
    for service in ["lambda", "scheduler", "codepipeline"] {
        let scope = format!("NONE/20260101/eu-central-1/{service}/aws4_request");
        let header = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        let now = http_now();
        let header = header.replace("20260101", &now[..8]);
        let request = Request::get("http://127.0.0.1/2015-03-31/functions")
            .header("authorization", header)
            .header("x-amz-date", now)
            .body(body(""))
            .unwrap();
        let response = door.handle(request).await;
        let told: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(told["__type"], "UnrecognizedClientException", "{service}");
    }
}

#[tokio::test]
async fn a_link_that_is_over_is_refused_whoever_knows_its_key() {
    let house = house();
    let now = SystemClock.now().as_millis() / 1000;
    let ask = async |link: String| {
        let request = Request::get(format!("http://127.0.0.1/bucket/key?{link}"));
        let response = house.door.handle(request.body(body("")).unwrap()).await;
        (response.status().as_u16(), text(response).await)
    };
    let new = |date: &str| format!("X-Amz-Date={date}&X-Amz-Expires=60&X-Amz-Signature=0");
    let old = |until: i64| format!("AWSAccessKeyId=a&Signature=b&Expires={until}");
    for link in [new(&http_now()), old(now + 60)] {
        assert_eq!(ask(link.clone()).await.0, 404, "{link}");
    }
    let week = |more: u32| {
        format!(
            "X-Amz-Date={}&X-Amz-Expires={}&X-Amz-Signature=0",
            http_now(),
            604_800 + more
        )
    };
    assert_eq!(ask(week(0)).await.0, 404);
    let (status, told) = ask(week(1)).await;
    assert!(
        status == 400 && told.contains("<Code>AuthorizationQueryParametersError</Code>"),
        "{told}"
    );
    for link in [new("20200101T000000Z"), old(now - 60)] {
        let (status, told) = ask(link.clone()).await;
        assert_eq!(status, 403, "{link}");
        assert!(
            told.contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"),
            "{told}"
        );
    }
}

/// This moment as requests are dated.
fn http_now() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().as_millis()).unwrap();
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[tokio::test]
async fn answers_to_head_have_no_body() {
    let house = house();
    let request = Request::head("http://127.0.0.1/no-such-bucket/key")
        .body(body(""))
        .unwrap();
    let response = house.door.handle(request).await;
    assert_eq!(response.status(), 404);
    assert!(response.headers().contains_key("x-amz-request-id"));
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn connections_are_kept_alive_and_closed_at_the_end() {
    let house = house();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Exposure::ThisMachine)
        .await
        .unwrap();
    let address = listener.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, Arc::clone(&house.door), async {
        let _ = stopped.await;
    }));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        let request = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                       content-length: 31\r\n\r\nAction=Check&Version=2010-12-01";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("</Echo>") {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the connection was closed after {answer:?}");
            answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[test]
fn dates_have_the_form_of_headers() {
    // The example of RFC 9110 section 5.6.7.
    assert_eq!(
        http_date(Timestamp::from_millis(784_111_777_000)),
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
}
