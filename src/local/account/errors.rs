//! The service's errors: code, HTTP status and the exact words.
//!
//! Clients tell most failures apart by their message only, so the texts are those that were seen on the wire.

use super::archive::Invalid;
pub(crate) use crate::local::query::{AwsError, constraint, invalid_value};

/// Parameters that do not go together.
pub(crate) fn invalid_combination(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterCombination", message)
}

/// Neither of two alternatives is there.
pub(crate) fn missing_parameter(message: impl Into<String>) -> AwsError {
    AwsError::new("MissingRequiredParameter", message)
}

/// An environment is in the middle of something.
pub(crate) fn not_ready(environment: &str) -> AwsError {
    invalid_value(format!(
        "Environment named {environment} is in an invalid state for this operation. Must be Ready."
    ))
}

/// No environment of that name.
pub(crate) fn no_environment_named(name: &str) -> AwsError {
    invalid_value(format!("No Environment found for EnvironmentName = '{name}'."))
}

/// No environment of that id.
pub(crate) fn no_environment_with_id(id: &str) -> AwsError {
    invalid_value(format!("No Environment found for EnvironmentId = '{id}'."))
}

/// The name of an environment is taken.
pub(crate) fn environment_exists(name: &str) -> AwsError {
    invalid_value(format!("Environment {name} already exists."))
}

/// A CNAME is taken.
pub(crate) fn dns_name_taken(name: &str) -> AwsError {
    invalid_value(format!("DNS name ({name}) is not available."))
}

/// No application of that name.
pub(crate) fn no_application(name: &str) -> AwsError {
    invalid_value(format!("No Application named '{name}' found."))
}

/// The name of an application is taken.
pub(crate) fn application_exists(name: &str) -> AwsError {
    invalid_value(format!("Application {name} already exists."))
}

/// No version of that label.
pub(crate) fn no_version(label: &str) -> AwsError {
    invalid_value(format!("No Application Version named '{label}' found."))
}

/// The label of a version is taken.
pub(crate) fn version_exists(label: &str) -> AwsError {
    invalid_value(format!("Application Version {label} already exists."))
}

/// No template of that name.
pub(crate) fn no_template(application: &str, name: &str) -> AwsError {
    invalid_value(format!("No Configuration Template named '{application}/{name}' found."))
}

/// The name of a template is taken.
pub(crate) fn template_exists(name: &str) -> AwsError {
    invalid_value(format!("Configuration Template {name} already exists."))
}

/// Nothing says which platform an environment should run on.
pub(crate) fn no_platform() -> AwsError {
    invalid_value("Unable to determine base for template pack (no solution stack)")
}

/// A solution stack that does not exist.
pub(crate) fn no_solution_stack(name: &str) -> AwsError {
    invalid_value(format!("No Solution Stack named '{name}' found."))
}

/// A platform that does not exist.
pub(crate) fn no_platform_version(arn: &str) -> AwsError {
    invalid_value(format!("No Platform named '{arn}' found."))
}

/// A source bundle that is not in S3.
pub(crate) fn no_bundle(bucket: &str, key: &str) -> AwsError {
    // Two spaces before `Key` are the service's own.
    invalid_value(format!(
        "Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found"
    ))
}

/// A source bundle that is too large.
pub(crate) fn bundle_too_large(limit: u64) -> AwsError {
    invalid_value(format!("Source bundle exceeds maximum allowed size: {limit}"))
}

/// An operation that enhanced health reporting alone offers.
pub(crate) fn basic_health(operation: &str) -> AwsError {
    AwsError::new("InvalidRequestException", format!("{operation} is not supported."))
}

/// Option settings that do not hold.
pub(crate) fn configuration(message: &str) -> AwsError {
    AwsError::new(
        "ConfigurationValidationException",
        format!("Configuration validation exception: {message}"),
    )
}

/// A configuration file of a version that cannot be read.
pub(crate) fn configuration_file(invalid: &Invalid, label: &str) -> AwsError {
    invalid_value(format!(
        "The configuration file {} in application version {label} contains invalid YAML or JSON. {}. Update the configuration file.",
        invalid.file, invalid.why
    ))
}

/// A saved configuration that cannot be read.
pub(crate) fn saved_configuration(which: &str, why: &str) -> AwsError {
    invalid_value(format!(
        "The configuration template {which} cannot be read. {why}. Update the saved configuration."
    ))
}

/// A quota is used up.
pub(crate) fn quota(code: &'static str, what: &str, limit: usize) -> AwsError {
    AwsError::new(code, format!("You cannot have more than {limit} {what}."))
}

/// A resource that is not there, asked for by its ARN.
pub(crate) fn no_resource(arn: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        format!("Resource not found for arn '{arn}'."),
    )
}

/// An ARN of something that has no tags.
pub(crate) fn resource_type(arn: &str) -> AwsError {
    AwsError::new(
        "ResourceTypeNotSupportedException",
        format!("Resource type of arn '{arn}' is not supported."),
    )
}

/// An operation that AWS has and this account has not.
pub(crate) fn not_implemented(what: &str) -> AwsError {
    AwsError {
        status: 501,
        code: "NotImplemented",
        message: format!("cutover's local cloud does not implement {what}"),
    }
}

/// An operation that AWS has not either.
pub(crate) fn invalid_action(action: &str, version: &str) -> AwsError {
    AwsError::new(
        "InvalidAction",
        format!("Could not find operation {action} for version {version}"),
    )
}
