//! Functions as they are shown.

use serde_json::{Value, json};

use super::function::{EventConfig, Function};
use super::{LATEST, package};
use crate::local::automation::call::without_nulls;
use crate::local::automation::{Account, iso, seconds};

/// What `GetFunctionConfiguration` shows, and most other operations.
pub(super) fn configuration(function: &Function) -> Value {
    let wanted = &function.wanted;
    let mut document = json!({
        "FunctionName": wanted.name,
        "FunctionArn": wanted.arn,
        "Runtime": wanted.runtime.name(),
        "Role": function.role,
        "Handler": wanted.handler,
        "CodeSize": function.code.size,
        "Description": function.description,
        "Timeout": wanted.timeout.as_secs(),
        "MemorySize": wanted.memory_mb,
        "LastModified": iso(function.modified, "+0000"),
        "CodeSha256": function.code.sha256,
        "Version": LATEST,
        "TracingConfig": { "Mode": function.tracing },
        "RevisionId": function.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": { "Size": function.ephemeral_mb },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": { "LogFormat": "Text", "LogGroup": format!("/aws/lambda/{}", wanted.name) },
    });
    if !wanted.environment.is_empty() {
        document["Environment"] = json!({ "Variables": wanted.environment });
    }
    if function.is_pending() {
        document["State"] = "Pending".into();
        document["StateReason"] = "The function is being created.".into();
        document["StateReasonCode"] = "Creating".into();
        document["LastUpdateStatus"] = Value::Null;
    } else if function.busy_until.is_some() {
        document["LastUpdateStatus"] = "InProgress".into();
        document["LastUpdateStatusReason"] = "The function is being updated.".into();
        document["LastUpdateStatusReasonCode"] = Value::Null;
    }
    without_nulls(document)
}

/// What `GetFunction` shows.
pub(super) fn whole(function: &Function, account: &Account) -> Value {
    let location = format!(
        "{}/{}/{}",
        account.endpoint,
        package::bucket(account),
        function.code.key
    );
    let mut document = json!({
        "Configuration": configuration(function),
        "Code": { "RepositoryType": "S3", "Location": location },
    });
    if !function.tags.is_empty() {
        document["Tags"] = json!(function.tags);
    }
    if let Some(reserved) = function.reserved {
        document["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    document
}

/// What becomes of a function's asynchronous invocations.
pub(super) fn event_config(function: &Function, config: &EventConfig) -> Value {
    let destination = |destination: Option<&super::function::Destination>| match destination {
        Some(destination) => json!({ "Destination": destination.arn() }),
        None => json!({}),
    };
    without_nulls(json!({
        "LastModified": seconds(config.modified),
        "FunctionArn": format!("{}:{LATEST}", function.wanted.arn),
        "MaximumRetryAttempts": config.retries,
        "MaximumEventAgeInSeconds": config.maximum_age,
        "DestinationConfig": {
            "OnSuccess": destination(config.on_success.as_ref()),
            "OnFailure": destination(config.on_failure.as_ref()),
        },
    }))
}
