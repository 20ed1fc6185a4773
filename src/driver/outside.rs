//! What preflight asks outside of AWS: the live environment by the smoke checks, and the endpoint that counts what is served.
//! What is wrong with either would otherwise show only when green is there.

use super::World;
use super::counted::by_endpoint;
use super::facts::READ;
use super::observe::itself;
use crate::model::{Clock, Known, ProbeResult};
use crate::probe::round;
use crate::release::{CountedBy, EnvironmentSeen, Plan};
use crate::spec::Check;

/// What the live environment answers to the smoke checks that only read.
pub(super) async fn checks(world: &World, plan: &Plan, live: &EnvironmentSeen) -> Known<Vec<ProbeResult>> {
    let mut checks = plan.smoke.checks.clone();
    checks.retain(Check::only_reads);
    if checks.is_empty() {
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
    let live = Some((&live.id, &live.name));
    match tokio::time::timeout(READ, by_endpoint(world, plan, endpoint, (live, live), clock)).await {
        Ok(told) => told.err(),
        Err(_) => Some(format!("no answer within {} s", READ.as_secs())),
    }
}
