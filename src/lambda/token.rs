//! Continuation tokens: what the next job of a pipeline has to know. Everything else is in the journal.

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::compose::Whereabouts;
use crate::driver::Watched;
use crate::model::{ReleaseNumber, Timestamp};
use crate::release::Release;

/// A continuation token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// What a newer function has written beside that is passed over: its release may have traffic.
pub(super) struct Token {
    /// Id of the action's first job, by which its release is known.
    pub(super) job: String,
    /// The release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<ReleaseNumber>,
    /// Where that is: by this it is found although the settings have changed since, or cannot be read any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Whereabouts>,
    /// Whether that is taken back on purpose, because its blue is what is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) back: bool,
    /// The watch kept on a driver that may be dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) watched: Option<Watched>,
    /// Since when the action waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) waiting_since: Option<Timestamp>,
    /// Since when nobody has the slot any more and something is in the way all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settling_since: Option<Timestamp>,
    /// Since when something does not answer, and no release can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failing_since: Option<Timestamp>,
}

impl Token {
    /// Of an action that has not begun.
    pub(super) fn first(job: &str) -> Self {
        Self {
            job: job.to_owned(),
            release: None,
            at: None,
            back: false,
            watched: None,
            waiting_since: None,
            settling_since: None,
            failing_since: None,
        }
    }

    /// From now on it leads to a release.
    pub(super) fn lead_to(&mut self, release: &Release, at: &Whereabouts) {
        self.release = Some(release.plan.id.number);
        self.at = Some(at.clone());
    }

    /// From now on it leads to none.
    pub(super) fn let_go(&mut self) {
        (self.release, self.at, self.back) = (None, None, false);
    }

    /// As a job has it.
    pub(super) fn read(job: &str, text: Option<&str>) -> Result<Self, Failure> {
        match text {
            None => Ok(Self::first(job)),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Failure::configuration(format!(
                    "the job's continuation token was not made by this version of cutover ({error}); retry the stage"
                ))
            }),
        }
    }

    /// The release that a text leads to, if it leads to one.
    pub(super) fn release_in(text: &str) -> Option<ReleaseNumber> {
        serde_json::from_str::<Self>(text).ok()?.release
    }

    /// For the next job.
    pub(super) fn text(&self) -> String {
        // Of text, numbers and truth values: nothing of it cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApplicationName, SlotName};

    #[test]
    fn a_token_comes_back_as_it_was_and_is_short() {
        let token = Token {
            release: Some(ReleaseNumber(4_000_000_000)),
            // As long as each may be.
            at: Some(Whereabouts {
                application: ApplicationName::new("a".repeat(100)),
                slot: SlotName::new("s".repeat(63)),
                journal: format!("s3://{}/{}", "b".repeat(63), "p".repeat(256)).parse().unwrap(),
                region: Some("ap-southeast-1".to_owned()),
            }),
            back: true,
            waiting_since: Some(Timestamp::from_millis(1_800_000_000_000)),
            settling_since: Some(Timestamp::from_millis(1_800_000_000_000)),
            failing_since: Some(Timestamp::from_millis(1_800_000_000_000)),
            ..Token::first("11111111-abcd-1111-abcd-111111abcdef")
        };
        let text = token.text();
        assert!(text.len() < 2048, "{text}");
        assert_eq!(Token::read("another", Some(&text)).unwrap(), token);
        let first = Token::read("a-job", None).unwrap();
        assert_eq!(first, Token::first("a-job"));
        assert_eq!(first.text(), r#"{"job":"a-job"}"#);
        // A newer function's token leads to its release all the same.
        let newer = r#"{"job":"a-job","release":7,"of_tomorrow":true}"#;
        assert_eq!(
            Token::read("another", Some(newer)).unwrap().release,
            Some(ReleaseNumber(7))
        );
        assert_eq!(Token::release_in(newer), Some(ReleaseNumber(7)));
        assert!(
            Token::read("a-job", Some("release 7"))
                .unwrap_err()
                .message
                .contains("retry the stage")
        );
    }
}
