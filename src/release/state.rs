//! The state of a release: what its events add up to. Changed by [`super::apply`](super::apply()) alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::{Action, CallResult};
use super::assessment::Assessment;
use super::counted::CountedBy;
use super::outcome::Outcome;
use super::pair::{Blue, Green};
use super::people::Writer;
use super::plan::Plan;
use super::preflight::Problem;
use super::seen::HealthSeen;
use super::size::Limits;
use super::why::Why;
use crate::model::{EnvironmentId, Known, Span, Timestamp};
use crate::spec::GatePlace;
use crate::traffic::Weighting;

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Finding everything that is in the way.
    Preflight,
    /// Bundle, version and templates.
    Publish,
    /// Making green and waiting until it is up.
    Provision,
    /// Checks on green before traffic.
    Smoke,
    /// Moving the traffic, and seeing that it has moved.
    Shift,
    /// Watching green with traffic.
    Bake,
    /// Waiting until nobody uses blue any more.
    Drain,
    /// Keeping blue for a while, then removing it.
    Retire,
    /// Taking green back.
    RollBack,
    /// Over.
    Done,
}

impl Phase {
    /// In lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Publish => "publish",
            Self::Provision => "provision",
            Self::Smoke => "smoke",
            Self::Shift => "shift",
            Self::Bake => "bake",
            Self::Drain => "drain",
            Self::Retire => "retire",
            Self::RollBack => "roll back",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A call whose effect is not settled yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Sequence of the intent; the call's token.
    pub intent: u64,
    /// When the intent was written.
    pub at: Timestamp,
    /// The call.
    pub action: Action,
    /// How it went, if that is known.
    pub result: Option<CallResult>,
    /// When that was known: from then on the call is not under way any more.
    pub ended_at: Option<Timestamp>,
}

/// What became of the calls of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many did not happen.
    pub failed: u32,
    /// When it was settled whether the last one happened.
    pub last: Timestamp,
    /// What the service said to it.
    pub said: String,
    /// Whether waiting cannot help.
    pub fatal: bool,
    /// Whether the last one has happened.
    pub done: bool,
}

/// Green is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// Since when, without a break.
    pub since: Timestamp,
    /// When that was put on record last.
    pub seen: Timestamp,
}

/// Rounds of smoke checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeState {
    /// Rounds in a row that passed.
    pub passed: u32,
    /// When the last round ended.
    pub last: Option<Timestamp>,
    /// What failed last.
    pub failure: Option<String>,
}

/// Looks at green with traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Bad looks that are not forgotten yet.
    pub bad: u32,
    /// Good looks in a row.
    pub good_in_row: u32,
    /// When the last look was.
    pub last: Option<Timestamp>,
    /// Sequence of its entry; 0 if there was none.
    pub entry: u64,
    /// Time for which nothing good was known: the bake is longer by it.
    pub lost: Duration,
    /// Time for which nobody looked, because no driver was there: the bake's deadline is later by it.
    pub away: Duration,
    /// What the last look said, if it was not good.
    pub doubt: Option<String>,
    /// Checks that have failed in the newest looks: in one of them, and since then it did not pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

/// The drain's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// When it ended.
    pub at: Timestamp,
    /// What was seen.
    pub how: String,
    /// Whether blue may be removed.
    pub remove_blue: bool,
}

/// Green is being taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackState {
    /// Since when; anew each time when traffic has left blue again.
    pub since: Timestamp,
    /// How often traffic has left blue again.
    pub again: u32,
    /// Why.
    pub why: String,
    /// The outcome it leads to.
    pub outcome: Outcome,
    /// The phase it began in.
    pub from: Phase,
    /// When all traffic was seen on blue.
    pub restored_at: Option<Timestamp>,
    /// From when on green's silence is waited for. The time for which nobody looks does not count.
    pub watched_from: Option<Timestamp>,
}

/// Another process has become the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// Who drove it before.
    pub from: Writer,
    /// Why it was free.
    pub why: String,
    /// Whether it was taken by an operator's order.
    pub forced: bool,
    /// When the one before was heard of last, by its own clock.
    pub heard_at: Timestamp,
    /// When it was taken over, by the new one's clock.
    pub at: Timestamp,
}

/// What operators asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// Take green back.
    pub roll_back: bool,
    /// Stop before traffic.
    pub abort: bool,
    /// Keep nothing any longer.
    pub end_wait: bool,
    /// Who asked first to take green back or to stop.
    pub turned_by: Option<Writer>,
    /// A pause that the driver has not begun yet.
    pub pause: Option<PauseAsked>,
    /// Who asked to go on, until the driver does.
    pub resume: Option<Writer>,
}

/// A pause that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseAsked {
    /// How long.
    pub length: Span,
    /// Who.
    pub by: Writer,
}

/// A pause: no step forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// When the release goes on by itself.
    pub until: Timestamp,
    /// Who asked for it.
    pub by: Writer,
}

/// A gate at which somebody is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGate {
    /// Its id: the number of the release, the place, and the sequence of the entry that opened it. So a late or repeated answer
    /// can never be taken for another gate's or another release's.
    pub id: String,
    /// Where it stands.
    pub before: GatePlace,
    /// Since when somebody is waited for.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who promoted the release through it.
    pub promoted_by: Option<Writer>,
}

/// Somebody else has changed something, and a person was asked what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What was expected and what is seen.
    pub what: String,
    /// Since when it is asked.
    pub since: Timestamp,
    /// Until when somebody is waited for.
    pub until: Timestamp,
}

/// A gate that the release has gone through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedGate {
    /// Its id.
    pub id: String,
    /// Where it stood.
    pub before: GatePlace,
    /// Who promoted it, or why it went on.
    pub how: String,
}

/// A release, as its events tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// What it is going to do.
    pub plan: Plan,
    /// When it began.
    pub started_at: Timestamp,
    /// Sequence of its last entry.
    pub sequence: u64,
    /// Who drives it.
    pub driver: Writer,
    /// The format in which the driver writes.
    #[serde(default)]
    pub format: u32,
    /// Until when the driver asks to be left alone.
    pub owned_until: Timestamp,
    /// Sequence of the driver's last entry.
    pub heard: u64,
    /// When the driver wrote it, by its own clock. All moments of the state are by this clock.
    pub heard_at: Timestamp,
    /// Whether the driver has stopped on purpose.
    #[serde(default)]
    pub handed_over: bool,
    /// How the driver came to drive it, if another one did before.
    pub taken_over: Option<TakenOver>,
    /// Where it stands.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Timestamp,
    /// By how much the phase's deadlines are later, because the release was held.
    pub extended: Duration,
    /// Since when something holds it.
    pub held_since: Option<Timestamp>,
    /// A pause.
    pub pause: Option<Pause>,
    /// A gate at which somebody is waited for.
    pub gate: Option<OpenGate>,
    /// Gates that it has gone through.
    pub gates_passed: Vec<PassedGate>,
    /// What a person was asked about a change that somebody else has made.
    pub question: Option<Question>,
    /// Such changes that a person has accepted.
    pub accepted: Vec<String>,
    /// How often a name that somebody else has moved was put back on the way forward.
    pub restores: u32,
    /// The intent that puts one back now.
    pub restoring: Option<u64>,
    /// What preflight found in the way.
    pub problems: Vec<Problem>,
    /// The environment that held the slot when it began.
    pub blue: Option<Blue>,
    /// The environment made for the new version.
    pub green: Option<Green>,
    /// The call whose effect is not settled yet.
    pub pending: Option<Pending>,
    /// What became of calls, by the action's key.
    pub attempts: BTreeMap<String, Attempts>,
    /// The limits that environments may have been told to have: by the environment's id, and those that it was made with by its name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub limits_told: BTreeSet<(String, Limits)>,
    /// Since when green is up, if it is.
    pub up_since: Option<Up>,
    /// Rounds of smoke checks.
    pub smoke: SmokeState,
    /// Whether a swap towards green was ever intended, or one back from it: traffic may be, or have been, on green.
    pub shift_intended: bool,
    /// When the swap towards green was called, or the first change of weights that gives it a part of the traffic.
    pub shift_called_at: Option<Timestamp>,
    /// The same moment by the clock of whoever drove the release then: takeovers do not move it.
    #[serde(default)]
    pub shift_began: Option<Timestamp>,
    /// When the slot's name was read on green; with a lever that has weights, when those of the newest step were read in place.
    pub shifted_at: Option<Timestamp>,
    /// The step, counted from 0.
    #[serde(default)]
    pub step: usize,
    /// Whether the traffic of this step was read where it should be.
    #[serde(default)]
    pub in_place: bool,
    /// The weights that are in place, as far as this release has seen to it.
    #[serde(default)]
    pub weighting: Weighting,
    /// What the service said to the newest change of weights: the id by which it tells when all its servers have heard of it.
    #[serde(default)]
    pub change: Option<String>,
    /// When all its servers had heard of it.
    #[serde(default)]
    pub in_sync_at: Option<Timestamp>,
    /// How long resolvers may keep answers that somebody else has made last longer than the plan knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<Span>,
    /// When the public name was seen to lead to green: the bake's beginning.
    pub confirmed_at: Option<Timestamp>,
    /// Looks at green with traffic.
    pub watch: Watch,
    /// What the health engine makes of what both environments serve.
    pub assessment: Box<Assessment>,
    /// Since when blue had no request.
    pub quiet_since: Option<Timestamp>,
    /// How the drain ended.
    pub drained: Option<Drained>,
    /// Green is being taken back.
    pub rollback: Option<RollbackState>,
    /// Where the events and logs of that green were saved, and what could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
    /// What operators asked for.
    pub wishes: Wishes,
    /// What the driver waits for.
    pub waiting: Option<Why>,
    /// What it has left behind for a person to see to, once it is over.
    pub left: Option<String>,
    /// What went wrong without stopping the release.
    pub notes: Vec<String>,
    /// How it ended, and why.
    pub outcome: Option<(Outcome, String)>,
}

impl Release {
    /// Whether green has got through its bake.
    #[must_use]
    pub fn promoted(&self) -> bool {
        self.rollback.is_none() && matches!(self.phase, Phase::Drain | Phase::Retire)
            || self
                .outcome
                .as_ref()
                .is_some_and(|(outcome, _)| *outcome == Outcome::Promoted)
    }

    /// Whether everything that it still needs is in its plan: with the settings for green its bundle is published, too.
    #[must_use]
    pub fn needs_no_settings(&self) -> bool {
        self.outcome.is_some() || self.phase > Phase::Publish
    }

    /// Whether green was taken back and all traffic is on blue, while green is not removed yet.
    #[must_use]
    pub fn is_back(&self) -> bool {
        let restored = self.rollback.as_ref().is_some_and(|back| back.restored_at.is_some());
        restored && self.outcome.is_none()
    }

    /// A deadline of the phase: so long after it began, and later by as long as the release was held.
    #[must_use]
    pub fn deadline(&self, length: Duration) -> Timestamp {
        self.phase_since + length + self.extended
    }

    /// Until when the bake goes, if all is well from now on.
    #[must_use]
    pub fn bake_until(&self) -> Option<Timestamp> {
        Some(self.confirmed_at? + self.plan.bake_length(self.step).get() + self.watch.lost)
    }

    /// The calls that were to set an environment's limits: how few instances it was to run at least, and what became of them.
    pub(super) fn resized(&self, id: &EnvironmentId) -> impl Iterator<Item = (u32, &Attempts)> {
        let all = self.attempts.iter();
        all.filter_map(move |(key, attempts)| Some((Action::raised_by(key, id)?, attempts)))
    }

    /// How few instances an environment has been told to run at least by this release, if it has.
    #[must_use]
    pub fn told_to_run(&self, id: &EnvironmentId) -> Option<u32> {
        let done = self.resized(id).filter(|(_, attempts)| attempts.done);
        done.map(|(least, _)| least).max()
    }

    /// How few instances green has been told to run at least since it was made, if it has.
    #[must_use]
    pub fn raised_to(&self) -> Option<u32> {
        self.told_to_run(&self.green.as_ref()?.id)
    }

    /// Whether blue was told to run more instances than its own minimum. A call whose answer is not known counts.
    #[must_use]
    pub fn may_be_held(&self, blue: &Blue) -> bool {
        self.resized(&blue.id).any(|(least, _)| least > blue.min_instances)
    }

    /// Until when green must have been shown to be healthy. Time for which nobody could look does not count.
    #[must_use]
    pub fn bake_deadline(&self) -> Timestamp {
        let longest = self.plan.bake_length(self.step).get() + self.plan.bake.deadline.get();
        self.deadline(longest) + self.watch.away
    }

    /// How long resolvers may keep an answer that leads to blue or green.
    #[must_use]
    pub fn dns_ttl(&self) -> Duration {
        self.plan.drain.dns_ttl.max(self.kept_for.unwrap_or_default()).get()
    }

    /// What became of the call that gives the traffic back to blue.
    #[must_use]
    pub fn attempts_to_return(&self) -> Attempts {
        let before = String::new();
        let weighting = Weighting::Original;
        self.attempts_of(&if self.plan.lever.is_gradual() {
            let green_group = None;
            Action::Weigh {
                weighting,
                before,
                green_group,
            }
            .key()
        } else {
            "swap".to_owned()
        })
    }

    /// Whether green has been given everything, or is to be in this step.
    #[must_use]
    pub fn whole_step(&self) -> bool {
        self.plan.share(self.step).is_whole()
    }

    /// Whether another process than this one drives it. That it lives shows by an entry of its own after this one, whatever the clocks of
    /// both say.
    #[must_use]
    pub fn another_lives(&self, me: &Writer, after: u64) -> bool {
        self.driver != *me && self.heard > after
    }

    /// The step whose weights green has, counted from 0; `None` before those of the first one. Until the weights of a step were read where
    /// they should be, those of the one before hold.
    #[must_use]
    pub fn step_in_place(&self) -> Option<usize> {
        self.step.checked_sub(usize::from(!self.in_place))
    }

    /// The host by which green alone can be asked, whoever has the traffic: its balancer's, or, where it shares that, the name
    /// that it holds.
    #[must_use]
    pub fn green_host(&self) -> Option<String> {
        let green = self.green.as_ref()?;
        self.plan.host_of(green.cname.as_ref(), green.endpoint.as_ref())
    }

    /// The same of blue.
    #[must_use]
    pub fn blue_host(&self) -> Option<String> {
        let blue = self.blue.as_ref()?;
        self.plan.host_of(blue.cname.as_ref(), blue.endpoint.as_ref())
    }

    /// Whether blue's requests are counted by the plan's source, so that its silence would show.
    #[must_use]
    pub fn counts_blue(&self) -> bool {
        let by_health = self.blue.as_ref().is_some_and(|blue| blue.enhanced);
        self.counts(by_health) && !self.assessment.blue_is_uncounted()
    }

    /// The same of green, with this health. A read that failed does not make it basic.
    #[must_use]
    pub(super) fn counts_green(&self, health: &Known<HealthSeen>) -> bool {
        let by_health = health.known().is_none_or(HealthSeen::enhanced);
        self.counts(by_health) && !self.assessment.green_is_uncounted()
    }

    fn counts(&self, by_health: bool) -> bool {
        by_health || self.plan.counted_by != CountedBy::EnhancedHealth
    }

    /// Whether blue has a part of the traffic beside green, by a lever with weights.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.plan.lever.is_gradual() && self.shifted_at.is_some() && !(self.whole_step() && self.in_place)
    }

    /// Calls with one key; none yet if there is no record.
    #[must_use]
    pub fn attempts_of(&self, key: &str) -> Attempts {
        self.attempts.get(key).cloned().unwrap_or_default()
    }
}
