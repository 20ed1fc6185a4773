//! The environment that a way back uses again instead of making a new one.

use super::plan::{Plan, Source};
use super::seen::EnvironmentSeen;
use crate::model::EnvironmentId;

impl Plan {
    /// The environment that a way back has recorded, if it is there.
    #[must_use]
    pub fn recorded_environment<'a>(&self, environments: &'a [EnvironmentSeen]) -> Option<&'a EnvironmentSeen> {
        let Source::Recorded {
            environment: Some(id), ..
        } = &self.source
        else {
            return None;
        };
        environments.iter().find(|seen| seen.id == *id)
    }

    /// The same, if it still is what one can go back to beside this blue. What is blue itself is no way back from it; what runs
    /// another version by now, or was given another name, serves something else.
    #[must_use]
    pub fn used_again<'a>(
        &self,
        blue: &EnvironmentId,
        environments: &'a [EnvironmentSeen],
    ) -> Option<&'a EnvironmentSeen> {
        let found = self.recorded_environment(environments)?;
        let named = match &self.source {
            Source::Recorded { cname: Some(cname), .. } => found.cname.as_ref() == Some(cname),
            _ => true,
        };
        let runs = found.version.as_ref() == Some(&self.version_label);
        (found.id != *blue && found.ready() && runs && named).then_some(found)
    }
}
