use std::time::Duration;

use serde_json::{Value, json};

use super::super::Service;
use super::super::fixture::World;
use super::declaration::Declaration;
use super::state::{Execution, Position, Status, Trigger};
use crate::local::storage::Storage as _;
use crate::model::Timestamp;

/// A pipeline of the type V2: an S3 source, a function, and an approval.
pub(in super::super) fn declaration() -> Value {
    let action = |name: &str, category: &str, provider: &str, configuration: Value| {
        json!({
            "name": name,
            "actionTypeId": { "category": category, "owner": "AWS", "provider": provider, "version": "1" },
            "configuration": configuration,
        })
    };
    let mut source = action(
        "Bundle",
        "Source",
        "S3",
        json!({ "S3Bucket": "source", "S3ObjectKey": "shop.zip" }),
    );
    source["outputArtifacts"] = json!([{ "name": "Shop" }]);
    source["namespace"] = "SourceVariables".into();
    let parameters = "#{codepipeline.PipelineExecutionId} #{SourceVariables.ETag}";
    let mut invoke = action(
        "Release",
        "Invoke",
        "Lambda",
        json!({ "FunctionName": "release", "UserParameters": parameters }),
    );
    invoke["inputArtifacts"] = json!([{ "name": "Shop" }]);
    invoke["namespace"] = "Released".into();
    let approve = action(
        "Sign",
        "Approval",
        "Manual",
        json!({ "CustomData": "#{Released.version}" }),
    );
    json!({
        "name": "shop",
        "roleArn": "arn:aws:iam::123456789012:role/pipeline",
        "artifactStore": { "type": "S3", "location": "artifacts" },
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "stages": [
            { "name": "Source", "actions": [source] },
            { "name": "Deploy", "actions": [invoke] },
            { "name": "Approve", "actions": [approve] },
        ],
    })
}

/// An execution that has not begun.
pub(super) fn execution() -> Execution {
    let declaration: Declaration = serde_json::from_value(declaration()).unwrap();
    Execution {
        id: "00000000-0000-4000-8000-000000000001".to_owned(),
        declaration: declaration.into(),
        trigger: Trigger {
            kind: "StartPipelineExecution",
            detail: String::new(),
        },
        rollback_to: None,
        status: Status::InProgress,
        summary: None,
        started: Timestamp::default(),
        updated: Timestamp::default(),
        position: Position::Before(0),
        stop: None,
        overrides: std::collections::BTreeMap::new(),
        artifacts: std::collections::BTreeMap::new(),
        variables: std::collections::BTreeMap::new(),
        stages: std::collections::BTreeMap::new(),
    }
}

impl World {
    /// With the function and version 1 of the source.
    fn with_pipeline(change: impl FnOnce(&mut Value)) -> Self {
        let mut world = Self::new();
        world.function("release");
        world.storage.put("source", "shop.zip", b"version 1");
        let mut declaration = declaration();
        change(&mut declaration);
        let made = world.pipeline("CreatePipeline", &json!({ "pipeline": declaration }));
        assert_eq!(made["pipeline"]["version"], 1);
        world
    }

    fn start(&mut self) -> String {
        let started = self.pipeline("StartPipelineExecution", &json!({ "name": "shop" }));
        started["pipelineExecutionId"].as_str().unwrap().to_owned()
    }

    fn status(&mut self, execution: &str) -> String {
        let input = json!({ "pipelineName": "shop", "pipelineExecutionId": execution });
        let shown = self.pipeline("GetPipelineExecution", &input);
        shown["pipelineExecution"]["status"].as_str().unwrap().to_owned()
    }

    fn stage(&mut self, name: &str) -> Value {
        let state = self.pipeline("GetPipelineState", &json!({ "name": "shop" }));
        let stages = state["stageStates"].as_array().unwrap();
        stages.iter().find(|stage| stage["stageName"] == name).unwrap().clone()
    }

    /// What the state shows of the only action of a stage.
    fn action(&mut self, stage: &str) -> Value {
        self.stage(stage)["actionStates"][0]["latestExecution"].clone()
    }

    fn executions(&mut self) -> Vec<Value> {
        let shown = self.pipeline("ListPipelineExecutions", &json!({ "pipelineName": "shop" }));
        shown["pipelineExecutionSummaries"].as_array().unwrap().clone()
    }

    /// The job that a function has been given, and its function is done.
    #[track_caller]
    fn job(&mut self) -> Value {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "one job: {events:?}");
        let (run, event) = events.remove(0);
        self.answers(run.id, &Value::Null);
        event["CodePipeline.job"].clone()
    }

    /// The next job, once the source is fetched.
    #[track_caller]
    fn first_job(&mut self) -> Value {
        self.seconds(2);
        self.job()
    }

    fn succeed(&mut self, job: &Value) {
        self.pipeline("PutJobSuccessResult", &json!({ "jobId": job["id"] }));
    }

    fn fail(&mut self, job: &Value, message: &str) {
        let details = json!({ "type": "JobFailed", "message": message });
        self.pipeline(
            "PutJobFailureResult",
            &json!({ "jobId": job["id"], "failureDetails": details }),
        );
    }

    fn approve(&mut self, status: &str) {
        let token = self.action("Approve")["token"].clone();
        let result = json!({ "summary": "looks good", "status": status });
        let input = json!({ "pipelineName": "shop", "stageName": "Approve", "actionName": "Sign", "result": result, "token": token });
        self.pipeline("PutApprovalResult", &input);
    }

    /// A whole execution that goes well; gives its id.
    fn release(&mut self) -> String {
        let id = self.start();
        let job = self.first_job();
        self.succeed(&job);
        self.approve("Approved");
        assert_eq!(self.status(&id), "Succeeded");
        id
    }

    /// The execution that the creation of the pipeline began, through to its end.
    fn finish_first(&mut self) -> String {
        let id = self.executions()[0]["pipelineExecutionId"].as_str().unwrap().to_owned();
        let job = self.first_job();
        self.succeed(&job);
        self.approve("Approved");
        id
    }
}

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
fn queued_executions_follow_each_other_and_none_is_left_out() {
    let mut world = World::with_pipeline(|_| {});
    let first = world.executions()[0]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = world.first_job();
    let second = world.start();
    let third = world.start();
    world.seconds(10);
    assert!(world.events().is_empty(), "the stage is taken");
    let inbound = world.stage("Deploy")["inboundExecutions"].clone();
    assert_eq!(inbound[0]["pipelineExecutionId"], second);
    world.succeed(&job);
    let job = world.job();
    assert!(
        job["data"]["actionConfiguration"]["configuration"]["UserParameters"]
            .as_str()
            .unwrap()
            .starts_with(&second)
    );
    for id in [&first, &second, &third] {
        assert_eq!(world.status(id), "InProgress");
    }
}

#[test]
fn a_newer_execution_supersedes_one_that_waits() {
    let mut world = World::with_pipeline(|pipeline| pipeline["executionMode"] = "SUPERSEDED".into());
    let job = world.first_job();
    let second = world.start();
    world.seconds(3);
    let third = world.start();
    world.seconds(3);
    assert_eq!(world.status(&second), "Superseded");
    world.succeed(&job);
    let job = world.job();
    assert!(
        job["data"]["actionConfiguration"]["configuration"]["UserParameters"]
            .as_str()
            .unwrap()
            .starts_with(&third)
    );
}

#[test]
fn parallel_executions_do_not_wait_for_each_other() {
    let mut world = World::with_pipeline(|pipeline| pipeline["executionMode"] = "PARALLEL".into());
    world.first_job();
    world.start();
    world.first_job();
}

#[test]
fn a_stop_waits_for_what_is_under_way_or_abandons_it() {
    let mut world = World::with_pipeline(|_| {});
    let first = world.executions()[0]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = world.first_job();
    let stop = |id: &str, abandon: bool| json!({ "pipelineName": "shop", "pipelineExecutionId": id, "abandon": abandon, "reason": "lunch" });
    world.pipeline("StopPipelineExecution", &stop(&first, false));
    assert_eq!(world.status(&first), "Stopping");
    world.pipeline_refuses(
        "StopPipelineExecution",
        &stop(&first, false),
        "DuplicatedStopRequestException",
    );
    world.succeed(&job);
    assert_eq!(world.status(&first), "Stopped");
    assert_eq!(world.executions()[0]["stopTrigger"]["reason"], "lunch");
    world.pipeline_refuses(
        "StopPipelineExecution",
        &stop(&first, true),
        "PipelineExecutionNotStoppableException",
    );

    let second = world.start();
    let job = world.first_job();
    world.pipeline("StopPipelineExecution", &stop(&second, true));
    assert_eq!(world.status(&second), "Stopped");
    assert_eq!(world.action("Deploy")["status"], "Abandoned");
    world.pipeline_refuses(
        "PutJobSuccessResult",
        &json!({ "jobId": job["id"] }),
        "InvalidJobStateException",
    );
}

#[test]
fn a_failed_stage_is_retried() {
    let mut world = World::with_pipeline(|_| {});
    let id = world.executions()[0]["pipelineExecutionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let job = world.first_job();
    let retry = json!({ "pipelineName": "shop", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "FAILED_ACTIONS" });
    world.pipeline_refuses("RetryStageExecution", &retry, "StageNotRetryableException");
    world.fail(&job, "once");
    world.pipeline("RetryStageExecution", &retry);
    assert_eq!(world.status(&id), "InProgress");
    let again = world.job();
    assert_ne!(job["id"], again["id"]);
    world.succeed(&again);
    assert_eq!(world.stage("Deploy")["latestExecution"]["status"], "Succeeded");
    assert_eq!(
        world.stage("Deploy")["retryStageMetadata"]["manualStageRetryAttempt"],
        1
    );
    let filter = json!({ "pipelineExecutionId": id });
    let actions = world.pipeline(
        "ListActionExecutions",
        &json!({ "pipelineName": "shop", "filter": filter }),
    );
    let statuses: Vec<_> = actions["actionExecutionDetails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["status"].clone())
        .collect();
    assert_eq!(
        statuses,
        ["InProgress", "Succeeded", "Failed", "Succeeded"],
        "both attempts are shown"
    );

    let second = world.start();
    world.seconds(3);
    let job = world.job();
    world.fail(&job, "x");
    let old =
        json!({ "pipelineName": "shop", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": "ALL_ACTIONS" });
    world.pipeline_refuses("RetryStageExecution", &old, "NotLatestPipelineExecutionException");
    assert_eq!(world.status(&second), "Failed");
}

#[test]
fn a_stage_is_rolled_back_by_hand() {
    let mut world = World::with_pipeline(|_| {});
    let good = world.finish_first();
    world.storage.put("source", "shop.zip", b"version 2");
    let newer = world.release();
    let back = |stage: &str, target: &str| json!({ "pipelineName": "shop", "stageName": stage, "targetPipelineExecutionId": target });
    let started = world.pipeline("RollbackStage", &back("Deploy", &good));
    let id = started["pipelineExecutionId"].as_str().unwrap().to_owned();
    let job = world.job();
    let location = &job["data"]["inputArtifacts"][0]["location"]["s3Location"];
    assert_eq!(
        world.storage.text("artifacts", location["objectKey"].as_str().unwrap()),
        "version 1"
    );
    world.succeed(&job);
    assert_eq!(world.status(&id), "Succeeded", "it is of that stage alone");
    let shown = &world.executions()[0];
    assert_eq!(shown["executionType"], "ROLLBACK");
    assert_eq!(shown["rollbackMetadata"]["rollbackTargetPipelineExecutionId"], good);
    world.pipeline_refuses(
        "RollbackStage",
        &back("Source", &newer),
        "UnableToRollbackStageException",
    );
    world.pipeline_refuses("RollbackStage", &back("Deploy", &id), "UnableToRollbackStageException");
    world.pipeline("UpdatePipeline", &json!({ "pipeline": declaration() }));
    world.pipeline_refuses(
        "RollbackStage",
        &back("Deploy", &good),
        "PipelineExecutionOutdatedException",
    );
}

#[test]
fn a_stage_that_fails_is_rolled_back_by_itself() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][1]["onFailure"] = json!({ "result": "ROLLBACK" });
    });
    let job = world.first_job();
    world.fail(&job, "there is nothing to go back to");
    assert_eq!(world.executions().len(), 1);
    let good = world.release();
    let bad = world.start();
    let job = world.first_job();
    world.fail(&job, "bad");
    assert_eq!(world.status(&bad), "Failed");
    let shown = world.executions()[0].clone();
    assert_eq!(shown["trigger"]["triggerType"], "AutomatedRollback");
    assert_eq!(shown["trigger"]["triggerDetail"], bad);
    assert_eq!(shown["rollbackMetadata"]["rollbackTargetPipelineExecutionId"], good);
    let job = world.job();
    world.fail(&job, "bad as well");
    assert_eq!(world.executions().len(), 4, "a rollback that fails is not rolled back");
}

#[test]
fn a_stage_that_fails_is_retried_once_by_itself() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][1]["onFailure"] =
            json!({ "result": "RETRY", "retryConfiguration": { "retryMode": "ALL_ACTIONS" } });
    });
    let job = world.first_job();
    world.fail(&job, "once");
    let job = world.job();
    world.fail(&job, "twice");
    assert!(world.events().is_empty());
    assert_eq!(world.executions()[0]["status"], "Failed");
    assert_eq!(
        world.stage("Deploy")["retryStageMetadata"]["latestRetryTrigger"],
        "AutomatedStageRetry"
    );
}

#[test]
fn a_disabled_transition_holds_executions() {
    let mut world = World::with_pipeline(|_| {});
    let way = |reason: Option<&str>| json!({ "pipelineName": "shop", "stageName": "Deploy", "transitionType": "Inbound", "reason": reason });
    world.pipeline("DisableStageTransition", &way(Some("freeze")));
    world.seconds(10);
    assert!(world.events().is_empty());
    assert_eq!(
        world.stage("Deploy")["inboundTransitionState"]["disabledReason"],
        "freeze"
    );
    world.pipeline("EnableStageTransition", &way(None));
    world.job();
}

#[test]
fn an_approval_is_rejected_or_runs_out() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][2]["actions"][0]["timeoutInMinutes"] = 30.into();
    });
    let job = world.first_job();
    world.succeed(&job);
    let wrong = json!({
        "pipelineName": "shop", "stageName": "Approve", "actionName": "Sign",
        "result": { "summary": "", "status": "Approved" }, "token": "00000000-0000-4000-8000-000000000000",
    });
    world.pipeline_refuses("PutApprovalResult", &wrong, "InvalidApprovalTokenException");
    world.approve("Rejected");
    assert_eq!(world.executions()[0]["status"], "Failed");
    world.start();
    let job = world.first_job();
    world.succeed(&job);
    world.seconds(30 * 60);
    assert_eq!(world.action("Approve")["errorDetails"]["code"], "ApprovalTimedOut");
}

#[test]
fn a_start_with_the_same_token_is_one_start() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["variables"] = json!([{ "name": "slot", "defaultValue": "shop/production" }]);
        pipeline["stages"][1]["actions"][0]["configuration"]["UserParameters"] = "#{variables.slot}".into();
    });
    world.finish_first();
    let start = json!({ "name": "shop", "clientRequestToken": "once", "variables": [{ "name": "slot", "value": "shop/staging" }] });
    let first = world.pipeline("StartPipelineExecution", &start);
    assert_eq!(world.pipeline("StartPipelineExecution", &start), first);
    let job = world.first_job();
    assert_eq!(
        job["data"]["actionConfiguration"]["configuration"]["UserParameters"],
        "shop/staging"
    );
    let unknown = json!({ "name": "shop", "variables": [{ "name": "other", "value": "x" }] });
    world.pipeline_refuses("StartPipelineExecution", &unknown, "ValidationException");
}

#[test]
fn a_function_that_is_not_there_fails_the_action() {
    let mut world = World::with_pipeline(|pipeline| {
        pipeline["stages"][1]["actions"][0]["configuration"]["FunctionName"] = "nobody".into();
    });
    world.seconds(2);
    let shown = world.action("Deploy");
    assert!(
        shown["errorDetails"]["message"]
            .as_str()
            .unwrap()
            .contains("nobody cannot be found"),
        "{shown}"
    );
}

#[test]
fn what_cannot_be_a_pipeline_is_refused() {
    let mut world = World::new();
    let cases: [(&dyn Fn(&mut Value), &str); 14] = [
        (&|p| p["name"] = "a b".into(), "ValidationException"),
        (&|p| p["name"] = 7.into(), "ValidationException"),
        (&|p| p["stages"] = json!([p["stages"][0]]), "InvalidStructureException"),
        (&|p| p["artifactStore"] = Value::Null, "InvalidStructureException"),
        (&|p| p["pipelineType"] = "V1".into(), "InvalidStructureException"),
        (
            &|p| p["stages"][1]["name"] = "Source".into(),
            "InvalidStageDeclarationException",
        ),
        (
            &|p| p["stages"][1]["actions"] = json!([]),
            "InvalidStageDeclarationException",
        ),
        (
            &|p| p["stages"][1]["actions"][0]["inputArtifacts"] = json!([{ "name": "Other" }]),
            "InvalidStructureException",
        ),
        (
            &|p| p["stages"][1]["actions"][0]["configuration"] = json!({}),
            "InvalidActionDeclarationException",
        ),
        (
            &|p| p["stages"][1]["actions"][0]["configuration"]["More"] = "x".into(),
            "InvalidActionDeclarationException",
        ),
        (
            &|p| p["stages"][1]["actions"][0]["actionTypeId"]["provider"] = "CodeBuild".into(),
            "NotImplemented",
        ),
        (
            &|p| p["stages"][1]["actions"][0]["namespace"] = "SourceVariables".into(),
            "InvalidActionDeclarationException",
        ),
        (
            &|p| p["stages"][1]["beforeEntry"] = json!({ "conditions": [] }),
            "NotImplemented",
        ),
        (
            &|p| p["stages"][1] = p["stages"][0].clone(),
            "InvalidStageDeclarationException",
        ),
    ];
    for (change, code) in cases {
        let mut pipeline = declaration();
        change(&mut pipeline);
        world.pipeline_refuses("CreatePipeline", &json!({ "pipeline": pipeline }), code);
    }
    world.pipeline_refuses(
        "GetPipelineState",
        &json!({ "name": "shop" }),
        "PipelineNotFoundException",
    );
    world.pipeline_refuses("PollForJobs", &json!({}), "NotImplemented");
}

#[test]
fn pipelines_are_shown_changed_and_removed() {
    let mut world = World::with_pipeline(|_| {});
    let shown = world.pipeline("GetPipeline", &json!({ "name": "shop" }));
    assert_eq!(
        shown["metadata"]["pipelineArn"],
        "arn:aws:codepipeline:eu-central-1:123456789012:shop"
    );
    assert_eq!(shown["pipeline"]["stages"][1]["actions"][0]["runOrder"], 1);
    let mut changed = declaration();
    changed["executionMode"] = "PARALLEL".into();
    let updated = world.pipeline("UpdatePipeline", &json!({ "pipeline": changed }));
    assert_eq!(updated["pipeline"]["version"], 2);
    let first = world.pipeline("GetPipeline", &json!({ "name": "shop", "version": 1 }));
    assert_eq!(first["pipeline"]["executionMode"], "QUEUED");
    assert_eq!(
        world.pipeline("ListPipelines", &json!({}))["pipelines"][0]["version"],
        2
    );
    let job = world.first_job();
    world.pipeline("DeletePipeline", &json!({ "name": "shop" }));
    world.pipeline_refuses(
        "PutJobSuccessResult",
        &json!({ "jobId": job["id"] }),
        "InvalidJobStateException",
    );
    assert_eq!(world.pipeline("ListPipelines", &json!({}))["pipelines"], json!([]));
    let (status, _) = world.call(Service::Schedules, "GET", "/schedules", &Value::Null);
    assert_eq!(status, 200);
}

#[test]
fn the_same_calls_at_the_same_times_give_the_same() {
    let run = || {
        let mut world = World::with_pipeline(|_| {});
        world.finish_first();
        world.release();
        world
            .pipeline("ListActionExecutions", &json!({ "pipelineName": "shop" }))
            .to_string()
    };
    assert_eq!(run(), run());
}
