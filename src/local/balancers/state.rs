//! Load balancers with their listeners and rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arn::LoadBalancerArn;
use super::group::Takes;
use super::routing::{Action, Condition};
use crate::model::{EnvironmentId, Timestamp};

/// Tags of a resource.
pub(super) type Tags = BTreeMap<String, String>;

/// An Application Load Balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) arn: LoadBalancerArn,
    /// Counts load balancers, for pages.
    pub(super) number: u64,
    pub(super) name: String,
    /// Its name in DNS.
    pub(super) dns_name: String,
    pub(super) scheme: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: Tags,
    pub(super) listeners: Vec<Listener>,
    /// The environment whose own it is. Elastic Beanstalk alone changes it, and the plane has it with the environment.
    pub(super) owner: Option<EnvironmentId>,
}

/// A listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Listener {
    pub(super) arn: String,
    pub(super) port: u16,
    pub(super) tags: Tags,
    /// In the order of their priority, the default rule last.
    pub(super) rules: Vec<ListenerRule>,
}

/// A rule of a listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ListenerRule {
    pub(super) arn: String,
    /// `None` for the default rule.
    pub(super) priority: Option<u32>,
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
    pub(super) tags: Tags,
}

impl Listener {
    /// Brings the rules into the order in which they are looked at.
    pub(super) fn sort(&mut self) {
        self.rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
    }

    pub(super) fn default_rule(&self) -> Option<&ListenerRule> {
        self.rules.iter().find(|rule| rule.priority.is_none())
    }
}

impl LoadBalancer {
    /// Actions of all its rules.
    pub(super) fn actions(&self) -> impl Iterator<Item = &Action> {
        let rules = self.listeners.iter().flat_map(|listener| &listener.rules);
        rules.map(|rule| &rule.action)
    }

    pub(super) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

/// Attributes that an Application Load Balancer has, with their defaults and values (source: shape `LoadBalancerAttribute`).
const ATTRIBUTES: &[(&str, &str, Takes)] = &[
    ("access_logs.s3.bucket", "", Takes::Text),
    ("access_logs.s3.enabled", "false", Takes::Boolean),
    ("access_logs.s3.prefix", "", Takes::Text),
    ("client_keep_alive.seconds", "3600", Takes::Number(60, 604_800)),
    ("connection_logs.s3.bucket", "", Takes::Text),
    ("connection_logs.s3.enabled", "false", Takes::Boolean),
    ("connection_logs.s3.prefix", "", Takes::Text),
    (DELETION_PROTECTION, "false", Takes::Boolean),
    ("health_check_logs.s3.bucket", "", Takes::Text),
    ("health_check_logs.s3.enabled", "false", Takes::Boolean),
    ("health_check_logs.s3.prefix", "", Takes::Text),
    (IDLE_TIMEOUT, "60", Takes::Number(1, 4000)),
    (DENY_GATEWAY, "false", Takes::Boolean),
    // It cannot be turned off.
    ("load_balancing.cross_zone.enabled", "true", Takes::Choice(&["true"])),
    (
        "routing.http.desync_mitigation_mode",
        "defensive",
        Takes::Choice(&["monitor", "defensive", "strictest"]),
    ),
    (
        "routing.http.drop_invalid_header_fields.enabled",
        "false",
        Takes::Boolean,
    ),
    ("routing.http.preserve_host_header.enabled", "false", Takes::Boolean),
    ("routing.http.x_amzn_tls_kx.enabled", "false", Takes::Boolean),
    (
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        "false",
        Takes::Boolean,
    ),
    ("routing.http.xff_client_port.enabled", "false", Takes::Boolean),
    (
        "routing.http.xff_header_processing.mode",
        "append",
        Takes::Choice(&["append", "preserve", "remove"]),
    ),
    ("routing.http2.enabled", "true", Takes::Boolean),
    ("waf.fail_open.enabled", "false", Takes::Boolean),
    ("zonal_shift.config.enabled", "false", Takes::Boolean),
];

/// Which values an attribute takes, if there is one of that key.
pub(super) fn takes(key: &str) -> Option<Takes> {
    let found = ATTRIBUTES.iter().find(|(known, ..)| *known == key);
    found.map(|(.., takes)| *takes)
}

/// The attributes of a new load balancer.
pub(super) fn default_attributes(scheme: &str) -> BTreeMap<String, String> {
    let defaults = ATTRIBUTES.iter();
    let mut attributes: BTreeMap<_, _> = defaults
        .map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    if scheme == INTERNAL {
        attributes.insert(DENY_GATEWAY.to_owned(), "true".to_owned());
    }
    attributes
}

/// The scheme of load balancers that the internet reaches.
pub(super) const EXTERNAL: &str = "internet-facing";
/// The scheme of those that it does not reach.
pub(super) const INTERNAL: &str = "internal";
/// Whether nothing comes in through an internet gateway; internal load balancers begin so.
const DENY_GATEWAY: &str = "ipv6.deny_all_igw_traffic";
/// Whether a load balancer can be deleted.
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";
/// Seconds after which idle connections are closed, 1 to 4000.
pub(super) const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
