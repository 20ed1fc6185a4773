//! The same release in place, as `eb deploy` does it by default: the new version takes the old one's place on all instances at once.
//! Nobody answers in between, which is why one releases to a new environment.

use std::time::{Duration, Instant};

use super::careless::{PATIENCE, PAUSE, setup};
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
    let look = async || {
        let seen = stage.aws.environments(Some(&spec.application)).await;
        let seen = seen.map_err(setup("look at the environment"))?;
        Ok::<_, RehearseError>(seen.into_iter().find(EnvironmentSeen::ready))
    };
    let Some(live) = look().await? else {
        return Err(RehearseError::NotLive {
            said: "there is no environment to deploy to".to_owned(),
        });
    };
    stage
        .aws
        .deploy_in_place(&live.id, &version)
        .await
        .map_err(setup("deploy in place"))?;
    while look().await?.is_none() {
        if began.elapsed() > PATIENCE {
            return Err(RehearseError::NotLive {
                said: "the deployment in place took too long".to_owned(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(began.elapsed())
}
