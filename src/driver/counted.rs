//! What both environments serve as the plan's own source counts it, and the plan's alarms. Reads.

use std::time::Duration;

use url::Url;

use super::World;
use super::read::bounded;
use crate::aws::Minute;
use crate::model::{Clock, EnvironmentId, EnvironmentName, Known, Span, Timestamp};
use crate::release::{AlarmSeen, Counted, CountedBy, Plan, Release};
use crate::spec::EndpointSpec;
use crate::verdict::{Arm, trace};

/// How long a read of CloudWatch may take before it counts as unknown: less than the time between two looks.
const READ: Duration = Duration::from_secs(8);

/// What is not told so long after the end of a minute is not waited for.
const LATE: Duration = Duration::from_secs(120);

/// The newest window.
pub(super) async fn counted(world: &World, release: &Release, clock: &dyn Clock) -> Known<Counted> {
    match &release.plan.counted_by {
        CountedBy::EnhancedHealth => Known::Unknown("Elastic Beanstalk counts it".to_owned()),
        CountedBy::TargetGroups => by_groups(world, release, clock).await,
        CountedBy::Endpoint(endpoint) => {
            let blue = release.blue.as_ref().map(|blue| (&blue.id, &blue.name));
            let green = release.green.as_ref().map(|green| (&green.id, &green.name));
            match by_endpoint(world, &release.plan, endpoint, (blue, green), clock).await {
                Ok(counted) => Known::Known(counted),
                Err(why) => Known::Unknown(why),
            }
        }
    }
}

async fn by_groups(world: &World, release: &Release, clock: &dyn Clock) -> Known<Counted> {
    let mut groups = Vec::new();
    for hosts in super::weights::recorded(release) {
        match bounded(READ, world.groups_of(&hosts)).await {
            Known::Known(found) => match found.as_slice() {
                [group] => groups.push(group.clone()),
                _ => {
                    let id = &hosts.environment;
                    return Known::Unknown(format!("{id} does not have exactly one target group"));
                }
            },
            Known::Unknown(why) => return Known::Unknown(why),
        }
    }
    let here = clock.now();
    let there = world.aws.service_time(here);
    let minutes = match bounded(READ, world.aws.served_by_groups(&groups, there)).await {
        Known::Known(minutes) => minutes,
        Known::Unknown(why) => return Known::Unknown(why),
    };
    let main = usize::from(release.shifted_at.is_some() && !release.is_back());
    let Some(Minute { ended, arms }) = newest(minutes, there, main) else {
        return Known::Unknown("it has told nothing of the last minutes".to_owned());
    };
    let mut arms = arms.into_iter();
    Known::Known(Counted {
        ended_at: ended.moved(there, here),
        told_at: ended,
        length: Span::from_secs(60),
        blue: arms.next().unwrap_or_default(),
        green: arms.next().unwrap_or_default(),
    })
}

/// The newest minute that was told of all. One that is told of the group with traffic alone will do when the others must have been
/// told as well: they have served nobody.
fn newest(minutes: Vec<Minute>, now: Timestamp, main: usize) -> Option<Minute> {
    let told = |arm: &Arm| arm.requests.is_some();
    minutes.into_iter().rev().find(|minute| {
        let is_late = minute.ended + LATE <= now;
        minute.arms.iter().all(told) || is_late && minute.arms.get(main).is_some_and(told)
    })
}

/// An environment as an endpoint is told of it.
type Named<'a> = (&'a EnvironmentId, &'a EnvironmentName);

/// What an endpoint tells of two environments.
pub(super) async fn by_endpoint(
    world: &World,
    plan: &Plan,
    endpoint: &EndpointSpec,
    (blue, green): (Option<Named<'_>>, Option<Named<'_>>),
    clock: &dyn Clock,
) -> Result<Counted, String> {
    let value = |name: &str| match name {
        "blue" => blue.map(|(id, _)| id.to_string()),
        "blue_name" => blue.map(|(_, name)| name.to_string()),
        "green" => green.map(|(id, _)| id.to_string()),
        "green_name" => green.map(|(_, name)| name.to_string()),
        "version" => Some(plan.version_label.to_string()),
        _ => Some(plan.id.number.to_string()),
    };
    let address = endpoint
        .address(|name| value(name).unwrap_or_default())
        .map_err(|name| format!("`{{{name}` in its address stands for nothing"))?;
    let url = Url::parse(&address).map_err(|error| format!("its address is none: {error}"))?;
    // A release of old may have been begun with a longer time.
    let patience = endpoint.timeout.min(EndpointSpec::LONGEST_TIMEOUT).get();
    let text = world.prober.fetch(&url, &endpoint.headers, patience).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_counts_when_it_was_told_of_all_or_nothing_more_can_come() {
        let arm = |requests: Option<f64>| Arm {
            requests,
            ..Arm::default()
        };
        let minute = |ended: u64, blue: Option<f64>, green: Option<f64>| Minute {
            ended: Timestamp::from_millis(0) + Duration::from_secs(ended),
            arms: vec![arm(blue), arm(green)],
        };
        let found = |minutes: &[Minute], main: usize| {
            let now = Timestamp::from_millis(0) + Duration::from_secs(400);
            newest(minutes.to_vec(), now, main).map(|minute| minute.ended.as_millis() / 1000)
        };
        let some = Some(7.0);
        assert_eq!(found(&[minute(240, some, some), minute(300, some, some)], 1), Some(300));
        assert_eq!(
            found(&[minute(240, some, some), minute(300, some, None)], 1),
            Some(240),
            "green may come yet"
        );
        assert_eq!(
            found(&[minute(240, some, some), minute(300, None, some)], 1),
            Some(240),
            "blue may come yet"
        );
        assert_eq!(
            found(&[minute(240, some, some), minute(280, None, some)], 1),
            Some(280),
            "blue serves nobody"
        );
        assert_eq!(
            found(&[minute(220, some, None), minute(280, some, None)], 1),
            None,
            "green must be told of"
        );
        assert_eq!(
            found(&[minute(280, some, None)], 0),
            Some(280),
            "before green has traffic, blue alone"
        );
        assert_eq!(found(&[minute(281, some, None)], 0), None);
    }
}
