//! Auto Scaling, by the one thing that a release changes there.

use super::error::read;
use super::{Aws, CallError, InTime};
use crate::model::InstanceId;

impl Aws {
    /// Removes an instance; its group starts another one in its place, because as many are wanted as before. **Destructive**: sent once.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn replace_instance(&self, instance: &InstanceId, in_time: &InTime) -> Result<(), CallError> {
        self.scaling_once
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance.as_str())
            .should_decrement_desired_capacity(false)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| read("TerminateInstanceInAutoScalingGroup", error))
    }
}
