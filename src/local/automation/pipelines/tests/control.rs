//! Several executions, and what somebody wants of them.

use serde_json::json;

use super::super::super::fixture::World;
use super::declaration;
use crate::local::storage::Storage as _;

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
fn a_failed_action_is_tried_again_beside_one_that_still_runs() {
    let mut world = World::with_pipeline(|pipeline| {
        let mut other = pipeline["stages"][1]["actions"][0].clone();
        other["name"] = "Other".into();
        other["namespace"] = "Others".into();
        pipeline["stages"][1]["actions"].as_array_mut().unwrap().push(other);
    });
    let id = world.executions()[0]["pipelineExecutionId"].clone();
    world.seconds(2);
    let jobs: Vec<_> = world.events().into_iter().collect();
    assert_eq!(jobs.len(), 2);
    for (run, _) in &jobs {
        world.answers(run.id, &serde_json::Value::Null);
    }
    let (first, second) = (&jobs[0].1["CodePipeline.job"], &jobs[1].1["CodePipeline.job"]);
    let retry = |mode: &str| json!({ "pipelineName": "shop", "stageName": "Deploy", "pipelineExecutionId": id, "retryMode": mode });
    world.pipeline_refuses(
        "RetryStageExecution",
        &retry("FAILED_ACTIONS"),
        "StageNotRetryableException",
    );
    world.fail(first, "once");
    world.pipeline_refuses(
        "RetryStageExecution",
        &retry("ALL_ACTIONS"),
        "StageNotRetryableException",
    );
    world.pipeline("RetryStageExecution", &retry("FAILED_ACTIONS"));
    let again = world.job();
    assert_ne!(again["id"], first["id"]);
    world.succeed(second);
    assert_eq!(world.stage("Deploy")["latestExecution"]["status"], "InProgress");
    world.succeed(&again);
    assert_eq!(world.stage("Deploy")["latestExecution"]["status"], "Succeeded");
}

#[test]
fn a_stage_that_somebody_is_in_is_not_rolled_back() {
    let mut world = World::with_pipeline(|_| {});
    let good = world.finish_first();
    world.start();
    let job = world.first_job();
    let back = json!({ "pipelineName": "shop", "stageName": "Deploy", "targetPipelineExecutionId": good });
    world.pipeline_refuses("RollbackStage", &back, "UnableToRollbackStageException");
    world.fail(&job, "bad");
    world.pipeline("RollbackStage", &back);
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
fn executions_that_succeeded_in_a_stage_are_found_though_it_has_moved() {
    let mut world = World::with_pipeline(|_| {});
    let id = world.executions()[0]["pipelineExecutionId"].clone();
    let job = world.first_job();
    world.succeed(&job);
    world.approve("Rejected");
    let mut changed = declaration();
    let mut before = changed["stages"][2].clone();
    before["name"] = "Ask".into();
    changed["stages"].as_array_mut().unwrap().insert(1, before);
    world.pipeline("UpdatePipeline", &json!({ "pipeline": changed }));
    let mut found = |stage: &str| {
        let filter = json!({ "succeededInStage": { "stageName": stage } });
        let input = json!({ "pipelineName": "shop", "filter": filter });
        let shown = world.pipeline("ListPipelineExecutions", &input)["pipelineExecutionSummaries"].clone();
        let shown = shown.as_array().unwrap().iter();
        shown
            .map(|execution| execution["pipelineExecutionId"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("Deploy"), [id]);
    assert!(found("Ask").is_empty() && found("Approve").is_empty());
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
fn a_stopped_stage_that_fails_is_neither_retried_nor_rolled_back() {
    for result in ["RETRY", "ROLLBACK"] {
        let mut world = World::with_pipeline(|pipeline| {
            pipeline["stages"][1]["onFailure"] = json!({ "result": result });
        });
        // There is one to go back to.
        world.finish_first();
        let id = world.start();
        let job = world.first_job();
        let stop = json!({ "pipelineName": "shop", "pipelineExecutionId": id, "reason": "lunch" });
        world.pipeline("StopPipelineExecution", &stop);
        world.fail(&job, "it was stopped");
        assert!(world.events().is_empty(), "{result}");
        assert_eq!(world.status(&id), "Failed");
        assert_eq!(world.executions().len(), 2, "{result}");
        assert_eq!(world.executions()[0]["stopTrigger"]["reason"], "lunch");
    }
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
