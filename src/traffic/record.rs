//! DNS records as a hosted zone of Route 53 has them.

use std::fmt;

use serde::Serialize;

/// One record set, or one member of several with the same name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its name, in small letters, with a dot at the end.
    pub name: String,
    /// Its type, such as `A`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it is chosen.
    pub routing: Routing,
    /// What it answers.
    pub content: Content,
    /// The health check that it depends on.
    pub health_check: Option<String>,
}

/// How a record is chosen among those that have the same name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// It is the only one.
    Simple,
    /// By chance, in proportion to its weight.
    Weighted {
        /// Its set identifier.
        id: String,
        /// From 0 to 255.
        weight: u8,
    },
    /// By a policy that cutover does not use.
    Other {
        /// Its set identifier.
        id: String,
        /// What Route 53 calls the policy.
        policy: &'static str,
    },
}

/// What a record answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Values of its own.
    Values {
        /// For how many seconds resolvers may keep them.
        ttl: u32,
        /// The values.
        values: Vec<String>,
    },
    /// What another name answers.
    Alias {
        /// The hosted zone of that name.
        zone: String,
        /// That name, with a dot at the end.
        target: String,
        /// Whether it is passed over when what it leads to is not healthy.
        evaluate_health: bool,
    },
}

impl Record {
    /// The name that it leads to, without a dot at the end; `None` for a record of addresses.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        let target = match &self.content {
            Content::Alias { target, .. } => target,
            Content::Values { values, .. } if self.kind == "CNAME" => values.first()?,
            Content::Values { .. } => return None,
        };
        Some(target.strip_suffix('.').unwrap_or(target))
    }

    /// The same with another routing.
    #[must_use]
    pub fn routed(&self, routing: Routing) -> Self {
        Self {
            routing,
            ..self.clone()
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.trim_end_matches('.'), self.kind)?;
        match &self.routing {
            Routing::Simple => {}
            Routing::Weighted { id, weight } => write!(f, " {id:?} weight {weight}")?,
            Routing::Other { id, policy } => write!(f, " {id:?} by {policy}")?,
        }
        match &self.content {
            Content::Values { ttl, values } => write!(f, " {} ({ttl} s)", values.join(" ")),
            Content::Alias { target, .. } => write!(f, " alias {}", target.trim_end_matches('.')),
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The record goes, if it is exactly so.
    Delete(Record),
    /// The record is made, if there is none in its place.
    Create(Record),
}

impl Change {
    /// The same without the health check that a record which is made would depend on.
    #[must_use]
    pub fn without_check(self) -> Self {
        match self {
            Self::Create(record) => Self::Create(Record {
                health_check: None,
                ..record
            }),
            goes @ Self::Delete(_) => goes,
        }
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        match self {
            Self::Delete(record) | Self::Create(record) => record,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if matches!(self, Self::Delete(_)) { '-' } else { '+' };
        write!(f, "{sign} {}", self.record())
    }
}

/// Whether two host names are the same. A balancer's has `dualstack.` in front when it answers IPv6, too.
pub(super) fn same_host(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.strip_prefix("dualstack.").map_or(name.clone(), str::to_owned)
    };
    plain(one) == plain(other)
}
