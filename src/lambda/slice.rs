//! The time of one invocation.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Clock;

/// The longest that is kept back to hand the release over and to answer.
const FAREWELL: Duration = Duration::from_secs(15);

/// How long an invocation may work.
#[derive(Clone)]
pub struct Slice {
    clock: Arc<dyn Clock>,
    /// From then on nothing new begins, on the clock that does not jump.
    soft: Duration,
    /// Then whatever is under way is left.
    hard: Duration,
}

impl Slice {
    /// Until shortly before Lambda ends the function, at so many milliseconds since 1970.
    pub(super) fn until(clock: Arc<dyn Clock>, deadline: u64) -> Self {
        let now = u64::try_from(clock.now().as_millis()).unwrap_or(0);
        Self::of(clock, Duration::from_millis(deadline.saturating_sub(now)))
    }

    /// Of a function that is ended so long from now.
    #[must_use]
    pub fn of(clock: Arc<dyn Clock>, length: Duration) -> Self {
        let kept = (length / 5).min(FAREWELL);
        let now = clock.since_boot();
        Self {
            soft: now + length.saturating_sub(kept * 2),
            hard: now + length.saturating_sub(kept),
            clock,
        }
    }

    /// Whether nothing new is to begin.
    pub(super) fn is_over(&self) -> bool {
        self.clock.since_boot() >= self.soft
    }

    /// What is left until nothing new is to begin.
    pub(super) fn left(&self) -> Duration {
        self.soft.saturating_sub(self.clock.since_boot())
    }

    /// Waits until whatever is under way must be left.
    pub(super) async fn end(&self) {
        tokio::time::sleep(self.hard.saturating_sub(self.clock.since_boot())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;

    #[test]
    fn there_is_time_to_answer_and_short_functions_work_too() {
        let lengths = |seconds: u64| {
            let now = SystemClock.since_boot();
            let slice = Slice::of(Arc::new(SystemClock), Duration::from_secs(seconds));
            let rounded = |moment: Duration| (moment - now).as_secs_f64().round();
            (rounded(slice.soft), rounded(slice.hard))
        };
        assert_eq!(lengths(900), (870.0, 885.0));
        assert_eq!(lengths(10), (6.0, 8.0));
        assert!(Slice::until(Arc::new(SystemClock), 0).is_over());
    }
}
