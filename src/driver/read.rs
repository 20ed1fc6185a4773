//! Reads that more than one look needs.

use super::World;
use crate::aws::CallError;
use crate::model::Known;
use crate::release::{EnvironmentSeen, Plan, RELEASE_TAG};

/// What a read gave, or why it gave nothing.
pub(super) fn known<T>(result: Result<T, CallError>) -> Known<T> {
    match result {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

/// Adds the tag of the environment that has green's name, if there is one.
pub(super) async fn tag(world: &World, plan: &Plan, seen: &mut [EnvironmentSeen]) -> Result<(), CallError> {
    for environment in seen
        .iter_mut()
        .filter(|environment| environment.name == plan.green_name)
    {
        let tag = world.aws.environment_tag(&environment.id, RELEASE_TAG).await?;
        environment.release_tag = Some(tag.unwrap_or_default());
    }
    Ok(())
}
