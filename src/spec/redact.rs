//! Blots out what may be secret before the file is shown beside a message.
//!
//! Messages quote whole lines of the file, and properties, headers and request bodies may hold passwords. They are
//! replaced byte for byte, so that places in the text stay what they were.

use std::ops::Range;

use toml::de::DeValue;

use super::document::{Document, Node, Place, Step};

/// The namespace of environment properties among the option settings.
const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";

/// Words that begin a part of the file whose lines are hidden when its syntax is broken and no values can be told.
const TELLING: [&str; 7] = ["properties", "headers", "settings", "body", "value", "url", "path"];

/// Parameters of an address whose values let somebody in, in small letters and with `_` for `-`. Only names that mean nothing else:
/// a false alarm would stop a release.
const SECRET_PARAMETERS: [&str; 16] = [
    "access_key",
    "access_token",
    "api_key",
    "api_token",
    "apikey",
    "application_key",
    "auth",
    "auth_token",
    "client_secret",
    "password",
    "secret",
    "secret_key",
    "sig",
    "signature",
    "token",
    "x_amz_signature",
];

/// Whether the value at a place may be secret.
pub(super) fn is_sensitive(document: &Document<'_>, place: &Place) -> bool {
    let keys: Vec<&str> = place
        .steps()
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    match keys.as_slice() {
        ["public_url"] | ["verdict", "endpoint", "url", ..] => text_at(document, place).is_none_or(lets_in),
        // A text where the table should be is the address all the same.
        ["verdict", "endpoint"] => text_at(document, place).is_some_and(lets_in),
        ["smoke" | "bake" | "steps", "checks", "path", ..] => text_at(document, place).is_some_and(lets_in),
        ["verdict", "endpoint", "headers", ..] => true,
        ["green", "properties", ..] => true,
        ["green", "settings", "value", ..] => place.parent().is_none_or(|setting| {
            let namespace = text_at(document, &setting.key("namespace")).unwrap_or(PROPERTIES);
            let name = text_at(document, &setting.key("name")).unwrap_or("password");
            names_a_secret(namespace, name)
        }),
        ["smoke" | "bake" | "steps", "checks", "headers" | "body", ..] => true,
        _ => false,
    }
}

/// Whether the value of an option setting may be secret.
pub(super) fn names_a_secret(namespace: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    namespace == PROPERTIES || ["password", "secret", "token"].iter().any(|word| name.contains(word))
}

/// Whether whoever has the address may have a key with it.
fn lets_in(address: &str) -> bool {
    address.contains('@') || secret_parameter(address).is_some()
}

/// The name of the first parameter in an address, or in a path with a query, whose value lets somebody in.
pub(super) fn secret_parameter(address: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name.into_owned())
        .find(|name| SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().replace('-', "_").as_str()))
}

/// The text with all values blotted out that may be secret. `unknown` are the places of keys that mean nothing: a
/// mistyped `propertys` holds what `properties` would.
pub(super) fn hide_values(document: &Document<'_>, unknown: &[Place], text: &str) -> String {
    let in_unknown = |place: &Place| {
        unknown.iter().any(|key| {
            let nested = place.steps().len() > key.steps().len() || key.steps().len() > 1;
            nested && place.steps().starts_with(key.steps())
        })
    };
    let is_scalar = |node: &Node| {
        !matches!(
            document.get(&node.place),
            Some(DeValue::Table(_) | DeValue::Array(_)) | None
        )
    };
    let spans: Vec<Range<usize>> = document
        .nodes()
        .into_iter()
        .filter(is_scalar)
        .filter(|node| is_sensitive(document, &node.place) || in_unknown(&node.place))
        .map(|node| node.value)
        .collect();
    let values: Vec<Range<usize>> = document
        .nodes()
        .into_iter()
        .filter(is_scalar)
        .map(|node| node.value)
        .collect();
    let comments = comments(text, |at| values.iter().any(|value| value.contains(&at)));
    blot(text, |at| spans.iter().chain(&comments).any(|span| span.contains(&at)))
}

/// What may be a value in comments: somebody may have taken a line out, and it says as much as before. `in_value` says where a `#`
/// begins none.
fn comments(text: &str, in_value: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let hash = line
            .match_indices('#')
            .map(|(at, _)| start + at)
            .find(|at| !in_value(*at));
        let end = start + line.len();
        if let Some(hash) = hash
            && let Some(name) = text[hash..end].find(['=', ':'])
        {
            found.push(hash + name + 1..end);
        }
        start = end;
    }
    found
}

/// The same for a text whose syntax is broken: everything is blotted out that may belong to a value which may be
/// secret.
pub(super) fn hide_lines(text: &str) -> String {
    // Without its syntax nobody knows which `#` begins a comment.
    let mut hidden = comments(text, |_| false);
    let mut in_section = false;
    let mut in_value = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if content.starts_with('[') && !content.contains('=') {
            in_section = TELLING.iter().any(|word| content.contains(word));
            in_value = false;
        } else if !content.starts_with('#') {
            let equals = line.find('=');
            // Keys stand before every equals sign of a line: inline tables hold several.
            let keys = &line[..line.rfind('=').unwrap_or(0)];
            // A value may go on over many lines, and without its syntax nobody knows where it ends.
            in_value |= TELLING.iter().any(|word| keys.contains(word));
            if in_section || in_value {
                let from = equals.map_or(start, |at| start + at + 1);
                hidden.push(from..start + line.len());
            }
        }
        start += line.len();
    }
    blot(text, |at| hidden.iter().any(|span| span.contains(&at)))
}

fn blot(text: &str, is_hidden: impl Fn(usize) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if is_hidden(at) && !c.is_whitespace() {
            (0..c.len_utf8()).for_each(|_| out.push('*'));
        } else {
            out.push(c);
        }
    }
    out
}

fn text_at<'d>(document: &'d Document<'_>, place: &Place) -> Option<&'d str> {
    document.get(place).and_then(DeValue::as_str)
}
