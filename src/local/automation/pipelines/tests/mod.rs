//! Pipelines in virtual time, with a function that does as it is told.

mod control;
mod definitions;
mod jobs;

use serde_json::{Value, json};

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
            kind: "StartPipelineExecution".into(),
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
        Self::with_pipeline_at(1.0, change)
    }

    /// The same at a pace.
    fn with_pipeline_at(pace: f64, change: impl FnOnce(&mut Value)) -> Self {
        let mut world = Self::paced(pace);
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
        // The approval shows it.
        let variables = json!({ "version": "v1" });
        self.pipeline(
            "PutJobSuccessResult",
            &json!({ "jobId": job["id"], "outputVariables": variables }),
        );
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
