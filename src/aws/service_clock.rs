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

use crate::model::{PACE_HEADER, Timestamp};

/// The header of an answer has whole seconds, and the way takes a moment; a smaller difference is none.
const SMALLEST: Duration = Duration::from_secs(5);

/// Listens to the `Date` of every answer.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceClock(Arc<Mutex<Heard>>);

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    date: Option<(Timestamp, Instant)>,
    pace: Option<f64>,
}

impl ServiceClock {
    /// What the service's clock shows when this machine's shows `here`; the same, if nothing else is known.
    pub(super) fn when(&self, here: Timestamp) -> Timestamp {
        let Some((date, heard)) = self.heard().date else {
            return here;
        };
        let there = date + heard.elapsed();
        if here.since(there).max(there.since(here)) < SMALLEST {
            here
        } else {
            there
        }
    }

    fn hear(&self, date: &str) {
        if let Ok(date) = DateTime::from_str(date, Format::HttpDate)
            && let Ok(millis) = date.to_millis()
        {
            let told = (Timestamp::from_millis(millis), Instant::now());
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    use super::*;

    #[test]
    fn the_service_tells_its_time() {
        let clock = ServiceClock::default();
        let here = Timestamp::from_millis(1_800_000_000_000);
        assert_eq!(clock.when(here), here, "nothing is known");
        clock.hear("not a date");
        assert_eq!(clock.when(here), here);
        clock.hear("Fri, 15 Jan 2027 08:05:00 GMT");
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
