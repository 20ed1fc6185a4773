//! Rounds of checks and looks that say the same as the one before: they are told once, and counted.

use std::sync::{Mutex, PoisonError};

use crate::model::text::plural;
use crate::release::{Entry, Event, Look};

/// What the last round said.
#[derive(Debug, Default)]
pub(super) struct Rounds(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    text: String,
    /// How often it was said again since.
    again: u64,
    /// When last.
    at: String,
}

impl Rounds {
    /// What is to be told of an entry that says `text`, line by line; nothing of a round that says what the one before has said.
    pub(super) fn told(&self, entry: &Entry, text: Option<String>) -> Vec<String> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let round = matches!(entry.event, Event::SmokeRound { .. } | Event::Looked { .. });
        let good = matches!(&entry.event, Event::SmokeRound { failures } if failures.is_empty())
            || matches!(entry.event, Event::Looked { look: Look::Good, .. });
        if text.is_none() && !good {
            // It is for the journal alone, and comes between rounds.
            return Vec::new();
        }
        if let (true, Some(before), Some(text)) = (round, last.as_mut(), &text)
            && before.text == *text
        {
            before.again += 1;
            before.at = entry.at.time_of_day();
            return Vec::new();
        }
        let counted = last.take().filter(|before| before.again > 0).map(|before| {
            let times = plural(before.again, "more time");
            format!("the same {times} until {}", before.at)
        });
        if let (true, Some(text)) = (round, &text) {
            *last = Some(Last {
                text: text.clone(),
                again: 0,
                at: String::new(),
            });
        }
        counted.into_iter().chain(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProbeResult, Span};
    use crate::release::tests::{first_entry, plan};
    use crate::report::line;

    fn failed(check: &str, failure: &str) -> ProbeResult {
        ProbeResult {
            check: check.to_owned(),
            passed: false,
            status: Some(500),
            latency: Span::default(),
            address: None,
            failure: Some(failure.to_owned()),
            unreached: false,
        }
    }

    #[test]
    fn what_is_said_again_is_counted_and_every_failing_check_is_named() {
        let rounds = Rounds::default();
        let release = crate::release::tests::release(plan());
        let say = |event: Event| {
            let entry = Entry {
                event,
                ..first_entry(plan())
            };
            rounds.told(&entry, line(&entry, &release))
        };
        let round = |failures: &[ProbeResult]| Event::SmokeRound {
            failures: failures.to_vec(),
        };
        let two = [failed("GET /", "status 500"), failed("GET /health", "no answer")];
        assert_eq!(
            say(round(&two)),
            ["GET / failed: status 500; GET /health failed: no answer"]
        );
        for _ in 0..148 {
            assert_eq!(say(round(&two)), Vec::<String>::new());
            assert_eq!(say(Event::Renewed), Vec::<String>::new(), "that is between rounds");
        }
        let said = say(round(&two[..1]));
        assert!(said[0].starts_with("the same 148 more times until "), "{said:?}");
        assert_eq!(said[1..], ["GET / failed: status 500"]);
        assert_eq!(say(round(&two[..1])), Vec::<String>::new());
        let said = say(round(&[]));
        assert!(said[0].starts_with("the same 1 more time until "), "{said:?}");
        assert_eq!(said.len(), 1, "a good round says nothing itself");
        assert_eq!(say(round(&two[..1])), ["GET / failed: status 500"]);
        let looked = |why: &str| Event::Looked {
            look: Look::Unknown { why: why.to_owned() },
            measured: None,
        };
        assert_eq!(say(looked("it is slow")), ["cannot tell how green is: it is slow"]);
        assert_eq!(say(looked("it is slow")), Vec::<String>::new());
        assert_eq!(say(Event::SmokePassed).len(), 2);
        assert_eq!(say(Event::SmokePassed).len(), 1, "only rounds come again");
    }
}
