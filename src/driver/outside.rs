//! What preflight asks outside of AWS: the live environment by the smoke checks, and the endpoint that counts what is served.
//! What is wrong with either would otherwise show only when green is there. The way out of a bad version waits for neither: such a
//! version may well hang.

use std::collections::BTreeSet;
use std::net::IpAddr;

use url::{Host, Url};

use super::World;
use super::counted::by_endpoint;
use super::facts::READ;
use super::observe::itself;
use crate::model::{Clock, Known, ProbeResult};
use crate::probe::round;
use crate::release::{CountedBy, EnvironmentSeen, Plan};
use crate::spec::{Check, Lever};

/// What the live environment answers to the smoke checks that only read.
pub(super) async fn checks(world: &World, plan: &Plan, live: &EnvironmentSeen) -> Known<Vec<ProbeResult>> {
    let mut checks = plan.smoke.checks.clone();
    checks.retain(Check::only_reads);
    if checks.is_empty() || plan.even_if_unhealthy {
        return Known::Known(Vec::new());
    }
    let host = plan.host_of(live.cname.as_ref(), live.endpoint.as_ref());
    let Some(target) = host.and_then(|host| itself(plan, &host)) else {
        return Known::Unknown("it has no address".to_owned());
    };
    match tokio::time::timeout(READ, round(world.prober.as_ref(), &target, &checks)).await {
        Ok(results) => Known::Known(results),
        Err(_) => Known::Unknown(format!("not all answers came within {} s", READ.as_secs())),
    }
}

/// The name in the public URL, if it is another one than the slot's.
pub(super) fn other_name(plan: &Plan) -> Option<String> {
    let url = Url::parse(&plan.public_url).ok()?;
    let name = url.domain()?.trim_end_matches('.');
    (!name.eq_ignore_ascii_case(&plan.slot_cname)).then(|| name.to_owned())
}

/// The addresses of the slot's name, where users come by another one.
pub(super) async fn slot_addresses(world: &World, plan: &Plan) -> Option<BTreeSet<IpAddr>> {
    let by_name = plan.lever != Lever::WeightedTargetGroups;
    other_name(plan).filter(|_| by_name)?;
    let looked = tokio::time::timeout(READ, world.prober.addresses(&plan.slot_cname)).await;
    looked.ok()?.known().cloned()
}

/// The addresses of the name in the public URL.
pub(super) async fn public_addresses(world: &World, plan: &Plan) -> Known<BTreeSet<IpAddr>> {
    let url = Url::parse(&plan.public_url);
    match url.as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => match tokio::time::timeout(READ, world.prober.addresses(name)).await {
            Ok(addresses) => addresses,
            Err(_) => Known::Unknown(format!("{name} could not be looked up within {} s", READ.as_secs())),
        },
        Ok(Some(Host::Ipv4(address))) => Known::Known(BTreeSet::from([IpAddr::from(address)])),
        Ok(Some(Host::Ipv6(address))) => Known::Known(BTreeSet::from([IpAddr::from(address)])),
        Ok(None) | Err(_) => Known::Known(BTreeSet::new()),
    }
}

/// Why the endpoint tells nothing. It is asked as if the live environment were both: one that is not there yet it cannot know.
pub(super) async fn endpoint_fault(
    world: &World,
    plan: &Plan,
    live: &EnvironmentSeen,
    clock: &dyn Clock,
) -> Option<String> {
    let CountedBy::Endpoint(endpoint) = &plan.counted_by else {
        return None;
    };
    if plan.even_if_unhealthy {
        return None;
    }
    let live = Some((&live.id, &live.name));
    match tokio::time::timeout(READ, by_endpoint(world, plan, endpoint, (live, live), clock)).await {
        Ok(told) => told.err(),
        Err(_) => Some(format!("no answer within {} s", READ.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::aws::{Aws, AwsSettings};
    use crate::driver::Overrides;
    use crate::model::{Span, SystemClock};
    use crate::probe::{Prober, Target};
    use crate::release::EnvironmentStatus;
    use crate::release::tests::{blue, plan};
    use crate::spec::EndpointSpec;

    /// An application, and whoever counts, that hang.
    #[derive(Default)]
    struct Hanging(AtomicU32);

    #[async_trait]
    impl Prober for Hanging {
        async fn check(&self, _: &Target, _: &Check) -> ProbeResult {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }

        async fn addresses(&self, _: &str) -> Known<BTreeSet<IpAddr>> {
            Known::Known(BTreeSet::new())
        }

        async fn fetch(&self, _: &Url, _: &BTreeMap<String, String>, _: std::time::Duration) -> Result<String, String> {
            self.0.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        }
    }

    /// What preflight learns of a live version that hangs, and how often it was asked.
    async fn asked(even_if_unhealthy: bool) -> (Known<Vec<ProbeResult>>, Option<String>, u32) {
        let prober = Arc::new(Hanging::default());
        let aws = Aws::connect(&AwsSettings::default()).await;
        let world = World::new(
            aws,
            Arc::clone(&prober) as Arc<dyn Prober>,
            Overrides::default(),
            Vec::new(),
        );
        let blue = blue();
        let live = EnvironmentSeen {
            id: blue.id,
            name: blue.name,
            status: EnvironmentStatus::Ready,
            cname: blue.cname,
            endpoint: blue.endpoint,
            version: blue.version,
            color: crate::model::HealthColor::Green,
            release_tag: None,
            operations_role: None,
        };
        let plan = Plan {
            even_if_unhealthy,
            counted_by: CountedBy::Endpoint(EndpointSpec {
                url: "http://metrics.example/".to_owned(),
                headers: BTreeMap::new(),
                timeout: Span::from_secs(5),
            }),
            ..plan()
        };
        let (checks, endpoint) = tokio::join!(
            checks(&world, &plan, &live),
            endpoint_fault(&world, &plan, &live, &SystemClock)
        );
        (checks, endpoint, prober.0.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_out_of_a_version_that_hangs_does_not_wait_for_it() {
        let (checks, endpoint, count) = asked(false).await;
        assert!(
            checks.why_unknown().is_some_and(|why| why.contains("18 s")),
            "{checks:?}"
        );
        assert!(endpoint.is_some_and(|why| why.contains("18 s")));
        assert!(count >= 2);
        let (checks, endpoint, count) = asked(true).await;
        assert_eq!((checks, endpoint, count), (Known::Known(Vec::new()), None, 0));
    }
}
