//! Auto Scaling, by the one thing that a release changes there.

use super::error::read;
use super::{Aws, CallError, InTime};
use crate::model::InstanceId;

impl Aws {
    /// Removes an instance; its group starts another one in its place, because as many are wanted as before. `false` if it was gone
    /// already. **Destructive**: sent once.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn replace_instance(&self, instance: &InstanceId, in_time: &InTime) -> Result<bool, CallError> {
        let answer = self
            .scaling_once
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance.as_str())
            .should_decrement_desired_capacity(false)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map_err(|error| read("TerminateInstanceInAutoScalingGroup", error));
        match answer {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether it says that the instance is in no group any more: its end takes so long to show that it may be asked for twice.
fn is_gone(error: &CallError) -> bool {
    error.code.as_deref() == Some("ValidationError") && error.message.contains("No managed instance found")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Effect;

    #[test]
    fn what_is_in_no_group_any_more_is_gone() {
        let error = |code: &str, message: &str| CallError {
            operation: "TerminateInstanceInAutoScalingGroup",
            code: Some(code.to_owned()),
            message: message.to_owned(),
            effect: Effect::Refused,
        };
        assert!(is_gone(&error(
            "ValidationError",
            "Instance Id not found - No managed instance found for instance ID: i-1"
        )));
        assert!(!is_gone(&error("ValidationError", "1 validation error detected")));
        assert!(!is_gone(&error("AccessDenied", "No managed instance found")));
    }
}
