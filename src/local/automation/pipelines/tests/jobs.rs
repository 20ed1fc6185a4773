//! One execution: its stages, its jobs, and its source.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::Service;
use super::super::super::fixture::World;
use crate::local::storage::Storage as _;

#[test]
fn an_execution_goes_through_all_stages() {
    let mut world = World::with_pipeline(|_| {});
    let id = world.executions()[0]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.executions()[0]["trigger"]["triggerType"], "CreatePipeline");
    assert_eq!(world.action("Source")["status"], "InProgress");
    let job = world.first_job();
    let data = &job["data"];
    let etag = world.storage.revision("source", "shop.zip").unwrap().entity_tag;
    let configuration = &data["actionConfiguration"]["configuration"];
    assert_eq!(configuration["UserParameters"], format!("{id} {etag}"));
    assert_eq!(configuration["FunctionName"], "release");
    let location = &data["inputArtifacts"][0]["location"]["s3Location"];
    let key = location["objectKey"].as_str().unwrap();
    assert_eq!(location["bucketName"], "artifacts");
    assert!(key.starts_with("shop/Shop/"), "{key}");
    assert_eq!(world.storage.text("artifacts", key), "version 1");
    assert!(data.get("continuationToken").is_none() && data.get("encryptionKey").is_none());
    assert!(data["artifactCredentials"]["expirationTime"].is_i64());
    let details = json!({ "summary": "released", "externalExecutionId": "7", "percentComplete": 100 });
    let input = json!({ "jobId": job["id"], "executionDetails": details, "outputVariables": { "version": "v1" } });
    world.pipeline("PutJobSuccessResult", &input);
    let shown = world.action("Deploy");
    assert_eq!(
        (&shown["status"], &shown["summary"]),
        (&json!("Succeeded"), &json!("released"))
    );
    world.pipeline_refuses("PutJobSuccessResult", &input, "InvalidJobStateException");

    let actions = world.pipeline("ListActionExecutions", &json!({ "pipelineName": "shop" }));
    let sign = &actions["actionExecutionDetails"][0];
    assert_eq!(sign["input"]["resolvedConfiguration"]["CustomData"], "v1");
    let token = world.action("Approve")["token"].clone();
    assert_eq!(sign["output"]["executionResult"]["externalExecutionId"], token);
    world.approve("Approved");
    assert_eq!(world.status(&id), "Succeeded");
    assert_eq!(world.action("Approve")["summary"], "looks good");
    let again = json!({ "summary": "", "status": "Approved" });
    let input = json!({ "pipelineName": "shop", "stageName": "Approve", "actionName": "Sign", "result": again, "token": token });
    world.pipeline_refuses("PutApprovalResult", &input, "ApprovalAlreadyCompletedException");
}

#[test]
fn a_continuation_token_comes_back_in_a_new_job() {
    let mut world = World::with_pipeline(|_| {});
    let mut job = world.first_job();
    let mut seen = vec![job["id"].clone()];
    for number in 1..=3 {
        let details = json!({ "summary": format!("step {number}"), "percentComplete": number * 25 });
        let input =
            json!({ "jobId": job["id"], "continuationToken": format!("token {number}"), "executionDetails": details });
        world.pipeline("PutJobSuccessResult", &input);
        world.pipeline_refuses("PutJobSuccessResult", &input, "InvalidJobStateException");
        let shown = world.action("Deploy");
        assert_eq!(
            (&shown["status"], &shown["percentComplete"]),
            (&json!("InProgress"), &json!(number * 25))
        );
        world.seconds(29);
        assert!(world.events().is_empty(), "it is not time yet");
        world.seconds(1);
        job = world.job();
        assert_eq!(job["data"]["continuationToken"], format!("token {number}"));
        assert!(!seen.contains(&job["id"]), "each job has an id of its own");
        seen.push(job["id"].clone());
    }
    world.succeed(&job);
    assert_eq!(world.action("Deploy")["status"], "Succeeded");
    let details = world.pipeline("GetJobDetails", &json!({ "jobId": job["id"] }));
    let context = &details["jobDetails"]["data"]["pipelineContext"];
    assert_eq!(
        (&context["pipelineName"], &context["action"]["name"]),
        (&json!("shop"), &json!("Release"))
    );
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let mut world = World::with_pipeline(|_| {});
    let job = world.first_job();
    world.fail(&job, "version 3 was rolled back: 12 % of requests failed");
    let shown = world.action("Deploy");
    assert_eq!(shown["status"], "Failed");
    assert_eq!(shown["errorDetails"]["code"], "JobFailed");
    assert_eq!(
        shown["errorDetails"]["message"],
        "version 3 was rolled back: 12 % of requests failed"
    );
    assert_eq!(world.executions()[0]["status"], "Failed");
    assert_eq!(world.stage("Deploy")["latestExecution"]["status"], "Failed");
    let unknown = json!({ "jobId": "00000000-0000-4000-8000-000000000000", "failureDetails": { "type": "JobFailed", "message": "x" } });
    world.pipeline_refuses("PutJobFailureResult", &unknown, "JobNotFoundException");
}

#[test]
fn a_job_without_a_result_fails_after_twenty_minutes_and_a_token_begins_them_anew() {
    let mut world = World::with_pipeline(|_| {});
    let job = world.first_job();
    world.seconds(20 * 60 - 1);
    assert_eq!(world.action("Deploy")["status"], "InProgress");
    let input = json!({ "jobId": job["id"], "continuationToken": "more" });
    world.pipeline("PutJobSuccessResult", &input);
    world.seconds(30);
    let job = world.job();
    world.seconds(20 * 60 - 1);
    assert_eq!(world.action("Deploy")["status"], "InProgress");
    world.seconds(1);
    let shown = world.action("Deploy");
    assert_eq!(shown["status"], "Failed");
    let message = shown["errorDetails"]["message"].as_str().unwrap();
    assert!(message.contains("release failed to return a result"), "{message}");
    let late = json!({ "jobId": job["id"] });
    world.pipeline_refuses("PutJobSuccessResult", &late, "InvalidJobStateException");
}

#[test]
fn no_pace_ends_a_job_while_its_function_may_work() {
    // At this pace twenty minutes are less than a second, and a day is less than one.
    let mut world = World::with_pipeline_at(2000.0, |pipeline| {
        pipeline["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] = "false".into();
    });
    let path = "/2015-03-31/functions/release/configuration";
    world.call(Service::Functions, "PUT", path, &json!({ "Timeout": 900 }));
    world.pass(Duration::from_millis(1));
    world.events().remove(0);
    world.seconds(919);
    assert_eq!(world.action("Deploy")["status"], "InProgress");
    world.seconds(1);
    assert_eq!(world.action("Deploy")["status"], "Failed");
}

#[test]
fn an_action_that_always_wants_more_fails_after_a_day() {
    let mut world = World::with_pipeline(|_| {});
    let mut job = world.first_job();
    let begun = world.now;
    loop {
        world.pipeline(
            "PutJobSuccessResult",
            &json!({ "jobId": job["id"], "continuationToken": "more" }),
        );
        world.seconds(15 * 60);
        if world.action("Deploy")["status"] == "Failed" {
            break;
        }
        job = world.job();
    }
    let took = world.now.since(begun);
    assert!(
        took > Duration::from_secs(23 * 3600) && took <= Duration::from_secs(24 * 3600 + 900),
        "{took:?}"
    );
}

#[test]
fn a_function_that_dies_is_tried_again_with_the_same_job() {
    let mut world = World::with_pipeline(|_| {});
    world.seconds(2);
    let (run, first) = world.events().remove(0);
    world.fails(run.id);
    world.seconds(60);
    let (run, second) = world.events().remove(0);
    assert_eq!(first, second);
    world.succeed(&second["CodePipeline.job"]);
    world.answers(run.id, &Value::Null);
    assert_eq!(world.action("Deploy")["status"], "Succeeded");
}

#[test]
fn a_new_object_starts_the_pipeline_once() {
    let mut world = World::with_pipeline(|_| {});
    world.finish_first();
    world.seconds(300);
    assert_eq!(world.executions().len(), 1, "nothing is new");
    world.storage.put("source", "shop.zip", b"version 2");
    world.seconds(60);
    let shown = world.executions();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0]["trigger"]["triggerType"], "PollForSourceChanges");
    world.seconds(300);
    assert_eq!(world.executions().len(), 2);
    // What an execution has fetched is not new when it is looked for.
    let job = world.job();
    world.fail(&job, "x");
    world.storage.put("source", "shop.zip", b"version 3");
    world.start();
    world.seconds(300);
    assert_eq!(world.executions().len(), 3);
}

#[test]
fn a_new_object_waits_while_as_many_executions_are_under_way_as_may_be() {
    let mut world = World::with_pipeline(|_| {});
    let job = world.first_job();
    for _ in 1..50 {
        world.start();
    }
    world.seconds(120);
    world.storage.put("source", "shop.zip", b"version 2");
    world.seconds(120);
    assert_eq!(world.executions().len(), 50);
    world.succeed(&job);
    world.approve("Approved");
    world.seconds(60);
    let shown = world.executions();
    assert_eq!(shown.len(), 51);
    assert_eq!(shown[0]["trigger"]["triggerType"], "PollForSourceChanges");
}

#[test]
fn a_source_that_is_not_polled_waits_to_be_started() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] = "false".into();
    });
    world.finish_first();
    world.storage.put("source", "shop.zip", b"version 2");
    world.seconds(3600);
    assert_eq!(world.executions().len(), 1);
}

#[test]
fn a_source_without_an_object_fails() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = "nothing.zip".into();
    });
    world.seconds(2);
    let shown = world.action("Source");
    assert_eq!(shown["status"], "Failed");
    assert!(
        shown["errorDetails"]["message"]
            .as_str()
            .unwrap()
            .contains("nothing.zip"),
        "{shown}"
    );
}

#[test]
fn a_job_is_answered_after_a_restart_and_an_approval_given() {
    let mut world = World::with_pipeline(|_| {});
    let job = world.first_job();
    world.restart();
    let result = json!({ "jobId": job["id"], "outputVariables": { "version": "v1" } });
    world.pipeline("PutJobSuccessResult", &result);
    world.pipeline_refuses("PutJobSuccessResult", &result, "InvalidJobStateException");
    world.restart();
    world.approve("Approved");
    let id = world.executions()[0]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.status(&id), "Succeeded");
}

#[test]
fn no_time_runs_out_while_there_is_no_cloud() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let away = |world: &mut World| {
        world.now = world.now + 10 * DAY;
        world.restart();
        world.seconds(1);
    };
    let mut world = World::with_pipeline(|_| {});
    let job = world.first_job();
    away(&mut world);
    assert_eq!(world.action("Deploy")["status"], "InProgress");
    let input = json!({ "jobId": job["id"], "continuationToken": "on" });
    world.pipeline("PutJobSuccessResult", &input);
    away(&mut world);
    let job = world.job();
    assert_eq!(job["data"]["continuationToken"], "on");
    world.succeed(&job);
    assert_eq!(world.action("Approve")["status"], "InProgress");
    away(&mut world);
    world.approve("Approved");
    assert_eq!(world.action("Approve")["status"], "Succeeded");

    // It has its whole time from then on, and no more.
    let mut world = World::with_pipeline(|_| {});
    world.first_job();
    away(&mut world);
    world.seconds(20 * 60 - 2);
    assert_eq!(world.action("Deploy")["status"], "InProgress");
    world.seconds(1);
    assert_eq!(world.action("Deploy")["status"], "Failed");
}
