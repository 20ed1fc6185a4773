//! What the live plane and the keeper of a process say to each other.
//!
//! The keeper is started as `… keep --log FILE --grace-ms N -- COMMAND…`. It is told what to do by lines on its standard input
//! ([`STOP`], [`KILL`]); the end of that input means that the cloud is gone. It tells what happens by one JSON object per
//! line on its standard output ([`KeeperEvent`]), and ends when nothing of its process is left.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Ask the process to end, and force it after the grace.
pub const STOP: &str = "stop";
/// Force the process to end at once.
pub const KILL: &str = "kill";

/// What the keeper tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum KeeperEvent {
    /// The process runs.
    Started {
        /// Its process id, which is also the id of its process group.
        pid: i32,
    },
    /// The process has ended; what it left behind is being removed.
    Exited {
        /// Its exit status, if it ended by itself.
        code: Option<i32>,
        /// The signal that ended it, if one did.
        signal: Option<i32>,
    },
    /// The process could not be started; the text is for a person.
    Failed {
        /// What went wrong.
        message: String,
    },
}

/// What the keeper is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeeperArguments {
    /// File that takes what the process prints.
    pub log: PathBuf,
    /// How long the process may take to end when asked to.
    pub grace: Duration,
    /// Program and arguments of the process.
    pub command: Vec<OsString>,
}

/// Why the keeper's arguments cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep a process: {what}; expected `--log FILE --grace-ms MILLISECONDS -- COMMAND…`")]
pub struct KeeperArgumentsError {
    what: String,
}

impl KeeperArguments {
    /// As words of a command line.
    #[must_use]
    pub fn to_words(&self) -> Vec<OsString> {
        let mut words = vec!["--log".into(), self.log.clone().into_os_string()];
        words.push("--grace-ms".into());
        words.push(self.grace.as_millis().to_string().into());
        words.push("--".into());
        words.extend(self.command.iter().cloned());
        words
    }

    /// Reads the words of a command line.
    ///
    /// # Errors
    /// When an option is missing or unknown, or when there is no command.
    pub fn from_words(words: impl IntoIterator<Item = OsString>) -> Result<Self, KeeperArgumentsError> {
        let wrong = |what: &str| KeeperArgumentsError { what: what.to_owned() };
        let mut words = words.into_iter();
        let (mut log, mut grace) = (None, None);
        loop {
            let word = words.next().ok_or_else(|| wrong("`--` is missing"))?;
            match word.to_str() {
                Some("--") => break,
                Some("--log") => log = words.next().map(PathBuf::from),
                Some("--grace-ms") => {
                    grace = words.next().and_then(|word| word.to_str()?.parse().ok());
                }
                _ => return Err(wrong(&format!("{} is not an option", word.display()))),
            }
        }
        let command: Vec<OsString> = words.collect();
        if command.is_empty() {
            return Err(wrong("there is no command"));
        }
        Ok(Self {
            log: log.ok_or_else(|| wrong("`--log` is missing"))?,
            grace: Duration::from_millis(grace.ok_or_else(|| wrong("`--grace-ms` is missing or no number"))?),
            command,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_the_command_line() {
        let arguments = KeeperArguments {
            log: "/tmp/a log".into(),
            grace: Duration::from_millis(1500),
            command: vec!["/bin/sh".into(), "-c".into(), "echo -- --log".into()],
        };
        assert_eq!(KeeperArguments::from_words(arguments.to_words()).unwrap(), arguments);
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (words, named) in [
            (&["--log", "x"][..], "`--` is missing"),
            (&["--log", "x", "--"], "no command"),
            (&["--log", "x", "--", "true"], "--grace-ms"),
            (&["--logs", "x"], "--logs is not an option"),
        ] {
            let error = KeeperArguments::from_words(words.iter().map(OsString::from)).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn events_are_one_line_of_json() {
        let event = KeeperEvent::Exited {
            code: Some(1),
            signal: None,
        };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(line, r#"{"event":"exited","code":1,"signal":null}"#);
        assert_eq!(serde_json::from_str::<KeeperEvent>(&line).unwrap(), event);
    }
}
