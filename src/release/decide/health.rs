//! What green's own health says of it with traffic, in the light of blue's. What both have is not held against green, and of requests that
//! fail the numbers of both say more than a status.

use std::time::Duration;

use super::super::assessment::{Before, number};
use super::super::causes::Causes;
use super::super::counted::CountedBy;
use super::super::event::Look;
use super::super::observation::Observation;
use super::super::seen::HealthSeen;
use super::super::state::Release;
use super::super::witness::blue_is_no_witness;
use super::replace;
use crate::model::{HealthColor, HealthStatus, Known};

/// Judges it.
pub(super) fn by_health(release: &Release, seen: &Observation) -> Look {
    let health = match &seen.green_health {
        Known::Known(health) => health,
        Known::Unknown(why) => {
            return Look::Unknown {
                why: format!("its health could not be read: {why}"),
            };
        }
    };
    let Some(status) = health.status else {
        return by_color(release, seen, health.color);
    };
    let age = health.refreshed_at.map(|at| seen.at.since(at));
    if age.is_none_or(|age| age > release.plan.provision.max_age.get()) {
        return Look::Unknown {
            why: "its health data is stale".to_owned(),
        };
    }
    let why = health.in_words(&status);
    match status {
        HealthStatus::Ok | HealthStatus::Info => instances(release, seen, health),
        HealthStatus::Warning | HealthStatus::Degraded | HealthStatus::Severe => {
            unwell(release, seen, health, status, why)
        }
        HealthStatus::Pending | HealthStatus::Unknown | HealthStatus::NoData | HealthStatus::Suspended => {
            Look::Unknown { why }
        }
    }
}

/// Basic health is a colour and nothing more.
fn by_color(release: &Release, seen: &Observation, color: HealthColor) -> Look {
    let why = format!("its health is {color}");
    let rank = |color| match color {
        HealthColor::Yellow => 1,
        HealthColor::Red => 2,
        HealthColor::Green | HealthColor::Grey => 0,
    };
    match color {
        HealthColor::Green => Look::Good,
        HealthColor::Grey => Look::Unknown { why },
        HealthColor::Yellow | HealthColor::Red => {
            match blues(release, seen).filter(|blue| rank(blue.color) >= rank(color)) {
                Some(blue) => Look::Unknown {
                    why: of_both(&why, blue.color.as_str()),
                },
                None => Look::Bad { why },
            }
        }
    }
}

/// Going back would help nobody. Whether green is worse all the same, the numbers of both say.
fn of_both(why: &str, blues: &str) -> String {
    format!("{why}; but blue's is {blues}, so the fault may be what both depend on")
}

fn unwell(release: &Release, seen: &Observation, health: &HealthSeen, status: HealthStatus, why: String) -> Look {
    let causes = health.causes();
    let by_requests = causes.of_requests_alone() && release.plan.counted_by.counts_all();
    if by_requests && is_usual(release, status) {
        return Look::Good;
    }
    if by_requests && are_compared(release, seen, status) {
        if release.assessment.is_healthy() {
            return Look::Good;
        }
        return Look::Unknown {
            why: format!("{why}: whether it is worse than blue, the numbers of both will say"),
        };
    }
    if let Some(blues) = as_bad(release, seen, status) {
        return Look::Unknown {
            why: of_both(&why, blues.as_str()),
        };
    }
    if let Some(excuse) = replace::excuse(release, seen) {
        return Look::Unknown {
            why: format!("{why}; but {excuse}"),
        };
    }
    match alone(release, health, status, causes).filter(|_| by_requests) {
        Some(reason) => Look::Unknown {
            why: format!("{why}: {reason}"),
        },
        None => Look::Bad { why },
    }
}

/// Whether blue had the same before the release began, so that a good green has it, too: unless the numbers say otherwise.
fn is_usual(release: &Release, status: HealthStatus) -> bool {
    let before = release.blue.as_ref().and_then(|blue| blue.health);
    let assessment = &release.assessment;
    before.is_some_and(|before| rank(before) >= rank(status))
        && assessment.verdict.is_some()
        && assessment.suspicion().is_none()
        && assessment.bad_window().is_none()
}

/// Whether the failed requests of both are compared just now, which says more than a status: that has thresholds, and of two
/// environments that fail alike one may be above them and the other one below; and of a few requests one that fails by chance is above
/// all of them. Where a quarter and more fail, and nothing at blue, that is no chance.
fn are_compared(release: &Release, seen: &Observation, status: HealthStatus) -> bool {
    release.shared()
        && release.assessment.compares(seen.at, longest(release))
        && (status != HealthStatus::Severe || as_bad(release, seen, HealthStatus::Warning).is_some())
}

/// How long ago the newest window of both may have ended.
fn longest(release: &Release) -> Duration {
    let late = match release.plan.counted_by {
        CountedBy::EnhancedHealth => Duration::ZERO,
        // Whole minutes, one to two of them late.
        CountedBy::TargetGroups | CountedBy::Endpoint(_) => Duration::from_secs(240),
    };
    release.plan.provision.max_age.get() + late
}

/// Why a status for failed requests alone says little of a green that has all the traffic, if so: blue is idle and tells of no incident
/// that both would have.
fn alone(release: &Release, health: &HealthSeen, status: HealthStatus, causes: Causes) -> Option<String> {
    let whole = release.whole_step() && release.in_place;
    let before = release.assessment.before().filter(|_| whole)?;
    // No numbers of blue's past are compared with green's 4xx.
    if causes.refused && !answers_as_ever(health, before)? {
        return None;
    }
    if !causes.failing {
        return Some(
            "as many requests as before are answered otherwise, so it may be the doing of a client".to_owned(),
        );
    }
    // Where a quarter and more fail, that is no chance.
    let few = status != HealthStatus::Severe;
    few.then(|| "whether that is more than blue had, its numbers will say".to_owned())
}

/// Whether green answers at least half as many requests otherwise than with 4xx as blue did. Who meets something that is broken is not
/// served any more; a client that asks for what there never was comes on top.
fn answers_as_ever(health: &HealthSeen, before: Before) -> Option<bool> {
    let served = health.served.as_ref()?;
    let otherwise = number(served.requests.saturating_sub(served.classes?.status_4xx));
    let usual = before.answered_per_second() * health.window.get().as_secs_f64();
    Some(otherwise >= usual / 2.0)
}

/// How bad a status is.
fn rank(status: HealthStatus) -> u8 {
    match status {
        HealthStatus::Warning => 1,
        HealthStatus::Degraded => 2,
        HealthStatus::Severe => 3,
        _ => 0,
    }
}

/// Blue's health now, if it is no better than that.
pub(super) fn as_bad(release: &Release, seen: &Observation, greens: HealthStatus) -> Option<HealthStatus> {
    let blue = blues(release, seen)?;
    let fresh = seen.at.since(blue.refreshed_at?) <= release.plan.provision.max_age.get();
    blue.status.filter(|blues| fresh && rank(*blues) >= rank(greens))
}

/// Blue's health, if it says anything of what both depend on.
fn blues<'a>(release: &Release, seen: &'a Observation) -> Option<&'a HealthSeen> {
    seen.blue_health.known().filter(|_| !blue_is_no_witness(release, seen))
}

/// The health of the whole follows that of its instances after a while (Developer Guide, "Enhanced health color and status"). Which version
/// they run is plain at once; how unwell they are says the health of the whole, for which blue's is compared with it.
fn instances(release: &Release, seen: &Observation, health: &HealthSeen) -> Look {
    let label = &release.plan.version_label;
    let all = || health.instances.values();
    let ours = || all().filter(|seen| seen.version.as_ref() == Some(label));
    if all().next().is_none() {
        return Look::Unknown {
            why: "no instance reports".to_owned(),
        };
    }
    if ours().any(|seen| seen.status.is_well() == Some(true)) {
        return Look::Good;
    }
    let none_is_well = format!("none of its instances is well with {label}");
    if all().all(|seen| seen.version.as_ref().is_some_and(|version| version != label)) {
        return Look::Bad { why: none_is_well };
    }
    let severe = |health: &HealthSeen| {
        let mut instances = health.instances.values();
        instances.all(|seen| seen.status == HealthStatus::Severe)
    };
    let at_blue = blues(release, seen).is_some_and(|blue| severe(blue) && !blue.emptied());
    if severe(health) && !at_blue {
        return Look::Bad { why: none_is_well };
    }
    Look::Unknown {
        why: format!("{none_is_well}, which its own health does not say yet"),
    }
}
