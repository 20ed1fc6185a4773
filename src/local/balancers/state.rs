//! Load balancers with their listeners and rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::arn::LoadBalancerArn;
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

/// Attributes that a load balancer has, with their defaults.
pub(super) const ATTRIBUTES: &[(&str, &str)] = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    (DELETION_PROTECTION, "false"),
    (IDLE_TIMEOUT, "60"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
];

/// Whether a load balancer can be deleted.
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";
/// Seconds after which idle connections are closed, 1 to 4000.
pub(super) const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
