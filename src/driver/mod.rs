//! The imperative shell: read the journal, observe, decide, append, perform, append. The only loop of a release.
//!
//! A [`Driver::tick`] never sleeps between looks; it returns for how long nothing is to be done. [`Driver::run`] sleeps.

mod busy;
mod evidence;
mod facts;
mod machine;
mod observe;
mod perform;
mod prune;
mod read;
mod seat;
mod world;

use std::time::Duration;

pub use busy::Busy;
pub use facts::gather;
pub use machine::{Machine, ThisMachine};
pub use seat::{Core, Mind, Seat};
pub use world::{Overrides, World, is_free};

use crate::aws::{CallError, Effect};
use crate::journal::{Append, JournalError};
use crate::model::{ReleaseNumber, Timestamp};
use crate::release::{
    Action, CallResult, Decision, Entry, Event, FORMAT, IllegalEvent, Notice, Outcome, Plan, Release, ReleaseId,
    Safety, Slot, Then, Wish, Writer, apply, limits,
};

/// Drives one release.
pub struct Driver {
    seat: Seat,
    writer: Writer,
    release: Release,
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

/// Why a driver cannot go on. The release is not lost: whoever runs `cutover resume` goes on where it stands.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another release of the slot is not over.
    #[error("{0}; {advice}", advice = .0.advice())]
    Busy(Box<Busy>),
    /// It could not be found out where the credentials lead.
    #[error(
        "could not find out which account the release would go on in: {source}; check AWS_PROFILE or the keys, and AWS_REGION"
    )]
    Account {
        /// What was wrong.
        source: CallError,
    },
    /// The credentials lead elsewhere than those that the release began with.
    #[error(
        "release {id} is about {wanted}, and these credentials and settings lead to {found}; \
         go on with it by the profile and region that it began with"
    )]
    Elsewhere {
        /// Which release.
        id: Box<ReleaseId>,
        /// Where it is.
        wanted: String,
        /// Where we are.
        found: String,
    },
    /// A decision could not be put on record: a fault of this program.
    #[error("release {id}: a decision could not be put on record, which is a fault of cutover: {source}")]
    Illegal {
        /// Which release.
        id: ReleaseId,
        /// What was wrong.
        source: Box<IllegalEvent>,
    },
}

/// How long an unreadable journal is tried again before the driver gives up.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(120);

impl Driver {
    /// Begins a release. `plan` is told the release's number.
    ///
    /// # Errors
    ///
    /// When another release of the slot is not over, or the journal cannot be written.
    pub async fn begin(
        seat: Seat,
        slot: &Slot,
        plan: impl Fn(ReleaseNumber) -> Plan + Send,
    ) -> Result<Self, DriverError> {
        let writer = seat.machine.writer();
        loop {
            let newest = crate::journal::newest(seat.journal.as_ref(), slot).await?;
            let number = match newest {
                Some(release) if release.outcome.is_none() => return Err(busy(&release, seat.clock.now())),
                Some(release) => release.plan.id.number.next(),
                None => ReleaseNumber(1),
            };
            let event = Event::Started {
                plan: Box::new(plan(number)),
            };
            let id = ReleaseId {
                slot: slot.clone(),
                number,
            };
            let now = seat.clock.now();
            let entry = entry(id.clone(), 0, now, now + limits::OWNERSHIP, &writer, event);
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
            return Ok(Self { seat, writer, release });
        }
    }

    /// Takes part in a release that was begun before. It is taken over when nobody drives it any more.
    #[must_use]
    pub fn join(seat: Seat, release: Release) -> Self {
        let writer = seat.machine.writer();
        Self { seat, writer, release }
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

    /// Puts an operator's wish on record, whoever drives the release.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written.
    pub async fn ask(&mut self, wish: Wish) -> Result<(), DriverError> {
        loop {
            self.read_on().await?;
            if self.release.outcome.is_some() || self.append(Event::Asked { wish }).await? {
                return Ok(());
            }
        }
    }

    /// Drives the release to its end, or until `stop` says that it is far enough.
    ///
    /// # Errors
    ///
    /// When the journal stays unreadable. The release is not lost.
    pub async fn run(&mut self, stop: impl Fn(&Release) -> bool + Send) -> Result<Option<Outcome>, DriverError> {
        let mut failing_since = None;
        loop {
            if stop(&self.release) {
                return Ok(None);
            }
            match self.tick().await {
                Ok(Tick::Over(outcome)) => return Ok(Some(outcome)),
                Ok(Tick::Again) => failing_since = None,
                Ok(Tick::Sleep(length)) => {
                    failing_since = None;
                    tokio::time::sleep(length).await;
                }
                Ok(Tick::NotOurs(_)) => {
                    failing_since = None;
                    tokio::time::sleep(self.release.plan.provision.interval.get().min(Duration::from_secs(1))).await;
                }
                // A full disk, a lost mount or a network may come back; the release does nothing in the meantime.
                Err(DriverError::Journal(error)) if error.may_pass() => {
                    let now = self.seat.clock.since_boot();
                    let since = *failing_since.get_or_insert(now);
                    let error = DriverError::Journal(error);
                    if now.saturating_sub(since) > JOURNAL_PATIENCE {
                        return Err(error);
                    }
                    self.seat.listener.notice(Notice::Trouble {
                        message: &error.to_string(),
                    });
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// One round: read the journal, observe, decide, and do one thing.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read or written.
    pub async fn tick(&mut self) -> Result<Tick, DriverError> {
        self.read_on().await?;
        if let Some((outcome, _)) = &self.release.outcome {
            return Ok(Tick::Over(*outcome));
        }
        if self.release.driver != self.writer {
            let now = self.seat.clock.now();
            let Some(why) = world::free(&self.release, self.seat.machine.as_ref(), &self.writer, now) else {
                return Ok(Tick::NotOurs(self.release.owned_until));
            };
            match world::elsewhere(&self.seat.world, &self.release).await {
                Ok(None) => {}
                Ok(Some((wanted, found))) => {
                    let id = Box::new(self.release.plan.id.clone());
                    return Err(DriverError::Elsewhere { id, wanted, found });
                }
                // Without credentials it would ask for ever; a network that is down may come back.
                Err(source) if source.effect == Effect::Refused => return Err(DriverError::Account { source }),
                Err(error) => {
                    self.seat.listener.notice(Notice::Trouble {
                        message: &format!("could not find out which account this is: {error}"),
                    });
                    return Ok(Tick::Sleep(self.release.plan.provision.interval.get()));
                }
            }
            let from = self.release.driver.clone();
            self.append(Event::TookOver { from, why }).await?;
            return Ok(Tick::Again);
        }
        let wanted = self.seat.mind.looks(&self.release, self.seat.clock.now());
        let seen = observe::observe(&self.seat.world, &self.release, &wanted, self.seat.clock.as_ref()).await;
        let Decision { why, then } = self.seat.mind.decide(&self.release, &seen);
        match then {
            Then::Record(event) => {
                self.append(event).await?;
                Ok(Tick::Again)
            }
            Then::Act(action) => {
                self.act(action).await?;
                Ok(Tick::Again)
            }
            Then::Finish { outcome, why } => {
                self.append(Event::Finished { outcome, why }).await?;
                Ok(Tick::Again)
            }
            Then::Wait {
                until,
                deadline,
                at_deadline,
            } => {
                let now = self.seat.clock.now();
                self.seat.listener.notice(Notice::Waiting {
                    release: &self.release,
                    why: &why,
                    now,
                    deadline,
                    at_deadline,
                });
                if self.release.waiting.as_ref() != Some(&why) {
                    self.append(Event::Waiting { why }).await?;
                } else if self.release.owned_until.since(now) < limits::OWNERSHIP / 2 {
                    self.append(Event::Renewed).await?;
                }
                // Operators' wishes are read with every tick, so no sleep is long.
                let longest = self.release.plan.provision.interval.get();
                Ok(Tick::Sleep(until.since(now).clamp(Duration::from_millis(20), longest)))
            }
        }
    }

    /// Writes the intent, makes the call, writes how it went.
    async fn act(&mut self, action: Action) -> Result<(), DriverError> {
        let before = self.seat.clock.since_boot();
        if !self.append(Event::Intended { action: action.clone() }).await? {
            return Ok(());
        }
        let intent = self.release.sequence;
        let begin_by = before + limits::INTENT_DEADLINE;
        let seat = self.seat.clone();
        let release = self.release.clone();
        let patient = action.safety() == Safety::Idempotent || matches!(action, Action::Prune { .. });
        let call = perform::perform(&seat, &release, &action, begin_by);
        let mut call = Box::pin(call);
        // An upload may take longer than the driver asked to be left alone for; it asks again while it works.
        let mut renew = tokio::time::interval(limits::OWNERSHIP / 3);
        renew.tick().await;
        let result = loop {
            tokio::select! {
                result = &mut call => break result,
                _ = renew.tick(), if patient => {
                    let event = Event::Renewed;
                    let now = self.seat.clock.now();
                    let entry = entry(self.release.plan.id.clone(), self.release.sequence, now, now + limits::OWNERSHIP, &self.writer, event);
                    match self.seat.journal.append(&entry).await {
                        Ok(Append::Written) => self.release = self.applied(&entry)?,
                        // Somebody else writes here now. What is under way does no harm twice, so it is let go.
                        Ok(Append::Taken) => return Ok(()),
                        // An upload need not begin anew because one of the renewals was lost: the next one may do.
                        Err(error) if error.may_pass() => {
                            self.seat.listener.notice(Notice::Trouble { message: &error.to_string() });
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        };
        drop(call);
        self.called(intent, result).await
    }

    async fn called(&mut self, intent: u64, result: CallResult) -> Result<(), DriverError> {
        // An operator may have written in the meantime; that does not change how the call went.
        loop {
            let event = Event::Called {
                intent,
                result: result.clone(),
            };
            if self.append(event).await? {
                return Ok(());
            }
            self.read_on().await?;
            let ours = self.release.driver == self.writer
                && self
                    .release
                    .pending
                    .as_ref()
                    .is_some_and(|pending| pending.intent == intent && pending.result.is_none());
            if !ours {
                return Ok(());
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), DriverError> {
        let id = self.release.plan.id.clone();
        while let Some(entry) = self.seat.journal.entry(&id, self.release.sequence + 1).await? {
            self.release = self.applied(&entry)?;
            self.seat.listener.notice(Notice::Entry {
                entry: &entry,
                release: &self.release,
            });
        }
        Ok(())
    }

    fn applied(&self, entry: &Entry) -> Result<Release, DriverError> {
        apply(Some(self.release.clone()), entry).map_err(|source| DriverError::Illegal {
            id: self.release.plan.id.clone(),
            source: Box::new(source),
        })
    }

    /// Appends an event. `false` when another entry has taken its place, so that everything must be decided anew.
    async fn append(&mut self, event: Event) -> Result<bool, DriverError> {
        let now = self.seat.clock.now();
        let entry = entry(
            self.release.plan.id.clone(),
            self.release.sequence,
            now,
            now + limits::OWNERSHIP,
            &self.writer,
            event,
        );
        // What the core does not allow must not get into the journal.
        let next = self.applied(&entry)?;
        if self.seat.journal.append(&entry).await? == Append::Taken {
            return Ok(false);
        }
        self.release = next;
        self.seat.listener.notice(Notice::Entry {
            entry: &entry,
            release: &self.release,
        });
        Ok(true)
    }
}

fn busy(release: &Release, now: Timestamp) -> DriverError {
    DriverError::Busy(Box::new(Busy::new(release, now)))
}

fn entry(release: ReleaseId, last: u64, at: Timestamp, owned_until: Timestamp, writer: &Writer, event: Event) -> Entry {
    Entry {
        format: FORMAT,
        release,
        sequence: last + 1,
        at,
        writer: writer.clone(),
        nonce: machine::nonce(),
        owned_until,
        event,
    }
}
