//! One window of both arms, told by a program of the user's own: a line of a trace with a time of day.

use serde::Deserialize;

use super::WINDOW_S;
use super::wire::{self, ArmLine};
use crate::model::{Span, Timestamp};
use crate::verdict::Arm;

/// Windows are no shorter or longer than that, in seconds.
const SHORTEST: f64 = 0.1;
const LONGEST: f64 = 3600.0;

/// No window ends before that: 2001, in seconds since 1970. Smaller numbers are no such seconds.
const EARLIEST: f64 = 1e9;

/// How far in the future the end of a window may lie, in milliseconds: clocks differ a little.
const AHEAD: i64 = 30_000;

#[derive(Deserialize)]
struct Line {
    t: f64,
    window_s: Option<f64>,
    #[serde(default, deserialize_with = "wire::known")]
    blue: ArmLine,
    #[serde(default, deserialize_with = "wire::known")]
    green: ArmLine,
}

/// A window that was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    t: f64,
    window_s: f64,
    /// What blue served.
    pub blue: Arm,
    /// What green served.
    pub green: Arm,
}

/// Reads a window: `{"t":1767225600,"window_s":10,"blue":{…},"green":{…}}`, with `t`, its end, in seconds since 1970. What is told of
/// probes is passed over: those that count are cutover's own.
///
/// # Errors
///
/// What is wrong with it.
pub fn told(text: &str) -> Result<Told, String> {
    let text = super::unmarked(text).trim();
    let line: Line = serde_json::from_str(text).map_err(|error| {
        format!(
            "the answer is not a window such as {{\"t\":1767225600,\"blue\":{{\"requests\":4750,\"errors\":5}},\"green\":{{…}}}}: {}",
            wire::fault(&error, text)
        )
    })?;
    let window_s = line.window_s.unwrap_or(WINDOW_S);
    if !(SHORTEST..=LONGEST).contains(&window_s) {
        return Err(format!("`window_s` is {window_s}, and must be {SHORTEST} to {LONGEST}"));
    }
    if !(EARLIEST..1e11).contains(&line.t) {
        return Err(format!("`t` is {}, which is no time in seconds since 1970", line.t));
    }
    let arm = |line: ArmLine| Arm {
        probes: None,
        ..line.arm()
    };
    Ok(Told {
        t: line.t,
        window_s,
        blue: arm(line.blue),
        green: arm(line.green),
    })
}

impl Told {
    /// When it ended.
    ///
    /// # Errors
    ///
    /// When that has not come yet: then the clocks disagree.
    #[expect(clippy::cast_possible_truncation, reason = "it is checked to be small")]
    pub fn ended_at(&self, now: Timestamp) -> Result<Timestamp, String> {
        let at = (self.t * 1000.0) as i64;
        if at > now.as_millis().saturating_add(AHEAD) {
            return Err(format!(
                "`t` ({}) lies in the future; is its clock right, and this machine's?",
                Timestamp::from_millis(at)
            ));
        }
        Ok(Timestamp::from_millis(at))
    }

    /// How long it was.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is checked to be in range"
    )]
    #[must_use]
    pub fn length(&self) -> Span {
        Span::from_millis((self.window_s * 1000.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_time_of_day_and_a_length() {
        let told = told(
            "{\"t\":1767225600.5,\"window_s\":60,\"blue\":{\"requests\":7,\"probes\":{\"requests\":1}},\"more\":1}\n",
        )
        .unwrap();
        assert_eq!(told.blue.requests, Some(7.0));
        assert_eq!((told.blue.probes, told.green), (None, Arm::default()));
        let told =
            super::told("\u{feff}{\"t\":1767225600.5,\"blue\":null,\"green\":{\"latency_ms\":{\"p50\":80}}}").unwrap();
        assert_eq!(told.length(), Span::from_secs(10));
        let end = Timestamp::from_millis(1_767_225_600_500);
        assert_eq!(told.ended_at(end), Ok(end));
        let early = Timestamp::from_millis(1_767_225_500_000);
        assert!(told.ended_at(early).unwrap_err().contains("future"));
    }

    #[test]
    fn what_cannot_be_a_window_is_said() {
        for (text, part) in [
            ("", "no JSON"),
            ("<html>", "no JSON"),
            ("[]", "not a window"),
            ("{\"blue\":{}}", "missing field `t`"),
            ("{\"t\":310}", "seconds since 1970"),
            ("{\"t\":1767225600,\"window_s\":0}", "window_s"),
            ("{\"t\":1767225600,\"window_s\":1e9}", "window_s"),
        ] {
            let error = told(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
