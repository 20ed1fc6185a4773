//! Health as Elastic Beanstalk words it, and what was counted in a window of time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Enhanced health of an environment or an instance.
///
/// Source: `EnvironmentHealthStatus` of the service's API model, version 2010-12-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HealthStatus {
    /// Passing health checks, no cause for concern.
    Ok,
    /// An operation is in progress, or a minor thing is worth a look.
    Info,
    /// An operation is in progress within the command timeout.
    Pending,
    /// No agent has reported, or not enough of them.
    Unknown,
    /// No data was received for some time.
    NoData,
    /// Some requests fail or other indicators are raised.
    Warning,
    /// Many requests fail.
    Degraded,
    /// Most requests fail.
    Severe,
    /// The service stopped watching.
    Suspended,
}

impl HealthStatus {
    /// Reads the text of the wire; anything unknown counts as [`HealthStatus::Unknown`].
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        match text.to_ascii_lowercase().replace([' ', '_'], "").as_str() {
            "ok" => Self::Ok,
            "info" => Self::Info,
            "pending" => Self::Pending,
            "nodata" => Self::NoData,
            "warning" => Self::Warning,
            "degraded" => Self::Degraded,
            "severe" => Self::Severe,
            "suspended" => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// The text of the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "Ok",
            Self::Info => "Info",
            Self::Pending => "Pending",
            Self::Unknown => "Unknown",
            Self::NoData => "NoData",
            Self::Warning => "Warning",
            Self::Degraded => "Degraded",
            Self::Severe => "Severe",
            Self::Suspended => "Suspended",
        }
    }

    /// Whether who has it is well; `None` if that cannot be said, as of one that is coming up.
    #[must_use]
    pub fn is_well(self) -> Option<bool> {
        match self {
            Self::Ok | Self::Info => Some(true),
            Self::Warning | Self::Degraded | Self::Severe => Some(false),
            Self::Pending | Self::Unknown | Self::NoData | Self::Suspended => None,
        }
    }

    /// The colour the service shows for it.
    #[must_use]
    pub fn color(self) -> HealthColor {
        match self {
            Self::Ok | Self::Info => HealthColor::Green,
            Self::Warning => HealthColor::Yellow,
            Self::Degraded | Self::Severe => HealthColor::Red,
            Self::Unknown | Self::NoData | Self::Pending | Self::Suspended => HealthColor::Grey,
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Health as a colour: all that basic health reporting offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HealthColor {
    /// Healthy.
    Green,
    /// Failing some checks.
    Yellow,
    /// Failing.
    Red,
    /// Being set up, updated, or not known.
    Grey,
}

impl HealthColor {
    /// Reads the text of the wire; anything unknown counts as grey.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        match text {
            "Green" => Self::Green,
            "Yellow" => Self::Yellow,
            "Red" => Self::Red,
            _ => Self::Grey,
        }
    }

    /// The text of the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "Green",
            Self::Yellow => "Yellow",
            Self::Red => "Red",
            Self::Grey => "Grey",
        }
    }
}

impl fmt::Display for HealthColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Requests of one window of time, by class of their status code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Answered with 2xx.
    pub status_2xx: u64,
    /// Answered with 3xx.
    pub status_3xx: u64,
    /// Answered with 4xx.
    pub status_4xx: u64,
    /// Answered with 5xx, those of the balancer itself included.
    pub status_5xx: u64,
}

impl RequestCounts {
    /// All requests of the window.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.status_2xx + self.status_3xx + self.status_4xx + self.status_5xx
    }

    /// Counts one more answer.
    pub fn count(&mut self, status: u16) {
        match status {
            0..=299 => self.status_2xx += 1,
            300..=399 => self.status_3xx += 1,
            400..=499 => self.status_4xx += 1,
            _ => self.status_5xx += 1,
        }
    }

    /// Adds another window's or instance's counts.
    pub fn add(&mut self, other: &Self) {
        self.status_2xx += other.status_2xx;
        self.status_3xx += other.status_3xx;
        self.status_4xx += other.status_4xx;
        self.status_5xx += other.status_5xx;
    }
}

/// Latency percentiles of one window, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// 10th percentile.
    pub p10: f64,
    /// Median.
    pub p50: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 85th percentile.
    pub p85: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
}

impl Latency {
    /// Shares of the requests, and in how many seconds so many were answered.
    #[must_use]
    pub fn points(&self) -> [(f64, f64); 8] {
        [
            (0.1, self.p10),
            (0.5, self.p50),
            (0.75, self.p75),
            (0.85, self.p85),
            (0.9, self.p90),
            (0.95, self.p95),
            (0.99, self.p99),
            (0.999, self.p999),
        ]
    }
}
