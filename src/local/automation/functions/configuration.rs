//! Configuration of functions: what can be set, and what is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::function::{Deployed, Function, Runtime};
use super::{invalid, invalid_value};
use crate::local::automation::call::not_implemented;
use crate::local::fault::Fault;

/// Bytes of all names and values of environment variables (source: quotas of Lambda).
const MOST_VARIABLES: usize = 4096;
/// Variables that belong to the runtime (source: "Defined runtime environment variables").
const RESERVED: [&str; 20] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];
/// Settings that would change what a function does, and do nothing here.
const NOT_HERE: [(&str, &str); 6] = [
    (
        "DeadLetterConfig",
        "dead-letter queues; use the destination OnFailure of PutFunctionEventInvokeConfig",
    ),
    ("FileSystemConfigs", "file systems of functions"),
    ("Layers", "layers of functions; put their content into the package"),
    ("ImageConfig", "functions from container images"),
    ("CodeSigningConfigArn", "signed code of functions"),
    ("DurableConfig", "durable functions"),
];

/// Configuration, as creation and update carry it. What is missing stays as it is.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Configuration {
    pub(super) runtime: Option<String>,
    pub(super) role: Option<String>,
    pub(super) handler: Option<String>,
    description: Option<String>,
    timeout: Option<u64>,
    memory_size: Option<u32>,
    environment: Option<Environment>,
    tracing_config: Option<Tracing>,
    ephemeral_storage: Option<Ephemeral>,
    pub(super) revision_id: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct Environment {
    #[serde(rename = "Variables", default)]
    variables: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Tracing {
    #[serde(rename = "Mode")]
    mode: String,
}

#[derive(Debug, Deserialize)]
struct Ephemeral {
    #[serde(rename = "Size")]
    size: u32,
}

/// What its processes get, changed as asked for.
pub(super) fn configured(mut deployed: Deployed, input: &Configuration) -> Result<Deployed, Fault> {
    for (name, what) in NOT_HERE {
        let given = input.others.get(name).unwrap_or(&Value::Null);
        let empty = match given {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.values().all(|value| value.as_str().is_some_and(str::is_empty)),
            _ => false,
        };
        if !empty {
            return Err(not_implemented(what));
        }
    }
    if let Some(name) = &input.runtime {
        let known = Runtime::parse(name);
        deployed.runtime = known.ok_or_else(|| {
            not_implemented(&format!(
                "the runtime {name}; it has provided.al2023, provided.al2 and python3.9 to python3.15"
            ))
        })?;
    }
    if let Some(handler) = &input.handler {
        handler.clone_into(&mut deployed.handler);
    }
    if let Some(seconds) = input.timeout {
        if !(1..=900).contains(&seconds) {
            return Err(invalid_value(format!(
                "1 validation error detected: Value '{seconds}' at 'timeout' failed to satisfy constraint: Member must have value less than or \
                 equal to 900"
            )));
        }
        deployed.timeout = Duration::from_secs(seconds);
    }
    if let Some(memory) = input.memory_size {
        if !(128..=10_240).contains(&memory) {
            return Err(invalid_value(format!(
                "'MemorySize' value failed to satisfy constraint: Member must have value between 128 and 10240, and is {memory}"
            )));
        }
        deployed.memory_mb = memory;
    }
    if let Some(environment) = &input.environment {
        deployed.environment = variables(&environment.variables)?;
    }
    Ok(deployed)
}

fn variables(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Fault> {
    if let Some(name) = RESERVED.iter().find(|name| given.contains_key(**name)) {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains \
             reserved keys that are currently not supported for modification. Reserved keys used in this request: {name}"
        )));
    }
    // The model's check passes maps over.
    let name_is_good = |name: &str| {
        name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if let Some(name) = given.keys().find(|name| !name_is_good(name)) {
        return Err(invalid_value(format!(
            "1 validation error detected: the environment variable {name:?} failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [a-zA-Z]([a-zA-Z0-9_])+"
        )));
    }
    if given.values().any(|value| value.contains('\0')) {
        return Err(invalid("A value of an environment variable has a zero byte in it."));
    }
    let size: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MOST_VARIABLES {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB \
             limit. They have {size} bytes."
        )));
    }
    Ok(given.clone())
}

/// What is only shown, changed as asked for.
pub(super) fn describe(function: &mut Function, input: &Configuration) {
    if let Some(role) = &input.role {
        role.clone_into(&mut function.role);
    }
    if let Some(description) = &input.description {
        description.clone_into(&mut function.description);
    }
    if let Some(tracing) = &input.tracing_config {
        tracing.mode.clone_into(&mut function.tracing);
    }
    if let Some(storage) = &input.ephemeral_storage {
        function.ephemeral_mb = storage.size;
    }
}
