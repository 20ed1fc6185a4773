//! Weights: read where they are, and written on exactly the state that was seen.

use super::World;
use super::forwards::Targets;
use super::not_made::{not_now, refused, unread};
use crate::aws::{CallError, InTime};
use crate::model::EnvironmentId;
use crate::release::{CallResult, Plan, Release, Route};
use crate::traffic::{Change, Fence, Hosts, Record, Split, Weigh, Weighting, fence_name, members, weigh as changes};

/// Hosts of blue and green, by what was recorded of them.
pub(super) fn recorded(release: &Release) -> Vec<Hosts> {
    let blue = release.blue.iter().map(|blue| Hosts {
        environment: blue.id.clone(),
        cname: blue.cname.clone(),
        endpoint: blue.endpoint.clone(),
        group: blue.group.clone(),
    });
    let green = release.green.iter().map(|green| Hosts {
        environment: green.id.clone(),
        cname: green.cname.clone(),
        endpoint: green.endpoint.clone(),
        group: green.group.clone(),
    });
    blue.chain(green).collect()
}

/// How the traffic is shared out among these environments. A read.
pub(super) async fn split(
    world: &World,
    plan: &Plan,
    environments: &[Hosts],
    targets: Targets,
) -> Result<Split, CallError> {
    match &plan.route {
        Some(Route::Records { name, zone }) => {
            let zone = world.zone(name, zone.as_deref()).await?;
            let records = records(world, &zone, name).await?;
            let split = members(name, &records, &plan.id.slot.to_string(), environments);
            Ok(Split {
                zone: Some(zone),
                ..split
            })
        }
        Some(Route::Rules { arns }) => world.forwards(arns, environments, targets).await,
        None => Ok(Split::default()),
    }
}

/// The records of a name, and its companion.
async fn records(world: &World, zone: &str, name: &str) -> Result<Vec<Record>, CallError> {
    let beside = fence_name(name);
    let (records, companion) = tokio::join!(world.aws.records(zone, name), world.aws.records(zone, &beside));
    let mut records = records?;
    records.extend(companion?);
    Ok(records)
}

/// Writes weights, if the state is the one that was seen before. Gives what the service calls the change.
pub(super) async fn weigh(
    world: &World,
    release: &Release,
    weighting: Weighting,
    before: &str,
    (in_time, sent_by): (&impl Fn() -> Result<(), CallResult>, &InTime),
) -> Result<Option<String>, CallResult> {
    let plan = &release.plan;
    let sides = recorded(release);
    let side = |id: Option<&EnvironmentId>| sides.iter().find(|hosts| Some(&hosts.environment) == id);
    let blue = release.blue.as_ref();
    let own = blue.map(|blue| blue.records.clone()).unwrap_or_default();
    let (Some(originals), Some(blue)) = (blue.map(|blue| &blue.weights), side(blue.map(|blue| &blue.id))) else {
        return Err(refused("not made: the journal does not say which environment is blue"));
    };
    let green = side(release.green.as_ref().map(|green| &green.id));
    if green.is_some_and(|green| green.environment == blue.environment) {
        return Err(refused(
            "not made: blue and green are one environment, which would lose its share",
        ));
    }
    if let (Some(green), Weighting::Split { .. } | Weighting::Whole) = (green, weighting) {
        at_rest(world, &green.environment).await?;
    }
    match &plan.route {
        Some(Route::Records { name, zone }) => {
            let zone = world.zone(name, zone.as_deref()).await.map_err(unread)?;
            let records = records(world, &zone, name).await.map_err(unread)?;
            let slot = plan.id.slot.to_string();
            expected(before, &members(name, &records, &slot, &sides))?;
            let entry = release
                .pending
                .as_ref()
                .map_or(release.sequence, |pending| pending.intent);
            let fence = Fence::of(&slot, plan.id.number.0, entry);
            let wanted = Weigh {
                name,
                weighting,
                originals,
                own: &own,
                blue,
                green,
                fence: &fence,
            };
            let changes = changes(&wanted, &records).map_err(|error| refused(format!("not made: {error}")))?;
            in_time()?;
            let comment = format!("cutover: release {}", plan.id);
            let mut sent = world
                .aws
                .change_records_in_time(&zone, &changes, &comment, sent_by)
                .await;
            // A health check may be deleted while records name it (source: `DeleteHealthCheck`). That keeps nobody from going back.
            let gone = sent.as_ref().is_err_and(|error| error.has_code("NoSuchHealthCheck"));
            if gone && weighting == Weighting::Original {
                in_time()?;
                let changes: Vec<Change> = changes.into_iter().map(Change::without_check).collect();
                sent = world
                    .aws
                    .change_records_in_time(&zone, &changes, &comment, sent_by)
                    .await;
            }
            match sent {
                Ok(change) => Ok(Some(change)),
                // Compare and swap: a record has changed between the read and the write.
                Err(error) if error.has_code("InvalidChangeBatch") => Err(not_now(format!(
                    "not made, because the records have changed in this moment: {error}"
                ))),
                Err(error) => Err(error.into()),
            }
        }
        Some(Route::Rules { arns }) => {
            let forwards = super::forwards::Forwards {
                world,
                arns,
                originals,
                blue,
                green,
            };
            forwards.weigh(weighting, before, (in_time, sent_by)).await
        }
        None => Err(refused("not made: this lever has no weights")),
    }
}

/// What is being changed or removed gets no more traffic: its instances may be restarting in this moment.
async fn at_rest(world: &World, green: &EnvironmentId) -> Result<(), CallResult> {
    match world.aws.environment(green).await.map_err(unread)? {
        Some(found) if found.ready() => Ok(()),
        Some(found) => Err(not_now(format!(
            "not made, because green ({green}) is {:?}",
            found.status
        ))),
        None => Err(not_now(format!("not made, because green ({green}) is gone"))),
    }
}

/// The exact state that was seen before, or nothing is written.
pub(super) fn expected(before: &str, seen: &Split) -> Result<(), CallResult> {
    if seen.token == before {
        return Ok(());
    }
    Err(not_now(
        "not made, because the weights are not what they were a moment ago",
    ))
}

/// Whether an environment may be removed, as far as weights go: it is no member, and another environment has traffic.
pub(super) async fn without(world: &World, release: &Release, id: &EnvironmentId) -> Result<(), CallResult> {
    let slot = &release.plan.slot_cname;
    let sides = recorded(release);
    let split = split(world, &release.plan, &sides, Targets::Uncounted)
        .await
        .map_err(unread)?;
    if split.names(id) {
        return Err(not_now(format!("not made: {id} still has a weight for {slot}")));
    }
    let others = sides
        .iter()
        .map(|hosts| &hosts.environment)
        .filter(|other| *other != id);
    if !others.clone().any(|other| split.serves(other)) {
        return Err(not_now(format!(
            "not made: no other environment of this release has traffic of {slot}, so {id} may be the last one that can serve it"
        )));
    }
    Ok(())
}
