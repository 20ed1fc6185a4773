//! The wire types of `cutover.toml`. Every field has a default that suits a service nobody tuned, but for the
//! application and the name that its users know.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    Check, DrillSpec, ForeignSpec, GateSpec, JournalPlace, Lever, Steps, VerdictSpec, WeightedDnsSpec,
    WeightedTargetGroupsSpec,
};
use crate::model::{ApplicationName, HealthStatus, Share, SlotName, Span};

/// A whole `cutover.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "cutover.toml")]
pub struct Spec {
    /// The Elastic Beanstalk application.
    pub application: ApplicationName,
    /// The production entrance this file is about. Releases of one slot happen one after another.
    #[serde(default = "default_slot")]
    pub slot: SlotName,
    /// What moves the traffic.
    #[serde(default)]
    pub lever: Lever,
    /// The CNAME that the live environment holds: its prefix (`shop`) or the whole name
    /// (`shop.eu-west-1.elasticbeanstalk.com`). The live environment is found by it, never by its name. A lever with weights
    /// finds it by who has the traffic, and needs no CNAME.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cname: String,
    /// Where users reach the application, if not at `http://` and the CNAME: `https://www.example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The AWS region, if it is not to come from `AWS_REGION` or the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// In which steps green gets the traffic. Default: `canary` with a lever that has weights; a swap has one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Steps>,
    /// The name whose records carry the traffic, with the lever `weighted-dns`.
    #[serde(default)]
    pub weighted_dns: WeightedDnsSpec,
    /// The rules that carry the traffic, with the lever `weighted-target-groups`.
    #[serde(default)]
    pub weighted_target_groups: WeightedTargetGroupsSpec,
    /// Where the journal is: a folder, relative to this file, or `s3://BUCKET/PREFIX`. Default: `.cutover/journal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub journal: Option<JournalPlace>,
    /// What is released.
    #[serde(default)]
    pub artifact: ArtifactSpec,
    /// How green differs from blue.
    #[serde(default)]
    pub green: GreenSpec,
    /// When green counts as up.
    #[serde(default)]
    pub provision: ProvisionSpec,
    /// Checks against green's own address before it gets traffic.
    #[serde(default)]
    pub smoke: SmokeSpec,
    /// How green is watched with traffic.
    #[serde(default)]
    pub bake: BakeSpec,
    /// How green is judged beside blue.
    #[serde(default)]
    pub verdict: VerdictSpec,
    /// When nobody uses blue any more.
    #[serde(default)]
    pub drain: DrainSpec,
    /// What becomes of blue and of old versions.
    #[serde(default)]
    pub retire: RetireSpec,
    /// What becomes of green when it is taken back.
    #[serde(default)]
    pub rollback: RollbackSpec,
    /// Places where the release waits for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateSpec>,
    /// What to do when somebody else moves the slot's name or changes blue or green.
    #[serde(default)]
    pub foreign: ForeignSpec,
    /// Releases whose purpose is to prove that going back works.
    #[serde(default)]
    pub drill: DrillSpec,
}

fn default_slot() -> SlotName {
    SlotName::from("production")
}

/// What is released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactSpec {
    /// A zip, or a folder to be zipped, relative to this file. `--artifact` overrides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The bucket for bundles. Default: the region's own Elastic Beanstalk bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The version's label. `--version-label` overrides it. Default: made from the bundle's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_label: Option<String>,
    /// Resources of the bundle's `.ebextensions`, by their logical ids, that keep something which is not needed any more when a new
    /// environment takes over: it gets new ones, and those of the environment before it are deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disposable: Vec<String>,
}

/// How green differs from blue. Everything else is copied from blue.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GreenSpec {
    /// Environments are called `<prefix>-r<release number>`. Default: application and slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// Option settings that replace blue's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<OptionSetting>,
    /// Environment properties that are added to blue's or replace them. For secrets, name a parameter or secret of AWS.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Further tags. Those of cutover start with `cutover:`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Fewest instances green starts with. Never fewer than blue runs at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_instances: Option<u32>,
    /// Most instances green may run, if not as many as blue may. Never fewer than it starts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_instances: Option<u32>,
}

/// One option setting of Elastic Beanstalk.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionSetting {
    /// Namespace, such as `aws:autoscaling:launchconfiguration`.
    pub namespace: String,
    /// Name within the namespace, such as `InstanceType`.
    pub name: String,
    /// Value.
    pub value: String,
}

// Properties may be secret: they are counted, not shown.
impl fmt::Debug for GreenSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenSpec")
            .field("name_prefix", &self.name_prefix)
            .field("settings", &self.settings)
            .field("properties", &format_args!("{} hidden", self.properties.len()))
            .field("tags", &self.tags)
            .field("min_instances", &self.min_instances)
            .field("max_instances", &self.max_instances)
            .finish()
    }
}

// Among the settings are passwords of databases, and properties once more.
impl fmt::Debug for OptionSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptionSetting")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// When green counts as up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProvisionSpec {
    /// After that the release gives green up.
    pub deadline: Span,
    /// Health that will do for green's first traffic, by enhanced health reporting.
    #[schemars(schema_with = "health_schema")]
    pub health: Vec<HealthStatus>,
    /// How long all conditions must hold without a break.
    pub stable: Span,
    /// Health data older than this counts as unknown.
    pub max_age: Span,
    /// Time between looks at the environments.
    pub interval: Span,
}

fn health_schema(_: &mut SchemaGenerator) -> Schema {
    let worth_waiting_for = [
        HealthStatus::Ok,
        HealthStatus::Info,
        HealthStatus::Warning,
        HealthStatus::Degraded,
        HealthStatus::Severe,
    ];
    let names: Vec<&str> = worth_waiting_for.into_iter().map(HealthStatus::as_str).collect();
    json_schema!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": names } })
}

impl Default for ProvisionSpec {
    fn default() -> Self {
        Self {
            deadline: Span::from_secs(30 * 60),
            health: vec![HealthStatus::Ok],
            stable: Span::from_secs(30),
            max_age: Span::from_secs(60),
            interval: Span::from_secs(10),
        }
    }
}

/// Checks against green's own address before it gets traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmokeSpec {
    /// The checks. Default: `GET /` answers 200 to 299.
    pub checks: Vec<Check>,
    /// How many rounds in a row must pass.
    pub successes: u32,
    /// Time between rounds.
    pub interval: Span,
    /// After that the release gives green up.
    pub deadline: Span,
}

impl Default for SmokeSpec {
    fn default() -> Self {
        Self {
            checks: vec![Check::default()],
            successes: 3,
            interval: Span::from_secs(2),
            deadline: Span::from_secs(5 * 60),
        }
    }
}

/// How green is watched with traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BakeSpec {
    /// How long green must do well.
    pub duration: Span,
    /// Time between looks.
    pub interval: Span,
    /// How many bad looks take green back. They add up until enough good ones in a row have followed (`recover`).
    pub fail: u32,
    /// How many looks in a row must find green good before earlier bad ones are forgotten.
    pub recover: u32,
    /// How much longer than `duration` the bake may take, when too little is known of green. After that happens
    /// what `verdict.at_deadline` says.
    pub deadline: Span,
    /// How much of the traffic blue keeps in the last bake, with the levers that move traffic by shares: green is compared with blue, and
    /// that takes two. Then green gets everything. `0%` for never.
    #[serde(with = "none_of_it")]
    #[schemars(with = "String")]
    pub holdback: Option<Share>,
    /// How many requests and probes green must have answered in each step. With fewer the bake goes on: silence is no health.
    pub min_requests: u32,
    /// How many instances of green that are sick, while the others are not, are replaced in a release. 0: none.
    pub replace_instances: u32,
    /// How often each environment is asked for one of the checks between looks, in requests a second. 0 for never.
    pub probes_per_second: f64,
    /// Checks through the public name. Default: the smoke checks that ask no other host and only read (GET, HEAD, OPTIONS).
    pub checks: Vec<Check>,
}

impl Default for BakeSpec {
    fn default() -> Self {
        Self {
            duration: Span::from_secs(10 * 60),
            // Elastic Beanstalk tells of ten seconds every ten seconds, and looking takes a second or two: with a longer pause
            // between looks some of them would never be seen.
            interval: Span::from_secs(8),
            fail: 2,
            recover: 3,
            deadline: Span::from_secs(60 * 60),
            holdback: Some(Share::percent(10)),
            min_requests: 20,
            replace_instances: 1,
            probes_per_second: 2.0,
            checks: Vec::new(),
        }
    }
}

/// A share that may be nothing.
mod none_of_it {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::Share;

    const NONE: &str = "0%";

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands it over like that"
    )]
    pub(super) fn serialize<S: Serializer>(share: &Option<Share>, serializer: S) -> Result<S::Ok, S::Error> {
        match share {
            Some(share) => serializer.collect_str(share),
            None => serializer.serialize_str(NONE),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Share>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == NONE {
            return Ok(None);
        }
        text.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

/// When nobody uses blue any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DrainSpec {
    /// Time to live of the public name's DNS answers.
    pub dns_ttl: Span,
    /// Blue is kept for the time to live times this, at least, because resolvers are late.
    pub factor: u32,
    /// For how long blue must have had no request.
    pub quiet: Span,
    /// How long to wait for that silence.
    pub deadline: Span,
    /// What to do with a blue that still has requests by then.
    pub at_deadline: AtDrainDeadline,
}

impl Default for DrainSpec {
    fn default() -> Self {
        Self {
            dns_ttl: Span::from_secs(60),
            factor: 3,
            quiet: Span::from_secs(60),
            deadline: Span::from_secs(2 * 60 * 60),
            at_deadline: AtDrainDeadline::Keep,
        }
    }
}

/// What to do with a blue that still has requests at the drain's deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtDrainDeadline {
    /// Keep blue running, end the release as promoted, and say so.
    #[default]
    Keep,
    /// Remove blue all the same; its last clients lose their connection.
    Retire,
}

/// What becomes of blue and of old versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetireSpec {
    /// How long blue is kept running after the drain, so that a rollback is one call.
    pub warm: Span,
    /// How many application versions to keep beside those that are deployed or a way back.
    pub keep_versions: u32,
}

impl Default for RetireSpec {
    fn default() -> Self {
        Self {
            warm: Span::from_secs(30 * 60),
            keep_versions: 20,
        }
    }
}

/// What the way back to blue needs, and what becomes of green when it is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackSpec {
    /// How long green is kept running for a post-mortem.
    pub keep_green: Span,
    /// Whether blue is kept from shrinking (`MinSize` is raised to what it runs) from just before green gets traffic until its users
    /// have been back for a while or blue is removed.
    pub hold_blue: bool,
}

impl Default for RollbackSpec {
    fn default() -> Self {
        Self {
            keep_green: Span::from_secs(30 * 60),
            hold_blue: true,
        }
    }
}
