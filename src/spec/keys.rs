//! Keys that mean nothing and keys that are missing. What a table may hold is read from the JSON Schema, which is made
//! from the same types that the file is read into, so the two cannot disagree.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Place, Step};
use super::error::Problem;
use crate::model::text::closest;

/// What is wrong with the keys of a file.
#[derive(Default)]
pub(super) struct KeyFaults {
    /// One problem for each key.
    pub(super) problems: Vec<Problem>,
    /// Keys that mean nothing.
    pub(super) unknown: Vec<Place>,
    /// Tables that lack a key they must have, outer ones first. Not the top of the file.
    pub(super) incomplete: Vec<Place>,
}

/// Compares the keys of a file with its schema.
pub(super) fn check(document: &Document<'_>, schema: &Value) -> KeyFaults {
    let mut walk = Walk {
        schema,
        faults: KeyFaults::default(),
    };
    walk.table(document.root(), 0..0, &Place::default(), schema);
    walk.faults
}

/// The schema's words about the type of the value at a place: how to write it.
pub(super) fn how_to_write(schema: &Value, place: &Place) -> Option<String> {
    let node = node(schema, place.steps())?;
    if let Some(choice) = choice(schema, node) {
        return Some(choice);
    }
    let type_of_its_own = resolve(schema, node);
    if std::ptr::eq(type_of_its_own, node) || type_of_its_own.get("properties").is_some() {
        return None;
    }
    Some(type_of_its_own.get("description")?.as_str()?.to_owned())
}

/// The words that can be written at a place, where that is one of several.
pub(super) fn words<'s>(schema: &'s Value, place: &Place) -> Vec<&'s str> {
    let words = node(schema, place.steps()).map(|node| {
        ways(schema, node).flat_map(|way| {
            let listed = way.get("enum").and_then(Value::as_array);
            listed.into_iter().flatten().chain(way.get("const"))
        })
    });
    words.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What can be written where some of the choices are words and others are tables: the TOML reader's own words name both alike. `None`
/// where there is no such choice.
fn choice(whole: &Value, node: &Value) -> Option<String> {
    let ways = resolve(whole, node).get("oneOf")?.as_array()?;
    let mut tables = 0;
    let mut written = Vec::new();
    for way in ways {
        if let Some(word) = way.get("const").and_then(Value::as_str) {
            written.push(format!("{word:?}"));
            continue;
        }
        let properties = way.get("properties")?.as_object()?;
        let number = |(key, value): (&String, &Value)| (value.get("type")? == "integer").then(|| format!("{key} = 2"));
        let keys: Option<Vec<String>> = properties.iter().map(number).collect();
        written.push(format!("{{ {} }}", keys?.join(", ")));
        tables += 1;
    }
    let last = written.pop().filter(|_| tables > 0)?;
    Some(format!("write {} or {last}", written.join(", ")))
}

/// Whether the table around a place cannot be without what stands there: it must have it, or is nothing but that.
pub(super) fn holds_up(schema: &Value, place: &Place) -> bool {
    let Some((Step::Key(key), table)) = place.steps().split_last() else {
        return false;
    };
    let Some(table) = node(schema, table) else {
        return true;
    };
    let required = |way: &Value| {
        let required = way.get("required").and_then(Value::as_array);
        required.is_some_and(|keys| keys.iter().any(|known| known.as_str() == Some(key)))
    };
    node(schema, place.steps()).is_none() || ways(schema, table).any(required)
}

/// What the schema says of a place.
fn node<'s>(whole: &'s Value, steps: &[Step]) -> Option<&'s Value> {
    let mut node = whole;
    for step in steps {
        node = ways(whole, node).find_map(|way| match step {
            Step::Key(key) => way
                .get("properties")
                .and_then(|properties| properties.get(key))
                .or_else(|| {
                    way.get("additionalProperties")
                        .filter(|any| **any != Value::Bool(false))
                }),
            Step::Index(_) => way.get("items"),
        })?;
    }
    Some(node)
}

/// In which ways something can be written: as its schema says, and each of those that it lists.
fn ways<'s>(whole: &'s Value, node: &'s Value) -> impl Iterator<Item = &'s Value> {
    let here = resolve(whole, node);
    let listed = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|list| here.get(list)?.as_array());
    std::iter::once(here).chain(listed.flatten().map(move |way| resolve(whole, way)))
}

struct Walk<'s> {
    schema: &'s Value,
    faults: KeyFaults,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, span: std::ops::Range<usize>, place: &Place, schema: &Value) {
        let schema = resolve(self.schema, schema);
        let properties = schema.get("properties").and_then(Value::as_object);
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        // A mistyped key that must be there is one problem, not two.
        let mut mistyped = Vec::new();
        for (key, value) in table {
            let inner = place.key(key.get_ref());
            match properties.and_then(|properties| properties.get(key.get_ref().as_ref())) {
                Some(schema) => self.value(value, &inner, schema),
                None if closed => {
                    let known: Vec<&str> = properties
                        .map(|properties| properties.keys().map(String::as_str).collect())
                        .unwrap_or_default();
                    let mut problem = Problem::new(key.span(), format!("unknown key `{inner}`"));
                    problem.help = self.advice(key.get_ref(), place, &known);
                    mistyped.extend(closest(key.get_ref(), &known));
                    self.faults.problems.push(problem);
                    self.faults.unknown.push(inner);
                }
                None => {}
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        let mut complete = true;
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if table.get(key).is_none() {
                complete = false;
                if mistyped.contains(&key) {
                    continue;
                }
                let mut problem = Problem::new(span.clone(), format!("`{}` is missing", place.key(key)));
                problem.help = properties
                    .and_then(|properties| properties.get(key)?.get("description")?.as_str())
                    .map(|text| text.replace('\n', " "));
                self.faults.problems.push(problem);
            }
        }
        if !complete && place.parent().is_some() {
            self.faults.incomplete.push(place.clone());
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, place: &Place, schema: &Value) {
        let schema = resolve(self.schema, schema);
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, value.span(), place, schema),
            DeValue::Array(array) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in array.iter().enumerate() {
                        self.value(element, &place.index(index), items);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a user may have meant by a key: one like it in the same table, or the same key in another one.
    fn advice(&self, key: &str, place: &Place, known: &[&str]) -> Option<String> {
        if let Some(meant) = closest(key, known) {
            return Some(format!("did you mean `{meant}`?"));
        }
        let top = self.schema.get("properties")?.as_object()?;
        if place.parent().is_some() && top.contains_key(key) {
            return Some(format!(
                "`{key}` belongs at the top of the file, before the first `[table]`"
            ));
        }
        let tables: Vec<String> = top
            .iter()
            .filter(|(_, schema)| {
                let properties = resolve(self.schema, schema).get("properties");
                properties.is_some_and(|properties| properties.get(key).is_some())
            })
            .map(|(table, _)| format!("`[{table}]`"))
            .collect();
        if !tables.is_empty() {
            return Some(format!("`{key}` belongs to {}", tables.join(" or ")));
        }
        let quoted: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
        Some(format!("known here: {}", quoted.join(", ")))
    }
}

/// Follows references until there is a schema that says something itself.
fn resolve<'s>(whole: &'s Value, mut schema: &'s Value) -> &'s Value {
    loop {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let wrapped = ["allOf", "anyOf"]
            .iter()
            .find_map(|key| schema.get(key)?.as_array().filter(|all| all.len() == 1)?.first());
        let next = reference
            .and_then(|reference| whole.pointer(reference.trim_start_matches('#')))
            .or(wrapped);
        match next {
            Some(next) => schema = next,
            None => return schema,
        }
    }
}
