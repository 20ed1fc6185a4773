//! Reading the tables.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use regex::Regex;

/// The model of one service.
#[derive(Debug)]
pub(super) struct Table {
    version: String,
    operations: BTreeMap<&'static str, Vec<Member>>,
    shapes: BTreeMap<&'static str, Shape>,
}

/// A member of a structure or a parameter of an operation.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) shape: &'static str,
    pub(super) is_required: bool,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    Structure(Vec<Member>),
    List {
        of: &'static str,
        length: RangeInclusive<u64>,
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
            shapes: BTreeMap::new(),
        };
        for line in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            if kind == "operation" {
                table.operations.insert(name, members(rest));
            } else {
                let shape =
                    shape(kind, rest).unwrap_or_else(|| panic!("the table of shapes has a line that is none: {line}"));
                table.shapes.insert(name, shape);
            }
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
