//! The same release done the careless way, as many scripts do it: all traffic to the new environment as soon as that is Ready, and
//! the old one terminated at once. What it loses is what the careful way waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::RehearseError;
use super::stage::Stage;
use crate::aws::{CallError, InTime, NewEnvironment};
use crate::compose::Artifact;
use crate::model::{Clock, EnvironmentId, EnvironmentName, Span, SystemClock, VersionLabel};
use crate::release::EnvironmentSeen;
use crate::spec::{Lever, Spec};
use crate::traffic::{Fence, Forward, Hosts, OwnRecords, Stickiness, Weigh, Weighting, fence_name, members, weigh};

/// How long any step may take; none of them is to be waited for at AWS's own pace.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Releases a bundle carelessly. Gives how long it took.
pub(super) async fn release(
    stage: &Stage,
    spec: &Spec,
    artifact: &Artifact,
    version: &str,
) -> Result<Duration, RehearseError> {
    let began = Instant::now();
    let aws = &stage.aws;
    let application = &spec.application;
    let slot = spec.slot_cname(Some(stage.cloud.region()));
    // With weights no name says which one is live; there is one.
    let live = |seen: &EnvironmentSeen| seen.holds(&slot) || spec.lever.is_gradual() && seen.ready();
    let blue = find(stage, spec, "find the live environment", live).await?;
    let version = VersionLabel::new(format!("version-{version}"));
    stage.make_version(spec, &version, &artifact.file).await?;
    let template = format!("{version}-careless");
    let said = "the careless release of the rehearsal";
    aws.create_template(application, &template, &blue.id, &[], said, &soon())
        .await
        .map_err(setup("copy the configuration"))?;
    let name = EnvironmentName::new(format!("rehearsal-{version}"));
    let new = NewEnvironment {
        application,
        name: &name,
        version: &version,
        template: &template,
        min_instances: 2,
        max_instances: 4,
        tags: &[],
    };
    aws.create_environment(&new, &soon())
        .await
        .map_err(setup("make the new environment"))?;
    let green = find(stage, spec, "wait for the new environment", |seen| {
        seen.name == name && seen.ready()
    })
    .await?;
    match spec.lever {
        Lever::CnameSwap => {
            aws.swap(&blue.id, &green.id, &soon())
                .await
                .map_err(setup("swap the names"))?;
            // Not even a careless script gets past an environment that is not Ready; it waits for that and for nothing else.
            find(stage, spec, "wait for the swap", |seen| {
                seen.id == green.id && seen.holds(&slot) && seen.ready()
            })
            .await?;
        }
        Lever::WeightedDns => records(stage, spec, &blue, &green).await?,
        Lever::WeightedTargetGroups => rules(stage, spec, &green).await?,
    }
    end(stage, &blue.id).await?;
    gone(stage, &blue.id).await?;
    Ok(began.elapsed())
}

/// Lets all records lead to the new environment, whatever its health, and whatever resolvers remember.
async fn records(
    stage: &Stage,
    spec: &Spec,
    blue: &EnvironmentSeen,
    green: &EnvironmentSeen,
) -> Result<(), RehearseError> {
    let aws = &stage.aws;
    let name = format!("{}.", spec.traffic_name(None));
    let zone = aws
        .hosted_zone(&name)
        .await
        .map_err(setup("look for the hosted zone"))?;
    let zone = zone.unwrap_or_default();
    let (blue, green) = (Hosts::from(blue), Hosts::from(green));
    let mut records = Vec::new();
    for name in [name.clone(), fence_name(&name)] {
        records.extend(aws.records(&zone, &name).await.map_err(setup("read the records"))?);
    }
    let slot = format!("{}/{}", spec.application, spec.slot);
    let wanted = Weigh {
        name: &name,
        weighting: Weighting::GreenAlone,
        own: &OwnRecords::new(),
        originals: &members(&name, &records, &slot, std::slice::from_ref(&blue)).weights_of(&blue.environment),
        blue: &blue,
        green: Some(&green),
        fence: &Fence::first(&slot),
    };
    let changes = weigh(&wanted, &records)
        .map_err(|error| RehearseError::undone(format!("give all weight of {name} to the new environment"), error))?;
    aws.change_records(&zone, &changes, "the careless way")
        .await
        .map(drop)
        .map_err(setup("change the records"))
}

/// Lets all rules forward to the new environment's target group, whether its targets are healthy or not.
async fn rules(stage: &Stage, spec: &Spec, green: &EnvironmentSeen) -> Result<(), RehearseError> {
    let groups = stage.aws.target_groups(&green.id).await;
    let groups = groups.map_err(setup("look for the target group"))?;
    let forward = Forward {
        groups: groups.into_iter().map(|group| (group, 1)).collect(),
        sticky: Stickiness::default(),
    };
    for rule in &spec.weighted_target_groups.rules {
        let changed = stage.aws.set_forward(rule, &forward, &soon()).await;
        changed.map_err(setup("change the rule"))?;
    }
    Ok(())
}

/// Waits for an environment that is as it should be.
pub(super) async fn find(
    stage: &Stage,
    spec: &Spec,
    what: &'static str,
    wanted: impl Fn(&EnvironmentSeen) -> bool,
) -> Result<EnvironmentSeen, RehearseError> {
    let began = Instant::now();
    loop {
        let all = stage
            .aws
            .environments(Some(&spec.application))
            .await
            .map_err(setup(what))?;
        if let Some(found) = all.into_iter().find(&wanted) {
            return Ok(found);
        }
        if began.elapsed() > PATIENCE {
            return Err(too_long(what));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn too_long(what: &'static str) -> RehearseError {
    let patience = Span::from(PATIENCE);
    let said =
        format!("it took longer than {patience}; if this machine is busy, try again with fewer requests, by `--rate`");
    RehearseError::undone(what, said)
}

async fn end(stage: &Stage, blue: &EnvironmentId) -> Result<(), RehearseError> {
    let began = Instant::now();
    loop {
        match stage.aws.terminate(blue, &soon()).await {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(setup("terminate the old environment")(error)),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn gone(stage: &Stage, blue: &EnvironmentId) -> Result<(), RehearseError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let found = stage
            .aws
            .environment(blue)
            .await
            .map_err(setup("look at the old environment"))?;
        if found.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

pub(super) fn setup(what: &'static str) -> impl Fn(CallError) -> RehearseError {
    move |source| RehearseError::Setup { what, source }
}

fn soon() -> InTime {
    let clock = Arc::new(SystemClock);
    let until = clock.since_boot() + PATIENCE;
    InTime::until(clock, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_too_long_is_named_and_version_1_is_not_blamed_for_it() {
        let said = too_long("wait for the swap").to_string();
        assert_eq!(
            said,
            "the rehearsal could not wait for the swap: it took longer than 3m; if this machine is busy, try again with fewer \
             requests, by `--rate`"
        );
    }
}
