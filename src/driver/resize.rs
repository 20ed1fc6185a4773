//! The look right before an environment's limits are set: what somebody else has set since is not overwritten, and no instance is
//! ended that runs.

use super::World;
use super::not_made::unread;
use crate::model::EnvironmentId;
use crate::release::{CallResult, CapacitySeen, Limits, Release};

/// Whether an environment may be given these limits.
pub(super) async fn fit(
    world: &World,
    release: &Release,
    id: &EnvironmentId,
    wanted: Limits,
) -> Result<(), CallResult> {
    let blue = release.blue.as_ref().map(|blue| (&blue.id, &blue.name));
    let green = release.green.as_ref().map(|green| (&green.id, &green.name));
    let Some((_, name)) = blue.into_iter().chain(green).find(|(own, _)| *own == id) else {
        return Ok(());
    };
    let application = &release.plan.id.slot.application;
    let (settings, group) = tokio::join!(world.aws.settings(application, name), world.aws.scaling_group(id));
    let settings = settings.map_err(unread)?;
    let seen = CapacitySeen {
        configured: Limits {
            min_instances: settings.min_instances,
            max_instances: settings.max_instances,
        },
        group: group.map_err(unread)?,
    };
    release.fit_to_resize(id, wanted, &seen)
}
