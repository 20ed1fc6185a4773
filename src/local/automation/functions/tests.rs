use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::fixture::{World, creation, package, read};
use super::super::{Reply, Service};
use crate::local::storage::Storage as _;

const FUNCTIONS: &str = "/2015-03-31/functions";

impl World {
    fn lambda(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call(Service::Functions, method, path, body)
    }

    fn invoke(&mut self, name: &str, kind: &str, event: &Value) -> Reply {
        let path = format!("{FUNCTIONS}/{name}/invocations");
        self.send(
            Service::Functions,
            "POST",
            &path,
            &[("x-amz-invocation-type", kind)],
            event,
        )
    }

    #[track_caller]
    fn accepts(&mut self, name: &str, event: &Value) {
        match self.invoke(name, "Event", event) {
            Reply::Answered(answer) => assert_eq!(answer.status, 202),
            Reply::Waits(_) => panic!("nobody waits for an event"),
        }
    }
}

#[test]
fn a_function_is_pending_and_then_active() {
    let mut world = World::new();
    let (status, made) = world.lambda("POST", FUNCTIONS, &creation("release"));
    assert_eq!((status, &made["State"]), (201, &json!("Pending")), "{made}");
    assert_eq!(made["Timeout"], 3);
    assert_eq!(
        made["FunctionArn"],
        "arn:aws:lambda:eu-central-1:123456789012:function:release"
    );
    match world.invoke("release", "RequestResponse", &json!({})) {
        Reply::Answered(answer) => assert_eq!(answer.status, 409),
        Reply::Waits(_) => panic!("it is pending"),
    }
    world.seconds(3);
    let (status, shown) = world.lambda("GET", &format!("{FUNCTIONS}/release"), &Value::Null);
    assert_eq!((status, &shown["Configuration"]["State"]), (200, &json!("Active")));
    assert_eq!(shown["Configuration"]["LastUpdateStatus"], "Successful");
    let location = shown["Code"]["Location"].as_str().unwrap();
    let key = location.split_once("awslambda-eu-central-1-tasks/").unwrap().1;
    assert!(world.storage.object("awslambda-eu-central-1-tasks", key).is_some());
    let (status, again) = world.lambda("POST", FUNCTIONS, &creation("release"));
    assert_eq!(
        (status, &again["Message"]),
        (409, &json!("Function already exist: release"))
    );
}

#[test]
fn an_update_takes_a_moment_and_is_alone() {
    let mut world = World::new();
    world.function("release");
    let path = format!("{FUNCTIONS}/release/configuration");
    let (status, shown) = world.lambda("PUT", &path, &json!({ "Timeout": 60 }));
    assert_eq!((status, &shown["LastUpdateStatus"]), (200, &json!("InProgress")));
    let code = format!("{FUNCTIONS}/release/code");
    let (status, refused) = world.lambda("PUT", &code, &json!({ "ZipFile": package() }));
    assert_eq!(status, 409, "{refused}");
    // Until it is done, the code before answers.
    world.accepts("release", &json!({}));
    assert_eq!(world.events()[0].0.function.timeout, Duration::from_secs(3));
    world.seconds(3);
    world.accepts("release", &json!({}));
    assert_eq!(world.events()[0].0.function.timeout, Duration::from_secs(60));
    let before = world.automation.deployed()[0].revision;
    world.lambda("PUT", &code, &json!({ "ZipFile": package() }));
    world.seconds(3);
    assert!(world.automation.deployed()[0].revision > before);
}

#[test]
fn packages_are_kept_while_they_are_served() {
    let mut world = World::new();
    world.function("release");
    let kept = |world: &World| world.storage.keys("awslambda-eu-central-1-tasks", "");
    let first = kept(&world);
    assert_eq!(first.len(), 1);
    let code = format!("{FUNCTIONS}/release/code");
    let (status, _) = world.lambda("PUT", &code, &json!({ "ZipFile": package(), "DryRun": true }));
    assert_eq!((status, kept(&world)), (200, first.clone()), "a dry run keeps nothing");
    assert_eq!(world.lambda("PUT", &code, &json!({ "ZipFile": package() })).0, 200);
    let second = kept(&world);
    assert!(second.len() == 1 && second != first, "{second:?}");
    let mut wrong = creation("other");
    wrong["Architectures"] = json!(["mips"]);
    assert_eq!(world.lambda("POST", FUNCTIONS, &wrong).0, 400);
    assert_eq!(kept(&world), second, "what is refused is not kept");
}

#[test]
fn a_caller_waits_for_the_answer() {
    let mut world = World::new();
    world.function("release");
    let waits = |reply: Reply| match reply {
        Reply::Waits(run) => run,
        Reply::Answered(answer) => panic!("{answer:?}"),
    };
    let run = waits(world.invoke("release", "RequestResponse", &json!({ "a": 1 })));
    let events = world.events();
    assert_eq!((events[0].0.id, &events[0].1), (run, &json!({ "a": 1 })));
    assert_eq!(world.answers(run, &json!("done")), Some((200, json!("done"))));
    let run = waits(world.invoke("release", "RequestResponse", &json!({})));
    let answer = world.fails(run).unwrap();
    assert!(
        answer
            .headers
            .contains(&("x-amz-function-error", "Unhandled".to_owned()))
    );
    assert_eq!(read(&answer).1["errorMessage"], "no");
    // Told twice, it is one answer all the same.
    assert_eq!(world.fails(run), None);
}

#[test]
fn a_client_tells_of_itself_in_base64() {
    let mut world = World::new();
    world.function("release");
    let path = format!("{FUNCTIONS}/release/invocations");
    let mut invoke = |context: &str| {
        let reply = world.send(
            Service::Functions,
            "POST",
            &path,
            &[("x-amz-client-context", context)],
            &json!({}),
        );
        let runs = world.events();
        match reply {
            Reply::Waits(run) => {
                world.answers(run, &Value::Null);
                Ok(runs[0].0.client_context.clone())
            }
            Reply::Answered(answer) => Err(read(&answer).1["Message"].as_str().unwrap().to_owned()),
        }
    };
    let told = STANDARD.encode("{\"custom\": {\n\"name\": \"J\u{f6}rg\" }}");
    assert_eq!(
        invoke(&told),
        Ok(Some("{\"custom\":{\"name\":\"J\u{f6}rg\"}}".to_owned()))
    );
    assert_eq!(invoke(""), Ok(None));
    for (wrong, why) in [
        ("{\"custom\": {}}".to_owned(), "not Base64"),
        (STANDARD.encode("[1]"), "not a JSON object"),
        (STANDARD.encode("x".repeat(2700)), "3600 bytes"),
    ] {
        let refused = invoke(&wrong).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn no_more_run_at_once_than_may() {
    let mut world = World::new();
    world.function("release");
    for _ in 0..10 {
        assert!(matches!(
            world.invoke("release", "RequestResponse", &json!({})),
            Reply::Waits(_)
        ));
    }
    match world.invoke("release", "RequestResponse", &json!({})) {
        Reply::Answered(answer) => assert_eq!(answer.status, 429),
        Reply::Waits(_) => panic!("there is no room"),
    }
    let runs = world.events();
    world.accepts("release", &json!({ "waits": true }));
    assert!(world.events().is_empty());
    world.answers(runs[0].0.id, &json!(null));
    world.seconds(1);
    assert_eq!(world.events()[0].1, json!({ "waits": true }));
    for (run, _) in &runs[1..] {
        world.answers(run.id, &json!(null));
    }
    let path = "/2017-10-31/functions/release/concurrency";
    world.lambda("PUT", path, &json!({ "ReservedConcurrentExecutions": 0 }));
    match world.invoke("release", "RequestResponse", &json!({})) {
        Reply::Answered(answer) => assert_eq!(answer.status, 429, "none may run"),
        Reply::Waits(_) => panic!("none may run"),
    }
}

#[test]
fn an_event_is_tried_three_times_with_pauses() {
    let mut world = World::new();
    world.function("release");
    world.accepts("release", &json!({ "n": 1 }));
    let first = world.events().remove(0).0;
    world.fails(first.id);
    world.seconds(59);
    assert!(world.events().is_empty());
    world.seconds(1);
    let second = world.events().remove(0).0;
    assert_eq!(
        (&second.request_id, &second.payload),
        (&first.request_id, &first.payload)
    );
    world.fails(second.id);
    world.seconds(119);
    assert!(world.events().is_empty());
    world.seconds(1);
    let third = world.events().remove(0).0;
    world.fails(third.id);
    world.seconds(10_000);
    assert!(world.events().is_empty());
}

#[test]
fn what_is_given_up_goes_to_its_destination() {
    let mut world = World::new();
    world.function("release");
    world.function("undertaker");
    world.function("herald");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    let undertaker = "arn:aws:lambda:eu-central-1:123456789012:function:undertaker";
    let config = json!({
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {
            "OnFailure": { "Destination": undertaker },
            "OnSuccess": { "Destination": "arn:aws:lambda:eu-central-1:123456789012:function:herald" },
        },
    });
    let (status, shown) = world.lambda("PUT", path, &config);
    assert_eq!((status, &shown["MaximumRetryAttempts"]), (200, &json!(0)), "{shown}");
    assert_eq!(shown["DestinationConfig"]["OnFailure"]["Destination"], undertaker);
    world.accepts("release", &json!({ "n": 1 }));
    let run = world.events().remove(0).0;
    world.fails(run.id);
    let (told, record) = world.events().remove(0);
    assert_eq!(told.function.name, "undertaker");
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestPayload"], json!({ "n": 1 }));
    assert_eq!(record["responsePayload"]["errorMessage"], "no");
    world.answers(told.id, &json!(null));

    world.accepts("release", &json!({ "n": 2 }));
    let run = world.events().remove(0).0;
    world.answers(run.id, &json!("well"));
    let (told, record) = world.events().remove(0);
    assert_eq!(told.function.name, "herald");
    assert_eq!(record["responsePayload"], "well");

    // The second form changes only what it mentions.
    let (_, shown) = world.lambda("POST", path, &json!({ "MaximumRetryAttempts": 1 }));
    assert_eq!(shown["DestinationConfig"]["OnFailure"]["Destination"], undertaker);
    assert_eq!(world.lambda("DELETE", path, &Value::Null).0, 204);
    assert_eq!(world.lambda("GET", path, &Value::Null).0, 404);
}

#[test]
fn only_a_configuration_that_is_there_is_changed_and_by_something() {
    let mut world = World::new();
    world.function("release");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    let (status, refused) = world.lambda("POST", path, &json!({ "MaximumRetryAttempts": 1 }));
    assert_eq!(status, 404);
    assert_eq!(
        refused["Message"],
        "The function arn:aws:lambda:eu-central-1:123456789012:function:release:$LATEST doesn't have an EventInvokeConfig"
    );
    for method in ["PUT", "POST"] {
        let (status, refused) = world.lambda(method, path, &json!({}));
        assert_eq!(status, 400, "{refused}");
        assert_eq!(
            refused["Message"],
            "You must specify at least one of error handling or destination setting."
        );
    }
}

#[test]
fn a_bucket_is_a_destination_for_failures_alone() {
    let mut world = World::new();
    world.function("release");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    let to = |when: &str| json!({ "DestinationConfig": { when: { "Destination": "arn:aws:s3:::news" } } });
    assert_eq!(world.lambda("PUT", path, &to("OnFailure")).0, 200);
    for method in ["PUT", "POST"] {
        let (status, refused) = world.lambda(method, path, &to("OnSuccess"));
        assert_eq!(status, 400, "{refused}");
        assert!(refused["Message"].as_str().unwrap().contains("OnFailure"), "{refused}");
    }
}

#[test]
fn an_event_that_is_too_old_is_not_tried_again() {
    let mut world = World::new();
    world.function("release");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    world.lambda("PUT", path, &json!({ "MaximumEventAgeInSeconds": 60 }));
    world.accepts("release", &json!({}));
    let run = world.events().remove(0).0;
    world.seconds(30);
    world.fails(run.id);
    world.seconds(800);
    assert!(world.events().is_empty());
}

#[test]
fn an_event_of_a_function_that_may_not_run_is_given_up_at_once() {
    let mut world = World::new();
    world.function("release");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    let to = json!({ "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::news" } } });
    world.lambda("PUT", path, &to);
    let concurrency = "/2017-10-31/functions/release/concurrency";
    world.lambda("PUT", concurrency, &json!({ "ReservedConcurrentExecutions": 0 }));
    world.accepts("release", &json!({ "n": 1 }));
    let kept = world.storage.keys("news", "");
    assert_eq!(kept.len(), 1, "{kept:?}");
    let record: Value = serde_json::from_str(&world.storage.text("news", &kept[0])).unwrap();
    assert_eq!(record["requestContext"]["condition"], "ZeroReservedConcurrency");
    world.lambda("DELETE", concurrency, &Value::Null);
    world.seconds(60);
    assert!(world.events().is_empty(), "it is not tried again");
}

#[test]
fn an_event_that_was_never_tried_grows_too_old_as_well() {
    let mut world = World::new();
    world.function("release");
    let path = "/2019-09-25/functions/release/event-invoke-config";
    let config = json!({
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:s3:::news" } },
    });
    world.lambda("PUT", path, &config);
    let concurrency = "/2017-10-31/functions/release/concurrency";
    world.lambda("PUT", concurrency, &json!({ "ReservedConcurrentExecutions": 1 }));
    world.accepts("release", &json!({ "n": 0 }));
    assert_eq!(world.events().len(), 1);
    world.accepts("release", &json!({ "n": 1 }));
    world.seconds(60);
    assert!(world.storage.keys("news", "").is_empty(), "it waits for room");
    world.seconds(1);
    let kept = world.storage.keys("news", "");
    assert_eq!(kept.len(), 1, "{kept:?}");
    let record: Value = serde_json::from_str(&world.storage.text("news", &kept[0])).unwrap();
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    world.lambda("DELETE", concurrency, &Value::Null);
    world.seconds(60);
    assert!(world.events().is_empty());
}

#[test]
fn no_pace_gives_up_an_event_for_the_time_that_its_function_takes() {
    let mut world = World::paced(20.0);
    world.function("release");
    let path = format!("{FUNCTIONS}/release/configuration");
    world.lambda("PUT", &path, &json!({ "Timeout": 900 }));
    world.seconds(5);
    world.accepts("release", &json!({}));
    // At that pace six hours are eighteen minutes, and less than the three attempts take.
    for _ in 0..3 {
        let run = world.events().remove(0).0;
        world.seconds(900);
        world.fails(run.id);
        world.seconds(6);
    }
    assert!(world.events().is_empty(), "three attempts are all");
}

#[test]
fn what_ends_makes_room_though_its_function_was_removed() {
    let mut world = World::new();
    world.function("release");
    world.function("other");
    for _ in 0..10 {
        world.accepts("release", &json!({}));
    }
    let runs = world.events();
    world.accepts("other", &json!({ "waits": true }));
    world.lambda("DELETE", &format!("{FUNCTIONS}/release"), &Value::Null);
    assert!(world.events().is_empty(), "what has begun goes on");
    // It looks for room once a second, and nobody has come to let it look.
    world.now = world.now + Duration::from_secs(1);
    world.fails(runs[0].0.id);
    assert_eq!(world.events()[0].1, json!({ "waits": true }));
}

#[test]
fn what_cannot_be_a_function_is_refused() {
    let mut world = World::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = creation("release");
        change(&mut body);
        body
    };
    for (body, status) in [
        (with(&|body| body["FunctionName"] = "a b".into()), 400),
        (with(&|body| body["Runtime"] = "nodejs22.x".into()), 501),
        (with(&|body| body["Timeout"] = 901.into()), 400),
        (with(&|body| body["MemorySize"] = 64.into()), 400),
        (with(&|body| body["Code"] = json!({ "ZipFile": "bm8gemlw" })), 400),
        (with(&|body| body["Code"] = json!({ "ZipFile": "%" })), 400),
        (with(&|body| body["Code"] = json!({})), 400),
        (
            with(&|body| body["Code"] = json!({ "S3Bucket": "b", "S3Key": "nothing" })),
            400,
        ),
        (
            with(&|body| body["Environment"]["Variables"]["AWS_REGION"] = "x".into()),
            400,
        ),
        (with(&|body| body["Environment"]["Variables"]["9"] = "x".into()), 400),
        (
            with(&|body| body["Layers"] = json!(["arn:aws:lambda:eu-central-1:123456789012:layer:a:1"])),
            501,
        ),
        (
            with(&|body| body["DeadLetterConfig"] = json!({ "TargetArn": "arn:aws:sqs:eu-central-1:1:q" })),
            501,
        ),
        (with(&|body| body["Publish"] = true.into()), 501),
        (with(&|body| body["Role"] = "someone".into()), 400),
        (json!({ "FunctionName": 7 }), 400),
        (json!([]), 400),
    ] {
        let (got, answer) = world.lambda("POST", FUNCTIONS, &body);
        assert_eq!(got, status, "{answer}");
    }
    assert_eq!(
        world.lambda("GET", &format!("{FUNCTIONS}/release"), &Value::Null).0,
        404
    );
    assert_eq!(world.lambda("PATCH", FUNCTIONS, &Value::Null).0, 501);
}

#[test]
fn nothing_of_an_event_or_an_answer_is_printed() {
    let mut world = World::new();
    world.function("release");
    world.accepts("release", &json!({ "password": "hunter2" }));
    let shown = format!("{:?}", world.automation.functions);
    assert!(shown.contains("payload_bytes") && !shown.contains("hunter2"), "{shown}");
    // Not as a list of bytes either: those are an `h` and a `u`.
    assert!(!shown.contains("104, 117"), "{shown}");
    let end = format!("{:?}", super::RunEnd::Answered(b"hunter2".to_vec()));
    assert_eq!(end, "Answered(7 bytes)");
    let answer = super::super::JsonAnswer::document(200, &json!("hunter2"));
    assert!(!format!("{answer:?}").contains("hunter2"));
}

#[test]
fn permissions_and_tags_are_kept() {
    let mut world = World::new();
    world.function("release");
    let policy = format!("{FUNCTIONS}/release/policy");
    let statement = json!({
        "StatementId": "scheduler",
        "Action": "lambda:InvokeFunction",
        "Principal": "scheduler.amazonaws.com",
        "SourceArn": "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/drill",
    });
    assert_eq!(world.lambda("POST", &policy, &statement).0, 201);
    assert_eq!(world.lambda("POST", &policy, &statement).0, 409);
    let shown = world.lambda("GET", &policy, &Value::Null).1;
    let shown: Value = serde_json::from_str(shown["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(shown["Statement"][0]["Principal"]["Service"], "scheduler.amazonaws.com");
    assert_eq!(
        world.lambda("DELETE", &format!("{policy}/scheduler"), &Value::Null).0,
        204
    );
    assert_eq!(world.lambda("GET", &policy, &Value::Null).0, 404);
    let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Arelease";
    assert_eq!(
        world.lambda("POST", tags, &json!({ "Tags": { "a": "1", "b": "2" } })).0,
        204
    );
    assert_eq!(
        world.lambda("DELETE", &format!("{tags}?tagKeys=a"), &Value::Null).0,
        204
    );
    assert_eq!(
        world.lambda("GET", tags, &Value::Null).1,
        json!({ "Tags": { "b": "2" } })
    );
}
