//! Acting: the intent is written, the call made, and how it went is written.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::write::Unsaid;
use super::{Driver, DriverError, parts, perform};
use crate::release::{Action, CallResult, Event, Safety, limits};

/// A journal that was read for longer than this may have been read by a process that was stopped meanwhile: what it said may be
/// over, and it is read once more. Far longer than a read takes, and shorter than another process needs to take a release over
/// and do anything with it.
const STALE: Duration = Duration::from_secs(1);

impl Driver {
    /// Writes the intent, makes the call, writes how it went.
    pub(super) async fn act(&mut self, action: Action) -> Result<(), DriverError> {
        let before = self.seat.clock.since_boot();
        let entry = self.entry(Event::Intended { action: action.clone() }, self.seat.clock.now());
        match self.append_entry(&entry).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                // It may be there all the same. What is certain is that no call will follow it.
                self.unsaid = Some(Unsaid {
                    intent: entry.sequence,
                    nonce: Some(entry.nonce),
                    result: CallResult::Refused {
                        message: "not made, because the journal failed when its intent was written".to_owned(),
                        retryable: true,
                    },
                });
                return Err(error);
            }
        }
        let intent = self.release.sequence;
        let begin_by = before + limits::INTENT_DEADLINE;
        let Some(result) = self.call(&action, intent, begin_by).await else {
            return Ok(());
        };
        let said = self.called(intent, result.clone()).await;
        if said.is_err() {
            let nonce = None;
            self.unsaid = Some(Unsaid { intent, nonce, result });
        }
        said
    }

    /// Makes the call; `None` when it was let go because another process drives the release now.
    pub(super) async fn call(&mut self, action: &Action, intent: u64, begin_by: Duration) -> Option<CallResult> {
        let seat = self.seat.clone();
        let release = self.release.clone();
        let patient = action.safety() == Safety::Idempotent || matches!(action, Action::Prune { .. });
        let (each, mut asking) = parts::parts();
        let mut call = Box::pin(perform::perform(&seat, &release, action, (begin_by, &each)));
        // An upload may take longer than the driver asked to be left alone for, and longer than an operator can wait. Meanwhile
        // it asks for more time, and hears of wishes.
        let every = release.plan.provision.interval.get().min(limits::OWNERSHIP / 3);
        let mut listen = tokio::time::interval_at(Instant::now() + every, every);
        let mut by = seat.clock.since_boot() + every;
        let mut answered = seat.clock.since_boot();
        loop {
            let part = tokio::select! {
                // A process that was stopped hears first what has happened meanwhile: the next part of the call may be another
                // driver's by now. Timers may fire later than an answer is there, and do not count a machine's sleep.
                biased;
                () = poll_fn(|context| if seat.clock.since_boot() >= by {
                    Poll::Ready(())
                } else {
                    listen.poll_tick(context).map(drop)
                }), if patient => None,
                Some(part) = asking.next() => Some(part),
                result = &mut call => return Some(result),
            };
            let asked = seat.clock.since_boot();
            match self.meanwhile(&release, intent).await {
                // What is under way does no harm twice, so it is let go.
                Meanwhile::Lost => return None,
                Meanwhile::Turned => {
                    let message = "it was let go, because an operator wants the release to turn back".to_owned();
                    return Some(CallResult::Unknown { message });
                }
                Meanwhile::GoOn => answered = asked,
                // Another process may have the release soon, and go on without hearing of this one. Only what removes things
                // ends for that: the rest does no harm, and may take longer than a journal is away.
                Meanwhile::Unheard => {
                    let deaf = seat.clock.since_boot().saturating_sub(answered);
                    if action.safety() == Safety::Destructive && deaf >= limits::OWNERSHIP / 2 {
                        let message = format!(
                            "it was let go, because the journal had not answered for {} s, and another process may have taken the \
                             release over",
                            deaf.as_secs()
                        );
                        return Some(CallResult::Unknown { message });
                    }
                }
            }
            listen.reset();
            by = seat.clock.since_boot() + every;
            if let Some(part) = part {
                part.begin();
            }
        }
    }

    /// While a patient call is under way: reads on, and asks for more time.
    pub(super) async fn meanwhile(&mut self, before: &crate::release::Release, intent: u64) -> Meanwhile {
        let turn = |release: &crate::release::Release| release.wishes.roll_back || release.wishes.abort;
        let mut heard = true;
        // However slow the journal is, the call has its turn after the second time.
        for _ in 0..2 {
            let asked = self.seat.clock.since_boot();
            // A journal that cannot be read or written now is tried again the next time.
            heard = self.read_on().await.is_ok();
            if !self.awaits(intent) {
                return Meanwhile::Lost;
            }
            if turn(&self.release) && !turn(before) {
                return Meanwhile::Turned;
            }
            if self.release.owned_until.since(self.seat.clock.now()) < limits::OWNERSHIP * 2 / 3 {
                heard &= self.append(Event::Renewed).await.is_ok();
            }
            if self.seat.clock.since_boot().saturating_sub(asked) <= STALE {
                break;
            }
        }
        if heard { Meanwhile::GoOn } else { Meanwhile::Unheard }
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
            if !self.awaits(intent) {
                return Ok(());
            }
        }
    }
}

/// What has happened while a call was under way.
pub(super) enum Meanwhile {
    GoOn,
    /// The journal did not answer.
    Unheard,
    /// Another process drives the release.
    Lost,
    /// An operator wants the release to turn back.
    Turned,
}
