//! Target groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arn::{LoadBalancerArn, TargetGroupArn};
use super::state::Tags;
use crate::model::Timestamp;

/// A target group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TargetGroup {
    pub(super) arn: TargetGroupArn,
    /// Counts target groups, for pages.
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) vpc: String,
    pub(super) check: HealthCheck,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: Tags,
    /// The load balancer that its environment shares with others.
    pub(super) tenant_of: Option<LoadBalancerArn>,
    /// Since when a rule refers to it. Before that, its targets are not checked.
    pub(super) in_use_since: Option<Timestamp>,
}

/// How targets are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Path that is asked for.
    pub path: String,
    /// Port that is asked, or `traffic-port`.
    pub port: String,
    /// Status codes that count as healthy.
    pub matcher: String,
    /// Seconds between checks.
    pub interval: u32,
    /// Seconds after which one has failed.
    pub timeout: u32,
    /// Successes in a row that make a target healthy.
    pub healthy_threshold: u32,
    /// Failures in a row that make it unhealthy.
    pub unhealthy_threshold: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            port: "traffic-port".to_owned(),
            matcher: "200".to_owned(),
            interval: 30,
            timeout: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}

/// How a health check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCheck {
    /// It was answered with a status that does not count as healthy.
    Answered(u16),
    /// Neither an answer nor, without a path to ask for, a connection came in time.
    TimedOut,
    /// No connection came about, or what came back is no answer, or nothing runs that could be asked.
    Broken,
}

impl FailedCheck {
    /// The service's word for it (source: shape `TargetHealthReasonEnum`).
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Answered(_) => "Target.ResponseCodeMismatch",
            Self::TimedOut => "Target.Timeout",
            Self::Broken => "Target.FailedHealthChecks",
        }
    }
}

/// Which values an attribute takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits.
    Number(u32, u32),
    /// Zero, or a whole number within limits.
    ZeroOr(u32, u32),
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Takes {
    pub(super) fn accepts(self, value: &str) -> bool {
        let number = value.parse::<u32>().ok();
        match self {
            Self::Text => true,
            Self::Boolean => matches!(value, "true" | "false"),
            Self::Number(least, most) => number.is_some_and(|number| (least..=most).contains(&number)),
            Self::ZeroOr(least, most) => number.is_some_and(|number| number == 0 || (least..=most).contains(&number)),
            Self::Choice(choices) => choices.contains(&value),
        }
    }
}

/// Whether clients stay with one target of the group.
pub(super) const STICKINESS: &str = "stickiness.enabled";
/// How long they do by the load balancer's own cookie, in seconds.
pub(super) const STICKINESS_DURATION: &str = "stickiness.lb_cookie.duration_seconds";
/// How long requests in flight may go on once a target is deregistered, in seconds.
pub(super) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// Attributes that a target group has, with their defaults and values (source: shape `TargetGroupAttribute`).
pub(super) const ATTRIBUTES: &[(&str, &str, Takes)] = &[
    (DEREGISTRATION_DELAY, "300", Takes::Number(0, 3600)),
    (
        "load_balancing.algorithm.anomaly_mitigation",
        "off",
        Takes::Choice(&["on", "off"]),
    ),
    (
        "load_balancing.algorithm.type",
        "round_robin",
        Takes::Choice(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Takes::Choice(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", Takes::ZeroOr(30, 900)),
    ("stickiness.app_cookie.cookie_name", "", Takes::Text),
    (
        "stickiness.app_cookie.duration_seconds",
        "86400",
        Takes::Number(1, 604_800),
    ),
    (STICKINESS, "false", Takes::Boolean),
    (STICKINESS_DURATION, "86400", Takes::Number(1, 604_800)),
    (
        "stickiness.type",
        "lb_cookie",
        Takes::Choice(&["lb_cookie", "app_cookie"]),
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
        Takes::Text,
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
        Takes::Text,
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
        Takes::Text,
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        Takes::Text,
    ),
];

/// The attributes of a new group.
pub(super) fn default_attributes() -> BTreeMap<String, String> {
    let defaults = ATTRIBUTES.iter();
    defaults
        .map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

impl TargetGroup {
    pub(super) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}
