//! The environment that a way back uses again instead of making a new one.

use super::plan::{Plan, Source};
use super::seen::EnvironmentSeen;
use super::state::Release;
use crate::model::EnvironmentId;

impl Plan {
    /// The environment that a way back has recorded, if it still is what one can go back to beside this blue. What is blue itself is
    /// no way back from it; what runs another version by now, or was given another name, serves something else.
    #[must_use]
    pub fn used_again<'a>(
        &self,
        blue: &EnvironmentId,
        environments: &'a [EnvironmentSeen],
    ) -> Option<&'a EnvironmentSeen> {
        let Source::Recorded {
            environment: Some(id),
            cname,
            ..
        } = &self.source
        else {
            return None;
        };
        let found = environments.iter().find(|seen| seen.id == *id)?;
        let named = cname.is_none() || found.cname == *cname;
        let runs = found.version.as_ref() == Some(&self.version_label);
        (found.id != *blue && found.ready() && runs && named).then_some(found)
    }
}

impl Release {
    /// The environment that a way back has recorded, as long as it may still be used again: until one is made instead.
    pub(super) fn may_use_again(&self) -> Option<&EnvironmentId> {
        let Source::Recorded { environment, .. } = &self.plan.source else {
            return None;
        };
        let made = self.attempts_of("create environment");
        environment.as_ref().filter(|_| !made.done && made.failed == 0)
    }
}
