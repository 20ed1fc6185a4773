//! A call and its answer as they cross the wire.

use std::fmt;

use super::Xml;
use super::error::AwsError;

/// A call: the decoded form body or query string.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryRequest {
    /// Names and values in the order in which they came.
    pub parameters: Vec<(String, String)>,
}

/// Only names are shown: values of option settings may be secrets.
impl fmt::Debug for QueryRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("QueryRequest").field("parameters", &names).finish()
    }
}

/// The answer. Its content type is `text/xml`.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryResponse {
    /// HTTP status.
    pub status: u16,
    /// XML.
    pub body: String,
    /// For the header `x-amzn-requestid`; events of the call carry it as well.
    pub request_id: String,
}

/// The body is left out: it may hold environment properties.
impl fmt::Debug for QueryResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryResponse")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl QueryResponse {
    /// The answer to a call that was accepted. Operations without a result have no `…Result` element.
    pub(crate) fn success(action: &str, namespace: &str, result: Option<&Xml>, request_id: String) -> Self {
        let result = result.map_or_else(String::new, |result| {
            format!("<{action}Result>{}</{action}Result>", result.as_str())
        });
        let body = format!(
            "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
             </ResponseMetadata></{action}Response>"
        );
        Self {
            status: 200,
            body,
            request_id,
        }
    }

    /// The answer to a call that was refused.
    pub(crate) fn failure(namespace: &str, error: &AwsError, request_id: String) -> Self {
        let mut xml = Xml::default();
        xml.element("Error", |xml| {
            xml.text("Type", error.kind());
            xml.text("Code", error.code);
            xml.text("Message", &error.message);
        });
        xml.text("RequestId", &request_id);
        Self {
            status: error.status,
            body: format!("<ErrorResponse xmlns=\"{namespace}\">{}</ErrorResponse>", xml.as_str()),
            request_id,
        }
    }
}
