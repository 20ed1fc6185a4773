//! Checking a document against a model: the same rules as for the parameters of a query, once its values have the right types.
//!
//! Members that the model does not know are passed over, as services do that speak in documents.

use super::Service;
use super::check::Check;
use super::table::{Member, Shape, Table};
use crate::local::fault::Fault;
use crate::local::metrics::Document;
use crate::local::query::Parameters;
use crate::model::Timestamp;

/// Checks a call of CloudWatch. An operation that the local cloud does not offer is not looked at: it is refused anyway.
///
/// # Errors
///
/// What CloudWatch answers to a value of another type, or to all values that break a rule.
pub(crate) fn check_document(operation: &str, input: &Document) -> Result<(), Fault> {
    let table = Service::CloudWatch.table();
    let Some(members) = table.operation(operation) else {
        return Ok(());
    };
    let mut flat = Flat::new(table);
    flat.document(members, input)?;
    let mut check = Check::new(table);
    check.call(members, &Parameters::parse(&flat.parameters));
    check.verdict(Service::CloudWatch).map_err(|error| {
        // A number with a fraction where none may be, and a moment that is none.
        let is_mistyped = error.code == "MalformedInput";
        fault(if is_mistyped { SERIALIZATION } else { error.code }, error.message)
    })
}

fn fault(code: &'static str, message: String) -> Fault {
    Fault {
        status: 400,
        code,
        message,
    }
}

const SERIALIZATION: &str = "SerializationException";

/// A document as the parameters that a query would have.
pub(super) struct Flat<'a> {
    table: &'a Table,
    pub(super) parameters: Vec<(String, String)>,
}

impl<'a> Flat<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self {
            table,
            parameters: Vec::new(),
        }
    }

    /// Adds the known members of a document.
    ///
    /// # Errors
    ///
    /// What services answer to a value of another type.
    pub(super) fn document(&mut self, members: &[Member], given: &Document) -> Result<(), Fault> {
        self.structure(members, given, "").map_err(|place| {
            let message = format!("The value at '{place}' is not of the type that it should be");
            fault(SERIALIZATION, message)
        })
    }

    /// Adds the known members of a structure.
    ///
    /// # Errors
    ///
    /// The place of a value that is of another type.
    fn structure(&mut self, members: &[Member], given: &Document, path: &str) -> Result<(), String> {
        let Document::Map(_) = given else {
            return Err(path.to_owned());
        };
        if !path.is_empty() {
            // That it is there, whatever is in it.
            self.parameters.push((path.to_owned(), String::new()));
        }
        for member in members {
            if let Some(value) = given.field(member.name) {
                let place = if path.is_empty() {
                    member.name.to_owned()
                } else {
                    format!("{path}.{}", member.name)
                };
                self.value(member.shape, value, &place)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, shape: &str, given: &Document, path: &str) -> Result<(), String> {
        let Some(shape) = self.table.shape(shape) else {
            return Ok(());
        };
        let text = match (shape, given) {
            (Shape::Structure(members), _) => return self.structure(members, given, path),
            (Shape::List { of, .. }, Document::List(items)) => {
                self.parameters.push((path.to_owned(), String::new()));
                for (number, item) in items.iter().enumerate() {
                    self.value(of, item, &format!("{path}.member.{}", number + 1))?;
                }
                return Ok(());
            }
            (Shape::Text { .. } | Shape::Timestamp, Document::Text(text)) => text.clone(),
            (Shape::Number(_) | Shape::Real, Document::Number(number)) => number.to_string(),
            (Shape::Number(_) | Shape::Real, Document::Whole(number)) => number.to_string(),
            (Shape::Boolean, Document::Bool(value)) => value.to_string(),
            // Any number is a moment; which one does not matter here.
            (Shape::Timestamp, Document::Time(_) | Document::Number(_)) => Timestamp::default().to_string(),
            // That it is there, whatever is in it.
            (Shape::Map { .. } | Shape::Blob, _) => String::new(),
            (
                Shape::List { .. }
                | Shape::Text { .. }
                | Shape::Number(_)
                | Shape::Real
                | Shape::Boolean
                | Shape::Timestamp,
                _,
            ) => return Err(path.to_owned()),
        };
        self.parameters.push((path.to_owned(), text));
        Ok(())
    }
}
