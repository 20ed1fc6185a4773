//! What AWS's service models demand of requests, and the check of a request against it.
//!
//! The tables beside this file hold the facts of the models (names, types, lengths, patterns) for the operations that the
//! local cloud offers. `tests/it/interop/constraints.py` writes them and says how they are to be read.

mod check;
mod document;
mod json;
mod table;
mod xml;

use std::sync::OnceLock;

use super::query::{AwsError, Parameters};
use check::Check;
use table::Table;

pub(crate) use document::check_document;
pub(crate) use json::{AskedJson, check_json};
pub(crate) use xml::{Asked, NotTaken, check_request};

/// A service whose requests are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    AutoScaling,
    CloudWatch,
    ElasticBeanstalk,
    Functions,
    Identities,
    LoadBalancing,
    Pipelines,
    Schedules,
    Tokens,
    Zones,
}

impl Service {
    /// All of them.
    const ALL: [Self; 10] = [
        Self::AutoScaling,
        Self::CloudWatch,
        Self::ElasticBeanstalk,
        Self::Functions,
        Self::Identities,
        Self::LoadBalancing,
        Self::Pipelines,
        Self::Schedules,
        Self::Tokens,
        Self::Zones,
    ];

    /// Whether it speaks the query protocol, or did so before it spoke in documents.
    fn speaks_query(self) -> bool {
        !matches!(self, Self::Functions | Self::Pipelines | Self::Schedules | Self::Zones)
    }

    /// The service of that version of an API, among those that speak the query protocol.
    fn of_version(version: &str) -> Option<Self> {
        let mut services = Self::ALL.into_iter().filter(|service| service.speaks_query());
        services.find(|service| service.table().version() == version)
    }

    fn table(self) -> &'static Table {
        static TABLES: [OnceLock<Table>; 10] = [const { OnceLock::new() }; 10];
        let (place, text) = match self {
            Self::AutoScaling => (0, include_str!("autoscaling.txt")),
            Self::ElasticBeanstalk => (1, include_str!("elasticbeanstalk.txt")),
            Self::Identities => (2, include_str!("iam.txt")),
            Self::LoadBalancing => (3, include_str!("elbv2.txt")),
            Self::Tokens => (4, include_str!("sts.txt")),
            Self::CloudWatch => (5, include_str!("cloudwatch.txt")),
            Self::Zones => (6, include_str!("route53.txt")),
            Self::Functions => (7, include_str!("lambda.txt")),
            Self::Pipelines => (8, include_str!("codepipeline.txt")),
            Self::Schedules => (9, include_str!("scheduler.txt")),
        };
        TABLES[place].get_or_init(|| Table::read(text))
    }
}

/// Checks a call against the model of the service that its `Version` tells. An operation that the local cloud does not offer is
/// not looked at: it is refused anyway.
///
/// # Errors
///
/// What the service answers to the first parameter, or all parameters, that break a rule.
pub(crate) fn check(action: &str, parameters: &Parameters) -> Result<(), AwsError> {
    let version = parameters.raw("Version").unwrap_or_default();
    let Some(service) = Service::of_version(version) else {
        return Ok(());
    };
    let table = service.table();
    let Some(members) = table.operation(action) else {
        return Ok(());
    };
    let mut check = Check::new(table);
    check.call(members, parameters);
    check.verdict(service)
}

#[cfg(test)]
mod tests;
