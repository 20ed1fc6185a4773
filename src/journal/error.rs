//! What can go wrong with a journal, and what to do about it.

use std::io;

use crate::aws::{CallError, Effect};
use crate::release::{FORMAT, IllegalEvent};

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("could not {doing} the journal at {path}: {source}; {}", files(source))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        path: String,
        /// What was wrong.
        source: io::Error,
    },
    /// S3 said no, or nothing.
    #[error("could not {doing} the journal at {location}: {source}; {}", advice(doing, source))]
    S3 {
        /// What was being done.
        doing: &'static str,
        /// To which object, or below which prefix.
        location: String,
        /// What was wrong.
        source: CallError,
    },
    /// An entry is there only in part.
    #[error(
        "the journal's entry {place} is not whole: {message}. cutover syncs each entry before it counts, so the storage has lost it since. \
         Put it back from a backup; if there is none and no entry follows it, move it away once it is some minutes old, and go on \
         with `cutover resume`: it looks at what is really there before it does anything"
    )]
    Torn {
        /// Which entry.
        place: String,
        /// What is left of it.
        message: String,
    },
    /// An entry that was there before the one to be written is not there.
    #[error(
        "the journal is gone: its entry {place} is not there any more, and nothing was written, for it would be lost to everybody who has the \
         entries before. Is a share not mounted, or was the folder removed? Have it there again, or put it back from a backup; cutover goes \
         on then, or with `cutover resume`"
    )]
    Gone {
        /// Which entry.
        place: String,
    },
    /// The entries of a release were gone, and another one's are in their place.
    #[error(
        "the journal at {location} holds another release {release} than the one that this process has begun or gone on with: that one's \
         entries were removed, and nothing more can be written of it. See by `cutover status` what the other does, and put the entries back \
         elsewhere to see what this one had done"
    )]
    Replaced {
        /// Where the journal is.
        location: String,
        /// The release.
        release: crate::release::ReleaseId,
    },
    /// An entry is not there, and one behind it is.
    #[error(
        "entry {place} is missing, and entry {behind} is there; nothing was written, for a new entry would have taken its place. Put it back \
         from a backup, or from the storage's older versions; if there is none, move the entries behind it away, and go on with `cutover \
         resume`: it looks at what is really there before it does anything"
    )]
    Gap {
        /// Which entry.
        place: String,
        /// One that is there behind it.
        behind: u64,
    },
    /// An entry was written by a newer cutover.
    #[error(
        "the journal's entry {place} has format {format}, and this cutover knows formats up to {FORMAT}; use a newer cutover"
    )]
    Newer {
        /// Which entry.
        place: String,
        /// Its format.
        format: u64,
    },
    /// An entry is not what this program writes.
    #[error(
        "could not understand the journal's entry {place}: {message}; it was changed by hand or written by another version of cutover"
    )]
    Entry {
        /// Which entry.
        place: String,
        /// What was wrong.
        message: String,
    },
    /// The entries contradict each other.
    #[error("the journal at {location} is not sound: {source}")]
    Illegal {
        /// Where the journal is.
        location: String,
        /// What was wrong.
        source: IllegalEvent,
    },
}

impl JournalError {
    /// Whether it may go away by itself, so that it is worth trying again: a full disk, a lost mount, a network that is down,
    /// a service that is overloaded. What the journal holds, and what one is not allowed to do, stays as it is.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::File { .. } | Self::S3 { .. } => !self.is_refused(),
            Self::Gone { .. } => true,
            Self::Replaced { .. }
            | Self::Torn { .. }
            | Self::Gap { .. }
            | Self::Newer { .. }
            | Self::Entry { .. }
            | Self::Illegal { .. } => false,
        }
    }

    /// Whether access to the journal was refused, which a person has to change.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            Self::File { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ),
            // A journal that waits for other credentials would keep its process from being started again with them.
            Self::S3 { source, .. } => source.effect == Effect::Refused || source.is_unauthenticated(),
            _ => false,
        }
    }
}

/// What to do next about a folder.
fn files(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "let the user that runs cutover read and write there; where several users share a journal, they need a group that owns its folder \
             (`chmod g+rws`), and a umask of 002"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "mount it so that it can be written to, or have the journal elsewhere, by `journal` in cutover.toml or `--journal`"
        }
        _ => "check that the folder exists, is writable and has space",
    }
}

/// What to do next about S3.
fn advice(doing: &str, source: &CallError) -> &'static str {
    match source.code.as_deref() {
        Some("AccessDenied" | "AllAccessDisabled" | "Forbidden") => {
            "the credentials need s3:GetObject and s3:PutObject on the objects, and s3:ListBucket on the bucket: without the last one, S3 \
             denies access to what is merely not there. A bucket of another account must allow it, too, and so must its key in KMS"
        }
        Some("NoSuchBucket") => "make the bucket, or correct `journal` in cutover.toml or `--journal`",
        Some(
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "Redirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
        ) => {
            "the bucket is in another region: set AWS_REGION or `region` in cutover.toml to where it is. The journal must be in the region \
             of the application"
        }
        Some(_) if source.is_unauthenticated() => {
            "get new credentials, for example by `aws sso login`, and go on with `cutover resume`"
        }
        Some("RequestTimeTooSkewed") => "set the clock of this machine right",
        // What is missing on this machine says so, and what to do.
        None if source.effect == Effect::Refused && source.message.contains("; set ") => "then try again",
        _ if source.effect == Effect::Refused => "check `journal` in cutover.toml, the credentials and AWS_REGION",
        _ if doing == APPEND => {
            "it may pass. Whether the entry was written is not known; `cutover status` shows it once S3 can be reached again"
        }
        _ if source.message.contains("check the network") => "it may pass: try again",
        _ => "it may pass: try again, and check the network if it does not",
    }
}

/// What an append is called: after it alone there is doubt.
pub(super) const APPEND: &str = "append to";

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(code: Option<&str>, effect: Effect) -> JournalError {
        JournalError::S3 {
            doing: APPEND,
            location: "s3://bucket/prefix/shop/production/7/000002.json".to_owned(),
            source: CallError {
                operation: "PutObject",
                code: code.map(str::to_owned),
                message: "it said no".to_owned(),
                effect,
            },
        }
    }

    #[test]
    fn each_trouble_with_s3_says_where_and_what_to_do() {
        for (code, effect, words) in [
            (Some("AccessDenied"), Effect::Refused, "s3:ListBucket"),
            (Some("NoSuchBucket"), Effect::Refused, "make the bucket"),
            (Some("PermanentRedirect"), Effect::Refused, "another region"),
            (Some("ExpiredToken"), Effect::NotNow, "new credentials"),
            (Some("SlowDown"), Effect::NotNow, "may pass"),
            (None, Effect::Unknown, "cutover status"),
        ] {
            let error = s3(code, effect);
            let said = error.to_string();
            assert!(said.contains(words), "{code:?}: {said}");
            assert!(said.contains("7/000002.json") && said.contains("it said no"), "{said}");
            let for_good = effect == Effect::Refused || code == Some("ExpiredToken");
            assert_eq!(error.may_pass(), !for_good, "{code:?}");
        }
    }

    #[test]
    fn what_is_said_already_is_not_said_again() {
        let read = |message: &str, effect| {
            let source = CallError {
                operation: "ListObjectsV2",
                code: None,
                message: message.to_owned(),
                effect,
            };
            let (doing, location) = ("list", "s3://bucket/x".to_owned());
            JournalError::S3 {
                doing,
                location,
                source,
            }
            .to_string()
        };
        let said = read("AWS could not be reached (refused); check the network", Effect::Unknown);
        assert_eq!(said.matches("check the network").count(), 1, "{said}");
        assert!(read("no answer", Effect::Unknown).contains("check the network"));
        let said = read(
            "no region is set; set AWS_REGION, or `region` in cutover.toml",
            Effect::Refused,
        );
        assert_eq!(said.matches("AWS_REGION").count(), 1, "{said}");
        assert!(!said.contains("may pass"), "{said}");
    }

    #[test]
    fn files_may_come_back_and_contents_do_not_change() {
        let full = JournalError::File {
            doing: "write to",
            path: "x".to_owned(),
            source: io::ErrorKind::StorageFull.into(),
        };
        assert!(full.may_pass() && full.to_string().contains("has space"), "{full}");
        for (kind, wanted) in [
            (io::ErrorKind::PermissionDenied, "let the user that runs cutover"),
            (io::ErrorKind::ReadOnlyFilesystem, "can be written to"),
        ] {
            let closed = JournalError::File {
                doing: "write to",
                path: "x".to_owned(),
                source: kind.into(),
            };
            assert!(!closed.may_pass() && closed.is_refused(), "{closed}");
            assert!(closed.to_string().contains(wanted), "{closed}");
        }
        let torn = JournalError::Torn {
            place: "x".to_owned(),
            message: "it is empty".to_owned(),
        };
        assert!(!torn.may_pass());
    }
}
