//! Observing: every part of the world that the core wants to see, read at once, with *unknown* for what could not be read.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::World;
use super::facts;
use super::forwards::Targets;
use super::outside;
use super::read::{bounded, health, tag};
use super::weights;
use crate::aws::{CallError, Effect};
use crate::model::{Clock, Known};
use crate::probe::{Target, round};
use crate::release::{EnvironmentSeen, Looks, Observation, Phase, Plan, PublicSeen, Release, Source, UrlSeen};
use crate::spec::{Check, Lever};

/// Looks at the world.
pub(super) async fn observe(world: &World, release: &Release, wanted: &Looks, clock: &dyn Clock) -> Observation {
    let plan = &release.plan;
    let (
        facts,
        artifact,
        version,
        templates,
        there,
        in_sync,
        green_health,
        blue_health,
        errors,
        counted,
        alarms,
        smoke,
        public,
    ) = tokio::join!(
        Box::pin(async {
            if wanted.facts {
                Some(facts::gather(world, plan, clock).await)
            } else {
                None
            }
        }),
        Box::pin(look(wanted.artifact, artifact(world, plan))),
        Box::pin(look(wanted.version, async {
            world.aws.version(&plan.id.slot.application, &plan.version_label).await
        })),
        Box::pin(look(wanted.templates, async {
            Ok(world
                .aws
                .templates(&plan.id.slot.application)
                .await?
                .unwrap_or_default())
        })),
        Box::pin(there(world, release, wanted)),
        Box::pin(look_at(wanted.in_sync.as_ref(), |change| world.aws.is_in_sync(change))),
        Box::pin(look_at(wanted.green_health.as_ref(), |id| health(world, id, clock))),
        Box::pin(look_at(wanted.blue_health.as_ref(), |id| health(world, id, clock))),
        Box::pin(look_at(wanted.errors.as_ref(), |(id, since)| {
            let here = clock.now();
            let since = since.map(|since| since.moved(here, world.aws.service_time(here)));
            world.aws.error_events(id, since)
        })),
        Box::pin(async {
            if wanted.counted {
                super::counted::counted(world, release, clock).await
            } else {
                unasked()
            }
        }),
        Box::pin(async {
            if wanted.alarms {
                super::counted::alarms(world, &plan.alarms, clock).await
            } else {
                unasked()
            }
        }),
        Box::pin(async {
            let target = itself(plan, wanted.smoke.as_deref()?)?;
            Some(round(world.prober.as_ref(), &target, &plan.smoke.checks).await)
        }),
        Box::pin(async {
            let looked = public(world, release, wanted.public.as_deref()?, wanted);
            // On the way back it only confirms what the names say; forward, silence is no health.
            tokio::time::timeout(public_bound(release), looked).await.ok()
        }),
    );
    let (environments, split) = there;
    Observation {
        at: clock.now(),
        facts,
        artifact,
        version,
        templates,
        environments,
        split,
        in_sync,
        green_health,
        blue_health,
        errors,
        counted,
        alarms,
        smoke,
        public,
        sampled: None,
    }
}

/// How long one read may take before it counts as unknown. An operator's wish is read between two looks, and must not wait for a
/// service that is slow.
const READ: Duration = Duration::from_secs(40);

/// How long a look from outside may take. Each check has a bound of its own.
const CHECKS: Duration = Duration::from_secs(50);

/// How long blue may take for checks that green has failed: the rest of [`CHECKS`], which are over within 40 s.
const BESIDE: Duration = Duration::from_secs(9);

/// How long what the way back does not depend on may take while traffic is on its way back: a look from outside, and with a lever that
/// has weights a look at the environments.
const ON_THE_WAY_BACK: Duration = Duration::from_secs(10);

fn public_bound(release: &Release) -> Duration {
    if release.phase == Phase::RollBack {
        ON_THE_WAY_BACK
    } else {
        CHECKS
    }
}

/// How long the environments are waited for: no longer than needs be where the weights alone give the traffic back.
fn environments_bound(release: &Release) -> Duration {
    let returning = release.phase == Phase::RollBack && !release.is_back();
    if returning && release.plan.lever.is_gradual() {
        ON_THE_WAY_BACK
    } else {
        READ
    }
}

async fn look<T>(wanted: bool, call: impl Future<Output = Result<T, CallError>>) -> Known<T> {
    if wanted { bounded(READ, call).await } else { unasked() }
}

fn unasked<T>() -> Known<T> {
    Known::Unknown("it was not looked at".to_owned())
}

async fn look_at<'a, I, T, F>(wanted: Option<&'a I>, call: impl FnOnce(&'a I) -> F) -> Known<T>
where
    F: Future<Output = Result<T, CallError>>,
{
    match wanted {
        Some(what) => bounded(READ, call(what)).await,
        None => unasked(),
    }
}

async fn artifact(world: &World, plan: &Plan) -> Result<bool, CallError> {
    let Source::Bundle { key, .. } = &plan.source else {
        return Ok(true);
    };
    let bucket = world.bucket(plan).await?;
    world.aws.object_exists(&bucket, key).await
}

/// The environments, and how a lever with weights shares out the traffic among them. Blue and green are known by what was recorded
/// of them, so that the weights can be read where the environments cannot.
async fn there(
    world: &World,
    release: &Release,
    wanted: &Looks,
) -> (Known<Vec<EnvironmentSeen>>, Known<crate::traffic::Split>) {
    let recorded = weights::recorded(release);
    let targets = if release.phase == Phase::Shift {
        Targets::Counted
    } else {
        Targets::Uncounted
    };
    let split = weights::split(world, &release.plan, &recorded, targets);
    let environments = async {
        if wanted.environments {
            bounded(environments_bound(release), environments(world, release)).await
        } else {
            unasked()
        }
    };
    tokio::join!(environments, look(wanted.split, split))
}

/// The application's environments; the tag of the one with green's name as well, as long as it is not known to be ours.
async fn environments(world: &World, release: &Release) -> Result<Vec<EnvironmentSeen>, CallError> {
    let plan = &release.plan;
    let mut seen = world.aws.environments(Some(&plan.id.slot.application)).await?;
    // Without the permission to see them, AWS lists no environments and calls that a success. But blue may be gone, and green with it.
    if seen.is_empty()
        && let Some(blue) = &release.blue
        && !world.aws.was_removed(&blue.id).await?
    {
        return Err(CallError {
            operation: "DescribeEnvironments",
            code: None,
            message: "no environment is listed, although there must be some; is the permission to see them gone?"
                .to_owned(),
            effect: Effect::NotNow,
        });
    }
    if release.green.is_none() {
        tag(world, plan, &mut seen).await?;
    }
    Ok(seen)
}

/// An environment itself. Of a balancer that it shares only port 80 has a rule for its name: by https anybody may answer, blue above
/// all.
pub(super) fn itself(plan: &Plan, endpoint: &str) -> Option<Target> {
    let own = plan.lever != Lever::WeightedTargetGroups;
    Target::environment(endpoint, own.then_some(plan.public_url.as_str()))
}

async fn public(world: &World, release: &Release, expected: &str, wanted: &Looks) -> PublicSeen {
    let plan = &release.plan;
    let all = plan.checks(release.step);
    let checks = |target: Option<Target>| async {
        match target {
            Some(target) => round(world.prober.as_ref(), &target, &all).await,
            None => Vec::new(),
        }
    };
    let of = |host: &Option<String>| itself(plan, host.as_deref()?);
    let (checks, direct, slot_addresses, expected_addresses, url) = tokio::join!(
        checks(Target::public(&plan.public_url)),
        checks(of(&wanted.direct)),
        world.prober.addresses(&plan.slot_cname),
        addresses(world, expected),
        url(world, release),
    );
    let greens = if direct.is_empty() { &checks } else { &direct };
    let failed: Vec<Check> = all
        .iter()
        .zip(greens)
        .filter(|(_, green)| !green.passed)
        .map(|(check, _)| check.clone())
        .collect();
    let blue = match of(&wanted.beside).filter(|_| !failed.is_empty()) {
        // What blue cannot say soon it does not say.
        Some(target) => {
            let asked = round(world.prober.as_ref(), &target, &failed);
            tokio::time::timeout(BESIDE, asked).await.unwrap_or_default()
        }
        None => Vec::new(),
    };
    PublicSeen {
        checks,
        direct,
        blue,
        slot_addresses,
        expected_addresses,
        url,
    }
}

/// Where the name in the public URL leads, if that is another one than the slot's: it may be one that does not go along with it. Where
/// both environments are behind one load balancer, an address tells nothing.
async fn url(world: &World, release: &Release) -> Option<UrlSeen> {
    let plan = &release.plan;
    let by_name = plan.lever != Lever::WeightedTargetGroups;
    let wanted = release.phase == Phase::Shift && release.whole_step() && by_name;
    let blue = release.blue.as_ref()?.endpoint.as_deref().filter(|_| wanted)?;
    let name = outside::other_name(plan)?;
    let (addresses, of_blue) = tokio::join!(world.prober.addresses(&name), addresses(world, blue));
    Some(UrlSeen {
        name,
        addresses,
        of_blue,
    })
}

/// An environment with one instance gives its address, others the name of their balancer.
async fn addresses(world: &World, endpoint: &str) -> Known<BTreeSet<IpAddr>> {
    match endpoint.parse::<IpAddr>() {
        Ok(address) => Known::Known(BTreeSet::from([address])),
        Err(_) => world.prober.addresses(endpoint).await,
    }
}
