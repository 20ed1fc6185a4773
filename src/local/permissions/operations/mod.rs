//! What each operation that the local cloud offers needs to be allowed.

mod automation;
mod balancing;
mod beanstalk;
mod identities;
mod metrics;
mod objects;
mod scaling;
mod zones;

use super::asked::{Asked, Call, Inventory, Place, Query};
use crate::local::balancers;
use crate::local::identities::VERSION as IDENTITIES;
use crate::local::query::Parameters;

pub(super) use automation::reads_body;
pub(super) use objects::{deletes, lists_bucket};

/// What a call needs. Nothing for what everybody may ask (`sts:GetCallerIdentity`), and for what the local cloud does not have,
/// which it says itself.
pub(super) fn asked(call: Call<'_>, place: &Place, inventory: &dyn Inventory) -> Vec<Asked> {
    match call {
        Call::Query(parameters) => {
            let parameters = Parameters::parse(parameters);
            let query = Query {
                action: parameters.raw("Action").unwrap_or_default(),
                parameters: &parameters,
                place,
                inventory,
            };
            // Elastic Beanstalk answers whatever is meant for nobody else.
            match parameters.raw("Version") {
                Some(balancers::VERSION) => balancing::asked(&query),
                Some(scaling::VERSION) => scaling::asked(&query),
                Some(IDENTITIES) => identities::asked(&query),
                _ if query.action == "GetCallerIdentity" => Vec::new(),
                _ => beanstalk::asked(&query),
            }
        }
        Call::Zones { method, path, body } => zones::asked(method, path, body),
        Call::Metrics { operation, input } => metrics::asked(operation, input, place),
        Call::Automation { service, head, body } => automation::asked(service, head, body, place),
        Call::Objects(request) => objects::asked(request),
    }
}
