//! Making, changing and removing functions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::configuration::{Configuration, configured, describe};
use super::function::{Deployed, Function, Runtime};
use super::package::{self, CodeInput};
use super::{Functions, Named, SETTLING, fault, invalid, invalid_value, view};
use crate::local::automation::Account;
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome, not_implemented};
use crate::local::fault::Fault;
use crate::model::Timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Creation {
    function_name: String,
    code: CodeInput,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    publish: bool,
    package_type: Option<String>,
    #[serde(flatten)]
    configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeUpdate {
    #[serde(default)]
    publish: bool,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    architectures: Vec<String>,
    revision_id: Option<String>,
    #[serde(flatten)]
    code: CodeInput,
}

impl Functions {
    pub(super) fn create(&mut self, request: &JsonRequest, account: &mut Account, now: Timestamp) -> Outcome {
        let input: Creation = request.input(INVALID)?;
        let Named { name, qualifier } = Named::parse(&input.function_name);
        if qualifier.is_some() || !is_name(&name) {
            return Err(invalid_value(format!(
                "1 validation error detected: Value '{}' at 'functionName' failed to satisfy constraint: a name has 64 letters, digits, \
                 hyphens and underscores at most",
                input.function_name
            )));
        }
        if input.publish {
            return Err(not_implemented("versions of functions; leave out Publish"));
        }
        if input.package_type.as_deref().is_some_and(|kind| kind != "Zip") {
            return Err(not_implemented("functions from container images; give it a ZIP file"));
        }
        if self.functions.contains_key(&name) {
            return Err(fault(409, CONFLICT, format!("Function already exist: {name}")));
        }
        let Some(role) = input.configuration.role.clone().filter(|role| role.contains(":role/")) else {
            return Err(invalid(
                "The role defined for the function cannot be assumed by Lambda.",
            ));
        };
        if input.configuration.runtime.is_none() || input.configuration.handler.is_none() {
            return Err(invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        }
        let start = Deployed {
            arn: account.arn("lambda", &format!("function:{name}")),
            name: name.clone(),
            revision: 0,
            runtime: Runtime::Provided("provided.al2023".to_owned()),
            handler: String::new(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            environment: BTreeMap::new(),
            package: std::path::PathBuf::new(),
            region: account.region.clone(),
        };
        let mut wanted = configured(start, &input.configuration)?;
        let architecture = architecture(&input.architectures)?;
        let content = package::read(&input.code, account)?;
        let (code, package) = package::keep(&content, &name, account)?;
        wanted.package = package;
        let wanted = Arc::new(self.numbered(wanted));
        let mut function = Function {
            serving: Arc::clone(&wanted),
            wanted,
            role,
            description: String::new(),
            code,
            architecture: architecture.unwrap_or_else(|| "x86_64".to_owned()),
            ephemeral_mb: 512,
            tracing: "PassThrough".to_owned(),
            tags: input.tags,
            busy_until: Some(now + account.timing.scale(SETTLING)),
            is_new: true,
            revision_id: account.ids.uuid("revision"),
            modified: now,
            asynchronous: None,
            policy: BTreeMap::new(),
            reserved: None,
        };
        describe(&mut function, &input.configuration);
        let document = view::configuration(&function);
        self.functions.insert(name, function);
        Ok(JsonAnswer::document(201, &document))
    }

    pub(super) fn update_code(
        &mut self,
        name: &str,
        request: &JsonRequest,
        account: &mut Account,
        now: Timestamp,
    ) -> Outcome {
        let input: CodeUpdate = request.input(INVALID)?;
        if input.publish {
            return Err(not_implemented("versions of functions; leave out Publish"));
        }
        let function = self.find(name, account)?;
        may_change(function, input.revision_id.as_deref())?;
        let mut wanted = (*function.wanted).clone();
        let architecture = architecture(&input.architectures)?;
        let content = package::read(&input.code, account)?;
        if input.dry_run {
            return Ok(JsonAnswer::document(200, &view::configuration(function)));
        }
        let (code, package) = package::keep(&content, &wanted.name, account)?;
        // Processes that still begin with the code before have the name of its file, which stays.
        account.storage.delete(&package::bucket(account), &function.code.key);
        wanted.package = package;
        let function = self.replace(name, wanted, account, now)?;
        function.code = code;
        if let Some(architecture) = architecture {
            function.architecture = architecture;
        }
        Ok(JsonAnswer::document(200, &view::configuration(function)))
    }

    pub(super) fn update_configuration(
        &mut self,
        name: &str,
        request: &JsonRequest,
        account: &mut Account,
        now: Timestamp,
    ) -> Outcome {
        let input: Configuration = request.input(INVALID)?;
        let function = self.find(name, account)?;
        may_change(function, input.revision_id.as_deref())?;
        let wanted = configured((*function.wanted).clone(), &input)?;
        let function = self.replace(name, wanted, account, now)?;
        describe(function, &input);
        Ok(JsonAnswer::document(200, &view::configuration(function)))
    }

    /// Removes a function. What of it has begun goes on; what waits is dropped.
    pub(super) fn delete(&mut self, name: &str, account: &mut Account) -> Outcome {
        let function = self.find(name, account)?;
        let (name, key) = (function.wanted.name.clone(), function.code.key.clone());
        account.storage.delete(&package::bucket(account), &key);
        self.functions.remove(&name);
        self.waiting.retain(|invocation| invocation.function != name);
        Ok(JsonAnswer::empty(204))
    }

    /// Begins an update to what is wanted from now on.
    fn replace(
        &mut self,
        name: &str,
        wanted: Deployed,
        account: &mut Account,
        now: Timestamp,
    ) -> Result<&mut Function, Fault> {
        let wanted = Arc::new(self.numbered(wanted));
        let until = now + account.timing.scale(SETTLING);
        let revision_id = account.ids.uuid("revision");
        let function = self.find_mut(name, account)?;
        function.wanted = wanted;
        function.busy_until = Some(until);
        function.revision_id = revision_id;
        function.modified = now;
        Ok(function)
    }

    fn numbered(&mut self, mut deployed: Deployed) -> Deployed {
        self.deployments += 1;
        deployed.revision = self.deployments;
        deployed
    }
}

const INVALID: &str = "InvalidParameterValueException";
const CONFLICT: &str = "ResourceConflictException";

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn architecture(given: &[String]) -> Result<Option<String>, Fault> {
    match given {
        [] => Ok(None),
        [one] if matches!(one.as_str(), "x86_64" | "arm64") => Ok(Some(one.clone())),
        other => Err(invalid(format!(
            "Architectures must be one of x86_64 and arm64, and are {other:?}"
        ))),
    }
}

/// One change at a time, and only to what the caller has seen.
fn may_change(function: &Function, revision_id: Option<&str>) -> Result<(), Fault> {
    if function.busy_until.is_some() {
        let state = if function.is_pending() {
            "The function is currently in the following state: Pending".to_owned()
        } else {
            format!("An update is in progress for resource: {}", function.wanted.arn)
        };
        let message = format!("The operation cannot be performed at this time. {state}");
        return Err(fault(409, CONFLICT, message));
    }
    if revision_id.is_some_and(|seen| seen != function.revision_id) {
        return Err(fault(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        ));
    }
    Ok(())
}
