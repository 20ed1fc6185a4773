//! What IAM answers when it does not do what it is asked.

use crate::local::query::AwsError;

fn with(status: u16, code: &'static str, message: String) -> AwsError {
    AwsError { status, code, message }
}

pub(super) fn no_entity(message: &str) -> AwsError {
    with(404, "NoSuchEntity", message.to_owned())
}

pub(super) fn no_role(name: &str) -> AwsError {
    no_entity(&format!("The role with name {name} cannot be found."))
}

pub(super) fn no_profile(name: &str) -> AwsError {
    no_entity(&format!("Instance Profile {name} cannot be found."))
}

pub(super) fn no_policy(arn: &str) -> AwsError {
    no_entity(&format!("Policy {arn} does not exist or is not attachable."))
}

pub(super) fn exists(what: &str) -> AwsError {
    with(409, "EntityAlreadyExists", format!("{what} already exists."))
}

pub(super) fn conflict(what: &str) -> AwsError {
    with(
        409,
        "DeleteConflict",
        format!("Cannot delete entity, must {what} first."),
    )
}

pub(super) fn one_role_only() -> AwsError {
    with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned(),
    )
}

pub(super) fn invalid(message: &str) -> AwsError {
    with(400, "InvalidInput", message.to_owned())
}

pub(super) fn malformed_policy(why: &str) -> AwsError {
    with(400, "MalformedPolicyDocument", why.to_owned())
}

pub(super) fn not_implemented(action: &str) -> AwsError {
    with(
        501,
        "NotImplemented",
        format!("cutover's local cloud does not implement {action} of IAM; it has roles and instance profiles only"),
    )
}
