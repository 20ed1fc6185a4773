//! Which versions a release leads back to.

use super::outcome::Outcome;
use super::plan::Plan;
use super::state::Release;
use crate::model::VersionLabel;

impl Release {
    /// Whether the way to this version is this release's way back, because blue runs it and is still there.
    #[must_use]
    pub fn leads_back_to(&self, wanted: &VersionLabel) -> bool {
        self.promoted() && self.outcome.is_none() && self.came_from(wanted)
    }

    /// Whether this release, the newest one, has left a plan's version live: it has promoted it with the same settings for green, or
    /// was taken back to it.
    #[must_use]
    pub fn has_left(&self, wanted: &Plan) -> bool {
        match &self.outcome {
            Some((Outcome::Promoted, _)) => {
                let released = &self.plan;
                released.drill.is_none()
                    && released.version_label == wanted.version_label
                    && released.overrides_digest == wanted.overrides_digest
            }
            Some((Outcome::RolledBack | Outcome::Aborted, _)) => self.came_from(&wanted.version_label),
            _ => false,
        }
    }

    fn came_from(&self, wanted: &VersionLabel) -> bool {
        let before = self.blue.as_ref().and_then(|blue| blue.version.as_ref());
        before == Some(wanted) && self.plan.version_label != *wanted
    }
}

#[cfg(test)]
mod tests {
    use crate::release::tests::{blue, plan, release};
    use crate::release::{Outcome, Phase, Plan};

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
    fn a_release_leaves_the_version_live_that_it_was_taken_back_to_or_has_promoted() {
        let mut before = release(plan());
        before.blue = Some(blue());
        let new = plan();
        let old = Plan {
            version_label: blue().version.expect("blue runs a version"),
            ..plan()
        };
        let other_settings = Plan {
            overrides_digest: Some("another".to_owned()),
            ..plan()
        };
        let mut left = |outcome, wanted: &Plan| {
            before.outcome = Some((outcome, "why".to_owned()));
            before.has_left(wanted)
        };
        for outcome in [Outcome::RolledBack, Outcome::Aborted] {
            assert!(left(outcome, &old) && !left(outcome, &new), "{outcome:?}");
        }
        assert!(left(Outcome::Promoted, &new) && !left(Outcome::Promoted, &old));
        assert!(!left(Outcome::Promoted, &other_settings));
        for outcome in [Outcome::Refused, Outcome::NeedsHuman] {
            assert!(!left(outcome, &old) && !left(outcome, &new), "{outcome:?}");
        }
    }
}
