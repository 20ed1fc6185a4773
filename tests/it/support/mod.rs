//! What the tests of the whole program share: a cloud, projects on it, the real binary as a child, and a proxy that stands
//! between them and misbehaves on demand.
//!
//! Every wait has a deadline, and what is shown when it passes is what the child had said by then.

pub(crate) mod bundles;
pub(crate) mod child;
pub(crate) mod cloud;
pub(crate) mod project;
pub(crate) mod proxy;
pub(crate) mod random;
mod wire;

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

pub(crate) use cloud::Cloud;
pub(crate) use project::Project;
pub(crate) use proxy::Fault;

/// Longest time for a whole release here, with room for a slow machine. Some wait a minute on purpose: when nobody knows whether
/// a call has happened.
pub(crate) const RELEASE: Duration = Duration::from_secs(180);

/// Longest time for anything that should take a moment.
pub(crate) const MOMENT: Duration = Duration::from_secs(30);

/// How many releases may be under way at once: each is a handful of processes, and starved ones would fail for no reason of
/// their own.
static TURNS: Semaphore = Semaphore::const_new(8);

/// Waits for a turn to do something heavy; it lasts as long as what is returned.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    TURNS.acquire().await.unwrap()
}

/// Waits until something is there.
#[track_caller]
pub(crate) fn until<T, F>(what: &str, deadline: Duration, mut look: impl FnMut() -> F) -> impl Future<Output = T>
where
    F: Future<Output = Option<T>>,
{
    let place = std::panic::Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < end, "{place}: waited {deadline:?} in vain for {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}
