//! What goes wrong in a model world.

use std::collections::BTreeMap;
use std::time::Duration;

use super::random::Random;
use crate::model::Timestamp;
use crate::release::Action;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives, and so does the answer.
    Fine,
    /// It never arrives, and no answer comes.
    LostBefore,
    /// It arrives; its answer does not.
    AppliedThenLost,
    /// No answer comes; the call arrives so late, for the network or the service was slow.
    Late(Duration),
    /// The service is busy.
    NotNow,
    /// The service says no, for good.
    Refused,
}

/// A sense of the driver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sense {
    /// Lists and tags, templates, versions, objects.
    Lists,
    /// Health and events.
    Health,
    /// Name lookups, and HTTP checks: their connections fail.
    Network,
}

pub(super) const ALL_SENSES: [Sense; 3] = [Sense::Lists, Sense::Health, Sense::Network];

/// A time without some of the senses.
#[derive(Clone, Debug)]
pub(super) struct Blindness {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) senses: Vec<Sense>,
}

/// Everything that goes wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// What becomes of the calls of one kind: one fate each, in their order, then all is fine.
    pub(super) script: BTreeMap<&'static str, Vec<Fate>>,
    /// What becomes of every call of one kind.
    pub(super) always: BTreeMap<&'static str, Fate>,
    /// One call in so many meets a random fate.
    pub(super) calls: u64,
    /// One read in so many fails.
    pub(super) reads: u64,
    /// Longest time by which lists are behind.
    pub(super) stale: Duration,
    /// Times without some of the senses.
    pub(super) blind: Vec<Blindness>,
}

impl Faults {
    pub(super) fn fate(&mut self, action: &Action, random: &mut Random) -> Fate {
        if let Some(fates) = self.script.get_mut(action.name())
            && !fates.is_empty()
        {
            return fates.remove(0);
        }
        if let Some(fate) = self.always.get(action.name()) {
            return *fate;
        }
        if random.once_in(self.calls) {
            let late = Duration::from_millis(random.below(25_000));
            return random.pick(&[
                Fate::LostBefore,
                Fate::AppliedThenLost,
                Fate::Late(late),
                Fate::NotNow,
                Fate::NotNow,
            ]);
        }
        Fate::Fine
    }

    pub(super) fn fails(&self, sense: Sense, now: Timestamp, random: &mut Random) -> bool {
        self.blind(sense, now) || random.once_in(self.reads)
    }

    pub(super) fn blind(&self, sense: Sense, now: Timestamp) -> bool {
        self.blind
            .iter()
            .any(|blind| blind.from <= now && now < blind.to && blind.senses.contains(&sense))
    }
}
