//! What preflight looks at.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::super::counted::AlarmSeen;
use super::super::plan::Plan;
use super::super::seen::{EnvironmentSeen, HealthSeen, VersionSeen};
use super::super::size::GroupSeen;
use crate::model::{EnvironmentId, Known, ProbeResult};
use crate::traffic::Split;

/// What preflight looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Who we are on AWS: the account's id.
    pub identity: Known<String>,
    /// Whether the application exists.
    pub application: Known<bool>,
    /// The application's environments, but for terminated ones.
    pub environments: Known<Vec<EnvironmentSeen>>,
    /// How a lever with weights shares out the traffic; asked only of such a one.
    pub split: Known<Split>,
    /// The rules that carry the traffic, but for those that cannot; asked only of a lever that has some.
    pub rules: Known<Vec<RuleSeen>>,
    /// Where other rules stand that forward to the live environment, but for those that Elastic Beanstalk has made; asked only of a
    /// lever with rules.
    pub other_rules: Known<Vec<String>>,
    /// Records of other names that lead to the live environment too; asked only of a lever that writes records.
    pub other_names: Known<Vec<String>>,
    /// Health of the live environment.
    pub blue_health: Known<HealthSeen>,
    /// What its configuration says.
    pub blue_settings: Known<SettingsSeen>,
    /// Its Auto Scaling group.
    pub blue_group: Known<GroupSeen>,
    /// A managed update that waits or runs on it, in words.
    pub managed_update: Known<Option<String>>,
    /// The application version of the plan's label.
    pub version: Known<Option<VersionSeen>>,
    /// The bucket for the bundle: its name, and whether it is there. The region's own bucket is made when it is needed. Asked only
    /// where a bundle is published.
    pub bucket: Known<BucketSeen>,
    /// The plan's alarms; asked only if there are some.
    pub alarms: Known<Vec<AlarmSeen>>,
    /// How full the account's quotas are.
    pub quotas: Known<Vec<QuotaSeen>>,
    /// The environment of another application of this account and region that has green's name, if one was seen.
    pub namesake: Option<EnvironmentSeen>,
    /// What is wrong with the bundle on this machine; each a sentence.
    pub bundle: Vec<String>,
    /// What the live environment answers to those of the plan's smoke checks that only read.
    pub blue_checks: Known<Vec<ProbeResult>>,
    /// The addresses of the name in the public URL, by which green is asked when it has traffic.
    pub public_addresses: Known<BTreeSet<IpAddr>>,
    /// Those of the slot's name, where that is another one and could be looked up.
    pub slot_addresses: Option<BTreeSet<IpAddr>>,
    /// Why the plan's endpoint tells nothing of what is served; `None` if it does, or there is none.
    pub endpoint_fault: Option<String>,
}

impl Facts {
    /// The environments that are live: they hold the slot's name, or have all its traffic.
    #[must_use]
    pub fn live(&self, plan: &Plan) -> Vec<&EnvironmentSeen> {
        let live = |seen: &&EnvironmentSeen| {
            if plan.lever.is_gradual() {
                self.split.known().and_then(Split::live) == Some(&seen.id)
            } else {
                seen.holds(&plan.slot_cname)
            }
        };
        self.environments.known().into_iter().flatten().filter(live).collect()
    }
}

/// What an environment's configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsSeen {
    /// Fewest instances.
    pub min_instances: u32,
    /// Most instances.
    pub max_instances: u32,
    /// Whether a balancer stands before the instances.
    pub load_balanced: bool,
    /// Whether the database belongs to the environment and ends with it.
    pub coupled_database: bool,
    /// Whether the balancer is shared with other environments.
    pub shared_balancer: bool,
    /// Whether clients stay with one instance.
    pub sticky_targets: bool,
    /// Names for which Elastic Beanstalk makes rules of its own for it.
    pub own_hosts: Vec<String>,
}

/// A rule that carries the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSeen {
    /// The name of its place.
    pub place: String,
    /// Whether clients stay with their target group.
    pub sticky: bool,
    /// The environment for which Elastic Beanstalk has made it, if it has.
    pub made_for: Option<EnvironmentId>,
    /// The hosts that it is for, with `*` and `?` in them; empty for all.
    pub hosts: Vec<String>,
}

/// The bucket for bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSeen {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether it is the region's own, which a release may make.
    pub own: bool,
    /// The region that it is in, if that is another one.
    pub elsewhere: Option<String>,
}

/// One quota of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSeen {
    /// What is counted.
    pub what: Quota,
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub maximum: u64,
}

/// What Elastic Beanstalk counts in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Environments.
    Environments,
    /// Application versions.
    Versions,
    /// Saved configurations.
    Templates,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environments => "environments",
            Self::Versions => "application versions",
            Self::Templates => "saved configurations",
        })
    }
}
