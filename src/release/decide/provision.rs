//! Provision: green is made and comes up. Ready is not enough: health, instances, the version on each of them, no error
//! events, and data that is fresh, all of it without a break.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::pair::{Blue, Green};
use super::super::seen::{EnvironmentSeen, EnvironmentStatus, HealthSeen, InstanceSeen};
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, Then, act, capacity, next_look, record, roll_back, soon, wait, world};
use crate::model::text::plural;
use crate::model::{HealthColor, HealthStatus, Known, Timestamp};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let deadline = release.deadline(release.plan.provision.deadline.get());
    let Some(blue) = &release.blue else {
        return roll_back("the journal does not say which environment is blue", Outcome::Aborted);
    };
    let decision = look(release, blue, seen, deadline);
    // A driver that was away past the deadline does not give up a green that is up.
    let not_up = matches!(decision.then, Then::Record(Event::GreenUp { up: false, .. }));
    let up = matches!(decision.why, Why::Settling { .. }) || matches!(decision.then, Then::Record(_)) && !not_up;
    if seen.at < deadline || up {
        return decision;
    }
    let what = format!("green was not up within {}", release.plan.provision.deadline);
    let give_up = |what| roll_back(format!("{what}; last seen: {}", decision.why), Outcome::RolledBack);
    if not_up {
        return give_up(what);
    }
    world::lasting(release, seen.at, what, give_up)
}

/// What there is to do while there is time.
fn look(release: &Release, blue: &Blue, seen: &Observation, deadline: Timestamp) -> Decision {
    let environments = match &seen.environments {
        Known::Known(environments) => environments,
        Known::Unknown(why) => {
            return world::cannot_see(release, seen, "the environments", why, deadline, "green is given up");
        }
    };
    let Some(green) = &release.green else {
        return make(release, blue, environments, seen);
    };
    let Some(found) = world::find(environments, &green.id) else {
        let what = format!("green ({}) has ended while it was being made", green.id);
        return world::lasting(release, seen.at, what, |what| roll_back(what, Outcome::RolledBack));
    };
    if matches!(
        found.status,
        EnvironmentStatus::Terminating | EnvironmentStatus::Terminated
    ) {
        return roll_back(
            format!("green ({}) is being removed, and not by this release", green.id),
            Outcome::RolledBack,
        );
    }
    if let Some(errors) = seen.errors.known()
        && let Some(error) = most_telling(errors)
        && found.ready()
    {
        return roll_back(
            format!("making green ended with an error: {error}"),
            Outcome::RolledBack,
        );
    }
    if let Some(action) = capacity::larger(release, blue, green, found, seen) {
        return act(release, seen.at, action, |why| roll_back(why, Outcome::RolledBack));
    }
    let missing = missing(release, blue, found, seen);
    let plan = &release.plan.provision;
    match release.up_since.filter(|_| missing.bad.is_empty()) {
        None if missing.is_empty() => up("green is up"),
        None if release.up_since.is_some() => {
            let missing = missing.all();
            record(
                format!("green is not up any more: {}", missing.join("; ")),
                Event::GreenUp { up: false, missing },
            )
        }
        None => {
            let why = Why::NotUp {
                version: release.plan.version_label.clone(),
                missing: missing.all(),
            };
            wait(seen.at, why, next_look(release, seen.at), deadline, "green is given up")
        }
        // A read that failed says neither that green is up nor that it is not.
        Some(_) if !missing.is_empty() => {
            let why = Why::CannotSee {
                what: format!("whether green stays up: {}", missing.all().join("; ")),
            };
            wait(seen.at, why, next_look(release, seen.at), deadline, "green is given up")
        }
        Some(upness) if seen.at.since(upness.seen) > plan.max_age.get() => {
            up("green is up, but was not seen for a while")
        }
        Some(upness) if seen.at >= upness.since + plan.stable.get() => {
            let green = Green {
                cname: found.cname.clone(),
                endpoint: found.endpoint.clone(),
                ..green.clone()
            };
            record("green is up and stays so", Event::GreenReady { green })
        }
        Some(upness) if seen.at.since(upness.seen) > plan.max_age.get() / 2 => up("green is still up"),
        Some(upness) => {
            let until = upness.since + plan.stable.get();
            let look = until.min(next_look(release, seen.at));
            wait(seen.at, Why::Settling { until }, look, deadline, "green is given up")
        }
    }
}

fn up(what: &str) -> Decision {
    let missing = Vec::new();
    record(what, Event::GreenUp { up: true, missing })
}

/// Finds green by its name and tag, or makes it.
fn make(release: &Release, blue: &Blue, environments: &[EnvironmentSeen], seen: &Observation) -> Decision {
    let now = seen.at;
    let plan = &release.plan;
    if release.may_use_again().is_some()
        && let Some(found) = plan.used_again(&blue.id, environments)
    {
        let health = match &seen.green_health {
            Known::Known(health) => health,
            Known::Unknown(why) => {
                let deadline = release.deadline(plan.provision.deadline.get());
                let what = format!("whether {} ({}) can be used again", found.name, found.id);
                return world::cannot_see(release, seen, &what, why, deadline, "green is given up");
            }
        };
        // One whose instances are gone would not come up.
        if !health.enhanced() || !health.instances.is_empty() {
            let green = Green {
                id: found.id.clone(),
                name: found.name.clone(),
                cname: None,
                endpoint: None,
                reused: true,
                group: None,
            };
            return record(
                format!("{} ({}) is still there and is used again", found.name, found.id),
                Event::GreenFound { green },
            );
        }
    }
    if let Some(found) = environments.iter().find(|seen| seen.name == plan.green_name) {
        return match &found.release_tag {
            Some(tag) if *tag == plan.tag() => {
                let green = Green {
                    id: found.id.clone(),
                    name: found.name.clone(),
                    cname: None,
                    endpoint: None,
                    reused: false,
                    group: None,
                };
                record(
                    format!("{} ({}) is being made", found.name, found.id),
                    Event::GreenFound { green },
                )
            }
            Some(_) => roll_back(
                format!("somebody else has an environment called {} ({})", found.name, found.id),
                Outcome::RolledBack,
            ),
            None => {
                let deadline = release.deadline(plan.provision.deadline.get());
                let what = format!("the tags of {}, to know whose it is", found.id);
                wait(
                    now,
                    Why::CannotSee { what },
                    soon(release, now),
                    deadline,
                    "green is given up",
                )
            }
        };
    }
    if release.attempts_of("create environment").done {
        let deadline = release.deadline(plan.provision.deadline.get());
        let what = format!("{} to be listed", plan.green_name);
        return wait(
            now,
            Why::Working { what },
            soon(release, now),
            deadline,
            "green is given up",
        );
    }
    let wanted = capacity::wanted_instances(release, blue);
    let action = Action::CreateEnvironment {
        name: plan.green_name.clone(),
        template: plan.green_template(),
        version: plan.version_label.clone(),
        min_instances: wanted,
        max_instances: capacity::most_instances(release, blue, wanted),
    };
    act(release, now, action, |why| roll_back(why, Outcome::RolledBack))
}

/// What keeps green from counting as up.
#[derive(Default)]
pub(super) struct Missing {
    /// What was seen and is not good enough.
    pub(super) bad: Vec<String>,
    /// What could not be seen.
    pub(super) unseen: Vec<String>,
}

impl Missing {
    /// Whether nothing is missing.
    pub(super) fn is_empty(&self) -> bool {
        self.bad.is_empty() && self.unseen.is_empty()
    }

    /// Everything.
    pub(super) fn all(self) -> Vec<String> {
        [self.bad, self.unseen].concat()
    }
}

/// Everything that keeps green from counting as up.
fn missing(release: &Release, blue: &Blue, found: &EnvironmentSeen, seen: &Observation) -> Missing {
    let mut missing = Missing::default();
    if !found.ready() {
        missing.bad.push(format!("it is {:?}", found.status));
    }
    if found.cname.is_none() || found.endpoint.is_none() {
        missing.bad.push("it has no name or address yet".to_owned());
    }
    // With basic health this is all that tells which version green runs.
    if let Some(version) = &found.version
        && *version != release.plan.version_label
    {
        missing.bad.push(format!("it was told to run {version}"));
    }
    if let Known::Unknown(why) = &seen.errors {
        missing.unseen.push(format!("its events could not be read: {why}"));
    }
    unhealthy(release, blue, &seen.green_health, seen.at, &mut missing);
    missing
}

/// What of green's health is not good enough. With basic reporting the colour is all there is. `provision.health` is for the first
/// traffic. Once green has users the looks judge how well it is, in the light of blue; what is asked here is whether it can be seen, is
/// large enough, and runs the right version.
pub(super) fn unhealthy(
    release: &Release,
    blue: &Blue,
    health: &Known<HealthSeen>,
    now: Timestamp,
    missing: &mut Missing,
) {
    let health = match health {
        Known::Known(health) => health,
        Known::Unknown(why) => {
            missing.unseen.push(format!("its health could not be read: {why}"));
            return;
        }
    };
    let used = release.shifted_at.is_some();
    let Some(status) = health.status else {
        let judged = used && matches!(health.color, HealthColor::Yellow | HealthColor::Red);
        if health.color != HealthColor::Green && !judged {
            missing.bad.push(format!("its health is {}", health.color));
        }
        return;
    };
    let will_do = if used {
        status.is_well().is_some()
    } else {
        release.plan.provision.health.contains(&status)
    };
    if !will_do {
        missing.bad.push(health.in_words(&status));
    }
    let age = health.refreshed_at.map(|at| now.since(at));
    if age.is_none_or(|age| age > release.plan.provision.max_age.get()) {
        missing.unseen.push(match age {
            Some(age) => format!("its health data is {} s old", age.as_secs()),
            None => "its health has never been reported".to_owned(),
        });
    }
    let total = u64::from(capacity::wanted_instances(release, blue));
    let by_requests = health.causes().of_requests_alone();
    let counts = |seen: &&InstanceSeen| match seen.status {
        HealthStatus::Ok | HealthStatus::Info => true,
        HealthStatus::Warning | HealthStatus::Degraded => used,
        // All that it answers may fail for what both environments depend on. Otherwise it serves nobody.
        HealthStatus::Severe => used && by_requests,
        HealthStatus::Pending | HealthStatus::Unknown | HealthStatus::NoData | HealthStatus::Suspended => false,
    };
    let there = health.instances.values().filter(counts).count();
    if (there as u64) < total {
        let word = if used { "serving" } else { "well" };
        missing
            .bad
            .push(format!("{there} of {} {word}", plural(total, "instance")));
    }
    let label = &release.plan.version_label;
    let others = health
        .instances
        .values()
        .filter(|seen| seen.version.as_ref() != Some(label))
        .count();
    if others > 0 {
        missing.bad.push(format!(
            "{} of {} not known to run {label}",
            others,
            plural(health.instances.len() as u64, "instance")
        ));
    }
}

/// Of error events, the first, and the first that tells what an instance said: either may say no more than that something has failed, and
/// where to look.
fn most_telling(errors: &[String]) -> Option<String> {
    let first = errors.first()?;
    let of_an_instance = errors.iter().find(|error| error.starts_with("[Instance"));
    Some(match of_an_instance.filter(|of_it| *of_it != first) {
        Some(of_it) => format!("{first} {of_it}"),
        None => first.clone(),
    })
}
