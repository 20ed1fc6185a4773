//! How the traffic of a rehearsal comes to version 1: by its CNAME, by a name of one's own, or by a rule of a load balancer.

use super::error::RehearseError;
use super::settings::{NAME, ZONE};
use super::stage::Stage;
use crate::aws::CallError;
use crate::compose::{Direction, Project, Wanted, adoption};
use crate::model::EnvironmentId;
use crate::spec::Lever;
use crate::traffic::{Change, Content, Record, Routing};

/// The rules that carry the traffic, where rules do.
pub(super) async fn rules(_stage: &Stage, _lever: Lever) -> Result<Vec<String>, RehearseError> {
    Ok(Vec::new())
}

/// Lets the traffic come to the live environment.
pub(super) async fn lay(stage: &Stage, project: &Project, live: &EnvironmentId) -> Result<(), RehearseError> {
    match project.spec.lever {
        Lever::CnameSwap | Lever::WeightedTargetGroups => Ok(()),
        Lever::WeightedDns => records(stage, project, live).await,
    }
}

/// A hosted zone with a simple record, as a company has it; then `cutover adopt`.
async fn records(stage: &Stage, project: &Project, live: &EnvironmentId) -> Result<(), RehearseError> {
    let aws = &stage.aws;
    let zone = aws
        .create_hosted_zone(ZONE)
        .await
        .map_err(setup("make a hosted zone"))?;
    let found = aws
        .environment(live)
        .await
        .map_err(setup("look at the live environment"))?;
    let cname = found.and_then(|found| found.cname).unwrap_or_default();
    let record = Record {
        name: format!("{NAME}."),
        kind: "CNAME".to_owned(),
        routing: Routing::Simple,
        content: Content::Values {
            ttl: stage.cloud.dns_ttl_seconds(),
            values: vec![cname],
        },
        health_check: None,
    };
    aws.change_records(&zone, &[Change::Create(record)], "the rehearsal's name")
        .await
        .map_err(setup("make a record"))?;
    let journal = project.open_journal(&stage.reach).await;
    let wanted = Wanted {
        direction: Direction::Adopt,
        name: None,
        zone: Some(&zone),
        dry: false,
        tell: &|_| {},
    };
    adoption(project, aws, journal.as_ref(), &wanted)
        .await
        .map(drop)
        .map_err(|error| RehearseError::NotLive {
            said: format!("its name could not be adopted: {error}"),
        })
}

fn setup(what: &'static str) -> impl Fn(CallError) -> RehearseError {
    move |source| RehearseError::Setup { what, source }
}
