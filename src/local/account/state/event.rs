//! The event log.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{EnvironmentId, Timestamp};

/// More events than anybody reads; the oldest are dropped beyond it.
const MOST_EVENTS: usize = 20_000;

/// How bad an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Severity {
    /// Finer than debugging. The account never says it; clients may filter by it.
    Trace,
    /// For debugging. The account never says it; clients may filter by it.
    Debug,
    /// All is well.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
    /// Everything failed. The account never says it; clients may filter by it.
    Fatal,
}

impl Severity {
    /// Reads the text of the wire.
    pub(crate) fn from_wire(text: &str) -> Option<Self> {
        Some(match text {
            "TRACE" => Self::Trace,
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARN" => Self::Warn,
            "ERROR" => Self::Error,
            "FATAL" => Self::Fatal,
            _ => return None,
        })
    }

    /// The text of the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// The application.
    pub(crate) application: String,
    /// The environment's id and name.
    pub(crate) environment: Option<(EnvironmentId, String)>,
    /// The version.
    pub(crate) version: Option<String>,
    /// The template.
    pub(crate) template: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Counts all events, from 1.
    pub(crate) number: u64,
    /// When. No two events have the same time: clients ask for what came after a time and would miss the second.
    pub(crate) date: Timestamp,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it is about.
    pub(crate) source: Source,
    /// The request that caused it; health events have none.
    pub(crate) request_id: Option<String>,
    /// What happened.
    pub(crate) message: String,
}

/// All events, oldest first.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    events: VecDeque<Event>,
    said: u64,
    latest: Option<Timestamp>,
}

impl EventLog {
    /// Adds an event.
    pub(crate) fn say(
        &mut self,
        now: Timestamp,
        severity: Severity,
        source: Source,
        request_id: Option<&str>,
        message: impl Into<String>,
    ) {
        let date = match self.latest {
            Some(latest) if latest >= now => latest + Duration::from_millis(1),
            _ => now,
        };
        self.latest = Some(date);
        self.said += 1;
        self.events.push_back(Event {
            number: self.said,
            date,
            severity,
            source,
            request_id: request_id.map(str::to_owned),
            message: message.into(),
        });
        if self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
    }

    /// Forgets what is older than a moment.
    pub(crate) fn forget(&mut self, before: Timestamp) {
        while self.events.front().is_some_and(|event| event.date < before) {
            self.events.pop_front();
        }
    }

    /// How many there were, forgotten ones too.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// Events that came after so many others, oldest first.
    pub(crate) fn after(&self, said: u64) -> impl Iterator<Item = &Event> {
        let known = self.events.partition_point(|event| event.number <= said);
        self.events.range(known..)
    }

    /// Goes on after these events, the oldest first.
    pub(crate) fn go_on_after(&mut self, events: impl IntoIterator<Item = Event>, said: u64) {
        self.events = events.into_iter().collect();
        self.said = self.events.back().map_or(said, |last| last.number.max(said));
        self.latest = self.events.back().map(|last| last.date);
        while self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
    }

    /// When the oldest event was.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.events.front().map(|event| event.date)
    }

    /// Events, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_events_have_the_same_time() {
        let mut log = EventLog::default();
        let now = Timestamp::from_millis(1000);
        for message in ["first", "second", "third"] {
            log.say(now, Severity::Info, Source::default(), None, message);
        }
        log.say(
            Timestamp::from_millis(1001),
            Severity::Info,
            Source::default(),
            None,
            "fourth",
        );
        let dates: Vec<i64> = log.newest_first().map(|event| event.date.as_millis()).collect();
        assert_eq!(dates, [1003, 1002, 1001, 1000]);
    }

    #[test]
    fn the_log_does_not_grow_for_ever() {
        let mut log = EventLog::default();
        for number in 0..MOST_EVENTS + 5 {
            log.say(
                Timestamp::from_millis(0),
                Severity::Info,
                Source::default(),
                None,
                number.to_string(),
            );
        }
        assert_eq!(log.newest_first().count(), MOST_EVENTS);
        log.forget(Timestamp::from_millis(i64::MAX));
        assert_eq!(log.newest_first().count(), 0);
    }
}
