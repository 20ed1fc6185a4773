//! What the releases of a slot hand on to the next one.

use super::drill::DrillKind;
use super::outcome::Outcome;
use super::state::Release;
use crate::model::ReleaseNumber;
use crate::verdict::{self, Lesson};

/// The release that comes next in a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// Its number.
    pub number: ReleaseNumber,
    /// What those before it have shown, the newest last.
    pub lessons: Vec<Lesson>,
}

impl Next {
    /// The first one of a slot.
    #[must_use]
    pub fn first() -> Self {
        Self {
            number: ReleaseNumber(1),
            lessons: Vec::new(),
        }
    }

    /// The one after the newest.
    #[must_use]
    pub fn after(newest: &Release) -> Self {
        let mut lessons = newest.plan.lessons.clone();
        lessons.extend(newest.lesson());
        let surplus = lessons.len().saturating_sub(verdict::MOST_LESSONS);
        lessons.drain(..surplus);
        Self {
            number: newest.plan.id.number.next(),
            lessons,
        }
    }
}

impl Release {
    /// What it has shown of how two good environments of the service differ; `None` if green was not good. A drill that was taken back
    /// for no other reason than that it was one compares the same version with itself.
    fn lesson(&self) -> Option<Lesson> {
        let good = match &self.outcome {
            Some((Outcome::Promoted, _)) => true,
            Some((Outcome::RolledBack, _)) => self.plan.drill == Some(DrillKind::Rollback) && self.drill_is_over(),
            _ => false,
        };
        (good && self.assessment.unhealthy().is_none()).then(|| self.assessment.lesson())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};
    use crate::release::{Phase, RollbackState};

    fn lesson(difference: f64) -> Lesson {
        Lesson {
            windows: 60,
            difference,
            dispersion: 1.0,
        }
    }

    #[test]
    fn good_releases_hand_on_what_they_have_shown_and_others_what_they_were_told() {
        let told: Vec<Lesson> = (0..10).map(|number| lesson(f64::from(number))).collect();
        let mut newest = release(plan());
        newest.plan.lessons.clone_from(&told);
        let after = |newest: &Release| Next::after(newest).lessons;
        assert_eq!(Next::after(&newest).number, newest.plan.id.number.next());
        for outcome in [Outcome::RolledBack, Outcome::Aborted, Outcome::NeedsHuman] {
            newest.outcome = Some((outcome, String::new()));
            assert_eq!(after(&newest), told, "{outcome}");
        }
        newest.outcome = Some((Outcome::Promoted, String::new()));
        let handed = after(&newest);
        assert_eq!((handed.len(), handed[0]), (10, told[1]), "the oldest makes room");
        assert_eq!(handed[9].windows, 0, "it has compared nothing");
    }

    #[test]
    fn a_drill_that_only_goes_back_compares_a_version_with_itself() {
        let mut newest = release(plan());
        newest.phase = Phase::Done;
        newest.plan.drill = Some(DrillKind::Rollback);
        newest.outcome = Some((Outcome::RolledBack, String::new()));
        newest.rollback = Some(RollbackState {
            since: newest.started_at,
            why: crate::release::drill::OVER.to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: Some(newest.started_at),
            watched_from: None,
            again: 0,
        });
        assert_eq!(Next::after(&newest).lessons.len(), 1);
        newest.plan.drill = Some(DrillKind::BadGreen);
        assert_eq!(Next::after(&newest).lessons.len(), 0, "its green was made to fail");
    }
}
