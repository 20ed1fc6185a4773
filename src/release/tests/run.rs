//! One release in a model world: the driver's loop, with virtual time, crashes, and checks after every step.

use std::time::Duration;

use super::faults::{Blindness, Sense};
use super::plan::plan;
use super::world::{BLUE, Effect, Foreign, World, seconds};
use crate::model::{EnvironmentId, Known, Timestamp};
use crate::release::{
    Action, CallResult, Entry, Event, FORMAT, Look, Observation, Outcome, Phase, Plan, Release, Then, Wish, Writer,
    apply, decide, limits, looks,
};

pub(super) const GREEN: &str = "e-green";

/// No release may take longer: the sum of all deadlines is shorter.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// Something that happens so long after a phase was entered for the first time.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Wish(Wish),
    /// Somebody promotes the release through the gate that is open then, or opens next.
    Promote,
    Foreign(Foreign),
    Blind(Vec<Sense>, Duration),
}

/// The driver's end, and another one's beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crash {
    /// Right after this entry was written.
    pub(super) after: u64,
    /// If that was an intent: whether the call was still made.
    pub(super) made: bool,
    /// How long after the intent it then arrives: whoever takes over may be earlier.
    pub(super) late: Duration,
    /// How long nobody drives.
    pub(super) away: Duration,
    /// By how many seconds the clock of the next driver is ahead of the world's.
    pub(super) ahead: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) world: World,
    pub(super) entries: Vec<Entry>,
    pub(super) release: Release,
    pub(super) script: Vec<(Phase, Duration, Deed)>,
    pub(super) crashes: Vec<Crash>,
    /// By how many seconds the clock of the driver is ahead of the world's.
    pub(super) ahead: i64,
    /// What operators want when; `None` is the open gate.
    wishes: Vec<(Timestamp, Option<Wish>)>,
    entered: Vec<Phase>,
    began: Timestamp,
    process: u32,
    steps: u32,
    crashed: bool,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        Self::of(plan(), seed)
    }

    pub(super) fn of(plan: Plan, seed: u64) -> Self {
        let mut world = World::new(plan.clone(), seed);
        if plan.lever.is_gradual() {
            world = world.gradual();
        }
        let began = world.now;
        let started = Event::Started {
            plan: Box::new(plan.clone()),
        };
        let first = entry(&plan, 1, began, 1, started);
        let release = apply(None, &first).expect("a release can begin");
        Self {
            world,
            entries: vec![first],
            release,
            script: Vec::new(),
            crashes: Vec::new(),
            ahead: 0,
            wishes: Vec::new(),
            entered: Vec::new(),
            began,
            process: 1,
            steps: 0,
            crashed: false,
        }
    }

    /// The same with a first driver whose clock is ahead of the world's by so many seconds.
    pub(super) fn ahead(mut self, seconds: i64) -> Self {
        self.ahead = seconds;
        let first = entry(&self.release.plan, 1, self.now(), 1, self.entries[0].event.clone());
        self.release = apply(None, &first).expect("a release can begin");
        self.entries = vec![first];
        self
    }

    /// The time by the driver's clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.now.as_millis() + self.ahead * 1000)
    }

    /// Looks at the world, as the driver tells it by its own clock: it knows by how much the service's clock differs.
    pub(super) fn look(&mut self) -> Observation {
        let wanted = looks(&self.release, self.now());
        let mut seen = self.world.observe(&self.release, &wanted);
        let (there, here) = (self.world.now, self.now());
        seen.at = here;
        let of_facts = seen.facts.as_mut().map(|facts| &mut facts.blue_health);
        for health in [&mut seen.green_health, &mut seen.blue_health]
            .into_iter()
            .chain(of_facts)
        {
            if let Known::Known(health) = health
                && let Some(at) = &mut health.refreshed_at
            {
                *at = at.moved(there, here);
            }
        }
        seen
    }

    /// Adds something that happens so many seconds after a phase was entered.
    pub(super) fn when(mut self, phase: Phase, after: u64, deed: Deed) -> Self {
        self.script.push((phase, seconds(after), deed));
        self
    }

    /// Drives the release to its end, and judges what is left.
    pub(super) fn finish(mut self) -> Self {
        while self.step() {}
        self.judge();
        self
    }

    /// One round of the driver's loop; `false` when the release is over.
    pub(super) fn step(&mut self) -> bool {
        match self.next() {
            Some(then) => {
                self.carry_out(then);
                true
            }
            None => false,
        }
    }

    /// Looks and decides.
    pub(super) fn next(&mut self) -> Option<Then> {
        if self.release.outcome.is_some() {
            return None;
        }
        self.steps += 1;
        self.require(self.steps < 20_000, "the loop runs hot");
        let away: Duration = self.crashes.iter().map(|crash| crash.away).sum();
        self.require(self.world.now < self.began + LONGEST + away, "the release has no end");
        self.require(self.world.wrongs.is_empty(), "the world has gone wrong");
        self.modest();
        self.enter();
        let gate = self.release.gate.as_ref().map(|gate| gate.id.clone());
        let due = |(at, wish): &(Timestamp, Option<Wish>)| *at <= self.world.now && (wish.is_some() || gate.is_some());
        if let Some(position) = self.wishes.iter().position(due) {
            let wish = self.wishes.remove(position).1;
            let wish = wish.or(gate.map(|gate| Wish::Promote { gate }));
            self.append(Event::Asked {
                wish: wish.expect("there is a gate to promote"),
            });
        }
        if self.crashed {
            return Some(self.take_over());
        }
        let seen = self.look();
        let decision = decide(&self.release, &seen);
        if let Then::Wait { until, deadline, .. } = &decision.then {
            self.require(
                *until > seen.at,
                &format!("a wait that is over already: {:?}", decision.why),
            );
            self.require(
                deadline >= until,
                &format!("a wait longer than its deadline: {:?}", decision.why),
            );
            if self.release.waiting.as_ref() != Some(&decision.why) {
                self.append(Event::Waiting {
                    why: decision.why.clone(),
                });
                if self.crashed {
                    return Some(self.take_over());
                }
            }
        }
        Some(decision.then)
    }

    /// The next driver begins.
    fn take_over(&mut self) -> Then {
        while self.crashed {
            self.crashed = false;
            let from = self.release.driver.clone();
            self.append(Event::TookOver {
                from,
                why: "it was not heard of".to_owned(),
                forced: false,
            });
        }
        Then::Record(Event::Renewed)
    }

    /// Does what was decided.
    pub(super) fn carry_out(&mut self, then: Then) {
        match then {
            Then::Record(event) => self.append(event),
            Then::Finish { outcome, why, left } => self.append(Event::Finished { outcome, why, left }),
            Then::Act(action) => self.act(&action),
            Then::Wait { until, .. } => {
                if self.release.owned_until.since(self.now()) < limits::OWNERSHIP / 2 {
                    self.append(Event::Renewed);
                }
                let longest = self.release.plan.provision.interval.get();
                let length = until.since(self.now());
                self.world.pass(length.clamp(Duration::from_millis(20), longest));
            }
        }
    }

    fn act(&mut self, action: &Action) {
        self.append(Event::Intended { action: action.clone() });
        let intent = self.release.sequence;
        if !self.crashed {
            let result: CallResult = self.world.perform(&self.release, intent, action);
            self.append(Event::Called { intent, result });
        }
    }

    fn append(&mut self, event: Event) {
        let sequence = self.release.sequence + 1;
        self.check(&event);
        // An operator sits elsewhere, at a clock that is wrong.
        let (at, process) = match event {
            Event::Asked { .. } => (self.now() + seconds(1000), 99),
            _ => (self.now(), self.process),
        };
        let entry = entry(&self.release.plan, sequence, at, process, event);
        match apply(Some(self.release.clone()), &entry) {
            Ok(next) => self.release = next,
            Err(error) => self.require(false, &format!("decided, but refused by the state: {error}")),
        }
        self.entries.push(entry);
        if let Some(crash) = self.crashes.iter().find(|crash| crash.after == sequence).copied() {
            if crash.made
                && let Event::Intended { action } = &self.entries[self.entries.len() - 1].event.clone()
            {
                if crash.late.is_zero() {
                    let _ = self.world.perform(&self.release, sequence, action);
                } else {
                    self.world.later(
                        crash.late,
                        Effect::Arrives(Box::new(self.release.clone()), sequence, action.clone()),
                    );
                }
            }
            self.world.pass(crash.away);
            self.ahead = crash.ahead;
            self.process += 1;
            self.crashed = self.release.outcome.is_none();
        }
    }

    /// A state with one more event, which the run itself does not take part in.
    pub(super) fn then(&self, release: Release, event: Event) -> Release {
        let entry = entry(&release.plan, release.sequence + 1, self.now(), self.process, event);
        apply(Some(release), &entry).expect("it can follow")
    }

    /// What must hold when something is put on record.
    fn check(&mut self, event: &Event) {
        let now = self.world.now;
        let lately = now - seconds(25);
        match event {
            Event::BakePassed { .. } | Event::GreenReady { .. } => {
                self.require(
                    !self
                        .world
                        .faults
                        .blind
                        .iter()
                        .any(|blind| blind.from <= lately && now <= blind.to && blind.senses.contains(&Sense::Health)),
                    "promoted on silence",
                );
            }
            Event::Looked { look: Look::Good, .. } => {
                self.require(
                    self.world.quality.breaks.is_none() || !self.world.broken() || self.world.basic,
                    "a broken green was called good",
                );
            }
            Event::Resolved { intent, applied, .. } => {
                let swap = self
                    .release
                    .pending
                    .as_ref()
                    .is_some_and(|pending| pending.action.name() == "swap");
                let arrived = self.world.swaps.contains(intent);
                let faults = &self.world.faults;
                let sure = !self.world.disturbed
                    && faults.reads == 0
                    && faults.stale.is_zero()
                    && !faults.blind(Sense::Lists, lately);
                self.require(!swap || !sure || arrived == *applied, "a swap was misjudged");
            }
            Event::ShiftConfirmed { .. } | Event::TrafficRestored { .. } => {
                // The resolver is a whole time to live behind.
                let then = now - self.world.resolvers_lag();
                let moved = self.world.disturbed || self.world.holder_at(then) == self.world.holder();
                let late = self.now() >= self.release.phase_since + seconds(100);
                let seen = !self.world.faults.blind(Sense::Network, now) && self.world.faults.reads == 0;
                self.require(moved || late || !seen, "traffic was not there yet");
            }
            Event::Drained { remove_blue: true, .. } => {
                let plan = &self.release.plan.drain;
                let shifted = self.world.holders[self.world.holders.len() - 1].0;
                self.require(
                    self.world.disturbed || now >= shifted + plan.dns_ttl.get() * plan.factor + plan.quiet.get(),
                    "drained before old DNS answers had run out and silence was proved",
                );
            }
            Event::Intended {
                action: Action::Terminate { environment, .. },
            } => {
                let holds = self.world.served_at(now).contains(environment);
                let stale = !self.world.faults.stale.is_zero() || self.world.disturbed;
                self.require(!holds || stale, "the holder of the slot was to be removed");
            }
            _ => {}
        }
    }

    /// Starts what was to happen in a phase that was entered.
    fn enter(&mut self) {
        let phase = self.release.phase;
        if self.entered.contains(&phase) {
            return;
        }
        self.entered.push(phase);
        let now = self.world.now;
        for (when, after, deed) in self.script.clone() {
            if when != phase {
                continue;
            }
            match deed {
                Deed::Wish(wish) => self.wishes.push((now + after, Some(wish))),
                Deed::Promote => self.wishes.push((now + after, None)),
                Deed::Foreign(foreign) => self.world.later(after, Effect::Foreign(foreign)),
                Deed::Blind(senses, length) => self.world.faults.blind.push(Blindness {
                    from: now + after,
                    to: now + after + length,
                    senses,
                }),
            }
        }
    }

    /// Green never has more than its step's share.
    fn modest(&self) {
        let Some(shares) = self.world.shares.as_ref().filter(|_| !self.world.disturbed) else {
            return;
        };
        let share = shares.share(&GREEN.into());
        let most = self.release.plan.share(self.release.step).as_f64();
        self.require(share <= most + 1e-9, "green has more than its step's share");
    }

    /// What must hold when the release is over, and a while later, when late calls have arrived.
    pub(super) fn judge(&mut self) {
        self.replays();
        // What others do from now on is not the release's business.
        self.world
            .agenda
            .retain(|_, effect| !matches!(effect, Effect::Foreign(_)));
        self.world.pass(seconds(180));
        self.require(self.world.wrongs.is_empty(), "the world has gone wrong");
        let (outcome, why) = self.release.outcome.clone().expect("it is over");
        let holder = self.world.holder();
        let blue = self.world.get(&BLUE.into()).cloned();
        let green = self.world.green().cloned();
        let named = |id: &str| why.contains(id);
        if let Some(shares) = &self.world.shares
            && !self.world.disturbed
        {
            let gone = |id: &EnvironmentId| self.world.get(id).is_none();
            let members = shares.places.values().flat_map(|place| place.keys());
            let dangling = members.map(|id| EnvironmentId::new(id.clone())).any(|id| gone(&id));
            self.require(!dangling, "a member leads to an environment that is gone");
            let back = matches!(outcome, Outcome::RolledBack | Outcome::Aborted);
            self.require(
                !back || shares.places == shares.original,
                "rolled back, and the weights are not what they were",
            );
        }
        match outcome {
            Outcome::Promoted => {
                self.require(
                    self.world.disturbed || holder == Some(GREEN.into()),
                    "promoted, but green does not hold the slot",
                );
                self.require(blue.is_none() || named(BLUE), "blue was left without a word");
                self.require(green.is_some(), "promoted, but green is gone");
                let green = green.expect("green is there");
                self.require(
                    green.min_instances == self.release.plan.min_instances.unwrap_or(0).max(2)
                        || why.contains("MinSize"),
                    "green's fewest instances were not set back",
                );
            }
            Outcome::RolledBack | Outcome::Aborted => {
                self.require(
                    self.world.disturbed || holder == Some(BLUE.into()),
                    "rolled back, but blue does not hold the slot",
                );
                let name = self.release.plan.green_name.as_str();
                self.require(
                    green.is_none() || named(GREEN) || named(name),
                    "green was left without a word",
                );
            }
            Outcome::Refused => self.require(self.world.swaps.is_empty() && green.is_none(), "refused too late"),
            Outcome::NeedsHuman => self.require(why.len() > 20, "a person was called without a reason"),
        }
    }

    /// The journal, written and read again, gives the same state.
    pub(super) fn replays(&self) {
        let mut replayed = None;
        for entry in &self.entries {
            let text = serde_json::to_string(entry).expect("an entry can be written");
            let read: Entry = serde_json::from_str(&text).expect("an entry can be read");
            self.require(read == *entry, &format!("an entry changed by writing it: {text}"));
            replayed = Some(apply(replayed, &read).expect("an entry can follow"));
        }
        self.require(
            replayed.as_ref() == Some(&self.release),
            "the journal gives another state",
        );
    }

    /// How it ended.
    pub(super) fn outcome(&self) -> Outcome {
        self.release.outcome.as_ref().expect("it is over").0
    }

    pub(super) fn why(&self) -> &str {
        &self.release.outcome.as_ref().expect("it is over").1
    }

    /// Drives the release into a phase, and so many seconds further.
    pub(super) fn until(mut self, phase: Phase, after: u64) -> Self {
        while self.release.phase != phase || self.now() < self.release.phase_since + seconds(after) {
            assert!(self.step(), "it ended before {phase}");
        }
        self
    }

    /// When the first event of that kind was recorded.
    pub(super) fn at(&self, what: impl Fn(&Event) -> bool) -> Timestamp {
        let found = self.entries.iter().find(|entry| what(&entry.event));
        self.require(found.is_some(), "there is no such event");
        found.map_or(self.began, |entry| entry.at)
    }

    /// How often an action was intended.
    pub(super) fn tries(&self, name: &str) -> usize {
        let intended = |entry: &&Entry| matches!(&entry.event, Event::Intended { action } if action.name() == name);
        self.entries.iter().filter(intended).count()
    }

    /// Asserts how it ended.
    pub(super) fn ends(&self, outcome: Outcome) -> &Self {
        self.require(self.outcome() == outcome, &format!("it did not end {outcome}"));
        self
    }

    /// Whether an event of that kind was recorded.
    pub(super) fn has(&self, what: impl Fn(&Event) -> bool) -> bool {
        self.entries.iter().any(|entry| what(&entry.event))
    }

    /// Where green is after the end.
    pub(super) fn exists(&self, id: &str) -> bool {
        self.world.get(&EnvironmentId::from(id)).is_some()
    }

    pub(super) fn took(&self) -> Duration {
        self.release.phase_since.since(self.began)
    }

    /// Fails with the release's whole story.
    #[track_caller]
    pub(super) fn require(&self, holds: bool, what: &str) {
        if holds {
            return;
        }
        let from = self.entries.len().saturating_sub(60);
        let story: Vec<_> = self.entries[from..]
            .iter()
            .map(|entry| {
                let mut text = format!("{:?}", entry.event);
                if let Some((at, _)) = text.char_indices().nth(260) {
                    text.truncate(at);
                }
                format!(
                    "{:>4} {:>8.1} s  {text}",
                    entry.sequence,
                    entry.at.since(self.began).as_secs_f64()
                )
            })
            .collect();
        panic!(
            "{what}\n{}\nphase {}, at {:.1} s, holder {:?}, wrongs {:?}, outcome {:?}\nquality {:?}\nfaults {:?}\nscript {:?}\ncrashes {:?}",
            story.join("\n"),
            self.release.phase,
            self.world.now.since(self.began).as_secs_f64(),
            self.world.holder(),
            self.world.wrongs,
            self.release.outcome,
            self.world.quality,
            self.world.faults,
            self.script,
            self.crashes,
        );
    }
}

fn entry(plan: &Plan, sequence: u64, at: Timestamp, process: u32, event: Event) -> Entry {
    Entry {
        format: FORMAT,
        release: plan.id.clone(),
        sequence,
        at,
        writer: Writer {
            host: "test".to_owned(),
            process,
            run: String::new(),
            machine: None,
            user: None,
        },
        nonce: String::new(),
        owned_until: at + limits::OWNERSHIP,
        event,
    }
}
