//! Idle timeouts: a time limit that begins anew whenever bytes move.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// When bytes last moved. Shared by those who move them and the one who waits.
#[derive(Debug)]
pub(super) struct Activity(AtomicU64);

/// Moments are kept as milliseconds since this one, so that they fit an atomic.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Activity {
    pub(super) fn now() -> Self {
        let activity = Self(AtomicU64::new(0));
        activity.touch();
        activity
    }

    pub(super) fn touch(&self) {
        let millis = u64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.store(millis, Ordering::Relaxed);
    }

    fn deadline(&self, idle: Duration) -> Instant {
        *BEGINNING + Duration::from_millis(self.0.load(Ordering::Relaxed)) + idle
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
