//! How the traffic of a rehearsal comes to version 1: by its CNAME, by a name of one's own, or by a rule of a load balancer.

use super::error::RehearseError;
use super::settings::{NAME, ZONE};
use super::stage::Stage;
use crate::aws::{Balancer, CallError};
use crate::compose::{Direction, Project, Wanted, adoption};
use crate::model::EnvironmentId;
use crate::spec::Lever;
use crate::traffic::{Change, Content, Record, Routing};

/// For how long clients stay with the target group that they met first, where a load balancer sees to it, in seconds of AWS's.
const STICKY: u32 = 60;

/// The rule's place among those of the load balancer; Elastic Beanstalk counts its own from 1.
const PRIORITY: i32 = 100;

/// The load balancer that blue and green are to share, where that carries the traffic, with a name of the user's own.
pub(super) async fn balancer(stage: &Stage, lever: Lever) -> Result<Option<Balancer>, RehearseError> {
    if lever != Lever::WeightedTargetGroups {
        return Ok(None);
    }
    let made = stage.aws.create_balancer("rehearsal").await;
    let made = made.map_err(setup("make a load balancer"))?;
    name(stage, &made.dns_name).await?;
    Ok(Some(made))
}

/// The rule that forwards the name's requests to the live environment; other names have nothing to do with it.
pub(super) async fn rules(
    stage: &Stage,
    shared: &Balancer,
    live: &EnvironmentId,
) -> Result<Vec<String>, RehearseError> {
    let groups = stage.aws.target_groups(live).await;
    let groups = groups.map_err(setup("look for the target group"))?;
    let group = groups.first().map(String::as_str).unwrap_or_default();
    let rule = stage
        .aws
        .create_rule(&shared.listener, (NAME, "/*"), PRIORITY, group, Some(STICKY))
        .await;
    Ok(vec![rule.map_err(setup("make a rule"))?])
}

/// Lets the traffic come to the live environment.
pub(super) async fn lay(stage: &Stage, project: &Project, live: &EnvironmentId) -> Result<(), RehearseError> {
    match project.spec.lever {
        Lever::CnameSwap | Lever::WeightedTargetGroups => Ok(()),
        Lever::WeightedDns => records(stage, project, live).await,
    }
}

/// A hosted zone whose name leads somewhere by a simple record, as a company has it. Gives the zone's id.
async fn name(stage: &Stage, target: &str) -> Result<String, RehearseError> {
    let aws = &stage.aws;
    let zone = aws
        .create_hosted_zone(ZONE)
        .await
        .map_err(setup("make a hosted zone"))?;
    let record = Record {
        name: format!("{NAME}."),
        kind: "CNAME".to_owned(),
        routing: Routing::Simple,
        content: Content::Values {
            ttl: stage.cloud.dns_ttl_seconds(),
            values: vec![target.to_owned()],
        },
        health_check: None,
    };
    aws.change_records(&zone, &[Change::Create(record)], "the rehearsal's name")
        .await
        .map_err(setup("make a record"))?;
    Ok(zone)
}

/// The name, which then gets weighted records: `cutover adopt`.
async fn records(stage: &Stage, project: &Project, live: &EnvironmentId) -> Result<(), RehearseError> {
    let aws = &stage.aws;
    let found = aws
        .environment(live)
        .await
        .map_err(setup("look at the live environment"))?;
    let cname = found.and_then(|found| found.cname).unwrap_or_default();
    let zone = name(stage, &cname).await?;
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
        .map_err(|error| RehearseError::undone("adopt the records of its name", error))
}

fn setup(what: &'static str) -> impl Fn(CallError) -> RehearseError {
    move |source| RehearseError::Setup { what, source }
}
