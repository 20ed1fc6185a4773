//! Connecting to AWS, or to whatever endpoint the standard environment variables name.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_elasticbeanstalk::config::retry::RetryPartition;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use http_body_util::BodyExt;

use super::service_clock::ServiceClock;
use crate::model::Timestamp;
use crate::release::limits;

/// How to connect.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// Region, if it is not to come from the environment or the profile.
    pub region: Option<String>,
    /// A cloud in this process instead of the network.
    pub in_process: Option<Arc<dyn InProcess>>,
    /// An endpoint, if it is not to come from the environment or the profile.
    pub endpoint: Option<String>,
    /// Key and secret, if they are not to come from the standard chain.
    pub keys: Option<(String, String)>,
}

impl std::fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSettings")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A cloud that is reached by a call instead of over the network: the second door of the local cloud.
#[async_trait::async_trait]
pub trait InProcess: Send + Sync {
    /// Answers one request.
    async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String>;
}

/// Clients for every service that a release uses.
#[derive(Clone, Debug)]
pub struct Aws {
    /// For reads: retried by the SDK.
    pub(super) beanstalk: aws_sdk_elasticbeanstalk::Client,
    /// For calls that change something: sent once.
    pub(super) beanstalk_once: aws_sdk_elasticbeanstalk::Client,
    pub(super) s3: aws_sdk_s3::Client,
    /// For small objects, which come at once or not at all.
    pub(super) s3_small: aws_sdk_s3::Client,
    /// For questions about objects: the same, with retries of their own.
    pub(super) s3_heads: aws_sdk_s3::Client,
    pub(super) sts: aws_sdk_sts::Client,
    /// For reads: retried by the SDK.
    pub(super) route53: aws_sdk_route53::Client,
    /// For changes: sent once.
    pub(super) route53_once: aws_sdk_route53::Client,
    /// For reads: retried by the SDK.
    pub(super) balancing: aws_sdk_elasticloadbalancingv2::Client,
    /// For changes: sent once.
    pub(super) balancing_once: aws_sdk_elasticloadbalancingv2::Client,
    /// For reads: retried by the SDK.
    pub(super) scaling: aws_sdk_autoscaling::Client,
    /// For changes: sent once.
    pub(super) scaling_once: aws_sdk_autoscaling::Client,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) pipelines: aws_sdk_codepipeline::Client,
    region: Option<String>,
    service_clock: ServiceClock,
}

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one attempt of a small call may take.
const ATTEMPT: Duration = Duration::from_secs(15);
/// How long one attempt to read or write a small object may take. Not less, because it may have to fetch credentials first, for
/// which the SDK allows as long.
const SMALL_ATTEMPT: Duration = Duration::from_secs(5);
/// How long all attempts may take together. A write and the look whether it has arrived stay below the deadline of an intent,
/// give or take a little: what takes longer is of no use to a driver any more.
const SMALL: Duration = Duration::from_secs(7);

impl Aws {
    /// Reads the standard environment (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `HTTPS_PROXY`, …) and makes the clients. Sends nothing
    /// yet, unless the profile asks for credentials from elsewhere.
    pub async fn connect(settings: &AwsSettings) -> Self {
        let http: SharedHttpClient = match &settings.in_process {
            Some(cloud) => SharedHttpClient::new(InProcessClient(Arc::clone(cloud))),
            None => super::way::over_the_network(),
        };
        let service_clock = match settings.in_process {
            Some(_) => ServiceClock::in_process(),
            None => ServiceClock::elsewhere(),
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(3);
        if let (Some(_), Some(region), Some((key, secret))) = (&settings.in_process, &settings.region, &settings.keys) {
            // Everything is said: nothing is looked up in the environment or in files.
            let shared = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.clone()))
                .credentials_provider(SharedCredentialsProvider::new(own_keys(key, secret)))
                .identity_cache(IdentityCache::lazy().build())
                .http_client(http)
                .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
                .time_source(SharedTimeSource::new(SystemTimeSource::new()))
                .retry_config(retries)
                .timeout_config(timeouts)
                .build();
            return Self::with(&shared, service_clock);
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        } else if std::env::var("AWS_REGION").is_ok_and(|region| region.is_empty()) {
            // The SDK takes it for the name of a region, and fails with each call. It is none: what is looked at next, says it.
            let other = std::env::var("AWS_DEFAULT_REGION")
                .ok()
                .filter(|region| !region.is_empty());
            let next = ProfileFileRegionProvider::new();
            loader = loader.region(RegionProviderChain::first_try(other.map(Region::new)).or_else(next));
        }
        if let Some(endpoint) = &settings.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some((key, secret)) = &settings.keys {
            loader = loader.credentials_provider(own_keys(key, secret));
        }
        Self::with(&loader.load().await, service_clock)
    }

    fn with(shared: &SdkConfig, service_clock: ServiceClock) -> Self {
        let beanstalk = aws_sdk_elasticbeanstalk::config::Builder::from(shared)
            .retry_partition(own_retries("reads"))
            .interceptor(service_clock.clone())
            .build();
        let once_in_time = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_timeout(limits::CALL_TIMEOUT)
            .build();
        let once = aws_sdk_elasticbeanstalk::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(once_in_time.clone())
            .build();
        // A part of a bundle takes longer than a describe call, and what is slow is not yet broken.
        let s3 = aws_sdk_s3::config::Builder::from(shared)
            .retry_partition(own_retries("bundles"))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(Duration::from_secs(300))
                    .build(),
            )
            // Names of buckets as host names do not resolve for endpoints on this machine.
            .force_path_style(shared.endpoint_url().is_some())
            .build();
        let small = |retries| {
            aws_sdk_s3::config::Builder::from(shared)
                .retry_partition(own_retries(retries))
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(4)
                        .with_initial_backoff(Duration::from_millis(100))
                        .with_max_backoff(Duration::from_secs(1)),
                )
                .timeout_config(
                    TimeoutConfig::builder()
                        .connect_timeout(CONNECT)
                        .operation_attempt_timeout(SMALL_ATTEMPT)
                        .operation_timeout(SMALL)
                        .build(),
                )
                .force_path_style(shared.endpoint_url().is_some())
                .build()
        };
        let sts = aws_sdk_sts::config::Builder::from(shared)
            .retry_partition(own_retries("identity"))
            .build();
        let route53 = aws_sdk_route53::config::Builder::from(shared)
            .retry_partition(own_retries("records"))
            .build();
        let route53_once = aws_sdk_route53::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(once_in_time.clone())
            .build();
        let balancing = aws_sdk_elasticloadbalancingv2::config::Builder::from(shared)
            .retry_partition(own_retries("rules"))
            .build();
        let balancing_once = aws_sdk_elasticloadbalancingv2::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(once_in_time.clone())
            .build();
        let scaling = aws_sdk_autoscaling::config::Builder::from(shared)
            .retry_partition(own_retries("groups"))
            .build();
        let scaling_once = aws_sdk_autoscaling::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(once_in_time)
            .build();
        let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(shared)
            .retry_partition(own_retries("metrics"))
            .build();
        let pipelines = aws_sdk_codepipeline::config::Builder::from(shared)
            .retry_partition(own_retries("pipelines"))
            .build();
        Self {
            beanstalk: aws_sdk_elasticbeanstalk::Client::from_conf(beanstalk),
            beanstalk_once: aws_sdk_elasticbeanstalk::Client::from_conf(once),
            s3: aws_sdk_s3::Client::from_conf(s3),
            s3_small: aws_sdk_s3::Client::from_conf(small("journal")),
            s3_heads: aws_sdk_s3::Client::from_conf(small("heads")),
            sts: aws_sdk_sts::Client::from_conf(sts),
            route53: aws_sdk_route53::Client::from_conf(route53),
            route53_once: aws_sdk_route53::Client::from_conf(route53_once),
            balancing: aws_sdk_elasticloadbalancingv2::Client::from_conf(balancing),
            balancing_once: aws_sdk_elasticloadbalancingv2::Client::from_conf(balancing_once),
            scaling: aws_sdk_autoscaling::Client::from_conf(scaling),
            scaling_once: aws_sdk_autoscaling::Client::from_conf(scaling_once),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch),
            pipelines: aws_sdk_codepipeline::Client::from_conf(pipelines),
            region: shared.region().map(ToString::to_string),
            service_clock,
        }
    }

    /// What Elastic Beanstalk's clock shows when this machine's shows `here`, by the answers so far: its dates are by that clock.
    /// The same moment, as long as nothing is known or the difference is small.
    #[must_use]
    pub fn service_time(&self, here: Timestamp) -> Timestamp {
        self.service_clock.when(here)
    }

    /// How long something lasts here that lasts so long by the service's clock.
    pub(super) fn lasts(&self, there: Duration) -> Duration {
        there.div_f64(self.service_clock.pace())
    }

    /// The region in use, if there is one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}

/// An allowance of retries for one client. By default the SDK has one for each service and process: an upload that fails would
/// use up what the journal may retry, and of two connections in one process each would depend on what the other has met.
fn own_retries(client: &'static str) -> RetryPartition {
    RetryPartition::custom(client).build()
}

fn own_keys(key: &str, secret: &str) -> Credentials {
    Credentials::new(key, secret, None, None, "cutover")
}

/// The SDK's HTTP client over a cloud in this process.
#[derive(Clone)]
struct InProcessClient(Arc<dyn InProcess>);

impl std::fmt::Debug for InProcessClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcessClient")
    }
}

impl HttpClient for InProcessClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcessClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            let answer = cloud
                .answer(http::Request::from_parts(head, body))
                .await
                .map_err(|message| ConnectorError::io(message.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
