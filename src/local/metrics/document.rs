//! Documents as both protocols carry them: JSON, and CBOR (RFC 8949).

use ciborium::Value as Cbor;
use serde_json::Value as Json;

use crate::model::Timestamp;

/// CBOR's tag for seconds since 1970.
const EPOCH: u64 = 1;

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A whole number, for members of answers that clients read as such. What is read has numbers only.
    Whole(i64),
    /// A text.
    Text(String),
    /// A moment: seconds since 1970 on the wire, which in JSON cannot be told from a number.
    Time(Timestamp),
    /// A list.
    List(Vec<Self>),
    /// Fields in their order.
    Map(Vec<(String, Self)>),
}

impl Document {
    /// A text.
    pub(in crate::local) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Fields.
    pub(in crate::local) fn map<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Map(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// A field that is there.
    pub(in crate::local) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        let (_, value) = fields.iter().find(|(key, _)| key == name)?;
        (*value != Self::Null).then_some(value)
    }

    /// A field that is a text.
    pub(in crate::local) fn text_of(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A field that is a number.
    pub(super) fn number_of(&self, name: &str) -> Option<f64> {
        match self.field(name)? {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A field that is `true` or `false`.
    pub(super) fn bool_of(&self, name: &str) -> Option<bool> {
        match self.field(name)? {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The texts of a field that is a list.
    pub(in crate::local) fn texts_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list_of(name).iter().filter_map(|item| match item {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A field that is a moment, in any of its forms.
    pub(super) fn time_of(&self, name: &str) -> Option<Timestamp> {
        match self.field(name)? {
            Self::Time(at) => Some(*at),
            Self::Number(seconds) => Some(moment(*seconds)),
            Self::Text(text) => {
                let at: jiff::Timestamp = text.parse().ok()?;
                Some(Timestamp::from_millis(at.as_millisecond()))
            }
            _ => None,
        }
    }

    /// A field that is a list; empty when there is none.
    pub(in crate::local) fn list_of(&self, name: &str) -> &[Self] {
        match self.field(name) {
            Some(Self::List(items)) => items,
            _ => &[],
        }
    }

    /// Reads JSON. Nothing at all is an empty document.
    ///
    /// # Errors
    ///
    /// What the parser says.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Map(Vec::new()));
        }
        let value: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        Ok(of_json(value))
    }

    /// Writes JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json(self).to_string().into_bytes()
    }

    /// Reads CBOR. Nothing at all is an empty document.
    ///
    /// # Errors
    ///
    /// What the parser says.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Ok(Self::Map(Vec::new()));
        }
        let value: Cbor = ciborium::from_reader(bytes).map_err(|error| error.to_string())?;
        Ok(of_cbor(value))
    }

    /// Writes CBOR.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Err(error) = ciborium::into_writer(&cbor(self), &mut bytes) {
            // A vector takes all that is written to it.
            tracing::error!(%error, "cannot write a document");
        }
        bytes
    }
}

fn of_json(value: Json) -> Document {
    match value {
        Json::Null => Document::Null,
        Json::Bool(value) => Document::Bool(value),
        Json::Number(number) => Document::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => Document::Text(text),
        Json::Array(items) => Document::List(items.into_iter().map(of_json).collect()),
        Json::Object(fields) => Document::Map(fields.into_iter().map(|(name, value)| (name, of_json(value))).collect()),
    }
}

fn json(document: &Document) -> Json {
    match document {
        Document::Null => Json::Null,
        Document::Bool(value) => Json::Bool(*value),
        Document::Number(number) => Json::from(*number),
        Document::Whole(number) => Json::from(*number),
        Document::Text(text) => Json::String(text.clone()),
        Document::Time(at) => Json::from(seconds(*at)),
        Document::List(items) => Json::Array(items.iter().map(json).collect()),
        Document::Map(fields) => Json::Object(fields.iter().map(|(name, value)| (name.clone(), json(value))).collect()),
    }
}

fn of_cbor(value: Cbor) -> Document {
    match value {
        Cbor::Bool(value) => Document::Bool(value),
        Cbor::Integer(number) => Document::Number(whole(i128::from(number))),
        Cbor::Float(number) => Document::Number(number),
        Cbor::Text(text) => Document::Text(text),
        Cbor::Tag(EPOCH, value) => match of_cbor(*value) {
            Document::Number(seconds) => Document::Time(moment(seconds)),
            other => other,
        },
        Cbor::Array(items) => Document::List(items.into_iter().map(of_cbor).collect()),
        Cbor::Map(fields) => {
            let named = fields.into_iter().filter_map(|(name, value)| {
                let name = name.into_text().ok()?;
                Some((name, of_cbor(value)))
            });
            Document::Map(named.collect())
        }
        _ => Document::Null,
    }
}

fn cbor(document: &Document) -> Cbor {
    match document {
        Document::Null => Cbor::Null,
        Document::Bool(value) => Cbor::Bool(*value),
        Document::Number(number) => Cbor::Float(*number),
        Document::Whole(number) => Cbor::Integer((*number).into()),
        Document::Text(text) => Cbor::Text(text.clone()),
        Document::Time(at) => Cbor::Tag(EPOCH, Box::new(Cbor::Float(seconds(*at)))),
        Document::List(items) => Cbor::Array(items.iter().map(cbor).collect()),
        Document::Map(fields) => {
            let fields = fields.iter();
            Cbor::Map(
                fields
                    .map(|(name, value)| (Cbor::Text(name.clone()), cbor(value)))
                    .collect(),
            )
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers in requests are far below 2^53")]
fn whole(number: i128) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "moments are far below 2^53 milliseconds")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast saturates, and so far away nothing is measured"
)]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_carry_the_same() {
        let at = Timestamp::from_millis(1_795_000_000_500);
        let document = Document::map([
            ("Name", Document::text("a")),
            (
                "Values",
                Document::List(vec![Document::Number(1.5), Document::Bool(true)]),
            ),
            ("At", Document::Time(at)),
        ]);
        assert_eq!(Document::from_cbor(&document.to_cbor()), Ok(document.clone()));
        let read = Document::from_json(&document.to_json()).unwrap();
        assert_eq!(read.time_of("At"), Some(at), "a number in JSON");
        assert_eq!(read.text_of("Name"), Some("a"));
        assert_eq!(read.list_of("Values").len(), 2);
        assert!(Document::from_json(b"{").is_err() && Document::from_cbor(b"\xff").is_err());
        let text = Document::from_json(br#"{"At": "2026-11-18T15:06:40.5Z"}"#).unwrap();
        assert!(text.time_of("At").is_some());
    }

    #[test]
    fn whole_numbers_are_written_as_such() {
        let document = Document::map([("Period", Document::Whole(60)), ("Threshold", Document::Number(60.0))]);
        assert_eq!(document.to_json(), br#"{"Period":60,"Threshold":60.0}"#);
        let read: Cbor = ciborium::from_reader(document.to_cbor().as_slice()).unwrap();
        let fields = read.into_map().unwrap();
        assert!(fields[0].1.is_integer() && fields[1].1.is_float(), "{fields:?}");
    }
}
