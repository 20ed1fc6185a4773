//! What `cutover.toml` says about how green is judged. Everything that is absent is what the preset says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Share, Span};

/// How green is judged beside blue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VerdictSpec {
    /// What to start from.
    pub preset: VerdictPreset,
    /// Who counts what green and blue serve: `"enhanced-health"`, `"target-groups"` or `"endpoint"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<MetricsSource>,
    /// An address that tells what green and blue served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EndpointSpec>,
    /// Names of CloudWatch alarms that speak against green.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// How often a good release may be taken back, such as `1%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub false_rollbacks: Option<Share>,
    /// How much more often green may answer with a server error (5xx).
    pub errors: ToleranceSpec,
    /// The same for client errors (4xx), where they are counted.
    pub client_errors: ToleranceSpec,
    /// How much slower green may be, such as `10%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slower: Option<Share>,
    /// And by how much time more, such as `5ms`: what nobody notices is no regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slower_absolute: Option<Span>,
    /// How much two good environments differ in latency from look to look by themselves, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub latency_noise: Option<Share>,
    /// For how long latencies do not count after green's first request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Span>,
    /// What to do with a release that could be shown to be neither good nor bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_deadline: Option<AtVerdictDeadline>,
    /// Whether earlier good releases narrow what is allowed. Default: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learn: Option<bool>,
    /// When green may pass before its time is up.
    pub promote: PromoteSpec,
    /// What users are promised, whatever blue does.
    pub slo: SloSpec,
}

/// Who counts what both environments serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricsSource {
    /// Elastic Beanstalk's enhanced health, every ten seconds.
    EnhancedHealth,
    /// CloudWatch, by the environments' target groups, every minute.
    TargetGroups,
    /// The address in `[verdict.endpoint]`.
    Endpoint,
}

/// An address of the user's own that tells what both environments served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// The address, such as `"https://metrics.example.com/release?blue={blue_name}&green={green_name}"`.
    pub url: String,
    /// Request headers. `${NAME}` in a value stands for an environment variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// When no whole answer has come by then, nothing is known.
    #[serde(default = "endpoint_timeout")]
    pub timeout: Span,
}

fn endpoint_timeout() -> Span {
    Span::from_secs(5)
}

impl VerdictSpec {
    /// Who counts: the source that is named, or the one that the rest of the settings means.
    #[must_use]
    pub fn counted_by(&self) -> MetricsSource {
        self.source.unwrap_or(if self.endpoint.is_some() {
            MetricsSource::Endpoint
        } else {
            MetricsSource::EnhancedHealth
        })
    }
}

impl EndpointSpec {
    /// The longest time that an answer may take. The checks of the same look wait for it, and what they have found must be judged
    /// before it is too old, which is after a minute.
    pub const LONGEST_TIMEOUT: Span = Span::from_secs(20);

    /// What may stand in braces in the address.
    pub const NAMES: [&str; 6] = ["blue", "blue_name", "green", "green_name", "version", "release"];

    /// The address with names in braces replaced by what `value` says of them, percent-encoded.
    ///
    /// # Errors
    ///
    /// The text between braces that is no name, or what stands behind a brace that nothing closes.
    pub fn address(&self, value: impl Fn(&str) -> String) -> Result<String, String> {
        let mut address = String::new();
        let mut rest = self.url.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            address.push_str(before);
            let (name, behind) = after.split_once('}').ok_or_else(|| after.to_owned())?;
            if !Self::NAMES.contains(&name) {
                return Err(name.to_owned());
            }
            address.extend(url::form_urlencoded::byte_serialize(value(name).as_bytes()));
            rest = behind;
        }
        address.push_str(rest);
        Ok(address)
    }
}

/// A set of values to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictPreset {
    /// Small regressions count, and doubt is held against green.
    Strict,
    /// Good for a service that nobody has tuned.
    #[default]
    Standard,
    /// For services that are noisy by themselves.
    Patient,
}

/// How much more often something may happen to green: `ratio` times blue's rate, and `absolute` more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ToleranceSpec {
    /// Times blue's rate, 1 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// And so much more, such as `0.01%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub absolute: Option<Share>,
}

/// When green may pass before its time is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PromoteSpec {
    /// Whether it may at all. Default: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early: Option<bool>,
    /// The error rate that green must be shown to stay below.
    pub errors: ToleranceSpec,
    /// How much slower green must be shown not to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slower: Option<Share>,
    /// The rate of failing probes that green must be shown to stay below, where requests are too rare.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub failing_probes: Option<Share>,
    /// Never before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_bake: Option<Span>,
    /// How often a release beyond these bounds may pass at a step, such as `5%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub risk: Option<Share>,
}

/// What users are promised, whatever blue does. Green is taken back when it breaks that, and is not blamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SloSpec {
    /// The highest rate of server errors, such as `1%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub error_rate: Option<Share>,
    /// The longest that 99 of 100 answers may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<Span>,
}

/// What to do with a release that could be shown to be neither good nor bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtVerdictDeadline {
    /// A person is asked.
    Hold,
    /// Green is taken back.
    RollBack,
}
