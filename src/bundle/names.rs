//! Which names of entries and which targets of links stay inside the folder they are unpacked into.

/// Why a name cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameFault {
    /// It leads out: absolute, with a drive letter, or with `..`.
    Escapes,
    /// It holds a backslash.
    Backslash,
    /// No file can be called so.
    Unusable,
}

/// The longest name of one file or folder on the file systems of the instances, in bytes.
const LONGEST_COMPONENT: usize = 255;

/// What is wrong with the name of an entry.
pub(super) fn fault(name: &str) -> Option<NameFault> {
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    // A backslash is a separator for some unpackers, so it must not hide a way out.
    let mut components = name.split(['/', '\\']);
    if name.starts_with(['/', '\\']) || drive || components.any(|component| component == "..") {
        Some(NameFault::Escapes)
    } else if name.contains('\\') {
        Some(NameFault::Backslash)
    } else if name.is_empty()
        || name.contains(char::is_control)
        || name.split('/').any(|component| component.len() > LONGEST_COMPONENT)
    {
        Some(NameFault::Unusable)
    } else {
        None
    }
}

/// The name as two entries of the same file would share it: without `./` and a closing slash.
pub(super) fn normal(name: &str) -> String {
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

/// Whether the target of a link stays inside. A `..` after a folder is refused as well, because that folder may be a
/// link itself and then nobody can tell from the names where it leads.
pub(super) fn link_stays_inside(link: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.contains(|c: char| c == '\\' || c.is_control()) {
        return false;
    }
    let link = normal(link);
    let mut folders = link.split('/').count().saturating_sub(1);
    let mut below = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if below || folders == 0 => return false,
            ".." => folders -= 1,
            _ => below = true,
        }
    }
    true
}

/// What a link says to lead to another name of the bundle, or to its top: up from its own folder, then down.
pub(super) fn target(link: &str, to: &str) -> String {
    let folder: Vec<&str> = link
        .rsplit_once('/')
        .map_or(Vec::new(), |(folder, _)| folder.split('/').collect());
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let shared = folder.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", folder.len() - shared);
    let parts: Vec<&str> = up.chain(to.into_iter().skip(shared)).collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_found() {
        for name in [
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a/..",
            "C:/a",
            "c:a",
            "\\\\host\\a",
            "a\\..\\..\\b",
        ] {
            assert_eq!(fault(name), Some(NameFault::Escapes), "{name}");
        }
        assert_eq!(fault("a\\b"), Some(NameFault::Backslash));
        for name in ["", "a\nb", "a\0", &"a".repeat(256)] {
            assert_eq!(fault(name), Some(NameFault::Unusable), "{name:?}");
        }
        for name in ["a", "./a", "a/b/", "..a/b..", ".ebextensions/01.config", "ü/ß"] {
            assert_eq!(fault(name), None, "{name}");
        }
    }

    #[test]
    fn links_go_up_before_they_go_down() {
        for (link, to, said) in [
            ("a", "b/c", "b/c"),
            ("d/a", "d/b", "b"),
            ("d/e/a", "d/f/b", "../f/b"),
            ("d/a", "b", "../b"),
            ("d/a", "d", "."),
            ("d/e/a", "", "../.."),
            ("a", "", "."),
        ] {
            assert_eq!(target(link, to), said, "{link} to {to}");
            assert!(link_stays_inside(link, said), "{link} to {to}");
        }
    }

    #[test]
    fn links_that_lead_out_are_found() {
        for (link, target) in [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b/c"), ("./d/a", ".././b")] {
            assert!(link_stays_inside(link, target), "{link} -> {target}");
        }
        for (link, target) in [
            ("a", "/etc/passwd"),
            ("a", "../b"),
            ("./a", "../b"),
            ("d/a", "../../b"),
            ("m", "d/link/.."),
            ("a", ""),
            ("a", "..\\b"),
        ] {
            assert!(!link_stays_inside(link, target), "{link} -> {target}");
        }
    }
}
