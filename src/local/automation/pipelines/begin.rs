//! Starting an execution, for a client or a schedule.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::control::invalid;
use super::declaration::{Mode, Type};
use super::state::{Pipeline, Trigger};
use super::{Context, advance, start};
use crate::local::automation::call::{fault, not_implemented};
use crate::local::fault::Fault;

/// Executions of one pipeline that are under way or wait at once (source: "Quotas in AWS CodePipeline").
const MOST_EXECUTIONS: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartInput {
    pub(super) name: String,
    #[serde(default)]
    variables: Vec<Named>,
    pub(super) client_request_token: Option<String>,
    #[serde(default)]
    source_revisions: Vec<SourceRevision>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceRevision {
    action_name: String,
    revision_type: String,
    revision_value: String,
}

/// Whether another execution may begin. Those that supersede each other make room themselves.
pub(super) fn has_room(pipeline: &Pipeline) -> bool {
    let executions = pipeline.executions.iter();
    let under_way = executions.filter(|execution| !execution.is_over()).count();
    under_way < MOST_EXECUTIONS || pipeline.declaration.execution_mode == Mode::Superseded
}

/// `StartPipelineExecution`, for a client or a schedule.
pub(super) fn start_execution(
    pipeline: &mut Pipeline,
    input: &StartInput,
    by: &str,
    context: &mut Context<'_>,
) -> Result<String, Fault> {
    if let Some(id) = input
        .client_request_token
        .as_ref()
        .and_then(|token| pipeline.tokens.get(token))
    {
        return Ok(id.clone());
    }
    let declaration = &pipeline.declaration;
    if !input.variables.is_empty() && declaration.pipeline_type == Type::V1 {
        return Err(invalid("Only pipelines of the type V2 have variables"));
    }
    let given: BTreeMap<&str, &str> = input
        .variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.as_str()))
        .collect();
    if let Some(name) = given
        .keys()
        .find(|name| !declaration.variables.iter().any(|known| known.name == **name))
    {
        return Err(invalid(format!("The pipeline has no variable {name}")));
    }
    let missing = declaration
        .variables
        .iter()
        .find(|variable| variable.default_value.is_none() && !given.contains_key(variable.name.as_str()));
    if let Some(variable) = missing {
        return Err(invalid(format!(
            "The variable {} has no default value and was not given one",
            variable.name
        )));
    }
    let mut overrides = BTreeMap::new();
    for revision in &input.source_revisions {
        let mut actions = declaration.stages[0].actions.iter();
        let action = actions.find(|action| action.name == revision.action_name);
        let action = action.ok_or_else(|| invalid(format!("There is no source action {}", revision.action_name)))?;
        let may = action.configuration.get("AllowOverrideForS3ObjectKey");
        match revision.revision_type.as_str() {
            "S3_OBJECT_KEY" if may.is_some_and(|may| may.eq_ignore_ascii_case("true")) => {
                overrides.insert(action.name.clone(), revision.revision_value.clone());
            }
            "S3_OBJECT_KEY" => {
                return Err(invalid(format!(
                    "The object key of action {} can be overridden when AllowOverrideForS3ObjectKey is true",
                    action.name
                )));
            }
            other => return Err(not_implemented(&format!("source revisions of the type {other}"))),
        }
    }
    if !has_room(pipeline) {
        return Err(fault(
            400,
            "ConcurrentPipelineExecutionsLimitExceededException",
            format!("The pipeline has {MOST_EXECUTIONS} executions under way, which is the most"),
        ));
    }
    let trigger = Trigger {
        kind: "StartPipelineExecution".into(),
        detail: by.to_owned(),
    };
    let id = start(pipeline, trigger, context);
    if let Some(execution) = pipeline.execution_mut(&id) {
        execution.overrides = overrides;
        let values = execution.variables.entry("variables".to_owned()).or_default();
        values.extend(
            given
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
    }
    if let Some(token) = &input.client_request_token {
        pipeline.tokens.insert(token.clone(), id.clone());
    }
    advance::advance(pipeline, context);
    Ok(id)
}
