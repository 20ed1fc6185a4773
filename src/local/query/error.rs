//! Errors as the query protocol has them, and those that come from reading parameters.

/// An error as the service words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsError {
    /// HTTP status.
    pub(crate) status: u16,
    /// The code that clients look at.
    pub(crate) code: &'static str,
    /// The text that clients look at as well.
    pub(crate) message: String,
}

impl AwsError {
    /// An error with status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
        }
    }

    /// `Sender` or `Receiver`: whose fault it is.
    pub(crate) fn kind(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}

/// The service's catch-all.
pub(crate) fn invalid_value(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

/// A parameter that the service's model requires is not there.
pub(crate) fn null_parameter(name: &str) -> AwsError {
    let mut letters = name.chars();
    let field: String = letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect();
    AwsError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
        ),
    )
}

/// A value that breaks a rule on its form.
pub(crate) fn constraint(value: &str, name: &str, rule: &str) -> AwsError {
    invalid_value(format!(
        "Value {value} at '{name}' failed to satisfy constraint: {rule}"
    ))
}

/// A value that is not of its type.
pub(crate) fn malformed(name: &str, value: &str, kind: &str) -> AwsError {
    AwsError::new(
        "MalformedInput",
        format!("Value '{value}' at '{name}' is not a valid {kind}"),
    )
}
