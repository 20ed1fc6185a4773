//! Checking a request whose document is JSON: of CodePipeline, which names its operation in a header, and in REST.
//!
//! What a service says of a document that is none says who reads it.

use std::collections::BTreeMap;

use super::Service;
use super::check::Check;
use super::document::Flat;
use super::table::{Member, Request, Shape, Table};
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::query::Parameters;

/// A request.
#[derive(Clone, Copy)]
pub(crate) struct AskedJson<'a> {
    pub(crate) service: Service,
    pub(crate) method: &'a str,
    /// The parts of its path, with their escapes undone.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(String, String)],
    /// With names in small letters.
    pub(crate) headers: &'a BTreeMap<String, String>,
    pub(crate) body: &'a [u8],
}

/// Checks a request. An operation that the local cloud does not offer is not looked at: it is refused anyway.
///
/// # Errors
///
/// What the service answers to a value of another type, or to all values that break a rule.
pub(crate) fn check_json(asked: AskedJson<'_>) -> Result<(), Fault> {
    let table = asked.service.table();
    let target = asked
        .headers
        .get("x-amz-target")
        .and_then(|target| target.rsplit('.').next());
    let request = table.request(asked.method, asked.path);
    let operation = match request {
        Some(request) => Some(request.operation),
        None => target.filter(|_| asked.service == Service::Pipelines),
    };
    let Some(members) = operation.and_then(|operation| table.operation(operation)) else {
        return Ok(());
    };
    let mut flat = Flat::new(table);
    if let Some(request) = request {
        flat.parameters = elsewhere(table, members, request, &asked);
    }
    if request.is_none_or(|request| request.root.is_some()) {
        let in_document = |member: &&Member| request.is_none_or(|request| request.is_in_document(member.name));
        let inside: Vec<Member> = members.iter().filter(in_document).cloned().collect();
        let Ok(document) = Document::from_json(asked.body) else {
            return Ok(());
        };
        flat.document(&inside, &document)
            .map_err(|fault| refused(fault.message))?;
    }
    let mut check = Check::new(table);
    check.call(members, &Parameters::parse(&flat.parameters));
    check.verdict(asked.service).map_err(|error| refused(error.message))
}

fn refused(message: String) -> Fault {
    Fault {
        status: 400,
        code: "ValidationException",
        message,
    }
}

/// The members that are not in the document. One that stands for all of the body is there, whatever it is.
fn elsewhere(table: &Table, members: &[Member], request: &Request, asked: &AskedJson<'_>) -> Vec<(String, String)> {
    let mut given: Vec<(String, String)> = Vec::new();
    for (member, value) in request.in_path(asked.path) {
        given.push((member.to_owned(), value.to_owned()));
    }
    for (name, member) in &request.query {
        let shape = members.iter().find(|one| one.name == *member);
        let is_list = shape.is_some_and(|one| matches!(table.shape(one.shape), Some(Shape::List { .. })));
        let values = asked.query.iter().filter(|(key, _)| key == name);
        for (number, (_, value)) in values.enumerate() {
            let place = if is_list {
                format!("{member}.member.{}", number + 1)
            } else {
                (*member).to_owned()
            };
            given.push((place, value.clone()));
        }
    }
    for (name, member) in &request.headers {
        given.extend(
            asked
                .headers
                .get(*name)
                .map(|value| ((*member).to_owned(), value.clone())),
        );
    }
    given
}
