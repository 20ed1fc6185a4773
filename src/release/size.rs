//! How few and how many instances an environment may run, and whose word that is: limits that somebody else has set since are theirs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::CallResult;
use super::state::Release;
use crate::model::EnvironmentId;

/// How few and how many instances an environment may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Limits {
    /// Fewest instances.
    pub min_instances: u32,
    /// Most instances.
    pub max_instances: u32,
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min_instances, self.max_instances)
    }
}

/// An environment's Auto Scaling group. Its limits are those of the configuration, unless something beside Elastic Beanstalk has
/// changed them, such as a scheduled action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSeen {
    /// Its limits.
    pub limits: Limits,
    /// How many instances it wants to run now.
    pub running: u32,
}

/// The limits of an environment, as a read shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacitySeen {
    /// By its configuration.
    pub configured: Limits,
    /// Its Auto Scaling group.
    pub group: GroupSeen,
}

/// What the refusal of a call begins with that would have overwritten limits which somebody else has set.
const THEIRS: &str = "not made: somebody else has changed how many instances";

/// Whether a call was not made because it would have overwritten limits which somebody else has set.
pub(super) fn are_theirs(said: &str) -> bool {
    said.starts_with(THEIRS)
}

impl Release {
    /// Whether an environment may be given these limits, by what is seen of it right before. Limits that this release has neither found
    /// nor set are somebody's answer to the load of this hour, and Auto Scaling ends at once what runs above a new maximum.
    ///
    /// # Errors
    ///
    /// When it must not be; that is what becomes of the call.
    pub fn fit_to_resize(&self, id: &EnvironmentId, wanted: Limits, seen: &CapacitySeen) -> Result<(), CallResult> {
        let ours = |limits: Limits| limits == wanted || self.has_known(id, limits);
        let theirs = [
            ("its configuration says", seen.configured),
            ("its Auto Scaling group says", seen.group.limits),
        ];
        if let Some((whose, limits)) = theirs.into_iter().find(|(_, limits)| !ours(*limits)) {
            return Err(CallResult::Refused {
                message: format!(
                    "{THEIRS} {id} may run: {whose} {limits} now, which this release has neither found nor set, so it is left as it is"
                ),
                retryable: false,
            });
        }
        if seen.group.running > wanted.max_instances {
            return Err(CallResult::Refused {
                message: format!(
                    "not made: {id} runs {} instances, and a MaxSize of {} would end some of them at once",
                    seen.group.running, wanted.max_instances
                ),
                retryable: true,
            });
        }
        Ok(())
    }

    /// Whether this release has found an environment with these limits, or has told it to have them.
    fn has_known(&self, id: &EnvironmentId, limits: Limits) -> bool {
        if let Some(blue) = self.blue.as_ref().filter(|blue| blue.id == *id)
            && (blue.limits() == limits || blue.group_limits == Some(limits))
        {
            return true;
        }
        let green = self.green.as_ref().filter(|green| green.id == *id);
        let mut names = vec![id.as_str()];
        if let Some(green) = green {
            if green.reused {
                // What it was left with by an earlier release is nobody's answer to anything, until this one has set something itself.
                let told = self.limits_told.iter().any(|(of, _)| of == id.as_str());
                if !told || self.shifted_at.is_none() {
                    return true;
                }
            } else {
                names.push(green.name.as_str());
            }
        }
        let mut told = self.limits_told.iter();
        told.any(|(of, told)| *told == limits && names.contains(&of.as_str()))
    }
}
