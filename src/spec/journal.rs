//! Where a journal is: a folder, or a prefix of a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::rules::bucket_fault;

/// The longest prefix in bytes. Keys have at most 1024 ("Naming Amazon S3 objects", S3 User Guide), and the names of
/// application, slot and evidence come behind it.
const LONGEST_PREFIX: usize = 256;

/// What S3 takes in keys without trouble for anybody ("Safe characters", same source), and `=`, which many use in prefixes.
const SAFE: &str = "!-_.*'()=";

/// Where a journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalPlace {
    /// A folder. Relative to the file that names it, or on the command line to the current one.
    Directory(PathBuf),
    /// Below a prefix of a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without a slash at its end; may be empty.
        prefix: String,
    },
}

impl fmt::Display for JournalPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl FromStr for JournalPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let head = text.get(..3).unwrap_or_default();
        if let Some(rest) = text.strip_prefix("s3://") {
            return on_s3(rest).map_err(|fault| format!("{text:?}: {fault}"));
        }
        if head.eq_ignore_ascii_case("s3:") {
            return Err(format!(
                "{text:?} begins like S3 but not with \"s3://\"; write \"s3://BUCKET/PREFIX\", or \"./{text}\" for a folder of that name"
            ));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!(
                "{text:?}: a journal cannot be at \"{scheme}://\"; write a folder, or \"s3://BUCKET/PREFIX\""
            ));
        }
        if text.trim().is_empty() {
            return Err("it names no place; write a folder, or \"s3://BUCKET/PREFIX\"".to_owned());
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}

fn on_s3(rest: &str) -> Result<JournalPlace, String> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err("it names no bucket; write \"s3://BUCKET/PREFIX\"".to_owned());
    }
    if let Some(fault) = bucket_fault(bucket) {
        return Err(format!("the bucket's name, {bucket:?}, {fault}"));
    }
    let prefix = prefix.trim_end_matches('/');
    if prefix.len() > LONGEST_PREFIX {
        return Err(format!(
            "the prefix has more than {LONGEST_PREFIX} bytes; choose a shorter one"
        ));
    }
    let strange = |c: &char| !c.is_ascii_alphanumeric() && *c != '/' && !SAFE.contains(*c);
    if let Some(c) = prefix.chars().find(strange) {
        return Err(format!(
            "the prefix, {prefix:?}, holds {c:?}; use letters, digits and {SAFE} alone, so that every tool reads it alike"
        ));
    }
    if !prefix.is_empty()
        && let Some(part) = prefix.split('/').find(|part| matches!(*part, "" | "." | ".."))
    {
        let what = if part.is_empty() {
            "nothing between two slashes".to_owned()
        } else {
            format!("{part:?} as a part")
        };
        return Err(format!(
            "the prefix, {prefix:?}, has {what}, which some tools would leave out"
        ));
    }
    Ok(JournalPlace::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

impl Serialize for JournalPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JournalPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        let s3 = |bucket: &str, prefix: &str| JournalPlace::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        let folder = |path: &str| JournalPlace::Directory(PathBuf::from(path));
        for (text, wanted) in [
            ("s3://team-releases/cutover", s3("team-releases", "cutover")),
            ("s3://team-releases/cutover/", s3("team-releases", "cutover")),
            ("s3://team-releases/a/b=1/c//", s3("team-releases", "a/b=1/c")),
            ("s3://team-releases", s3("team-releases", "")),
            ("s3://team-releases/", s3("team-releases", "")),
            ("journal", folder("journal")),
            ("../shared journal/", folder("../shared journal/")),
            ("/mnt/journal", folder("/mnt/journal")),
            ("./s3:/x", folder("./s3:/x")),
            ("s3", folder("s3")),
        ] {
            let place: JournalPlace = text.parse().expect(text);
            assert_eq!(place, wanted, "{text}");
            assert_eq!(
                place.to_string().parse(),
                Ok(place),
                "{text}: what is printed can be read"
            );
        }
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, wanted) in [
            ("", "names no place"),
            ("  ", "names no place"),
            ("s3:/x", "not with \"s3://\""),
            ("s3:bucket/x", "not with \"s3://\""),
            ("S3://bucket/x", "not with \"s3://\""),
            ("s3://", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://Team/x", "\"Team\", may hold only small letters"),
            ("s3://ab/x", "3 to 63 characters"),
            ("s3://team_releases/x", "may hold only"),
            ("s3://192.168.0.1/x", "IP address"),
            ("s3://team-releases//x", "nothing between two slashes"),
            ("s3://team-releases/a//x", "nothing between two slashes"),
            ("s3://team-releases/a/../x", "\"..\" as a part"),
            ("s3://team-releases/a b", "holds ' '"),
            ("s3://team-releases/a?b", "holds '?'"),
            ("s3://team-releases/käse", "holds 'ä'"),
            ("https://team-releases.s3.amazonaws.com/x", "cannot be at \"https://\""),
        ] {
            let error = text.parse::<JournalPlace>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let long = format!("s3://team-releases/{}", "a".repeat(300));
        assert!(
            long.parse::<JournalPlace>()
                .is_err_and(|error| error.contains("256 bytes"))
        );
    }
}
