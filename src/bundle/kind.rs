//! What a file is that should have been a zip, by its first bytes.

/// How many bytes are needed to tell; the mark of a tar stands far in.
pub(super) const BYTES: usize = 512;

const SIGNATURES: [(&[u8], &str); 12] = [
    (b"\x1f\x8b", "a gzip file (a `.tar.gz`?)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"%PDF", "a PDF"),
    (b"version https://git-lfs", "a pointer of Git LFS (run `git lfs pull`)"),
    (b"#!", "a script"),
    (
        b"<?xml",
        "an XML document (an error that was downloaded instead of the file?)",
    ),
];

/// What a file is, with an article; `None` if it begins as a zip does.
pub(super) fn not_a_zip(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return Some("an empty file");
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return None;
    }
    if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some(kind);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("a tar archive");
    }
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        Some("an HTML page (a login page that was downloaded instead of the file?)")
    } else if start.starts_with('{') || start.starts_with('[') {
        Some("a JSON document")
    } else if head.iter().all(|byte| *byte >= 0x20 || byte.is_ascii_whitespace()) {
        Some("a text file")
    } else {
        Some("a file of some other kind")
    }
}

/// What a thing on disk is, with an article.
pub(super) fn of_thing(kind: std::fs::FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "neither a file nor a folder"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, kind) in [
            (&b""[..], Some("an empty file")),
            (b"PK\x03\x04rest", None),
            (b"PK\x05\x06", None),
            (b"\x1f\x8b\x08", Some("a gzip file (a `.tar.gz`?)")),
            (&tar, Some("a tar archive")),
            (
                b"\n <!DOCTYPE html>",
                Some("an HTML page (a login page that was downloaded instead of the file?)"),
            ),
            (b"{\"message\":\"Not Found\"}", Some("a JSON document")),
            (b"hello\n", Some("a text file")),
            (b"\x00\x01\x02", Some("a file of some other kind")),
        ] {
            assert_eq!(not_a_zip(head), kind, "{head:?}");
        }
    }
}
