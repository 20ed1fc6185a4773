//! Reads that more than one look needs.

use std::time::Duration;

use super::World;
use crate::aws::CallError;
use crate::model::{Clock, EnvironmentId, Known};
use crate::release::{EnvironmentSeen, HealthSeen, Plan, RELEASE_TAG};

/// What a read gave, or why it gave nothing.
fn known<T>(result: Result<T, CallError>) -> Known<T> {
    match result {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

/// What a read gave in so long. One that hangs must not make all others too old ([`crate::release::limits::LOOK`]).
pub(super) async fn bounded<T>(longest: Duration, call: impl Future<Output = Result<T, CallError>>) -> Known<T> {
    match tokio::time::timeout(longest, call).await {
        Ok(result) => known(result),
        Err(_) => Known::Unknown(format!("no answer within {} s", longest.as_secs())),
    }
}

/// Health of an environment, dated by this machine's clock.
pub(super) async fn health(world: &World, id: &EnvironmentId, clock: &dyn Clock) -> Result<HealthSeen, CallError> {
    let mut health = world.aws.health(id).await?;
    if let Some(at) = &mut health.refreshed_at {
        let here = clock.now();
        *at = at.moved(world.aws.service_time(here), here);
    }
    Ok(health)
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
