//! AWS's query protocol: flat parameters in, XML out.

mod parameters;
mod request;

pub(crate) use crate::local::xml::Xml;
pub(crate) use parameters::Parameters;
pub use request::{QueryRequest, QueryResponse};
