//! The same release in place, as `eb deploy` does it by default: the new version takes the old one's place on all instances at once.
//! Nobody answers in between, which is why one releases to a new environment.

use std::time::{Duration, Instant};

use super::careless::{find, setup};
use super::error::RehearseError;
use super::stage::Stage;
use crate::compose::Artifact;
use crate::model::VersionLabel;
use crate::release::EnvironmentSeen;
use crate::spec::Spec;

/// Deploys a bundle to the environment that is there. Gives how long it took.
pub(super) async fn release(
    stage: &Stage,
    spec: &Spec,
    artifact: &Artifact,
    version: &str,
) -> Result<Duration, RehearseError> {
    let began = Instant::now();
    let version = VersionLabel::new(format!("version-{version}"));
    stage.make_version(spec, &version, &artifact.file).await?;
    let live = find(stage, spec, "find the live environment", EnvironmentSeen::ready).await?;
    stage
        .aws
        .deploy_in_place(&live.id, &version)
        .await
        .map_err(setup("deploy in place"))?;
    let deployed = find(stage, spec, "wait for the deployment in place", |seen| {
        seen.id == live.id && seen.ready()
    })
    .await?;
    // It is Ready after a deployment that failed, too, and then goes on expecting the version before.
    if deployed.version.as_ref() != Some(&version) {
        let said = "the environment went on with the version before; the application has to start on an instance that has run it before";
        return Err(RehearseError::undone(format!("deploy {version} in place"), said));
    }
    Ok(began.elapsed())
}
