//! A function, and what its processes are made from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Timestamp;

/// What runs a function's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runtime {
    /// The program `bootstrap` of the package, by whichever name the runtime goes (`provided.al2023`).
    Provided(String),
    /// A handler in Python, run by the `python3` of this machine, whichever version was asked for.
    Python(String),
}

impl Runtime {
    /// Knows the runtimes that can be run here.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if matches!(name, "provided.al2023" | "provided.al2") {
            return Some(Self::Provided(name.to_owned()));
        }
        let minor: u32 = name.strip_prefix("python3.")?.parse().ok()?;
        (9..=15).contains(&minor).then(|| Self::Python(name.to_owned()))
    }

    /// Its name on AWS.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Provided(name) | Self::Python(name) => name,
        }
    }
}

/// Code and configuration of a function as its processes get them. It never changes; an update makes another one.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// The function's name.
    pub name: String,
    /// The function's ARN.
    pub arn: String,
    /// Counts the deployments of all functions, so that no two are taken for each other.
    pub revision: u64,
    /// What runs the code.
    pub runtime: Runtime,
    /// What is called in the code. Without meaning to a runtime that the package brings along, and passed on to it.
    pub handler: String,
    /// The longest that an invocation may take. Time of the function's own, which no pace makes shorter.
    pub timeout: Duration,
    /// Memory that it is told to have. Nothing measures it here.
    pub memory_mb: u32,
    /// Its environment variables. Secrets may be among them.
    pub environment: BTreeMap<String, String>,
    /// The package, a ZIP file.
    #[serde(with = "crate::local::storage::kept_file")]
    pub package: PathBuf,
    /// The region it is told to be in.
    pub region: String,
}

/// Values of environment variables stay out of what is printed.
impl fmt::Debug for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployed")
            .field("arn", &self.arn)
            .field("revision", &self.revision)
            .field("runtime", &self.runtime)
            .field("handler", &self.handler)
            .field("timeout", &self.timeout)
            .field("variables", &self.environment.len())
            .finish_non_exhaustive()
    }
}

/// A function of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Function {
    /// What was asked for last.
    pub(super) wanted: Arc<Deployed>,
    /// What answers now: an update takes a moment.
    pub(super) serving: Arc<Deployed>,
    pub(super) role: String,
    pub(super) description: String,
    pub(super) code: Code,
    pub(super) architecture: String,
    pub(super) ephemeral_mb: u32,
    pub(super) tracing: String,
    pub(super) tags: BTreeMap<String, String>,
    /// Until when it is `Pending`, then until when an update of it is in progress.
    pub(super) busy_until: Option<Timestamp>,
    pub(super) is_new: bool,
    pub(super) revision_id: String,
    pub(super) modified: Timestamp,
    pub(super) asynchronous: Option<EventConfig>,
    /// Statements of its policy, by id. Kept and shown; every call is allowed.
    pub(super) policy: BTreeMap<String, Value>,
    /// How many invocations at once are kept for it, which is also the most it may have.
    pub(super) reserved: Option<usize>,
}

/// A package as it was uploaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) sha256: String,
    pub(super) size: usize,
    /// Key in the bucket that holds packages.
    pub(super) key: String,
}

/// What becomes of asynchronous invocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventConfig {
    pub(super) retries: Option<u32>,
    pub(super) maximum_age: Option<u32>,
    pub(super) on_success: Option<Destination>,
    pub(super) on_failure: Option<Destination>,
    pub(super) modified: Timestamp,
}

/// Where news of an asynchronous invocation goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Destination {
    /// Another function, with its ARN as it was given.
    Function { name: String, arn: String },
    /// A bucket.
    Bucket(String),
}

impl Destination {
    pub(super) fn arn(&self) -> String {
        match self {
            Self::Function { arn, .. } => arn.clone(),
            Self::Bucket(name) => format!("arn:aws:s3:::{name}"),
        }
    }
}

impl Function {
    /// Does what time has done by `now`.
    pub(super) fn tick(&mut self, now: Timestamp) {
        if self.busy_until.is_some_and(|until| until <= now) {
            self.busy_until = None;
            self.is_new = false;
            self.serving = Arc::clone(&self.wanted);
        }
    }

    /// How long one invocation may take, whether an update is in progress or done.
    pub(super) fn time_limit(&self) -> Duration {
        self.serving.timeout.max(self.wanted.timeout)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.is_new && self.busy_until.is_some()
    }
}

/// The parts of a function's name, which may be an ARN, a part of one, or the bare name, each with a qualifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::local) struct Named {
    pub(in crate::local) name: String,
    pub(in crate::local) qualifier: Option<String>,
}

impl Named {
    /// `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, `ACCOUNT:function:NAME`, `function:NAME`, or `NAME`, each with `:QUALIFIER`
    /// or without. What has another form names no function.
    pub(in crate::local) fn parse(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let (name, qualifier) = match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", name] | ["function", name] | [name] => (*name, None),
            ["arn", _, "lambda", _, _, "function", name, qualifier] | ["function", name, qualifier] => {
                (*name, Some(*qualifier))
            }
            [account, "function", name] if is_account(account) => (*name, None),
            [account, "function", name, qualifier] if is_account(account) => (*name, Some(*qualifier)),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => (text, None),
        };
        Self {
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        }
    }
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_many_ways() {
        for (text, qualifier) in [
            ("release", None),
            ("release:$LATEST", Some("$LATEST")),
            ("123456789012:function:release", None),
            ("arn:aws:lambda:eu-central-1:123456789012:function:release", None),
            (
                "arn:aws:lambda:eu-central-1:123456789012:function:release:live",
                Some("live"),
            ),
        ] {
            let named = Named::parse(text);
            assert_eq!(named.name, "release", "{text}");
            assert_eq!(named.qualifier.as_deref(), qualifier, "{text}");
        }
    }

    #[test]
    fn a_function_may_have_any_name() {
        for text in ["function", "function:function", "123456789012:function:function"] {
            assert_eq!(Named::parse(text).name, "function", "{text}");
            assert_eq!(Named::parse(text).qualifier, None, "{text}");
        }
        let named = Named::parse("release:function");
        assert_eq!(
            (named.name.as_str(), named.qualifier.as_deref()),
            ("release", Some("function"))
        );
        let named = Named::parse("function:function:live");
        assert_eq!(
            (named.name.as_str(), named.qualifier.as_deref()),
            ("function", Some("live"))
        );
        for text in [
            "a:b:c",
            "arn:aws:s3:::release",
            "release:live:now",
            "12:function:release",
            "",
        ] {
            assert_eq!(Named::parse(text).name, text);
        }
    }

    #[test]
    fn only_runtimes_that_can_be_run_are_known() {
        for name in ["provided.al2023", "provided.al2", "python3.9", "python3.13"] {
            assert_eq!(Runtime::parse(name).unwrap().name(), name);
        }
        for name in ["nodejs22.x", "python2.7", "python3.8", "python3.x", "provided", ""] {
            assert_eq!(Runtime::parse(name), None, "{name}");
        }
    }
}
