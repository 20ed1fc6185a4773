//! Keys of a trace that mean nothing.

use serde_json::Value;

use crate::model::text::closest;

/// Keys of the header, but for `t`, which makes it a window.
const HEADER: [&str; 8] = [
    "window_s",
    "false_rollbacks",
    "tolerance",
    "promote",
    "slo",
    "warm_up_s",
    "shift_at",
    "schedule",
];

/// Keys of the header's tables.
const TABLES: [(&str, &[&str]); 3] = [
    (
        "tolerance",
        &[
            "error_ratio",
            "error_abs",
            "client_error_ratio",
            "client_error_abs",
            "latency_ratio",
            "latency_abs_ms",
        ],
    ),
    (
        "promote",
        &[
            "error_ratio",
            "error_abs",
            "latency_ratio",
            "probe_rate",
            "min_bake_s",
            "risk",
        ],
    ),
    ("slo", &["error_rate", "p99_ms"]),
];

/// Keys of a window.
const WINDOW: [&str; 3] = ["t", "blue", "green"];

/// Keys of an arm.
const ARM: [&str; 9] = [
    "requests",
    "errors",
    "client_errors",
    "errors_4xx",
    "classes",
    "status",
    "latency_ms",
    "probes",
    "instances",
];

/// A key that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strange {
    /// The key, with the table that it stands in.
    pub(super) key: String,
    /// What was meant, if it looks like a slip.
    pub(super) meant: Option<&'static str>,
}

impl Strange {
    /// For a person.
    pub(super) fn in_words(&self) -> String {
        match self.meant {
            Some(meant) => format!("`{}` (did you mean `{meant}`?)", self.key),
            None => format!("`{}`", self.key),
        }
    }
}

/// The keys of a header that mean nothing. A text that is no JSON has none.
pub(super) fn of_header(text: &str) -> Vec<Strange> {
    let header = serde_json::from_str(text).unwrap_or(Value::Null);
    let mut strange = of(&header, "", &HEADER);
    // Whoever writes it has written a window.
    strange.retain(|strange| strange.key != "t");
    for (table, known) in TABLES {
        strange.extend(of(&header[table], table, known));
    }
    strange
}

/// The same of a window.
pub(super) fn of_window(text: &str) -> Vec<Strange> {
    let window = serde_json::from_str(text).unwrap_or(Value::Null);
    let mut strange = of(&window, "", &WINDOW);
    for arm in ["blue", "green"] {
        strange.extend(of(&window[arm], arm, &ARM));
    }
    strange
}

fn of(table: &Value, name: &str, known: &[&'static str]) -> Vec<Strange> {
    let keys = table.as_object().into_iter().flat_map(|table| table.keys());
    keys.filter(|key| !known.contains(&key.as_str()))
        .map(|key| Strange {
            key: if name.is_empty() {
                key.clone()
            } else {
                format!("{name}.{key}")
            },
            meant: closest(key, known),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Header, Line};
    use super::*;

    #[test]
    fn the_keys_that_are_known_are_those_that_are_read() {
        // A value of a wrong type is a mistake only where it is read.
        let header = |text: String| serde_json::from_str::<Header>(&text).is_err();
        for key in HEADER {
            assert!(header(format!(r#"{{"{key}":"wrong"}}"#)), "{key}");
        }
        for (table, keys) in TABLES.into_iter().filter(|(table, _)| *table != "promote") {
            for key in keys {
                assert!(header(format!(r#"{{"{table}":{{"{key}":"wrong"}}}}"#)), "{table}.{key}");
            }
        }
        for key in ARM {
            let window = format!(r#"{{"t":1,"green":{{"{key}":"wrong"}}}}"#);
            assert!(serde_json::from_str::<Line>(&window).is_err(), "{key}");
        }
    }
}
