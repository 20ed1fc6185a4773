//! What AWS's service models demand of requests, and the check of a request against it.
//!
//! The tables beside this file hold the facts of the models (names, types, lengths, patterns) for the operations that the
//! local cloud offers. `tests/it/interop/constraints.py` writes them and says how they are to be read.

mod check;
mod document;
mod table;

use std::sync::OnceLock;

use super::query::{AwsError, Parameters};
use check::Check;
use table::Table;

pub(crate) use document::check_document;

/// A service that speaks the query protocol, or that did so before it spoke in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    AutoScaling,
    CloudWatch,
    ElasticBeanstalk,
    Identities,
    LoadBalancing,
    Tokens,
}

impl Service {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::AutoScaling,
        Self::CloudWatch,
        Self::ElasticBeanstalk,
        Self::Identities,
        Self::LoadBalancing,
        Self::Tokens,
    ];

    /// The service of that version of an API.
    fn of_version(version: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|service| service.table().version() == version)
    }

    fn table(self) -> &'static Table {
        static TABLES: [OnceLock<Table>; 6] = [const { OnceLock::new() }; 6];
        let (place, text) = match self {
            Self::AutoScaling => (0, include_str!("autoscaling.txt")),
            Self::ElasticBeanstalk => (1, include_str!("elasticbeanstalk.txt")),
            Self::Identities => (2, include_str!("iam.txt")),
            Self::LoadBalancing => (3, include_str!("elbv2.txt")),
            Self::Tokens => (4, include_str!("sts.txt")),
            Self::CloudWatch => (5, include_str!("cloudwatch.txt")),
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
