//! How names become parts of a path or of a key.

/// A name as a single part of a path: what could lead out of the folder, or mean something to a file system, is written as
/// its code. Different names stay different.
pub(super) fn component(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        let plain = character.is_alphanumeric() || matches!(character, '-' | '_' | ' ') || (character == '.' && at > 0);
        if plain {
            name.push(character);
        } else {
            name.push_str(&format!("%{:02X}", u32::from(character)));
        }
    }
    name
}

/// The name of an entry.
pub(super) fn entry(sequence: u64) -> String {
    format!("{sequence:06}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_elsewhere() {
        for (name, wanted) in [
            ("My Shop-1.0", "My Shop-1.0"),
            ("..", "%2E."),
            ("../../etc", "%2E.%2F..%2Fetc"),
            ("a%2Fb", "a%252Fb"),
            ("a/b", "a%2Fb"),
            ("käse\n", "käse%0A"),
        ] {
            assert_eq!(component(name), wanted, "{name:?}");
        }
    }
}
