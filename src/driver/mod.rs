//! The imperative shell: read the journal, observe, decide, append, perform, append. The only loop of a release.
//!
//! A [`Driver::tick`] never sleeps between looks; it returns for how long nothing is to be done. [`Driver::run`] sleeps.

mod act;
mod busy;
mod counted;
mod error;
mod evidence;
mod facts;
mod forwards;
#[cfg(test)]
mod forwards_tests;
mod machine;
mod not_made;
mod observe;
mod outside;
mod ownership;
mod parts;
mod perform;
mod prune;
mod read;
mod resize;
mod sampler;
mod seat;
mod steady;
#[cfg(test)]
mod tests;
mod told;
mod weights;
mod world;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub use busy::Busy;
pub use error::DriverError;
pub use facts::gather;
#[cfg(feature = "local")]
pub(crate) use machine::mark;
pub use machine::{Machine, ThisMachine};
pub use ownership::{Watched, is_certainly_free, is_free};
pub use seat::{Core, Mind, Seat};
pub use world::{Overrides, World};

use crate::journal::{Append, JournalError};
use crate::model::Timestamp;
use crate::release::{
    Decision, Entry, Event, Looks, Next, Notice, Observation, Outcome, Plan, Release, ReleaseId, Slot, Then, Why, Wish,
    Writer, apply, limits,
};

/// Drives one release.
pub struct Driver {
    seat: Seat,
    steady: Arc<steady::Steady>,
    writer: Writer,
    release: Release,
    vigil: Option<ownership::Vigil>,
    unsaid: Option<write::Unsaid>,
    /// Whether the journal was gone when it was written to last.
    gone: bool,
    /// Whether it leaves a release for which AWS does not answer to whoever comes next.
    hasty: bool,
    sampler: sampler::Sampler,
}

/// What a tick came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Something happened; tick again at once.
    Again,
    /// Nothing is to be done for so long.
    Sleep(Duration),
    /// The release is over.
    Over(Outcome),
    /// Another process drives it, and has asked to be left alone until then.
    NotOurs(Timestamp),
}

/// How long an unreadable journal is tried again before the driver gives up: a network that is down, a disk that is full.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What nobody does while the journal fails, for whoever reads that it does.
fn meanwhile(release: &Release) -> String {
    let blue = release
        .blue
        .as_ref()
        .filter(|_| release.shift_intended && release.rollback.is_none());
    blue.map_or_else(String::new, |blue| {
        format!(
            "; green may have traffic, and is not taken back meanwhile: if it is bad, give the traffic to blue ({}, {}) by hand",
            blue.name, blue.id
        )
    })
}

/// How long a journal that cannot be used is worth trying. While green has traffic, or traffic is on its way back, nobody else
/// may be there to see to it, so for as long as a return may take.
fn patience(release: &Release) -> Duration {
    if release.shift_intended {
        limits::RETURN
    } else {
        JOURNAL_PATIENCE
    }
}

/// How long to wait before a journal that failed so often is tried again. With every try the world is looked at anew, and the
/// account's other users want to call AWS, too; but nobody waits for long who has traffic on green.
fn pause(release: &Release, failures: u32) -> Duration {
    let shortest = Duration::from_secs(2);
    if release.shift_intended {
        shortest
    } else {
        let longest = release.plan.provision.interval.get().max(shortest);
        (shortest * 2_u32.saturating_pow(failures.min(8))).min(longest)
    }
}

impl Driver {
    /// Begins a release. `plan` is told the release's number. A request that has led to the newest release already does not lead
    /// to another one: this driver takes part in that one.
    ///
    /// # Errors
    ///
    /// When another release of the slot is not over, or the journal cannot be written.
    pub async fn begin(seat: Seat, slot: &Slot, plan: impl Fn(&Next) -> Plan + Send) -> Result<Self, DriverError> {
        let writer = seat.machine.writer();
        loop {
            let newest = crate::journal::newest(seat.journal.as_ref(), slot).await?;
            let next = match newest {
                // The same request has come twice, and another process was faster: there is one release for it.
                Some(release) if same_request(&release.plan, &plan(&Next::first())) => {
                    return Ok(Self::seated(seat, writer, release));
                }
                Some(release) if release.outcome.is_none() => return Err(busy(&release, seat.clock.now())),
                Some(release) => Next::after(&release),
                None => Next::first(),
            };
            let plan = Plan {
                mark: machine::mark(&writer.run),
                ..plan(&next)
            };
            let event = Event::Started { plan: Box::new(plan) };
            let id = ReleaseId {
                slot: slot.clone(),
                number: next.number,
            };
            let now = seat.clock.now();
            let entry = write::entry(id.clone(), 0, now, &writer, event);
            if seat.journal.append(&entry).await? == Append::Taken {
                // Somebody else has begun a release in this moment; the next look says which.
                continue;
            }
            let release = apply(None, &entry).map_err(|source| DriverError::Illegal {
                id,
                source: Box::new(source),
            })?;
            seat.listener.notice(Notice::Entry {
                entry: &entry,
                release: &release,
            });
            return Ok(Self::seated(seat, writer, release));
        }
    }

    /// Takes part in a release that was begun before. It is taken over when nobody drives it any more.
    #[must_use]
    pub fn join(seat: Seat, release: Release) -> Self {
        let writer = seat.machine.writer();
        Self::seated(seat, writer, release)
    }

    /// The same for who comes again soon: where AWS does not say whose account this is, it does not wait for that. Who waits waits
    /// beside all who come later, and each of them asks AWS.
    #[must_use]
    pub fn join_hastily(seat: Seat, release: Release) -> Self {
        Self {
            hasty: true,
            ..Self::join(seat, release)
        }
    }

    fn seated(seat: Seat, writer: Writer, release: Release) -> Self {
        let steady = Arc::new(steady::Steady::new(Arc::clone(&seat.clock)));
        let clock = Arc::clone(&steady) as Arc<dyn crate::model::Clock>;
        Self {
            seat: Seat { clock, ..seat },
            steady,
            writer,
            release,
            vigil: None,
            unsaid: None,
            gone: false,
            hasty: false,
            sampler: sampler::Sampler::default(),
        }
    }

    /// What it works with.
    #[must_use]
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// The release as it stands.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Who this driver is.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Puts an operator's wish on record, whoever drives the release. `false` when the release was over before.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written for a while.
    pub async fn ask(&mut self, wish: Wish) -> Result<bool, DriverError> {
        let nonce = machine::nonce();
        let mut failures = 0;
        loop {
            match self.ask_once(&wish, &nonce).await {
                Ok(Some(asked)) => return Ok(asked),
                Ok(None) => {}
                Err(DriverError::Journal(error)) if error.may_pass() && failures < 5 => {
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// All attempts have one nonce: an entry whose acknowledgement was lost is known by it, and not written once more.
    async fn ask_once(&mut self, wish: &Wish, nonce: &str) -> Result<Option<bool>, DriverError> {
        if self.read_on_past(nonce).await? {
            return Ok(Some(true));
        }
        if self.release.outcome.is_some() {
            return Ok(Some(false));
        }
        let event = Event::Asked { wish: wish.clone() };
        let entry = Entry {
            nonce: nonce.to_owned(),
            ..self.entry(event, self.seat.clock.now())
        };
        Ok(self.append_entry(&entry).await?.then_some(true))
    }

    /// Reads on, without driving. Whether there was anything new.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn follow(&mut self) -> Result<bool, DriverError> {
        let before = self.release.sequence;
        self.read_on().await?;
        Ok(self.release.sequence > before)
    }

    /// Drives the release to its end, or until `stop` says that it is far enough.
    ///
    /// # Errors
    ///
    /// When the journal stays unreadable. The release is not lost.
    pub async fn run(&mut self, stop: impl Fn(&Release) -> bool + Send) -> Result<Option<Outcome>, DriverError> {
        let mut failing_since = None;
        let mut told = None;
        let mut failures = 0;
        let mut used = false;
        loop {
            if stop(&self.release) {
                return Ok(None);
            }
            let tick = self.tick().await;
            if tick.is_ok() {
                (failing_since, told, failures) = (None, None, 0);
                used = true;
            }
            match tick {
                Ok(Tick::Over(outcome)) => return Ok(Some(outcome)),
                Ok(Tick::Again) => {}
                Ok(Tick::Sleep(length)) => self.sleep(length).await,
                Ok(Tick::NotOurs(_)) => {
                    tokio::time::sleep(self.release.plan.provision.interval.get().min(Duration::from_secs(1))).await;
                }
                // A full disk or a lost mount may come back; the release does nothing in the meantime.
                Err(DriverError::Journal(error)) if error.may_pass() || used && self.is_worth_waiting_for(&error) => {
                    let now = self.seat.clock.since_boot();
                    let since = *failing_since.get_or_insert(now);
                    let patience = patience(&self.release);
                    if now.saturating_sub(since) > patience {
                        return Err(error.into());
                    }
                    if told.is_none_or(|told| now.saturating_sub(told) > Duration::from_secs(30)) {
                        told = Some(now);
                        let left = crate::model::Span::from(Duration::from_secs(
                            patience.saturating_sub(now.saturating_sub(since)).as_secs(),
                        ));
                        self.seat.listener.notice(Notice::Trouble {
                            message: &format!("{error}; trying again for {left}{}", meanwhile(&self.release)),
                        });
                    }
                    tokio::time::sleep(pause(&self.release, failures)).await;
                    failures += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a journal that refuses to be used, and was usable a moment ago, is tried again all the same. Somebody is changing a
    /// bucket's policy or a folder's permissions, mostly for a moment; if this driver ended, nobody would watch a green that has traffic.
    fn is_worth_waiting_for(&self, error: &JournalError) -> bool {
        self.release.shift_intended && error.is_refused()
    }

    /// Sleeps, unless green begins to fail.
    async fn sleep(&self, length: Duration) {
        tokio::select! {
            biased;
            () = tokio::time::sleep(length) => {}
            () = self.sampler.failing() => {}
        }
    }

    /// One round: read the journal, observe, decide, and make one call, or append the entries that follow from the look, or wait.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read or written.
    pub async fn tick(&mut self) -> Result<Tick, DriverError> {
        let tick = self.round().await;
        if tick.is_err() {
            // Another process may have taken the release over, and wait for blue to fall silent.
            self.sampler.rest();
        }
        tick
    }

    async fn round(&mut self) -> Result<Tick, DriverError> {
        self.read_on().await?;
        if let Some((outcome, _)) = &self.release.outcome {
            return Ok(Tick::Over(*outcome));
        }
        if self.follow_clock().await? {
            return Ok(Tick::Again);
        }
        if self.release.driver != self.writer {
            self.sampler.end();
            let Some(why) = self.free() else {
                return Ok(Tick::NotOurs(self.release.owned_until));
            };
            return Ok(match self.take_over_free(why).await? {
                Some(pause) => Tick::Sleep(pause),
                None => Tick::Again,
            });
        }
        // What this driver saw before it lost the release is no vigil for the next time.
        self.vigil = None;
        self.sampler.follow(&self.seat.world.prober, &self.release);
        if self.say_unsaid().await? {
            return Ok(Tick::Again);
        }
        let mut wanted = self.seat.mind.looks(&self.release, self.seat.clock.now());
        let mut seen = self.observe(&wanted).await;
        for entries in 0..MOST_OF_A_LOOK {
            let Decision { why, then } = self.seat.mind.decide(&self.release, &seen);
            match then {
                // What was seen before the last entry is no ground for a call, nor for an end.
                Then::Act(_) | Then::Finish { .. } if entries > 0 => break,
                Then::Record(event) => {
                    let samples = matches!(event, Event::Looked { .. } | Event::Measured { .. });
                    let entry = self.entry(event, self.seat.clock.now());
                    let appended = self.append_entry(&entry).await;
                    if samples && appended.is_err() {
                        self.sampler.unsure(entry.nonce);
                    }
                    if !appended? {
                        break;
                    }
                    if samples {
                        self.sampler.recorded();
                    }
                    // What is only put on record changes nothing in the world: the same look may say what comes next.
                    let now = self.seat.clock.now();
                    let next = self.seat.mind.looks(&self.release, now);
                    if !wanted.cover(&next) || now.since(seen.at) > limits::SAME_LOOK {
                        break;
                    }
                    seen = seen.only(&next);
                    wanted = next;
                }
                Then::Act(action) => {
                    self.act(action).await?;
                    break;
                }
                Then::Finish { outcome, why, left } => {
                    self.append(Event::Finished { outcome, why, left }).await?;
                    break;
                }
                Then::Wait {
                    until,
                    deadline,
                    at_deadline,
                } => return self.wait(why, until, deadline, at_deadline).await,
            }
        }
        Ok(Tick::Again)
    }

    /// Looks at the world, and asks for more time meanwhile: a look may last longer than this driver still has, and one that is silent
    /// for so long is taken for dead.
    async fn observe(&mut self, wanted: &Looks) -> Observation {
        let (seat, release) = (self.seat.clone(), self.release.clone());
        let clock = seat.clock.as_ref();
        let began = clock.since_boot();
        let mut look = Box::pin(observe::observe(&seat.world, &release, wanted, clock));
        let mut pause = release.owned_until.since(clock.now()).saturating_sub(SPARE);
        let seen = loop {
            tokio::select! {
                biased;
                seen = &mut look => break seen,
                () = tokio::time::sleep(pause) => {
                    // A journal that cannot be written now says so with the next entry, too.
                    let _ = self.append(Event::Renewed).await;
                    pause = limits::OWNERSHIP / 3;
                }
            }
        };
        if clock.since_boot().saturating_sub(began) > limits::LOOK {
            // This process was stopped meanwhile, or nothing answers: what was seen may long be over.
            return Observation::blank(clock.now());
        }
        Observation {
            sampled: self.sampler.heard(),
            ..seen
        }
    }

    /// Tells what is waited for, puts it on record when it is something new, and says for how long nothing is to be done.
    async fn wait(
        &mut self,
        why: Why,
        until: Timestamp,
        deadline: Timestamp,
        at_deadline: &'static str,
    ) -> Result<Tick, DriverError> {
        let now = self.seat.clock.now();
        self.seat.listener.notice(Notice::Waiting {
            release: &self.release,
            why: &why,
            now,
            deadline,
            at_deadline,
        });
        let news = if self.release.waiting.as_ref() != Some(&why) {
            Some(Event::Waiting { why })
        } else if self.release.owned_until.since(now) < limits::OWNERSHIP / 2 {
            Some(Event::Renewed)
        } else {
            None
        };
        if let Some(news) = news
            && !self.append(news).await?
        {
            // Somebody has written a wish in its place, which may be for traffic to go back.
            return Ok(Tick::Again);
        }
        // Operators' wishes are read with every tick, so no sleep is long; and whoever sleeps longer than it has asked to be left
        // alone for finds that another process has taken the release over.
        let longest = self.release.plan.provision.interval.get().min(limits::OWNERSHIP / 3);
        Ok(Tick::Sleep(until.since(now).clamp(Duration::from_millis(20), longest)))
    }
}

/// A driver asks for more time during a look when less than this is left of what it had asked for. Longer than a write to the journal
/// takes, slow ones on S3 included.
const SPARE: Duration = Duration::from_secs(15);

/// So many entries may follow from one look. More would be the same ones again and again.
const MOST_OF_A_LOOK: usize = 8;

/// Whether both plans are for the same request of a machine. What people ask for twice they mean twice.
fn same_request(one: &Plan, other: &Plan) -> bool {
    let request = |plan: &Plan| plan.origin.as_ref().map(|origin| origin.request.clone());
    request(one).is_some() && request(one) == request(other)
}

fn busy(release: &Release, now: Timestamp) -> DriverError {
    DriverError::Busy(Box::new(Busy::new(release, now)))
}
