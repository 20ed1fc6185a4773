//! Who drives a release, and when another process may take it over.
//!
//! An entry says until when its driver asks to be left alone, by the driver's own clock. Another machine's clock may be minutes
//! ahead, and would then find a driver silent that is not. So a driver that wants to take over believes its own watch alone:
//! no entry of the other's for as long as [`limits::OWNERSHIP`], by a clock that does not jump. It need not watch when the other
//! ran on this machine and its process is gone, when the entry is older than any difference of clocks explains
//! ([`limits::SKEW`]), or when an operator orders it.
//!
//! Two drivers that live therefore do not take the release from each other in turn, as long as the one that drives writes something
//! in that time: it asks for more time during looks and long calls, too ([`Driver::tick`]). If it cannot reach the journal for so long,
//! it loses the release, and so does one that was frozen. It finds the takeover when it reads on, without which it cannot append, and
//! is then the one that watches.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::world::elsewhere;
use super::{Driver, DriverError, Machine, ThisMachine};
use crate::aws::Effect;
use crate::model::{ReleaseNumber, Timestamp};
use crate::release::{Event, Notice, Release, Writer, limits};

/// A driver is watched for a sign of life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vigil {
    /// Sequence of its last entry.
    heard: u64,
    /// Since when there was no other, on the clock that does not jump.
    since: Duration,
    /// When the first process began to watch, if that was another one, by its time of day.
    handed_on: Option<Timestamp>,
}

/// A watch that another process has kept before this one: functions with a time limit are too short-lived to keep one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Sequence of the driver's last entry.
    pub heard: u64,
    /// Since when there was no other, by the time of day of whoever watched.
    pub since: Timestamp,
    /// The release; `None` in what an older version of this program has handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseNumber>,
}

impl Watched {
    /// Whether it was kept on this release. Another one's entries have the same sequences.
    fn is_on(&self, release: &Release) -> bool {
        self.release.is_none_or(|number| number == release.plan.id.number)
    }
}

/// By so much the clocks of processes that keep a watch one after another may differ: they run in one place, whose clocks are set
/// by one source. The watch counts as shorter by that.
const RELAY: Duration = Duration::from_secs(10);

/// How long a process that is about to end takes to hand over.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why nobody seems to drive a release any more, as far as one look of this machine can tell. Its clock may be ahead of the driver's,
/// so this is a reason to watch the driver for a while, and none to say that it is gone.
#[must_use]
pub fn is_free(release: &Release, now: Timestamp) -> Option<String> {
    let gone = gone(release, &ThisMachine, &ThisMachine.writer(), now);
    gone.or_else(|| (now >= release.owned_until).then(|| unheard(release)))
}

/// Why nobody drives a release any more, where one look of this machine is enough to be certain of it.
#[must_use]
pub fn is_certainly_free(release: &Release, now: Timestamp) -> Option<String> {
    gone(release, &ThisMachine, &ThisMachine.writer(), now)
}

/// Why the driver of a release is certainly gone; `None` if that is not certain.
fn gone(release: &Release, machine: &dyn Machine, me: &Writer, now: Timestamp) -> Option<String> {
    let driver = &release.driver;
    if release.handed_over {
        return Some(format!("{driver} has handed it over"));
    }
    // On the same machine there is no need to wait: whether a process lives can be seen.
    if driver.is_beside(me) && driver.process != me.process && !machine.runs(driver.process) {
        return Some(format!("{driver} does not run any more"));
    }
    (now >= release.owned_until + limits::SKEW).then(|| unheard(release))
}

fn unheard(release: &Release) -> String {
    format!("{} has not been heard of since {}", release.driver, release.heard_at)
}

impl Driver {
    /// Why the release is free to be taken over from another process; `None` while it has to be watched.
    pub(super) fn free(&mut self) -> Option<String> {
        let (release, seat) = (&self.release, &self.seat);
        if let Some(why) = gone(release, seat.machine.as_ref(), &self.writer, seat.clock.now()) {
            return Some(why);
        }
        let now = seat.clock.since_boot();
        match self.vigil {
            Some(vigil) if vigil.heard == release.heard => {
                let silent = now.saturating_sub(vigil.since) >= limits::OWNERSHIP;
                silent.then(|| {
                    let length = limits::OWNERSHIP.as_secs();
                    format!(
                        "{} wrote nothing for the {length} s for which it was watched",
                        release.driver
                    )
                })
            }
            before => {
                if before.is_none() {
                    let message = format!(
                        "{} drives the release; this process follows, and goes on with it when it has heard nothing of the \
                         other for {} s",
                        release.driver,
                        limits::OWNERSHIP.as_secs()
                    );
                    seat.listener.notice(Notice::Remark { message: &message });
                }
                self.vigil = Some(Vigil {
                    heard: release.heard,
                    since: now,
                    handed_on: None,
                });
                None
            }
        }
    }

    /// Whether this process is the one that drives the release from now on. Where another one may, that is watched until it has written
    /// something, or this process has taken the release over.
    ///
    /// # Errors
    ///
    /// As for [`Driver::run`].
    pub async fn comes_to_drive(&mut self) -> Result<bool, DriverError> {
        let (me, heard) = (self.writer.clone(), self.release.heard);
        self.run(|release| release.driver == me || release.heard != heard)
            .await?;
        Ok(self.release.driver == self.writer)
    }

    /// The watch that this process keeps on another driver, for whoever goes on with it.
    #[must_use]
    pub fn watched(&self) -> Option<Watched> {
        let vigil = self.vigil?;
        let clock = &self.seat.clock;
        let here = || clock.now() - clock.since_boot().saturating_sub(vigil.since);
        Some(Watched {
            heard: vigil.heard,
            since: vigil.handed_on.unwrap_or_else(here),
            release: Some(self.release.plan.id.number),
        })
    }

    /// Goes on with a watch that another process has kept. It counts if it was kept on this release, and the driver has not been
    /// heard of since.
    pub fn watched_before(&mut self, watched: Watched) {
        if !watched.is_on(&self.release) {
            return;
        }
        let clock = &self.seat.clock;
        let length = clock.now().since(watched.since).saturating_sub(RELAY);
        self.vigil = Some(Vigil {
            heard: watched.heard,
            since: clock.since_boot().saturating_sub(length),
            handed_on: Some(watched.since),
        });
    }

    /// Stops on purpose, so that whoever comes next need not watch for signs of life. Nothing happens if another process drives
    /// the release, or it is over.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written. Nothing is lost by that but time.
    pub async fn hand_over(&mut self) -> Result<(), DriverError> {
        loop {
            self.read_on().await?;
            // Somebody's wish, or an entry of its own that was slow, may take the place.
            let drives = self.release.outcome.is_none() && self.release.driver == self.writer;
            if !drives || self.append(Event::HandedOver).await? {
                return Ok(());
            }
        }
    }

    /// The same for a process that is about to end: if it cannot be written in a moment, whoever comes next watches for a while.
    pub async fn leave(&mut self) {
        let _late = tokio::time::timeout(FAREWELL, Box::pin(self.hand_over())).await;
    }

    /// Takes the release over from whoever drives it, alive or not, because an operator orders it. Nothing happens if it is over
    /// or this process drives it already.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written, or the credentials lead elsewhere.
    pub async fn take_over(&mut self) -> Result<(), DriverError> {
        loop {
            self.read_on().await?;
            if self.release.outcome.is_some() || self.release.driver == self.writer {
                return Ok(());
            }
            match elsewhere(&self.seat.world, &self.release).await {
                Ok(None) => {}
                Ok(Some((wanted, found))) => return Err(self.in_another_place(wanted, found)),
                Err(source) => return Err(DriverError::Account { source }),
            }
            let from = self.release.driver.clone();
            let why = "by order".to_owned();
            if self
                .append(Event::TookOver {
                    from,
                    why,
                    forced: true,
                })
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Takes over a release that is free. How long to wait before the next attempt, if it could not be.
    pub(super) async fn take_over_free(&mut self, why: String) -> Result<Option<Duration>, DriverError> {
        match elsewhere(&self.seat.world, &self.release).await {
            Ok(None) => {}
            Ok(Some((wanted, found))) => return Err(self.in_another_place(wanted, found)),
            // Without credentials it would ask for ever; a network that is down may come back.
            Err(source) if source.effect == Effect::Refused || source.is_unauthenticated() => {
                return Err(DriverError::Account { source });
            }
            Err(source) if self.hasty => {
                let id = Box::new(self.release.plan.id.clone());
                return Err(DriverError::Unanswered { id, source });
            }
            Err(error) => {
                self.seat.listener.notice(Notice::Trouble {
                    message: &format!("could not find out which account this is: {error}"),
                });
                return Ok(Some(self.release.plan.provision.interval.get()));
            }
        }
        let from = self.release.driver.clone();
        self.append(Event::TookOver {
            from,
            why,
            forced: false,
        })
        .await?;
        Ok(None)
    }

    /// When the clock of this machine was set: the moments of the release move with it. Whether something was done.
    pub(super) async fn follow_clock(&mut self) -> Result<bool, DriverError> {
        let Some(now) = self.steady.was_set() else {
            return Ok(false);
        };
        if self.release.driver != self.writer {
            self.steady.follow();
            return Ok(false);
        }
        let here = self.seat.clock.now();
        let by = here.since(now).max(now.since(here)).as_secs();
        let event = Event::TookOver {
            from: self.writer.clone(),
            why: format!("the clock of its machine was set, by {by} s"),
            forced: false,
        };
        if self.append_at(event, now).await? {
            self.steady.follow();
        }
        Ok(true)
    }

    fn in_another_place(&self, wanted: String, found: String) -> DriverError {
        let id = Box::new(self.release.plan.id.clone());
        DriverError::Elsewhere { id, wanted, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn a_watch_counts_for_its_own_release_alone() {
        let mine = release(plan());
        let number = mine.plan.id.number;
        let on = |release| Watched {
            heard: 3,
            since: mine.heard_at,
            release,
        };
        assert!(on(Some(number)).is_on(&mine));
        assert!(!on(Some(ReleaseNumber(number.0 + 1))).is_on(&mine));
        // An older version of this program has not said which.
        let older = serde_json::json!({ "heard": 3, "since": mine.heard_at });
        let older: Watched = serde_json::from_value(older).unwrap();
        assert_eq!(older, on(None));
        assert!(older.is_on(&mine));
    }
}
