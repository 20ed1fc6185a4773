//! Whether this process itself gets to run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How often it beats.
const BEAT: Duration = Duration::from_millis(100);

/// Beats until it is dropped.
pub(super) struct Pulse {
    longest: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Pulse {
    pub(super) fn start() -> Self {
        let longest = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&longest);
        let task = tokio::spawn(async move {
            loop {
                let before = Instant::now();
                sleep(BEAT).await;
                let late = before.elapsed().saturating_sub(BEAT).as_millis();
                seen.fetch_max(late.try_into().unwrap(), Ordering::Relaxed);
            }
        });
        Self { longest, task }
    }

    /// The longest time for which it did not beat although it should have.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_millis(self.longest.load(Ordering::Relaxed))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}
