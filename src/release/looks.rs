//! Which parts of the world the next decision needs. Reads cost calls that the whole account shares, so nothing is asked for
//! that the phase does not use.

use std::time::Duration;

use super::action::Action;
use super::counted::CountedBy;
use super::limits;
use super::observation::Looks;
use super::pair::Green;
use super::state::{Phase, Release, RollbackState};
use crate::model::{EnvironmentId, Timestamp};

/// What to look at before the next decision.
#[must_use]
pub fn looks(release: &Release, now: Timestamp) -> Looks {
    let mut looks = Looks {
        environments: release.phase != Phase::Preflight,
        split: release.plan.lever.is_gradual() && !matches!(release.phase, Phase::Preflight | Phase::Done),
        ..Looks::default()
    };
    let green = release.green.as_ref();
    match release.phase {
        Phase::Preflight => looks.facts = true,
        Phase::Publish => {
            looks.artifact = true;
            looks.version = true;
            looks.templates = true;
        }
        Phase::Provision => {
            looks.green_health = green.map(|green| &green.id).or(release.may_use_again()).cloned();
            // All that a new green tells is of this release, whoever drove it then: of no moment that moves with a takeover is it asked.
            let since = |green: &Green| green.reused.then_some(release.started_at);
            looks.errors = green.map(|green| (green.id.clone(), since(green)));
            looks.blue_health = lead_in(release);
            looks.counted = counts(release, looks.blue_health.as_ref());
        }
        // A pause holds the checks too.
        Phase::Smoke => {
            if release.pause.is_none() && due(release.smoke.last, release.plan.smoke.interval.get(), now) {
                looks.smoke = release.green_host();
            }
            looks.blue_health = lead_in(release);
            looks.counted = counts(release, looks.blue_health.as_ref());
        }
        Phase::Shift | Phase::Bake | Phase::Drain | Phase::Retire => watch(release, now, &mut looks),
        Phase::RollBack => roll_back(release, now, &mut looks),
        Phase::Done => looks.environments = false,
    }
    // A call in doubt is settled by reading what it would have made.
    match release.pending.as_ref().map(|pending| &pending.action) {
        Some(Action::Upload { .. }) => looks.artifact = true,
        Some(Action::CreateVersion { .. }) => looks.version = true,
        Some(Action::SaveConfiguration { .. }) => looks.templates = true,
        Some(Action::ReplaceInstance { environment, .. }) if release.phase != Phase::RollBack => {
            looks.green_health = Some(environment.clone());
        }
        _ => {}
    }
    looks
}

/// Blue, as long as more of how it is by itself is worth knowing.
fn lead_in(release: &Release) -> Option<EnvironmentId> {
    let blue = release.blue.as_ref()?;
    (release.green.is_some() && release.assessment.leads_in()).then(|| blue.id.clone())
}

/// Whether another source than an environment's health has to be asked what it serves, when that is wanted.
fn counts(release: &Release, wanted: Option<&EnvironmentId>) -> bool {
    wanted.is_some() && release.plan.counted_by != CountedBy::EnhancedHealth
}

fn watch(release: &Release, now: Timestamp, looks: &mut Looks) {
    let green = release.green.as_ref();
    if release.in_place && release.in_sync_at.is_none() {
        looks.in_sync.clone_from(&release.change);
    }
    if release.shifted_at.is_none() {
        looks.green_health = green.map(|green| green.id.clone());
        // It may have grown since green was made.
        looks.blue_health = release.blue.as_ref().map(|blue| blue.id.clone());
        return;
    }
    // Blue is on its way out: there is no way back that a look could open.
    if release.phase == Phase::Retire && release.attempts_of("terminate").done {
        return;
    }
    if release.look_is_due(now) || release.phase == Phase::Shift {
        looks.green_health = green.map(|green| green.id.clone());
        looks.public = green.and_then(|green| green.endpoint.clone());
        // As long as blue has a part of the traffic, the public name does not always show green.
        if release.shared() {
            looks.direct = release.green_host();
        }
        looks.beside = release.blue_host();
        looks.blue_health = release.blue.as_ref().map(|blue| blue.id.clone());
        looks.counted = counts(release, looks.blue_health.as_ref());
        looks.alarms = !release.plan.alarms.is_empty();
    }
    // Wherever the release may turn back soon it matters whether there is a blue to go back to.
    let late = release.phase == Phase::Bake && now >= release.bake_deadline();
    let doubtful = late || release.watch.doubt.is_some() || release.gate.is_some() || release.question.is_some();
    if doubtful || matches!(release.phase, Phase::Drain | Phase::Retire) {
        looks.blue_health = release.blue.as_ref().map(|blue| blue.id.clone());
    }
    // Its silence is told by whoever counts its requests.
    if matches!(release.phase, Phase::Drain | Phase::Retire) {
        looks.counted = counts(release, looks.blue_health.as_ref());
    }
}

/// While traffic is on its way back nothing is asked that could keep it waiting: no health, and the public name only once the
/// names themselves can have been settled.
fn roll_back(release: &Release, now: Timestamp, looks: &mut Looks) {
    let Some(back) = &release.rollback else { return };
    if back.restored_at.is_some() {
        if release.in_sync_at.is_none() {
            looks.in_sync.clone_from(&release.change);
        }
        looks.green_health = release.green.as_ref().map(|green| green.id.clone());
        looks.counted = counts(release, looks.green_health.as_ref());
        return;
    }
    let interval = release.plan.provision.interval.get();
    let settled = release.attempts_to_return().done || now >= back.since + interval * 2;
    if release.shift_intended && settled {
        looks.public = release.blue.as_ref().and_then(|blue| blue.endpoint.clone());
        // Where the name is not seen to lead to blue for long, blue itself is looked at.
        if now + limits::CONFIRM >= release.return_confirmed_by(back) {
            looks.blue_health = release.blue.as_ref().map(|blue| blue.id.clone());
        }
    }
}

impl Release {
    /// The time between two looks at green with traffic. After a check that has failed once the next one comes sooner: only if it
    /// fails again and again that is no chance.
    pub(super) fn look_every(&self) -> Duration {
        let interval = self.plan.bake.interval.get();
        if self.watch.failed.is_empty() {
            interval
        } else {
            interval / 2
        }
    }

    /// Whether it is time for another look at green with traffic. Whoever has taken over looks before anything else: how long nobody has
    /// looked the clocks of two machines do not say, and for that time the release's moments stand still. A look that was not good is
    /// repeated no sooner for that: two of them in a moment are one.
    pub(super) fn look_is_due(&self, now: Timestamp) -> bool {
        let last = self.watch.last;
        let taken = self.taken_over.as_ref().map(|taken| taken.at);
        let unseen = self.watch.doubt.is_none() && last.zip(taken).is_some_and(|(last, taken)| last <= taken);
        unseen || due(last, self.look_every(), now)
    }

    /// By when the name must be seen to lead to blue again; then its having the name is proof enough.
    pub(super) fn return_confirmed_by(&self, back: &RollbackState) -> Timestamp {
        let moved = back.since.max(self.attempts_to_return().last);
        moved + self.dns_ttl() * self.plan.drain.factor + limits::CONFIRM
    }
}

/// Whether it is time for another look.
pub(super) fn due(last: Option<Timestamp>, interval: Duration, now: Timestamp) -> bool {
    last.is_none_or(|last| now >= last + interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{blue, plan, release};
    use crate::release::{Green, Outcome, RollbackState};

    #[test]
    fn whoever_has_taken_over_looks_first_unless_the_look_before_was_not_good() {
        use crate::release::state::TakenOver;

        let mut release = release(plan());
        let last = release.started_at + Duration::from_secs(600);
        release.watch.last = Some(last);
        let soon = last + Duration::from_secs(1);
        assert!(!release.look_is_due(soon));
        let mut taken = TakenOver {
            from: release.driver.clone(),
            why: "it was silent".to_owned(),
            forced: false,
            heard_at: last,
            at: release.started_at,
        };
        release.taken_over = Some(taken.clone());
        assert!(!release.look_is_due(soon), "it has looked since");
        // The last entry before was a look, and stands still until the takeover.
        taken.at = last;
        release.taken_over = Some(taken);
        assert!(release.look_is_due(soon));
        release.watch.doubt = Some("a check fails".to_owned());
        assert!(!release.look_is_due(soon));
        assert!(release.look_is_due(last + release.look_every()));
    }

    #[test]
    fn nothing_that_can_hang_is_asked_before_traffic_is_back() {
        let mut release = release(plan());
        let since = release.started_at;
        let interval = release.plan.provision.interval.get();
        release.phase = Phase::RollBack;
        release.shift_intended = true;
        release.blue = Some(blue());
        release.green = Some(Green {
            id: "e-green".into(),
            name: "green".into(),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        });
        release.rollback = Some(RollbackState {
            since,
            why: "bad".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: None,
            watched_from: None,
            again: 0,
        });
        let at_once = looks(&release, since + Duration::from_millis(1));
        let environments_alone = Looks {
            environments: true,
            ..Looks::default()
        };
        assert_eq!(at_once, environments_alone);
        // Once the names can have been settled, the way back is looked at from outside.
        assert_eq!(
            looks(&release, since + interval * 2).public.as_deref(),
            Some("blue.example")
        );
        release.attempts.entry("swap".to_owned()).or_default().done = true;
        let swapped = looks(&release, since + Duration::from_millis(1));
        assert_eq!(swapped.public.as_deref(), Some("blue.example"));
        assert_eq!(swapped.green_health, None);
        if let Some(back) = &mut release.rollback {
            back.restored_at = Some(since);
        }
        assert_eq!(looks(&release, since + interval).green_health, Some("e-green".into()));
    }
}
