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
            DriverError::Journal(_)
            | DriverError::Busy(_)
            | DriverError::Illegal { .. }
            | DriverError::Unanswered { .. } => Self::system(message),
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

    /// Of reading an object of S3 by `reader`'s permissions; `missing` is to blame if it is not there.
    pub(super) fn of_read(
        what: &str,
        (bucket, key): (&str, &str),
        reader: &str,
        error: &CallError,
        missing: Fault,
    ) -> Self {
        let has = |codes: &[&str]| codes.iter().any(|code| error.has_code(code));
        let (fault, advice) = if error.is_denied() {
            let advice = format!(
                "check the name, and give {reader} `s3:GetObject` on arn:aws:s3:::{bucket}/{key}; of an object that is not there S3 says this, \
                 too, to whoever has no `s3:ListBucket` on arn:aws:s3:::{bucket}"
            );
            (Fault::Permission, advice)
        } else if has(&["NoSuchKey", "NoSuchBucket"]) {
            (missing, "check the name".to_owned())
        } else {
            (Fault::System, "the next try may succeed".to_owned())
        };
        Self::new(fault, format!("{what} s3://{bucket}/{key}: {error}; {advice}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_read_is_told_who_needs_which_permission() {
        let of = |code: &str| {
            let error = CallError {
                operation: "GetObject",
                code: Some(code.to_owned()),
                message: "no".to_owned(),
                effect: crate::aws::Effect::NotNow,
            };
            let object = ("state", "config/cutover.toml");
            Failure::of_read(
                "reading the settings",
                object,
                "the function's role",
                &error,
                Fault::Configuration,
            )
        };
        let denied = of("AccessDenied");
        assert_eq!(denied.fault, Fault::Permission);
        for part in [
            "reading the settings s3://state/config/cutover.toml",
            "give the function's role `s3:GetObject` on arn:aws:s3:::state/config/cutover.toml",
            "`s3:ListBucket` on arn:aws:s3:::state",
        ] {
            assert!(denied.message.contains(part), "{part}: {}", denied.message);
        }
        assert_eq!(of("NoSuchBucket").fault, Fault::Configuration);
        assert_eq!(of("SlowDown").fault, Fault::System);
    }
}
