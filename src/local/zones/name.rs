//! Domain names as Route 53 keeps them.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A name in small letters, with a dot at the end; bytes that are neither letters, digits, `-` nor `_` as `\ooo`. Names are
/// ordered as Route 53 lists them: by the text with its labels reversed, so that `-` comes before a dot (source:
/// `ListResourceRecordSets`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DomainName(String);

/// Why something is no domain name, in Route 53's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("FATAL problem: {problem} ({what}) encountered with '{name}'")]
pub struct NotAName {
    problem: &'static str,
    what: &'static str,
    name: String,
}

const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 255;

impl DomainName {
    /// Reads a name; a dot at the end may be missing.
    ///
    /// # Errors
    ///
    /// When a label is empty or too long, or the whole name is.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let wrong = |problem, what| NotAName {
            problem,
            what,
            name: text.to_owned(),
        };
        let bytes = unescaped(text).ok_or_else(|| wrong("InvalidEscape", "An escape sequence is not valid"))?;
        let bytes = bytes.strip_suffix(b".").unwrap_or(&bytes);
        if bytes.len() >= LONGEST_NAME {
            return Err(wrong("DomainNameTooLong", "Domain name is too long"));
        }
        let mut name = String::new();
        for label in bytes.split(|byte| *byte == b'.') {
            if label.is_empty() {
                return Err(wrong("DomainLabelEmpty", "Domain label is empty"));
            }
            if label.len() > LONGEST_LABEL {
                return Err(wrong("DomainLabelTooLong", "Domain label is too long"));
            }
            for byte in label {
                let byte = byte.to_ascii_lowercase();
                if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
                    name.push(char::from(byte));
                } else {
                    name.push_str(&format!("\\{byte:03o}"));
                }
            }
            name.push('.');
        }
        Ok(Self(name))
    }

    /// As Route 53 writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the dot at the end.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.strip_suffix('.').unwrap_or(&self.0)
    }

    /// `com.example.www.`
    fn reversed(&self) -> String {
        self.bare()
            .rsplit('.')
            .fold(String::with_capacity(self.0.len()), |text, label| text + label + ".")
    }

    /// Whether it is a zone's own name or one below it.
    #[must_use]
    pub fn lies_in(&self, zone: &Self) -> bool {
        self.0
            .strip_suffix(&zone.0)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The name with a wildcard in the place of its first label; `None` for one that has one label only.
    #[must_use]
    pub(super) fn wildcard(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.')?;
        (!rest.is_empty()).then(|| Self(format!("\\052.{rest}")))
    }

    /// The name one label shorter.
    #[must_use]
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_once('.')?;
        (!rest.is_empty()).then(|| Self(rest.to_owned()))
    }
}

/// The bytes of a name in which some may be written as `\ooo`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        if *first != b'\\' {
            bytes.push(*first);
            rest = others;
            continue;
        }
        let digits = others.get(..3)?;
        let code = std::str::from_utf8(digits).ok()?;
        let code = u8::from_str_radix(code, 8).ok()?;
        // A dot within a label could not be told from one between two.
        if code == b'.' {
            return None;
        }
        bytes.push(code);
        rest = &others[3..];
    }
    Some(bytes)
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.reversed().cmp(&other.reversed())
    }
}

impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    #[test]
    fn names_are_kept_in_one_form() {
        for (given, kept) in [
            ("WWW.Example.com", "www.example.com."),
            ("www.example.com.", "www.example.com."),
            ("*.example.com", "\\052.example.com."),
            ("\\052.example.com", "\\052.example.com."),
            ("_lock.a-b.example.com", "_lock.a-b.example.com."),
        ] {
            assert_eq!(name(given).as_str(), kept);
            assert_eq!(name(kept), name(given));
        }
        assert_eq!(name("example.com").bare(), "example.com");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, problem) in [
            ("", "DomainLabelEmpty"),
            (".", "DomainLabelEmpty"),
            ("a..b", "DomainLabelEmpty"),
            (".a", "DomainLabelEmpty"),
            ("a\\05", "InvalidEscape"),
            ("a\\056b", "InvalidEscape"),
            ("a\\999", "InvalidEscape"),
        ] {
            let error = DomainName::parse(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
        let long = "a".repeat(63);
        assert!(DomainName::parse(&long).is_ok());
        assert!(DomainName::parse(&format!("{long}a")).is_err());
        let whole = [long.as_str(); 4].join(".");
        let error = DomainName::parse(&whole).unwrap_err().to_string();
        assert!(error.starts_with("FATAL problem: DomainNameTooLong"), "{error}");
    }

    #[test]
    fn names_are_listed_from_the_right() {
        let mut all = [
            "b.example.com",
            "example.com",
            "a.b.example.com",
            "b-c.example.com",
            "*.example.com",
            "a.example.org",
        ]
        .map(name);
        all.sort();
        let listed: Vec<&str> = all.iter().map(DomainName::as_str).collect();
        assert_eq!(
            listed,
            [
                "example.com.",
                "\\052.example.com.",
                "b-c.example.com.",
                "b.example.com.",
                "a.b.example.com.",
                "a.example.org."
            ]
        );
    }

    #[test]
    fn a_name_lies_in_its_own_zone_only() {
        let zone = name("example.com");
        for (text, inside) in [
            ("example.com", true),
            ("a.example.com", true),
            ("notexample.com", false),
            ("com", false),
        ] {
            assert_eq!(name(text).lies_in(&zone), inside, "{text}");
        }
        assert_eq!(name("a.b.c").wildcard(), Some(name("*.b.c")));
        assert_eq!(name("c").wildcard(), None);
        assert_eq!(name("b.c").parent(), Some(name("c")));
        assert_eq!(name("c").parent(), None);
    }
}
