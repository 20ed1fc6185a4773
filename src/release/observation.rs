//! What was seen of the world in one look. Every part can be *unknown*; nothing here is a guess.

use std::collections::BTreeSet;

use super::counted::{AlarmSeen, Counted};
use super::preflight::Facts;
use super::seen::{EnvironmentSeen, HealthSeen, PublicSeen, VersionSeen};
use crate::model::{EnvironmentId, Known, ProbeResult, Timestamp};
use crate::traffic::Split;
use crate::verdict::Probes;

/// Why something that nobody asked for is unknown.
const UNASKED: &str = "was not asked for";

/// Which parts of the world the core wants to see: reads cost calls that the whole account shares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Everything that preflight asks.
    pub facts: bool,
    /// Whether the bundle lies under its key.
    pub artifact: bool,
    /// The application version.
    pub version: bool,
    /// The application's templates.
    pub templates: bool,
    /// The environments of the application.
    pub environments: bool,
    /// How a lever with weights shares out the traffic.
    pub split: bool,
    /// Whether all servers have heard of the change with this id.
    pub in_sync: Option<String>,
    /// Health of this environment, as green.
    pub green_health: Option<EnvironmentId>,
    /// Health of this environment, as blue.
    pub blue_health: Option<EnvironmentId>,
    /// Error events of this environment: all of them, or those since this moment.
    pub errors: Option<(EnvironmentId, Option<Timestamp>)>,
    /// What both serve, as the plan's own source counts it.
    pub counted: bool,
    /// The plan's alarms.
    pub alarms: bool,
    /// Run the smoke checks against this host.
    pub smoke: Option<String>,
    /// Run the bake's checks through the public name, and compare its addresses with those of this host.
    pub public: Option<String>,
    /// With them, run the same checks against this host.
    pub direct: Option<String>,
    /// Run those that green fails against this host of blue.
    pub beside: Option<String>,
}

impl Looks {
    /// Whether all that others want to see is among what was looked at for these, and may be made use of once more. Checks are
    /// counted, round by round and look by look, so each counts once: whoever wants to see some has to look again.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        fn same<T: PartialEq>(ours: Option<&T>, theirs: Option<&T>) -> bool {
            theirs.is_none() || ours == theirs
        }
        let flags = [
            (self.facts, others.facts),
            (self.artifact, others.artifact),
            (self.version, others.version),
            (self.templates, others.templates),
            (self.environments, others.environments),
            (self.split, others.split),
            (self.counted, others.counted),
            (self.alarms, others.alarms),
        ];
        flags.iter().all(|(ours, theirs)| *ours || !*theirs)
            && same(self.green_health.as_ref(), others.green_health.as_ref())
            && same(self.blue_health.as_ref(), others.blue_health.as_ref())
            && same(self.errors.as_ref(), others.errors.as_ref())
            && same(self.in_sync.as_ref(), others.in_sync.as_ref())
            && others.smoke.is_none()
            && others.public.is_none()
    }
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When the look was complete.
    pub at: Timestamp,
    /// See [`Looks::facts`].
    pub facts: Option<Facts>,
    /// See [`Looks::artifact`].
    pub artifact: Known<bool>,
    /// See [`Looks::version`].
    pub version: Known<Option<VersionSeen>>,
    /// See [`Looks::templates`].
    pub templates: Known<BTreeSet<String>>,
    /// See [`Looks::environments`]. Terminated ones are left out.
    pub environments: Known<Vec<EnvironmentSeen>>,
    /// See [`Looks::split`].
    pub split: Known<Split>,
    /// See [`Looks::in_sync`].
    pub in_sync: Known<bool>,
    /// See [`Looks::green_health`].
    pub green_health: Known<HealthSeen>,
    /// See [`Looks::blue_health`].
    pub blue_health: Known<HealthSeen>,
    /// See [`Looks::errors`].
    pub errors: Known<Vec<String>>,
    /// See [`Looks::counted`].
    pub counted: Known<Counted>,
    /// See [`Looks::alarms`].
    pub alarms: Known<Vec<AlarmSeen>>,
    /// See [`Looks::smoke`].
    pub smoke: Option<Vec<ProbeResult>>,
    /// See [`Looks::public`].
    pub public: Option<PublicSeen>,
    /// What our own requests to both environments met since the last look, as long as green has traffic.
    pub sampled: Option<Sampled>,
}

/// Our own requests to both environments between two looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampled {
    /// Those to green.
    pub green: Probes,
    /// Those to blue.
    pub blue: Probes,
    /// How many of those to green failed on the way there.
    pub unreached: f64,
}

impl Observation {
    /// What of it would have been seen if only that had been looked at: what has been made use of is not used twice.
    #[must_use]
    pub fn only(self, wanted: &Looks) -> Self {
        fn known<T>(wanted: bool, fact: Known<T>) -> Known<T> {
            if wanted {
                fact
            } else {
                Known::Unknown(UNASKED.to_owned())
            }
        }
        Self {
            at: self.at,
            facts: self.facts.filter(|_| wanted.facts),
            artifact: known(wanted.artifact, self.artifact),
            version: known(wanted.version, self.version),
            templates: known(wanted.templates, self.templates),
            environments: known(wanted.environments, self.environments),
            split: known(wanted.split, self.split),
            in_sync: known(wanted.in_sync.is_some(), self.in_sync),
            green_health: known(wanted.green_health.is_some(), self.green_health),
            blue_health: known(wanted.blue_health.is_some(), self.blue_health),
            errors: known(wanted.errors.is_some(), self.errors),
            counted: known(wanted.counted, self.counted),
            alarms: known(wanted.alarms, self.alarms),
            smoke: self.smoke.filter(|_| wanted.smoke.is_some()),
            public: self.public.filter(|_| wanted.public.is_some()),
            // Each counts once.
            sampled: None,
        }
    }

    /// A look that saw nothing.
    #[must_use]
    pub fn blank(at: Timestamp) -> Self {
        let unasked = || UNASKED.to_owned();
        Self {
            at,
            facts: None,
            artifact: Known::Unknown(unasked()),
            version: Known::Unknown(unasked()),
            templates: Known::Unknown(unasked()),
            environments: Known::Unknown(unasked()),
            split: Known::Unknown(unasked()),
            in_sync: Known::Unknown(unasked()),
            green_health: Known::Unknown(unasked()),
            blue_health: Known::Unknown(unasked()),
            errors: Known::Unknown(unasked()),
            counted: Known::Unknown(unasked()),
            alarms: Known::Unknown(unasked()),
            smoke: None,
            public: None,
            sampled: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_count_once_and_the_rest_may_be_made_use_of_again() {
        let all = Looks {
            environments: true,
            green_health: Some("e-green".into()),
            smoke: Some("green.example".to_owned()),
            public: Some("green.example".to_owned()),
            ..Looks::default()
        };
        let covered = |others: Looks| all.cover(&others);
        assert!(covered(Looks::default()));
        assert!(covered(Looks {
            environments: true,
            green_health: Some("e-green".into()),
            ..Looks::default()
        }));
        for others in [
            Looks {
                facts: true,
                ..Looks::default()
            },
            Looks {
                green_health: Some("e-blue".into()),
                ..Looks::default()
            },
            Looks {
                blue_health: Some("e-blue".into()),
                ..Looks::default()
            },
            Looks {
                smoke: all.smoke.clone(),
                ..Looks::default()
            },
            Looks {
                public: all.public.clone(),
                ..Looks::default()
            },
        ] {
            assert!(!covered(others.clone()), "{others:?}");
        }
    }

    #[test]
    fn what_is_not_wanted_any_more_is_not_seen_any_more() {
        let seen = Observation {
            artifact: Known::Known(true),
            environments: Known::Known(Vec::new()),
            smoke: Some(Vec::new()),
            ..Observation::blank(Timestamp::from_millis(7))
        };
        let environments = Looks {
            environments: true,
            ..Looks::default()
        };
        let expected = Observation {
            environments: Known::Known(Vec::new()),
            ..Observation::blank(Timestamp::from_millis(7))
        };
        assert_eq!(seen.only(&environments), expected);
    }
}
