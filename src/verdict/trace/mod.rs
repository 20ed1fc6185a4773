//! Traces: measurements of a release as JSON lines, judged line by line.
//!
//! The first line is the header, which says what the release looked like; each line after it is a window. Keys that are not known
//! are passed over, and told of once, so that a trace may hold more than is needed; but a key of the header that looks like a slip is a
//! mistake, because nothing else shows that a bound was not taken.

mod keys;
mod told;
mod wire;

use std::fmt;

use serde::Serialize;
use serde_json::Number;

use super::{Arm, Decision, Evidence, Judge, Policy, Verdict, Why, Window};
use wire::{Header, Line};

pub use told::{Told, told};

/// The length of a window when the header does not say it, in seconds.
const WINDOW_S: f64 = 10.0;

/// A line that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the trace: {what}; {advice}")]
pub struct LineError {
    /// Which one, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// The word for what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Go on watching.
    Continue,
    /// Take green back.
    Rollback,
    /// Let green have everything.
    Promote,
}

/// The answer to one window.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The window's own time, as it was written.
    pub t: Number,
    /// What is to be done.
    pub verdict: Word,
    /// Why, in words.
    pub reason: String,
    /// What it rests on.
    #[serde(skip)]
    pub evidence: Option<Evidence>,
}

/// Judges a trace.
///
/// The first `rollback` or `promote` decides the release: nothing would be measured under it afterwards, so that all later windows get the
/// same answer, which says when it was.
#[derive(Debug)]
pub struct Session {
    /// The policy to judge by, if it is not the header's.
    given: Option<Policy>,
    began: Option<Begun>,
    line: u64,
    /// What has been passed over, until it is told.
    note: Option<String>,
    /// Whether a window was looked at for keys that mean nothing. All windows of a trace have the same.
    looked: bool,
}

#[derive(Debug)]
struct Begun {
    judge: Judge,
    header: Header,
    /// The greatest time of a line so far.
    latest: Option<Number>,
    decided: Option<(Word, String, Option<Evidence>)>,
}

impl Session {
    /// A session that judges by the header's policy, or by another.
    #[must_use]
    pub fn new(given: Option<Policy>) -> Self {
        Self {
            given,
            began: None,
            line: 0,
            note: None,
            looked: false,
        }
    }

    /// Takes the next line. The header and empty lines have no answer.
    ///
    /// # Errors
    ///
    /// When the line is no JSON, or lacks what it must have, or holds it as something else.
    pub fn line(&mut self, text: &str) -> Result<Option<Answer>, LineError> {
        self.line += 1;
        let text = if self.line == 1 { unmarked(text) } else { text }.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        let Some(begun) = &mut self.began else {
            self.began = Some(begin(text, line, self.given.as_ref())?);
            self.note = note(line, &keys::of_header(text));
            return Ok(None);
        };
        let read: Line = serde_json::from_str(text).map_err(|error| LineError {
            line,
            what: wire::fault(&error, text),
            advice: "write a window such as {\"t\":310,\"blue\":{\"requests\":4750,\"errors\":5},\"green\":{\"requests\":250,\"errors\":0}}",
        })?;
        if !self.looked {
            self.looked = true;
            self.note = note(line, &keys::of_window(text));
        }
        Ok(Some(begun.answer(read)))
    }

    /// What the last line held that means nothing, once for the header and once for the windows.
    pub fn take_note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// Whether there was a header.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.began.is_some()
    }
}

/// That keys are passed over.
fn note(line: u64, strange: &[keys::Strange]) -> Option<String> {
    let said: Vec<_> = strange.iter().map(keys::Strange::in_words).collect();
    (!said.is_empty()).then(|| {
        format!(
            "line {line} of the trace: passed over, because they mean nothing here: {}",
            said.join(", ")
        )
    })
}

/// A text without the mark with which some programs begin UTF-8.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn begin(text: &str, line: u64, given: Option<&Policy>) -> Result<Begun, LineError> {
    let advice =
        "the first line is a header such as {\"window_s\":10,\"shift_at\":300,\"schedule\":[[300,0.05],[600,0.5]]}";
    let header: Header = serde_json::from_str(text).map_err(|error| LineError {
        line,
        what: wire::fault(&error, text),
        advice,
    })?;
    if header.is_window() {
        return Err(LineError {
            line,
            what: "it is a window, and there was no header before it".to_owned(),
            advice,
        });
    }
    let slip = |strange: &keys::Strange| {
        let meant = strange.meant?;
        Some(format!("`{}` means nothing: did you mean `{meant}`?", strange.key))
    };
    if let Some(what) = keys::of_header(text).iter().find_map(slip) {
        return Err(LineError {
            line,
            what,
            advice: "correct it, or leave it out; `cutover verdict --help` shows a header",
        });
    }
    if let Some(what) = header.fault() {
        return Err(LineError { line, what, advice });
    }
    let policy = given.cloned().unwrap_or_else(|| header.policy());
    Ok(Begun {
        judge: Judge::new(policy),
        header,
        latest: None,
        decided: None,
    })
}

impl Begun {
    fn answer(&mut self, line: Line) -> Answer {
        let t = line.t.clone();
        if let Some((word, reason, evidence)) = &self.decided {
            return Answer {
                t,
                verdict: *word,
                reason: reason.clone(),
                evidence: *evidence,
            };
        }
        let window = self.window(line);
        let verdict = self.judge.window(&window);
        let before = self.latest.as_ref().filter(|latest| window.end_s <= seconds(latest));
        if let Some(latest) = before {
            return Answer {
                t,
                verdict: Word::Continue,
                reason: format!("this window says nothing: it does not end after t={latest} s, the latest time so far"),
                evidence: verdict.evidence,
            };
        }
        self.latest = Some(t.clone());
        let word = match verdict.decision {
            Decision::Healthy => Word::Promote,
            Decision::Unhealthy => Word::Rollback,
            Decision::Insufficient => Word::Continue,
        };
        let reason = verdict.to_string();
        if word != Word::Continue {
            self.decided = Some((word, later(&verdict, word, &t, &reason), verdict.evidence));
        }
        Answer {
            t,
            verdict: word,
            reason,
            evidence: verdict.evidence,
        }
    }

    fn window(&self, line: Line) -> Window {
        let end_s = seconds(&line.t);
        let begin_s = end_s - self.header.window_s.unwrap_or(WINDOW_S);
        Window {
            begin_s,
            end_s,
            step: self.header.step_at(begin_s),
            blue: Arm {
                idle: self.header.is_whole_at(begin_s),
                ..line.blue.arm()
            },
            green: line.green.arm(),
        }
    }
}

fn seconds(t: &Number) -> f64 {
    t.as_f64().unwrap_or(f64::NAN)
}

/// What is said of windows after the decision.
fn later(verdict: &Verdict, word: Word, t: &Number, reason: &str) -> String {
    // Whoever looks for reasons that blame nobody finds them by their first word.
    let slo = if matches!(verdict.why, Why::SloErrors { .. } | Why::SloLatency { .. }) {
        "slo: "
    } else {
        ""
    };
    format!("{slo}{word} was decided at t={t} s: {reason}")
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Continue => "continue",
            Self::Rollback => "rollback",
            Self::Promote => "promote",
        })
    }
}

#[cfg(test)]
mod tests;
