//! What AWS's service models demand of requests, and the check of a request against it.
//!
//! The tables beside this file hold the facts of the models (names, types, lengths, patterns) for the operations that the
//! local cloud offers. `tests/it/interop/constraints.py` writes them and says how they are to be read.

mod check;
mod document;
mod table;
mod xml;

use std::sync::OnceLock;

use super::query::{AwsError, Parameters};
use check::Check;
use table::Table;

pub(crate) use document::check_document;
pub(crate) use xml::{Asked, NotTaken, check_request};

/// A service whose requests are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    AutoScaling,
    CloudWatch,
    ElasticBeanstalk,
    Identities,
    LoadBalancing,
    Tokens,
    Zones,
}

impl Service {
    /// All of them.
    const ALL: [Self; 7] = [
        Self::AutoScaling,
        Self::CloudWatch,
        Self::ElasticBeanstalk,
        Self::Identities,
        Self::LoadBalancing,
        Self::Tokens,
        Self::Zones,
    ];

    /// The service of that version of an API, among those that speak the query protocol, or did so before they spoke in
    /// documents.
    fn of_version(version: &str) -> Option<Self> {
        let mut services = Self::ALL.into_iter().filter(|service| *service != Self::Zones);
        services.find(|service| service.table().version() == version)
    }

    fn table(self) -> &'static Table {
        static TABLES: [OnceLock<Table>; 7] = [const { OnceLock::new() }; 7];
        let (place, text) = match self {
            Self::AutoScaling => (0, include_str!("autoscaling.txt")),
            Self::ElasticBeanstalk => (1, include_str!("elasticbeanstalk.txt")),
            Self::Identities => (2, include_str!("iam.txt")),
            Self::LoadBalancing => (3, include_str!("elbv2.txt")),
            Self::Tokens => (4, include_str!("sts.txt")),
            Self::CloudWatch => (5, include_str!("cloudwatch.txt")),
            Self::Zones => (6, include_str!("route53.txt")),
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
