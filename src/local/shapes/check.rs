//! Checking the parameters of a call.

use super::Service;
use super::table::{Member, Shape, Table};
use crate::local::query::{AwsError, Parameters};

/// As many broken rules as an answer tells of.
const MOST: usize = 10;

/// What is wrong with a call so far.
pub(super) struct Check<'a> {
    table: &'a Table,
    broken: Vec<Broken>,
    malformed: Option<AwsError>,
    unknown: Option<String>,
}

/// A rule of the model that a value breaks.
struct Broken {
    /// Where, as a path of members.
    path: String,
    /// The value; `None` where there is none.
    value: Option<String>,
    rule: String,
}

impl<'a> Check<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        Self {
            table,
            broken: Vec::new(),
            malformed: None,
            unknown: None,
        }
    }

    /// Looks at a whole call.
    pub(super) fn call(&mut self, members: &[Member], parameters: &Parameters) {
        self.structure(members, parameters, "");
        for (name, _) in parameters.children() {
            if !is_of_every_call(name) && !members.iter().any(|member| member.name == name) {
                self.unknown(name);
            }
        }
    }

    /// The service's answer to all that.
    pub(super) fn verdict(self, service: Service) -> Result<(), AwsError> {
        if let Some(name) = self.unknown {
            return Err(AwsError::new(
                "InvalidQueryParameter",
                format!("The parameter {name} is not recognized"),
            ));
        }
        if let Some(error) = self.malformed {
            return Err(error);
        }
        let Some(first) = self.broken.first() else {
            return Ok(());
        };
        // Elastic Beanstalk tells of one value at a time, by the parameter's name, once everything that must be there is.
        if service == Service::ElasticBeanstalk && self.broken.iter().all(|broken| broken.value.is_some()) {
            let value = first.value.as_deref().unwrap_or_default();
            let name = own_name(&first.path);
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Value {value} at '{name}' failed to satisfy constraint: {}", first.rule),
            ));
        }
        let count = self.broken.len();
        let noun = if count == 1 { "error" } else { "errors" };
        let told: Vec<String> = self.broken.iter().map(Broken::told).collect();
        Err(AwsError::new(
            "ValidationError",
            format!("{count} validation {noun} detected: {}", told.join("; ")),
        ))
    }

    fn structure(&mut self, members: &[Member], parameters: &Parameters, path: &str) {
        for member in members {
            match parameters.child(member.name) {
                Some(value) => self.value(member.shape, value, &join(path, member.name)),
                None if member.is_required => {
                    self.break_rule(&join(path, member.name), None, "Member must not be null".to_owned());
                }
                None => {}
            }
        }
    }

    fn value(&mut self, shape: &str, given: &Parameters, path: &str) {
        let Some(shape) = self.table.shape(shape) else { return };
        match shape {
            Shape::Structure(members) => {
                // A structure in which nothing is set may be written as an empty value.
                if given.value().is_some_and(|value| !value.is_empty()) {
                    self.malformed_structure();
                }
                for (name, _) in given.children() {
                    if !members.iter().any(|member| member.name == name) {
                        self.unknown(&join(path, name));
                    }
                }
                self.structure(members, given, path);
            }
            Shape::List { of, length, .. } => self.list(of, length, given, path),
            Shape::Map { value } => {
                for (_, entry) in given.child("entry").into_iter().flat_map(Parameters::children) {
                    if let Some(given) = entry.child("value") {
                        self.value(value, given, path);
                    }
                }
            }
            _ => {
                if given.children().next().is_some() {
                    self.malformed_structure();
                }
                let text = given.value().unwrap_or_default();
                self.scalar(shape, text, path);
            }
        }
    }

    fn list(&mut self, of: &str, length: &std::ops::RangeInclusive<u64>, given: &Parameters, path: &str) {
        if given.value().is_some_and(|value| !value.is_empty()) {
            self.malformed_structure();
            return;
        }
        for (name, _) in given.children().filter(|(name, _)| *name != "member") {
            self.unknown(&join(path, name));
        }
        let Some(members) = given.child("member") else {
            // Written as an empty value it is a list without items, which services take for no list.
            return;
        };
        let mut count = 0;
        for (number, item) in members.children() {
            if number.parse::<u32>().ok().is_none_or(|number| number == 0) {
                self.unknown(&join(path, &format!("member.{number}")));
                continue;
            }
            count += 1;
            self.value(of, item, &format!("{path}.{number}.member"));
        }
        self.length("have length", count, length, path, "[…]");
    }

    fn scalar(&mut self, shape: &Shape, text: &str, path: &str) {
        match shape {
            Shape::Text {
                length,
                choices,
                pattern,
            } => {
                self.length("have length", text.chars().count() as u64, length, path, text);
                if !choices.is_empty() && !choices.contains(&text) {
                    let rule = format!("Member must satisfy enum value set: [{}]", choices.join(", "));
                    self.break_rule(path, Some(text), rule);
                }
                if let Some((pattern, told)) = pattern
                    && !pattern.is_match(text)
                {
                    let rule = format!("Member must satisfy regular expression pattern: {told}");
                    self.break_rule(path, Some(text), rule);
                }
            }
            Shape::Number(range) => match text.parse::<i64>() {
                Err(_) => self.malformed(path, text, "integer"),
                Ok(number) if number < *range.start() => {
                    let rule = format!("Member must have value greater than or equal to {}", range.start());
                    self.break_rule(path, Some(text), rule);
                }
                Ok(number) if number > *range.end() => {
                    let rule = format!("Member must have value less than or equal to {}", range.end());
                    self.break_rule(path, Some(text), rule);
                }
                Ok(_) => {}
            },
            Shape::Real if text.parse::<f64>().is_err() => self.malformed(path, text, "number"),
            Shape::Boolean if !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false") => {
                self.malformed(path, text, "boolean");
            }
            Shape::Timestamp if text.parse::<jiff::Timestamp>().is_err() => self.malformed(path, text, "timestamp"),
            Shape::Real
            | Shape::Boolean
            | Shape::Timestamp
            | Shape::Blob
            | Shape::Structure(_)
            | Shape::List { .. }
            | Shape::Map { .. } => {}
        }
    }

    fn length(&mut self, what: &str, length: u64, range: &std::ops::RangeInclusive<u64>, path: &str, shown: &str) {
        if length < *range.start() {
            let rule = format!("Member must {what} greater than or equal to {}", range.start());
            self.break_rule(path, Some(shown), rule);
        } else if length > *range.end() {
            let rule = format!("Member must {what} less than or equal to {}", range.end());
            self.break_rule(path, Some(shown), rule);
        }
    }

    fn break_rule(&mut self, path: &str, value: Option<&str>, rule: String) {
        if self.broken.len() < MOST {
            self.broken.push(Broken {
                path: path.to_owned(),
                value: value.map(str::to_owned),
                rule,
            });
        }
    }

    fn malformed(&mut self, path: &str, text: &str, kind: &str) {
        let name = own_name(path);
        let message = format!("Value '{text}' at '{name}' is not a valid {kind}");
        self.malformed
            .get_or_insert_with(|| AwsError::new("MalformedInput", message));
    }

    fn malformed_structure(&mut self) {
        self.malformed
            .get_or_insert_with(|| AwsError::new("MalformedInput", "Unexpected list element termination"));
    }

    fn unknown(&mut self, name: &str) {
        self.unknown.get_or_insert_with(|| name.to_owned());
    }
}

impl Broken {
    fn told(&self) -> String {
        let path = lower_first(&self.path);
        match &self.value {
            Some(value) => format!(
                "Value '{value}' at '{path}' failed to satisfy constraint: {}",
                self.rule
            ),
            None => format!("Value null at '{path}' failed to satisfy constraint: {}", self.rule),
        }
    }
}

/// Parameters that belong to the protocol and not to the operation.
fn is_of_every_call(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "Action",
        "Version",
        "AWSAccessKeyId",
        "Expires",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
    ];
    NAMES.contains(&name)
}

/// The name that a caller knows a value by: for items of a list, that of the list.
fn own_name(path: &str) -> &str {
    let is_place = |part: &&str| *part == "member" || part.bytes().all(|byte| byte.is_ascii_digit());
    path.rsplit('.').find(|part| !is_place(part)).unwrap_or(path)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The service's own names of members begin with small letters.
fn lower_first(path: &str) -> String {
    let parts = path.split('.').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect::<Vec<_>>().join(".")
}
