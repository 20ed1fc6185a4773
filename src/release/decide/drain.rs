//! Drain: old DNS answers run out, and blue is measured to be silent. Only then may anything of blue be removed.

use super::super::action::{Action, Role};
use super::super::counted::CountedBy;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::seen::{EnvironmentStatus, HealthSeen};
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, act_patiently, bake, limits, next_look, record, wait, world};
use crate::model::{HealthStatus, Known, Span, Timestamp};
use crate::spec::{AtDrainDeadline, Lever};
use crate::traffic::Weighting;

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    bake::watching(release, seen, || run_dry(release, seen))
}

fn run_dry(release: &Release, seen: &Observation) -> Decision {
    if let Some(decision) = gone(release, seen) {
        return decision;
    }
    let shifted = release.shifted_at.unwrap_or(release.phase_since);
    let measurable = release.counts_blue();
    let lost = Lost {
        role: Role::Blue,
        since: release.in_sync_at.map_or(shifted, |at| at.max(shifted)),
        watched: release.deadline(std::time::Duration::ZERO),
    };
    if let Some(decision) = unstick(release, seen, lost) {
        return decision;
    }
    match silence(release, lost, measurable, seen) {
        Silence::Proved(how) => moving(release, seen, lost)
            .unwrap_or_else(|| record(how.clone(), Event::Drained { how, remove_blue: true })),
        Silence::GivenUp(how) => {
            let remove_blue = release.plan.drain.at_deadline == AtDrainDeadline::Retire;
            record(how.clone(), Event::Drained { how, remove_blue })
        }
        Silence::Pending(decision) => *decision,
    }
}

/// Somebody else has removed blue: there is nobody left to wait for.
fn gone(release: &Release, seen: &Observation) -> Option<Decision> {
    let (Some(blue), Known::Known(environments)) = (&release.blue, &seen.environments) else {
        return None;
    };
    if world::stays(environments, &blue.id) {
        return None;
    }
    let what = format!("blue ({}) is gone, and not by this release", blue.id);
    Some(world::lasting(release, seen.at, what, |how| {
        record(how.clone(), Event::Drained { how, remove_blue: true })
    }))
}

/// Clients that a load balancer keeps with blue by a cookie would stay for as long as they go on asking, whatever its weight. They
/// have had the time that others have for their DNS answers; from now on their next request goes to green.
fn unstick(release: &Release, seen: &Observation, lost: Lost) -> Option<Decision> {
    let blue = release.blue.as_ref()?;
    let sticks = release.plan.lever == Lever::WeightedTargetGroups && seen.at >= lost.expired(release);
    // What could not be read is read again; the silence is waited for meanwhile.
    let split = seen.split.known().filter(|split| sticks && split.names(&blue.id))?;
    let action = Action::Weigh {
        weighting: Weighting::GreenAlone,
        before: split.token.clone(),
        green_group: split.group_of(&release.green.as_ref()?.id),
    };
    let tried = release.attempts_of(&action.key());
    (!tried.fatal && tried.failed < limits::ATTEMPTS).then(|| act_patiently(release, seen.at, action))
}

/// Somebody is changing blue: the slot's name may be on its way there, and with it users that no count shows yet.
fn moving(release: &Release, seen: &Observation, lost: Lost) -> Option<Decision> {
    let (blue, environments) = (release.blue.as_ref()?, seen.environments.known()?);
    let deadline = lost.deadline(release);
    let changes = world::find(environments, &blue.id)?.status == EnvironmentStatus::Updating;
    (changes && seen.at < deadline).then(|| {
        let why = Why::Working {
            what: format!("blue ({}) to come to rest, it is Updating", blue.id),
        };
        let at_deadline = "it counts as drained all the same, and is not removed before it is at rest";
        wait(seen.at, why, next_look(release, seen.at), deadline, at_deadline)
    })
}

/// What is known of an environment's silence.
pub(super) enum Silence {
    /// Nobody uses it.
    Proved(String),
    /// Somebody still does, or nobody knows, and waiting longer is no use.
    GivenUp(String),
    /// Not known yet.
    Pending(Box<Decision>),
}

/// An environment that lost the slot's name.
#[derive(Clone, Copy)]
pub(super) struct Lost {
    /// Which.
    pub(super) role: Role,
    /// When.
    pub(super) since: Timestamp,
    /// Since when its silence is waited for.
    pub(super) watched: Timestamp,
}

impl Lost {
    /// When old DNS answers have run out.
    fn expired(self, release: &Release) -> Timestamp {
        self.since + release.dns_ttl() * release.plan.drain.factor
    }

    /// Until when its silence is waited for.
    fn deadline(self, release: &Release) -> Timestamp {
        self.expired(release).max(self.watched) + release.plan.drain.deadline.get()
    }
}

/// Whether an environment that lost the slot's name is silent: old DNS answers have run out, and it had no request for a while.
pub(super) fn silence(release: &Release, lost: Lost, measurable: bool, seen: &Observation) -> Silence {
    let (plan, now) = (&release.plan.drain, seen.at);
    let (role, expired, deadline) = (lost.role, lost.expired(release), lost.deadline(release));
    let pending = |why, until| {
        Silence::Pending(Box::new(wait(
            now,
            why,
            until,
            deadline,
            "what the drain is set to do then is done",
        )))
    };
    if now < expired {
        return pending(
            Why::DnsDraining { until: expired },
            expired.min(next_look(release, now)),
        );
    }
    if !measurable {
        // Nobody counts its requests, as with basic health reporting; waiting once more as long as silence would take is all there is.
        let until = expired + plan.quiet.get();
        if now < until {
            return pending(Why::DnsDraining { until }, until.min(next_look(release, now)));
        }
        return Silence::Proved(
            "old DNS answers have run out; nobody counts its requests, as with basic health".to_owned(),
        );
    }
    let Served {
        requests,
        until: told_until,
        length,
    } = served(release, role, seen);
    let quiet = requests == Some(0);
    match release.quiet_since {
        _ if !quiet && now >= deadline => {
            let count = requests.map_or("an unknown number of".to_owned(), |count| count.to_string());
            Silence::GivenUp(format!(
                "it still gets {count} requests in {length}, {} after the names' time to live had run out",
                plan.deadline
            ))
        }
        Some(_) if !quiet => {
            let what = requests.map_or("its requests are not known any more".to_owned(), |count| {
                format!("it got {count} requests again")
            });
            Silence::Pending(Box::new(record(what, Event::Quiet { quiet, requests })))
        }
        None if quiet => Silence::Pending(Box::new(record("it got no request", Event::Quiet { quiet, requests }))),
        Some(begun) if told_until >= begun + plan.quiet.get() => Silence::Proved(format!(
            "old DNS answers have run out, and no request came for {}",
            plan.quiet
        )),
        Some(begun) => {
            let until = begun + plan.quiet.get();
            let next = next_look(release, now);
            // A source that is late has not told of all of it by then.
            pending(
                Why::Quiet { role, until },
                if now < until { until.min(next) } else { next },
            )
        }
        None => pending(Why::Busy { role, requests }, next_look(release, now)),
    }
}

/// What an environment served in its newest window.
pub(super) struct Served {
    /// How many requests, if they are counted and the count is fresh.
    pub(super) requests: Option<u64>,
    /// Up to when that is told.
    until: Timestamp,
    /// How long the window was.
    length: Span,
}

/// The newest window of an environment by the plan's source. No other one proves its silence: that of a user who has set another source
/// than Elastic Beanstalk may count nobody.
pub(super) fn served(release: &Release, role: Role, seen: &Observation) -> Served {
    let plan = &release.plan;
    if plan.counted_by == CountedBy::EnhancedHealth {
        let health = match role {
            Role::Blue => &seen.blue_health,
            Role::Green => &seen.green_health,
        };
        return Served {
            requests: requests(release, health, seen.at),
            until: seen.at,
            length: WINDOW,
        };
    }
    let Some(counted) = seen.counted.known() else {
        return Served {
            requests: None,
            until: seen.at,
            length: WINDOW,
        };
    };
    let arm = match role {
        Role::Blue => &counted.blue,
        Role::Green => &counted.green,
    };
    let told = match plan.counted_by {
        // It tells of no group without requests, and of a minute only when that is all that can come.
        CountedBy::TargetGroups => Some(arm.requests.unwrap_or(0.0)),
        _ => arm.requests,
    };
    let longest = plan.provision.max_age.get() + counted.length.get() * 3;
    let fresh = seen.at.since(counted.ended_at) <= longest;
    Served {
        requests: told.filter(|_| fresh).map(whole),
        until: counted.ended_at,
        length: counted.length,
    }
}

/// A count, which sources tell as a number of any kind: what is more than none stays so.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and no count is below zero"
)]
fn whole(count: f64) -> u64 {
    count.ceil() as u64
}

/// How long the service counts requests for a window.
const WINDOW: Span = Span::from_secs(10);

/// Requests in an environment's newest window by Elastic Beanstalk, if they are counted and the count is fresh.
pub(super) fn requests(release: &Release, health: &Known<HealthSeen>, now: Timestamp) -> Option<u64> {
    let seen = health.known()?;
    // Who does not report counts nobody, and may serve somebody.
    let mut told = seen
        .instances
        .values()
        .map(|instance| instance.status)
        .chain(seen.status);
    if told.any(|status| status == HealthStatus::NoData) {
        return None;
    }
    let age = now.since(seen.refreshed_at?);
    (age <= release.plan.provision.max_age.get()).then_some(seen.served?.requests)
}
