//! What a record set must be like by itself: the form of its values, and what goes with its type.
//!
//! The messages are those of the service as users have quoted them; where no quotation was found they keep its style.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::DomainName;
use super::record::{Content, Policy, RecordSet, Routing};

/// Values of one record set (source: "Cannot have more than 100 records in a RRSet.").
const MOST_VALUES: usize = 100;

/// A field of a value.
#[derive(Clone, Copy)]
enum Field {
    /// A whole number up to this one.
    Number(u32),
    Name,
    Any,
    /// Hexadecimal digits; spaces among them are of no importance.
    Digits,
    /// As many fields as there are, none as well.
    Rest,
}

const BYTE: Field = Field::Number(u8::MAX as u32);
const SHORT: Field = Field::Number(u16::MAX as u32);
const LONG: Field = Field::Number(u32::MAX);

/// The fields of a value, for types whose values have several (source: "Supported DNS record types").
fn fields(kind: &str) -> Option<&'static [Field]> {
    use Field::{Any, Digits, Name, Rest};

    Some(match kind {
        "CAA" => &[BYTE, Any, Any],
        "DS" => &[SHORT, BYTE, BYTE, Digits],
        "HTTPS" | "SVCB" => &[SHORT, Name, Rest],
        "MX" => &[SHORT, Name],
        "NAPTR" => &[SHORT, SHORT, Any, Any, Any, Name],
        "SOA" => &[Name, Name, LONG, LONG, LONG, LONG, LONG],
        "SRV" => &[SHORT, SHORT, SHORT, Name],
        "SSHFP" => &[BYTE, BYTE, Digits],
        "TLSA" => &[BYTE, BYTE, BYTE, Digits],
        _ => return None,
    })
}

/// What is wrong with a record set, if anything.
pub(super) fn wrong(record: &RecordSet) -> Option<String> {
    let RecordSet { name, kind, .. } = record;
    if *kind == "CNAME"
        && let Routing::Other {
            policy: Policy::MultiValue,
            ..
        } = record.routing
    {
        return Some(format!(
            "RRSet with DNS name {name}, type CNAME cannot be created as a multivalue answer set."
        ));
    }
    let values = match &record.content {
        Content::Values { values, .. } => values,
        Content::Alias { .. } if matches!(*kind, "NS" | "SOA") => {
            return Some(format!("RRSet with DNS name {name}, type {kind} cannot be an alias."));
        }
        Content::Alias { .. } => return None,
    };
    if values.len() > MOST_VALUES {
        return Some(format!("Cannot have more than {MOST_VALUES} records in a RRSet."));
    }
    for value in values {
        if let Some(wrong) = wrong_value(kind, value) {
            return Some(format!(
                "Invalid Resource Record: 'FATAL problem: {wrong} encountered with '{value}''"
            ));
        }
    }
    let twice = values
        .iter()
        .enumerate()
        .find(|(index, value)| values[..*index].contains(value));
    if let Some((_, value)) = twice {
        return Some(format!("Duplicate Resource Record: '{value}'"));
    }
    if matches!(*kind, "CNAME" | "SOA") && values.len() > 1 {
        return Some(format!(
            "Invalid Resource Record: 'FATAL problem: {kind}MultipleRecords (A {kind} record set must have one value) encountered \
             with '{name}''"
        ));
    }
    None
}

fn wrong_value(kind: &str, value: &str) -> Option<String> {
    let wrong = match kind {
        "A" => value
            .parse::<Ipv4Addr>()
            .is_err()
            .then_some("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
        "AAAA" => value
            .parse::<Ipv6Addr>()
            .is_err()
            .then_some("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"),
        "CNAME" | "NS" | "PTR" => DomainName::parse(value)
            .is_err()
            .then_some("DomainNameInvalid (Value is not a valid domain name)"),
        "TXT" | "SPF" => {
            (!is_quoted(value)).then_some("InvalidCharacterString (Value should be enclosed in quotation marks)")
        }
        _ => {
            let form = fields(kind)?;
            return (!fits(form, value)).then(|| format!("{kind}RRDATAInvalid (Value is not a valid {kind} record)"));
        }
    };
    wrong.map(str::to_owned)
}

/// Whether a value has fields like these.
fn fits(form: &[Field], value: &str) -> bool {
    let Some(given) = split(value) else { return false };
    let mut given = given.iter();
    for field in form {
        let fits = match field {
            Field::Rest => return true,
            Field::Digits => {
                let mut digits = given.by_ref().flat_map(|part| part.bytes()).peekable();
                digits.peek().is_some() && digits.all(|digit| digit.is_ascii_hexdigit())
            }
            Field::Number(most) => given.next().is_some_and(|text| {
                text.bytes().all(|digit| digit.is_ascii_digit())
                    && text.parse::<u32>().is_ok_and(|number| number <= *most)
            }),
            // The root stands for no name.
            Field::Name => given
                .next()
                .is_some_and(|name| *name == "." || DomainName::parse(name).is_ok()),
            Field::Any => given.next().is_some(),
        };
        if !fits {
            return false;
        }
    }
    given.next().is_none()
}

/// The fields of a value: between spaces, or in quotation marks. `None` where a quotation has no end.
fn split(value: &str) -> Option<Vec<&str>> {
    let mut fields = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(inner) => end_of_quotation(inner)? + 2,
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        fields.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    Some(fields)
}

/// Where a quotation ends, without the mark at its beginning.
fn end_of_quotation(inner: &str) -> Option<usize> {
    let mut escaped = false;
    let end = inner.char_indices().find(|(_, character)| {
        let ends = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    end.map(|(end, _)| end)
}

/// One or more strings in quotation marks, each of up to 255 characters.
fn is_quoted(value: &str) -> bool {
    let mut rest = value.trim();
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let Some(inner) = rest.strip_prefix('"') else {
            return false;
        };
        let Some(end) = end_of_quotation(inner) else {
            return false;
        };
        if end > 255 {
            return false;
        }
        rest = inner[end + 1..].trim_start();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_strings_in_quotation_marks() {
        for (value, quoted) in [
            ("\"a\"", true),
            ("\"a b\" \"c\"", true),
            ("\"say \\\"a\\\"\"", true),
            ("\"\"", true),
            ("a", false),
            ("\"a", false),
            ("a\"", false),
            ("", false),
            ("\"a\" b", false),
        ] {
            assert_eq!(is_quoted(value), quoted, "{value}");
        }
        assert!(!is_quoted(&format!("\"{}\"", "a".repeat(256))));
    }

    #[test]
    fn values_have_the_form_of_their_type() {
        for (kind, value, sound) in [
            ("MX", "10 mail.example.com", true),
            ("MX", "0 .", true),
            ("MX", "mail.example.com", false),
            ("MX", "10", false),
            ("MX", "99999 mail.example.com", false),
            ("MX", "+1 mail.example.com", false),
            ("MX", "10 mail.example.com more", false),
            ("SRV", "1 2 443 x.example.com", true),
            ("SRV", "1 2 x.example.com", false),
            ("SRV", "1 2 99999 x.example.com", false),
            ("CAA", "0 issue \"ca.example.com; policy=ev\"", true),
            ("CAA", "999 issue x", false),
            ("CAA", "0 issue \"x", false),
            ("CAA", "nonsense", false),
            ("NAPTR", "100 50 \"u\" \"E2U+sip\" \"!^(.*)$!sip:\\\\1@x!\" .", true),
            ("NAPTR", "nonsense", false),
            ("DS", "123 4 5 1234 567890ABCDEF", true),
            ("DS", "123 4 5", false),
            ("TLSA", "3 1 1 0c72ac70", true),
            ("TLSA", "3 1 1 xyz", false),
            ("SSHFP", "1 1 09f6a01d", true),
            ("SSHFP", "nonsense", false),
            ("HTTPS", "1 . alpn=\"h2\"", true),
            ("SVCB", "0 target.example.com", true),
            ("SVCB", "nonsense", false),
            (
                "SOA",
                "ns-1.awsdns-00.com. host.example.com. 1 7200 900 1209600 86400",
                true,
            ),
            ("SOA", "nonsense", false),
            ("PTR", "www.example.com", true),
        ] {
            assert_eq!(wrong_value(kind, value).is_none(), sound, "{kind} {value}");
        }
    }
}
