//! AWS's time. Machines disagree by minutes; what AWS reports carries its own time, and every answer says what that is. So
//! drivers go by it, and two drivers of one release have one clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

use crate::model::{Clock, Timestamp};

/// The `Date` header has whole seconds, and an answer takes a while: a smaller difference says nothing.
const BLUR_MS: i64 = 2_000;

/// AWS's time, as far as answers have told it; this machine's until then.
#[derive(Clone)]
pub struct ServiceTime {
    local: Arc<dyn Clock>,
    ahead_ms: Arc<AtomicI64>,
}

impl ServiceTime {
    /// Over a clock of this machine.
    pub(super) fn new(local: Arc<dyn Clock>) -> Self {
        Self {
            local,
            ahead_ms: Arc::default(),
        }
    }

    fn told(&self, service: Timestamp) {
        let ahead = service.as_millis().saturating_sub(self.local.now().as_millis());
        let before = self.ahead_ms.load(Ordering::Relaxed);
        if ahead.abs_diff(before) > BLUR_MS.unsigned_abs() {
            // Within its blur the difference is taken for none.
            let ahead = if ahead.abs() <= BLUR_MS { 0 } else { ahead };
            self.ahead_ms.store(ahead, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for ServiceTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceTime")
            .field("ahead_ms", &self.ahead_ms)
            .finish_non_exhaustive()
    }
}

impl Clock for ServiceTime {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_ms.load(Ordering::Relaxed);
        Timestamp::from_millis(self.local.now().as_millis().saturating_add(ahead))
    }

    fn since_boot(&self) -> Duration {
        self.local.since_boot()
    }
}

#[dyn_dispatch_hint]
impl Intercept for ServiceTime {
    fn name(&self) -> &'static str {
        "ServiceTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()) {
            self.told(Timestamp::from_millis(date.secs().saturating_mul(1000)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Standing;

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_000_000_000)
        }

        fn since_boot(&self) -> Duration {
            Duration::from_secs(5)
        }
    }

    #[test]
    fn a_clock_that_is_far_off_is_put_right_and_a_near_one_left_alone() {
        let time = ServiceTime::new(Arc::new(Standing));
        let now = Timestamp::from_millis(1_000_000_000);
        time.told(now + Duration::from_millis(1900));
        assert_eq!(time.now(), now, "within the blur");
        time.told(now + Duration::from_secs(180));
        assert_eq!(time.now(), now + Duration::from_secs(180));
        time.told(now + Duration::from_secs(181));
        assert_eq!(time.now(), now + Duration::from_secs(180), "it does not jitter");
        time.told(now - Duration::from_secs(60));
        assert_eq!(time.now(), now - Duration::from_secs(60));
        time.told(now + Duration::from_secs(1));
        assert_eq!(time.now(), now, "put right since");
    }
}
