//! Which versions a release leads back to.

use super::outcome::Outcome;
use super::state::Release;
use crate::model::VersionLabel;

impl Release {
    /// Whether the way to this version is this release's way back, because blue runs it and is still there.
    #[must_use]
    pub fn leads_back_to(&self, wanted: &VersionLabel) -> bool {
        self.promoted() && self.outcome.is_none() && self.came_from(wanted)
    }

    /// Whether this release, the newest one, was taken back, so that this version is live.
    #[must_use]
    pub fn was_taken_back_to(&self, wanted: &VersionLabel) -> bool {
        matches!(&self.outcome, Some((Outcome::RolledBack | Outcome::Aborted, _))) && self.came_from(wanted)
    }

    fn came_from(&self, wanted: &VersionLabel) -> bool {
        let before = self.blue.as_ref().and_then(|blue| blue.version.as_ref());
        before == Some(wanted) && self.plan.version_label != *wanted
    }
}

#[cfg(test)]
mod tests {
    use crate::release::tests::{blue, plan, release};
    use crate::release::{Outcome, Phase};

    #[test]
    fn an_old_version_is_a_way_back_while_its_environment_is_warm() {
        let mut holder = release(plan());
        let old = blue().version.expect("blue runs a version");
        holder.blue = Some(blue());
        holder.phase = Phase::Bake;
        assert!(!holder.leads_back_to(&old), "it is not promoted");
        holder.phase = Phase::Retire;
        assert!(holder.leads_back_to(&old));
        assert!(!holder.leads_back_to(&"another".into()));
        let own = holder.plan.version_label.clone();
        assert!(!holder.leads_back_to(&own));
        holder.outcome = Some((Outcome::Promoted, "why".to_owned()));
        assert!(!holder.leads_back_to(&old), "blue is gone");
    }

    #[test]
    fn a_version_that_was_taken_back_to_is_live() {
        let mut before = release(plan());
        let old = blue().version.expect("blue runs a version");
        before.blue = Some(blue());
        let mut after = |outcome| {
            before.outcome = Some((outcome, "why".to_owned()));
            before.was_taken_back_to(&old)
        };
        assert!(after(Outcome::RolledBack) && after(Outcome::Aborted));
        assert!(!after(Outcome::Promoted) && !after(Outcome::NeedsHuman));
    }
}
