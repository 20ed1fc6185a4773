//! Which versions a release leads back to.

use super::outcome::Outcome;
use super::plan::Plan;
use super::state::Release;
use crate::model::VersionLabel;

impl Release {
    /// Whether the way to this version is this release's way back, because blue runs it and is still there. Whoever asks for the
    /// version of before while a release is under way wants that taken back, however far it is.
    #[must_use]
    pub fn leads_back_to(&self, wanted: &VersionLabel) -> bool {
        self.outcome.is_none() && self.plan.drill.is_none() && self.came_from(wanted)
    }

    /// Whether it was taken back to this version.
    #[must_use]
    pub fn was_taken_back_to(&self, wanted: &VersionLabel) -> bool {
        let back = matches!(self.outcome, Some((Outcome::RolledBack | Outcome::Aborted, _)));
        back && self.came_from(wanted)
    }

    /// Whether it has promoted a plan's version, with the same settings for green; `None` if it has promoted nothing.
    #[must_use]
    pub fn has_promoted(&self, wanted: &Plan) -> Option<bool> {
        let released = &self.plan;
        let promoted = matches!(self.outcome, Some((Outcome::Promoted, _))) && released.drill.is_none();
        promoted.then(|| {
            released.version_label == wanted.version_label && released.overrides_digest == wanted.overrides_digest
        })
    }

    fn came_from(&self, wanted: &VersionLabel) -> bool {
        let before = self.blue.as_ref().and_then(|blue| blue.version.as_ref());
        before == Some(wanted) && self.plan.version_label != *wanted
    }
}

#[cfg(test)]
mod tests {
    use crate::release::tests::{blue, plan, release};
    use crate::release::{DrillKind, Outcome, Phase, Plan, Release};

    fn with_drill(release: &Release, drill: Option<DrillKind>) -> Release {
        let mut release = release.clone();
        release.plan.drill = drill;
        release
    }

    #[test]
    fn an_old_version_is_a_way_back_while_its_environment_is_warm() {
        let mut holder = release(plan());
        let old = blue().version.expect("blue runs a version");
        holder.blue = Some(blue());
        for phase in [Phase::Provision, Phase::Bake, Phase::Retire] {
            holder.phase = phase;
            assert!(holder.leads_back_to(&old), "{phase}");
        }
        let drill = Some(DrillKind::Rollback);
        assert!(
            !with_drill(&holder, drill).leads_back_to(&old),
            "a drill turns back by itself"
        );
        assert!(!holder.leads_back_to(&"another".into()));
        let own = holder.plan.version_label.clone();
        assert!(!holder.leads_back_to(&own));
        holder.outcome = Some((Outcome::Promoted, "why".to_owned()));
        assert!(!holder.leads_back_to(&old), "blue is gone");
    }

    #[test]
    fn a_release_has_promoted_its_version_or_was_taken_back_to_the_one_before() {
        let mut before = release(plan());
        before.blue = Some(blue());
        let old = blue().version.expect("blue runs a version");
        let other_settings = Plan {
            overrides_digest: Some("another".to_owned()),
            ..plan()
        };
        for (outcome, promoted, back) in [
            (Outcome::Promoted, Some(true), false),
            (Outcome::RolledBack, None, true),
            (Outcome::Aborted, None, true),
            (Outcome::Refused, None, false),
            (Outcome::NeedsHuman, None, false),
        ] {
            before.outcome = Some((outcome, "why".to_owned()));
            assert_eq!(before.has_promoted(&plan()), promoted, "{outcome:?}");
            assert_eq!(
                before.has_promoted(&other_settings),
                promoted.map(|_| false),
                "{outcome:?}"
            );
            assert_eq!(before.was_taken_back_to(&old), back, "{outcome:?}");
            assert!(!before.was_taken_back_to(&plan().version_label), "{outcome:?}");
        }
    }
}
