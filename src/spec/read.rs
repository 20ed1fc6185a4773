//! From the text of a file to a [`Spec`], with everything that is wrong collected on the way.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Place};
use super::error::{Problem, SpecError};
use super::{Spec, keys, redact, rules, schema};
use crate::model::text::closest;

/// Nobody reads more than this, and each one costs a look at the whole file.
const MOST_PROBLEMS: usize = 50;

/// A file longer than this is not a `cutover.toml`, in bytes.
const LONGEST: u64 = 1 << 20;

/// Stands for a name that is missing, so that the rest can be checked; it breaks no rule.
const PLACEHOLDER: &str = "placeholder";

impl Spec {
    /// Reads a `cutover.toml`.
    ///
    /// # Errors
    ///
    /// When there is no such file, it is not UTF-8 text, or something is wrong in it: then with everything that is.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let text = read_text(path).map_err(|source| SpecError::from_io(path, source))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a `cutover.toml`; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// With everything that is wrong in the text.
    pub fn parse(name: &str, text: &str) -> Result<Self, SpecError> {
        let (spec, mistakes) = Self::parse_partly(name, text)?;
        mistakes.map_or(Ok(spec), Err)
    }

    /// Reads a `cutover.toml` for where releases are: their application, slot, region and journal. With it comes everything that is wrong
    /// in it, if that cannot change where they are; the rest is not to be relied upon then.
    ///
    /// # Errors
    ///
    /// When there is no such file, or something is wrong with where releases are, or may be.
    pub fn read_partly(path: &Path) -> Result<(Self, Option<SpecError>), SpecError> {
        let text = read_text(path).map_err(|source| SpecError::from_io(path, source))?;
        Self::parse_partly(&path.display().to_string(), &text)
    }

    pub(super) fn parse_partly(name: &str, text: &str) -> Result<(Self, Option<SpecError>), SpecError> {
        let (root, faults) = DeTable::parse_recoverable(text);
        if !faults.is_empty() {
            let problems = faults.iter().take(MOST_PROBLEMS).map(syntax_problem).collect();
            return Err(SpecError::invalid(name, text, redact::hide_lines(text), problems));
        }
        let mut reader = Reader {
            document: Document::new(root),
            schema: schema(),
            problems: Vec::new(),
            broken: BTreeSet::new(),
            place_is_known: true,
        };
        let faults = keys::check(&reader.document, &reader.schema);
        let shown = redact::hide_values(&reader.document, &faults.unknown, text);
        let spec = reader.read(faults);
        if let Some(spec) = &spec {
            let found = rules::check(spec, &reader.document, &reader.broken);
            reader.problems.extend(found);
        }
        let is_right = reader.problems.is_empty();
        let mistakes = || SpecError::invalid(name, text, shown, reader.problems);
        match spec {
            Some(spec) if is_right => Ok((spec, None)),
            Some(spec) if reader.place_is_known => Ok((spec, Some(mistakes()))),
            _ => Err(mistakes()),
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let facts = std::fs::metadata(path)?;
    if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if facts.len() > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    String::from_utf8(std::fs::read(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} is not UTF-8 text"))
    })
}

fn syntax_problem(error: &toml::de::Error) -> Problem {
    Problem::new(error.span().unwrap_or(0..0), error.message().replace('\n', ", "))
}

struct Reader<'i> {
    document: Document<'i>,
    schema: Value,
    problems: Vec<Problem>,
    /// Places whose value was taken out: a default stands there now that the user did not mean.
    broken: BTreeSet<Place>,
    /// Whether the values taken out cannot have been meant to say where releases are: those stand at the top, in no table.
    place_is_known: bool,
}

impl Reader<'_> {
    /// Reads the document as a [`Spec`]: each value that does not fit is reported and taken out, until the rest does.
    fn read(&mut self, faults: keys::KeyFaults) -> Option<Spec> {
        self.problems.extend(faults.problems);
        // From the back, because taking out an element of an array moves those behind it.
        let meaningless: BTreeSet<&Place> = faults.unknown.iter().chain(&faults.incomplete).collect();
        for place in meaningless.into_iter().rev() {
            self.take_out(place.clone());
        }
        while self.problems.len() < MOST_PROBLEMS {
            self.place_is_known &= self.document.root().contains_key("application");
            self.document.fill("application", PLACEHOLDER);
            let error = match self.document.read::<Spec>() {
                Ok(spec) => return Some(spec),
                Err(error) => error,
            };
            let place = error.span().and_then(|span| self.document.find(&span));
            self.problems.push(self.type_problem(&error, place.as_ref()));
            self.give_up(place?);
        }
        None
    }

    fn take_out(&mut self, place: Place) {
        let is_table = self.document.get(&place).is_some_and(DeValue::is_table);
        self.place_is_known &= place.steps().len() > 1 || is_table;
        self.document.remove(&place);
        self.broken.insert(place);
    }

    /// Takes a value out, and with it each table around that cannot be without it: that it lacks the value would be one more
    /// problem, and no true one.
    fn give_up(&mut self, mut place: Place) {
        while let Some(table) = place.parent().filter(|table| !table.steps().is_empty())
            && keys::holds_up(&self.schema, &place)
        {
            place = table;
        }
        self.take_out(place);
    }

    fn type_problem(&self, error: &toml::de::Error, place: Option<&Place>) -> Problem {
        let Some(place) = place else {
            return syntax_problem(error);
        };
        let span = self.document.span(place);
        let written = self.document.as_written(place);
        if redact::is_sensitive(&self.document, place) {
            // The words of the TOML reader quote the value.
            let help = if *place == Place::of(&["verdict", "endpoint"]) {
                "write it as a table: [verdict.endpoint] with a `url`"
            } else {
                "write a text in quotes"
            };
            return Problem::new(span, format!("`{written}` has the wrong type")).with_help(help);
        }
        let message = plain(error.message());
        let words = keys::words(&self.schema, place);
        let Some(word) = variant(&message).filter(|_| !words.is_empty()) else {
            let mut problem = Problem::new(span, format!("`{written}`: {message}"));
            problem.help = keys::how_to_write(&self.schema, place);
            return problem;
        };
        let meant = closest(word, &words).map(|meant| format!("did you mean \"{meant}\"?"));
        let help = meant.or_else(|| keys::how_to_write(&self.schema, place));
        // Of the words that the type knows, some may not be meant here.
        let fitting: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let message = match message.split_once(", expected one of ") {
            Some((found, known)) if known.split(", ").count() > fitting.len() => {
                format!("{found}, expected one of {}", fitting.join(", "))
            }
            _ => message.clone(),
        };
        let mut problem = Problem::new(span, format!("`{written}`: {message}"));
        problem.help = help;
        problem
    }
}

/// The word that is none of those that are known, if the message is of that.
fn variant(message: &str) -> Option<&str> {
    let (word, _) = message.strip_prefix("unknown variant `")?.split_once("`, expected ")?;
    Some(word)
}

/// The words of the deserializer without the names of Rust types.
fn plain(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    let Some((found, expected)) = message.split_once(", expected ") else {
        // A name of several has a value, and none of them or another one has.
        if message.starts_with("expected table, found ") {
            return "it stands alone, as in \"shift\"".to_owned();
        }
        if message.starts_with("wanted exactly 1 element") {
            return "it is one place, as in \"shift\" or `{ step = 2 }`".to_owned();
        }
        let missing = message.strip_prefix("missing field ");
        return missing.map_or(message.clone(), |field| format!("{field} is missing"));
    };
    // The one name of several that stands for a table.
    if (found, expected) == ("invalid type: unit variant", "newtype variant") {
        return "it needs a number, as in `{ step = 2 }`".to_owned();
    }
    let found = match found {
        "invalid type: map" => "invalid type: a table",
        "invalid type: sequence" => "invalid type: a list",
        _ => found,
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "true or false",
        "a map" => "a table",
        "a sequence" => "a list",
        "a string" => "a text in quotes",
        "path string" => "a path in quotes",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    };
    format!("{found}, expected {expected}")
}
