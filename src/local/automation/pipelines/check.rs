//! Whether a declaration is one of a pipeline that can run here.

use std::collections::BTreeSet;

use super::declaration::{Action, Declaration, FailureResult, Kind, Mode, Stage, Type};
use crate::local::automation::call::{fault, not_implemented};
use crate::local::fault::Fault;

/// What each kind of action is configured by: the name, and whether it must be there.
const SOURCE: [(&str, bool); 4] = [
    ("S3Bucket", true),
    ("S3ObjectKey", true),
    ("PollForSourceChanges", false),
    ("AllowOverrideForS3ObjectKey", false),
];
const APPROVAL: [(&str, bool); 3] = [
    ("NotificationArn", false),
    ("CustomData", false),
    ("ExternalEntityLink", false),
];
const INVOKE: [(&str, bool); 2] = [("FunctionName", true), ("UserParameters", false)];

/// Checks a declaration. Errors have the codes of the service.
pub(super) fn check(declaration: &Declaration, region: &str) -> Result<(), Fault> {
    check_name(&declaration.name, "pipeline.name")?;
    if !declaration.role_arn.contains(":role/") {
        return Err(structure(format!(
            "The role {} is not the ARN of a role",
            declaration.role_arn
        )));
    }
    let Some(store) = declaration.store(region) else {
        return Err(structure(
            "A pipeline has either an artifactStore, or artifactStores with one for the pipeline's own region",
        ));
    };
    if store.kind != "S3" || declaration.artifact_store.is_some() && declaration.artifact_stores.is_some() {
        return Err(structure(
            "A pipeline has either an artifactStore or artifactStores, of the type S3",
        ));
    }
    let stages = &declaration.stages;
    if stages.len() < 2 {
        return Err(structure(format!(
            "Pipeline has only {} stage(s). There should be a minimum of 2 stages in a pipeline",
            stages.len()
        )));
    }
    if declaration.pipeline_type == Type::V1 {
        let only_v2 = declaration.execution_mode != Mode::Superseded
            || !declaration.variables.is_empty()
            || stages.iter().any(|stage| stage.on_failure.is_some());
        if only_v2 {
            return Err(structure(
                "Pipelines of the type V1 have no variables, no onFailure and no execution mode but SUPERSEDED; use pipelineType V2",
            ));
        }
    }
    if !declaration.triggers.is_empty() {
        return Err(not_implemented(
            "triggers of pipelines; start it by its S3 source or by StartPipelineExecution",
        ));
    }
    unique(stages.iter().map(|stage| stage.name.as_str())).map_err(|name| {
        fault(
            400,
            "InvalidStageDeclarationException",
            format!("Duplicate stage name: {name}"),
        )
    })?;
    let mut artifacts = BTreeSet::new();
    let mut namespaces = BTreeSet::new();
    for (place, stage) in stages.iter().enumerate() {
        check_stage(place, stage, region)?;
        let mut actions: Vec<&Action> = stage.actions.iter().collect();
        actions.sort_by_key(|action| action.run_order);
        for group in actions.chunk_by(|one, other| one.run_order == other.run_order) {
            for action in group {
                for artifact in &action.input_artifacts {
                    if !artifacts.contains(&artifact.name) {
                        return Err(structure(format!(
                            "Input Artifact Bundle {} in action {} is not the output of an earlier action",
                            artifact.name, action.name
                        )));
                    }
                }
                if let Some(namespace) = &action.namespace
                    && (["codepipeline", "variables"].contains(&namespace.as_str())
                        || !namespaces.insert(namespace.clone()))
                {
                    return Err(action_fault(format!(
                        "The namespace {namespace} of action {} is taken",
                        action.name
                    )));
                }
            }
            for artifact in group.iter().flat_map(|action| &action.output_artifacts) {
                if !artifacts.insert(artifact.name.clone()) {
                    return Err(structure(format!(
                        "The output artifact {} has two actions",
                        artifact.name
                    )));
                }
            }
        }
    }
    Ok(())
}

fn check_stage(place: usize, stage: &Stage, region: &str) -> Result<(), Fault> {
    check_name(&stage.name, "stage.name")?;
    if stage.actions.is_empty() {
        let message = format!("Stage {} has no action", stage.name);
        return Err(fault(400, "InvalidStageDeclarationException", message));
    }
    let failure = stage.on_failure.as_ref();
    let has_conditions = failure.is_some_and(|failure| !failure.conditions.is_empty());
    if stage.before_entry.is_some() || stage.on_success.is_some() || has_conditions || !stage.blockers.is_empty() {
        return Err(not_implemented(&format!(
            "conditions and blockers of the stage {}",
            stage.name
        )));
    }
    if failure.is_some_and(|failure| failure.result == Some(FailureResult::Skip)) {
        return Err(structure("SKIP is the result of conditions only"));
    }
    if place == 0 && failure.is_some_and(|failure| failure.result == Some(FailureResult::Rollback)) {
        return Err(structure("A source stage cannot be rolled back"));
    }
    unique(stage.actions.iter().map(|action| action.name.as_str()))
        .map_err(|name| action_fault(format!("Duplicate action name {name} in stage {}", stage.name)))?;
    for action in &stage.actions {
        let kind = check_action(action, region)?;
        if (kind == Kind::Source) != (place == 0) {
            return Err(structure(
                "Pipeline should start with a stage that only contains source actions",
            ));
        }
    }
    Ok(())
}

fn check_action(action: &Action, region: &str) -> Result<Kind, Fault> {
    check_name(&action.name, "action.name")?;
    let id = &action.action_type_id;
    let kind = id.kind().ok_or_else(|| {
        not_implemented(&format!(
            "actions of the type {} {} {} {}; it has Source AWS S3 1, Approval AWS Manual 1 and Invoke AWS Lambda 1",
            id.category, id.owner, id.provider, id.version
        ))
    })?;
    if action.region.as_deref().is_some_and(|other| other != region) {
        return Err(not_implemented(&format!(
            "the region of action {}; all of this cloud is in {region}",
            action.name
        )));
    }
    if !(1..=999).contains(&action.run_order) {
        return Err(action_fault(format!(
            "The runOrder of action {} is not between 1 and 999",
            action.name
        )));
    }
    let (keys, inputs, outputs): (&[(&str, bool)], _, _) = match kind {
        Kind::Source => (&SOURCE, 0..=0, 1..=1),
        Kind::Approval => (&APPROVAL, 0..=0, 0..=0),
        Kind::Invoke => (&INVOKE, 0..=5, 0..=5),
    };
    for (key, _) in keys.iter().filter(|(_, required)| *required) {
        if !action.configuration.contains_key(*key) {
            return Err(action_fault(format!(
                "Action configuration for action '{}' is missing required configuration '{key}'",
                action.name
            )));
        }
    }
    for (key, value) in &action.configuration {
        if !keys.iter().any(|(known, _)| known == key) {
            return Err(action_fault(format!(
                "Action configuration for action '{}' contains unknown configuration '{key}'",
                action.name
            )));
        }
        if value.is_empty() || value.chars().count() > 1000 {
            return Err(fault(
                400,
                "ValidationException",
                format!(
                    "The value of '{key}' in action '{}' has between 1 and 1000 characters",
                    action.name
                ),
            ));
        }
    }
    if !inputs.contains(&action.input_artifacts.len()) || !outputs.contains(&action.output_artifacts.len()) {
        return Err(action_fault(format!(
            "Action '{}' of {} has {} to {} input artifacts and {} to {} output artifacts",
            action.name,
            id.provider,
            inputs.start(),
            inputs.end(),
            outputs.start(),
            outputs.end()
        )));
    }
    if action
        .timeout_in_minutes
        .is_some_and(|minutes| !(5..=86_400).contains(&minutes))
    {
        return Err(action_fault(format!(
            "The timeout of action '{}' is not between 5 and 86400 minutes",
            action.name
        )));
    }
    Ok(kind)
}

fn check_name(name: &str, what: &str) -> Result<(), Fault> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
    if (1..=100).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value '{name}' at '{what}' failed to satisfy constraint: Member must satisfy regular expression \
         pattern: [A-Za-z0-9.@\\-_]+"
    );
    Err(fault(400, "ValidationException", message))
}

/// The first name that comes twice.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), &'a str> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(name);
        }
    }
    Ok(())
}

fn structure(message: impl Into<String>) -> Fault {
    fault(400, "InvalidStructureException", message)
}

fn action_fault(message: impl Into<String>) -> Fault {
    fault(400, "InvalidActionDeclarationException", message)
}
