//! Health of an environment and its instances.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{ApplicationMetrics, EnvironmentHealthAttribute, InstancesHealthAttribute};

use super::super::error::read;
use super::super::time::timestamp;
use super::super::{Aws, CallError};
use crate::model::{
    EnvironmentId, HealthColor, HealthStatus, InstanceId, Latency, RequestCounts, Served, Span, VersionLabel,
};
use crate::release::{HealthSeen, InstanceSeen};

/// Of so many seconds the service tells, if it does not say how many (source: `Duration` of `ApplicationMetrics` in its API).
const WINDOW: u64 = 10;

impl Aws {
    /// Health of an environment: enhanced if it reports it, else the colour alone. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn health(&self, id: &EnvironmentId) -> Result<HealthSeen, CallError> {
        let answer = self
            .beanstalk
            .describe_environment_health()
            .environment_id(id.as_str())
            .attribute_names(EnvironmentHealthAttribute::All)
            .send()
            .await
            .map_err(|error| read("DescribeEnvironmentHealth", error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.has_code("InvalidRequestException") && error.message.contains("is not supported") => {
                return self.basic_health(id).await;
            }
            Err(error) => return Err(error),
        };
        let metrics = answer.application_metrics();
        Ok(HealthSeen {
            refreshed_at: answer.refreshed_at().map(timestamp),
            reported_at: answer.refreshed_at().map(timestamp),
            status: Some(HealthStatus::from_wire(answer.health_status().unwrap_or_default())),
            color: HealthColor::from_wire(answer.color().unwrap_or_default()),
            causes: answer.causes().to_vec(),
            instances: self.instances(id).await?,
            // No metrics means that no request was seen in the window.
            served: Some(metrics.map(served).unwrap_or_default()),
            window: self.window(metrics),
        })
    }

    async fn basic_health(&self, id: &EnvironmentId) -> Result<HealthSeen, CallError> {
        let environment = self
            .environment(id)
            .await?
            .ok_or_else(|| CallError::refused("DescribeEnvironments", format!("environment {id} is gone")))?;
        Ok(HealthSeen {
            refreshed_at: None,
            reported_at: None,
            status: None,
            color: environment.color,
            causes: Vec::new(),
            instances: BTreeMap::new(),
            served: None,
            window: self.window(None),
        })
    }

    fn window(&self, metrics: Option<&ApplicationMetrics>) -> Span {
        let told = metrics.and_then(|metrics| u64::try_from(metrics.duration().unwrap_or_default()).ok());
        let seconds = told.filter(|seconds| *seconds > 0).unwrap_or(WINDOW);
        Span::from(self.lasts(Duration::from_secs(seconds)))
    }

    async fn instances(&self, id: &EnvironmentId) -> Result<BTreeMap<InstanceId, InstanceSeen>, CallError> {
        let mut found = BTreeMap::new();
        let mut token = None;
        loop {
            let answer = self
                .beanstalk
                .describe_instances_health()
                .environment_id(id.as_str())
                .attribute_names(InstancesHealthAttribute::All)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| read("DescribeInstancesHealth", error))?;
            for instance in answer.instance_health_list() {
                let Some(instance_id) = instance.instance_id() else {
                    continue;
                };
                // A deployment that is still going on proves nothing of what the instance serves.
                let version = instance
                    .deployment()
                    .filter(|deployment| deployment.status() == Some("Deployed"))
                    .and_then(|deployment| deployment.version_label())
                    .map(VersionLabel::new);
                let status = HealthStatus::from_wire(instance.health_status().unwrap_or_default());
                let seen = InstanceSeen {
                    status,
                    version,
                    served: instance.application_metrics().map(served),
                };
                found.insert(InstanceId::new(instance_id), seen);
            }
            token = answer.next_token;
            if token.as_deref().is_none_or(str::is_empty) {
                return Ok(found);
            }
        }
    }
}

/// What was served, as the service tells it.
fn served(metrics: &ApplicationMetrics) -> Served {
    let count = |told: Option<i32>| u64::try_from(told.unwrap_or_default()).unwrap_or_default();
    let codes = metrics.status_codes();
    let classes = codes.map_or_else(RequestCounts::default, |codes| RequestCounts {
        status_2xx: count(codes.status2xx()),
        status_3xx: count(codes.status3xx()),
        status_4xx: count(codes.status4xx()),
        status_5xx: count(codes.status5xx()),
    });
    let latency = metrics.latency().and_then(|latency| {
        // A percentile that is not told cannot be judged; without the median there is nothing to judge.
        let seconds = |told: Option<f64>| told.filter(|told| told.is_finite() && *told >= 0.0).unwrap_or_default();
        latency.p50().map(|p50| Latency {
            p10: seconds(latency.p10()),
            p50,
            p75: seconds(latency.p75()),
            p85: seconds(latency.p85()),
            p90: seconds(latency.p90()),
            p95: seconds(latency.p95()),
            p99: seconds(latency.p99()),
            p999: seconds(latency.p999()),
        })
    });
    Served::told(
        u64::try_from(metrics.request_count()).unwrap_or_default(),
        classes,
        latency,
    )
}
