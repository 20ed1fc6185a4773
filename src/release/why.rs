//! Why a decision was made, as data: journaled, compared, and printed by `cutover status`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::Role;
use crate::model::{Timestamp, VersionLabel};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Since when it is seen.
    pub since: Timestamp,
}

/// The reason of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Something that the phase needs is not there yet, and this makes it.
    Missing {
        /// What.
        what: String,
    },
    /// Something was seen and is put on record.
    Seen {
        /// What.
        what: String,
    },
    /// The world could not be read.
    CannotSee {
        /// What could not be read, and why.
        what: String,
    },
    /// Something is not as it should be; lists can be behind, so it must be seen for a while before it counts.
    Astray {
        /// What.
        what: String,
        /// Since when it is seen.
        since: Timestamp,
        /// What was seen at the same look, has lasted, and would have been acted upon but for this.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        beneath: Vec<Finding>,
    },
    /// A call was made and the service works on it.
    Working {
        /// On what.
        what: String,
    },
    /// Nobody knows whether a call has happened; the world is read until it shows.
    InDoubt {
        /// Which call.
        call: String,
        /// Before then a late call could still arrive.
        until: Timestamp,
    },
    /// A call was refused and is made again later.
    Retrying {
        /// Which call.
        call: String,
        /// What the service said.
        said: String,
        /// Not before.
        not_before: Timestamp,
    },
    /// Green is not up yet.
    NotUp {
        /// The version it shall run.
        version: VersionLabel,
        /// What is missing.
        missing: Vec<String>,
    },
    /// Green is up; it must stay so for a while.
    Settling {
        /// Until then.
        until: Timestamp,
    },
    /// Smoke checks are being run.
    Smoking {
        /// Rounds in a row that passed.
        passed: u32,
        /// Rounds in a row that are wanted.
        wanted: u32,
        /// What failed last.
        failure: Option<String>,
    },
    /// The swap is done; the public name does not show it yet.
    Confirming {
        /// What is missing.
        missing: String,
    },
    /// Green is watched.
    Baking {
        /// Until then, if all goes well.
        until: Timestamp,
        /// What the last look said, if it was not good.
        doubt: Option<String>,
    },
    /// Old DNS answers are still in use.
    DnsDraining {
        /// Until then.
        until: Timestamp,
    },
    /// An environment that lost the slot's name still gets requests.
    Busy {
        /// Which.
        role: Role,
        /// How many in the newest window, if known.
        requests: Option<u64>,
    },
    /// An environment that lost the slot's name is silent; it must stay so for a while.
    Quiet {
        /// Which.
        role: Role,
        /// Until then.
        until: Timestamp,
    },
    /// Blue is kept, so that a rollback is one call.
    KeepingBlue {
        /// Until then.
        until: Timestamp,
    },
    /// Green was taken back and is kept for a look at it.
    KeepingGreen {
        /// Until then.
        until: Timestamp,
    },
    /// Traffic is on its way back to blue.
    Returning {
        /// What is missing.
        missing: String,
    },
    /// An operator wants no step forward for a while.
    Paused {
        /// Who.
        by: String,
        /// When it goes on by itself.
        until: Timestamp,
    },
    /// Somebody must promote the release through a gate.
    AtGate {
        /// The gate's id.
        gate: String,
        /// Where it stands.
        before: String,
        /// Until when somebody is waited for.
        until: Timestamp,
        /// What is not as it should be, so that it could not go on at once.
        doubt: Option<String>,
    },
    /// Somebody else has changed something; a person must say what to do.
    Asking {
        /// What.
        what: String,
        /// Until when somebody is waited for.
        until: Timestamp,
    },
    /// Green is being taken back.
    RollingBack {
        /// Because of what.
        because: String,
    },
    /// It is over.
    Over {
        /// How.
        how: String,
    },
}

impl Why {
    /// When this wait ends by itself, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::InDoubt { until, .. }
            | Self::Settling { until }
            | Self::Baking { until, .. }
            | Self::DnsDraining { until }
            | Self::Quiet { until, .. }
            | Self::KeepingBlue { until }
            | Self::KeepingGreen { until }
            | Self::Paused { until, .. }
            | Self::AtGate { until, .. }
            | Self::Asking { until, .. } => Some(*until),
            Self::Retrying { not_before, .. } => Some(*not_before),
            Self::Missing { .. }
            | Self::Seen { .. }
            | Self::CannotSee { .. }
            | Self::Astray { .. }
            | Self::Working { .. }
            | Self::NotUp { .. }
            | Self::Smoking { .. }
            | Self::Confirming { .. }
            | Self::Busy { .. }
            | Self::Returning { .. }
            | Self::RollingBack { .. }
            | Self::Over { .. } => None,
        }
    }

    /// What is not as it should be, and since when that is seen.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let (first, beneath) = match self {
            Self::Astray { what, since, beneath } => (Some((what.as_str(), *since)), beneath.as_slice()),
            _ => (None, &[] as &[Finding]),
        };
        let beneath = beneath.iter().map(|finding| (finding.what.as_str(), finding.since));
        first.into_iter().chain(beneath)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what } => write!(f, "missing: {what}"),
            Self::Seen { what } | Self::Over { how: what } => f.write_str(what),
            Self::CannotSee { what } => write!(f, "cannot see {what}"),
            Self::Astray { what, since, .. } => write!(f, "{what}, since {}; looking again", since.time_of_day()),
            Self::Working { what } => write!(f, "waiting for {what}"),
            Self::InDoubt { call, until } => {
                write!(
                    f,
                    "unsure whether this has happened: {call}; reading until it shows, a late one could arrive until {}",
                    until.time_of_day()
                )
            }
            Self::Retrying { call, said, not_before } => {
                write!(
                    f,
                    "will {call} again after {}; AWS said: {said}",
                    not_before.time_of_day()
                )
            }
            Self::NotUp { version, missing } => write!(f, "waiting for green to run {version}: {}", missing.join("; ")),
            Self::Settling { until } => write!(
                f,
                "green is up; watching that it stays so until {}",
                until.time_of_day()
            ),
            Self::Smoking {
                passed,
                wanted,
                failure,
            } => {
                write!(f, "smoke checks: {passed} of {wanted} rounds in a row passed")?;
                match failure {
                    Some(failure) => write!(f, "; last failure: {failure}"),
                    None => Ok(()),
                }
            }
            Self::Confirming { missing } => write!(f, "waiting for the public name to lead to green: {missing}"),
            Self::Baking { until, doubt } => {
                write!(f, "watching green with traffic until {}", until.time_of_day())?;
                match doubt {
                    Some(doubt) => write!(f, "; last look: {doubt}"),
                    None => Ok(()),
                }
            }
            Self::DnsDraining { until } => {
                write!(f, "old DNS answers may be in use until {}", until.time_of_day())
            }
            Self::Busy {
                role,
                requests: Some(requests),
            } => {
                write!(
                    f,
                    "{} still gets requests: {requests} in its newest window",
                    role.as_str()
                )
            }
            Self::Busy { role, requests: None } => {
                write!(f, "it is not known whether {} still gets requests", role.as_str())
            }
            Self::Quiet { role, until } => write!(
                f,
                "{} is silent; watching that it stays so until {}",
                role.as_str(),
                until.time_of_day()
            ),
            Self::KeepingBlue { until } => {
                write!(
                    f,
                    "promoted; blue is kept until {}, so that a rollback is one call",
                    until.time_of_day()
                )
            }
            Self::KeepingGreen { until } => {
                write!(
                    f,
                    "blue has the traffic; green is kept for a look at it until {}",
                    until.time_of_day()
                )
            }
            Self::Returning { missing } => write!(f, "waiting for all traffic to be on blue: {missing}"),
            Self::Paused { by, until } => {
                write!(f, "paused by {by}; goes on by itself at {}", until.time_of_day())
            }
            Self::AtGate {
                gate,
                before,
                until,
                doubt,
            } => {
                write!(
                    f,
                    "waiting at the gate before {before} until {}: `cutover promote {gate}`",
                    until.time_of_day()
                )?;
                match doubt {
                    Some(doubt) => write!(f, "; {doubt}"),
                    None => Ok(()),
                }
            }
            Self::Asking { what, until } => write!(
                f,
                "{what}; waiting until {} for `cutover resume`, `cutover abort` or `cutover rollback`",
                until.time_of_day()
            ),
            Self::RollingBack { because } => write!(f, "rolling back: {because}"),
        }
    }
}
