//! Why a slot is taken: who has it, since when, until when, and what to do.

use std::fmt;

use super::is_certainly_free;
use crate::model::Timestamp;
use crate::release::preflight::Problem;
use crate::release::{Phase, Release, ReleaseId, Writer};

/// The release that has a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    id: ReleaseId,
    is_drill: bool,
    phase: Phase,
    phase_since: Timestamp,
    started_at: Timestamp,
    driver: Writer,
    until: Timestamp,
    heard_at: Timestamp,
    /// Why nobody drives it any more, if that is certain.
    free: Option<String>,
    /// Whether the driver should have been heard of by now, if the clock of this machine shows what its own does.
    silent: bool,
}

impl Busy {
    /// Code of the problem that a slot is taken.
    pub const CODE: &str = "busy";

    /// Of a release that is not over, as it looks from this machine.
    #[must_use]
    pub fn new(release: &Release, now: Timestamp) -> Self {
        Self {
            id: release.plan.id.clone(),
            is_drill: release.plan.drill.is_some(),
            phase: release.phase,
            phase_since: release.phase_since,
            started_at: release.started_at,
            driver: release.driver.clone(),
            until: release.owned_until,
            heard_at: release.heard_at,
            free: is_certainly_free(release, now),
            silent: now >= release.owned_until,
        }
    }

    /// As one of the problems that keep a release from beginning.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(Self::CODE, self.to_string(), self.advice())
    }

    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        if self.free.is_some() {
            "see `cutover status`, go on with it by `cutover resume`, or take it back by `cutover rollback`; then release again"
        } else {
            "wait for its end, as `cutover release --wait` does, and release again, or take it back first by `cutover release --replace`; \
             `cutover status` says where it stands, and `cutover resume` goes on with it should its driver die"
        }
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            is_drill,
            phase,
            phase_since,
            started_at,
            driver,
            until,
            heard_at,
            free,
            silent,
        } = self;
        let slot = &id.slot;
        let what = if *is_drill { "drill" } else { "release" };
        write!(
            f,
            "the slot {slot} is taken: {what} {id} began at {started_at} and is not over; it is in phase {phase} since {phase_since}, "
        )?;
        match free {
            // It says which driver that was, and since when.
            Some(why) => write!(f, "and nobody drives it any more: {why}"),
            None if *silent => write!(
                f,
                "driven by {driver}, which has not been heard of since {heard_at}, by this machine's clock, and may not run any more"
            ),
            None => write!(
                f,
                "driven by {driver}, which has it until {until} at least and asks for more time as it works"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::limits;
    use crate::release::tests::{plan, release};

    #[test]
    fn it_says_who_has_the_slot_and_what_to_do() {
        let mut release = release(plan());
        release.driver.host = "build-3".to_owned();
        let before = release.owned_until - std::time::Duration::from_secs(1);
        let busy = Busy::new(&release, before);
        let said = busy.to_string();
        for word in [
            "shop/production/7",
            "in phase preflight",
            "process 4711 on build-3",
            &format!("began at {}", release.started_at),
            &format!("until {}", release.owned_until),
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(busy.advice().contains("wait for its end"));
        // This machine's clock may be ahead.
        let silent = Busy::new(&release, release.owned_until);
        let said = silent.to_string();
        for word in [
            "driven by process 4711 on build-3",
            &format!("not been heard of since {}", release.heard_at),
            "by this machine's clock",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(silent.advice().contains("should its driver die"));
        // Not by so much.
        let gone = Busy::new(&release, release.owned_until + limits::SKEW);
        let said = gone.to_string();
        assert!(
            said.contains("nobody drives it any more") && said.contains("process 4711 on build-3"),
            "{said}"
        );
        assert!(gone.advice().contains("go on with it by `cutover resume`"));
        release.plan.drill = Some(crate::release::DrillKind::Rollback);
        let said = Busy::new(&release, before).to_string();
        assert!(said.contains("is taken: drill shop/production/7 began"), "{said}");
    }
}
