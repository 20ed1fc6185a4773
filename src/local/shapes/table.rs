//! Reading the tables.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use regex::Regex;

/// The model of one service.
#[derive(Debug)]
pub(super) struct Table {
    version: String,
    operations: BTreeMap<&'static str, Vec<Member>>,
    requests: Vec<Request>,
    shapes: BTreeMap<&'static str, Shape>,
}

/// A member of a structure or a parameter of an operation.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: &'static str,
    pub(super) is_required: bool,
}

/// How an operation is asked for in REST.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: &'static str,
    method: &'static str,
    path: Vec<&'static str>,
    /// Names in the query, and the members that they are.
    pub(super) query: Vec<(&'static str, &'static str)>,
    /// The same of headers, in small letters.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// The name of the document and its namespace, if there is one; of JSON, which has none, these words say that.
    pub(super) root: Option<(&'static str, &'static str)>,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    Structure(Vec<Member>),
    List {
        of: &'static str,
        length: RangeInclusive<u64>,
        /// The name of its elements in XML.
        element: &'static str,
    },
    Map {
        value: &'static str,
    },
    Text {
        length: RangeInclusive<u64>,
        choices: Vec<&'static str>,
        /// With the text of the model, which messages show.
        pattern: Option<(Regex, &'static str)>,
    },
    Number(RangeInclusive<i64>),
    Real,
    Boolean,
    Timestamp,
    Blob,
}

impl Table {
    /// Reads a table.
    ///
    /// # Panics
    ///
    /// When the table is not one. It is a part of the program, and a test reads all of them.
    pub(super) fn read(text: &'static str) -> Self {
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        let version = head.split(':').next().and_then(|front| front.rsplit(' ').next());
        let mut table = Self {
            version: version.unwrap_or_default().to_owned(),
            operations: BTreeMap::new(),
            requests: Vec::new(),
            shapes: BTreeMap::new(),
        };
        for line in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            if kind == "operation" {
                table.operations.insert(name, members(rest));
                continue;
            }
            let read = if kind == "request" {
                request(name, rest).map(|request| table.requests.push(request))
            } else {
                shape(kind, rest).map(|shape| drop(table.shapes.insert(name, shape)))
            };
            assert!(read.is_some(), "the table of shapes has a line that is none: {line}");
        }
        table
    }

    /// The version of the service's API.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The parameters of an operation.
    pub(super) fn operation(&self, name: &str) -> Option<&[Member]> {
        self.operations.get(name).map(Vec::as_slice)
    }

    /// The request with that method and the parts of that path.
    pub(super) fn request(&self, method: &str, path: &[&str]) -> Option<&Request> {
        self.requests.iter().find(|request| request.is(method, path))
    }

    /// A shape.
    pub(super) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// Names of shapes that something refers to and that are not there.
    #[cfg(test)]
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let of_shapes = self.shapes.values().flat_map(|shape| match shape {
            Shape::Structure(members) => members.iter().map(|member| member.shape).collect(),
            Shape::List { of, .. } => vec![*of],
            Shape::Map { value } => vec![*value],
            _ => Vec::new(),
        });
        let of_operations = self.operations.values().flatten().map(|member| member.shape);
        let all = of_shapes.chain(of_operations);
        all.filter(|name| !self.shapes.contains_key(name)).collect()
    }
}

impl Request {
    fn is(&self, method: &str, path: &[&str]) -> bool {
        let fits = |(own, part): (&&'static str, &&str)| own == part || member_of(own).is_some();
        self.method == method && self.path.len() == path.len() && self.path.iter().zip(path).all(fits)
    }

    /// The members that stand in a path.
    pub(super) fn in_path<'a>(&self, path: &[&'a str]) -> impl Iterator<Item = (&'static str, &'a str)> {
        let pairs = self.path.iter().zip(path);
        pairs.filter_map(|(own, part)| Some((member_of(own)?, *part)))
    }

    /// Whether a member is in the document.
    pub(super) fn is_in_document(&self, member: &str) -> bool {
        let elsewhere = self.path.iter().filter_map(|part| member_of(part));
        let named = self.query.iter().chain(&self.headers);
        let elsewhere = elsewhere.chain(named.map(|(_, member)| *member));
        !elsewhere.into_iter().any(|other| other == member)
    }
}

/// The member that stands for a part of a path.
fn member_of(part: &'static str) -> Option<&'static str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn request(operation: &'static str, text: &'static str) -> Option<Request> {
    let mut words = text.split_whitespace();
    let (method, path) = (words.next()?, words.next()?.split('/').collect());
    let (query, root): (Vec<_>, Vec<_>) = words.partition(|word| word.contains('='));
    let root = match root.as_slice() {
        [] => None,
        [name, namespace] => Some((*name, *namespace)),
        _ => return None,
    };
    let named = |words: Vec<&'static str>| {
        words
            .into_iter()
            .map(|word| word.split_once('='))
            .collect::<Option<_>>()
    };
    let (headers, query) = query.into_iter().partition(|word| word.starts_with('@'));
    let headers: Vec<&'static str> = headers;
    Some(Request {
        operation,
        method,
        path,
        query: named(query)?,
        headers: named(headers.iter().map(|word| &word[1..]).collect())?,
        root,
    })
}

fn members(text: &'static str) -> Vec<Member> {
    let words = text.split_whitespace().filter_map(|word| word.split_once(':'));
    words
        .map(|(name, shape)| Member {
            name: name.trim_end_matches('!'),
            shape,
            is_required: name.ends_with('!'),
        })
        .collect()
}

fn shape(kind: &str, rest: &'static str) -> Option<Shape> {
    let mut words = rest.split_whitespace();
    Some(match kind {
        "structure" => Shape::Structure(members(rest)),
        "list" => Shape::List {
            of: words.next()?,
            length: span(words.next()?)?,
            element: words.next().unwrap_or("member"),
        },
        "map" => Shape::Map { value: words.nth(1)? },
        "text" => text(rest)?,
        "number" => {
            let (least, most) = words.next()?.split_once("..")?;
            Shape::Number(least.parse().ok()?..=most.parse().ok()?)
        }
        "real" => Shape::Real,
        "boolean" => Shape::Boolean,
        "timestamp" => Shape::Timestamp,
        "blob" => Shape::Blob,
        _ => return None,
    })
}

fn text(rest: &'static str) -> Option<Shape> {
    let (length, mut rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut choices = Vec::new();
    if let Some(list) = rest.strip_prefix('=') {
        let (list, more) = list.split_once(' ').unwrap_or((list, ""));
        choices = list.split('|').collect();
        rest = more;
    }
    let pattern = match rest.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        // The service wants the whole text to match.
        Some(pattern) => Some((Regex::new(&format!("^(?:{pattern})$")).ok()?, pattern)),
        None => None,
    };
    Some(Shape::Text {
        length: span(length)?,
        choices,
        pattern,
    })
}

fn span(text: &str) -> Option<RangeInclusive<u64>> {
    let (least, most) = text.split_once("..")?;
    let most = if most.is_empty() { u64::MAX } else { most.parse().ok()? };
    Some(least.parse().ok()?..=most)
}
