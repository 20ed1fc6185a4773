//! What moves the traffic, in which steps, and where.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::Check;
use crate::model::{Share, Span};

/// What moves the traffic; exactly one per slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lever {
    /// Elastic Beanstalk's swap of the environments' CNAMEs: all traffic at once.
    #[default]
    CnameSwap,
    /// Weighted records of a name in Route 53, step by step. `cutover adopt` gives a name such records.
    WeightedDns,
    /// Weighted target groups of rules of a shared Application Load Balancer, step by step.
    WeightedTargetGroups,
}

impl Lever {
    /// Whether it can give green a part of the traffic.
    #[must_use]
    pub fn is_gradual(self) -> bool {
        self.heaviest().is_some()
    }

    /// The greatest weight it knows; `None` for a lever without weights. Sources: `ResourceRecordSetWeight` of the Route 53 API
    /// (2013-04-01), `TargetGroupTuple` of the Elastic Load Balancing API (2015-12-01).
    #[must_use]
    pub fn heaviest(self) -> Option<u32> {
        match self {
            Self::CnameSwap => None,
            Self::WeightedDns => Some(255),
            Self::WeightedTargetGroups => Some(999),
        }
    }

    /// Why it cannot give green as little as a share, if so: the weights that come closest to it leave green without any.
    #[must_use]
    pub fn cannot_give(self, share: Share) -> Option<String> {
        let heaviest = self.heaviest()?;
        (share.rest_beside(1) > u64::from(heaviest)).then(|| {
            format!("({share}) is less than weights up to {heaviest} can give, which is all that `{self}` knows")
        })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CnameSwap => "cname-swap",
            Self::WeightedDns => "weighted-dns",
            Self::WeightedTargetGroups => "weighted-target-groups",
        }
    }
}

impl fmt::Display for Lever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name whose weighted records carry the traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightedDnsSpec {
    /// The name, such as `www.example.com`. Default: the host of `public_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of its hosted zone. Default: the public zone that the name lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The rules that carry the traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightedTargetGroupsSpec {
    /// ARNs of rules of the shared load balancer that forward the slot's requests. They change together.
    pub rules: Vec<String>,
}

/// In which steps green gets the traffic: a list, or the name of one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Steps {
    /// A known one.
    Preset(Preset),
    /// The user's own.
    List(Vec<StepSpec>),
}

/// A known list of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// 5% first, then everything.
    Canary,
    /// 20%, 40%, 60%, 80%, everything.
    Linear,
    /// Everything.
    AllAtOnce,
}

/// One step: green gets a share of the traffic and is watched with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// How much of the traffic green gets, such as `5%`.
    pub share: Share,
    /// How long green must do well with it. Default: `bake.duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake: Option<Span>,
    /// Further checks from this step on, beside those of the bake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

impl StepSpec {
    /// Everything, for as long as the bake takes.
    #[must_use]
    pub fn whole() -> Self {
        Self::of(Share::WHOLE)
    }

    fn of(share: Share) -> Self {
        Self {
            share,
            bake: None,
            checks: Vec::new(),
        }
    }
}

impl Steps {
    /// All steps. The last one gives green everything, whether it was written or not.
    #[must_use]
    pub fn list(&self) -> Vec<StepSpec> {
        let mut steps: Vec<StepSpec> = match self {
            Self::Preset(Preset::Canary) => vec![StepSpec::of(Share::percent(5))],
            Self::Preset(Preset::Linear) => [20, 40, 60, 80]
                .map(|percent| StepSpec::of(Share::percent(percent)))
                .to_vec(),
            Self::Preset(Preset::AllAtOnce) => Vec::new(),
            Self::List(steps) => steps.clone(),
        };
        if !steps.last().is_some_and(|step| step.share.is_whole()) {
            steps.push(StepSpec::whole());
        }
        steps
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StepsVisitor)
    }
}

struct StepsVisitor;

impl<'de> Visitor<'de> for StepsVisitor {
    type Value = Steps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"canary\", \"linear\", \"all-at-once\", or a list of steps")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Steps, E> {
        let known = Preset::deserialize(serde::de::value::StrDeserializer::<E>::new(text));
        known
            .map(Steps::Preset)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Steps, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Steps::List)
    }
}

impl JsonSchema for Steps {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Steps".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let check = generator.subschema_for::<Vec<Check>>();
        let span = generator.subschema_for::<Span>();
        json_schema!({
            "description": "In which steps green gets the traffic: \"canary\" (5%, then everything), \"linear\" (20%, 40%, 60%, 80%, everything), \"all-at-once\", or a list such as [{ share = \"5%\", bake = \"5m\" }, { share = \"25%\" }]; the last step is always everything.",
            "anyOf": [
                { "type": "string", "enum": ["canary", "linear", "all-at-once"] },
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["share"],
                        "properties": {
                            "share": {
                                "type": "string",
                                "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$",
                                "description": "How much of the traffic green gets, such as \"5%\"."
                            },
                            "bake": span,
                            "checks": check
                        }
                    }
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(steps: &Steps) -> Vec<String> {
        steps.list().iter().map(|step| step.share.to_string()).collect()
    }

    #[test]
    fn steps_are_a_name_or_a_list_and_end_with_everything() {
        let steps = |text: &str| serde_json::from_str::<Steps>(text);
        assert_eq!(shares(&steps("\"canary\"").unwrap()), ["5%", "100%"]);
        assert_eq!(
            shares(&steps("\"linear\"").unwrap()),
            ["20%", "40%", "60%", "80%", "100%"]
        );
        assert_eq!(shares(&steps("\"all-at-once\"").unwrap()), ["100%"]);
        let own = steps(r#"[{"share": "5%", "bake": "5m"}, {"share": "25%"}]"#).unwrap();
        assert_eq!(shares(&own), ["5%", "25%", "100%"]);
        assert_eq!(own.list()[0].bake, Some(Span::from_secs(300)));
        let whole = steps(r#"[{"share": "100%"}]"#).unwrap();
        assert_eq!(shares(&whole), ["100%"]);
        let error = steps("\"slowly\"").unwrap_err().to_string();
        assert!(error.contains("canary"), "{error}");
        assert!(steps(r#"[{"share": "5%", "speed": 1}]"#).is_err());
    }
}
