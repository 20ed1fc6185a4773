//! Which ends a scenario allows, and what each end must look like.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scenario::{Deed, Fate, Manner, Quality, Scenario, Service, Trouble};
use super::scene::Scene;
use crate::release::{Outcome, Release, Wish, limits};
use crate::spec::AtGateDeadline;

/// Calls that change something on AWS, as far as a release's way forward rests on them.
const FORWARD: [&str; 7] = [
    "ChangeResourceRecordSets",
    "CreateApplicationVersion",
    "CreateConfigurationTemplate",
    "CreateEnvironment",
    "ModifyRule",
    "SwapEnvironmentCNAMEs",
    "PutObject",
];

impl Scenario {
    /// Whether somebody else changes environments.
    pub(super) fn disturbed(&self) -> bool {
        self.troubles
            .iter()
            .any(|trouble| matches!(trouble, Trouble::Stranger { .. }))
    }

    /// Whether that many failing requests show for certain: to those who count the users' requests, or in every single check.
    /// Where there are few users, whoever asks now and then may be lucky each time.
    pub(super) fn shows(&self, rate: f64) -> bool {
        self.shows_to(rate, 1.0)
    }

    /// The same with a share of the users.
    pub(super) fn shows_to(&self, rate: f64, share: f64) -> bool {
        rate >= 0.99 || (self.users * share >= 5.0 && !self.terms.basic)
    }

    /// The longest time between two looks, as far as nothing fails: what is to be between them, and the answers that a look
    /// waits for, with the entry that it becomes.
    pub(super) fn between_looks(&self) -> Duration {
        let slowest = self.troubles.iter().filter_map(|trouble| match trouble {
            Trouble::Outage {
                fate: Fate::Slow(length),
                ..
            } => Some(*length),
            _ => None,
        });
        self.terms.interval + (slowest.max().unwrap_or_default() + self.latency) * 6
    }

    /// The outcomes that are right in this world.
    pub(super) fn right(&self) -> BTreeSet<&'static str> {
        let mut right = self.right_of_release();
        if self.terms.drill.is_some() {
            right.remove(Outcome::Promoted.code());
            right.extend([Outcome::RolledBack, Outcome::Aborted].map(Outcome::code));
        }
        right
    }

    fn right_of_release(&self) -> BTreeSet<&'static str> {
        let mut right = BTreeSet::new();
        let mut allow = |outcomes: &[Outcome]| right.extend(outcomes.iter().map(|outcome| outcome.code()));
        match self.quality {
            Quality::Good => allow(&[Outcome::Promoted]),
            Quality::NeverReady | Quality::Fails | Quality::Unhealthy | Quality::Bad(_) => {
                allow(&[Outcome::RolledBack, Outcome::Aborted]);
            }
            // It breaks within the bake, and so badly that every second look must show it.
            Quality::Breaks(after, rate) if after * 2 < self.terms.bake && self.shows(rate) => {
                allow(&[Outcome::RolledBack]);
            }
            Quality::Breaks(..) | Quality::SlowBurn(..) | Quality::Dying(_) => {
                allow(&[Outcome::Promoted, Outcome::RolledBack]);
            }
            // Of few instances one is much of the version, and it may answer the checks before traffic, too.
            Quality::SickInstance(_) => allow(&[Outcome::Promoted, Outcome::RolledBack, Outcome::Aborted]),
        }
        if let Some((_, AtGateDeadline::RollBack)) = self.terms.gate {
            allow(&[Outcome::RolledBack, Outcome::Aborted]);
        }
        if matches!(self.manner, Manner::Jobs(_)) && !self.troubles.is_empty() {
            // Until the next job, the next try or the next look, nobody drives it; and it may be stopped.
            allow(&[Outcome::RolledBack, Outcome::Aborted, Outcome::Refused]);
        }
        for trouble in &self.troubles {
            match trouble {
                Trouble::Asked {
                    wish: Wish::Pause { .. } | Wish::Resume | Wish::EndWait,
                    ..
                }
                | Trouble::Gatekeeper { .. } => {}
                Trouble::Asked { .. } => allow(&[Outcome::RolledBack, Outcome::Aborted]),
                Trouble::Stranger {
                    deed: Deed::UpdateBlue, ..
                } => {
                    allow(&[Outcome::RolledBack, Outcome::Aborted, Outcome::Refused]);
                }
                Trouble::Stranger { .. } => allow(&[
                    Outcome::RolledBack,
                    Outcome::Aborted,
                    Outcome::Refused,
                    Outcome::NeedsHuman,
                ]),
                // Blue is then no measure, nor a place to go back to; no end is wrong but a person called for nothing.
                Trouble::BlueFails { .. } => {
                    allow(&[Outcome::RolledBack, Outcome::Aborted, Outcome::Refused]);
                }
                Trouble::Call { on, fate, .. } => {
                    let forward = on.is_none_or(|on| FORWARD.contains(&on));
                    let times = self.spoilt(*on);
                    // Several looks are bad then.
                    if *on == Some("probe") && times >= 2 {
                        allow(&[Outcome::RolledBack]);
                    }
                    // A call is tried five times, and a driver that is stopped in between uses up one of them.
                    if *fate == Fate::Denied && forward || times >= 4 {
                        allow(&[Outcome::RolledBack, Outcome::Aborted, Outcome::Refused]);
                    }
                    // Who may not swap back can only ask for help.
                    if *fate == Fate::Denied {
                        allow(&[Outcome::Refused]);
                    }
                }
                Trouble::Outage { of, length, fate, .. } => {
                    // In one window or another, few users are none.
                    let quiet = self.terms.basic || self.users < 5.0;
                    outage(*of, *length, *fate, quiet, &mut allow);
                    // What is shown for two looks counts, and an answer that is older than that cannot be told from a change.
                    if matches!(fate, Fate::Stale(age) if *age >= self.terms.interval * 2) {
                        allow(&[Outcome::RolledBack, Outcome::Aborted]);
                    }
                }
                Trouble::Crash { away: length, .. } | Trouble::Freeze { length, .. } => {
                    // Nobody looked for about as long as preflight may take; nothing has happened yet then.
                    if self.held_up() >= limits::PREFLIGHT * 2 / 3 {
                        allow(&[Outcome::Refused]);
                    }
                    if *length >= Duration::from_secs(300) {
                        allow(&[Outcome::RolledBack]);
                    }
                }
                Trouble::Second { .. } | Trouble::Rival { .. } | Trouble::Twice { .. } | Trouble::Stopped { .. } => {}
            }
        }
        right
    }

    /// For how long drivers that are stopped or gone, and slow calls, can keep a release from anything, all together.
    fn held_up(&self) -> Duration {
        let of = |trouble: &Trouble| match trouble {
            Trouble::Crash { away: length, .. } | Trouble::Freeze { length, .. } => *length,
            Trouble::Call {
                fate: Fate::Slow(length),
                times,
                ..
            } => *length * *times,
            _ => Duration::ZERO,
        };
        self.troubles.iter().map(of).sum()
    }

    /// How many calls of an operation meet a fate; those that meet any call's are among them.
    fn spoilt(&self, operation: Option<&str>) -> u32 {
        let of = |trouble: &Trouble| match trouble {
            Trouble::Call { on, times, .. } if *on == operation || on.is_none() => *times,
            _ => 0,
        };
        self.troubles.iter().map(of).sum()
    }

    /// When the release must be over.
    pub(super) fn deadline(&self) -> Duration {
        // Every deadline of a release in a row, from the moment on when nothing more goes wrong.
        self.calm + Duration::from_secs(5 * 3600)
    }
}

fn outage(of: Service, length: Duration, fate: Fate, quiet: bool, allow: &mut impl FnMut(&[Outcome])) {
    // Lists that are behind by seconds turn nothing, nor do slow answers, unless the looks right before a call, two of them
    // in a row, take longer than the call may be late.
    match fate {
        Fate::Stale(_) => return,
        Fate::Slow(length) if length * 2 + Duration::from_secs(2) < limits::INTENT_DEADLINE => return,
        _ => {}
    }
    let short = length <= Duration::from_secs(30);
    match of {
        Service::Journal | Service::Pipelines | Service::Settings => {}
        // Where nobody else is counted, an application that cannot be asked may be one that does not answer.
        Service::Probes if quiet => allow(&[Outcome::Refused, Outcome::RolledBack]),
        // Whether there is a bucket is asked in preflight, for two minutes; later nothing is refused any more.
        Service::Storage if fate != Fate::Denied => allow(&[Outcome::Refused]),
        _ if short && fate != Fate::Denied => allow(&[Outcome::Refused]),
        Service::Storage => allow(&[Outcome::Refused, Outcome::RolledBack, Outcome::Aborted]),
        _ => allow(&[
            Outcome::Refused,
            Outcome::RolledBack,
            Outcome::Aborted,
            Outcome::NeedsHuman,
        ]),
    }
}

/// What a release must not have passed over when it ends promoted.
fn promoted(scene: &Scene, release: &Release) {
    let state = scene.state();
    let (must_turn, foreign, finished) = (state.must_turn, state.foreign_swap, state.finished_at);
    drop(state);
    if must_turn {
        scene.violated(
            "right end",
            "it ended promoted, and an operator had asked to turn back in time",
        );
    }
    let holder = scene.stage.holder();
    let on_green = holder.is_some() && holder == release.green.as_ref().map(|green| green.id.clone());
    if let (Some((at, hindrances)), Some((finished, hindrances_since))) = (foreign, finished)
        && finished > at + scene.scenario.between_looks() * 4 + Duration::from_secs(60)
        && hindrances_since == hindrances
        && !on_green
    {
        let ago = finished.saturating_sub(at).as_secs();
        scene.violated(
            "right end",
            format!("it ended promoted, although somebody else had moved the slot {ago} s before"),
        );
    }
}

/// Judges the end of a release.
pub(super) fn end(scene: &Scene, release: &Release) {
    let Some((outcome, why)) = &release.outcome else {
        return;
    };
    let right = scene.scenario.right();
    if !right.contains(outcome.code()) {
        let right: Vec<&str> = right.into_iter().collect();
        scene.violated(
            "right end",
            format!("it ended {outcome} ({why}); right is {}", right.join(" or ")),
        );
    }
    if *outcome == Outcome::Promoted {
        promoted(scene, release);
    }
    let disturbed = scene.scenario.disturbed();
    let holder = scene.stage.holder();
    let green = release.green.as_ref().map(|green| green.id.clone());
    let blue = Some(scene.stage.blue());
    let wanted = match outcome {
        Outcome::Promoted => &green,
        Outcome::RolledBack | Outcome::Aborted | Outcome::Refused => &blue,
        Outcome::NeedsHuman => &holder,
    };
    if holder != *wanted && !disturbed {
        scene.violated(
            "right end",
            format!("it ended {outcome}, and the slot is held by {holder:?}, not by {wanted:?}"),
        );
    }
    // One whose instances die from time to time may just be without any.
    let dies = matches!(scene.scenario.quality, Quality::Dying(_)) && *outcome == Outcome::Promoted;
    if let Some(holder) = &holder
        && scene.stage.in_service(holder) == 0
        && !disturbed
        && !dies
    {
        scene.violated("served", format!("at the end no instance of {holder} serves"));
    }
    // What is left must be said.
    for view in scene.stage.environments() {
        let expected = Some(&view.id) == holder.as_ref();
        if view.is_terminated() || view.status == "Terminating" || expected || disturbed {
            continue;
        }
        let said = why.contains(view.id.as_str()) || *outcome == Outcome::NeedsHuman;
        if !said {
            scene.violated(
                "owned",
                format!("{} ({}) is left, and nobody said so: {why}", view.name, view.id),
            );
        }
    }
    if scene.scenario.terms.lever.is_gradual() && !disturbed {
        let members = scene.stage.places();
        let gone = |id: &crate::model::EnvironmentId| scene.stage.is_going(id);
        if members.iter().flat_map(|place| place.keys()).any(gone) {
            scene.violated(
                "served",
                format!("a weight leads to an environment that is gone: {members:?}"),
            );
        }
        let back = matches!(outcome, Outcome::RolledBack | Outcome::Aborted | Outcome::Refused);
        if back && members != scene.stage.original() {
            scene.violated(
                "right end",
                format!("it ended {outcome}, and the weights are {members:?}"),
            );
        }
    }
    let lost = scene.stage.lost();
    if lost > 0.0 && !disturbed {
        scene.violated(
            "served",
            format!("{lost:.0} requests of users found nothing that serves"),
        );
    }
}
