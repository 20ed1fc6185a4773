//! The declaration of a pipeline, in the shape that it has on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A pipeline as its owner describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_store: Option<ArtifactStore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_stores: Option<BTreeMap<String, ArtifactStore>>,
    pub(super) stages: Vec<Stage>,
    /// Counts the changes of the pipeline, from 1. What a client gives is not taken.
    #[serde(default)]
    pub(super) version: u32,
    #[serde(default)]
    pub(super) execution_mode: Mode,
    #[serde(default)]
    pub(super) pipeline_type: Type,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) variables: Vec<Variable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) triggers: Vec<Value>,
}

/// How executions of a pipeline share its stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Mode {
    /// One after the other, and none is left out.
    Queued,
    /// One after the other; of those that wait the newest goes on and the others are given up.
    #[default]
    Superseded,
    /// All at once, as if each had a pipeline of its own.
    Parallel,
}

/// Which features a pipeline may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Type {
    #[default]
    V1,
    V2,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactStore {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption_key: Option<Value>,
}

/// A variable of the pipeline, which is given a value for each execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stage {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blockers: Vec<Value>,
    pub(super) actions: Vec<Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_failure: Option<OnFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_success: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before_entry: Option<Value>,
}

/// What happens when a stage fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OnFailure {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<FailureResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_configuration: Option<RetryConfiguration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum FailureResult {
    Rollback,
    Fail,
    Retry,
    Skip,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_mode: Option<RetryMode>,
}

/// Which actions of a failed stage run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum RetryMode {
    FailedActions,
    AllActions,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) action_type_id: ActionType,
    /// Actions with the same number run at once, and before those with a higher one.
    #[serde(default = "first")]
    pub(super) run_order: u32,
    #[serde(default)]
    pub(super) configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) output_artifacts: Vec<ArtifactName>,
    #[serde(default)]
    pub(super) input_artifacts: Vec<ArtifactName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_in_minutes: Option<u64>,
}

fn first() -> u32 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActionType {
    pub(super) category: String,
    pub(super) owner: String,
    pub(super) provider: String,
    pub(super) version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArtifactName {
    pub(super) name: String,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Gets an object of S3.
    Source,
    /// Waits for a person.
    Approval,
    /// Invokes a function.
    Invoke,
}

impl ActionType {
    /// What it does, if it can be done here.
    pub(super) fn kind(&self) -> Option<Kind> {
        let parts = (
            self.category.as_str(),
            self.owner.as_str(),
            self.provider.as_str(),
            self.version.as_str(),
        );
        match parts {
            ("Source", "AWS", "S3", "1") => Some(Kind::Source),
            ("Approval", "AWS", "Manual", "1") => Some(Kind::Approval),
            ("Invoke", "AWS", "Lambda", "1") => Some(Kind::Invoke),
            _ => None,
        }
    }
}

impl Declaration {
    /// Where artifacts lie in a region.
    pub(super) fn store(&self, region: &str) -> Option<&ArtifactStore> {
        let of_region = self.artifact_stores.as_ref().and_then(|stores| stores.get(region));
        self.artifact_store.as_ref().or(of_region)
    }

    /// The place of a stage.
    pub(super) fn stage(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }
}
