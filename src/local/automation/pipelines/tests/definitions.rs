//! Pipelines themselves.

use serde_json::{Value, json};

use super::super::super::Service;
use super::super::super::fixture::{Mistake, World};
use super::declaration;

#[test]
fn what_cannot_be_a_pipeline_is_refused() {
    let mut world = World::new();
    let cases: [(&Mistake, &str); 14] = [
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
