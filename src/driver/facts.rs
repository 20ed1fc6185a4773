//! Gathering what preflight judges. Reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use super::World;
use super::forwards::Targets;
use super::outside;
use super::read::{bounded, health, tag};
use crate::aws::{BucketFound, CallError, Leading};
use crate::model::{Clock, EnvironmentId, Known};
use crate::release::preflight::{BucketSeen, Facts, RuleSeen};
use crate::release::{EnvironmentSeen, Plan, Route, Source};
use crate::traffic::{Hosts, place};

/// A managed update whose window begins within this time would meet the release, or within the longest time that its plan provides for.
const UPDATE_HORIZON: Duration = Duration::from_secs(2 * 60 * 60);

/// Of so many rules the tags are told in one call (source: `ResourceArns` of `DescribeTags`).
const MOST_TAGGED: usize = 20;

/// Why something is not known that is of no use to a plan.
const UNASKED: &str = "it was not asked for";

/// How long one read may take. They go in three steps, all of which preflight must have time for.
pub(super) const READ: Duration = Duration::from_secs(18);

/// Gathers all facts at once.
pub async fn gather(world: &World, plan: &Plan, clock: &dyn Clock) -> Facts {
    let identity = bounded(READ, world.aws.account_id()).await;
    if let Known::Unknown(why) = &identity {
        return blind(world, identity.clone(), why);
    }
    let application = &plan.id.slot.application;
    let (templates, environments, version, bucket, quotas, alarms) = tokio::join!(
        Box::pin(bounded(READ, world.aws.templates(application))),
        Box::pin(bounded(READ, environments(world, plan))),
        Box::pin(bounded(READ, world.aws.version(application, &plan.version_label))),
        Box::pin(async {
            if !plan.publishes() {
                return Known::Unknown(UNASKED.to_owned());
            }
            bounded(READ, bucket(world, plan)).await
        }),
        Box::pin(bounded(READ, world.aws.quotas())),
        Box::pin(async {
            if plan.alarms.is_empty() {
                return Known::Known(Vec::new());
            }
            super::counted::alarms(world, &plan.alarms, clock).await
        }),
    );
    let (quotas, everywhere) = match quotas {
        Known::Known((quotas, everywhere)) => (Known::Known(quotas), everywhere),
        Known::Unknown(why) => (Known::Unknown(why), Vec::new()),
    };
    let namesake = environments.known().and_then(|own| {
        let is_own = |id: &EnvironmentId| own.iter().any(|own| own.id == *id);
        let mut others = everywhere.into_iter().filter(|seen| !is_own(&seen.id));
        others.find(|seen| seen.name == plan.green_name)
    });
    let (split, rules) = match (&plan.route, environments.known()) {
        (Some(_), Some(all)) => {
            let hosts: Vec<Hosts> = all.iter().map(Hosts::from).collect();
            tokio::join!(
                Box::pin(bounded(
                    READ,
                    super::weights::split(world, plan, &hosts, Targets::Counted)
                )),
                Box::pin(bounded(READ, rules(world, plan))),
            )
        }
        (Some(_), None) => unasked("the environments could not be read"),
        (None, _) => unasked(UNASKED),
    };
    let mut facts = Facts {
        identity,
        application: templates.map(|templates| templates.is_some()),
        environments,
        split,
        rules,
        version,
        bucket,
        quotas,
        namesake,
        alarms,
        ..blank(world)
    };
    let live = facts.live(plan).first().map(|live| (*live).clone());
    if let Some(live) = live {
        let hosts = Hosts::from(&live);
        let groups = facts
            .split
            .known()
            .and_then(|split| split.groups.get(&live.id).cloned());
        let groups = groups.unwrap_or_default();
        let horizon = world.aws.service_time(clock.now()) + UPDATE_HORIZON.max(plan.longest_planned());
        (
            facts.blue_health,
            facts.blue_settings,
            facts.blue_group,
            facts.managed_update,
            facts.other_names,
            facts.other_rules,
            facts.blue_checks,
            facts.public_addresses,
            facts.slot_addresses,
            facts.endpoint_fault,
        ) = tokio::join!(
            Box::pin(bounded(READ, health(world, &live.id, clock))),
            Box::pin(bounded(READ, world.aws.settings(application, &live.name))),
            Box::pin(bounded(READ, world.aws.scaling_group(&live.id))),
            Box::pin(bounded(READ, world.aws.managed_update(&live.id, horizon))),
            Box::pin(bounded(READ, async {
                Ok(other_names(world, plan, &hosts).await?.found)
            })),
            Box::pin(bounded(READ, other_rules(world, plan, &groups))),
            Box::pin(outside::checks(world, plan, &live)),
            Box::pin(outside::public_addresses(world, plan)),
            Box::pin(outside::slot_addresses(world, plan)),
            Box::pin(outside::endpoint_fault(world, plan, &live, clock)),
        );
    }
    facts
}

fn blank(world: &World) -> Facts {
    let nobody = "no live environment was found".to_owned();
    blind(world, Known::Unknown(nobody.clone()), &nobody)
}

/// Without credentials every read fails alike.
fn blind(world: &World, identity: Known<String>, why: &str) -> Facts {
    let unknown = || why.to_owned();
    Facts {
        identity,
        application: Known::Unknown(unknown()),
        environments: Known::Unknown(unknown()),
        split: Known::Unknown(unknown()),
        rules: Known::Unknown(unknown()),
        other_names: Known::Unknown(unknown()),
        other_rules: Known::Unknown(unknown()),
        blue_health: Known::Unknown(unknown()),
        blue_settings: Known::Unknown(unknown()),
        blue_group: Known::Unknown(unknown()),
        managed_update: Known::Unknown(unknown()),
        version: Known::Unknown(unknown()),
        bucket: Known::Unknown(unknown()),
        quotas: Known::Unknown(unknown()),
        namesake: None,
        alarms: Known::Unknown(unknown()),
        bundle: world.bundle_problems.clone(),
        blue_checks: Known::Unknown(unknown()),
        public_addresses: Known::Unknown(unknown()),
        slot_addresses: None,
        endpoint_fault: None,
    }
}

fn unasked<T, U>(why: &str) -> (Known<T>, Known<U>) {
    (Known::Unknown(why.to_owned()), Known::Unknown(why.to_owned()))
}

/// Records beside the plan's own that lead to an environment.
pub(super) struct OtherNames {
    /// Those that were found, in words.
    pub(super) found: Vec<String>,
    /// The zone, if it has more records than were read.
    pub(super) too_large: Option<String>,
}

/// Looks for them.
pub(super) async fn other_names(world: &World, plan: &Plan, hosts: &Hosts) -> Result<OtherNames, CallError> {
    let Some(Route::Records { name, zone }) = &plan.route else {
        return Ok(OtherNames {
            found: Vec::new(),
            too_large: None,
        });
    };
    let zone = world.zone(name, zone.as_deref()).await?;
    let Leading { mut records, all } = world.aws.records_to(&zone, hosts).await?;
    records.retain(|record| record.name != *name);
    let mut names: Vec<String> = records
        .iter()
        .map(|record| format!("{} ({})", record.name.trim_end_matches('.'), record.kind))
        .collect();
    names.dedup();
    Ok(OtherNames {
        found: names,
        too_large: (!all).then_some(zone),
    })
}

/// Rules beside the plan's own that forward to one of an environment's target groups.
pub(super) async fn other_rules(world: &World, plan: &Plan, groups: &[String]) -> Result<Vec<String>, CallError> {
    let Some(Route::Rules { arns }) = plan.route.as_ref().filter(|_| !groups.is_empty()) else {
        return Ok(Vec::new());
    };
    let strays = world.aws.stray_rules(arns, groups).await?;
    let found: Vec<String> = strays.iter().map(|stray| stray.arn.clone()).collect();
    let mut made_for = BTreeMap::new();
    for some in found.chunks(MOST_TAGGED) {
        made_for.extend(world.aws.made_for(some).await?);
    }
    // That for the environment's own name goes with it.
    let own = strays.into_iter().filter(|stray| !made_for.contains_key(&stray.arn));
    Ok(own.map(|stray| format!("{} ({})", stray.place, stray.arn)).collect())
}

/// The rules that can carry traffic; what is wrong with others is said where weights are read.
async fn rules(world: &World, plan: &Plan) -> Result<Vec<RuleSeen>, CallError> {
    let Some(Route::Rules { arns }) = &plan.route else {
        return Ok(Vec::new());
    };
    let mut rules = world.aws.rules(arns).await?;
    rules.retain(|rule| rule.forward.is_ok());
    let arns: Vec<String> = rules.iter().map(|rule| rule.arn.clone()).collect();
    let made_for = world.aws.made_for(&arns).await?;
    let seen = rules.iter().map(|rule| RuleSeen {
        place: place(&rule.arn),
        sticky: rule.forward.as_ref().is_ok_and(|forward| forward.sticky.enabled),
        made_for: made_for.get(&rule.arn).cloned(),
        hosts: rule.hosts.clone(),
    });
    Ok(seen.collect())
}

async fn environments(world: &World, plan: &Plan) -> Result<Vec<EnvironmentSeen>, CallError> {
    let mut seen = world.aws.environments(Some(&plan.id.slot.application)).await?;
    tag(world, plan, &mut seen).await?;
    Ok(seen)
}

async fn bucket(world: &World, plan: &Plan) -> Result<BucketSeen, CallError> {
    let own = !matches!(&plan.source, Source::Bundle { bucket: Some(_), .. });
    let name = world.bucket(plan).await?;
    let (exists, elsewhere) = match world.aws.find_bucket(&name).await? {
        BucketFound::Here => (true, None),
        BucketFound::In(region) => (true, Some(region)),
        BucketFound::Nowhere => (false, None),
    };
    Ok(BucketSeen {
        name,
        exists,
        own,
        elsewhere,
    })
}
