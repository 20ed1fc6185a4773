//! How long everything takes, at AWS's pace or faster.

use std::time::Duration;

/// How long everything takes, in real time.
///
/// What the service itself does is divided by the pace, but for how long it keeps what is over. What the application does
/// (starting, answering a health check, finishing a request) is real work that no pace makes faster: limits on it never shrink
/// below the `least_…` lengths. Source of the lengths: events and times observed on AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// How many times faster than AWS; 1 is AWS's own pace.
    pub pace: f64,
    /// From `CreateEnvironment` until balancer and Auto Scaling group are there and instances start.
    pub launch_resources: Duration,
    /// How long a new load balancer of Elastic Load Balancing is `provisioning`.
    pub balancer_provisioning: Duration,
    /// How long both environments of a swap are being updated.
    pub swap: Duration,
    /// Shortest time from `TerminateEnvironment` until the environment is terminated.
    pub terminate: Duration,
    /// Processing of an application version.
    pub version_processing: Duration,
    /// Shortest time of an environment update.
    pub update: Duration,
    /// An update of an environment's tags.
    pub tag_update: Duration,
    /// Length of one window of health reporting.
    pub health_window: Duration,
    /// Windows in a row in which all instances must serve before a launch is complete.
    pub launch_windows: u32,
    /// The same for an update.
    pub update_windows: u32,
    /// Windows without any report after which an environment has no data.
    pub silent_windows: u32,
    /// How long a terminated environment is listed without asking for it.
    pub terminated_listed: Duration,
    /// How long a terminated environment can be asked for, at any pace.
    pub terminated_kept: Duration,
    /// How long events are kept, at any pace.
    pub events_kept: Duration,
    /// Time to live of the DNS names.
    pub dns_ttl: Duration,
    /// Until all DNS servers have heard of a change of a hosted zone.
    pub dns_change: Duration,
    /// After which a balancer closes idle connections.
    pub idle_timeout: Duration,
    /// Shortest command timeout, whatever the option says.
    pub least_command_timeout: Duration,
    /// Shortest timeout of a health check, unless the option itself is shorter.
    pub least_health_check_timeout: Duration,
    /// Shortest deregistration delay, unless the option itself is shorter.
    pub least_deregistration_delay: Duration,
}

/// Connections may be idle for so long at any pace: clients think in real time.
const LEAST_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Six weeks: how long the service remembers events and terminated environments.
const SIX_WEEKS: Duration = Duration::from_secs(42 * 24 * 3600);

impl Timing {
    /// AWS's own lengths.
    #[must_use]
    pub fn aws() -> Self {
        Self {
            pace: 1.0,
            launch_resources: Duration::from_secs(180),
            balancer_provisioning: Duration::from_secs(120),
            swap: Duration::from_secs(5),
            terminate: Duration::from_secs(120),
            version_processing: Duration::from_secs(2),
            update: Duration::from_secs(60),
            tag_update: Duration::from_secs(10),
            health_window: Duration::from_secs(10),
            launch_windows: 12,
            update_windows: 3,
            silent_windows: 3,
            terminated_listed: Duration::from_secs(3600),
            terminated_kept: SIX_WEEKS,
            events_kept: SIX_WEEKS,
            dns_ttl: Duration::from_secs(60),
            dns_change: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            least_command_timeout: Duration::ZERO,
            least_health_check_timeout: Duration::ZERO,
            least_deregistration_delay: Duration::ZERO,
        }
    }

    /// AWS's lengths divided by `pace`. A pace that is not a positive number counts as 1.
    #[must_use]
    pub fn scaled(pace: f64) -> Self {
        let pace = if pace.is_finite() && pace > 0.0 { pace } else { 1.0 };
        let aws = Self { pace, ..Self::aws() };
        Self {
            launch_resources: aws.scale(aws.launch_resources),
            balancer_provisioning: aws.scale(aws.balancer_provisioning),
            swap: aws.scale(aws.swap),
            terminate: aws.scale(aws.terminate),
            version_processing: aws.scale(aws.version_processing),
            update: aws.scale(aws.update),
            tag_update: aws.scale(aws.tag_update),
            health_window: aws.scale(aws.health_window),
            terminated_listed: aws.scale(aws.terminated_listed),
            dns_ttl: aws.scale(aws.dns_ttl),
            dns_change: aws.scale(aws.dns_change),
            idle_timeout: aws.idle(aws.idle_timeout),
            least_command_timeout: Duration::from_secs(20),
            least_health_check_timeout: Duration::from_secs(1),
            least_deregistration_delay: Duration::from_secs(2),
            ..aws
        }
    }

    /// A length of AWS's in real time.
    #[must_use]
    pub fn scale(&self, length: Duration) -> Duration {
        // A pace far below 1 could make a length that does not fit; it is then as long as can be.
        Duration::try_from_secs_f64(length.as_secs_f64() / self.pace).unwrap_or(Duration::MAX)
    }

    /// A length of real time as AWS would have told it.
    #[must_use]
    pub fn told(&self, length: Duration) -> Duration {
        Duration::try_from_secs_f64(length.as_secs_f64() * self.pace).unwrap_or(Duration::MAX)
    }

    /// A time after which balancers close idle connections, as load balancers that environments share have it too.
    pub(crate) fn idle(&self, length: Duration) -> Duration {
        self.scale(length).max(LEAST_IDLE_TIMEOUT)
    }

    /// A limit on the application's own work: scaled, but not below `least` unless it was below it from the start.
    pub(crate) fn limit(&self, length: Duration, least: Duration) -> Duration {
        self.scale(length).max(least.min(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_paced_and_the_application_is_not() {
        let timing = Timing::scaled(60.0);
        assert_eq!(timing.launch_resources, Duration::from_secs(3));
        assert_eq!(timing.dns_ttl, Duration::from_secs(1));
        assert_eq!(timing.idle_timeout, Duration::from_secs(10));
        assert_eq!(timing.told(Duration::from_secs(3)), Duration::from_secs(180));
        let least = timing.least_deregistration_delay;
        assert_eq!(timing.limit(Duration::from_secs(20), least), Duration::from_secs(2));
        assert_eq!(timing.limit(Duration::from_secs(600), least), Duration::from_secs(10));
        assert_eq!(timing.limit(Duration::ZERO, least), Duration::ZERO);
    }

    #[test]
    fn a_senseless_pace_is_aws_own() {
        for pace in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Timing::scaled(pace).launch_resources, Timing::aws().launch_resources);
        }
    }
}
