//! A Rust file as the rules of the house look at it: without comments, without texts, and without its tests.
//!
//! No parser: the rules ask for words and for braces, and a file that is not Rust does not get past the compiler.

use std::ops::Range;

/// A file of the tree.
pub(super) struct Source {
    /// Its path from the top of the tree, with `/`.
    pub(super) path: String,
    /// Its text as it is.
    pub(super) text: String,
    /// Its code: comments, texts and characters are blanked, so that every byte stands where it stood.
    pub(super) code: String,
    /// The same without what is compiled for unit tests only.
    pub(super) product: String,
    /// Modules of it that are compiled for unit tests only and lie in files of their own.
    pub(super) test_modules: Vec<String>,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = blanked(&text);
        let (product, test_modules) = without_tests(&code);
        Self {
            path,
            text,
            code,
            product,
            test_modules,
        }
    }

    /// The module at the top of the crate that it belongs to; `None` for the crate's own file and for other trees.
    pub(super) fn module(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        match rest.split_once('/') {
            // Programs are no modules.
            Some(("bin", _)) => None,
            Some((module, _)) => Some(module),
            None => rest.strip_suffix(".rs").filter(|name| !matches!(*name, "lib" | "main")),
        }
    }

    /// How many modules deep it lies below the crate.
    fn depth(&self) -> usize {
        let steps = self.path.split('/').count().saturating_sub(1);
        if self.path.ends_with("/mod.rs") {
            steps - 1
        } else {
            steps
        }
    }

    /// Where the files of its inner modules lie.
    pub(super) fn folder(&self) -> &str {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        path.strip_suffix("/mod").unwrap_or(path)
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Every module of the crate that the product's code names, with the byte where it does.
    pub(super) fn modules_named(&self) -> Vec<(usize, String)> {
        let code = self.product.as_str();
        let mut named = Vec::new();
        for at in words(code, "crate") {
            heads(code, at + "crate".len(), &mut named);
        }
        for at in words(code, "super") {
            // Only the first of `super::super` begins a path.
            if code[..at].ends_with("::") {
                continue;
            }
            let mut end = at + "super".len();
            let mut climbed = 1;
            while code[end..].starts_with("::super") {
                end += "::super".len();
                climbed += 1;
            }
            if climbed >= self.depth() {
                heads(code, end, &mut named);
            }
        }
        named
    }
}

/// Where a word stands in code, and not as a part of a longer one.
pub(super) fn words(code: &str, word: &str) -> Vec<usize> {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            // A word that ends with a sign is meant as a beginning, such as `aws_sdk_`.
            let open_end = word.ends_with('_');
            !part(before) && (open_end || !part(bytes.get(at + word.len())))
        })
        .collect()
}

/// The first names of the paths that go on at `from`: one, or those of a group in braces.
fn heads(code: &str, from: usize, found: &mut Vec<(usize, String)>) {
    let Some(rest) = code[from..].strip_prefix("::") else {
        return;
    };
    let start = from + 2;
    if !rest.starts_with('{') {
        found.extend(name_at(code, start));
        return;
    }
    let group = braces(code, start);
    let mut depth = 0;
    let mut at_beginning = true;
    for at in group {
        match code.as_bytes()[at] {
            b'{' => {
                depth += 1;
                at_beginning = depth == 1;
            }
            b'}' => depth -= 1,
            b',' => at_beginning = depth == 1,
            byte if byte.is_ascii_whitespace() => {}
            _ => {
                if at_beginning && depth == 1 {
                    found.extend(name_at(code, at));
                }
                at_beginning = false;
            }
        }
    }
}

fn name_at(code: &str, at: usize) -> Option<(usize, String)> {
    let name: String = code[at..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some((at, name))
}

/// From a brace to its partner, both included; to the end where there is none.
fn braces(code: &str, open: usize) -> Range<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return open..at + 1;
                }
            }
            _ => {}
        }
    }
    open..code.len()
}

/// Blanks what is compiled for unit tests only, and names its modules that lie in other files.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut product = code.as_bytes().to_vec();
    let mut modules = Vec::new();
    for mark in ["#[cfg(test)]", "#[cfg(all(test"] {
        for (start, _) in code.match_indices(mark) {
            let (item, end) = item(code, start);
            if let Some(name) = code[item..end]
                .trim_end_matches(';')
                .split_once("mod ")
                .map(|(_, name)| name.trim())
                && code[item..end].ends_with(';')
            {
                modules.push(name.to_owned());
            }
            for byte in &mut product[start..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
    }
    (text(product), modules)
}

/// Where the item behind an attribute begins and ends.
fn item(code: &str, attribute: usize) -> (usize, usize) {
    let mut start = attribute;
    // There may be several attributes.
    while code[start..].starts_with('#') {
        let close = code[start..].find(']').map_or(code.len(), |close| start + close + 1);
        let blank = code[close..].len() - code[close..].trim_start().len();
        start = close + blank;
    }
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b';' => return (start, at + 1),
            b'{' => return (start, braces(code, at).end),
            _ => {}
        }
    }
    (start, code.len())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("everything beyond ASCII was blanked byte by byte")
}

/// Blanks comments, texts, characters, and every letter beyond ASCII.
fn blanked(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => text_end(bytes, at),
            b'r' if !continues(bytes, at) => match raw_end(bytes, at) {
                Some(end) => end,
                None => at,
            },
            b'\'' => character_end(source, at),
            _ => at,
        };
        if end == at {
            if !bytes[at].is_ascii() {
                out[at] = b' ';
            }
            at += 1;
            continue;
        }
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    text(out)
}

/// Whether the byte belongs to a name that began before it.
fn continues(bytes: &[u8], at: usize) -> bool {
    // `br"…"` is a raw text too.
    let before = |back: usize| at.checked_sub(back).map(|before| bytes[before]);
    let letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let prefixed = before(1) == Some(b'b') && !letter(before(2));
    letter(before(1)) && !prefixed
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn text_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
}

fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let signs = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let open = at + 1 + signs;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + signs, b'#');
    let length = bytes[open + 1..]
        .windows(close.len())
        .position(|window| window == close)?;
    Some(open + 1 + length + close.len())
}

/// The end of a character literal; `at` itself for a lifetime.
fn character_end(source: &str, at: usize) -> usize {
    let mut rest = source[at + 1..].char_indices();
    match (rest.next(), rest.next()) {
        (Some((_, '\\')), Some(_)) => source[at + 3..]
            .find('\'')
            .map_or(source.len(), |length| at + 3 + length + 1),
        (Some(_), Some((length, '\''))) => at + 1 + length + 1,
        _ => at,
    }
}
