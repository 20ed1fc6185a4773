//! Checking a request in REST with XML against a model: its path, query and document become the parameters that a query would
//! have. The document is held to what a schema asks for; the order of its elements is not looked at.

use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::Service;
use super::check::Check;
use super::table::{Member, Request, Shape, Table};
use crate::local::query::Parameters;

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// The parts of its path, without the version.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Its document is another one.
    Root(String),
    /// It is not what the model asks for.
    Content(String),
}

/// Checks a request to Route 53 and gives its members, by their paths. An operation that the local cloud does not offer is not
/// looked at: it is refused anyway.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_request(asked: Asked<'_>) -> Result<Vec<(String, String)>, NotTaken> {
    let table = Service::Zones.table();
    let Some(request) = table.request(asked.method, asked.path) else {
        return Ok(Vec::new());
    };
    let members = table.operation(request.operation).unwrap_or_default();
    let mut given: Vec<(String, String)> = request
        .in_path(asked.path)
        .map(|(member, value)| (member.to_owned(), value.to_owned()))
        .collect();
    for (name, member) in &request.query {
        // Without a value it is as if it were not there.
        let value = asked.query.iter().find(|(key, value)| key == name && !value.is_empty());
        given.extend(value.map(|(_, value)| ((*member).to_owned(), value.clone())));
    }
    if let Some((root, namespace)) = request.root {
        let mut document = Document {
            table,
            request,
            root,
            namespace,
            open: Vec::new(),
            given,
        };
        document.read(members, asked.body)?;
        given = document.given;
    }
    let mut check = Check::new(table);
    check.call(members, &Parameters::parse(&given));
    check.verdict(Service::Zones).map_err(|error| {
        NotTaken::Content(if error.code == "MalformedInput" {
            format!("Invalid XML ; cvc-datatype-valid.1.2.1: {}", error.message)
        } else {
            error.message
        })
    })?;
    Ok(given)
}

/// A document that is being read.
struct Document<'a> {
    table: &'a Table,
    request: &'a Request,
    root: &'a str,
    namespace: &'a str,
    open: Vec<Open<'a>>,
    given: Vec<(String, String)>,
}

/// An element that has begun.
struct Open<'a> {
    path: String,
    inside: Inside<'a>,
}

/// What an element holds.
enum Inside<'a> {
    /// Elements, each at most once: those that may come, and those that came.
    Structure(Vec<&'a Member>, Vec<String>),
    /// Elements of one name and shape, and how many came.
    List(&'a str, &'a str, usize),
    Text(&'a Shape, String),
}

impl<'a> Document<'a> {
    fn read(&mut self, members: &'a [Member], body: &[u8]) -> Result<(), NotTaken> {
        let text = std::str::from_utf8(body).map_err(|error| invalid(&error.to_string()))?;
        if let Some(character) = text.chars().find(|character| !is_allowed(*character)) {
            return Err(invalid(&format!(
                "the character U+{:04X} is not allowed",
                u32::from(character)
            )));
        }
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut has_begun = false;
        loop {
            let (resolved, event) = reader
                .read_resolved_event()
                .map_err(|error| invalid(&error.to_string()))?;
            match event {
                Event::Start(element) => {
                    let name = String::from_utf8_lossy(element.local_name().into_inner()).into_owned();
                    let is_own = match resolved {
                        ResolveResult::Bound(Namespace(namespace)) => namespace == self.namespace.as_bytes(),
                        ResolveResult::Unbound => true,
                        ResolveResult::Unknown(_) => false,
                    };
                    if !has_begun && (name != self.root || !is_own) {
                        return Err(NotTaken::Root(format!("{name} is not valid, expected {}", self.root)));
                    }
                    if !has_begun {
                        let inside = members.iter().filter(|member| self.request.is_in_document(member.name));
                        let inside = Inside::Structure(inside.collect(), Vec::new());
                        let path = String::new();
                        self.open.push(Open { path, inside });
                        has_begun = true;
                    } else if is_own {
                        self.begin(&name)?;
                    } else {
                        return Err(unexpected(&name));
                    }
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.text(&text.xml10_content().map_err(|error| invalid(&error.to_string()))?)?,
                Event::CData(text) => self.text(&text.xml10_content().map_err(|error| invalid(&error.to_string()))?)?,
                Event::GeneralRef(reference) => self.text(&referred(&reference)?)?,
                Event::DocType(_) => return Err(invalid("DOCTYPE is disallowed")),
                Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if has_begun && self.open.is_empty() => return Ok(()),
                Event::Eof => return Err(invalid("Premature end of file")),
            }
        }
    }

    /// An element within the document begins.
    fn begin(&mut self, name: &str) -> Result<(), NotTaken> {
        let Some(Open { path, inside }) = self.open.last_mut() else {
            return Err(invalid(
                "The markup in the document following the root element must be well-formed",
            ));
        };
        let (path, shape) = match inside {
            Inside::Structure(members, seen) => {
                let Some(member) = members.iter().find(|member| member.name == name) else {
                    return Err(unexpected(name));
                };
                if seen.iter().any(|other| other == name) {
                    return Err(invalid(&format!(
                        "cvc-complex-type.2.4.d: Element '{name}' comes more than once"
                    )));
                }
                seen.push(name.to_owned());
                let dot = if path.is_empty() { "" } else { "." };
                (format!("{path}{dot}{name}"), member.shape)
            }
            Inside::List(element, of, count) if *element == name => {
                *count += 1;
                (format!("{path}.member.{count}"), *of)
            }
            Inside::List(..) | Inside::Text(..) => return Err(unexpected(name)),
        };
        let inside = match self.table.shape(shape) {
            // That it is there, whatever is in it.
            Some(Shape::Structure(members)) => {
                self.given.push((path.clone(), String::new()));
                Inside::Structure(members.iter().collect(), Vec::new())
            }
            Some(Shape::List { of, element, .. }) => {
                self.given.push((format!("{path}.member"), String::new()));
                Inside::List(element, of, 0)
            }
            Some(shape) => Inside::Text(shape, String::new()),
            None => return Err(unexpected(name)),
        };
        self.open.push(Open { path, inside });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(Open {
            path,
            inside: Inside::Text(shape, text),
        }) = self.open.pop()
        {
            let text = match (shape, text.trim()) {
                (Shape::Text { .. } | Shape::Blob, _) => text,
                (Shape::Boolean, "1") => "true".to_owned(),
                (Shape::Boolean, "0") => "false".to_owned(),
                (_, trimmed) => trimmed.to_owned(),
            };
            self.given.push((path, text));
        }
    }

    fn text(&mut self, more: &str) -> Result<(), NotTaken> {
        match self.open.last_mut() {
            Some(Open {
                inside: Inside::Text(_, text),
                ..
            }) => text.push_str(more),
            _ if more.trim().is_empty() => {}
            Some(_) => {
                return Err(invalid(
                    "cvc-complex-type.2.3: An element has text where only elements may be",
                ));
            }
            None => return Err(invalid("Content is not allowed before or after the document")),
        }
        Ok(())
    }
}

/// What a reference stands for.
fn referred(reference: &BytesRef<'_>) -> Result<String, NotTaken> {
    let name = reference.decode().map_err(|error| invalid(&error.to_string()))?;
    let character = reference
        .resolve_char_ref()
        .map_err(|error| invalid(&error.to_string()))?;
    let text = match character {
        Some(character) if is_allowed(character) => Some(character.to_string()),
        Some(_) => None,
        None => resolve_predefined_entity(&name).map(str::to_owned),
    };
    text.ok_or_else(|| invalid(&format!("The reference '&{name};' stands for nothing")))
}

/// Whether XML 1.0 has a character.
fn is_allowed(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn invalid(why: &str) -> NotTaken {
    NotTaken::Content(format!("Invalid XML ; {why}"))
}

fn unexpected(name: &str) -> NotTaken {
    invalid(&format!(
        "cvc-complex-type.2.4.a: Invalid content was found starting with element '{name}'."
    ))
}
