//! What both environments serve as the plan's own source counts it, and the plan's alarms. Reads.

use std::time::Duration;

use url::Url;

use super::World;
use super::read::bounded;
use crate::aws::newest_window;
use crate::model::{Clock, Known, Span};
use crate::release::{AlarmSeen, Counted, CountedBy, Release};
use crate::spec::EndpointSpec;
use crate::verdict::trace;

/// How long a read of CloudWatch may take before it counts as unknown: less than the time between two looks.
const READ: Duration = Duration::from_secs(8);

/// The newest window.
pub(super) async fn counted(world: &World, release: &Release, clock: &dyn Clock) -> Known<Counted> {
    match &release.plan.counted_by {
        CountedBy::EnhancedHealth => Known::Unknown("Elastic Beanstalk counts it".to_owned()),
        CountedBy::TargetGroups => by_groups(world, release, clock).await,
        CountedBy::Endpoint(endpoint) => match by_endpoint(world, release, endpoint, clock).await {
            Ok(counted) => Known::Known(counted),
            Err(why) => Known::Unknown(why),
        },
    }
}

async fn by_groups(world: &World, release: &Release, clock: &dyn Clock) -> Known<Counted> {
    let sides = [
        release.blue.as_ref().map(|blue| &blue.id),
        release.green.as_ref().map(|green| &green.id),
    ];
    let mut groups = Vec::new();
    for id in sides.into_iter().flatten() {
        match bounded(READ, world.group(id)).await {
            Known::Known(Some(group)) => groups.push(group),
            Known::Known(None) => return Known::Unknown(format!("{id} does not have exactly one target group")),
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    let here = clock.now();
    let there = world.aws.service_time(here);
    let told_at = newest_window(there);
    bounded(READ, world.aws.served_by_groups(&groups, told_at))
        .await
        .map(|arms| {
            let mut arms = arms.into_iter();
            Counted {
                ended_at: told_at.moved(there, here),
                told_at,
                length: Span::from_secs(60),
                blue: arms.next().unwrap_or_default(),
                green: arms.next().unwrap_or_default(),
            }
        })
}

async fn by_endpoint(
    world: &World,
    release: &Release,
    endpoint: &EndpointSpec,
    clock: &dyn Clock,
) -> Result<Counted, String> {
    let (blue, green) = (release.blue.as_ref(), release.green.as_ref());
    let value = |name: &str| match name {
        "blue" => blue.map(|blue| blue.id.to_string()),
        "blue_name" => blue.map(|blue| blue.name.to_string()),
        "green" => green.map(|green| green.id.to_string()),
        "green_name" => green.map(|green| green.name.to_string()),
        "version" => Some(release.plan.version_label.to_string()),
        _ => Some(release.plan.id.number.to_string()),
    };
    let address = endpoint
        .address(|name| value(name).unwrap_or_default())
        .map_err(|name| format!("`{{{name}` in its address stands for nothing"))?;
    let url = Url::parse(&address).map_err(|error| format!("its address is none: {error}"))?;
    let text = world
        .prober
        .fetch(&url, &endpoint.headers, endpoint.timeout.get())
        .await?;
    let told = trace::told(&text)?;
    // This machine's clock may be minutes off; that of AWS is known from its answers, and whoever measures keeps a good one.
    let here = clock.now();
    let there = world.aws.service_time(here);
    let told_at = told.ended_at(there)?;
    Ok(Counted {
        ended_at: told_at.moved(there, here),
        told_at,
        length: told.length(),
        blue: told.blue,
        green: told.green,
    })
}

/// The plan's alarms, dated by this machine's clock.
pub(super) async fn alarms(world: &World, names: &[String], clock: &dyn Clock) -> Known<Vec<AlarmSeen>> {
    let mut alarms = bounded(READ, world.aws.alarms(names)).await;
    if let Known::Known(alarms) = &mut alarms {
        let here = clock.now();
        let there = world.aws.service_time(here);
        for at in alarms.iter_mut().filter_map(|alarm| alarm.since.as_mut()) {
            *at = at.moved(there, here);
        }
    }
    alarms
}
