//! Idle timeouts: a time limit that begins anew whenever bytes move.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// When bytes last moved. Shared by those who move them and the one who waits.
#[derive(Debug)]
pub(super) struct Activity {
    moved: AtomicU64,
    /// Whether it is the client who is to send more.
    awaits_client: AtomicBool,
}

/// Moments are kept as milliseconds since this one, so that they fit an atomic.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Activity {
    pub(super) fn now() -> Self {
        let activity = Self {
            moved: AtomicU64::new(0),
            awaits_client: AtomicBool::new(false),
        };
        activity.touch();
        activity
    }

    pub(super) fn touch(&self) {
        let millis = u64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }

    /// Notes whether all waits for the client to send more.
    pub(super) fn note_client(&self, is_awaited: bool) {
        self.awaits_client.store(is_awaited, Ordering::Relaxed);
    }

    /// Whether that was so at last.
    pub(super) fn awaits_client(&self) -> bool {
        self.awaits_client.load(Ordering::Relaxed)
    }

    fn deadline(&self, idle: Duration) -> Instant {
        *BEGINNING + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + idle
    }

    /// What the future gives; `None` when nothing has moved for so long.
    pub(super) async fn limit<F: Future>(&self, idle: Duration, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            if let Ok(output) = timeout_at(self.deadline(idle), future.as_mut()).await {
                return Some(output);
            }
            if self.deadline(idle) <= Instant::now() {
                return None;
            }
        }
    }
}
