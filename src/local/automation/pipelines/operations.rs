//! Which operation a request is meant for, and the operations on pipelines themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::begin::{StartInput, start_execution};
use super::check::check;
use super::control::{caller, execution_id, not_found, read};
use super::declaration::Declaration;
use super::state::{Pipeline, Status, Trigger};
use super::{Context, Pipelines, advance, source, start, view};
use crate::local::automation::call::{
    JsonAnswer, JsonRequest, Outcome, Page, fault, not_implemented, page_by_id, page_by_name, unreadable,
};
use crate::local::automation::functions::Functions;
use crate::local::automation::{Account, seconds};
use crate::local::fault::Fault;
use crate::model::Timestamp;

/// Items on a page, unless fewer are asked for.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
struct Definition {
    pipeline: Declaration,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct ByName {
    name: String,
    version: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByExecution {
    pipeline_name: String,
    pipeline_execution_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    pipeline_name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    filter: Filter,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    pipeline_execution_id: Option<String>,
    latest_in_pipeline_execution: Option<LatestIn>,
    succeeded_in_stage: Option<SucceededIn>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LatestIn {
    pipeline_execution_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SucceededIn {
    stage_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tagging {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Pipelines {
    /// Answers a request.
    pub(in super::super) fn handle(
        &mut self,
        request: &JsonRequest,
        functions: &mut Functions,
        account: &mut Account,
        now: Timestamp,
    ) -> Outcome {
        let target = request.headers.get("x-amz-target").map_or("", String::as_str);
        let operation = target.rsplit('.').next().unwrap_or_default();
        match operation {
            "PutJobSuccessResult" => {
                let answer = self.put_success(request, account, now)?;
                self.tick(functions, account, now);
                return Ok(answer);
            }
            "PutJobFailureResult" => {
                let answer = self.put_failure(request, now)?;
                self.tick(functions, account, now);
                return Ok(answer);
            }
            "GetJobDetails" => return self.job_details(request, account, now),
            "GetPipeline" => return self.get(request, account),
            "ListPipelines" => return self.list(request),
            "GetPipelineState" => {
                let input: ByName = read(request)?;
                let shown = view::state(self.find(&input.name)?, account);
                return Ok(JsonAnswer::document(200, &shown));
            }
            "GetPipelineExecution" => {
                let input: ByExecution = read(request)?;
                let pipeline = self.find(&input.pipeline_name)?;
                let execution = pipeline.execution(&input.pipeline_execution_id);
                let execution = execution.ok_or_else(|| not_found(&input.pipeline_execution_id))?;
                let shown = json!({ "pipelineExecution": view::execution(execution) });
                return Ok(JsonAnswer::document(200, &shown));
            }
            "ListPipelineExecutions" => return self.list_executions(request),
            "ListActionExecutions" => return self.list_actions(request, account),
            "ListTagsForResource" | "TagResource" | "UntagResource" => return self.tags(operation, request, account),
            "DeletePipeline" => {
                let input: ByName = read(request)?;
                self.pipelines.remove(&input.name);
                self.jobs.close_all(&input.name);
                return Ok(JsonAnswer::document(200, &json!({})));
            }
            _ => {}
        }
        let mut context = Context {
            jobs: &mut self.jobs,
            functions,
            account,
            now,
        };
        let pipelines = &mut self.pipelines;
        match operation {
            "CreatePipeline" => create(pipelines, read(request)?, &mut context),
            "UpdatePipeline" => update(pipelines, read(request)?, &mut context),
            "StartPipelineExecution" => {
                let input: StartInput = read(request)?;
                let by = caller(&context);
                let pipeline = find_mut(pipelines, &input.name)?;
                let id = start_execution(pipeline, &input, &by, &mut context)?;
                Ok(execution_id(&id))
            }
            "StopPipelineExecution" => {
                let input: super::control::StopInput = read(request)?;
                let pipeline = find_mut(pipelines, &input.pipeline_name)?;
                Self::stop(pipeline, input, &mut context)
            }
            "RetryStageExecution" => {
                let input: super::control::RetryInput = read(request)?;
                Self::retry_stage(find_mut(pipelines, &input.pipeline_name)?, &input, &mut context)
            }
            "RollbackStage" => {
                let input: super::control::RollbackInput = read(request)?;
                Self::rollback_stage(find_mut(pipelines, &input.pipeline_name)?, &input, &mut context)
            }
            "PutApprovalResult" => {
                let input: super::control::ApprovalInput = read(request)?;
                Self::approve(find_mut(pipelines, &input.pipeline_name)?, &input, &mut context)
            }
            "DisableStageTransition" | "EnableStageTransition" => {
                let input: super::control::TransitionInput = read(request)?;
                let pipeline = find_mut(pipelines, &input.pipeline_name)?;
                Self::transition(pipeline, input, operation == "DisableStageTransition", &mut context)
            }
            other => Err(not_implemented(&format!("{other} of CodePipeline"))),
        }
    }

    /// `StartPipelineExecution` for a schedule: the input as the API takes it.
    pub(in super::super) fn start_by_schedule(
        &mut self,
        input: &str,
        by: &str,
        functions: &mut Functions,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let input: StartInput =
            serde_json::from_str(input).map_err(|error| unreadable("ValidationException", "The input", &error))?;
        let mut context = Context {
            jobs: &mut self.jobs,
            functions,
            account,
            now,
        };
        let pipeline = find_mut(&mut self.pipelines, &input.name)?;
        start_execution(pipeline, &input, by, &mut context).map(drop)
    }

    fn find(&self, name: &str) -> Result<&Pipeline, Fault> {
        self.pipelines.get(name).ok_or_else(|| no_pipeline(name))
    }

    fn get(&self, request: &JsonRequest, account: &Account) -> Outcome {
        let input: ByName = read(request)?;
        let pipeline = self.find(&input.name)?;
        let declaration = match input.version {
            Some(version) => pipeline.history.get(&version).ok_or_else(|| {
                let message = format!("Pipeline {} has no version {version}", input.name);
                fault(400, "PipelineVersionNotFoundException", message)
            })?,
            None => &pipeline.declaration,
        };
        let shown = json!({
            "pipeline": **declaration,
            "metadata": {
                "pipelineArn": account.arn("codepipeline", &input.name),
                "created": seconds(pipeline.created),
                "updated": seconds(pipeline.updated),
            },
        });
        Ok(JsonAnswer::document(200, &shown))
    }

    fn list(&self, request: &JsonRequest) -> Outcome {
        let input: Listing = read(request)?;
        let all = self.pipelines.values().map(|pipeline| {
            let declaration = &pipeline.declaration;
            json!({
                "name": declaration.name,
                "version": declaration.version,
                "pipelineType": declaration.pipeline_type,
                "executionMode": declaration.execution_mode,
                "created": seconds(pipeline.created),
                "updated": seconds(pipeline.updated),
            })
        });
        let (token, most) = (input.next_token.as_deref(), most(&input));
        paged("pipelines", page_by_name(all.collect(), "name", token, most))
    }

    fn list_executions(&self, request: &JsonRequest) -> Outcome {
        let input: Listing = read(request)?;
        let pipeline = self.find(&input.pipeline_name)?;
        let wanted = input.filter.succeeded_in_stage.as_ref();
        let fits = |execution: &&super::state::Execution| {
            wanted.is_none_or(|wanted| {
                // The pipeline may have been changed since.
                let place = execution.declaration.stage(&wanted.stage_name);
                place
                    .and_then(|place| execution.stages.get(&place))
                    .is_some_and(|run| run.status == Status::Succeeded)
            })
        };
        let all = pipeline.executions.iter().rev().filter(fits).map(view::summary);
        let (token, most) = (input.next_token.as_deref(), most(&input));
        let page = page_by_id(all.collect(), "pipelineExecutionId", token, most);
        paged("pipelineExecutionSummaries", page)
    }

    fn list_actions(&self, request: &JsonRequest, account: &Account) -> Outcome {
        let input: Listing = read(request)?;
        let pipeline = self.find(&input.pipeline_name)?;
        let filter = &input.filter;
        let latest = filter.latest_in_pipeline_execution.as_ref();
        let wanted = latest
            .map(|latest| &latest.pipeline_execution_id)
            .or(filter.pipeline_execution_id.as_ref());
        if let Some(id) = wanted
            && pipeline.execution(id).is_none()
        {
            return Err(not_found(id));
        }
        let mut all = Vec::new();
        for execution in &pipeline.executions {
            if wanted.is_some_and(|wanted| *wanted != execution.id) {
                continue;
            }
            for (place, stage) in &execution.stages {
                for run in stage.actions.iter().filter(|run| latest.is_none() || !run.is_past) {
                    all.extend(view::action(execution, *place, run, account).map(|shown| (run.started, shown)));
                }
            }
        }
        // Those of the same moment stay in the order in which they began, the last one first.
        all.reverse();
        all.sort_by_key(|(started, _)| std::cmp::Reverse(*started));
        let all = all.into_iter().map(|(_, shown)| shown).collect();
        let (token, most) = (input.next_token.as_deref(), most(&input));
        paged(
            "actionExecutionDetails",
            page_by_id(all, "actionExecutionId", token, most),
        )
    }

    fn tags(&mut self, operation: &str, request: &JsonRequest, account: &Account) -> Outcome {
        let input: Tagging = read(request)?;
        let name = input.resource_arn.rsplit(':').next().unwrap_or_default();
        let known = input.resource_arn == account.arn("codepipeline", name);
        let pipeline = self.pipelines.get_mut(name).filter(|_| known).ok_or_else(|| {
            let message = format!("The resource {} was not found", input.resource_arn);
            fault(400, "ResourceNotFoundException", message)
        })?;
        match operation {
            "TagResource" => pipeline
                .tags
                .extend(input.tags.into_iter().map(|tag| (tag.key, tag.value))),
            "UntagResource" => pipeline.tags.retain(|key, _| !input.tag_keys.contains(key)),
            _ => {
                let shown = json!({ "tags": tags(&pipeline.tags) });
                return Ok(JsonAnswer::document(200, &shown));
            }
        }
        Ok(JsonAnswer::document(200, &json!({})))
    }
}

fn create(pipelines: &mut BTreeMap<String, Pipeline>, input: Definition, context: &mut Context<'_>) -> Outcome {
    let mut declaration = input.pipeline;
    check(&declaration, &context.account.region)?;
    let name = declaration.name.clone();
    if pipelines.contains_key(&name) {
        return Err(fault(
            400,
            "PipelineNameInUseException",
            format!(
                "A pipeline with the name '{name}' already exists in account '{}'",
                context.account.id
            ),
        ));
    }
    declaration.version = 1;
    let declaration = Arc::new(declaration);
    let mut pipeline = Pipeline {
        history: BTreeMap::from([(1, Arc::clone(&declaration))]),
        declaration,
        created: context.now,
        updated: context.now,
        transitions: BTreeMap::new(),
        executions: Vec::new(),
        tokens: BTreeMap::new(),
        tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        seen: BTreeMap::new(),
        next_poll: context.now,
        entries: 0,
    };
    let shown = json!({ "pipeline": *pipeline.declaration, "tags": tags(&pipeline.tags) });
    source::look(&mut pipeline, context);
    let trigger = Trigger {
        kind: "CreatePipeline".into(),
        detail: caller(context),
    };
    start(&mut pipeline, trigger, context);
    advance::advance(&mut pipeline, context);
    pipelines.insert(name, pipeline);
    Ok(JsonAnswer::document(200, &shown))
}

/// Executions that are under way go on as they began.
fn update(pipelines: &mut BTreeMap<String, Pipeline>, input: Definition, context: &mut Context<'_>) -> Outcome {
    let mut declaration = input.pipeline;
    let pipeline = find_mut(pipelines, &declaration.name)?;
    check(&declaration, &context.account.region)?;
    declaration.version = pipeline.declaration.version + 1;
    let declaration = Arc::new(declaration);
    pipeline.history.insert(declaration.version, Arc::clone(&declaration));
    pipeline.declaration = declaration;
    pipeline.updated = context.now;
    source::look(pipeline, context);
    let shown = json!({ "pipeline": *pipeline.declaration });
    Ok(JsonAnswer::document(200, &shown))
}

fn find_mut<'a>(pipelines: &'a mut BTreeMap<String, Pipeline>, name: &str) -> Result<&'a mut Pipeline, Fault> {
    pipelines.get_mut(name).ok_or_else(|| no_pipeline(name))
}

fn no_pipeline(name: &str) -> Fault {
    fault(
        400,
        "PipelineNotFoundException",
        format!("The account does not have a pipeline named '{name}'"),
    )
}

fn tags(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn most(input: &Listing) -> usize {
    input.max_results.unwrap_or(PAGE).clamp(1, 1000)
}

fn paged(name: &str, page: Option<Page>) -> Outcome {
    let (items, token) = page.ok_or_else(|| {
        fault(
            400,
            "InvalidNextTokenException",
            "The next token is not one of this listing",
        )
    })?;
    let mut shown = json!({ name: items });
    if let Some(token) = token {
        shown["nextToken"] = token.into();
    }
    Ok(JsonAnswer::document(200, &shown))
}
