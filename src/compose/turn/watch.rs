//! Watching a release that somebody else drives until it is over. Writes nothing.

use std::time::Duration;

use super::limit::Limit;
use crate::driver::{Seat, is_free};
use crate::journal::{JournalError, catch_up};
use crate::model::Timestamp;
use crate::release::{Notice, Phase, Release, Writer, limits};

/// How long a release that nobody drives any more is waited for: somebody may be told to go on with it, and do it.
pub(super) const ORPHAN: Duration = Duration::from_secs(5 * 60);

/// The longest pause between two looks into the journal.
const PAUSE: Duration = Duration::from_secs(1);

/// What came of the watch. It is the release as it was read last.
#[derive(Debug)]
pub(super) enum Watched {
    /// It is over.
    Over(Release),
    /// It is not, and is waited for no longer.
    UnderWay(Release),
}

/// Waits until a release is over, at most until the limit, and not for ever for one that nobody drives. Tells who is waited for
/// whenever something about that changes.
///
/// # Errors
///
/// When the journal cannot be read and waiting does not help.
pub(super) async fn until_over(seat: &Seat, mut holder: Release, limit: &Limit) -> Result<Watched, JournalError> {
    let id = holder.plan.id.clone();
    let pause = holder.plan.provision.interval.get().min(PAUSE);
    let mut signs = Signs::new(&holder, seat.clock.since_boot());
    let mut told = None;
    let mut in_trouble = false;
    loop {
        match catch_up(seat.journal.as_ref(), &id, Some(holder.clone())).await {
            Ok(read) => {
                holder = read.unwrap_or(holder);
                in_trouble = false;
            }
            Err(error) if error.may_pass() && !limit.is_over(seat.clock.as_ref()) => {
                if !in_trouble {
                    let message = format!("{error}; trying again until {}", limit.until);
                    seat.listener.notice(Notice::Trouble { message: &message });
                }
                in_trouble = true;
            }
            Err(error) => return Err(error),
        }
        if holder.outcome.is_some() {
            return Ok(Watched::Over(holder));
        }
        let now = seat.clock.since_boot();
        let free = signs.free(&holder, now);
        let end = signs
            .free_since
            .map_or(limit.end, |since| limit.end.min(since + ORPHAN));
        if now >= end {
            return Ok(Watched::UnderWay(holder));
        }
        let news = News::of(&holder, free.as_deref());
        if told.as_ref() != Some(&news) {
            let until = if end == limit.end {
                limit.until
            } else {
                seat.clock.now() + (end - now)
            };
            seat.listener.notice(Notice::Ahead {
                release: &holder,
                free: free.as_deref(),
                until,
            });
            told = Some(news);
        }
        tokio::time::sleep(pause.min(end - now)).await;
    }
}

/// What is told anew when it changes.
#[derive(Debug, PartialEq, Eq)]
struct News {
    phase: Phase,
    since: Timestamp,
    driver: Writer,
    free: Option<String>,
}

impl News {
    fn of(release: &Release, free: Option<&str>) -> Self {
        Self {
            phase: release.phase,
            since: release.phase_since,
            driver: release.driver.clone(),
            free: free.map(str::to_owned),
        }
    }
}

/// Signs of life of a driver.
struct Signs {
    /// Sequence of its last entry.
    heard: u64,
    /// Since when there was no other, on this process's own clock: the driver's clock may show another time.
    since: Duration,
    /// Since when nobody drives the release.
    free_since: Option<Duration>,
}

impl Signs {
    fn new(release: &Release, now: Duration) -> Self {
        Self {
            heard: release.heard,
            since: now,
            free_since: None,
        }
    }

    /// Why nobody drives the release any more; `None` if somebody may.
    fn free(&mut self, release: &Release, now: Duration) -> Option<String> {
        if self.heard != release.heard {
            *self = Self::new(release, now);
        }
        // Told by the driver's own clock, it has just been heard of: what is left is what is certain.
        let certain = is_free(release, release.heard_at);
        let silent = now.saturating_sub(self.since) >= limits::OWNERSHIP;
        let free = certain.or_else(|| is_free(release, release.owned_until).filter(|_| silent));
        match free {
            Some(_) => self.free_since.get_or_insert(now),
            None => {
                self.free_since = None;
                return None;
            }
        };
        free
    }
}
