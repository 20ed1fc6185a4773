//! AWS's query protocol: flat parameters in, XML out.

mod parameters;
mod request;
mod xml;

pub(crate) use parameters::Parameters;
pub use request::{QueryRequest, QueryResponse};
pub(crate) use xml::Xml;
