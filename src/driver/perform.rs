//! Performing: one call for one intent. The dangerous ones look once more right before, and are not made when the intent has
//! grown old.

use std::sync::Arc;
use std::time::Duration;

use super::evidence;
use super::facts::{self, OtherNames};
use super::not_made::{not_now, refused, unread};
use super::parts::Parts;
use super::prune;
use super::resize;
use super::weights;
use super::{Seat, World};
use crate::aws::{InTime, NewEnvironment};
use crate::model::text::tag_value;
use crate::model::{EnvironmentId, InstanceId};
use crate::release::{
    Action, CallResult, EnvironmentSeen, EnvironmentStatus, HealthSeen, Limits, Listener, Notice, Plan, RELEASE_TAG,
    Release, Role, Source, VersionSeen, limits,
};
use crate::spec::Lever;
use crate::traffic::Hosts;

/// Makes the call of an intent. It begins by a time since boot, and each further part when it is let.
pub(super) async fn perform(
    seat: &Seat,
    release: &Release,
    action: &Action,
    (begin_by, parts): (Duration, &Parts),
) -> CallResult {
    let Seat {
        journal,
        world,
        clock,
        listener,
        ..
    } = seat;
    let plan = &release.plan;
    let application = &plan.id.slot.application;
    let in_time = || {
        if clock.since_boot() <= begin_by {
            Ok(())
        } else {
            Err(late())
        }
    };
    if let Err(late) = in_time() {
        return late;
    }
    // A call that has begun in time may still be on its way to the network when the process is stopped.
    let sent_by = InTime::until(Arc::clone(clock), begin_by + limits::CALL_TIMEOUT);
    let done = match action {
        Action::Upload { key } => upload(world, plan, key, (listener.as_ref(), parts)).await,
        Action::CreateVersion { label } => create_version(world, plan, label, &sent_by).await,
        Action::SaveConfiguration {
            template,
            environment,
            with_overrides,
        } => save_configuration(world, plan, (template, environment, *with_overrides), &sent_by).await,
        Action::CreateEnvironment {
            name,
            template,
            version,
            min_instances,
            max_instances,
        } => {
            let tags = tags(plan);
            let new = NewEnvironment {
                application,
                name,
                version,
                template,
                min_instances: *min_instances,
                max_instances: *max_instances,
                tags: &tags,
            };
            world
                .aws
                .create_environment(&new, &sent_by)
                .await
                .map_err(|error| world.overrides.scrubbed(plan.overrides_digest.as_deref(), error).into())
        }
        Action::Swap { from, to, other_cname } => {
            match in_bounds(Box::pin(fit_to_swap(world, plan, from, to, other_cname)))
                .await
                .and_then(|()| in_time())
            {
                Ok(()) => world
                    .aws
                    .swap(from, to, &sent_by)
                    .await
                    .map(|()| None)
                    .map_err(CallResult::from),
                Err(not_made) => Err(not_made),
            }
        }
        Action::Weigh { weighting, before, .. } => {
            let weigh = weights::weigh(world, release, *weighting, before, (&in_time, &sent_by));
            tokio::time::timeout(limits::INTENT_DEADLINE + limits::CALL_TIMEOUT, weigh)
                .await
                .unwrap_or_else(|_| {
                    Err(CallResult::Unknown {
                        message: "the change of weights was not answered within 30 s".to_owned(),
                    })
                })
        }
        Action::RestoreCapacity {
            environment,
            min_instances,
            max_instances,
        } => {
            let wanted = Limits {
                min_instances: *min_instances,
                max_instances: *max_instances,
            };
            match in_bounds(Box::pin(resize::fit(world, release, environment, wanted)))
                .await
                .and_then(|()| in_time())
            {
                Ok(()) => world
                    .aws
                    .set_capacity(environment, *min_instances, *max_instances, &sent_by)
                    .await
                    .map(|()| None)
                    .map_err(CallResult::from),
                Err(not_made) => Err(not_made),
            }
        }
        Action::ReplaceInstance { environment, instance } => {
            match in_bounds(Box::pin(fit_to_replace(world, environment, instance)))
                .await
                .and_then(|there| in_time().map(|()| there))
            {
                Ok(false) => Ok(gone_already()),
                Ok(true) => world
                    .aws
                    .replace_instance(instance, &sent_by)
                    .await
                    .map(|there| if there { None } else { gone_already() })
                    .map_err(CallResult::from),
                Err(not_made) => Err(not_made),
            }
        }
        Action::SaveEvidence { environment } => evidence::save(world, release, environment, (journal.as_ref(), parts))
            .await
            .map(Some),
        Action::Terminate { environment, role } => {
            match in_bounds(Box::pin(fit_to_end(world, release, environment, *role))).await {
                Ok(false) => Ok(Some("it was gone already".to_owned())),
                Ok(true) => match in_time() {
                    Ok(()) => world
                        .aws
                        .terminate(environment, &sent_by)
                        .await
                        .map(|()| None)
                        .map_err(CallResult::from),
                    Err(late) => Err(late),
                },
                Err(not_made) => Err(not_made),
            }
        }
        Action::Prune { keep } => prune::prune(seat, release, *keep, parts).await.map(Some),
    };
    match done {
        Ok(detail) => CallResult::Accepted { detail },
        Err(result) => result,
    }
}

/// A look before a call takes no longer than the call may be late: then it is looked anew, and nothing hangs.
async fn in_bounds<T>(look: impl Future<Output = Result<T, CallResult>>) -> Result<T, CallResult> {
    tokio::time::timeout(limits::INTENT_DEADLINE, look)
        .await
        .unwrap_or_else(|_| Err(late()))
}

fn late() -> CallResult {
    not_now("too much time had passed since the intent was written, so the call was not made")
}

async fn upload(
    world: &World,
    plan: &Plan,
    key: &str,
    (listener, parts): (&dyn Listener, &Parts),
) -> Result<Option<String>, CallResult> {
    let (Some(file), Source::Bundle { sha256, bucket, .. }) = (world.bundle_file(plan), &plan.source) else {
        return Err(refused("this release has no bundle to upload"));
    };
    let wanted = sha256.clone();
    let path = file.clone();
    // The key promises a content; a file that has changed since must not get under it.
    let found = crate::bundle::off_thread(move || crate::bundle::digest(&path))
        .await
        .map_err(|error| not_now(error.to_string()))?;
    match found {
        Ok(found) if found == wanted => {}
        Ok(_) => {
            return Err(refused(format!(
                "the bundle {} has changed since the release began; release it anew",
                file.display()
            )));
        }
        Err(error) => {
            return Err(refused(format!(
                "the bundle {} cannot be read on this machine: {error}; it was not uploaded before, so release it anew",
                file.display()
            )));
        }
    }
    let bucket = match bucket {
        Some(bucket) => bucket.clone(),
        None => world.aws.create_storage_location().await.map_err(CallResult::from)?,
    };
    parts.next().await;
    let progress = |done, total| listener.notice(Notice::Progress { done, total });
    world
        .aws
        .upload_as_promised(&file, sha256, &bucket, key, &progress)
        .await
        .map_err(CallResult::from)?;
    Ok(Some(format!("s3://{bucket}/{key}")))
}

async fn create_version(
    world: &World,
    plan: &Plan,
    label: &crate::model::VersionLabel,
    sent_by: &InTime,
) -> Result<Option<String>, CallResult> {
    let Source::Bundle { key, .. } = &plan.source else {
        return Err(refused("this release has no bundle"));
    };
    let bucket = world.bucket(plan).await.map_err(CallResult::from)?;
    let description = prune::description(&plan.id);
    match world
        .aws
        .create_version(&plan.id.slot.application, label, (&bucket, key), &description, sent_by)
        .await
    {
        Ok(()) => Ok(None),
        Err(error) if error.already_exists() => match world.aws.version(&plan.id.slot.application, label).await {
            Ok(Some(VersionSeen {
                bundle: Some((_, its_key)),
                ..
            })) if its_key == *key => Ok(Some("it was there already".to_owned())),
            Ok(_) => Err(refused(format!(
                "version {label} was made from another bundle in the meantime"
            ))),
            Err(error) => Err(CallResult::Unknown {
                message: error.to_string(),
            }),
        },
        Err(error) => Err(error.into()),
    }
}

async fn save_configuration(
    world: &World,
    plan: &Plan,
    (template, environment, with_overrides): (&str, &EnvironmentId, bool),
    sent_by: &InTime,
) -> Result<Option<String>, CallResult> {
    // A drill began without any, whatever the settings say.
    let settings = if with_overrides && plan.overrides_digest.is_some() {
        if world.overrides.digest() != plan.overrides_digest {
            return Err(refused(
                "the settings under [green] in cutover.toml are not those that the release began with, and they are kept nowhere else; \
                 resume with the file as it was",
            ));
        }
        world.overrides.settings.as_slice()
    } else {
        &[]
    };
    let description = prune::description(&plan.id);
    world
        .aws
        .create_template(
            &plan.id.slot.application,
            template,
            environment,
            settings,
            &description,
            sent_by,
        )
        .await
        .map(|()| None)
        .map_err(|error| world.overrides.scrubbed(plan.overrides_digest.as_deref(), error).into())
}

/// The user's tags, and ours: which release made it, and for which slot.
fn tags(plan: &Plan) -> Vec<(String, String)> {
    let ours = [
        (RELEASE_TAG.to_owned(), plan.tag()),
        ("cutover:slot".to_owned(), tag_value(&plan.id.slot.to_string())),
        ("cutover:version".to_owned(), tag_value(plan.version_label.as_str())),
    ];
    plan.tags.clone().into_iter().chain(ours).collect()
}

async fn find(world: &World, id: &EnvironmentId) -> Result<Option<EnvironmentSeen>, CallResult> {
    world.aws.environment(id).await.map_err(unread)
}

/// The exact state before a swap, seen right before it: a toggle on any other state would do the opposite of what is meant.
async fn fit_to_swap(
    world: &World,
    plan: &Plan,
    from: &EnvironmentId,
    to: &EnvironmentId,
    other: &str,
) -> Result<(), CallResult> {
    let (source, destination) = tokio::join!(find(world, from), find(world, to));
    let (Some(source), Some(destination)) = (source?, destination?) else {
        return Err(not_now("not made, because one of the two environments is gone"));
    };
    if !source.holds(&plan.slot_cname) || !destination.holds(other) {
        return Err(not_now(
            "not made, because the names are not where they were a moment ago",
        ));
    }
    if !source.ready() || !destination.ready() {
        return Err(not_now("not made, because one of the two environments is not Ready"));
    }
    Ok(())
}

fn gone_already() -> Option<String> {
    Some("it was gone already".to_owned())
}

/// An instance is not removed where fewer others are well: they carry its traffic meanwhile.
const FEWEST: usize = 2;

/// Whether an instance of green may be replaced: it is still there, and others can carry its traffic. `false` if it is gone.
async fn fit_to_replace(world: &World, green: &EnvironmentId, instance: &InstanceId) -> Result<bool, CallResult> {
    let health = world.aws.health(green).await.map_err(unread)?;
    replaceable(&health, green, instance)
}

fn replaceable(health: &HealthSeen, green: &EnvironmentId, instance: &InstanceId) -> Result<bool, CallResult> {
    if !health.instances.contains_key(instance) {
        return Ok(false);
    }
    let others = health.instances.iter().filter(|(id, _)| *id != instance);
    if others.filter(|(_, seen)| seen.status.is_well() == Some(true)).count() < FEWEST {
        return Err(not_now(format!(
            "not made: without {instance}, {green} would have fewer than {FEWEST} instances that are well"
        )));
    }
    Ok(true)
}

/// Whether an environment may be removed: never while it holds the slot's name, never with a database of its own, and only if
/// this release made it or found it live. `false` if it is gone.
///
/// Nor does anything else lead to it by the slot's lever, which somebody may have added since preflight has asked.
///
/// It is read in two rounds, and not one after the other: answers that take three seconds each would make the intent too old for its
/// call, each time. Where the traffic goes comes last, because AWS knows no condition for a removal: whoever moves the slot after
/// that look is met by it.
async fn fit_to_end(world: &World, release: &Release, id: &EnvironmentId, role: Role) -> Result<bool, CallResult> {
    let plan = &release.plan;
    let application = &plan.id.slot.application;
    let recorded = match role {
        Role::Blue => release.blue.as_ref().map(|blue| (&blue.id, &blue.name)),
        Role::Green => release.green.as_ref().map(|green| (&green.id, &green.name)),
    };
    let name = recorded.filter(|(recorded, _)| *recorded == id).map(|(_, name)| name);
    let settings = async {
        match name {
            Some(name) => world.aws.settings(application, name).await.map_err(unread).map(Some),
            None => Ok(None),
        }
    };
    let ours = async {
        match role {
            Role::Blue => Ok(name.is_some()),
            Role::Green => world
                .aws
                .environment_tag(id, RELEASE_TAG)
                .await
                .map(|tag| tag.as_deref() == Some(plan.tag().as_str()))
                .map_err(unread),
        }
    };
    let traffic = async {
        if plan.route.is_some() {
            weights::without(world, release, id).await
        } else {
            Ok(())
        }
    };
    let in_turn = async {
        let settings = settings.await;
        let environments = world.aws.environments(Some(application));
        (settings, tokio::join!(find(world, id), environments, traffic))
    };
    let hosts = weights::recorded(release)
        .into_iter()
        .find(|hosts| hosts.environment == *id);
    let others = met_by_no_other(world, plan, hosts.as_ref());
    let (ours, others, (settings, (found, all, traffic))) = tokio::join!(ours, others, in_turn);
    let Some(found) = found? else {
        return Ok(false);
    };
    traffic?;
    others?;
    if found.holds(&plan.slot_cname) {
        return Err(refused(format!("not made: {id} holds {}", plan.slot_cname)));
    }
    // It may be getting the slot's name in this moment. AWS refuses to remove what is being changed, too; but the change may
    // be over when the call arrives.
    if found.status == EnvironmentStatus::Updating {
        return Err(not_now(format!(
            "not made: {id} is Updating, so its name may be on its way"
        )));
    }
    let slot = &plan.slot_cname;
    match all.map_err(unread)?.iter().find(|other| other.holds(slot)) {
        _ if plan.route.is_some() => {}
        Some(holder) if holder.id != *id => {}
        // The list may know more than the look at the environment itself.
        Some(_) => return Err(not_now(format!("not made: {id} is listed as the holder of {slot}"))),
        None => {
            return Err(not_now(format!(
                "not made: no environment holds {slot}, so {id} may be the last one that can serve it"
            )));
        }
    }
    if let Some(had) = hosts.and_then(|hosts| hosts.cname)
        && plan.lever == Lever::WeightedDns
        && found.cname.as_ref().is_some_and(|now| !now.eq_ignore_ascii_case(&had))
    {
        return Err(refused(format!(
            "not made: {id} had the name {had}, and somebody has given it another one, to which records of {} may lead; give it back its \
             name by a swap, or remove it by hand",
            plan.slot_cname
        )));
    }
    if !ours? {
        return Err(refused(format!(
            "not made: {id} is neither made by release {} nor recorded as its blue",
            plan.id
        )));
    }
    let settings = match settings? {
        Some(settings) => settings,
        None => world.aws.settings(application, &found.name).await.map_err(unread)?,
    };
    if settings.coupled_database {
        return Err(refused(format!(
            "not made: {id} has a database of its own, which would be deleted with it"
        )));
    }
    Ok(true)
}

/// Whether no record and no rule beside the plan's own lead to an environment.
pub(super) async fn met_by_no_other(world: &World, plan: &Plan, hosts: Option<&Hosts>) -> Result<(), CallResult> {
    let Some(hosts) = hosts else { return Ok(()) };
    let rules = async {
        let groups = match plan.lever {
            Lever::WeightedTargetGroups => world.groups_of(hosts).await?,
            _ => Vec::new(),
        };
        facts::other_rules(world, plan, &groups).await
    };
    let (names, rules) = tokio::join!(facts::other_names(world, plan, hosts), rules);
    let OtherNames {
        found: mut others,
        too_large,
    } = names.map_err(unread)?;
    others.extend(rules.map_err(unread)?);
    if others.is_empty() {
        return match too_large {
            // It does not shrink: each further try would read all of it again.
            Some(zone) => Err(refused(format!(
                "not made: hosted zone {zone} has more records than are read, and one of the others may lead to {}; see that none does, and \
                 remove it by hand",
                hosts.environment
            ))),
            None => Ok(()),
        };
    }
    Err(not_now(format!(
        "not made: {} leads to {} as well, and to nobody once that is removed; let it lead to another environment, or as {} does",
        others.join(", "),
        hosts.environment,
        plan.slot_cname
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HealthColor, HealthStatus, Span};
    use crate::release::InstanceSeen;

    #[test]
    fn an_instance_is_replaced_only_where_two_others_are_known_to_be_well() {
        let asked = |instances: &[(&str, HealthStatus)]| {
            let instance = |(id, status): &(&str, HealthStatus)| {
                let seen = InstanceSeen {
                    status: *status,
                    version: None,
                    served: None,
                };
                (InstanceId::new(*id), seen)
            };
            let health = HealthSeen {
                refreshed_at: None,
                reported_at: None,
                status: Some(HealthStatus::Warning),
                color: HealthColor::Yellow,
                causes: Vec::new(),
                instances: instances.iter().map(instance).collect(),
                served: None,
                window: Span::from_secs(10),
            };
            replaceable(&health, &EnvironmentId::new("e-green"), &InstanceId::new("i-sick"))
        };
        let sick = ("i-sick", HealthStatus::Severe);
        let ok = HealthStatus::Ok;
        assert_eq!(asked(&[sick, ("i-1", ok), ("i-2", ok)]), Ok(true));
        assert_eq!(asked(&[("i-1", ok), ("i-2", ok)]), Ok(false), "it is gone already");
        for other in [HealthStatus::Severe, HealthStatus::Unknown] {
            let refused = asked(&[sick, ("i-1", ok), ("i-2", other)]).unwrap_err();
            let CallResult::Refused { message, .. } = &refused else {
                panic!("{other:?}: {refused:?}");
            };
            assert!(
                message.contains("without i-sick, e-green would have fewer than 2 instances"),
                "{message}"
            );
        }
    }
}
