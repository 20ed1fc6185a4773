//! Why an invocation could not do what it was asked for.

use std::fmt;

use crate::aws::{CallError, Fault};
use crate::compose::NotBegun;
use crate::driver::DriverError;

/// A failure, and whose fault it is.
#[derive(Debug)]
pub struct Failure {
    pub(super) fault: Fault,
    pub(super) message: String,
}

impl Failure {
    /// Of the action's settings.
    pub(super) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Fault::Configuration, message)
    }

    /// Of what does not answer.
    pub(super) fn system(message: impl fmt::Display) -> Self {
        Self::new(Fault::System, message.to_string())
    }

    /// With whose fault it is, and why and what to do next in words.
    #[must_use]
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
        }
    }

    /// Of a driver.
    pub(super) fn of_driver(error: &DriverError) -> Self {
        let message = error.to_string();
        match error {
            DriverError::Elsewhere { .. } | DriverError::Account { .. } => Self::configuration(message),
            DriverError::Journal(_) | DriverError::Busy(_) | DriverError::Illegal { .. } => Self::system(message),
        }
    }

    /// Of a release, or a drill, that has not begun.
    pub(super) fn not_begun(why: &NotBegun) -> Self {
        match why {
            NotBegun::Refused(_) => Self::new(Fault::Release, why.to_string()),
            NotBegun::Failed(error) => Self::of_driver(error),
            NotBegun::Interrupted(how) => Self::system(how),
        }
    }

    /// Of a call that reads something that `missing` is to blame for if it is not there.
    pub(super) fn of_call(what: &str, error: &CallError, missing: Fault) -> Self {
        let has = |codes: &[&str]| codes.iter().any(|code| error.has_code(code));
        let (fault, advice) = if error.is_denied() {
            (
                Fault::Permission,
                "; give the role that permission, as `cutover iam-policy` prints it",
            )
        } else if has(&["NoSuchKey", "NoSuchBucket"]) {
            (missing, "; check the name")
        } else {
            (Fault::System, "; the next try may succeed")
        };
        Self::new(fault, format!("{what}: {error}{advice}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
