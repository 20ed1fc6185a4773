//! An entry as bytes, the same in every journal: one JSON object and a line's end.

use serde_json::Value;
use serde_json::error::Category;

use super::JournalError;
use crate::release::{Entry, FORMAT};

/// Writes an entry. `place` is where it is going to be.
pub(super) fn encode(entry: &Entry, place: &str) -> Result<Vec<u8>, JournalError> {
    let mut text = serde_json::to_vec(entry).map_err(|error| JournalError::Entry {
        place: place.to_owned(),
        message: error.to_string(),
    })?;
    text.push(b'\n');
    Ok(text)
}

/// Reads an entry. `place` is where it was found.
pub(super) fn decode(text: &[u8], place: &str) -> Result<Entry, JournalError> {
    let torn = |message: &str| JournalError::Torn {
        place: place.to_owned(),
        message: message.to_owned(),
    };
    let wrong = |message: String| JournalError::Entry {
        place: place.to_owned(),
        message,
    };
    // What a broken file system leaves of a file: nothing, zeros, or a beginning.
    if text.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
        return Err(torn("it is empty"));
    }
    let value: Value = serde_json::from_slice(text).map_err(|error| match error.classify() {
        Category::Eof => torn(&format!("it ends after {} bytes, in the middle", text.len())),
        _ => wrong(error.to_string()),
    })?;
    // The format is looked at first: what a newer one holds may not be readable at all.
    let format = value.get("format").and_then(Value::as_u64);
    match format {
        Some(format) if format > u64::from(FORMAT) => Err(JournalError::Newer {
            place: place.to_owned(),
            format,
        }),
        Some(_) => serde_json::from_value(value).map_err(|error| wrong(error.to_string())),
        None => Err(wrong("it has no format".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{first_entry, plan};

    #[test]
    fn what_was_written_is_read() {
        let entry = first_entry(plan());
        let text = encode(&entry, "there").unwrap();
        assert_eq!(decode(&text, "there").unwrap(), entry);
        assert!(text.ends_with(b"}\n"));
    }

    #[test]
    fn whatever_a_broken_file_system_leaves_is_no_panic_and_names_the_place() {
        let entry = first_entry(plan());
        let text = encode(&entry, "there").unwrap();
        for length in 0..text.len() - 1 {
            let error = decode(&text[..length], "s/000002.json").unwrap_err();
            assert!(matches!(error, JournalError::Torn { .. }), "{length}: {error}");
            assert!(error.to_string().contains("s/000002.json"), "{length}: {error}");
            let mut zeros = text[..length].to_vec();
            zeros.resize(text.len(), 0);
            assert!(decode(&zeros, "there").is_err(), "{length}");
        }
        assert!(matches!(decode(&[0; 4096], "there"), Err(JournalError::Torn { .. })));
        assert!(decode(b"\xff\xfe", "there").is_err());
    }

    #[test]
    fn a_newer_format_is_refused_before_anything_else_of_it_is_read() {
        let text = format!("{{\"format\":{},\"news\":[]}}", FORMAT + 1);
        let error = decode(text.as_bytes(), "there").unwrap_err();
        assert!(matches!(error, JournalError::Newer { .. }));
        let said = error.to_string();
        assert!(said.contains("newer cutover") && said.contains("there"), "{said}");
        assert!(!error.may_pass());
    }
}
