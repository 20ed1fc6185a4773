//! The last look at the clock before a call goes out.
//!
//! Between the decision to make a call and its first byte lie signing, perhaps fetching credentials, a look-up of the name,
//! and a connection with TLS: a tenth of a second at best. A process that is stopped there, by a closed laptop or a frozen
//! machine, would send when it wakes up, whatever has become of the release by then; timeouts do not help, because what is
//! ready is taken before them. So the body of the request looks at the clock when it is asked for: the connection stands
//! then, and nothing has been written.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_elasticbeanstalk::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_elasticbeanstalk::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::model::{Clock, SystemClock};

/// Until when a call may go out.
#[derive(Clone)]
pub struct InTime {
    clock: Arc<dyn Clock>,
    until: Duration,
}

impl InTime {
    /// Until this time since boot, on a clock that counts sleep.
    #[must_use]
    pub fn until(clock: Arc<dyn Clock>, until: Duration) -> Self {
        Self { clock, until }
    }

    /// For calls that nobody takes over, which are as good late as early.
    #[must_use]
    pub fn whenever() -> Self {
        Self::until(Arc::new(SystemClock), Duration::MAX)
    }
}

impl std::fmt::Debug for InTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InTime")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Why a call did not go out.
#[derive(Debug, thiserror::Error)]
#[error("too much time had passed since the call was decided on, so it was not sent")]
struct Late;

impl Intercept for InTime {
    fn name(&self) -> &'static str {
        "InTime"
    }

    /// After signing, which wants the content.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        let content = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Guarded {
            content,
            in_time: self.clone(),
        });
        Ok(())
    }
}

/// A body that is not there any more when it is too late.
struct Guarded {
    content: SdkBody,
    in_time: InTime,
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.in_time.clock.since_boot() > self.in_time.until {
            return Poll::Ready(Some(Err(Late.into())));
        }
        Pin::new(&mut self.content).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::StatusCode;

    use super::*;
    use crate::aws::{Aws, AwsSettings, Effect};
    use crate::model::{EnvironmentId, SystemClock, Timestamp};
    use crate::probe::testing::{reply, serve};

    /// A service that counts what reaches it.
    async fn service() -> (Aws, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&count);
        let address = serve(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
            reply(StatusCode::OK, "<SwapEnvironmentCNAMEsResponse/>")
        })
        .await;
        let aws = Aws::connect(&AwsSettings {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(format!("http://{address}")),
            keys: Some(("key".to_owned(), "secret".to_owned())),
            in_process: None,
        })
        .await;
        (aws, count)
    }

    /// A clock that jumps at its second reading: the process is stopped after the connection was asked for.
    struct Frozen(AtomicUsize);

    impl Clock for Frozen {
        fn now(&self) -> Timestamp {
            SystemClock.now()
        }

        fn since_boot(&self) -> Duration {
            Duration::from_secs(if self.0.fetch_add(1, Ordering::SeqCst) < 1 {
                0
            } else {
                3600
            })
        }
    }

    #[tokio::test]
    async fn what_is_late_does_not_reach_the_service() {
        let (aws, count) = service().await;
        let (one, two) = (EnvironmentId::from("e-one"), EnvironmentId::from("e-two"));
        let clock = Arc::new(Frozen(AtomicUsize::new(0)));
        let until = Duration::from_secs(30);
        assert!(clock.since_boot() < until, "it is in time when it begins");
        let late = InTime::until(clock, until);
        let error = aws.swap(&one, &two, &late).await.unwrap_err();
        assert_eq!(count.load(Ordering::SeqCst), 0, "{error}");
        assert_eq!(error.effect, Effect::Unknown, "{error}");
        assert!(error.to_string().contains("not sent"), "{error}");
        assert!(aws.terminate(&one, &late).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn what_is_in_time_is_sent_once() {
        let (aws, count) = service().await;
        let (one, two) = (EnvironmentId::from("e-one"), EnvironmentId::from("e-two"));
        let clock = Arc::new(SystemClock);
        let in_time = InTime::until(clock.clone(), clock.since_boot() + Duration::from_secs(30));
        aws.swap(&one, &two, &in_time).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
