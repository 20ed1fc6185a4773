//! The service's own time, as its answers tell it: health data and events are dated by that clock, and this machine's may
//! differ from it by minutes. A local cloud that is faster than AWS says so, too: what it counts in ten seconds was counted in less.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::{DateTime, Format};
use tokio::time::Instant;

use super::time::timestamp;
use crate::model::{Clock, PACE_HEADER, SystemClock, Timestamp};

/// The header of an answer has whole seconds, and the way takes a moment; a smaller difference is none.
const SMALLEST: Duration = Duration::from_secs(5);

/// Tells the time since some fixed moment.
type SinceThen = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Listens to the `Date` of every answer.
#[derive(Clone)]
pub(super) struct ServiceClock {
    heard: Arc<Mutex<Heard>>,
    now: SinceThen,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// What the service's clock showed, and what ours did.
    date: Option<(Timestamp, Duration)>,
    pace: Option<f64>,
}

impl std::fmt::Debug for ServiceClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceClock")
            .field("heard", &self.heard)
            .finish_non_exhaustive()
    }
}

impl ServiceClock {
    /// For a service elsewhere, whose time goes on while this machine sleeps.
    pub(super) fn elsewhere() -> Self {
        Self::by(|| SystemClock.since_boot())
    }

    /// For a cloud in this process, whose time may be virtual.
    pub(super) fn in_process() -> Self {
        let began = Instant::now();
        Self::by(move || began.elapsed())
    }

    fn by(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            heard: Arc::default(),
            now: Arc::new(now),
        }
    }

    /// What the service's clock shows when this machine's shows `here`; the same, if nothing else is known.
    pub(super) fn when(&self, here: Timestamp) -> Timestamp {
        let Some((date, heard)) = self.heard().date else {
            return here;
        };
        let there = date + (self.now)().saturating_sub(heard);
        if here.since(there).max(there.since(here)) < SMALLEST {
            here
        } else {
            there
        }
    }

    fn hear(&self, date: &str) {
        if let Ok(date) = DateTime::from_str(date, Format::HttpDate) {
            let told = (timestamp(&date), (self.now)());
            self.heard().date = Some(told);
        }
    }

    /// How many times faster than this machine's its time goes.
    pub(super) fn pace(&self) -> f64 {
        self.heard().pace.unwrap_or(1.0)
    }

    fn hear_pace(&self, pace: &str) {
        let pace = pace.parse().ok().filter(|pace: &f64| (1e-3..=1e4).contains(pace));
        self.heard().pace = pace;
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.hear(date);
        }
        if let Some(pace) = context.response().headers().get(PACE_HEADER) {
            self.hear_pace(pace);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Five minutes after the moment that is `here` in these tests.
    const LATER: &str = "Fri, 15 Jan 2027 08:05:00 GMT";

    #[test]
    fn time_that_the_machine_slept_has_passed_for_the_service() {
        let boot = Arc::new(AtomicU64::new(1000));
        let hands = Arc::clone(&boot);
        let clock = ServiceClock::by(move || Duration::from_secs(hands.load(Ordering::Relaxed)));
        let here = Timestamp::from_millis(1_800_000_000_000);
        clock.hear(LATER);
        boot.store(1000 + 3600, Ordering::Relaxed);
        let awake = here + Duration::from_secs(3600);
        assert_eq!(clock.when(awake), awake + Duration::from_secs(300));
    }

    #[cfg(feature = "local")]
    #[tokio::test(start_paused = true)]
    async fn virtual_time_passes_for_a_cloud_in_this_process_alone() {
        let clocks = [ServiceClock::in_process(), ServiceClock::elsewhere()];
        let here = Timestamp::from_millis(1_800_000_000_000);
        for clock in &clocks {
            clock.hear(LATER);
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        let [inside, outside] = clocks.map(|clock| clock.when(here).since(here));
        assert_eq!(inside, Duration::from_secs(3900));
        assert!(outside < Duration::from_secs(320), "{outside:?}");
    }

    #[test]
    fn the_service_tells_its_time() {
        let clock = ServiceClock::elsewhere();
        let here = Timestamp::from_millis(1_800_000_000_000);
        assert_eq!(clock.when(here), here, "nothing is known");
        clock.hear("not a date");
        assert_eq!(clock.when(here), here);
        clock.hear(LATER);
        let there = clock.when(here);
        assert!(there.since(here) >= Duration::from_secs(300), "{there}");
        assert!(there.since(here) < Duration::from_secs(320), "{there}");
        clock.hear("Fri, 15 Jan 2027 08:00:02 GMT");
        assert_eq!(clock.when(here), here, "a small difference is none");
        assert_eq!(clock.pace(), 1.0);
        clock.hear_pace("20");
        assert_eq!(clock.pace(), 20.0);
        for wrong in ["", "fast", "NaN", "0", "-3", "inf"] {
            clock.hear_pace(wrong);
            assert_eq!(clock.pace(), 1.0, "{wrong}");
        }
    }
}
