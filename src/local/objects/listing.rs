//! Which keys a page of a listing shows: prefix, delimiter and paging over keys in the order of their bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing<'a> {
    /// Only keys that begin so.
    pub(super) prefix: &'a str,
    /// Keys that go on after the prefix up to this text are shown as one common prefix. Not empty.
    pub(super) delimiter: Option<&'a str>,
    /// Only what comes after this key or common prefix.
    pub(super) after: &'a str,
    /// So many at most.
    pub(super) limit: usize,
}

/// A line of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a, V> {
    Key(&'a str, &'a V),
    CommonPrefix(&'a str),
}

/// A page of a listing.
#[derive(Debug)]
pub(super) struct Page<'a, V> {
    pub(super) lines: Vec<Line<'a, V>>,
    /// The last line, when more follow it: what the next page comes after.
    pub(super) last: Option<String>,
}

impl Listing<'_> {
    /// Makes the page.
    pub(super) fn of<'a, V>(&self, entries: &'a BTreeMap<String, V>) -> Page<'a, V> {
        let mut lines: Vec<Line<'a, V>> = Vec::new();
        let mut last: &str = "";
        // An empty page is not followed by another: a client that asks for no line at all would ask forever.
        if self.limit == 0 {
            return Page { lines, last: None };
        }
        let start = if self.after < self.prefix {
            Bound::Included(self.prefix)
        } else {
            Bound::Excluded(self.after)
        };
        for (key, value) in entries.range::<str, _>((start, Bound::Unbounded)) {
            if !key.starts_with(self.prefix) {
                break;
            }
            let group = self.group(key);
            if group.is_some_and(|group| group == self.after || (!lines.is_empty() && group == last)) {
                continue;
            }
            if lines.len() == self.limit {
                let last = Some(last.to_owned());
                return Page { lines, last };
            }
            last = group.unwrap_or(key);
            lines.push(group.map_or(Line::Key(key, value), Line::CommonPrefix));
        }
        Page { lines, last: None }
    }

    /// The common prefix that stands for a key, if one does.
    fn group<'a>(&self, key: &'a str) -> Option<&'a str> {
        let delimiter = self.delimiter?;
        let index = key.get(self.prefix.len()..)?.find(delimiter)?;
        key.get(..self.prefix.len() + index + delimiter.len())
    }
}

/// Keys as they are written when a client asks for `encoding-type=url`: every byte but letters, digits, `-._~/` as `%XX`.
pub(super) fn url_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(keys: &[&str]) -> BTreeMap<String, ()> {
        keys.iter().map(|key| ((*key).to_owned(), ())).collect()
    }

    /// All lines, page by page; a common prefix is marked by a star.
    fn pages(keys: &BTreeMap<String, ()>, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let listing = Listing {
                prefix,
                delimiter,
                after: &after,
                limit,
            };
            let page = listing.of(keys);
            assert!(page.lines.len() <= limit);
            found.extend(page.lines.iter().map(|line| match line {
                Line::Key(key, ()) => (*key).to_owned(),
                Line::CommonPrefix(prefix) => format!("{prefix}*"),
            }));
            match page.last {
                Some(last) => {
                    assert_eq!(page.lines.len(), limit, "a page that is followed by another is full");
                    after = last;
                }
                None => return found,
            }
        }
    }

    #[test]
    fn keys_are_grouped_under_the_prefix() {
        let keys = entries(&["a", "a/b", "a/c/d", "a/c/e", "a/f", "b/g", "c"]);
        for limit in [1, 2, 3, 1000] {
            assert_eq!(pages(&keys, "", Some("/"), limit), ["a", "a/*", "b/*", "c"]);
            assert_eq!(pages(&keys, "a/", Some("/"), limit), ["a/b", "a/c/*", "a/f"]);
            assert_eq!(pages(&keys, "a/c", None, limit), ["a/c/d", "a/c/e"]);
            assert!(pages(&keys, "x", Some("/"), limit).is_empty());
        }
    }

    #[test]
    fn no_line_is_shown_when_none_is_wanted() {
        let keys = entries(&["a"]);
        let listing = Listing {
            prefix: "",
            delimiter: None,
            after: "",
            limit: 0,
        };
        let page = listing.of(&keys);
        assert!(page.lines.is_empty() && page.last.is_none());
    }

    #[test]
    fn encoding_leaves_slashes() {
        assert_eq!(url_encoded("a b/ü+.zip"), "a%20b/%C3%BC%2B.zip");
    }

    proptest! {
        /// However small the pages, together they show what one large page shows.
        #[test]
        fn paging_loses_and_doubles_nothing(
            keys in prop::collection::btree_set("[ab/]{1,5}", 0..30), prefix in "[ab/]{0,2}", limit in 1_usize..5,
            grouped: bool,
        ) {
            let keys: BTreeMap<String, ()> = keys.into_iter().map(|key| (key, ())).collect();
            let delimiter = grouped.then_some("/");
            prop_assert_eq!(pages(&keys, &prefix, delimiter, limit), pages(&keys, &prefix, delimiter, 1000));
            if !grouped {
                let expected: Vec<String> = keys.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
                prop_assert_eq!(pages(&keys, &prefix, None, 1000), expected);
            }
        }
    }
}
