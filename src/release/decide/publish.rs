//! Publish: the bundle under its content's key, a processed version, and the two templates.

use super::super::action::Action;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::outcome::Outcome;
use super::super::plan::Source;
use super::super::seen::{Processing, VersionSeen};
use super::super::state::Release;
use super::super::why::Why;
use super::{Decision, Then, act, limits, record, roll_back, soon, wait, world};
use crate::model::{Known, Timestamp};

pub(super) fn decide(release: &Release, seen: &Observation) -> Decision {
    let deadline = release.deadline(limits::PUBLISH);
    let decision = look(release, seen, deadline);
    if seen.at < deadline || matches!(&decision.then, Then::Record(_)) {
        return decision;
    }
    roll_back(
        format!("version {} was not published in time", release.plan.version_label),
        Outcome::RolledBack,
    )
}

/// What there is to do while there is time.
fn look(release: &Release, seen: &Observation, deadline: Timestamp) -> Decision {
    let plan = &release.plan;
    let give_up = |why| roll_back(why, Outcome::RolledBack);
    let blind =
        |what: &str, why: &str| world::cannot_see(release, seen, what, why, deadline, "the release is given up");
    let version = match &seen.version {
        Known::Known(version) => version,
        Known::Unknown(why) => return blind("the application version", why),
    };
    match (version, &plan.source) {
        (None, Source::Bundle { key, .. }) => {
            return match seen.artifact.known() {
                Some(true) => act(
                    release,
                    seen.at,
                    Action::CreateVersion {
                        label: plan.version_label.clone(),
                    },
                    give_up,
                ),
                Some(false) => act(release, seen.at, Action::Upload { key: key.clone() }, give_up),
                None => blind("the bundle in S3", seen.artifact.why_unknown().unwrap_or_default()),
            };
        }
        (None, Source::Recorded { .. } | Source::Live) => {
            return give_up(format!(
                "version {} is gone, so nothing can be made from it",
                plan.version_label
            ));
        }
        (Some(version), source) => {
            if let Some(decision) = processed(release, seen, version, source, deadline) {
                return decision;
            }
        }
    }
    templates(release, seen, deadline)
}

/// What keeps the version from being deployed, if anything.
fn processed(
    release: &Release,
    seen: &Observation,
    version: &VersionSeen,
    source: &Source,
    deadline: Timestamp,
) -> Option<Decision> {
    let label = &release.plan.version_label;
    if let Source::Bundle { key, .. } = source
        && version.bundle.as_ref().is_none_or(|(_, its_key)| its_key != key)
    {
        let why = format!("somebody else has made version {label} from another bundle");
        return Some(roll_back(why, Outcome::RolledBack));
    }
    match version.processing {
        Processing::Processed => None,
        Processing::Underway => {
            let why = Why::Working {
                what: format!("Elastic Beanstalk to process version {label}"),
            };
            Some(wait(
                seen.at,
                why,
                soon(release, seen.at),
                deadline,
                "the release is given up",
            ))
        }
        Processing::Failed => {
            let why = format!("Elastic Beanstalk failed to process version {label}; the application's events say why");
            Some(roll_back(why, Outcome::RolledBack))
        }
    }
}

/// Blue's configuration as it is now, and green's as it shall be. They stay on AWS, because they hold secrets.
fn templates(release: &Release, seen: &Observation, deadline: Timestamp) -> Decision {
    let plan = &release.plan;
    let Some(blue) = &release.blue else {
        return roll_back("the journal does not say which environment is blue", Outcome::Aborted);
    };
    let templates = match &seen.templates {
        Known::Known(templates) => templates,
        Known::Unknown(why) => {
            return world::cannot_see(
                release,
                seen,
                "the saved configurations",
                why,
                deadline,
                "the release is given up",
            );
        }
    };
    for (template, with_overrides) in [(plan.blue_template(), false), (plan.green_template(), true)] {
        if templates.contains(&template) {
            continue;
        }
        if with_overrides && matches!(plan.source, Source::Recorded { .. }) {
            return roll_back(
                format!("the saved configuration {template} is gone"),
                Outcome::RolledBack,
            );
        }
        let action = Action::SaveConfiguration {
            template,
            environment: blue.id.clone(),
            with_overrides,
        };
        return act(release, seen.at, action, |why| roll_back(why, Outcome::RolledBack));
    }
    record(
        format!("version {} can be deployed", plan.version_label),
        Event::Published,
    )
}
