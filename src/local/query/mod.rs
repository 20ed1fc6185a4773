//! AWS's query protocol: flat parameters in, XML out. Shared by the services that speak it.

mod error;
mod parameters;
mod request;

pub(crate) use super::xml::Xml;
pub(crate) use error::{AwsError, constraint, invalid_value};
pub(crate) use parameters::Parameters;
pub use request::{QueryRequest, QueryResponse};
