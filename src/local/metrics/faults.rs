//! Refusals in CloudWatch's words.

use crate::local::fault::Fault;

fn fault(status: u16, code: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        status,
        code,
        message: message.into(),
    }
}

/// A parameter that must be there.
pub(super) fn missing(what: &str) -> Fault {
    fault(400, "MissingParameter", format!("The parameter {what} is required."))
}

/// A value that makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    fault(400, "InvalidParameterValue", message)
}

/// A request that breaks a rule.
pub(super) fn validation(message: impl Into<String>) -> Fault {
    fault(400, "ValidationError", message)
}

/// Parameters that exclude each other.
pub(super) fn combination(message: impl Into<String>) -> Fault {
    fault(400, "InvalidParameterCombination", message)
}

/// A text that is not of its form.
pub(super) fn bad_format(message: impl Into<String>) -> Fault {
    fault(400, "InvalidFormat", message)
}

/// A token that no page has given.
pub(super) fn next_token() -> Fault {
    fault(400, "InvalidNextToken", "The next token specified is invalid.")
}

/// Something that is not there.
pub(super) fn not_found(message: impl Into<String>) -> Fault {
    fault(404, "ResourceNotFound", message)
}

/// What only AWS does.
pub(super) fn not_implemented(what: &str) -> Fault {
    let message = format!("cutover's local cloud does not implement {what}");
    fault(501, "NotImplemented", message)
}
