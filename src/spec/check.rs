//! One HTTP check: what to ask, and what the answer must look like.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::Span;

/// How many checks of one round are under way at once. A service that is just up should not be knocked over by its own tests.
pub const CHECKS_AT_ONCE: usize = 16;

/// One HTTP check.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What the check is called in reports. Default: method and path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// HTTP method.
    #[serde(default = "default_method")]
    pub method: String,
    /// Path with query, from the slash on.
    #[serde(default = "default_path")]
    pub path: String,
    /// Host header, when it should differ from the address that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Further request headers. `${NAME}` in a value stands for an environment variable, which is how secrets are given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Request body. `${NAME}` in it stands for an environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// When no whole answer has come by then, the check has failed.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// What the answer must look like.
    #[serde(default)]
    pub expect: Expectation,
}

/// What an answer must look like; everything that is given must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Status codes that pass: numbers (`200`) or ranges (`"200-299"`).
    #[serde(default = "default_status")]
    pub status: Vec<StatusRange>,
    /// A regular expression that must match somewhere in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// JSON pointers (RFC 6901) into the body and the values that must stand there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Response headers and regular expressions that must match their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The longest time the whole answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<Span>,
}

impl Check {
    /// What reports call the check.
    #[must_use]
    pub fn title(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("{} {}", self.method, self.path))
    }

    /// Whether it only reads, and may be asked however often: the methods that are safe by RFC 9110, 9.2.1, and that a check can use.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

// Headers and body may hold credentials: they are counted, not shown.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("host", &self.host)
            .field("headers", &format_args!("{} hidden", self.headers.len()))
            .field("body", &self.body.as_ref().map(|_| "hidden"))
            .field("timeout", &self.timeout)
            .field("expect", &self.expect)
            .finish()
    }
}

impl Default for Check {
    fn default() -> Self {
        Self {
            name: None,
            method: default_method(),
            path: default_path(),
            host: None,
            headers: BTreeMap::new(),
            body: None,
            timeout: default_timeout(),
            expect: Expectation::default(),
        }
    }
}

impl Default for Expectation {
    fn default() -> Self {
        Self {
            status: default_status(),
            body: None,
            json: BTreeMap::new(),
            headers: BTreeMap::new(),
            max_latency: None,
        }
    }
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_timeout() -> Span {
    Span::from_secs(5)
}

fn default_status() -> Vec<StatusRange> {
    vec![StatusRange { first: 200, last: 299 }]
}

/// A range of HTTP status codes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// The lowest code that passes.
    pub first: u16,
    /// The highest code that passes.
    pub last: u16,
}

impl StatusRange {
    /// Whether a status code is in the range.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for StatusRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not a status code or a range of them, such as 200 or \"200-299\"");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let code = |part: &str| -> Result<u16, String> {
            match part.trim().parse::<u16>() {
                Ok(code) if (100..=599).contains(&code) => Ok(code),
                _ => Err(wrong()),
            }
        };
        let range = Self {
            first: code(first)?,
            last: code(last)?,
        };
        if range.first <= range.last {
            Ok(range)
        } else {
            Err(wrong())
        }
    }
}

impl Serialize for StatusRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = StatusRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status code such as 200, or a range such as \"200-299\"")
            }

            fn visit_i64<E: de::Error>(self, code: i64) -> Result<StatusRange, E> {
                code.to_string().parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, code: u64) -> Result<StatusRange, E> {
                code.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusRange, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for StatusRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatusRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A status code (200) or a range of them (\"200-299\").",
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$" }
            ]
        })
    }
}
